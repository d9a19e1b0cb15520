"""HTTP/1.1 on the wire: every case of cases/ whole, behind others, cut in two at every octet, and octet by octet, always with the same outcome."""
import random

import pytest

import wire
from cases import CASES
from cases.table import NEXT, chunked
from harness import LONG

SMALL = 400  # octets; what is larger is cut at a sample of places, and never octet by octet
AHEAD = {"a request": (NEXT.encode(), b""), "chunks": (chunked("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n").encode(), b"hello")}


def cuts_of(case, seen):
    """Where to cut. Of the cases that begin alike, one is cut in what they have in common, and what stands behind a case to show that
    it is not served is not cut; all of that with --long."""
    raw = case.raw
    if len(raw) <= SMALL:
        end = len(raw) - len(NEXT) if raw.endswith(NEXT.encode()) and len(raw) > len(NEXT) and not LONG else len(raw)
        cuts = [at for at in range(1, end) if LONG or (raw[:at + 2], case.fin) not in seen]
        seen.update((raw[:at + 2], case.fin) for at in cuts)
        return cuts
    some = random.Random(len(raw))
    near_lines = [at + d for at in range(min(len(raw), 4000)) if raw[at] == 13 for d in (0, 1, 2)][:12]
    return sorted({1, len(raw) - 2, len(raw) - 1, *near_lines, *(some.randrange(1, len(raw)) for _ in range(6))} - {0, len(raw)})


def check(echo, runs):
    wire.play(echo.port, runs)
    lines = wire.report(runs)
    assert not lines, f"{len(lines)} of {len({run.case.id for run in runs})} cases:\n" + "\n".join(lines[:60])


def test_table():
    assert len({case.id for case in CASES}) == len(CASES) >= 3000
    assert len({(case.raw, case.rest, case.fin) for case in CASES}) == len(CASES), "one is there twice"
    assert all(case.end in ("open", "close") for case in CASES)
    assert all(case.end == "close" for case in CASES if case.fin)


@pytest.mark.parametrize("mode", ["whole", "glued"])
def test_whole(echo, mode):
    check(echo, [wire.Run(case, [], mode) for case in CASES])


@pytest.mark.parametrize("what", AHEAD)
def test_behind(echo, what):
    check(echo, [wire.Run(wire.behind(case, *AHEAD[what]), [], f"behind {what}") for case in CASES])


def test_cut_in_two(echo):
    seen = set()
    check(echo, [wire.Run(case, [at], f"cut at {at}") for case in CASES for at in cuts_of(case, seen)])


def test_octet_by_octet(echo):
    check(echo, [wire.Run(case, range(1, len(case.raw)), "octet by octet") for case in CASES if 1 < len(case.raw) <= SMALL])
