"""What goes wrong on the wire and below it: descriptors and memory that run out, system calls that fail, clients that leave at any octet."""
import errno
import os
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from harness import BUILD, COMPILER, Connection, SANITIZED, request, wait_until

APP = """
#include <shallot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool released;
static char big[300000];

static int hello(sl_ctx *c) { return sl_text(c, "hello"); }
static int give(sl_ctx *c) { return sl_bytes(c, big, (size_t)atol(sl_param(c, "len"))); }
static int echo(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);
    return r < 0 ? r : sl_bytes(c, body, len);
}
static int nap(sl_ctx *c)
{
    while (!released)
        if (sl_sleep(5) < 0)
            return -1;
    return sl_text(c, "napped");
}
static int release(sl_ctx *c) { released = true; return 0; }
static ssize_t more(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *left = self;
    size_t n = len < *left ? len : *left;
    memcpy(buf, big + sizeof big - *left, n);
    *left -= n;
    return (ssize_t)n;
}
static int stream(sl_ctx *c)
{
    size_t *left = sl_alloc(c, sizeof *left);
    *left = sizeof big;
    return sl_stream(c, more, left);
}
static int push(sl_ctx *c)
{
    int r = 0;
    for (size_t at = 0; at < sizeof big && r == 0; at += 10000)
        r = sl_write(c, big + at, 10000);
    return r;
}
static int trickle(sl_ctx *c) /* until somebody is gone */
{
    int r = 0;
    while (r == 0 && (r = sl_write(c, "x", 1)) == 0)
        r = sl_sleep(1);
    sl_info("trickle ended");
    return r;
}

int main(void)
{
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + (i * 7 + (i >> 8) + (i >> 16)) % 26);
    sl_app *app = sl_new(.standalone = true, OPTIONS);
    sl_get(app, "/", hello);
    sl_get(app, "/give/:len", give);
    sl_post(app, "/echo", echo);
    sl_get(app, "/nap", nap);
    sl_get(app, "/release", release);
    sl_get(app, "/stream", stream);
    sl_get(app, "/push", push);
    sl_get(app, "/trickle", trickle);
    sl_bind(app);
    return sl_run(app);
}
"""

BIG = bytes(ord("a") + (i * 7 + (i >> 8) + (i >> 16)) % 26 for i in range(300000))
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"


@pytest.fixture
def serve(compile, start):
    def run(options=".drain_ms = 5000", **kwargs):
        return start([compile(APP.replace("OPTIONS", options))], **kwargs)

    return run


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def everything(connection):
    """All octets until the end; and whether it was a reset."""
    try:
        return connection.read_all(), False
    except ConnectionResetError:
        data, connection.buffer = connection.buffer, b""
        return data, True


def statuses(data):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d\d\d) ", data)]


def settled(program, before):
    """Nothing of the clients that are gone is left, and the next one is served."""
    wait_until(lambda: descriptors(program.pid) == before, lambda: f"{before} descriptors expected, there are {descriptors(program.pid)}")
    assert program.get().text == "hello"


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="counts system calls by strace")
def test_out_of_descriptors(serve, tmp_path):
    """Accepting pauses, without a busy loop; those who are in are served; all are when there are descriptors again."""
    program = serve(".limits.connections = 100000")
    hard = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)[1]
    most = descriptors(program.pid) + 20
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most, hard))
    clients = [Connection(program.port) for _ in range(60)]
    for client in clients:
        client.send_request("/")
    wait_until(lambda: descriptors(program.pid) == most, "it is full")
    served = [client for client in clients[:20] if client.read_response().text == "hello"]
    log = tmp_path / "trace"
    trace = subprocess.Popen(["strace", "-ttt", "-f", "-e", "trace=accept4,epoll_wait,epoll_pwait", "-o", log, "-p", str(program.pid)], stderr=subprocess.PIPE, text=True)
    assert "attached" in trace.stderr.readline()
    refused = lambda: [float(t) for t in re.findall(r"([0-9.]+) accept4\(.*EMFILE", log.read_text())]
    wait_until(lambda: len(refused()) >= 8, "it tries again")
    trace.terminate()
    trace.wait()
    times = refused()
    assert all(later - sooner > 0.03 for sooner, later in zip(times, times[1:])), times
    assert len(re.findall(r"epoll_p?wait\(", log.read_text())) <= 3 * len(times) + 5
    for _ in range(10):
        assert all(client.get("/").text == "hello" for client in served)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert all(client.read_response().text == "hello" for client in clients[20:])
    for client in clients:
        client.close()


