"""The site: README, guide, design, reference, manual and changelog as pages that need no server and load nothing from outside."""
import html as entities
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import markdown
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from . import headers, html, refpages

ROOT = headers.ROOT
LOOK = Path(__file__).resolve().parent / "look"
ONION = ('<svg viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
         '<path d="M16 3c0 5-11 8-11 16a11 10 0 0 0 22 0C27 11 16 8 16 3z"></path><path d="M16 10c0 4-5.500 5-5.500 10a5.500 5.500 0 0 0 11 0c0-5-5.500-6-5.500-10z"></path><path d="M16 29v1.500M12.500 28.500l-1 1.700M19.500 28.500l1 1.700"></path></svg>')
WORDS = {
    "en": {"guide": "Guide", "reference": "Reference", "design": "Design", "changelog": "Changelog", "search": "Search", "none": "Nothing found", "contents": "Pages", "here": "On this page",
           "skip": "To the text", "theme": "Light or dark", "next": "Next", "previous": "Before", "copy": "Copy", "copied": "Copied", "other": "中文", "home": "Shallot"},
    "zh": {"guide": "指南", "reference": "参考", "design": "设计", "changelog": "更新日志", "search": "搜索", "none": "没有找到", "contents": "目录", "here": "本页内容",
           "skip": "跳到正文", "theme": "明暗", "next": "下一页", "previous": "上一页", "copy": "复制", "copied": "已复制", "other": "English", "home": "Shallot"},
}


@dataclass
class Page:
    """One page: where it goes, what it is made of."""
    url: str
    title: str
    body: str
    part: str = ""
    lang: str = "en"
    source: str = ""
    groups: list = field(default_factory=list)  # of the side: (title, [(text, url)])
    around: tuple = (None, None)
    wide: bool = False


def to_url(source):
    """Where a Markdown file of the tree goes."""
    known = {"README.md": "index.html", "README.zh-CN.md": "zh/index.html"}
    if source in known:
        return known[source]
    m = re.match(r"docs/guide/zh/(.*)\.md$", source)
    if m:
        return "zh/guide/" + (m[1] if m[1] != "README" else "index") + ".html"
    m = re.match(r"docs/(.*)\.md$", source)
    path = (m[1] if m else source[:-3].lower())
    return re.sub(r"(^|/)README$", r"\1index", path) + ".html"


def relative(url, page):
    where, _, anchor = url.partition("#")
    return os.path.relpath(where, os.path.dirname(page) or ".") + (f"#{anchor}" if anchor else "") if where else f"#{anchor}"


