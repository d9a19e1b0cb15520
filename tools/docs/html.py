"""HTML read, changed and checked with what Python brings along: links are rewritten, headings numbered among the words of the search, faults named."""
import html
import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path", "circle"}
LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("source", "src"), ("iframe", "src"), ("video", "src")}


def escape(text):
    return html.escape(text, quote=True)


def slug(text):
    """The anchor of a heading, as GitHub makes it, so that links work there and here."""
    text = re.sub(r"<[^>]*>", "", html.unescape(text)).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


class Rewriter(HTMLParser):
    """Every href and src by a function; comments go."""

    def __init__(self, change):
        super().__init__(convert_charrefs=False)
        self.change, self.out = change, []

    def handle_starttag(self, tag, attributes, end=""):
        words = []
        for name, value in attributes:
            if name in ("href", "src") and value is not None:
                value = self.change(tag, value)
            words.append(name if value is None else f'{name}="{escape(value)}"')
        self.out.append(f"<{' '.join([tag, *words])}{end}>")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes, "" if tag in VOID and tag not in ("path", "circle") else " /")

    def handle_endtag(self, tag):
        self.out.append(f"</{tag}>")

    def handle_data(self, data):
        self.out.append(data)

    def handle_entityref(self, name):
        self.out.append(f"&{name};")

    def handle_charref(self, name):
        self.out.append(f"&#{name};")


def rewrite(text, change):
    r = Rewriter(change)
    r.feed(text)
    r.close()
    return "".join(r.out)


class Inspector(HTMLParser):
    """What a page names, where it leads, and what is wrong with it."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.faults = [], set(), [], []

    def handle_starttag(self, tag, attributes, closed=False):
        given = dict(attributes)
        if len(given) != len(attributes):
            self.faults.append(f"line {self.getpos()[0]}: <{tag}> has an attribute twice")
        if "id" in given:
            if given["id"] in self.ids:
                self.faults.append(f"line {self.getpos()[0]}: id {given['id']} is there twice")
            self.ids.add(given["id"])
        if tag == "img" and "alt" not in given:
            self.faults.append(f"line {self.getpos()[0]}: <img> without alt")
        for name in ("href", "src"):
            if given.get(name) is not None:
                self.links.append((tag, name, given[name]))
        if tag not in VOID and not closed:
            self.open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes, closed=True)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"line {self.getpos()[0]}: </{tag}> where {'</' + self.open[-1][0] + '> of line ' + str(self.open[-1][1]) if self.open else 'nothing'} is open")
            while self.open and any(t == tag for t, _ in self.open) and self.open.pop()[0] != tag:
                pass
            return
        self.open.pop()


def inspect(text):
    i = Inspector()
    i.feed(text)
    i.close()
    i.faults += [f"line {line}: <{tag}> is never closed" for tag, line in i.open]
    return i


def plain(text):
    text = re.sub(r"<(script|style|svg|button)\b.*?</\1>", " ", text, flags=re.S)
    text = re.sub(r"</?(p|li|h\d|tr|td|th|pre|div|dt|dd|br)\b[^>]*>", " ", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", text))).strip()
