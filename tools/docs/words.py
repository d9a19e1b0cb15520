"""A docstring taken apart: paragraphs, code, lists, parameters and what is returned."""
import re
from dataclasses import dataclass, field


@dataclass
class Words:
    blocks: list = field(default_factory=list)  # ("text" | "code", text) or ("list", [text])
    params: list = field(default_factory=list)  # (name, text)
    returns: list = field(default_factory=list)  # blocks


def blocks_of(lines):
    found, kind = [], None
    for line in lines:
        if not line.strip():
            kind = None if kind != "code" else "code?"
        elif line.startswith("    ") and kind in (None, "code", "code?"):
            text = line[4:]
            if kind in ("code", "code?"):
                found[-1][1] += ("\n\n" if kind == "code?" else "\n") + text
            else:
                found.append(["code", text])
            kind = "code"
        elif re.match(r"\s*- ", line):
            item = re.sub(r"^\s*- ", "", line)
            if kind == "list":
                found[-1][1].append(item)
            else:
                found.append(["list", [item]])
            kind = "list"
        elif kind == "list" and line.startswith("  "):
            found[-1][1][-1] += " " + line.strip()
        elif kind == "text":
            found[-1][1] += " " + line.strip()
        else:
            found.append(["text", line.strip()])
            kind = "text"
    return [tuple(b) for b in found]


def parse(doc):
    words = Words()
    doc = re.sub(r"(?<=\S)[ \n]+@return\b", "\n@return", doc)
    head, *tagged = re.split(r"^[ \t]*@(?=(?:param|return)\b)", doc, flags=re.M)
    words.blocks = blocks_of(head.split("\n"))
    for part in tagged:
        part, *after = re.split(r"\n[ \t]*\n", part, maxsplit=1)
        if part.startswith("param"):
            m = re.match(r"param\s+(\w+)\s*(.*)", part, re.S)
            words.params.append((m[1], re.sub(r"\s+", " ", m[2]).strip()))
        else:
            first, *rest = part[len("return"):].split("\n")
            # Continued at whatever depth the formatter chose; only a dash begins something new.
            lines = [first.strip()] + [("  " + x.strip() if not x.strip().startswith("- ") else "  " + x.strip()) for x in rest]
            merged = []
            for x in lines:
                if merged and not x.strip().startswith("- "):
                    merged[-1] += " " + x.strip()
                else:
                    merged.append(x)
            words.returns += blocks_of(merged)
        if after:
            words.blocks += blocks_of(after[0].split("\n"))
    return words


def first_sentence(text):
    text = re.sub(r"\s+", " ", text.split("\n\n")[0]).strip()
    m = re.match(r"(.*?[^.\s])(\. |\.$|$)", text)
    return m[1] if m else text
