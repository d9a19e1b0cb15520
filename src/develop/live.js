/*
 * Live reload and the overlay. Part of every page while a program is developed: it listens to
 * /_shallot/live (see live.h for the language), loads the page anew, once, when other code serves
 * than the code the page came from, and shows over the page what is wrong while a build is broken.
 *
 * Only a page that is seen holds a connection, for a browser has six of them for a server; it tells
 * the hidden ones. Everything that is shown lives in a shadow tree with a style sheet of its own,
 * so that neither the page's styles nor a Content-Security-Policy of 'self' reach it.
 */
(() => {
    'use strict';

    const BASE = '/_shallot/';
    const SOON = 50, LATE = 2000; // milliseconds between two attempts to connect
    const QUIET = 1500;           // so long without a connection says nothing
    const MARK = Symbol.for('shallot.live');
    const own = document.currentScript;

    if (document[MARK])
        return;
    document[MARK] = true;

    /* ---- what the page remembers across a reload ---- */

    const memory = {
        get(key) {
            try {
                return JSON.parse(sessionStorage.getItem('shallot.' + key));
            } catch {
                return null; // storage is denied, or not ours
            }
        },
        set(key, value) {
            try {
                sessionStorage.setItem('shallot.' + key, JSON.stringify(value));
            } catch {
                /* then the browser's own memory has to do */
            }
        },
    };

    /* ---- the page itself ---- */

    const here = location.pathname + location.search;
    const repeats = own?.dataset.method && own.dataset.method !== 'GET'; // a reload would send it again
    const standing = document.querySelector('[data-shallot=build]');     // the page is what is wrong
    let from = own?.dataset.from || null;
    let leaving = false;

    /* Within one life of a server generations only grow: one that is smaller is about to leave. */
    function isOther(theirs) {
        const [life, generation] = theirs.split('.'), [ownLife, ownGeneration] = from.split('.');

        return life !== ownLife || Number(generation) > Number(ownGeneration);
    }

    function loadAnew(theirs) {
        const last = memory.get('loaded');

        if (leaving || (last && last.to === theirs && last.at === here && last.from === from))
            return; // it was, and came from somebody's cache: once is enough
        if (repeats) {
            note('New code serves. This page was the answer to a form: send it again by hand.');
            return;
        }
        leaving = true;
        memory.set('loaded', {to: theirs, at: here, from});
        memory.set('scroll', {at: here, x: scrollX, y: scrollY});
        location.reload();
    }

    /* Browsers restore the position themselves, but not when the page grows while it is loading. */
    function restoreScroll() {
        const last = memory.get('scroll');
        let touched = false;
        const touch = () => (touched = true);

        memory.set('scroll', null);
        if (!last || last.at !== here || history.scrollRestoration === 'manual')
            return;
        for (const kind of ['wheel', 'touchstart', 'keydown', 'pointerdown'])
            addEventListener(kind, touch, {once: true, passive: true, capture: true});
        const restore = () => touched || scrollTo({left: last.x, top: last.y, behavior: 'instant'});

        if (document.readyState === 'complete')
            restore();
        else
            addEventListener('load', restore, {once: true});
    }

    /* ---- what is shown over the page ---- */

    let host = null, tree = null, folded = false, shown = null, noted = '';

    function element(name, properties = {}, ...children) {
        const e = Object.assign(document.createElement(name), properties);

        e.append(...children);
        return e;
    }

    async function stage() {
        if (host)
            return tree;
        host = document.createElement('shallot-overlay');
        tree = host.attachShadow({mode: 'open'});
        const styles = new CSSStyleSheet();

        tree.adoptedStyleSheets = [styles];
        document.documentElement.append(host);
        raise();
        styles.replaceSync(await (await fetch(BASE + 'page.css')).text());
        return tree;
    }

    /* Above everything, the page's own dialogs too. */
    function raise() {
        if (!host.showPopover)
            return;
        host.popover = 'manual';
        if (host.matches(':popover-open'))
            host.hidePopover();
        host.showPopover();
    }

    function strike() {
        host?.remove();
        host = tree = shown = null;
    }

    async function fragment() {
        const answer = await fetch(BASE + 'build', {headers: {Accept: 'text/html'}, cache: 'no-store'});

        return answer.status === 200 ? answer.text() : null;
    }

    function fold(yes) {
        folded = yes;
        draw();
    }

    function pill(text, action) {
        const e = element(action ? 'button' : 'p', {className: 'pill', textContent: text});

        if (action)
            e.onclick = action;
        else
            e.setAttribute('role', 'status');
        return e;
    }

    function sheet(html) {
        const body = element('div', {className: 'sheet-body', innerHTML: html});
        const close = element('button', {className: 'fold', title: 'Fold (Escape)', textContent: 'Fold', onclick: () => fold(true)});
        const frame = element('div', {className: 'sheet', tabIndex: -1}, close, body);

        frame.setAttribute('role', 'dialog');
        frame.setAttribute('aria-label', 'What is wrong with the new code');
        return frame;
    }

    /* Draws what is so now: the note, and what is wrong with the build, in full or folded. */
    async function draw() {
        const problem = shown;

        if (!problem && !noted) {
            strike();
            return;
        }
        const root = await stage();

        if (problem !== shown || host === null)
            return draw();
        const parts = [];

        if (problem && !folded)
            parts.push(sheet(problem.html));
        if (problem && folded)
            parts.push(pill(problem.title + ' \u2013 show', () => fold(false)));
        if (noted)
            parts.push(pill(noted));
        host.toggleAttribute('data-open', Boolean(problem && !folded));
        root.replaceChildren(...parts);
        raise();
        if (problem && !folded && (document.activeElement === document.body || document.activeElement === null))
            root.querySelector('.sheet').focus({preventScroll: true});
    }

    function note(text) {
        if (noted !== text) {
            noted = text;
            draw();
        }
    }

    addEventListener('keydown', (e) => {
        if (e.key === 'Escape' && shown && !folded) {
            e.preventDefault();
            e.stopImmediatePropagation();
            fold(true);
        }
    }, true);

    /* ---- what the server says ---- */

    const titles = {failed: 'The build failed', kept: 'The new code did not start', crashed: 'The program does not start'};
    let wanted = null; // the build whose words are on their way

    async function problemIs(build) {
        wanted = build.number;
        const html = await fragment().catch(() => null);

        if (wanted !== build.number || html === null)
            return; // something newer is the matter
        if (standing) {
            if (standing.dataset.number !== String(build.number)) {
                standing.innerHTML = html;
                standing.dataset.number = build.number;
                wire(standing);
            }
            return;
        }
        shown = {html, title: titles[build.state]};
        await draw();
        if (tree)
            wire(tree);
    }

    function onBuild(build) {
        if (build.state in titles) {
            problemIs(build);
        } else if (build.state === 'good') {
            wanted = null;
            folded = false;
            shown = null;
            draw();
        }
        (standing || host)?.toggleAttribute('data-building', build.state === 'building');
    }

    function onHello(hello) {
        from = from || hello.from;
        if (!hello.stands_in && isOther(hello.from))
            loadAnew(hello.from);
        else if (hello.stands_in && standing && isOther(hello.from))
            from = hello.from; // the next one that stands in: its build says the rest
    }

    /* ---- the connection ---- */

    let source = null, retry = 0, wait = SOON, silent = 0, others = null;

    function disconnect() {
        source?.close();
        source = null;
        clearTimeout(retry);
        clearTimeout(silent);
        silent = 0;
    }

    function lost() {
        source?.close();
        source = null;
        if (!silent)
            silent = setTimeout(() => note('The server does not answer. Waiting for it.'), QUIET);
        clearTimeout(retry);
        retry = setTimeout(connect, wait);
        wait = Math.min(wait * 2, LATE);
    }

    function connect() {
        if (leaving || source || document.visibilityState === 'hidden')
            return;
        source = new EventSource(BASE + 'live');
        source.addEventListener('hello', (e) => {
            const hello = JSON.parse(e.data);

            clearTimeout(silent);
            silent = 0;
            wait = SOON;
            note('');
            others?.postMessage(hello);
            onHello(hello);
        });
        source.addEventListener('build', (e) => onBuild(JSON.parse(e.data)));
        source.onerror = lost;
    }

    function listen() {
        if (!others && window.BroadcastChannel) {
            others = new BroadcastChannel('shallot.live');
            others.onmessage = (e) => document.visibilityState === 'hidden' && onHello(e.data);
        }
        wait = SOON;
        connect();
    }

    document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'hidden')
            disconnect();
        else
            listen();
    });
    addEventListener('pagehide', () => {
        disconnect();
        others?.close();
        others = null;
    });
    addEventListener('pageshow', listen);

    /* ---- buttons of our own pages ---- */

    async function copy(button) {
        const text = button.getRootNode().getElementById(button.dataset.copy).textContent;
        const before = button.textContent;

        try {
            await navigator.clipboard.writeText(text);
            button.textContent = 'Copied';
        } catch {
            // not at localhost, nor over TLS: then by the selection
            getSelection().selectAllChildren(button.getRootNode().getElementById(button.dataset.copy));
            button.textContent = document.execCommand('copy') ? 'Copied' : 'Press Ctrl-C';
        }
        setTimeout(() => (button.textContent = before), 1500);
    }

    function wire(root) {
        for (const button of root.querySelectorAll('[data-copy]')) {
            button.hidden = false;
            button.onclick = () => copy(button);
        }
    }

    if (own?.dataset.page)
        wire(document);
    restoreScroll();
    listen();
})();
