"""The plot for the documents: one SVG without anything from outside, readable on light and dark. Pure.

Six panels of dots on a logarithmic scale, since the slowest is a hundred times the quickest; a row for each server, its figure beside it.
"""
from html import escape
from math import ceil, floor, log10
from statistics import median

from .figures import amount

WIDTH, COLUMN, GAP, LABELS, FIGURES, ROW, TOP, HEAD, FOOT = 880, 425, 30, 105, 62, 20, 64, 40, 34
OURS = {"onion", "hello", "shallot"}
NAMES = {"onion": "shallot", "hello": "shallot, bare", "node": "node (seed)"}
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 16px; font-weight: 600; } .panel { font-weight: 600; } .note { font-size: 11px; fill: #57606a; }
  .axis { stroke: #d0d7de; } .reference { stroke: #57606a; stroke-dasharray: 3 3; }
  .peer { fill: #8c959f; } .limit { fill: #57606a; } .ours { fill: #c2410c; } text.ours { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note { fill: #9198a1; } .axis { stroke: #3d444d; } .reference { stroke: #9198a1; }
    .peer { fill: #7d8590; } .limit { fill: #b1bac4; } .ours { fill: #fb923c; }
  }
"""
PANELS = [  # title, table, the cases whose dots share a row
    ("CPU per request, µs: 64, 256, 1,024 connections", "cost", ("64", "256", "1024")),
    ("16 requests pipelined, CPU each, µs", "pipelined", ("16",)),
    ("New connection per request, CPU, µs", "new", ("client closes",)),
    ("Memory per idle connection, octets", "memory", ()),
    ("File of 10 KiB, CPU per request, µs", "static", ("10 KiB",)),
    ("File of 1 MiB, CPU per request, µs", "static", ("1 MiB",)),
]


def rows(kept, table, cases):
    """{server: [a figure for each case]}, as the table has them."""
    measured = kept.get(table, {})
    if table == "memory":
        return {name: [octets] for name, octets in measured.get("octets", {}).items()}
    found = {}
    for case in cases:
        for key, values in measured.items():
            where, _, name = key.partition(": ")
            if where == case:
                found.setdefault(name, []).append(median(values["cpu"]))
    return {name: values for name, values in found.items() if len(values) == len(cases)}


def style_of(name):
    return "ours" if name in OURS else "limit" if name == "limit" else "peer"


def ticks(low, high):
    """1, 2, 5 and their tenfolds; only the tenfolds when that would be too many."""
    steps = [m * 10 ** e for e in range(floor(log10(low)), ceil(log10(high)) + 1) for m in (1, 2, 5)]
    inside = [t for t in steps if low <= t <= high]
    return inside if len(inside) <= 6 else [t for t in inside if log10(t) % 1 < 1e-9]


def panel(x, y, title, data):
    """Yields the elements of a panel whose upper left corner is x, y."""
    everything = [v for values in data.values() for v in values if v > 0]
    low, high = min(everything) * 0.8, max(everything) * 1.15
    left, width = x + LABELS, COLUMN - LABELS - FIGURES
    bottom = y + HEAD + ROW * len(data)

    def at(value):
        return left + width * log10(max(value, low) / low) / log10(high / low)

    yield f'<text class="panel" x="{x}" y="{y + 14}">{escape(title)}</text>'
    for tick in ticks(low, high):
        yield f'<line class="axis" x1="{at(tick):.1f}" y1="{y + HEAD - 8}" x2="{at(tick):.1f}" y2="{bottom}"/>'
        yield f'<text class="note" text-anchor="middle" x="{at(tick):.1f}" y="{y + HEAD - 12}">{tick:,g}</text>'
    if "limit" in data:
        for value in data["limit"]:
            yield f'<line class="reference" x1="{at(value):.1f}" y1="{y + HEAD - 8}" x2="{at(value):.1f}" y2="{bottom}"/>'
    for n, (name, values) in enumerate(data.items()):
        kind, middle = style_of(name), y + HEAD + ROW * n + ROW / 2
        extra = ' class="ours"' if kind == "ours" else ""
        yield f'<text{extra} text-anchor="end" x="{left - 8}" y="{middle + 4}">{escape(NAMES.get(name, name))}</text>'
        for i, value in enumerate(values):
            yield f'<circle class="{kind}" cx="{at(value):.1f}" cy="{middle}" r="4.5" opacity="{1 - 0.27 * i:.2f}"/>'
        yield f'<text{extra} text-anchor="end" x="{x + COLUMN}" y="{middle + 4}">{amount(values[0])}</text>'


def draw(kept, machine):
    """The SVG, or None when nothing has been measured that it shows."""
    panels = [(title, data) for title, table, cases in PANELS if (data := rows(kept, table, cases))]
    if not panels:
        return None
    parts, y = [], TOP
    for pair in (panels[i:i + 2] for i in range(0, len(panels), 2)):
        for column, (title, data) in enumerate(pair):
            parts += panel(column * (COLUMN + GAP), y, title, data)
        y += HEAD + ROW * max(len(data) for _, data in pair) + 26
    height = y + FOOT
    note = "Less is better; logarithmic scales; figures are medians (of the first dot). Dashed: the limit program, a bare epoll loop."
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {height}" role="img" aria-label="Benchmark of Shallot and peers">',
        f"<style>{STYLE}</style>", '<text class="title" x="0" y="22">What a request costs</text>', f'<text class="note" x="0" y="42">{note}</text>',
        *parts, f'<text class="note" x="0" y="{height - 14}">{escape(machine)}; printed by bench/run</text>', "</svg>", ""])
