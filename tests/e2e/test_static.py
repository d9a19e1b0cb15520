"""sl_static(): the same answers as nginx and Express's serve-static where that is right, and nothing from outside its folder."""
import email.utils
import itertools
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import static_table
from harness import SANITIZED, Connection, wait_until
from static_table import BODIES, TABLE

APP = r"""
#include <shallot.h>

int main(void)
{
    sl_app *app = sl_new(.standalone = true);

    sl_use(app, sl_static("FOLDER"));
    return sl_listen(app);
}
"""
SECRET = "what is outside the folder"
NODE = """
const serve = require('serve-static'), http = require('http');
const files = serve(process.argv[2]);
const s = http.createServer((q, r) => files(q, r, e => { r.statusCode = e ? e.status || 500 : 404; r.end('no'); }));
s.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + s.address().port));
"""
NGINX = """daemon off; master_process off; pid %(place)s/nginx.pid; error_log %(place)s/nginx.log crit;
events {}
http {
    access_log off; gzip_static on; types { text/plain txt; text/html html; }
    client_body_temp_path %(place)s/1; proxy_temp_path %(place)s/2; fastcgi_temp_path %(place)s/3; uwsgi_temp_path %(place)s/4; scgi_temp_path %(place)s/5;
    server { listen unix:%(place)s/s; listen 127.0.0.1:%(port)d; absolute_redirect off; root %(files)s; }
}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder as static_table has it, old enough to be kept in memory and to have strong entity tags."""
    place = tmp_path_factory.mktemp("place")
    (place / "secret.txt").write_text(SECRET)
    root = place / "files"
    for name, content in static_table.FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    wait_until(lambda: time.time() - (root / "z.txt.gz").stat().st_ctime > 4.5, "the files become old")
    return root


@pytest.fixture
def shallot(compile, start, files):
    return start([compile(APP.replace("FOLDER", str(files)))]).port


@pytest.fixture
def nginx(start, files, tmp_path):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    for _ in range(5):  # it cannot say which port it was given
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        (tmp_path / "conf").write_text(NGINX % {"place": tmp_path, "files": files, "port": port})
        program = start(["nginx", "-p", tmp_path, "-c", tmp_path / "conf"], wait_ready=False)
        wait_until(lambda: (tmp_path / "nginx.pid").exists() or program.ended, "nginx starts")
        if not program.ended:
            return port
    raise AssertionError(program.text())


@pytest.fixture
def serve_static(start, files, tmp_path):
    modules = os.environ.get("SERVE_STATIC")
    if not modules or not shutil.which("node"):
        pytest.skip("SERVE_STATIC does not name a folder with Express")
    (tmp_path / "serve.js").write_text(NODE)
    return start(["node", tmp_path / "serve.js", files], env={"NODE_PATH": f"{modules}/node_modules"}).port


def validators(port):
    with Connection(port) as c:
        headers = c.get(static_table.F).headers
    at = email.utils.parsedate_to_datetime(headers["last-modified"]).timestamp()
    etag = headers["etag"].removeprefix("W/")
    return {"etag": etag, "weak": "W/" + etag, "modified": headers["last-modified"], "before": email.utils.formatdate(at - 1, usegmt=True),
            "after": email.utils.formatdate(at + 1, usegmt=True)}


def answer_of(port, request, values):
    method, path, fields = request
    with Connection(port) as c:
        return c.get(path, method, {k: v.format(**values) if "{" in v else v for k, v in fields.items()} | {"Connection": "close"})


def ranges_of(response):
    """The ranges of a multipart answer, if all of it is as RFC 9110 §14.6 wants it."""
    boundary = re.fullmatch(r"multipart/byteranges; ?boundary=(\S+)", response.headers["content-type"]).group(1).encode()
    body = response.body
    assert "content-range" not in response.headers
    assert body.removeprefix(b"\r\n").startswith(b"--" + boundary + b"\r\n") and body.endswith(b"\r\n--" + boundary + b"--\r\n")
    found = []
    for piece in body.removesuffix(b"\r\n--" + boundary + b"--\r\n").split(b"--" + boundary + b"\r\n")[1:]:
        head, _, content = piece.partition(b"\r\n\r\n")
        first, last = map(int, re.search(rb"Content-Range: bytes (\d+)-(\d+)/1000", head).groups())
        assert re.search(rb"Content-Type: text/plain", head)
        assert content.removesuffix(b"\r\n") == static_table.FILE[first:last + 1].encode()
        found.append((first, last))
    return found