def test_more_connections_than_there_may_be(serve):
    """Those behind the limit wait in the kernel, and each is served when another has left."""
    program = serve(".limits.connections = 5")
    before = descriptors(program.pid)
    clients = [Connection(program.port) for _ in range(30)]
    for client in clients:
        client.send_request("/")
    waiting = list(clients)
    while waiting:
        inside = waiting[:5]
        assert [client.read_response().text for client in inside] == ["hello"] * len(inside)
        assert descriptors(program.pid) <= before + 5
        assert inside[0].get("/").text == "hello"
        for client in inside:
            client.close()
        waiting = waiting[5:]
    settled(program, before)


@pytest.mark.parametrize("text", [POST, CHUNKED], ids=["length", "chunked"])
def test_half_close_at_any_octet(serve, text):
    """Who says it will send no more gets the answer to what it has sent: an error, if that is not a request."""
    program = serve()
    before = descriptors(program.pid)
    for at in range(len(text) + 1):
        with Connection(program.port) as client:
            client.send(text[:at])
            client.socket.shutdown(socket.SHUT_WR)
            data, was_reset = everything(client)
            assert not was_reset
            assert statuses(data) == ([] if at == 0 else [400] if at < len(text) else [200])
    settled(program, before)


def test_half_close_in_other_states(serve):
    program = serve()
    before = descriptors(program.pid)
    with Connection(program.port) as idle, Connection(program.port) as napping, Connection(program.port) as open_ended:
        assert idle.get("/").text == "hello"
        idle.socket.shutdown(socket.SHUT_WR)
        assert everything(idle) == (b"", False)
        napping.send_request("/nap")
        napping.socket.shutdown(socket.SHUT_WR)
        open_ended.send_request("/trickle")
        open_ended.read_head()
        open_ended.socket.shutdown(socket.SHUT_WR)
        assert not everything(open_ended)[0].endswith(b"0\r\n\r\n")
        program.expect("trickle ended")
        assert program.get("/release").status == 200
        assert napping.read_response().text == "napped"
        assert everything(napping) == (b"", False)
    for path in ("/give/300000", "/push", "/stream"):
        with Connection(program.port) as reader:
            reader.send_request(path, headers={"Connection": "close"} if path == "/give/300000" else None)
            if path == "/give/300000":  # has a length: it may still be wanted
                reader.socket.shutdown(socket.SHUT_WR)
            assert reader.read_response().body == BIG
    settled(program, before)


@pytest.mark.parametrize("text", [POST, CHUNKED], ids=["length", "chunked"])
def test_reset_at_any_octet_of_a_request(serve, text):
    program = serve()
    before = descriptors(program.pid)
    for at in range(len(text) + 1):
        client = Connection(program.port)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (at % 3) + text[:at])
        reset(client)
    settled(program, before)


@pytest.mark.parametrize("path", ["/give/300000", "/stream", "/push", "/trickle", "/nap"])
def test_reset_at_any_octet_of_a_response(serve, path):
    program = serve()
    before = descriptors(program.pid)
    for at in [*range(0, 200, 7), 5000, 65536, 131072, 200000, 299999]:
        client = Connection(program.port)
        client.send_request(path)
        if path == "/trickle":
            client.take(min(at, 200))
        elif path != "/nap":
            client.take(at)
        reset(client)
    settled(program, before)


