"""The middleware that comes with it, in a real cluster: exact limits over workers, times, names in logs, proxies in front."""
import base64
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import Connection, request, wait_until

APP = """
#include <shallot.h>
#include <errno.h>
static int worker(sl_ctx *c)
{
    char text[16];
    snprintf(text, sizeof text, "%d", sl_worker_id());
    sl_keep_header(c, "X-Worker", text);
    return sl_next(c);
}
static int hello(sl_ctx *c) { return sl_body(c, "hello"); }
static int slow(sl_ctx *c) { int r = sl_sleep(60000); printf("slow: %d\\n", r); return r; }
static int begun(sl_ctx *c) { sl_write(c, "begun", 5); return sl_sleep(60000); }
static int body(sl_ctx *c)
{
    const void *bytes;
    size_t len;
    int r = sl_request_body(c, &bytes, &len);
    return r < 0 ? r : sl_text(c, "%zu", len);
}
static int pieces(sl_ctx *c)
{
    char buf[1000];
    ssize_t n, sum = 0;
    while ((n = sl_read(c, buf, sizeof buf)) > 0)
        sum += n;
    return n < 0 ? (int)n : sl_text(c, "%zd", sum);
}
static int whence(sl_ctx *c) { return sl_text(c, "%s %s %s %s", sl_remote(c), sl_scheme(c), sl_host(c), sl_basic_user(c) ? sl_basic_user(c) : "-"); }
static int says(sl_ctx *c) { sl_warn("saying"); return sl_fail(c, 409, "no"); }
static int fails(sl_ctx *c) { return sl_fail(c, 404, "no such thing"); }
int main(void)
{
    static const char *const trusted[] = {"127.0.0.1", NULL}, *const origins[] = {"https://app.example", NULL};
    static const sl_user users[] = {{"Aladdin", "open sesame"}, {NULL, NULL}};
    sl_app *app = sl_new(.instances = 2);
    sl_use(app, sl_trust_proxy(.trusted = trusted));
    sl_use(app, sl_logger(LOGGER));
    sl_use(app, sl_request_id(.trust = true));
    sl_use(app, sl_trace());
    sl_use(app, sl_secure_headers());
    sl_use(app, worker);
    sl_get(app, "/hello", hello);
    sl_get(app, "/limited", sl_rate_limit(app, .limit = 150, .window_ms = 3600 * 1000), hello);
    sl_get(app, "/keyed", sl_rate_limit(app, .limit = 1, .window_ms = 3600 * 1000, .header = "X-Key"), hello);
    sl_get(app, "/slow", sl_timeout(100), slow);
    sl_get(app, "/begun", sl_timeout(100), begun);
    sl_post(app, "/late", sl_timeout(100), body);
    sl_post(app, "/body", sl_body_limit(1000), body);
    sl_post(app, "/pieces", sl_body_limit(1000), pieces);
    sl_get(app, "/whence", whence);
    sl_get(app, "/user", sl_basic_auth(.users = users), whence);
    sl_get(app, "/says", says);
    sl_get(app, "/shared", sl_cors(.origins = origins), fails);
    sl_use(app, sl_vhost("*.example.com", hello));
    return sl_listen(app);
}
"""


@pytest.fixture
def app(compile):
    return compile(APP.replace("LOGGER", ".form = SL_LOGGER_AUTO"))


def ask_many(port, count):
    """So many requests over connections of one client: statuses, and the workers that served them."""
    statuses, workers, connection = [], set(), None
    for i in range(count):
        connection = connection or Connection(port)
        response = connection.get("/limited")
        statuses.append(response.status)
        workers.add(response.headers["x-worker"])
        if i % 5 == 4:  # another connection, so that both workers are met
            connection.close()
            connection = None
    return statuses, workers


def test_the_rate_limit_over_two_workers_admits_exactly_its_number(app, start):
    program = start([app])
    program.wait_workers(2)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda _: ask_many(program.port, 40), range(10)))
    statuses = [status for some, _ in results for status in some]
    assert set().union(*(workers for _, workers in results)) == {"1", "2"}
    assert len(statuses) == 400 and statuses.count(200) == 150 and statuses.count(429) == 250
    refused = program.get("/limited")
    assert refused.status == 429 and 1 <= int(refused.headers["retry-after"]) <= 24  # one comes back every 24 s
    assert refused.headers["ratelimit-policy"] == '"default";q=150;w=3600'
    assert re.fullmatch(r'"default";r=0;t=3[56]\d\d', refused.headers["ratelimit"])