def describe(response):
    """An answer as the table has it, as far as it can be told."""
    body = response.body
    if response.status == 301:
        return 301, re.sub(r"^http://[^/]*", "", response.headers["location"])
    if response.status == 206 and response.headers["content-type"].startswith("multipart/"):
        return 206, ranges_of(response)
    if response.status == 206:
        return 206, body
    if response.status >= 400:
        return response.status, "*"
    return response.status, next((name for name, content in BODIES.items() if content == body and body), "")


def check_headers(response):
    """What goes with a status, whatever was asked for."""
    headers = response.headers
    if response.status == 206 and not headers["content-type"].startswith("multipart/"):
        first, last, size = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers["content-range"]).groups())
        assert last - first + 1 == len(response.body) and size > last
    elif response.status == 416:
        assert re.fullmatch(r"bytes \*/\d+", headers["content-range"])
    elif response.status != 206:
        assert "content-range" not in headers
    if response.status in (200, 206):
        assert headers["accept-ranges"] == "bytes"
    if response.status in (200, 206, 304):
        assert headers["etag"].removeprefix("W/" if response.status == 304 else "")[0] == '"' and "last-modified" in headers and headers["cache-control"] == "no-cache"
    if response.status == 304:
        assert "content-type" not in headers and "content-length" not in headers


def compare(port, column, check=lambda response: None):
    values = validators(port)
    wrong = []
    for row in TABLE:
        response = answer_of(port, row[0], values)
        expected = row[column] or row[1]
        check(response)
        if describe(response) != expected:
            wrong.append(f"{row[0][0]} {row[0][1][:40]} {row[0][2]}: {describe(response)}, not {expected}")
    assert not wrong, f"{len(wrong)} of {len(TABLE)}:\n" + "\n".join(wrong)


def test_the_table(shallot):
    compare(shallot, 1, check_headers)


def test_what_nginx_gives(nginx):
    compare(nginx, 2)


def test_what_serve_static_gives(serve_static):
    compare(serve_static, 3)


def hidden_ways():
    """Some ways to write "..", and places to begin from, that have led out of some server's folder."""
    ups = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "..;", "..\\", "..%5c", "..%255c", "....", "...", "%c0%ae%c0%ae", "%uff0e%uff0e", "..%20",
           "%09..", ".%00.", "../.", "./.."]
    separators = ["/", "//", "%2f", "%5c", "\\", "%252f", "%c0%af", "/./"]
    starts = ["/", "//", "/docs/", "/link/", "/folder/x/", "/.well-known/", "/./", "http://t/", "/docs/%2e/"]
    targets = ["secret.txt", "etc/passwd"]
    for up, separator in itertools.product(ups, separators):
        for depth in (1, 2, 7):
            yield "/" + (up + separator) * depth + targets[depth > 2]
    for start, up, target in itertools.product(starts, ups, targets):
        yield start + (up + "/") * (3 if target == "secret.txt" else 9) + target


LITERAL = ["/out.txt", "/outdir/secret.txt", "/outdir/files/../secret.txt", "/absolute.txt", "/absolute/secret.txt", "/rootdir/etc/passwd", "/proc/root/etc/passwd",
           "/chain1", "/docs/up/up/secret.txt", "/link/../secret.txt", "/up/secret.txt", "/proc/cwd/etc/passwd", "//etc/passwd", "///etc/passwd", "/%2fetc/passwd",
           "/etc/passwd", "file:///etc/passwd", "/file:///etc/passwd", "/C:/etc/passwd", "/~root/etc/passwd", "/docs/../../secret.txt", "/dangling", "/loop/x"]


def put_links(root):
    """Symbolic links of every kind that lead out."""
    place = root.parent
    for name, to in {"out.txt": "../secret.txt", "outdir": "..", "absolute.txt": place / "secret.txt", "absolute": place, "rootdir": "/", "proc": "/proc/self",
                     "chain1": "chain2", "chain2": "docs/chain3", "docs/chain3": "../../secret.txt", "docs/up": "../..", "up": "docs/up", "link": "docs",
                     "dangling": "nowhere", "loop": "loop"}.items():
        if not (root / name).is_symlink():
            (root / name).symlink_to(to)


def escaped(data):
    return SECRET.encode() in data or b"root:" in data


