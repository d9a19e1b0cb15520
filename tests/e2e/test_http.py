"""HTTP/1.1 through the whole stack: BO1-BO6, ON4, ON5, limits; the wire-level table is in tests/conformance."""
import re
import socket

import pytest

from harness import Connection, request, wait_until

APP = r"""
#include <fcntl.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static int echo(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);

    return r < 0 ? r : sl_bytes(c, body, len);
}

static int count_bytes(sl_ctx *c) /* streamed: any size */
{
    char buf[10000];
    long long total = 0;
    ssize_t n;

    while ((n = sl_read(c, buf, sizeof buf)) > 0)
        total += n;
    return n < 0 ? (int)n : sl_text(c, "%lld %s", total, sl_trailer(c, "X-Sum") ? sl_trailer(c, "X-Sum") : "-");
}

static int nothing(sl_ctx *c) { return 0; }
static int silent(sl_ctx *c) { sl_sleep(100); return sl_text(c, "slept"); }
static int teapot(sl_ctx *c) { sl_set_header(c, "X-Gone", "1"); return sl_fail(c, 418, "short and stout"); }
static int broken(sl_ctx *c) { sl_set_header(c, "X-Gone", "1"); return sl_fail(c, 500, "secret reason"); }
static int created(sl_ctx *c) { sl_set_status(c, 201); sl_set_header(c, "X-Id", "7"); return sl_body(c, "made"); }
static int no_content(sl_ctx *c) { sl_body(c, "never seen"); return sl_set_status(c, 204); }
static int bad_header(sl_ctx *c) { return sl_text(c, "%d", sl_set_header(c, "X-A", "b\r\nSet-Cookie: c")); }
static int html(sl_ctx *c) { return sl_body(c, "  <p>hi</p>"); }

static int pushed(sl_ctx *c)
{
    int r = 0;

    sl_type(c, "text/plain");
    for (int i = 0; i < 3 && r == 0; i++)
        r = sl_write(c, "piece ", 6);
    return r;
}

static int half(sl_ctx *c)
{
    sl_write(c, "half", 4);
    return sl_fail(c, 500, "too late");
}

static ssize_t pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *left = self;

    sl_sleep(1);
    if (*left == 0)
        return 0;
    if (*left < 0)
        return -5;
    --*left;
    memcpy(buf, "pulled ", 7);
    return 7;
}

static int stream(sl_ctx *c)
{
    int *left = sl_alloc(c, sizeof *left);

    *left = 3;
    return sl_stream(c, pull, left);
}

static int failing_stream(sl_ctx *c)
{
    int *left = sl_alloc(c, sizeof *left);

    *left = -1;
    sl_write(c, "begun ", 6);
    return sl_stream(c, pull, left) < 0 ? -5 : 0;
}

static int raw_stream(sl_ctx *c)
{
    sl_set_header(c, "Content-Length", "21");
    return stream(c);
}

static void gone(void *arg) { printf("deferred\n"); }

static int forever(sl_ctx *c)
{
    int r;

    sl_defer(c, gone, NULL);
    printf("forever begins\n");
    while ((r = sl_sleep(50)) == 0) { }
    printf("forever ends with %s\n", sl_strerror(r));
    return r;
}

static int outcome(sl_ctx *c)
{
    int r = sl_next(c);

    printf("outcome %d %lld\n", sl_status(c), (long long)sl_response_length(c));
    return r;
}

static char *big;

static int large(sl_ctx *c) { return sl_bytes(c, big, 8 << 20); }
static int file(sl_ctx *c) { return sl_file(c, "FILE"); }

int main(void)
{
    sl_app *app = sl_new(.instances = 1, .limits = {.head_ms = 400, .body_ms = 400, .idle_ms = 2000, .discard_bytes = 1 << 16});

    big = malloc(8 << 20);
    memset(big, 'b', 8 << 20);
    sl_use(app, outcome);
    sl_all(app, "/echo", echo);
    sl_post(app, "/count", count_bytes);
    sl_get(app, "/nothing", nothing);
    sl_get(app, "/silent", silent);
    sl_get(app, "/teapot", teapot);
    sl_get(app, "/broken", broken);
    sl_post(app, "/created", created);
    sl_get(app, "/no-content", no_content);
    sl_get(app, "/bad-header", bad_header);
    sl_get(app, "/html", html);
    sl_get(app, "/pushed", pushed);
    sl_get(app, "/half", half);
    sl_get(app, "/stream", stream);
    sl_get(app, "/failing-stream", failing_stream);
    sl_get(app, "/raw-stream", raw_stream);
    sl_get(app, "/forever", forever);
    sl_get(app, "/large", large);
    sl_get(app, "/file", file);
    return sl_listen(app);
}
"""


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "page.css"
    path.write_bytes(bytes(range(256)) * 12345)
    return path


