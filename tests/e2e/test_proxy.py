"""sl_proxy: what goes through unchanged, what does not, whose fault it was, and who is asked next."""
import random
import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from harness import LONG, PATIENCE, SANITIZED, Connection, wait_until
from upstream import Upstream

PROGRAM = (Path(__file__).parent / "programs" / "proxied.c").read_text()
MIB = 1 << 20


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    import conftest

    return conftest.compile.__wrapped__(tmp_path_factory.mktemp("proxied"))(PROGRAM)


@pytest.fixture
def upstream():
    made = []

    def make(serve, **kwargs):
        made.append(Upstream(serve if isinstance(serve, dict) else {"*": serve}, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert not one.errors


@pytest.fixture
def proxy(program, start):
    def run(*upstreams, **env):
        urls = " ".join(one if isinstance(one, str) else one.url("") for one in upstreams)
        return start([program], env={"UPSTREAMS": urls, **{k: str(v) for k, v in env.items()}})

    return run


def nobody():
    """A port that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return f"http://127.0.0.1:{s.getsockname()[1]}"


def memory(pid):
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def hello(talk, request):
    talk.answer("hello")


def echo(talk, request):
    talk.answer(request.body, headers="Content-Type: a/b\r\n")


def hang(talk, request):
    talk.wait_gone()


# What goes through.

TARGETS = ["/", "/a/../b/./c", "//a//b", "/%2e%2e/%2F%41", "/?", "/a?b=c&b=%20+d", "/a;b=c,d:@", "/caf%C3%A9", "/a?x=/../y?z", "/" + "long/" * 1000, "/a%20b", "/~!$&'()*"]


def test_targets_and_methods_as_they_came(proxy, upstream):
    up = upstream(hello)
    front = proxy(up)
    with Connection(front.port) as client:
        for target in TARGETS:
            assert client.get(target).status == 200
        for method in "DELETE", "PATCH", "OPTIONS", "PURGE", "TRACE":
            assert client.get("/m", method=method).status == 200
        assert client.get("*", method="OPTIONS").status == 200
        client.send("GET http://other.example:81/x/../y?z HTTP/1.1\r\nHost: ignored\r\n\r\nGET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.read_response().status == client.read_response().status == 200
        assert client.get("/ours").text == "ours"
    assert [r.target for r in up.requests] == TARGETS + ["/m"] * 5 + ["*", "/x/../y?z", "/?q"]
    assert [r.method for r in up.requests[len(TARGETS):-3]] == ["DELETE", "PATCH", "OPTIONS", "PURGE", "TRACE"]
    assert up.requests[-2].get("Host") == "other.example:81"
    assert all(r.all("Content-Length") == r.all("Transfer-Encoding") == r.all("Expect") == [] for r in up.requests)
    assert up.connections == 1


def test_request_fields(proxy, upstream):
    up = upstream(hello)
    front = proxy(up)
    with Connection(front.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a.example:8080\r\nX-A: 1\r\nx-a: 2\r\nX-Empty:\r\nX-Latin: caf\xe9\r\nCookie: a=b; c\r\nAuthorization: Basic x\r\n"
                    "Connection: keep-alive, X-Mine ,close-not\r\nX-Mine: secret\r\nclose-not: x\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\nProxy-Connection: x\r\n"
                    "Proxy-Authorization: x\r\nForwarded: for=evil\r\nX-Forwarded-For: evil\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-Port: evil\r\nVia: 1.0 before\r\n\r\n")
        assert client.read_response().status == 200
        name, port = client.socket.getsockname()
    lines = up.requests[0].lines
    assert [line for line in lines if line[0] not in ("Forwarded", "Via", "Host") and not line[0].startswith("X-Forwarded")] == [
        ("X-A", "1"), ("x-a", "2"), ("X-Empty", ""), ("X-Latin", "caf\xe9"), ("Cookie", "a=b; c"), ("Authorization", "Basic x")]
    assert dict(line for line in lines if line[0] in ("Forwarded", "Via", "Host") or line[0].startswith("X-Forwarded")) == {
        "Host": "a.example:8080", "Forwarded": 'for=127.0.0.1;host="a.example:8080";proto=http', "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "a.example:8080",
        "X-Forwarded-Proto": "http", "Via": "1.0 before, 1.1 shallot"}
    assert (name, len(lines)) == ("127.0.0.1", 12)


def test_connection_cannot_take_away_what_we_say(proxy, upstream):
    up = upstream(echo)
    answer = proxy(up).get("/", method="POST", body=b"body", headers={"Connection": "Host, Content-Length, Via, X-Forwarded-For, Forwarded, X-Other", "X-Other": "x"})
    assert answer.body == b"body"
    request = up.requests[0]
    assert request.get("Host") == "test" and request.get("X-Forwarded-For") == "127.0.0.1" and request.get("Via") == "1.1 shallot" and not request.all("X-Other")


def test_appending_and_host(proxy, upstream):
    up = upstream(hello)
    front = proxy(up, APPEND=1, OWN_HOST=1, NAME="edge")
    front.get("/", headers={"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"})
    request = up.requests[0]
    assert request.get("Host") == f"127.0.0.1:{up.port}"
    assert request.all("Forwarded") == ["for=1.2.3.4, for=127.0.0.1;host=test;proto=http"] and request.all("X-Forwarded-For") == ["1.2.3.4, 127.0.0.1"]
    assert request.all("X-Forwarded-Proto") == ["https, http"] and request.get("X-Forwarded-Host") == "test" and request.get("Via") == "1.1 edge"


def test_response_fields(proxy, upstream):
    up = upstream(lambda talk, request: talk.answer("x", "207 Odd Words", "X-A: 1\r\nx-a: 2\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\nX-Empty:\r\nConnection: X-Mine\r\nX-Mine: x\r\nKeep-Alive: 5\r\n"
                                                    "Connection: X-Other\r\nX-Other: x\r\nUpgrade: h2c\r\nX-Frame-Options: SAMEORIGIN\r\nVary: Inner\r\nDate: yesterday\r\nServer: s\r\nETag: \"e\"\r\nVia: 1.1 b\r\n"))
    with Connection(proxy(up).port) as client:
        answer = client.get("/")
    assert answer.status == 207
    lines = [line.partition(": ")[::2] for line in answer.raw.decode("latin-1").split("\r\n")[1:]]
    dates = [value for name, value in lines if name == "Date"]
    assert len(dates) == 1 and "GMT" in dates[0]
    assert sorted(line for line in lines if line[0] != "Date") == sorted([
        ("Content-Length", "1"), ("Vary", "Outer"), ("X-A", "1"), ("x-a", "2"), ("Set-Cookie", "a=b; Path=/"), ("Set-Cookie", "c=d"), ("X-Empty", ""), ("X-Frame-Options", "SAMEORIGIN"),
        ("Vary", "Inner"), ("Server", "s"), ("ETag", '"e"'), ("Via", "1.1 b, 1.1 shallot"), ("X-Seen", "207")])


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 304, 400, 404, 418, 500, 503, 599])
def test_statuses(proxy, upstream, status):
    empty = status in (204, 304)
    up = upstream(lambda talk, request: talk.send(f"HTTP/1.1 {status} X\r\nLocation: /x\r\n" + ("\r\n" if empty else "Content-Length: 2\r\n\r\nab")))
    with Connection(proxy(up).port) as client:
        for _ in range(2):
            answer = client.get("/")
            assert (answer.status, answer.body, answer.headers["location"]) == (status, b"" if empty else b"ab", "/x")
            assert answer.headers.get("content-length") == (None if empty else "2") and "content-type" not in answer.headers
    assert up.connections == 1


def test_heads(proxy, upstream):
    def head(talk, request):
        talk.send("HTTP/1.1 200 OK\r\n" + ("Content-Length: 12345\r\n\r\n" if request.target == "/known" else "Transfer-Encoding: chunked\r\n\r\n" if request.target == "/chunked" else "\r\n"))

    up = upstream(head)
    with Connection(proxy(up).port) as client:
        answer = client.get("/known", method="HEAD")
        assert answer.status == 200 and answer.headers["content-length"] == "12345"
        assert client.get("/chunked", method="HEAD").status == client.get("/neither", method="HEAD").status == 200
    assert {r.method for r in up.requests} == {"HEAD"} and up.connections == 1


def test_bodies(proxy, upstream):
    up = upstream(echo)
    with Connection(proxy(up).port) as client:
        for size in 0, 1, 5, 16384, 16385, 100000:
            body = bytes(i & 255 for i in range(size))
            answer = client.get("/", method="POST", body=body)
            assert answer.body == body and answer.headers["content-type"] == "a/b" and up.requests[-1].get("Content-Length") == str(size)
            client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" + "".join(f"{len(body[i:i + 999]):x};ext=1\r\n" + body[i:i + 999].decode("latin-1") + "\r\n" for i in range(0, size, 999)) + "0\r\nX-T: 1\r\n\r\n")
            assert client.read_response().body == body and up.requests[-1].get("Transfer-Encoding") == "chunked" and up.requests[-1].get("Content-Length") is None
        assert client.get("/", method="GET", body=b"odd").body == b"odd"
        assert client.get("/", method="DELETE").body == b""
    assert up.connections == 1


def test_interim_answers_and_trailers_end_here(proxy, upstream):
    up = upstream(lambda talk, request: talk.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"))
    with Connection(proxy(up).port) as client:
        client.send_request("/")
        status, headers, raw = client.read_head()
        assert status == 200 and "link" not in headers and headers["transfer-encoding"] == "chunked"
        assert client.read_chunk() == b"abc" and client.read_chunk() == b"" and client.take_line() == b""
        assert client.get("/ours").status == 200


def test_expectations(proxy, upstream):
    """100 is sent when the upstream is there, and not if it cannot be reached."""
    up = upstream(echo)
    with Connection(proxy(up).port) as client, Connection(proxy(nobody()).port) as other:
        for one in client, other:
            one.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_head()[0] == 100
        client.send("body")
        assert client.read_response().body == b"body"
        assert other.read_response().status == 502
    assert not up.requests[0].all("Expect")


def test_old_clients(proxy, upstream):
    up = upstream(lambda talk, request: talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
    with Connection(proxy(up).port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        status, headers, _ = client.read_head()
        assert status == 200 and "transfer-encoding" not in headers and client.read_all() == b"abc"
    assert up.requests[0].version == "HTTP/1.1" and up.requests[0].all("Host") == [""]


def test_old_upstreams(proxy, upstream):
    def serve(talk, request):
        talk.send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
        raise EOFError

    with Connection(proxy(upstream(serve)).port) as client:
        for _ in range(3):
            assert client.get("/").body == b"until the end"


def test_what_is_not_passed_on(proxy, upstream):
    up = upstream(hello)
    front = proxy(up)
    answer = front.get("/", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"})
    assert answer.status == 501
    front.expect("501 this proxy passes no WebSockets")
    with Connection(front.port) as client:
        client.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
        assert client.read_response().status in (400, 501)
    assert up.requests == []


def test_a_unix_socket(proxy, upstream, tmp_path):
    path = str(tmp_path / "up.sock")
    up = upstream(hello, unix=path)
    assert proxy(f"unix:{path}").get("/x").text == "hello"
    assert up.requests[0].get("Host") == "test"


# Streams.

def test_both_ways_at_once(proxy, upstream):
    def raw_echo(talk, request):
        talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in talk.pieces(request):
            talk.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        talk.send("0\r\n\r\n")

    with Connection(proxy(upstream(raw_echo)).port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.read_head()
        for i in range(10):
            client.send(f"6\r\nping {i}\r\n")
            assert client.read_chunk() == b"ping %d" % i
        client.send("0\r\n\r\n")
        assert client.read_chunk() == client.take_line() == b""
        assert client.get("/ours").text == "ours"


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_gibibyte_costs_little(proxy, upstream, way):
    size = (1024 if LONG else 128) * MIB
    piece, most = b"g" * MIB, [0]

    def raw_count(talk, request):
        count = sum(map(len, talk.pieces(request)))
        talk.answer(str(count))

    def send(talk, request):
        talk.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        for _ in range(size // MIB):
            talk.send(piece)

    front = proxy(upstream({"/down": send, "/up": raw_count}))
    worker = front.workers()[0]
    before = memory(worker)
    with Connection(front.port) as client:
        if way == "up":
            client.send(f"PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
            for i in range(size // MIB):
                client.send(piece)
                most[0] = max(most[0], memory(worker)) if i % 8 == 0 else most[0]
            assert client.read_response().text == str(size)
        else:
            client.send_request("/down")
            client.read_head()
            got, next_look = len(client.buffer), 0
            while got < size:
                data = client.socket.recv(MIB)
                assert data
                got += len(data)
                if got > next_look:
                    most[0], next_look = max(most[0], memory(worker)), got + 8 * MIB
            assert got == size
    if not SANITIZED:
        assert most[0] - before < 3 * MIB, f"{(most[0] - before) / MIB:.1f} MiB"


def test_an_answer_before_the_body(proxy, upstream):
    def raw_refuse(talk, request):
        talk.answer("no", "413 Too Large", "Connection: close\r\n")
        talk.wait_gone()
        raise EOFError

    up = upstream(raw_refuse)
    front = proxy(up)
    with Connection(front.port) as client:
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + "x" * 100000)
        answer = client.read_response()
        assert (answer.status, answer.text) == (413, "no")
        up.wait_closed()
    assert front.get("/ours").status == 200


# Who goes away.

@pytest.mark.parametrize("when", ["before", "within", "sending"])
def test_a_client_that_goes_away_ends_the_transfer(proxy, upstream, when):
    def raw_serve(talk, request):
        if when == "within":
            talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        talk.wait_gone()

    up = upstream(raw_serve)
    client = Connection(proxy(up).port)
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + ("Content-Length: 100\r\n\r\nhalf" if when == "sending" else "\r\n"))
    up.wait_requests(1)
    if when == "within":
        client.read_head()
        assert client.read_chunk() == b"abc"
    begun = time.monotonic()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    up.wait_closed()
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("framing", ["Content-Length: 100\r\n\r\n1234567890", "Transfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n"], ids=["length", "chunked"])
@pytest.mark.parametrize("how", ["reset", "end", "garbage"])
def test_an_answer_that_breaks_off(proxy, upstream, framing, how):
    """The client sees a broken body, never an end that was none."""
    if how == "garbage" and "Length" in framing:
        pytest.skip("there is none in a body of known length")
    begun = threading.Event()

    def serve(talk, request):
        talk.send("HTTP/1.1 200 OK\r\n" + framing)
        begun.wait(PATIENCE)
        if how == "garbage":
            talk.send("no chunk\r\n")
            talk.wait_gone()
        talk.reset() if how == "reset" else talk.socket.shutdown(socket.SHUT_RDWR)

    front = proxy(upstream(serve))
    with Connection(front.port) as client:
        client.send_request("/")
        client.read_head()
        assert client.take(10) == b"1234567890" if "Length" in framing else client.read_chunk() == b"1234567890"
        begun.set()
        with pytest.raises((EOFError, ConnectionResetError)):
            client.more()
    front.expect("GET /: the source of the body failed: GET http://127.0.0.1")
    assert front.get("/ours").status == 200


def test_leaving_waits_for_what_was_begun(proxy, upstream):
    gate = threading.Event()

    def slow(talk, request):
        talk.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        gate.wait(PATIENCE)
        talk.send("def")

    up = upstream({"/slow": slow, "/quick": hello})
    front = proxy(up)
    assert front.get("/quick").text == "hello"
    with Connection(front.port) as client:
        client.send_request("/slow")
        client.read_head()
        front.process.terminate()
        front.expect("stopping")
        gate.set()
        assert client.take(6) == b"abcdef"
    assert front.wait() == 0
    up.wait_closed()


# Failures.

def test_bad_gateway(proxy, upstream):
    cases = {"/reset": lambda talk, request: talk.reset(), "/ssh": lambda talk, request: (talk.send("SSH-2.0-x\r\n"), talk.reset()), "/odd": lambda talk, request: talk.answer("x", "600 Odd"),
             "/switch": lambda talk, request: talk.answer("", "101 Switching Protocols"), "/header": lambda talk, request: talk.answer("x", headers="X-A: a\x01b\r\n"),
             "/name": lambda talk, request: talk.answer("x", headers="X A: b\r\n")}
    front = proxy(upstream(cases), FAILS=100)
    for path in cases:
        answer = front.get(path)
        assert (answer.status, answer.body) == (502, b"502 Bad Gateway\n"), path
        assert "x-seen" not in answer.headers
        front.expect(f"GET {path}: 502 ")
    assert proxy(nobody()).get("/").status == 502


def test_gateway_timeouts(proxy, upstream):
    up = upstream(hang)
    front = proxy(up, IDLE=200)
    begun = time.monotonic()
    assert front.get("/").status == 504
    assert 0.2 <= time.monotonic() - begun < 3
    front.expect(r"GET /: 504 GET http://127.0.0.1:\d+/: nothing came for 200 ms")
    up.wait_closed()
    assert len(up.requests) == 1


def test_a_slow_client_is_not_the_upstreams_fault(proxy, upstream):
    """While the client's body is awaited the upstream owes nothing; the client's own time runs (408)."""
    up = upstream(echo)
    front = proxy(up, IDLE=200)
    with Connection(front.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nfour")
        up.wait(lambda: up.open == 1, "a connection")
        threading.Event().wait(0.5)
        client.send("more")
        assert client.read_response().body == b"fourmore"
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nfour")
        assert client.read_response().status == 408
    with Connection(front.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nzz\r\n")
        assert client.read_response().status == 400
    up.wait_closed(1)


# Several upstreams.

def test_in_turn(proxy, upstream):
    ups = [upstream(lambda talk, request, n=n: talk.answer(str(n))) for n in range(3)]
    front = proxy(*ups)
    assert [front.get("/").text for _ in range(9)] == list("012") * 3


def test_the_least_busy(proxy, upstream):
    gate = threading.Event()

    def wait(talk, request):
        gate.wait(PATIENCE)
        talk.answer("waited")

    ups = [upstream({"/wait": wait, "*": lambda talk, request, n=n: talk.answer(str(n))}) for n in range(2)]
    front = proxy(*ups, LEAST=1)
    with Connection(front.port) as slow:
        slow.send_request("/wait")
        ups[0].wait_requests(1)
        assert [front.get("/").text for _ in range(4)] == ["1"] * 4
        gate.set()
        assert slow.read_response().text == "waited"
        assert sorted(front.get("/").text for _ in range(4)) == ["0", "0", "1", "1"]


def test_who_cannot_be_reached_is_left_out(proxy, upstream):
    up = upstream(echo)
    gone = nobody()
    front = proxy(gone, up, FAILS=2, OUT=60000)
    for i in range(6):
        assert front.get("/", method="POST", body=b"b").body == b"b"  # never sent to the other, so any method may go elsewhere
    front.expect(f"proxy: {gone} is out for 60000 ms: POST {gone}/: cannot connect")
    assert len(front.matches("asking http")) == 2 and len(up.requests) == 6


def test_coming_back(proxy, upstream):
    well = threading.Event()

    def moody(talk, request):
        if not well.is_set():
            talk.reset()
        talk.answer("moody")

    one, other = upstream(moody), upstream(lambda talk, request: talk.answer("other"))
    front = proxy(one, other, FAILS=1, OUT=200)
    assert front.get("/").text == "other"
    front.expect("is out for 200 ms")
    well.set()
    deadline = time.monotonic() + PATIENCE
    while front.get("/").text != "moody":
        assert time.monotonic() < deadline
    front.expect("is back")


def test_all_are_out(proxy):
    front = proxy(nobody(), nobody(), FAILS=1, OUT=60000)
    assert front.get("/").status == 502
    assert front.get("/").status == 503
    front.expect(r"GET /: 503 proxy: every upstream is out \(2 of them\)")


@pytest.mark.parametrize("method, body, again", [("GET", None, True), ("PUT", None, True), ("DELETE", None, True), ("POST", None, False), ("PATCH", None, False), ("PUT", b"body", False), ("POST", b"body", False)])
def test_only_what_is_safe_is_asked_again(proxy, upstream, method, body, again):
    breaks, works = upstream(lambda talk, request: talk.reset()), upstream(hello)
    front = proxy(breaks, works)
    answer = front.get("/", method=method, body=body)
    assert answer.status == (200 if again else 502)
    assert len(breaks.requests) == 1 and len(works.requests) == int(again)


def test_a_slow_one_is_not_asked_elsewhere(proxy, upstream):
    slow, works = upstream(hang), upstream(hello)
    front = proxy(slow, works, IDLE=200)
    assert front.get("/").status == 504 and works.requests == []


def test_probes(proxy, upstream):
    well = threading.Event()

    def health(talk, request):
        talk.answer("", "200 OK" if well.is_set() else "500 Ill")

    one = upstream({"/health?x=1".split("?")[0]: health, "*": lambda talk, request: talk.answer("one")})
    other = upstream(lambda talk, request: talk.answer("other"))
    front = proxy(one, other, PROBE="/health?x=1", PROBE_MS=100)
    front.get("/")
    front.expect("is out: it answers 500 to the probe")
    assert {front.get("/").text for _ in range(4)} == {"other"}
    well.set()
    front.expect("is back, says the probe")
    assert {front.get("/").text for _ in range(4)} == {"one", "other"}
    assert next(r for r in one.requests if r.target.startswith("/health")).target == "/health?x=1"


def test_chaos(proxy, upstream):
    """Clients and upstreams that come, go and break at random: nothing is left over, and whoever is served is served right."""
    def raw_moody(talk, request):
        dice = random.Random(request.target)
        body = dice.randbytes(dice.choice([0, 10, 20000, 300000]))
        mood = dice.randrange(8)
        if mood == 0:
            talk.reset()
        if mood != 1:
            for _ in talk.pieces(request):
                pass
        if mood == 2:
            talk.send("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + "x" * 1000)
            talk.reset()
        if mood == 3:
            talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
            raise EOFError
        if mood == 4:
            talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + f"{len(body) + 1:x}\r\n!")
            talk.send(body + b"\r\n0\r\n\r\n")
            return
        talk.answer(body, headers="Connection: close\r\n" if mood == 1 else "")
        if mood == 1:
            raise EOFError

    def client(seed):
        dice = random.Random(seed)
        for i in range(40):
            with Connection(front.port) as one:
                target = f"/{seed}/{i}"
                body = dice.choice([None, b"b" * dice.choice([1, 5000, 200000])])
                try:
                    one.send_request(target, "POST" if body else "GET", body=body)
                    if dice.randrange(4) == 0:
                        one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        continue
                    answer = one.read_response()
                except (EOFError, OSError):
                    continue
                expected = random.Random(target)
                whole, mood = expected.randbytes(expected.choice([0, 10, 20000, 300000])), expected.randrange(8)
                if answer.status == 200 and answer.body != (b"!" if mood == 4 else b"") + whole:
                    wrong.append((target, mood, len(answer.body)))
                elif answer.status != 200 and answer.status != 502:
                    wrong.append((target, answer.status))

    wrong = []
    ups = [upstream(raw_moody) for _ in range(2)]
    front = proxy(*ups, FAILS=1000000)
    worker = front.workers()[0]
    threads = [threading.Thread(target=client, args=[seed]) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert wrong == [] and front.workers() == [worker] and front.get("/ours").text == "ours"
    wait_until(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) < 60, "connections are left over")
    assert front.stop() == 0
    for up in ups:
        up.wait_closed()


@pytest.mark.parametrize("env, words", [
    ({"UPSTREAMS": ""}, "no upstream is named"), ({"UPSTREAMS": "localhost:3000"}, '"localhost:3000" is no upstream'), ({"UPSTREAMS": "http://a http://b/path"}, '"http://b/path" is no upstream'),
    ({"UPSTREAMS": "ftp://a"}, '"ftp://a" is no upstream'), ({"UPSTREAMS": "http://u:p@a"}, "is no upstream"), ({"UPSTREAMS": "http://"}, "is no upstream"), ({"UPSTREAMS": "unix:x"}, "is no upstream"),
    ({"UPSTREAMS": "http://a", "PROBE": "health"}, '.probe "health" is no path'), ({"UPSTREAMS": "http://a", "NAME": "a b"}, '.name "a b" is no name for Via'),
    ({"UPSTREAMS": " ".join(["http://a"] * 65)}, "at most 64"),
])
def test_bad_options(program, start, env, words):
    front = start([program], env=env, wait_ready=False)
    assert front.wait() == 1
    front.expect(re.escape(words))


def test_example(start, upstream):
    up = upstream(hello)
    front = start("proxy", env={"UPSTREAMS": up.url(""), "SHALLOT_INSTANCES": "1"})
    assert front.get("/hello").text == "hello from Shallot\n"
    assert front.get("/other").text == "hello" and up.requests[0].target == "/other"
    front = start("proxy", env={"UPSTREAMS": nobody(), "SHALLOT_INSTANCES": "1"})
    answer = front.get("/")
    assert answer.status == 503 and answer.headers["retry-after"] == "10" and "having a break" in answer.text
    front.expect("cannot connect")
