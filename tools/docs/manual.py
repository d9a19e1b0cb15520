"""Section 3 of the manual: a page for each header, and for each name a line that leads there."""
import os
import re
import shutil
from pathlib import Path

from . import words
from .headers import ROOT, squeeze

RELATED = {"shallot-fetch": {"fetch", "proxy"}, "shallot-pg": {"pg"}}


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return text.replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")


def guard(line):
    """A line that begins with a dot would be a request."""
    return "\\&" + line if line.startswith((".", "'")) else line


def inline(text):
    """@p and @c, names of functions, types and options in the font they have in manuals."""
    out = []
    for part in re.split(r"(@[pc] [\w.*]+\w|`[^`]+`|\b(?:sl|SL)_\w+(?:\(\))?|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)", squeeze(text)):
        if part.startswith("@"):
            out.append(f"\\fI{escape(part[3:])}\\fR")
        elif part.startswith("`") and len(part) > 1:
            out.append(f"\\fB{escape(part[1:-1])}\\fR")
        elif re.match(r"(sl|SL)_|[A-Z][A-Z0-9]*_", part):
            out.append(f"\\fB{escape(part)}\\fR")
        else:
            out.append(escape(part))
    return guard("".join(out))


def fold(text, width=100):
    """New lines at spaces, none of which begins with a dot."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(guard(line))
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, guard(line)])


def code(text):
    return ".PP\n.RS 4\n.nf\n" + "\n".join(guard(escape(line)) for line in text.split("\n")) + "\n.fi\n.RE"


def blocks(given, first=""):
    """first: the request before the first paragraph, '' when a heading has just begun one."""
    out = []
    for kind, content in given:
        if kind == "code":
            out.append(code(content))
        elif kind == "list":
            out += [f".IP \\(bu 2\n{fold(inline(item))}" for item in content]
        else:
            out.append((f"{first}\n" if first else "") + fold(inline(content)))
        first = ".PP"
    return out


def prototype(item, e):
    """As it is declared; of a macro that takes options in the way it is called."""
    functions = [i for i in e.items if i.kind == "function"]
    called = next((i for i in functions if i.name in item.calls), functions[0] if functions else None)
    if item.kind == "macro" and item.options and item.text.endswith("(...)"):
        before = [name for _, name in called.params[:-1]] if called else []
        return f"{item.name}({', '.join([*before, '.field = value, ...'])})  /* fields of {item.options} */"
    if item.kind == "macro" and item.options:
        return f"{item.text}  /* ... may be fields of {item.options} */"
    return item.text


def members(item):
    out = []
    for m in item.members:
        out.append(f".TP\n\\fB{escape(m.text)}\\fR\n{fold(inline(m.doc)) if m.doc else chr(92) + '&'}")
    return out


def entry(e):
    doc, out = words.parse(e.doc), [".PP\n.nf"]
    for item in e.items:
        if item.kind in ("struct", "enum", "union"):
            out.append(f"\\fB{item.kind} {item.name}\\fR")
        else:
            out.append(f"\\fB{guard(escape(prototype(item, e)))}\\fR")
    out.append(".fi\n.RS 4")
    out += blocks(doc.blocks) or ["\\&"]
    if any(i.suspends for i in e.items):
        out.append(".PP\nMay wait: suspends the calling fiber, never the worker.")
    for name, text in doc.params:
        out.append(f".TP\n\\fI{escape(name)}\\fR\n{fold(inline(text))}")
    if doc.returns:
        out += [".TP\nreturns", *blocks(doc.returns)]
    for item in e.items:
        out += members(item)
    return "\n".join([*out, ".RE"])


def library(header):
    return next((name for name, which in RELATED.items() if header.name in which), "shallot")


def page(header, headers, version, date):
    about = words.first_sentence(header.intro)
    if about.split()[0][1:].islower() or len(about.split()[0]) == 1:  # not PostgreSQL
        about = about[0].lower() + about[1:]
    names = list(dict.fromkeys([header.page, *header.names]))
    intro = words.parse(header.intro).blocks
    out = [f'.TH {header.page.upper()} 3 "{date}" "shallot {version}" "Library functions"',
           ".SH NAME", fold(escape(", ".join(names)) + " \\- " + escape(about)),
           ".SH SYNOPSIS", ".nf", f"\\fB#include <shallot/{header.name}.h>\\fR", f"cc ... $(pkg\\-config \\-\\-cflags \\-\\-libs {escape(library(header))})", ".fi",
           ".SH DESCRIPTION", *blocks(intro)]
    types, rest = [], []
    for e in header.entries:
        of_types = all(i.kind not in ("function", "macro") for i in e.items)
        (types if of_types else rest).append(e)
    for title, entries in (("FUNCTIONS AND MACROS", rest), ("TYPES", types)):
        if entries:
            out.append(f".SH {title}")
        for at, e in enumerate(entries):
            if e.section and not e.section.startswith("----"):
                out += blocks(words.parse(e.section).blocks, ".PP" if at else "")
                at = 1
            out.append(entry(e) if at else entry(e).removeprefix(".PP\n"))
    others = [h.page for h in headers if h is not header and re.search(rf"\b{h.name}\.h\b|<shallot/{h.name}\.h>", header.file.read_text())]
    others = sorted({"shallot_" + o[len("shallot_"):] for o in others})
    see = [*(f".BR {escape(o)} (3)," for o in others), ".BR shallot (1),", ".BR shallot (7)"]
    return "\n".join([*out, ".SH SEE ALSO", *see]) + "\n"


def release_date(root=ROOT):
    """Of the version, as the packages say it: pages must not differ from build to build."""
    m = re.search(r"^ -- .*, +(\d+ \w{3} \d{4}) ", (root / "debian/changelog").read_text(), re.M)
    day, month, year = m[1].split()
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return f"{year}-{months.index(month) + 1:02}-{int(day):02}"


def write(headers, folder, version):
    """All pages, into a folder that then holds nothing else."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    date = release_date()
    for header in headers:
        (folder / f"{header.page}.3").write_text(page(header, headers, version, date), encoding="utf-8")
    for header in headers:
        for name in header.names:
            alias = folder / f"{name}.3"
            if not alias.exists():
                alias.write_text(f".so man3/{header.page}.3\n")
    os.utime(folder)