@pytest.fixture
def server(compile, start, content):
    return start([compile(APP.replace("FILE", str(content)))])


def test_head_of_a_response(server):
    response = server.get("/html")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-length"] == str(len(response.body))
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.headers["date"])


def test_bo1_nothing_set(server):
    assert (server.get("/nothing").status, server.get("/nothing").text) == (200, "200 OK")
    assert server.get("/missing").status == 404
    response = server.get("/created")
    assert response.status == 405 and "POST" in response.headers["allow"]
    assert server.get("/echo", method="BREW").status == 200  # sl_all takes any method
    assert server.get("/html", method="BREW").status == 405  # RO4: 501 only when no route could take the method


def test_ro4_a_method_that_no_route_could_take(start):
    assert start("middleware").get("/", method="BREW").status == 404  # its last route takes any
    assert start("upload").get("/upload/x", method="BREW").status == 501


def test_bo3_head_and_options_and_bodyless_statuses(server):
    with Connection(server.port) as c:
        head = c.get("/html", method="HEAD")
        assert head.headers["content-length"] == "11" and head.body == b""
        options = c.get("/html", method="OPTIONS")
        assert options.status in (200, 204) and "GET" in options.headers["allow"]
        response = c.get("/no-content")
        assert response.status == 204 and "content-length" not in response.headers
        assert c.get("/nothing").status == 200


def test_bo4_errors(server):
    response = server.get("/teapot")
    assert response.status == 418 and "short and stout" in response.text and "x-gone" not in response.headers
    response = server.get("/broken")
    assert response.status == 500 and "secret" not in response.text and "x-gone" not in response.headers
    server.expect("secret reason")  # reported, once
    assert len(server.matches("secret reason")) == 1
    with Connection(server.port) as c:
        c.send_request("/half")
        assert b"half" in c.read_all()  # no last chunk: the end is not faked
        assert True
    server.expect("too late")


def test_bo4_after_the_head_no_end_is_faked(server):
    for path in ("/half", "/failing-stream"):
        with Connection(server.port) as c:
            c.send_request(path)
            assert not c.read_all().endswith(b"0\r\n\r\n")


def test_bo6_response_splitting_is_refused(server):
    response = server.get("/bad-header")
    assert int(response.text) < 0 and "set-cookie" not in response.headers


def test_chunked_both_ways_and_trailers(server):
    with Connection(server.port) as c:
        c.send("POST /count HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")
        assert c.read_response().text == "11 11"
        for path, text in (("/pushed", "piece piece piece "), ("/stream", "pulled pulled pulled ")):
            response = c.get(path)
            assert response.text == text and response.headers["transfer-encoding"] == "chunked"
        response = c.get("/raw-stream")
        assert response.text == "pulled pulled pulled " and "transfer-encoding" not in response.headers


