"""HTTP/1.1 on the wire: every case of cases.py whole, cut in two at every octet, and octet by octet, always with the same outcome."""
import random

import pytest

import wire
from cases import CASES

SMALL = 400  # octets; what is larger is cut at a sample of places, and never octet by octet


def cuts_of(raw):
    if len(raw) <= SMALL:
        return range(1, len(raw))
    some = random.Random(len(raw))
    near_lines = [at + d for at in range(min(len(raw), 4000)) if raw[at] == 13 for d in (0, 1, 2)][:12]
    return sorted({1, len(raw) - 2, len(raw) - 1, *near_lines, *(some.randrange(1, len(raw)) for _ in range(6))} - {0, len(raw)})


def check(echo, runs):
    wire.play(echo.port, runs)
    lines = wire.report(runs)
    assert not lines, f"{len(lines)} of {len({run.case.id for run in runs})} cases:\n" + "\n".join(lines[:60])


def test_table():
    assert len({case.id for case in CASES}) == len(CASES) >= 300
    assert all(case.end in ("open", "close") for case in CASES)
    assert all(case.end == "close" for case in CASES if case.fin)


@pytest.mark.parametrize("mode", ["whole", "glued"])
def test_whole(echo, mode):
    check(echo, [wire.Run(case, [], mode) for case in CASES])


def test_cut_in_two(echo):
    check(echo, [wire.Run(case, [at], f"cut at {at}") for case in CASES for at in cuts_of(case.raw)])


def test_octet_by_octet(echo):
    check(echo, [wire.Run(case, range(1, len(case.raw)), "octet by octet") for case in CASES if 1 < len(case.raw) <= SMALL])
