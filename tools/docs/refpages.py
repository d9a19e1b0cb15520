"""The reference of the site: a page for each header, out of the same docstrings as section 3 of the manual."""
import re

from . import words
from .headers import squeeze
from .html import escape
from .manual import library, prototype


NAME = r"\b(?:sl|SL)_\w+(?:\(\))?"
CALL = r"\b(?:sl|SL)_\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))+\)"  # with arguments, which may be calls again


def inline(text, link):
    out = []
    for part in re.split(rf"(@[pc] [\w.*]+\w|`[^`]+`|{CALL}|{NAME})", squeeze(text)):
        if part.startswith("@"):
            out.append(f"<code>{escape(part[3:])}</code>" if part[1] == "c" else f"<em>{escape(part[3:])}</em>")
        elif part.startswith("`") and len(part) > 1:
            out.append(f"<code>{escape(part[1:-1])}</code>")
        elif re.fullmatch(CALL, part):
            inner = re.split(r"\b((?:sl|SL)_\w+)", part)
            out.append("<code>" + "".join(link.bare(w) if i % 2 else escape(w) for i, w in enumerate(inner)) + "</code>")
        elif re.match(r"(sl|SL)_", part):
            out.append(link(part))
        else:
            out.append(escape(part))
    return "".join(out)


def blocks(given, link, code):
    out = []
    for kind, content in given:
        if kind == "code":
            out.append(code(content, "c"))
        elif kind == "list":
            out.append("<ul>" + "".join(f"<li>{inline(i, link)}</li>" for i in content) + "</ul>")
        else:
            out.append(f"<p>{inline(content, link)}</p>")
    return "\n".join(out)


def entry(e, link, code, anchors):
    doc = words.parse(e.doc)
    first = next((i.name for i in e.items if i.name), "")
    ids = []
    for item in e.items:
        if item.name and item.name not in anchors:
            anchors.add(item.name)
            ids.append(item.name)
    marks = "".join(f'<span id="{i}"></span>' for i in ids if i != first)
    shown = [prototype(i, e) if i.kind not in ("struct", "enum", "union") else f"{i.kind} {i.name}".strip() for i in e.items]
    own = f' id="{first}"' if first in ids else ""
    lines = [re.search(r"<code>(.*)</code>", code(line, "c", linked=False), re.S)[1] for line in shown]
    out = [f'<section class="entry"{own}>{marks}<div class="code"><pre><code>' + "\n".join(f"<span>{line}</span>" for line in lines) + "</code></pre></div>"]
    if any(i.suspends for i in e.items):
        out.append(f'<a class="waits" href="{link.to("guide/waiting.html")}">may wait: suspends the fiber</a>')
    out.append(blocks(doc.blocks, link, code))
    rows = [f"<dt>{escape(name)}</dt><dd>{inline(text, link)}</dd>" for name, text in doc.params]
    if doc.returns:
        rows.append(f'<dt class="word">returns</dt><dd>{blocks(doc.returns, link, code)}</dd>')
    for item in e.items:
        rows += [f"<dt>{escape(m.text)}</dt><dd>{inline(m.doc, link)}</dd>" for m in item.members]
    if rows:
        out.append("<dl>" + "\n".join(rows) + "</dl>")
    return "\n".join([*out, "</section>"])


def page(header, link, code):
    anchors = set()
    types = [e for e in header.entries if all(i.kind not in ("function", "macro") for i in e.items)]
    rest = [e for e in header.entries if e not in types]
    out = [f'<h1>shallot/{header.name}.h</h1>', blocks(words.parse(header.intro).blocks, link, code),
           code(f"#include <shallot/{header.name}.h>   /* or <shallot.h> */\ncc app.c $(pkg-config --cflags --libs {library(header)})", "c", linked=False)]
    for title, mark, entries in (("Functions and macros", "functions", rest), ("Types", "types", types)):
        if entries:
            out.append(f'<h2 id="{mark}-of-this-header">{title}</h2>')
        for e in entries:
            if e.section and not e.section.startswith("----"):
                out.append(blocks(words.parse(e.section).blocks, link, code))
            out.append(entry(e, link, code, anchors))
    return "\n".join(out)


def index(headers, link):
    rows = "".join(f'<tr><td><a href="{h.name}.html"><code>{h.name}.h</code></a></td><td>{inline(words.first_sentence(h.intro), link)}.</td></tr>' for h in headers)
    names = sorted({(n.lower(), n, h.name) for h in headers for n in h.names})
    listed = "".join(f'<li><a href="{h}.html#{n}">{n}</a></li>' for _, n, h in names)
    return (f"<h1>Reference</h1><p>Made of the docstrings of <code>include/shallot/</code>, as is section 3 of the manual: <code>man sl_send</code>.</p>"
            f"<h2 id=\"headers\">Headers</h2><div class=\"table\"><table><tbody>{rows}</tbody></table></div>"
            f"<h2 id=\"names\">Every name</h2><ul class=\"index\">{listed}</ul>")