@pytest.mark.parametrize("path", ["/", "/give/100000", "/stream"])
def test_the_last_answer_survives_what_still_comes(serve, path):
    """The server closes while the client is sending: a reset must not destroy the answer (RFC 9112 §9.6)."""
    program = serve(".limits.connection_requests = 1")
    body = {"/": b"hello", "/give/100000": BIG[:100000], "/stream": BIG}[path]
    before = descriptors(program.pid)
    for more in (0, 1, 100, 5000, 100000, 400000):
        with Connection(program.port) as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
            sender = threading.Thread(target=lambda: send_quietly(client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (more // 27 + 1)))
            sender.start()
            answer = client.read_response()
            sender.join()
            assert len(answer.body) == len(body) and answer.body == body and answer.headers["connection"] == "close"
            assert everything(client)[0] == b""
    settled(program, before)


def send_quietly(client, data):
    try:
        client.send(data)
    except OSError:
        pass


def test_the_client_closes_while_the_answer_is_on_its_way(serve):
    program = serve()
    before = descriptors(program.pid)
    for i in range(200):
        client = Connection(program.port)
        client.send(f"GET {['/', '/give/200000', '/stream'][i % 3]} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        client.close()
    settled(program, before)


def test_the_server_closes_while_the_next_request_comes(serve):
    """Idle for too long, or for the last time: a whole answer or none."""
    program = serve(".limits = {.idle_ms = 2, .connection_requests = 7}")
    before = descriptors(program.pid)
    served = 0
    for _ in range(150):
        with Connection(program.port) as client:
            try:
                for _ in range(10):
                    answer = client.get("/")
                    assert (answer.status, answer.text) == (200, "hello")
                    served += 1
                    if answer.headers.get("connection") == "close":
                        assert everything(client) == (b"", False)
                        break
            except (EOFError, ConnectionError):
                assert client.buffer == b""
    assert served > 150
    settled(program, before)


def test_the_last_request_of_a_connection_in_a_pipe(serve):
    program = serve(".limits.connection_requests = 3")
    for _ in range(20):
        with Connection(program.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
            answers = [client.read_response() for _ in range(3)]
            assert [answer.text for answer in answers] == ["hello"] * 3
            assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
            assert everything(client) == (b"", False)


@pytest.mark.skipif(SANITIZED, reason="limits the address space, of which sanitizers take all")
def test_out_of_memory(serve):
    """Whom there is no memory for gets 503; the worker lives, and serves on when there is some again."""
    program = serve(".limits.body_bytes = 1 << 30")
    before = descriptors(program.pid)
    pages = lambda: int(open(f"/proc/{program.pid}/statm").read().split()[0])
    assert program.get().text == "hello"
    hard = resource.prlimit(program.pid, resource.RLIMIT_AS)[1]
    resource.prlimit(program.pid, resource.RLIMIT_AS, (pages() * 4096 + (24 << 20), hard))
    for _ in range(5):
        with Connection(program.port) as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n")
            sender = threading.Thread(target=lambda: send_quietly(client, bytes(20 << 20)))
            sender.start()
            assert client.read_response().status == 503
            sender.join()
        assert program.get().text == "hello"
    resource.prlimit(program.pid, resource.RLIMIT_AS, (hard, hard))
    assert program.get("/echo", method="POST", body=BIG).body == BIG
    settled(program, before)


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/* One call in a hundred fails, or does less than it could. HARD: in ways that end a connection, too. */
static unsigned state = 12345;
static int pick(unsigned n) { state = state * 1664525u + 1013904223u; return (int)((state >> 8) % n); }
static int hit(void) { return pick(100) == 0; }
static int soft(void) { errno = pick(2) ? EINTR : EAGAIN; return -1; }
static int hard(void) { static const int all[] = {ENOMEM, ECONNRESET, ENOBUFS, EIO}; errno = all[pick(4)]; return -1; }
#define REAL(name, type) static type *real; if (!real) real = (type *)dlsym(RTLD_NEXT, name)
typedef ssize_t recv_fn(int, void *, size_t, int);
typedef ssize_t send_fn(int, const void *, size_t, int);
typedef ssize_t sendmsg_fn(int, const struct msghdr *, int);
typedef ssize_t sendfile_fn(int, int, off_t *, size_t);
typedef int epoll_wait_fn(int, struct epoll_event *, int, int);
typedef int accept4_fn(int, struct sockaddr *, socklen_t *, int);

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    REAL("recv", recv_fn);
    if (HARD && hit()) return hard();
    if (hit()) return soft();
    return real(fd, buf, hit() && len > 0 ? 1 + (size_t)pick((unsigned)len) : len, flags);
}
ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    REAL("send", send_fn);
    if (HARD && hit()) return hard();
    if (hit()) return soft();
    return real(fd, buf, hit() && len > 0 ? 1 + (size_t)pick((unsigned)len) : len, flags);
}
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL("sendmsg", sendmsg_fn);
    if (hit()) return HARD ? hard() : soft();
    return real(fd, m, flags);
}
ssize_t sendfile(int out, int in, off_t *at, size_t len)
{
    REAL("sendfile", sendfile_fn);
    if (hit()) return soft();
    return real(out, in, at, hit() ? 1 + (size_t)pick((unsigned)len) : len);
}
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    REAL("epoll_wait", epoll_wait_fn);
    if (hit()) { errno = EINTR; return -1; }
    return real(fd, events, max, timeout);
}
int accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
    REAL("accept4", accept4_fn);
    static const int all[] = {EINTR, EAGAIN, ECONNABORTED, EMFILE};
    if (pick(20) == 0) { errno = all[pick(4)]; return -1; }
    return real(fd, a, len, flags);
}
"""


@pytest.fixture
def shim(tmp_path):
    def build(hard):
        source, library = tmp_path / "shim.c", tmp_path / "shim.so"
        source.write_text(SHIM)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-w", f"-DHARD={hard}", source, "-o", library, "-ldl"], check=True)
        return {"LD_PRELOAD": str(library)}

    return build


def one_of_all(client, i):
    """A request of some kind and what its answer has to be."""
    kind = i % 6
    if kind == 0:
        return client.get("/").body, b"hello"
    if kind == 1:
        return client.get("/give/100000").body, BIG[:100000]
    if kind == 2:
        return client.get("/echo", method="POST", body=BIG[:i * 97 % 90000]).body, BIG[:i * 97 % 90000]
    if kind == 3:
        return client.get("/stream").body, BIG
    if kind == 4:
        return client.get("/push").body, BIG
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + CHUNKED)
    return b"".join(client.read_response().body for _ in range(21)), b"hello" * 21


@pytest.mark.skipif(SANITIZED, reason="preloads a library")
def test_one_call_in_a_hundred_stutters(serve, shim):
    """Interrupted, not now, less than there is: nobody outside can tell."""
    program = serve(env=shim(0))
    before = descriptors(program.pid)
    for i in range(20):
        with Connection(program.port) as client:
            for j in range(30):
                got, wanted = one_of_all(client, i * 30 + j)
                assert len(got) == len(wanted) and got == wanted
    settled(program, before)


@pytest.mark.skipif(SANITIZED, reason="preloads a library")
def test_one_call_in_a_hundred_fails(serve, shim):
    """A connection may be lost to it; no octet is wrong, nothing is left behind, and the program lives."""
    program = serve(env=shim(1))
    before = descriptors(program.pid)
    lost = right = 0
    for i in range(200):
        with Connection(program.port) as client:
            try:
                for j in range(10):
                    got, wanted = one_of_all(client, i * 7 + j)
                    assert len(got) == len(wanted) and got == wanted
                    right += 1
            except (EOFError, ConnectionError):
                lost += 1
    assert right > 200 and lost > 10
    wait_until(lambda: descriptors(program.pid) == before, lambda: f"{descriptors(program.pid)} descriptors, {before} before")