def test_the_rate_limit_outlives_workers_and_reloads(app, start):
    program = start([app])
    program.wait_workers(2)
    assert program.get("/keyed", headers={"X-Key": "a"}).status == 200
    first = program.workers()
    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: len(program.workers()) == 2 and first[0] not in program.workers(), "respawned")
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.workers()) == 2 and not set(first) & set(program.workers()), "reloaded")
    for _ in range(6):
        assert program.get("/keyed", headers={"X-Key": "a"}).status == 429
    assert program.get("/keyed", headers={"X-Key": "b"}).status == 200


def test_timeouts(app, start):
    program = start([app])
    with Connection(program.port) as c:
        assert c.get("/slow").status == 503
        assert c.get("/hello").status == 200  # the connection is kept, and the fiber waits for nothing
        c.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert c.read_response().status == 503
    program.expect(r"slow: -125")  # ECANCELED
    program.expect(r"GET /slow: 503 not done within 100 ms", count=1)
    with Connection(program.port) as c:
        c.send_request("/begun")
        assert c.read_head()[0] == 200
        assert c.read_chunk() == b"begun"
        with pytest.raises((EOFError, ConnectionResetError)):  # no last chunk: it is cut
            c.read_chunk()
    program.expect(r"not done within 100 ms \(the answer had begun; closing\)")


def test_a_client_that_leaves_is_no_timeout(app, start):
    program = start([app])
    c = Connection(program.port)
    c.send_request("/slow")
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.close()  # by a reset
    program.expect(r"GET /slow canceled - ")
    program.stop()
    assert not program.matches("not done within")


def test_body_limits(app, start):
    program = start([app])
    with Connection(program.port) as c:
        for path in ("/body", "/pieces"):
            assert c.get(path, "POST", body=b"x" * 1000).text == "1000"
    for path in ("/body", "/pieces"):
        with Connection(program.port) as c:  # asked whether to go on: no
            c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
            response = c.read_response()
            assert response.status == 413 and response.headers["connection"] == "close"
            assert response.headers["x-content-type-options"] == "nosniff"
        with Connection(program.port) as c:  # what the chunk's size says is enough
            c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nffff\r\n1")
            assert c.read_response().status == 413
        with Connection(program.port) as c:
            c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + "5\r\nabcde\r\n" * 200 + "0\r\n\r\n")
            assert c.read_response().text == "1000"


def test_the_id_of_a_request_is_in_its_log_lines_and_its_answer(app, start):
    program = start([app])
    own = program.get("/says")
    assert own.status == 409 and re.fullmatch("[0-9a-f]{32}", own.headers["x-request-id"])
    program.expect(rf"#{own.headers['x-request-id']} saying")
    program.expect(rf"#{own.headers['x-request-id']} GET /says 409 ")
    assert program.get("/says", headers={"X-Request-Id": "from-the-proxy"}).headers["x-request-id"] == "from-the-proxy"
    program.expect(r"#from-the-proxy GET /says 409 ")
    json_program = start([app], env={"SHALLOT_LOG": "json"})
    json_program.get("/says", headers={"X-Request-Id": "a-name"})
    line = json.loads(json_program.expect(r'^.*"text":"saying".*$').group(0))
    assert line["request"] == "a-name" and line["worker"] in (1, 2)


