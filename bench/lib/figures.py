"""From rounds to what a table says: medians, intervals, ratios within the round, verdicts, Markdown. Pure."""
from math import comb
from statistics import median

SLACK = 0.05  # a target is met when the upper end of the interval is within this of it


def rank(n):
    """Order statistics rank..n+1-rank hold the median with at least 95 % confidence (binomial; no distribution assumed); with fewer
    than six values that is all of them, and less than 95 %."""
    outside, r = 0, 0
    while r < n // 2 and 2 * (outside + comb(n, r) / 2 ** n) <= 0.05:
        outside += comb(n, r) / 2 ** n
        r += 1
    return max(r, 1)


def interval(values):
    values, r = sorted(values), rank(len(values))
    return values[r - 1], values[-r]


def ratios(of, to):
    """Round by round."""
    return [a / b for a, b in zip(of, to)]


def estimate(values, digits=2):
    """The median and its interval, as text."""
    low, high = interval(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def at_most(values, target):
    return f"{'met' if interval(values)[1] <= target + SLACK + 1e-9 else '**not met**'} (≤ {target:g})"


def at_least(values, target):
    return f"{'met' if interval(values)[0] >= target - SLACK - 1e-9 else '**not met**'} (≥ {target:g})"


def exactly_at_most(value, target):
    """For what is counted and repeatable."""
    return f"{'met' if value <= target else '**not met**'} (≤ {target:,})"


def amount(value):
    """Three digits that mean something, whatever the size."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(header, rows):
    """The first column is text, the others are numbers to the right, but for those named "verdict"."""
    rule = ["---" if i == 0 or name == "verdict" else "---:" for i, name in enumerate(header)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *rows])
