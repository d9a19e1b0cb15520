"""Clients that take their time, by the thousand: what they cost, that they end, and that nobody else notices."""
import contextlib
import os
import re
import resource
import select
import socket
import time

import pytest

from harness import Connection, LONG, PATIENCE, SANITIZED, wait_until

MANY = 10000 if LONG else 2000
MEGABYTE = 1 << 20

APP = """
#include <shallot.h>
#include <string.h>

static int hello(sl_ctx *c) { return sl_text(c, "hello"); }
static int large(sl_ctx *c) { return sl_file(c, "FILE"); }
static ssize_t pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *left = self;
    size_t n = len < *left ? len : *left;
    memset(buf, 'x', n);
    *left -= n;
    return (ssize_t)n;
}
static size_t *ten(sl_ctx *c)
{
    size_t *left = sl_alloc(c, sizeof *left);
    *left = 10 << 20;
    return left;
}
static int stream(sl_ctx *c) { return sl_stream(c, pull, ten(c)); }
static int push(sl_ctx *c)
{
    char piece[5000] = {0};
    int r = 0;
    for (size_t at = 0; at < 10 << 20 && r == 0; at += sizeof piece)
        r = sl_write(c, piece, sizeof piece);
    return r;
}
static int take(sl_ctx *c)
{
    char buf[4096];
    ssize_t n;
    while ((n = sl_read(c, buf, sizeof buf)) > 0)
        ;
    return n < 0 ? (int)n : sl_text(c, "taken");
}

int main(void)
{
    sl_app *app = sl_new(.standalone = true, .limits = {LIMITS});
    sl_get(app, "/", hello);
    sl_get(app, "/file", large);
    sl_get(app, "/stream", stream);
    sl_get(app, "/push", push);
    sl_post(app, "/take", take);
    sl_bind(app, .host = "127.0.0.1", .backlog = 4096);
    return sl_run(app);
}
"""


@pytest.fixture
def serve(compile, start, tmp_path):
    def run(limits):
        (tmp_path / "large").write_bytes(bytes(10 * MEGABYTE))
        return start([compile(APP.replace("LIMITS", limits).replace("FILE", str(tmp_path / "large")))])

    return run


@pytest.fixture
def descriptors():
    """As many as there may be."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def clients(port, count, receive=None):
    """Connections from several addresses, so that ports do not run out."""
    made = []
    try:
        for i in range(count):
            s = socket.socket()
            if receive:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            s.settimeout(PATIENCE)
            s.bind((f"127.0.0.{2 + i % 8}", 0))
            s.connect(("127.0.0.1", port))
            made.append(s)
        yield made
    finally:
        for s in made:
            s.close()


def memory(pid):
    """Octets of user-space memory that are its own."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(n) for n in re.findall(r"^(?:Anonymous|Swap): +(\d+) kB", f.read(), re.M)) << 10