def test_http_1_0(server):
    with Connection(server.port) as c:
        c.send("GET /html HTTP/1.0\r\n\r\n")
        assert c.read_response().status == 200
        assert c.read_all() == b""
    with Connection(server.port) as c:
        c.send("GET /html HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert c.read_response().headers["connection"].lower() == "keep-alive"
        c.send("GET /pushed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        status, headers, _ = c.read_head()
        assert "transfer-encoding" not in headers and c.read_all() == b"piece piece piece "


def test_expect_100_continue(server):
    with Connection(server.port) as c:
        c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert c.read_head()[0] == 100
        c.send("hello")
        assert c.read_response().text == "hello"
    with Connection(server.port) as c:  # over the limit: answered before the body is asked for
        c.send(f"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: {(1 << 20) + 1}\r\nExpect: 100-continue\r\n\r\n")
        assert c.read_head()[0] == 413


def test_bodies_at_and_over_the_limit(server):
    with Connection(server.port) as c:
        body = b"x" * (1 << 20)
        assert c.get("/echo", method="POST", body=body).body == body
        c.send_request("/echo", method="POST", headers={"Content-Length": len(body) + 1})
        assert c.read_response().status == 413
    assert request(server.port, "/count", "POST", body=b"y" * (5 << 20)).text == f"{5 << 20} -"


def test_pipelined_requests_are_answered_in_order(server):
    with Connection(server.port) as c:
        c.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n%04d" % n for n in range(200)))
        assert [c.read_response().text for _ in range(200)] == ["%04d" % n for n in range(200)]


def test_a_waiting_request_holds_up_its_successors_only(server):
    with Connection(server.port) as slow, Connection(server.port) as quick:
        slow.send("GET /silent HTTP/1.1\r\nHost: t\r\n\r\nGET /html HTTP/1.1\r\nHost: t\r\n\r\n")
        assert quick.get("/html").status == 200
        assert slow.read_response().text == "slept"
        assert slow.read_response().text == "  <p>hi</p>"
    server.expect(r"outcome 200 5")  # ON4: the code after sl_next() saw what came out, though it waited


def test_on5_the_client_going_away_cancels(server):
    c = Connection(server.port)
    c.send_request("/forever")
    server.expect("forever begins")
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.close()  # a reset
    server.expect(r"forever ends with .*[Cc]ancel")
    server.expect("deferred")


def test_on5_a_half_close_does_not_cancel(server):
    with Connection(server.port) as c:
        c.send_request("/silent")
        c.socket.shutdown(socket.SHUT_WR)
        assert c.read_response().text == "slept"
        assert c.read_all() == b""


def test_files(server, content):
    with Connection(server.port) as c:
        response = c.get("/file")
        assert response.body == content.read_bytes() and response.headers["content-type"].startswith("text/css")
        assert c.get("/file", method="HEAD").headers["content-length"] == str(content.stat().st_size)
        assert c.get("/html").status == 200


def test_a_slow_reader_gets_everything(server):
    with Connection(server.port) as c:
        c.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\nGET /html HTTP/1.1\r\nHost: t\r\n\r\n")
        status, headers, _ = c.read_head()
        assert server.get("/html").status == 200  # nobody else is held up
        assert c.take(8 << 20) == b"b" * (8 << 20)
        assert c.read_response().text == "  <p>hi</p>"


def test_timeouts(server):
    with Connection(server.port) as c:
        c.send("GET /html HTT")
        assert c.read_response().status == 408
        assert c.read_all() == b""
    with Connection(server.port) as c:
        c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf")
        assert c.read_response().status == 408
    with Connection(server.port) as c:
        assert c.get("/html").status == 200
        assert c.read_all() == b""  # idle: closed without a word


@pytest.mark.parametrize("text, status", [
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
    ("GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 17000 + "\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: b\r\n" * 101 + "\r\n", 431),
    ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
])
def test_bo5_malformed_input_is_answered_and_the_connection_closed(server, text, status):
    with Connection(server.port) as c:
        c.send("GET /html HTTP/1.1\r\nHost: t\r\n\r\n" + text + "GET /html HTTP/1.1\r\nHost: t\r\n\r\n")
        assert c.read_response().status == 200  # earlier answers go out first
        response = c.read_response()
        assert response.status == status and response.headers["connection"] == "close"
        assert c.read_all() == b""
    wait_until(lambda: server.get("/html").status == 200, "the worker lives")