class Site:
    def __init__(self, out):
        self.out = out
        self.pages = {}
        self.files = {}  # url: path or text, copied as it is
        self.faults = []
        self.headers = headers.all_headers()
        self.names = {}
        for h in self.headers:
            for n in h.names:
                self.names.setdefault(n, f"reference/{h.name}.html#{n}")
        self.markdown = sorted(str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
        self.targets = {s: to_url(s) for s in self.markdown}

    # What stands in a page.

    def code(self, page):
        def make(text, language, linked=True):
            try:
                lexer = get_lexer_by_name({"sh": "bash", "shell": "bash"}.get(language, language or "text"), stripnl=True)
            except ClassNotFound:
                lexer = get_lexer_by_name("text")
            inner = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
            if linked:
                inner = re.sub(r'<span class="n[cfv]?">((?:sl|SL)_\w+)</span>', lambda m: self.name_link(m[1], page, m[0]), inner)
            return f'<div class="code"><pre><code>{inner}</code></pre></div>'
        return make

    def name_link(self, name, page, shown):
        url = self.names.get(name)
        return f'<a class="ref" href="ref:{html.escape(relative(url, page))}">{shown}</a>' if url and url != page else shown  # render() takes "ref:" off

    def linker(self, page):
        def link(word):
            bare = word.removesuffix("()")
            return self.name_link(bare, page, f"<code>{html.escape(word)}</code>")
        link.bare = lambda name: self.name_link(name, page, name)
        link.to = lambda url: relative(url, page)
        return link

    def convert(self, source):
        """HTML of a Markdown file, with anchors, colours and links to what the site has."""
        url, text = self.targets[source], (ROOT / source).read_text()
        text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
        blocks, code = [], self.code(url)

        def keep(m):
            language = m[2].strip().split(" ")[0]
            body = "\n".join(line.removeprefix(m[1]) for line in m[3].split("\n"))
            blocks.append(code(body, language))
            return f"\n{m[1]}\u27e6{len(blocks) - 1}\u27e7\n\n"

        text = re.sub(r"^([ \t]*)```([^\n`]*)\n(.*?)^[ \t]*```[ \t]*\n", keep, text + "\n", flags=re.M | re.S)
        text = re.sub(r"^((?:[ \t]*)(?![-*+\d|>#]).*\S)\n([-*+] |\d+\. )", r"\1\n\n\2", text, flags=re.M)  # lists need no empty line before them, as on GitHub
        body = markdown.markdown(text, extensions=["tables", "sane_lists"], tab_length=2)
        body = re.sub(r"<p>\u27e6(\d+)\u27e7</p>|\u27e6(\d+)\u27e7", lambda m: blocks[int(m[1] or m[2])], body)
        body = re.sub(r"<(https?://[^>]+)>", r'<a href="\1">\1</a>', body)
        body = self.anchors(body)
        body = re.sub(r"<table>.*?</table>", lambda m: f'<div class="table">{m[0]}</div>', body, flags=re.S)
        body = re.sub(r"(<a\b[^>]*>.*?</a>|<pre.*?</pre>)|<code>((?:sl|SL)_\w+)(\(\))?</code>",
                      lambda m: m[0] if m[1] else self.name_link(m[2], url, m[0]), body, flags=re.S)
        return html.rewrite(body, lambda tag, target: self.target(source, tag, target))

    def anchors(self, body):
        seen = {}

        def mark(m):
            name = html.slug(m[2])
            number = seen.setdefault(name, 0)
            seen[name] += 1
            name = f"{name}-{number}" if number else name
            at = f'<a class="at" href="#{name}" aria-label="#">#</a>' if m[1] != "1" else ""
            return f'<h{m[1]} id="{name}">{m[2]}{at}</h{m[1]}>'
        return re.sub(r"<h([1-6])>(.*?)</h\1>", mark, body, flags=re.S)

    def target(self, source, tag, target):
        """What a link of a Markdown file becomes."""
        if re.match(r"[a-z]+:|//|#", target):
            return target
        page = self.targets[source]
        path, _, anchor = target.partition("#")
        inside = os.path.normpath(os.path.join(os.path.dirname(source), path))
        anchor = f"#{anchor}" if anchor else ""
        if inside in self.targets:
            return relative(self.targets[inside] + anchor, page)
        full = ROOT / inside
        if inside.rstrip("/") == "include/shallot":
            return relative("reference/index.html", page)
        if inside.startswith("include/shallot/") and full.is_file():
            return relative(f"reference/{full.stem}.html", page)
        if inside in ("docs/man/shallot.1", "docs/man/shallot.7"):
            return relative(f"reference/{full.name}.html", page)
        if full.is_dir() and f"{inside}/README.md" in self.targets:
            return relative(self.targets[f"{inside}/README.md"] + anchor, page)
        if full.is_dir():
            return relative(self.folder(inside), page)
        if full.is_file():
            return relative(self.file(inside, tag == "img"), page)
        self.faults.append(f"{source}: {target} leads nowhere")
        return target

    def folder(self, inside):
        url = f"source/{inside}/index.html"
        if url not in self.pages:
            page = self.pages[url] = Page(url, inside, "", wide=True)
            listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", inside], capture_output=True, text=True, check=False).stdout.split("\0")
            listed = [name for name in listed if name] or [str(p.relative_to(ROOT)) for p in sorted((ROOT / inside).rglob("*")) if p.is_file()]
            rows = "".join(f'<li><a href="{html.escape(relative(self.file(n, False), url))}">{html.escape(os.path.relpath(n, inside))}</a></li>' for n in listed if self.is_text(n))
            page.body = f"<h1>{html.escape(inside)}/</h1><ul class=\"index\">{rows}</ul>"
        return url

    def is_text(self, inside):
        try:
            return "\0" not in (ROOT / inside).read_text()
        except (UnicodeDecodeError, OSError):
            return False

    def file(self, inside, as_it_is):
        """A file of the tree that is linked: pictures are copied, sources become pages with colours."""
        if inside in self.targets:
            return self.targets[inside]
        if as_it_is or not self.is_text(inside) or inside.endswith((".svg", ".png")):
            self.files[f"assets/{Path(inside).name}"] = ROOT / inside
            return f"assets/{Path(inside).name}"
        url = f"source/{inside}.html"
        if url not in self.pages:
            kind = {".c": "c", ".h": "c", ".py": "python", ".service": "ini", ".json": "json", ".html": "html", ".css": "css", ".js": "javascript"}.get(Path(inside).suffix, "text")
            self.pages[url] = Page(url, inside, f"<h1>{html.escape(inside)}</h1>" + self.code(url)((ROOT / inside).read_text(), kind), wide=True)
        return url

    # Which pages there are.

    def groups(self, index):
        """What stands at the side: the links of an index page, under its headings."""
        if index not in self.targets:
            return []
        groups = [["", [(None, self.targets[index])]]]
        for line in (ROOT / index).read_text().split("\n"):
            heading = re.match(r"## (.*)", line)
            if heading:
                groups.append([heading[1], []])
            for _, path in re.findall(r"(?<!!)\[([^\]]*)\]\(([^)#]+\.md)\)", line):
                inside = os.path.normpath(os.path.join(os.path.dirname(index), path))
                if inside in self.targets and inside.startswith(os.path.dirname(index) + "/") and not any(self.targets[inside] == u for _, g in groups for _, u in g):
                    groups[-1][1].append((None, self.targets[inside]))
        listed = {u for _, g in groups for _, u in g}
        rest = [u for s, u in self.targets.items() if s.startswith(os.path.dirname(index) + "/") and u not in listed and "/zh/" not in s[len(os.path.dirname(index)):]]
        if rest:
            groups.append(["", [(None, u) for u in rest]])
        return [g for g in groups if g[1]]

    def add_markdown(self):
        for source in self.markdown:
            url = self.targets[source]
            body = self.convert(source)
            heading = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.S)
            title = html.plain(heading[1]) if heading else Path(source).stem
            part = next((p for p in ("guide", "design") if f"/{p}/" in "/" + url), "changelog" if url == "changelog.html" else "")
            self.pages[url] = Page(url, title, body, part, "zh" if url.startswith("zh/") else "en", source)
        for index in ("docs/guide/README.md", "docs/design/README.md", "docs/guide/zh/README.md"):
            groups = [[t, [(self.pages[u].title, u) for _, u in g]] for t, g in self.groups(index)]
            order = [u for _, g in groups for _, u in g]
            for i, u in enumerate(order):
                self.pages[u].groups = groups
                self.pages[u].around = (order[i - 1] if i else None, order[i + 1] if i + 1 < len(order) else None)

    def add_reference(self):
        side = [["", [("Every name", "reference/index.html")]], ["Manual", [("shallot(1)", "reference/shallot.1.html"), ("shallot(7)", "reference/shallot.7.html")]],
                ["Headers", [(f"{h.name}.h", f"reference/{h.name}.html") for h in self.headers]]]
        url = "reference/index.html"
        self.pages[url] = Page(url, "Reference", refpages.index(self.headers, self.linker(url)), "reference", groups=side)
        for h in self.headers:
            url = f"reference/{h.name}.html"
            self.pages[url] = Page(url, f"{h.name}.h", refpages.page(h, self.linker(url), self.code(url)), "reference", groups=side)
        for name in ("shallot.1", "shallot.7"):
            done = subprocess.run(["mandoc", "-Thtml", "-Ofragment", ROOT / "docs/man" / name], capture_output=True, text=True, check=False)
            if done.returncode > 2 or not done.stdout:
                self.faults.append(f"docs/man/{name}: mandoc: {done.stderr.strip()}")
            body = re.sub(r'<table class="(head|foot)">.*?</table>', "", done.stdout, flags=re.S)
            body = re.sub(r"<h([12])(?=[ >])", lambda m: f"<h{int(m[1]) + 1}", re.sub(r"</h([12])>", lambda m: f"</h{int(m[1]) + 1}>", body))
            url, shown = f"reference/{name}.html", name.replace(".", "(") + ")"
            self.pages[url] = Page(url, shown, f"<h1>{shown}</h1>{self.manual_links(body, url)}", "reference", groups=side)

    def manual_links(self, body, page):
        body = re.sub(r"<b>shallot</b>\((1|7)\)", lambda m: f'<a href="shallot.{m[1]}.html">{m[0]}</a>', body)
        body = re.sub(r"<b>shallot_(\w+)</b>\(3\)", lambda m: f'<a href="{m[1]}.html">{m[0]}</a>', body)
        return re.sub(r"<b>(sl_\w+)</b>\(3\)", lambda m: self.name_link(m[1], page, m[0]), body)

    # How it looks.

    def side(self, page):
        words = WORDS[page.lang]
        parts = []
        for title, links in page.groups:
            if title:
                parts.append(f"<h2>{html.escape(title)}</h2>")
            rows = "".join(f'<li><a href="{relative(u, page.url)}"{" aria-current=page" if u == page.url else ""}>{html.escape(t)}</a></li>' for t, u in links)
            parts.append(f"<ul>{rows}</ul>")
        rows = "".join(parts).replace("aria-current=page", 'aria-current="page"')
        return f'<nav class="side" aria-label="{words["contents"]}"><details open><summary>{words["contents"]}</summary><div class="inner">{rows}</div></details><script>if(matchMedia("(max-width:54rem)").matches)document.currentScript.previousElementSibling.open=false</script></nav>'

    def contents(self, page):
        found = re.findall(r'<h([23])(?: class="S[hs]")? id="([^"]+)">(.*?)</h\1>', page.body, re.S)
        if page.part == "reference" and not found[2:] and 'class="entry"' in page.body:
            found = [("2", m[1], f"<code>{m[1]}</code>") for m in re.finditer(r'<section class="entry" id="([^"]+)"', page.body)]
            rows = [(n, i, i) for n, i, _ in found]
        else:
            rows = [(n, i, html.escape(html.plain(re.sub(r'<a class="at".*?</a>', "", t)))) for n, i, t in found]
        if len(rows) < 2:
            return '<div class="toc"></div>'
        listed = "".join(f'<li class="h{n}"><a href="#{i}">{t}</a></li>' for n, i, t in rows)
        return f'<nav class="toc" aria-label="{WORDS[page.lang]["here"]}"><div class="inner"><h2>{WORDS[page.lang]["here"]}</h2><ul>{listed}</ul></div></nav>'

    def other_language(self, page):
        """The same page in the other language, or that language's beginning; None if there is none."""
        twin = page.url[3:] if page.lang == "zh" else "zh/" + page.url
        if twin in self.pages:
            return twin
        if page.lang == "zh":
            return "index.html"
        return next((u for u in ("zh/guide/index.html" if page.part == "guide" else "zh/index.html", "zh/index.html") if u in self.pages), None)

    def render(self, page):
        words = WORDS[page.lang]
        home = "zh/index.html" if page.lang == "zh" and "zh/index.html" in self.pages else "index.html"
        base = relative("x", page.url)[:-1]
        nav = []
        for part, url in (("guide", "guide/index.html"), ("reference", "reference/index.html"), ("design", "design/index.html"), ("changelog", "changelog.html")):
            url = f"zh/{url}" if page.lang == "zh" and f"zh/{url}" in self.pages else url
            if url in self.pages:
                nav.append(f'<a href="{relative(url, page.url)}"{" aria-current=" + chr(34) + "true" + chr(34) if page.part == part else ""}>{words[part]}</a>')
        other = self.other_language(page)
        lang = f'<a class="lang" href="{relative(other, page.url)}" hreflang="{"en" if page.lang == "zh" else "zh-CN"}" lang="{"en" if page.lang == "zh" else "zh-CN"}">{words["other"]}</a>' if other else ""
        around = "".join(f'<a class="{which}" href="{relative(u, page.url)}"><small>{words[which]}</small>{html.escape(self.pages[u].title)}</a>'
                         for which, u in zip(("previous", "next"), page.around) if u)
        pager = f'<nav class="pager" aria-label="{words["next"]}">{around}</nav>' if around else ""
        side = self.side(page) if page.groups else ""
        title = f"{page.title} · Shallot" if page.url not in ("index.html", "zh/index.html") else "Shallot"
        css = "manual" if re.search(r"reference/shallot\.\d", page.url) else "text"
        return f"""<!DOCTYPE html>
<html lang="{'zh-CN' if page.lang == 'zh' else 'en'}" data-base="{base}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<link rel="icon" href="{base}assets/onion.svg">
<link rel="stylesheet" href="{base}assets/site.css">
<script>try{{const t=localStorage.getItem("theme");if(t)document.documentElement.dataset.theme=t}}catch(e){{}}</script>
</head>
<body>
<a class="skip" href="#text">{words["skip"]}</a>
<header class="bar">
<a class="brand" href="{relative(home, page.url)}">{ONION}{words["home"]}</a>
<nav aria-label="{words["home"]}">{"".join(nav)}</nav>
<div class="right">
<div class="search" role="search" hidden><input id="q" type="search" role="combobox" aria-label="{words["search"]}" placeholder="{words["search"]}" autocomplete="off" aria-controls="found" aria-expanded="false"><kbd>/</kbd>
<ul id="found" class="found" role="listbox" aria-label="{words["search"]}" data-none="{words["none"]}" data-copy="{words["copy"]}" data-copied="{words["copied"]}" hidden></ul></div>
<button id="theme" type="button" aria-label="{words["theme"]}" title="{words["theme"]}" hidden>◐</button>
{lang}
</div>
</header>
<div class="{'page' if page.groups else 'page solo'}">
{side}
<main id="text" class="{css}" tabindex="-1">
{page.body.replace('href="ref:', 'href="')}
{pager}
</main>
{self.contents(page)}
</div>
<script src="{base}assets/site.js"></script>
</body>
</html>
"""

    def search_index(self):
        entries = []
        for page in self.pages.values():
            if page.url.startswith("source/"):
                continue
            if 'class="entry"' in page.body:
                for m in re.finditer(r'<section class="entry" id="([^"]+)">(.*?)</section>', page.body, re.S):
                    marks = [m[1], *re.findall(r'<span id="([^"]+)">', m[2])]
                    text = html.plain(m[2])[:400]
                    entries += [{"t": page.title, "h": n, "u": f"{page.url}#{n}", "x": text, "l": "en"} for n in marks]
                continue
            pieces = re.split(r'(<h[123](?: class="S[hs]")? id="[^"]+">.*?</h[123]>)', page.body, flags=re.S)
            heading, anchor = page.title, ""
            for piece in pieces:
                m = re.match(r'<h([123])(?: class="S[hs]")? id="([^"]+)">(.*?)</h\1>', piece, re.S)
                if m:
                    heading = html.plain(re.sub(r'<a class="at".*?</a>', "", m[3]))
                    anchor = f"#{m[2]}" if m[1] != "1" else ""
                elif piece.strip():
                    entries.append({"t": page.title, "h": heading, "u": page.url + anchor, "x": html.plain(piece)[:1500], "l": "zh-CN" if page.lang == "zh" else "en"})
        return "window.SHALLOT_SEARCH = " + json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/") + ";\n"

    def write(self):
        self.add_reference()
        self.add_markdown()
        if self.out.exists():
            shutil.rmtree(self.out)
        for url, page in list(self.pages.items()):
            self.put(url, self.render(page))
        self.put("assets/site.css", (LOOK / "site.css").read_text())
        self.put("assets/site.js", (LOOK / "site.js").read_text())
        self.put("assets/onion.svg", ONION.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace("currentColor", "#a8508f"))
        self.put("assets/search-index.js", self.search_index())
        for url, path in self.files.items():
            (self.out / url).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.out / url)

    def put(self, url, text):
        path = self.out / url
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def check(out):
    """Faults of what was written: HTML that is not well-formed, links that lead nowhere, what comes from outside."""
    faults, seen = [], {}
    for path in sorted(out.rglob("*.html")):
        seen[str(path.relative_to(out))] = html.inspect(path.read_text())
    for url, page in seen.items():
        faults += [f"{url}: {f}" for f in page.faults]
        for tag, name, link in page.links:
            if re.match(r"(https?:)?//", link):
                if (tag, name) in html.LOADS:
                    faults.append(f"{url}: <{tag}> loads {link} from outside")
                continue
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = entities.unescape(link).partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(url), path)) if path else url
            if not (out / there).is_file():
                faults.append(f"{url}: {link} leads nowhere")
            elif anchor and there in seen and anchor not in seen[there].ids:
                faults.append(f"{url}: {link}: {there} has no {anchor}")
    for path in out.rglob("*.css"):
        faults += [f"{path.name}: loads {m} from outside" for m in re.findall(r"url\(\s*['\"]?(https?:[^)]*)|@import", path.read_text())]
    return faults