def ask_all(port, paths):
    """Statuses; every request on its own, because some are malformed and end their connection."""
    statuses = {}
    for path in paths:
        with Connection(port) as c:
            c.send(f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            data = c.read_all()
        assert not escaped(data), f"{path}: {data!r}"
        status = int(data.split()[1])
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


def test_no_path_leads_out(shallot, files):
    put_links(files)
    paths = [*dict.fromkeys([*hidden_ways(), *LITERAL])]
    assert len(paths) >= 200
    statuses = ask_all(shallot, paths)
    assert set(statuses) <= {400, 404} and statuses[404] > 200, statuses
    assert ask_all(shallot, ["/link/one.txt", "/docs/one.txt"]) == {200: 2}  # a link that stays


class Mover(threading.Thread):
    """Renames and links without a pause until it is stopped."""

    def __init__(self, *moves):
        super().__init__(daemon=True)
        self.moves, self.count, self.stopping = moves, 0, threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            for move in self.moves:
                move()
            self.count += 1

    def stop(self):
        self.stopping.set()
        self.join()


def links_in_place_of(path, target):
    """Two moves: a link to somewhere outside takes the place of what is at path, and goes again."""
    away, link = path.with_name(path.name + ".away"), path.with_name(path.name + ".link")
    link.symlink_to(target)
    return [lambda: (os.rename(path, away), os.rename(link, path)), lambda: (os.rename(path, link), os.rename(away, path))]


def test_no_race_leads_out(compile, start, tmp_path):
    root = tmp_path / "files"
    for name in ("a/b/c", "moving/deep", "swapped"):
        (root / name).mkdir(parents=True)
    (tmp_path / "outside/deep").mkdir(parents=True)
    for path in ("secret.txt", "outside/one.txt", "outside/deep/one.txt"):
        (tmp_path / path).write_text(SECRET)
    for path in ("one.txt", "moving/one.txt", "moving/deep/one.txt", "swapped/one.txt", "a/b/c/one.txt"):
        (root / path).write_text("inside")
    (root / "a/b/c/up").symlink_to("../../../one.txt")  # stays, as long as c is where it is
    (root / "a/b/c/top").symlink_to("../../..")
    port = start([compile(APP.replace("FOLDER", str(root)))]).port
    movers = [
        Mover(*links_in_place_of(root / "swapped", "../outside")),  # a folder
        Mover(*links_in_place_of(root / "one.txt", "../secret.txt")),  # a file
        Mover(lambda: os.rename(root / "a/b/c", root / "c"), lambda: os.rename(root / "c", root / "a/b/c")),  # links in it lead elsewhere
        Mover(lambda: os.rename(root / "moving", tmp_path / "moved"), lambda: os.rename(tmp_path / "moved", root / "moving")),
    ]
    paths = ["/one.txt", "/swapped/one.txt", "/swapped/deep/one.txt", "/moving/one.txt", "/moving/deep/one.txt", "/a/b/c/up", "/c/up", "/a/b/c/one.txt", "/c/one.txt",
             "/a/b/c/top/secret.txt", "/c/top/secret.txt", "/c/top/outside/one.txt", "/a/b/c/top/one.txt", "/c/top/files/one.txt"]
    statuses, until = {}, time.monotonic() + (4 if SANITIZED else 2.5)
    try:
        with Connection(port) as c:
            while time.monotonic() < until:
                c.send("".join(f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n" for path in paths))
                for path in paths:
                    response = c.read_response()
                    assert not escaped(response.body), path
                    assert response.status != 200 or response.text == "inside"
                    statuses[path, response.status] = statuses.get((path, response.status), 0) + 1
    finally:
        for mover in movers:
            mover.stop()
    assert all(mover.count > 50 for mover in movers), [mover.count for mover in movers]
    for path in ("/one.txt", "/swapped/one.txt", "/moving/one.txt", "/a/b/c/one.txt"):
        assert statuses[path, 200] > 5 and statuses[path, 404] > 5, statuses
    assert {status for _, status in statuses} <= {200, 301, 404}, statuses


def test_links_are_not_followed_without_openat2(compile, start, tmp_path):
    """As in a container whose filter of system calls does not know it."""
    source = APP.replace("FOLDER", str(tmp_path / "files")).replace("int main(void)\n{", r"""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void refuse(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(void)
{
    refuse();""")
    root = tmp_path / "files"
    (root / "docs").mkdir(parents=True)
    (root / "docs/one.txt").write_text("one")
    (tmp_path / "secret.txt").write_text(SECRET)
    put_links(root)
    program = start([compile(source)])
    program.expect("symbolic links in .* are not followed")
    assert ask_all(program.port, ["/docs/one.txt"]) == {200: 1}
    assert set(ask_all(program.port, [*LITERAL, "/link/one.txt"])) <= {400, 404}


def test_large_files_and_parts_of_them(shallot, files):
    content = bytes((i * 7 + i // 251) % 251 for i in range(1 << 20))
    (files / "large.bin").write_bytes(content)
    with Connection(shallot) as c:
        etag = c.get("/large.bin").headers["etag"]
        for first, last in ((0, 0), (0, len(content) - 1), (500_000, 900_000), (len(content) - 1, len(content) - 1)):
            response = c.get("/large.bin", headers={"Range": f"bytes={first}-{last}"})
            assert response.status == 206 and response.body == content[first:last + 1]
        response = c.get("/large.bin", headers={"Range": "bytes=100000-399999,0-9,-100000", "If-Match": "*"})
        assert response.status == 206 and len(response.body) == int(response.headers["content-length"])
        pieces = [piece.partition(b"\r\n\r\n")[2] for piece in response.body.split(response.headers["content-type"].split("=")[1].encode())]
        assert [p.removesuffix(b"\r\n--") for p in pieces[1:4]] == [content[100000:400000], content[:10], content[-100000:]]
        assert c.get("/large.bin", headers={"If-None-Match": etag}).status == 304
        assert c.get("/large.bin", method="HEAD").headers["content-length"] == str(len(content))
        c.send("".join(f"GET /large.bin HTTP/1.1\r\nHost: t\r\nRange: bytes={i}-{i + 40000}\r\n\r\n" for i in range(0, 500000, 50000)))
        for i in range(0, 500000, 50000):
            assert c.read_response().body == content[i:i + 40001]


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="sanitizers make calls of their own; or strace is not installed")
def test_system_calls_of_a_file_in_memory(shallot, start, compile, files, tmp_path):
    program = start([compile(APP.replace("FOLDER", str(files)))])
    rounds, requests = 50, 8
    with Connection(program.port) as c:
        c.get("/index.html", headers={"Accept-Encoding": "br, gzip"})
        tracer = subprocess.Popen(["strace", "-f", "-p", str(program.pid), "-o", str(tmp_path / "trace")], stderr=subprocess.PIPE, text=True)
        line = tracer.stderr.readline()
        if "attached" not in line:
            tracer.wait()
            pytest.skip(line)
        for _ in range(rounds):
            c.send("GET /index.html HTTP/1.1\r\nHost: t\r\nAccept-Encoding: br, gzip\r\n\r\n" * requests)
            for _ in range(requests):
                assert c.read_response().body == BODIES["index"]
        tracer.terminate()
        tracer.communicate()
    calls = {}
    for name in re.findall(r"^\d+ +(\w+)\(", (tmp_path / "trace").read_text(), re.M):
        calls[name] = calls.get(name, 0) + 1
    calls.pop("epoll_wait", None)
    # For all requests of a tick: one look at the folder, one at the file; once a second what is beside it.
    assert set(calls) <= {"recvfrom", "sendto", "newfstatat", "stat", "openat2", "fstat", "close"}, calls
    assert all(count <= 2 * rounds + 20 for count in calls.values()) and calls["openat2"] <= rounds + 20, calls


def test_with_compression_around_it(compile, start, tmp_path):
    """What is compressed on its way is another version, which 304 names too; ranges are of the file as it is, siblings stay as they are."""
    root = tmp_path / "files"
    root.mkdir()
    text = "a line of text that is repeated\n" * 1000
    (root / "a.txt").write_text(text)
    (root / "b.txt").write_text(text)
    (root / "b.txt.gz").write_bytes(b"a sibling")
    source = APP.replace("FOLDER", str(root)).replace("    sl_use", "    sl_use(app, sl_compress());\n    sl_use", 1)
    gzip = {"Accept-Encoding": "gzip"}
    with Connection(start([compile(source)]).port) as c:
        whole = c.get("/a.txt", headers=gzip)
        assert whole.headers["content-encoding"] == "gzip" and len(whole.body) < 1000 and whole.headers["vary"] == "Accept-Encoding"
        assert whole.headers["etag"].startswith("W/") and "accept-ranges" not in whole.headers
        again = c.get("/a.txt", headers={**gzip, "If-None-Match": whole.headers["etag"]})
        assert again.status == 304 and again.headers["etag"] == whole.headers["etag"] and again.headers["vary"] == "Accept-Encoding"
        part_of = c.get("/a.txt", headers={**gzip, "Range": "bytes=2-5"})
        assert part_of.status == 206 and part_of.text == text[2:6] and "content-encoding" not in part_of.headers
        sibling = c.get("/b.txt", headers=gzip)
        assert sibling.body == b"a sibling" and sibling.headers["vary"] == "Accept-Encoding" and sibling.headers["content-encoding"] == "gzip"
        again = c.get("/b.txt", headers={**gzip, "If-None-Match": sibling.headers["etag"]})
        assert again.status == 304 and again.headers["etag"] == sibling.headers["etag"] and again.headers["vary"] == "Accept-Encoding"
        assert c.get("/a.txt").text == text
