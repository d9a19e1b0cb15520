"""Reads the public headers: what is declared, and what its docstring says.

A docstring is a comment that begins with /**. It belongs to what follows it; to what stands in the lines after that too, up to an empty
line, unless they have one of their own. A macro without one shares that of the documented function it calls. What ends with an
underscore, and what is for C++ only, is nobody's business.
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
INTERNAL = re.compile(r"(_|_H|_DECLS)$")
NOT_C = {"SL_API"}


@dataclass
class Member:
    """A field of a struct or a value of an enum."""
    text: str
    name: str
    doc: str


@dataclass
class Item:
    """One declaration: a function, a macro, a type or the values of a nameless enum."""
    kind: str
    name: str
    text: str
    line: int
    suspends: bool = False
    result: str = ""
    params: list = field(default_factory=list)
    members: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    options: str = ""


@dataclass
class Entry:
    """What one docstring is about, and the comment in front of it that opens a section."""
    doc: str
    items: list
    section: str = ""

    @property
    def names(self):
        return [i.name for i in self.items if i.name]


@dataclass
class Header:
    name: str
    intro: str
    entries: list
    file: Path

    @property
    def page(self):
        return "shallot_" + self.name

    @property
    def names(self):
        return [n for e in self.entries for n in e.names]


def comment_text(comment):
    """The words of a comment, without stars; lines and indentation kept."""
    body = re.sub(r"^/\*+<?|\*/$", "", comment)
    lines = [re.sub(r"^[ \t]*\*? ?", "", line).rstrip() if i else line.strip() for i, line in enumerate(body.split("\n"))]
    return "\n".join(lines).strip("\n")


def blank(text, keep_docs=True):
    return TOKEN.sub(lambda m: m[0] if m[0][0] in "\"'" or (keep_docs and m[0].startswith("/**")) else re.sub(r"[^\n]", " ", m[0]), text)


def c_only(text):
    """Blanks what is for C++ and keeps the lines; conditionals themselves go, too."""
    out, stack = [], []
    for line in text.split("\n"):
        directive = re.match(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(.*)", line)
        if directive:
            word, what = directive[1], directive[2]
            if word in ("if", "ifdef", "ifndef"):
                cpp = what.strip() == "__cplusplus"
                stack.append("c++" if cpp and word == "ifdef" else "c" if cpp else "both")
            elif word in ("else", "elif"):
                stack[-1] = {"c++": "c", "c": "c++", "both": "both"}[stack[-1]]
            else:
                stack.pop()
            out.append("")
        else:
            out.append(line if "c++" not in stack else "")
    return "\n".join(out)


def split_commas(text):
    """At commas outside of parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p.strip() for p in [*parts, text[start:]] if p.strip()]


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def declared_name(text):
    pointer = re.search(r"\(\s*\*\s*(?:const )?(\w+)\s*\)", text)
    words = re.findall(r"\w+", re.sub(r"\[[^]]*\]", "", text))
    return pointer[1] if pointer else words[-1] if words else ""


def members_of(body, separator):
    """Fields or values with what is said about each: before it (/**), or behind it (/**<)."""
    found, pending, pos, depth, start = [], "", 0, 0, 0
    pieces = []
    while pos < len(body):
        token = TOKEN.match(body, pos)
        if token:
            if token[0].startswith("/**<") and pieces:
                pieces[-1][1] = (pieces[-1][1] + " " + comment_text(token[0])).strip()
                body = body[:token.start()] + " " * len(token[0]) + body[token.end():]
            elif token[0].startswith("/**"):
                pending = comment_text(token[0])
                body = body[:token.start()] + " " * len(token[0]) + body[token.end():]
            pos = token.end()
            continue
        c = body[pos]
        depth += (c in "({[") - (c in ")}]")
        if c == separator and depth == 0:
            pieces.append([body[start:pos], pending])
            pending, start = "", pos + 1
        pos += 1
    rest = blank(body[start:], keep_docs=False)
    if rest.strip():
        pieces.append([body[start:], pending])
        behind = re.search(r"/\*\*<.*?\*/", body[start:], re.S)
        if behind:
            pieces[-1][1] = comment_text(behind[0])
    for text, doc in pieces:
        text = squeeze(blank(text, keep_docs=False))
        if not text or text.startswith("#"):
            continue
        if separator == ",":
            found.append(Member(text, text.split("=")[0].strip(), doc))
        else:
            inner = re.sub(r"\{.*\}", "", text)
            names = [declared_name(part) for part in split_commas(inner)]
            found.append(Member(text, ", ".join(names), doc))
    return found


def function_of(text, line):
    head = squeeze(blank(text, keep_docs=False))
    suspends = "SL_SUSPENDS" in head
    head = re.sub(r"\b(SL_API|SL_SUSPENDS|static inline|inline)\b ?|SL_PRINTF\([^)]*\)|__attribute__\(\(.*?\)\)(?= |$)", "", head).strip()
    m = re.match(r"(.*?[\s*])(\w+)\s*\((.*)\)$", head)
    if not m:
        return None
    params = [(p, declared_name(p)) for p in split_commas(m[3]) if p != "void"]
    return Item("function", m[2], head + ";", line, suspends, m[1].strip(), params)


def macro_of(text, line):
    m = re.match(r"#\s*define\s+(\w+)(\(([^)]*)\))?(.*)", text, re.S)
    body = squeeze(m[4].replace("\\\n", " "))
    options = re.search(r"sizeof\((sl_\w+)\)", body)
    params = [(p, p) for p in split_commas(m[3] or "")]
    shown = f"#define {m[1]} {body}" if m[2] is None else f"{m[1]}({', '.join(p for p, _ in params)})"
    return Item("macro", m[1], shown if len(shown) < 100 else f"#define {m[1]} ...", line, params=params, calls=re.findall(r"\bsl_\w+", body) + re.findall(r"\bSL_\w+_\b", body),
                options=options[1] if options else "")