def inside(pid):
    """Descriptors: what it began with, and a connection each."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def serves(program, times):
    with Connection(program.port) as kept:
        for _ in range(times):
            assert kept.get("/").text == "hello"
    for _ in range(times // 10):
        assert program.get().text == "hello"


@pytest.mark.load
def test_thousands_of_slow_heads(serve, descriptors):
    """An octet now and then: within 1 KB each, and the others are served as if they were not there."""
    count = min(MANY, descriptors - 300)
    program = serve(".head_ms = 600000, .idle_ms = 600000")
    outset = inside(program.pid)
    serves(program, 100)
    empty = memory(program.pid)
    with clients(program.port, count) as slow:
        for octets in (b"GET / HTTP/1.1\r\nHost: slow.example\r\nUser-Agent: " + b"x" * 80, b"y", b"z"):
            for s in slow:
                s.sendall(octets)
            serves(program, 200)
            wait_until(lambda: inside(program.pid) >= outset + count, lambda: f"{inside(program.pid) - outset} of {count} are in")
            each = (memory(program.pid) - empty) / count
            assert each <= 1024, f"{each:.0f} octets each"
        print(f"{count} slow heads: {each:.0f} octets each")
        for s in slow:
            s.sendall(b"\r\n\r\n")
        for s in slow:
            assert s.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    wait_until(lambda: inside(program.pid) == outset, "all are gone")
    serves(program, 100)


@pytest.mark.load
def test_thousands_of_idle_connections(serve, descriptors):
    """After an answer nothing is kept but the connection."""
    count = min(MANY, descriptors - 300)
    program = serve(".idle_ms = 600000")
    serves(program, 100)
    empty = memory(program.pid)
    with clients(program.port, count) as idle:
        for s in idle:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for s in idle:
            assert s.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        each = (memory(program.pid) - empty) / count
        print(f"{count} idle connections: {each:.0f} octets each")
        assert each <= 400, f"{each:.0f} octets each"
    serves(program, 10)


def drip(sockets, octet, every, most=PATIENCE):
    """Sends an octet now and then until all have been answered; {socket: what it said}."""
    heard = {s: b"" for s in sockets}
    open_ones, deadline = set(sockets), time.monotonic() + most
    for s in sockets:
        s.setblocking(False)
    while open_ones:
        assert time.monotonic() < deadline, f"{len(open_ones)} are still there"
        readable, _, _ = select.select(list(open_ones), [], [], every)
        for s in readable:
            try:
                data = s.recv(65536)
            except ConnectionResetError:
                data = b""
            heard[s] += data
            if not data:
                open_ones.discard(s)
        for s in open_ones:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                s.send(octet)
    return heard


@pytest.mark.parametrize("begin, octet", [
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    (b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x"),
    (b"POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
], ids=["head", "body", "chunks"])
def test_octets_that_drip_buy_no_time(serve, begin, octet):
    """One every 20 ms is no silence."""
    program = serve(".head_ms = 500, .body_rate = 10000, .rate_grace_ms = 500")
    outset = inside(program.pid)
    with clients(program.port, 50) as slow:
        for s in slow:
            s.sendall(begin)
        for data in drip(slow, octet, 0.02).values():
            assert data.startswith(b"HTTP/1.1 408 ") and b"\r\nConnection: close\r\n" in data
        serves(program, 20)
    wait_until(lambda: inside(program.pid) == outset, "all are gone")


def test_a_skipped_body_that_drips(serve):
    """Nobody reads it, the answer is out: the connection closes."""
    program = serve(".body_rate = 10000, .rate_grace_ms = 300")
    with clients(program.port, 20) as slow:
        for s in slow:
            s.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        for data in drip(slow, b"x", 0.02).values():
            assert data.startswith(b"HTTP/1.1 405 ") and data.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("path", ["/file", "/stream", "/push"])
def test_slow_readers_are_closed(serve, path):
    """They take some octets all the time; the rate says that it is not enough."""
    program = serve(".write_ms = 600000, .write_rate = 2000000, .rate_grace_ms = 500")
    outset = inside(program.pid)
    with clients(program.port, 30, receive=4096) as slow:
        for s in slow:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            s.setblocking(False)
        deadline, taken, left = time.monotonic() + PATIENCE, 0, set(slow)
        while left:
            assert time.monotonic() < deadline, f"{len(left)} are still there"
            for s in list(left):
                try:
                    data = s.recv(500)
                    taken += len(data)
                    if not data:
                        left.discard(s)
                except BlockingIOError:
                    pass
                except ConnectionResetError:
                    left.discard(s)
            select.select([], [], [], 0.02)
        assert taken < 30 * MEGABYTE
        serves(program, 20)
    wait_until(lambda: inside(program.pid) == outset, "all are gone")


@pytest.mark.load
@pytest.mark.parametrize("path", ["/file", "/stream", "/push"])
def test_hundreds_of_slow_readers(serve, descriptors, path):
    """Each asks for 10 MB and takes nothing: at most 64 KB of ours."""
    count = 500 if LONG else 200
    program = serve(".write_ms = 600000, .rate_grace_ms = 600000")
    outset = inside(program.pid)
    serves(program, 100)
    empty = memory(program.pid)
    with clients(program.port, count, receive=4096) as slow:
        for s in slow:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_until(lambda: inside(program.pid) >= outset + count, lambda: f"{inside(program.pid) - outset} of {count} are in")
        serves(program, 100)
        each = (memory(program.pid) - empty) / count
        print(f"{count} slow readers of {path}: {each:.0f} octets each")
        assert each <= 65536, f"{each:.0f} octets each"
    wait_until(lambda: inside(program.pid) == outset, "all are gone")
    serves(program, 100)
