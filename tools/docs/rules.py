"""What a docstring owes its reader. Each rule gives one line per breach: file:line: what, on what, what to do."""
import re

ERRORS = re.compile(r"@return|\b0\b|-E[A-Z]|-SL_E|negative|Errors? |Like |likewise|The same|status|-1|\bas sl_", re.I)
LIFE = re.compile(r"NULL|own|free|caller|arena|belong|li(ve|fe)|valid|static|never|aborts|as long as|until|borrow|storage|\bapp's|copie", re.I)
WAITS = re.compile(r"wait|fiber|block|suspend", re.I)
SUBJECT = re.compile(r"@p (\w+)")
PARAM = re.compile(r"@param +(\w+)")
MEMBERS = re.compile(r"_options$|^sl_(limits|endpoint|development)$")


def says(entry, header, pattern):
    return pattern.search(entry.doc) or pattern.search(header.intro)


def of_function(item, entry, header, section):
    callbacks = [n for text, n in item.params if "(*" in text and n not in ("free", "end", "format")]
    if item.suspends is False and re.match(r"Waits\b", entry.doc) and "SL_SUSPENDS" not in entry.doc:
        yield "waits, so it is to be marked SL_SUSPENDS"
    if item.result in ("int", "ssize_t") and not ERRORS.search(entry.doc + section):
        yield "say what is returned, and which errors"
    if item.result.endswith("*") and not says(entry, header, LIFE):
        yield "say whose the result is, how long it lives, and when it is NULL"
    if callbacks and not says(entry, header, WAITS):
        yield f"say whether {callbacks[0]} may wait"


def of_members(item):
    previous = ""
    for m in item.members:
        callback = "(*" in previous
        previous = m.text
        if not m.doc and not (m.name == "self" and callback):
            yield f"{m.name} is without a word: what is it, in which unit, what if it is left zero"


def breaches(header):
    if not header.intro:
        yield 1, "the header does not say what it is about, in a comment at its top"
    section = ""
    for entry in header.entries:
        section = entry.section or section
        first = entry.items[0]
        if not entry.doc:
            yield first.line, f"{first.name or first.kind} has no docstring (/** */ before it)"
            continue
        known = {name for item in entry.items for _, name in item.params} | {m for i in entry.items for x in i.members for m in x.name.split(", ")}
        for word in PARAM.findall(entry.doc) + SUBJECT.findall(entry.doc):
            if word not in known and not any(word in item.text for item in entry.items):
                yield first.line, f"{entry.names[-1]} is said to take {word}, and does not"
        for item in entry.items:
            if item.kind == "function":
                for what in of_function(item, entry, header, section):
                    yield item.line, f"{item.name}: {what}"
            if item.kind == "struct" and MEMBERS.search(item.name):
                for what in of_members(item):
                    yield item.line, f"{item.name}.{what}"


def check(headers):
    seen, lines = {}, []
    for header in headers:
        lines += [f"include/shallot/{header.file.name}:{line}: {what}" for line, what in sorted(breaches(header))]
        for item in (i for e in header.entries for i in e.items if i.name):
            shared = item.kind == "macro" or item.name == "sl_options"  # a type and a macro that takes arguments may share a name
            if not shared and seen.setdefault(item.name, header.name) != header.name:
                lines.append(f"include/shallot/{header.file.name}: {item.name} is in {seen[item.name]}.h, too")
    return lines
