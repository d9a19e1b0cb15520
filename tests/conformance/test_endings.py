"""The end of a connection: an error answer reaches a client that is still sending (RFC 9112 §9.6), and nobody lingers for ever."""
import socket

import pytest

import wire
from cases.table import BODY_MAX, HEAD_MAX, NEXT, TARGET_MAX, chunked, fields, line, post, target
from harness import Connection, wait_until

JUNK = (NEXT.encode() * (1 + (1 << 20) // len(NEXT)))[:1 << 20]
MUCH = 64 << 20  # nobody should have to read so much to get rid of a client

REFUSED = {
    "a bad field": (fields("X y: z"), 400),
    "no Host": ("GET /c HTTP/1.1\r\n\r\n", 400),
    "a bad octet": ("\x01", 400),
    "a bad chunk": (chunked("x\r\n"), 400),
    "two lengths": (post("Content-Length: 5\r\nContent-Length: 6"), 400),
    "too long a target": (target("/" + "a" * TARGET_MAX), 414),
    "too large a head": (fields("X: " + "v" * HEAD_MAX), 431),
    "too large a body": (post(f"Content-Length: {BODY_MAX + 1}", ""), 413),
    "too large a chunk": (chunked(f"{BODY_MAX + 1:x}\r\n"), 413),
    "an unknown coding": (post("Transfer-Encoding: gzip", ""), 501),
    "another version": (line("GET /c HTTP/2.0"), 505),
    "an expectation": (fields("Expect: x"), 417),
}


def read_to_end(s):
    data = b""
    while more := s.recv(1 << 16):
        data += more
    return data


def statuses(data):
    return [status for status, _, _ in wire.responses(data)[0]]


def test_answer_reaches_who_sends_first_and_reads_then(echo):
    for what, (raw, status) in REFUSED.items():
        for ahead in ("", NEXT):
            with wire.connect(echo.port) as s:
                s.sendall((ahead + raw).encode("latin-1") + JUNK)
                assert statuses(read_to_end(s)) == ([200] if ahead else []) + [status], what


def test_last_answer_reaches_who_asks_on(echo):
    """The same behind Connection: close: what was pipelined behind it is not served, and destroys nothing."""
    with wire.connect(echo.port) as s:
        s.sendall(fields("Connection: close").encode() + JUNK)
        assert statuses(read_to_end(s)) == [200]


def test_our_side_ends_at_once_theirs_may_stay_a_while(echo):
    """The FIN does not wait for the client's; a client that never closes is closed in the end."""
    with wire.connect(echo.port) as s:
        s.sendall(fields("X y: z").encode())
        assert statuses(read_to_end(s)) == [400]

        def gone():
            try:
                s.send(b"x")
            except OSError:
                return True
            return False

        wait_until(gone, "the connection is still open behind its end")


def test_who_sends_for_ever_is_cut_off(echo):
    with wire.connect(echo.port) as s:
        s.sendall(fields("X y: z").encode())
        sent = 0
        with pytest.raises(OSError):
            while sent < MUCH:
                sent += s.send(JUNK)
        assert sent < MUCH


def test_half_closed_by_the_client_first(echo):
    """Who has said that nothing more will come gets the answer and the end, without any lingering."""
    with wire.connect(echo.port) as s:
        s.sendall((NEXT + fields("X y: z")).encode())
        s.shutdown(socket.SHUT_WR)
        assert statuses(read_to_end(s)) == [200, 400]


def test_head_says_what_get_says(echo):
    """RFC 9110 §9.3.2; each is asked twice, because the first answer of its kind may be made in another way."""
    def says(response):
        return response.status, {name: value for name, value in response.headers.items() if name not in ("date", "x-method")}

    with Connection(echo.port) as connection:
        for path in ["/c", "/pushed", "/unread", "/only/get", "/only/nothing",
                     *(f"/status/{n}" for n in (200, 204, 205, 301, 304, 404, 500))] * 2:
            assert says(connection.get(path, "HEAD")) == says(connection.get(path)), path