def type_of(text, line):
    plain = squeeze(blank(text, keep_docs=False))
    body = re.search(r"\{(.*)\}", text, re.S)
    name = re.search(r"(\w+)$", plain)
    tag = re.match(r"(?:typedef )?(struct|enum|union)\s*(\w*)", plain)
    if body and tag:
        members = members_of(body[1], "," if tag[1] == "enum" else ";")
        own = plain.startswith("typedef")
        return Item(tag[1], name[1] if own else tag[2], plain, line, members=members)
    if plain.startswith("typedef"):
        called = re.match(r"typedef (.*?)\(\*?\s*(\w+)\)?\s*\((.*)\)$", plain) or re.match(r"typedef (.*?[\s*])(\w+)\s*\((.*)\)$", plain)
        if called:
            return Item("callback", called[2], plain + ";", line, result=called[1].strip())
        return Item("type", name[1], plain + ";", line)
    return None


def chunks(text):
    """(kind, text, line, a blank line stands before it): docstrings, declarations and macros, in order."""
    pos = 0
    while pos < len(text):
        space = re.compile(r"\s*").match(text, pos)
        gap = "\n\n" in text[pos:space.end()] or re.search(r"\n[ \t]*\n", text[pos:space.end()]) is not None
        pos = space.end()
        if pos >= len(text):
            return
        line = text.count("\n", 0, pos) + 1
        if text.startswith("/**", pos):
            end = text.index("*/", pos) + 2
            yield "doc", text[pos:end], line, gap
        elif text.startswith("/*", pos):
            end = text.index("*/", pos) + 2
            yield "note", text[pos:end], line, gap
        elif text[pos] == "#":
            end = re.compile(r"(?:[^\n\\]|\\\n|\\.)*", re.S).match(text, pos).end()
            yield "directive", text[pos:end], line, gap
        else:
            end, depth = pos, 0
            while end < len(text):
                token = TOKEN.match(text, end)
                if token:
                    end = token.end()
                    continue
                depth += (text[end] in "({[") - (text[end] in ")}]")
                end += 1
                if depth == 0 and text[end - 1] == ";":
                    break
                if depth == 0 and text[end - 1] == "}" and "inline" in text[pos:end].split("{")[0]:
                    break
                if depth == 0 and text[end - 1] == "\n" and re.fullmatch(r"SL_(BEGIN|END)_DECLS\n", text[pos:end]):
                    break
            yield "code", text[pos:end], line, gap
        pos = end


def item_of(kind, text, line):
    if kind == "directive":
        return macro_of(text, line) if re.match(r"#\s*define", text) else None
    code = text.rstrip().rstrip(";")
    if "inline" in code.split("{")[0].split("(")[0]:
        return function_of(code.split("{")[0], line)
    if re.match(r"\s*(typedef|enum|struct|union)\b", code) and not re.match(r"\s*(struct|enum) \w+\s*$", code) and ("{" in code or code.lstrip().startswith("typedef")):
        return type_of(code, line)
    return function_of(code, line) if "(" in code else None


def parse(path):
    """A Header of the file. Undocumented items are entries with an empty docstring."""
    raw = path.read_text()
    first = re.match(r"\s*/\*(?!\*).*?\*/", raw, re.S)
    if first:
        raw = re.sub(r"[^\n]", " ", raw[:first.end()]) + raw[first.end():]
    text = c_only(raw)
    entries, notes, pending, current = [], [], None, None
    for kind, piece, line, gap in chunks(text):
        if kind == "note":
            note, pending, current = comment_text(piece), None, None
            notes.append((len(entries), note))
            continue
        if kind == "doc":
            if not piece.startswith("/**<"):
                pending, current = comment_text(piece), None
            continue
        item = item_of(kind, piece, line)
        if item is None or INTERNAL.search(item.name) or item.name in NOT_C or not re.match(r"(sl_|SL_|$)", item.name):
            if kind == "code" or item is None:
                pending, current = (None, None) if kind == "code" else (pending, current)
            continue
        if pending is not None:
            current = Entry(pending, [item])
            entries.append(current)
            pending = None
        elif current is not None and not gap:
            current.items.append(item)
        else:
            current = None
            entries.append(Entry("", [item]))
    for at, note in notes:
        if at < len(entries):
            entries[at].section += ("\n\n" if entries[at].section else "") + note
    return Header(path.stem, comment_text(first[0]) if first else "", share(entries, blank(text, False)), path)


def share(entries, text):
    """Macros without words of their own go to the entry of the function they call, in front of it: people write the macro."""
    where = {i.name: e for e in entries if e.doc for i in e.items if i.kind == "function"}
    inner = {m[1]: re.findall(r"\bsl_\w+", m[0]) for m in re.finditer(r"#define (SL_\w+_)(?:[^\n\\]|\\\n|\\.)*", text)}
    kept = []
    for e in entries:
        macro = e.items[0]
        if not e.doc and macro.kind == "macro":
            called = [n for c in macro.calls for n in [c, *inner.get(c, [])]] + [f"{macro.name}_{end}" for end in ("with", "on", "of", "at")]
            home = next((where[c] for c in called if c in where and c != macro.name), None)
            if home and home is not e:
                home.items.insert(sum(i.kind == "macro" for i in home.items), macro)
                continue
        kept.append(e)
    return kept


def all_headers(root=ROOT):
    return [parse(p) for p in sorted((root / "include/shallot").glob("*.h"))]


def version(root=ROOT):
    return re.search(r'SL_VERSION "([^"]+)"', (root / "include/shallot/common.h").read_text())[1]