def test_json_and_combined_lines(compile, start):
    program = start([compile(APP.replace("LOGGER", ".form = SL_LOGGER_JSON"), name="json")])
    hard = {"User-Agent": 'a "b" \\ caf\u00e9', "X-Request-Id": "id-1", "Traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    assert program.get("/hello?q=%22", headers=hard).status == 200
    line = json.loads(program.expect(r'^\{.*"target".*$').group(0))
    assert line["target"] == "/hello?q=%22" and line["status"] == 200 and line["bytes"] == 5 and line["request"] == "id-1"
    assert line["agent"].startswith('a "b" \\ caf') and line["trace"] == "ab" * 16 and line["remote"] == "127.0.0.1"
    assert 0 < line["ms"] < 30000 and line["worker"] in (1, 2)
    program = start([compile(APP.replace("LOGGER", ".form = SL_LOGGER_COMBINED"), name="combined")])
    program.get("/hello", headers={"Referer": "http://r/", "User-Agent": "Mozilla/5.0 (X)"})
    program.expect(r'^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /hello HTTP/1\.1" 200 5 "http://r/" "Mozilla/5\.0 \(X\)"$')


def test_errors_keep_what_concerns_the_exchange(app, start):
    program = start([app])
    response = program.get("/shared", headers={"Origin": "https://app.example"})
    assert response.status == 404 and response.text == "no such thing\n"
    assert response.headers["access-control-allow-origin"] == "https://app.example" and response.headers["vary"] == "Origin"
    assert response.headers["x-frame-options"] == "SAMEORIGIN" and "strict-transport-security" not in response.headers
    plain = program.get("/user")
    assert plain.status == 401 and plain.headers["www-authenticate"] == 'Basic realm="restricted", charset="UTF-8"'
    token = base64.b64encode(b"Aladdin:open sesame").decode()
    assert program.get("/user", headers={"Authorization": f"Basic {token}"}).text.endswith(" http test Aladdin")
    for host, status in (("www.example.com", 200), ("a.b.example.com:81", 200), ("example.com", 404)):
        with Connection(program.port) as c:
            c.send(f"GET /other HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert c.read_response().status == status


NGINX = """
daemon off; master_process off; pid %(folder)s/pid; error_log stderr;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path %(folder)s/1; proxy_temp_path %(folder)s/2; fastcgi_temp_path %(folder)s/3; uwsgi_temp_path %(folder)s/4; scgi_temp_path %(folder)s/5;
    server {
        listen unix:%(folder)s/nginx.sock;
        location / {
            proxy_pass http://127.0.0.1:%(port)d; proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For "$http_x_forwarded_for, 203.0.113.7"; proxy_set_header X-Forwarded-Proto https;
        }
    }
}
"""


def through(path, lines=""):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(f"GET /whence HTTP/1.1\r\nHost: site.example\r\n{lines}Connection: close\r\n\r\n".encode())
        text = b""
        while data := s.recv(65536):
            text += data
    return text.decode().partition("\r\n\r\n")


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
def test_behind_nginx(app, start, tmp_path):
    program = start([app])
    (tmp_path / "conf").write_text(NGINX % {"folder": tmp_path, "port": program.port})
    nginx = subprocess.Popen(["nginx", "-e", "stderr", "-c", tmp_path / "conf"], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: (tmp_path / "nginx.sock").exists() or nginx.poll() is not None, "nginx listens")
        head, _, body = through(tmp_path / "nginx.sock")
        assert body == "203.0.113.7 https site.example -"
        assert "strict-transport-security: max-age=31536000" in head.lower()
        assert through(tmp_path / "nginx.sock", "X-Forwarded-For: 127.0.0.1\r\n")[2] == body  # what the client says of himself
        assert through(tmp_path / "nginx.sock", 'X-Forwarded-For: "\r\nX-Forwarded-Host: evil\r\n')[2] == body
        direct = program.get("/whence", headers={"X-Forwarded-For": "1.2.3.4"})  # this test is at 127.0.0.1, so it is believed
        assert direct.text == "1.2.3.4 http test -"
    finally:
        nginx.kill()
        nginx.wait()


def test_a_stranger_is_not_believed(compile, start):
    program = start([compile(APP.replace("LOGGER", "").replace('{"127.0.0.1", NULL}', '{"10.0.0.0/8", NULL}'))])
    text = program.get("/whence", headers={"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Forwarded": "for=1.2.3.4;proto=https"}).text
    assert re.fullmatch(r"127\.0\.0\.1:\d+ http test -", text)


@pytest.mark.parametrize("layer, words", [
    ("sl_cors(.origins = any, .credentials = true)", "sl_cors: any origin with credentials"),
    ("sl_rate_limit(app)", "sl_rate_limit: how many"),
    ("sl_basic_auth()", "sl_basic_auth: who may come in"),
    ("sl_trust_proxy(.trusted = any)", r'sl_trust_proxy: "\*" is no address'),
    ("sl_timeout(0)", "sl_timeout: 0 ms"),
    ('sl_vhost("a:80", m)', "bad router host"),
])
def test_what_cannot_be_is_said_and_not_served(compile, start, layer, words):
    source = """
    #include <shallot.h>
    int main(void)
    {
        static const char *const any[] = {"*", NULL};
        sl_app *app = sl_new();
        sl_middleware m = sl_secure_headers();
        (void)any;
        sl_use(app, m);
        sl_use(app, LAYER);
        return sl_listen(app);
    }
    """
    program = start([compile(source.replace("LAYER", layer))], wait_ready=False)
    assert program.wait() == 1
    program.expect(words)
