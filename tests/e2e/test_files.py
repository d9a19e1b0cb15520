"""sl_file(): the right octets whatever happens to the file, and few system calls for those asked for often."""
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
from harness import ROOT, SANITIZED, Connection, wait_until

APP = r"""
#include <shallot.h>

static int file(sl_ctx *c) { return sl_file(c, sl_format(c, "FOLDER/%s", sl_param(c, "name"))); }
static int old(sl_ctx *c) { return sl_file(c, "ROOT/LICENSE"); }
static int hello(sl_ctx *c) { return sl_text(c, "hello"); }

int main(void)
{
    sl_app *app = sl_new(.standalone = true);

    sl_get(app, "/f/:name", file);
    sl_get(app, "/old", old);
    sl_get(app, "/hello", hello);
    return sl_listen(app);
}
"""
SETTLED = 4.5  # seconds; what changed more recently is not kept in memory


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def server(compile, start, files):
    return start([compile(APP.replace("FOLDER", str(files)).replace("ROOT", str(ROOT)))])


def pattern(size, seed):
    return (bytes((i * 7 + seed) % 251 for i in range(1000)) * (size // 1000 + 1))[:size]


def settle(path):
    wait_until(lambda: time.time() - path.stat().st_ctime > SETTLED, f"{path} becomes old")


def replace(path, content):
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)


def take(connection, size):
    """As its own take(), for what is too much to be put together piece by piece."""
    got = bytearray(connection.buffer)
    connection.buffer = b""
    while len(got) < size:
        piece = connection.socket.recv(1 << 20)
        if not piece:
            raise EOFError(f"{len(got)} octets of {size}")
        got += piece
    assert len(got) == size
    return got


SIZES = [0, 1, 10240, 16384, 16385, 32768, 32769, 70000, 1048576, 3000001]


def test_every_size_by_get_and_by_head(server, files):
    for size in SIZES:
        (files / f"{size}.css").write_bytes(pattern(size, 3))
    with Connection(server.port) as c:
        for size in SIZES:
            full = c.get(f"/f/{size}.css")
            assert full.body == pattern(size, 3)
            head = c.get(f"/f/{size}.css", method="HEAD")
            assert {**head.headers, "date": ""} == {**full.headers, "date": ""}
            assert head.headers["content-length"] == str(size) and head.headers["content-type"] == "text/css; charset=utf-8"
            assert re.fullmatch(r'W/"[0-9a-f]+-[0-9a-f]+"', head.headers["etag"])  # weak, because it is new
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", head.headers["last-modified"])


def test_what_is_not_there_or_no_file(server, files):
    (files / "folder").mkdir()
    os.mkfifo(files / "fifo")
    with Connection(server.port) as c:
        assert c.get("/f/missing").status == 404
        assert c.get("/f/folder").status == 500
        assert c.get("/f/fifo").status == 500
        assert c.get("/hello").text == "hello"


def test_files_and_short_answers_pipelined(server, files):
    for size in SIZES:
        (files / str(size)).write_bytes(pattern(size, 5))
    sequence = [s for size in SIZES for s in (size, None, size)]
    with Connection(server.port) as c:
        c.send("".join(f"GET {'/hello' if size is None else f'/f/{size}'} HTTP/1.1\r\nHost: t\r\n\r\n" for size in sequence))
        for size in sequence:
            assert c.read_response().body == (b"hello" if size is None else pattern(size, 5))


def test_a_change_is_seen_by_the_next_request(server, files):
    paths = {files / "small": 9000, files / "large": 100000}
    for path, size in paths.items():
        path.write_bytes(pattern(size, 0))
    for path in paths:
        settle(path)
    with Connection(server.port) as c:
        for path, size in paths.items():
            target = f"/f/{path.name}"
            for _ in range(3):
                response = c.get(target)
                assert response.body == pattern(size, 0)
            path.write_bytes(pattern(size, 1))  # in its place, the size the same
            changed = c.get(target)
            assert changed.body == pattern(size, 1) and changed.headers["etag"] != response.headers["etag"]
            for seed in range(2, 40):
                replace(path, pattern(size + seed % 3, seed))
                assert c.get(target).body == pattern(size + seed % 3, seed)
            path.unlink()
            assert c.get(target).status == 404
            path.write_bytes(b"back")
            assert c.get(target).body == b"back"


@pytest.mark.parametrize("small, large", [(5000, 30000), (20000, 120000)])
def test_what_is_replaced_all_the_time_is_wholly_one_or_the_other(server, files, small, large):
    versions = [pattern(small, 1), pattern(large, 2)]
    path = files / "a"
    path.write_bytes(versions[0])
    stopping, wrong, counts = threading.Event(), [], [0, 0]

    def swap():
        for i in range(400 if SANITIZED else 1000):
            replace(path, versions[i % 2])
        stopping.set()

    def ask():
        with Connection(server.port) as c:
            while not stopping.is_set():
                response = c.get("/f/a")
                if response.body not in versions:
                    wrong.append((response.status, len(response.body)))
                else:
                    counts[versions.index(response.body)] += 1

    threads = [threading.Thread(target=f) for f in (swap, ask, ask, ask)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and min(counts) > 0, (wrong, counts)


def test_a_slow_reader_gets_a_large_file_and_holds_up_nobody(server, files):
    content = pattern(10 << 20, 9)
    (files / "large").write_bytes(content)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET /f/large HTTP/1.1\r\nHost: t\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        got = bytearray()
        while piece := slow.recv(65536):
            got += piece
            if len(got) % 7 == 0:
                assert server.get("/hello").text == "hello"
    _, _, rest = bytes(got).partition(b"\r\n\r\n")
    assert rest[:len(content)] == content
    assert rest[len(content):].endswith(b"hello")


def test_a_file_that_grows_while_it_is_sent_keeps_its_length(server, files):
    content = pattern(40 << 20, 9)
    path = files / "large"
    path.write_bytes(content)
    with Connection(server.port) as c:
        c.send_request("/f/large")
        assert c.read_head()[1]["content-length"] == str(len(content))
        with path.open("ab") as f:
            f.write(b"more")
        assert take(c, len(content)) == content
        assert c.get("/hello").text == "hello"


def test_a_file_that_becomes_shorter_while_it_is_sent_is_no_whole_answer(server, files):
    size = 200 << 20
    path = files / "large"
    with path.open("wb") as f:
        f.truncate(size)
    with Connection(server.port) as c:
        c.send_request("/f/large")
        assert c.read_head()[1]["content-length"] == str(size)
        os.truncate(path, 1000)
        with pytest.raises((EOFError, ConnectionResetError)):
            take(c, size)
    assert server.get("/f/large").body == bytes(1000)


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="sanitizers make calls of their own; or strace is not installed")
def test_system_calls_of_a_file_in_memory(server, tmp_path):
    requests, rounds = 8, 50
    with Connection(server.port) as c:
        expected = (ROOT / "LICENSE").read_bytes()
        assert c.get("/old").body == expected
        trace = subprocess.Popen(["strace", "-f", "-p", str(server.pid), "-o", str(tmp_path / "trace")], stderr=subprocess.PIPE, text=True)
        line = trace.stderr.readline()
        if "attached" not in line:
            trace.wait()
            pytest.skip(line)
        for _ in range(rounds):
            c.send("GET /old HTTP/1.1\r\nHost: t\r\n\r\n" * requests)
            for _ in range(requests):
                assert c.read_response().body == expected
        trace.terminate()
        trace.communicate()
    calls = {}
    for name in re.findall(r"^\d+ +(\w+)\(", (tmp_path / "trace").read_text(), re.M):
        calls[name] = calls.get(name, 0) + 1
    calls.pop("epoll_wait")
    # One look at the file in each tick, whoever asks and however often.
    assert set(calls) <= {"recvfrom", "sendto", "newfstatat", "stat"}, calls
    assert all(count <= rounds + 2 for count in calls.values()), calls
