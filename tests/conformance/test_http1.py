"""HTTP/1.1 on the wire: every case of cases/ whole, behind others, cut in two at every octet, and octet by octet, always with the same outcome."""
import random

import pytest

import wire
from cases import CASES
from cases.table import HOST, NEXT, Case, chunked
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


# One octet that may not stand there, and the same place with one that may, to be put into what is repeated before and behind.
PLACES = {"a method": ("GET{}G /c HTTP/1.1\r\n" + HOST + "\r\n", "M", 24, "(\x80\0", "~"),
          "a path": ("GET /{} HTTP/1.1\r\n" + HOST + "\r\n", "p", 150, '"\x7f\x80\x1f<', "~"),
          "a query": ("GET /?{} HTTP/1.1\r\n" + HOST + "\r\n", "q", 150, "#\x7f\xff\0>", "?"),
          "an authority": ("GET http://a{}/c HTTP/1.1\r\n" + HOST + "\r\n", "a", 100, "@\\|\x80", "_"),
          "a host": ("GET /c HTTP/1.1\r\nHost: a{}\r\n\r\n", "h", 150, "/\x80@\x7f", "-"),
          "a name": ("GET /c HTTP/1.1\r\n" + HOST + "X{}: y\r\n\r\n", "n", 150, " \x80(\0@", "!"),
          "a value": ("GET /c HTTP/1.1\r\n" + HOST + "X: {}\r\n\r\n", "v", 150, "\0\x7f\x1f\r\n", "\xff"),
          "a later value": ("GET /c HTTP/1.1\r\n" + HOST + "A: b\r\nX: y{}\r\nC: d\r\n\r\n", "v", 150, "\x01\x7f\x0b", "\t"),
          "a trailer's value": ("POST /c HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: {}\r\n\r\n", "t", 70, "\0\x7f",
                                "\x80"),
          "an extension": ("POST /c HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n0;a={}b\r\n\r\n", "e", 70, "\x80/", "'"), }


def test_one_octet_at_every_place(echo):
    """Wherever the lanes of the parser begin and end, no octet falls between them."""
    runs = []
    for where, (form, filler, most, wrong, right) in PLACES.items():
        for at in range(most):
            for octet in right + wrong:
                raw = form.format(filler * at + octet + filler * (most - at)).encode("latin-1")
                status, end = (200, "open") if octet == right else (400, "close")
                runs.append(wire.Run(Case(f"{where} {at} {octet!r}", "9112 2.2", "an octet", raw, (status,), end), [], "glued"))
    check(echo, runs)


def test_cut_in_two(echo):
    seen = set()
    check(echo, [wire.Run(case, [at], f"cut at {at}") for case in CASES for at in cuts_of(case, seen)])


def test_octet_by_octet(echo):
    check(echo, [wire.Run(case, range(1, len(case.raw)), "octet by octet") for case in CASES if 1 < len(case.raw) <= SMALL])
