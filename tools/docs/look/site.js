"use strict";
/* Search over an index that is loaded when it is first wanted, the choice of light or dark, and copying. Pages are whole without it. */
(() => {
    const root = document.documentElement, base = root.dataset.base;
    const input = document.getElementById("q"), list = document.getElementById("found");
    let loading = false, at = -1;

    const theme = document.getElementById("theme");
    const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    theme.hidden = false;
    theme.addEventListener("click", () => {
        root.dataset.theme = dark() ? "light" : "dark";
        try { localStorage.setItem("theme", root.dataset.theme); } catch (e) { /* then for this page only */ }
    });

    const load = () => {
        if (loading) return;
        loading = true;
        const script = document.createElement("script");
        script.src = base + "assets/search-index.js";
        script.onload = show;
        document.head.append(script);
    };
    const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
    const points = (entry, words) => {
        const name = entry.h.toLowerCase(), title = entry.t.toLowerCase(), text = entry.x.toLowerCase();
        let sum = entry.l === root.lang ? 1 : 0;
        for (const w of words) {
            const n = name === w || name === w + "()" ? 100 : name.startsWith(w) ? 40 : name.includes(w) ? 25 : title.includes(w) ? 10 : text.includes(w) ? 3 : 0;
            if (!n) return 0;
            sum += n;
        }
        return sum;
    };
    const excerpt = (text, words) => {
        const low = text.toLowerCase(), from = Math.max(0, Math.min(...words.map((w) => low.indexOf(w)).filter((i) => i >= 0), text.length) - 40);
        let part = escape((from ? "…" : "") + text.slice(from, from + 160));
        for (const w of words) part = part.replace(new RegExp(escape(w).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi"), "<mark>$&</mark>");
        return part;
    };
    function show() {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        at = -1;
        list.hidden = !words.length || !window.SHALLOT_SEARCH;
        input.setAttribute("aria-expanded", String(!list.hidden));
        if (list.hidden) return;
        const best = window.SHALLOT_SEARCH.map((e) => [points(e, words), e]).filter((p) => p[0] > (p[1].l === root.lang ? 1 : 0)).sort((a, b) => b[0] - a[0]).slice(0, 12);
        list.innerHTML = best.map(([, e], i) => `<li role="presentation"><a role="option" id="f${i}" tabindex="-1" href="${base}${e.u}"><b>${escape(e.h)}</b> <small>${escape(e.t)} · ${excerpt(e.x, words)}</small></a></li>`).join("")
            || `<li class="none">${escape(list.dataset.none)}</li>`;
    }
    const choose = (to) => {
        const links = [...list.querySelectorAll("a")];
        if (!links.length) return;
        at = (to + links.length) % links.length;
        links.forEach((a, i) => a.setAttribute("aria-selected", String(i === at)));
        links[at].scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", links[at].id);
    };
    input.closest(".search").hidden = false;
    input.addEventListener("focus", load);
    input.addEventListener("input", show);
    input.addEventListener("keydown", (e) => {
        if (e.key === "ArrowDown") { e.preventDefault(); choose(at + 1); }
        else if (e.key === "ArrowUp") { e.preventDefault(); choose(at < 0 ? -1 : at - 1); }
        else if (e.key === "Enter") { const a = list.querySelectorAll("a")[Math.max(at, 0)]; if (a) location.href = a.href; }
        else if (e.key === "Escape") { input.value = ""; show(); input.blur(); }
    });
    document.addEventListener("keydown", (e) => {
        const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName);
        if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); input.focus(); }
    });
    document.addEventListener("click", (e) => { if (!e.target.closest(".search")) { list.hidden = true; } });
    window.addEventListener("pageshow", () => { input.value = ""; list.hidden = true; });

    for (const pre of document.querySelectorAll("div.code > pre")) {
        const b = document.createElement("button");
        b.type = "button";
        b.textContent = list.dataset.copy;
        b.addEventListener("click", async () => {
            const prompts = pre.querySelectorAll(".gp").length, lines = pre.innerText.split("\n");
            const text = prompts ? lines.filter((l) => l.startsWith("$ ")).map((l) => l.slice(2)).join("\n") : pre.innerText;
            try { await navigator.clipboard.writeText(text); b.textContent = list.dataset.copied; } catch (e) { b.textContent = "–"; }
            setTimeout(() => { b.textContent = list.dataset.copy; }, 1500);
        });
        pre.after(b);
    }
})();
