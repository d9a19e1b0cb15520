"""Server-sent events: from any worker to every browser, through reloads, kills and crashes; clients that leave; clients that are slow."""
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import BUILD, LONG, PATIENCE, SANITIZED, Connection, wait_until

SOURCE = (Path(__file__).parent / "programs/events.c").read_text()


class Stream(Connection):
    """What an EventSource does: reads events as they come, and knows the id of the last one."""

    def __init__(self, port, path="/events/news", last_id="", reuse=None, method="GET", **headers):
        if reuse:
            self.socket, self.buffer = reuse.socket, reuse.buffer
        else:
            super().__init__(port)
        self.text, self.last_id, self.retry = "", last_id, None
        headers = {"Accept": "text/event-stream", **headers, **({"Last-Event-ID": last_id} if last_id else {})}
        self.send_request(path, method, headers)
        self.status, self.headers, _ = self.read_head()
        assert self.status == 200 and self.headers["content-type"] == "text/event-stream"

    def event(self):
        """The next event: (name, data); None at the end of the stream."""
        while True:
            while "\n\n" not in self.text:
                chunk = self.read_chunk()
                if not chunk:
                    assert self.take_line() == b""
                    return None
                self.text += chunk.decode()
            block, _, self.text = self.text.partition("\n\n")
            name, data = "message", []
            for line in block.split("\n"):
                field, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif field == "id":
                    self.last_id = value
                elif field == "retry":
                    self.retry = int(value)
                elif field == "":
                    return ("comment", value)
            if data:
                return (name, "\n".join(data))

    def worker(self):
        name, number = self.event()
        assert name == "worker"
        return int(number)


def say(program, text, topic="news"):
    response = program.get(f"/say/{topic}", method="POST", body=text.encode())
    assert response.status == 204


def open_in_all(program, workers, **options):
    """A stream in each of the workers, by number."""
    found, spare = {}, []
    while len(found) < len(workers):
        stream = Stream(program.port, **options)
        worker = stream.worker()
        assert worker in workers and len(spare) < 500
        spare.append(stream)
        found.setdefault(worker, stream)
    for stream in spare:
        if stream not in found.values():
            stream.close()
    return found


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    from harness import COMPILER, LIBRARIES, ROOT, SANITIZE
    folder = tmp_path_factory.mktemp("events")
    (folder / "events.c").write_text(SOURCE)
    done = subprocess.run([COMPILER, "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", *SANITIZE, f"-I{ROOT / 'include'}",
                           str(folder / "events.c"), "-o", str(folder / "events"), *LIBRARIES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "events"


@pytest.fixture
def program(start, binary):
    program = start([binary])
    program.expect("http://", count=2)
    return program


def test_head_and_first_events(program):
    stream = Stream(program.port)
    assert stream.headers["cache-control"] == "no-store" and stream.headers["x-accel-buffering"] == "no"
    assert stream.headers["transfer-encoding"] == "chunked"
    assert stream.worker() in (1, 2)
    assert 1000 <= stream.retry <= 3001
    response = program.get("/events/news", method="HEAD")
    assert response.status == 200 and response.headers["content-type"] == "text/event-stream" and response.body == b""
    program.expect("a stream ended: closed")


def test_a_message_reaches_every_worker(program):
    streams = open_in_all(program, {1, 2})
    other = Stream(program.port, "/events/other")
    other.worker()
    say(program, "hello\nall")
    say(program, "else", topic="other")
    for stream in streams.values():
        assert stream.event() == ("news", "hello\nall") and stream.last_id == "1"
    assert other.event() == ("other", "else")


def test_the_last_id_is_told(program):
    stream = Stream(program.port, last_id="41")
    stream.worker()
    assert stream.event() == ("last", "41")


def test_a_fiber_sends(program):
    stream = Stream(program.port, "/count")
    assert [stream.event() for _ in range(101)] == [*[("message", str(n)) for n in range(1, 101)], None]
    program.expect("a stream ended: closed")
    program.expect("counted")
    stream.send_request("/slow")  # the connection is kept
    assert stream.read_response().text == "done"
    gone = Stream(program.port, "/count")
    gone.close()
    program.expect("a stream ended: ", count=2)
    program.expect("counted", count=2)


@pytest.mark.parametrize("how", ["fin", "half", "reset"])
def test_a_client_that_leaves_is_noticed_at_once(program, how):
    stream = Stream(program.port)
    stream.worker()
    mark = program.mark()
    began = time.monotonic()
    if how == "half":
        stream.socket.shutdown(socket.SHUT_WR)
    elif how == "reset":
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how != "half":
        stream.close()
    program.expect("a stream ended: Connection reset by peer", start=mark)
    assert time.monotonic() - began < 5
    say(program, "is nobody there")


def test_heartbeats(program):
    stream = Stream(program.port, "/events/news?beat=100")
    stream.worker()
    assert stream.event() == ("comment", "")
    assert stream.event() == ("comment", "")
    say(program, "x")
    while (event := stream.event()) == ("comment", ""):
        pass
    assert event == ("news", "x")


def test_behind_other_layers(program):
    """Nothing compresses or holds back an event, and a layer sees the stream begin and end."""
    stream = Stream(program.port, **{"Accept-Encoding": "gzip, br, zstd"})
    assert "content-encoding" not in stream.headers
    stream.worker()
    say(program, "plain")
    assert stream.event() == ("news", "plain")
    stream.close()
    program.expect("/events/news: octets were sent")
    with Connection(program.port) as c:
        assert c.get("/slow").headers["vary"] == "Accept-Encoding"  # the layer is there


def test_old_clients(program):
    with Connection(program.port) as c:
        c.send("GET /events/news HTTP/1.0\r\n\r\n")
        status, headers, _ = c.read_head()
        assert status == 200 and "transfer-encoding" not in headers and headers["connection"] == "close"
        while b"event: worker" not in c.buffer:
            c.more()
        say(program, "hello")
        while b"data: hello\n\n" not in c.buffer:
            c.more()


def test_post(program):
    with Connection(program.port) as c:
        c.send_request("/events/news", "POST", body=b"a question")
        assert c.read_head()[0] == 200
        assert b"retry" in c.read_chunk()


@pytest.mark.parametrize("drop", [0, 1])
def test_a_slow_client_costs_the_others_nothing(program, drop):
    """It is cut when its queue is full, or gets less, and as a slow one it ends; whoever reads gets everything, in order."""
    slow = Stream(program.port, f"/events/news?queue=100000&drop={drop}")
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    quick = Stream(program.port, "/events/news?queue=1000000")
    quick.worker()
    heard = []

    def listen():
        while event := quick.event():
            heard.append(event)
            if event[1] == "end":
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    mark, n = program.mark(), 0
    with Connection(program.port) as speaker:
        while not program.matches("a stream ended", start=mark):
            assert speaker.get("/say/news", method="POST", body=b"%d " % n + b"x" * 20000).status == 204
            n += 1
            wait_until(lambda: len(heard) > n - 20, "the quick one keeps up, however busy the machine")
        assert speaker.get("/say/news", method="POST", body=b"end").status == 204
    thread.join(PATIENCE)
    assert [data.split()[0] for _, data in heard] == [*map(str, range(n)), "end"]
    program.expect("a stream ended: " + ("Connection timed out" if drop else "No buffer space available"), start=mark)


def test_reload(program):
    """Streams end at once and properly, and the same connection comes back to the new worker."""
    streams = open_in_all(program, {1, 2})
    say(program, "before")
    for stream in streams.values():
        assert stream.event() == ("news", "before")
    began, mark = time.monotonic(), program.mark()
    program.signal(signal.SIGHUP)
    for stream in streams.values():
        assert stream.event() is None
    program.expect("a stream ended: ", count=2, start=mark)
    back = [Stream(program.port, reuse=stream, last_id=stream.last_id) for stream in streams.values()]
    program.wait_workers(2)
    assert time.monotonic() - began < 10
    for stream in back:
        assert stream.worker() in (3, 4)
        assert stream.event() == ("last", "1")
    say(program, "after")
    for stream in back:
        assert stream.event() == ("news", "after") and stream.last_id == "2"


def test_stop(program):
    """Open streams hold up nobody's end."""
    streams = [Stream(program.port) for _ in range(20)]
    for stream in streams:
        stream.worker()
    began = time.monotonic()
    program.signal(signal.SIGTERM)
    for stream in streams:
        assert stream.event() is None
        stream.close()
    assert program.wait() == 0
    assert time.monotonic() - began < 5
    assert len(program.matches("a stream ended: ")) == 20
    assert not program.matches("cut at the drain deadline")


def test_stop_although_clients_do_nothing(program):
    """Neither reading nor closing."""
    streams = [Stream(program.port) for _ in range(5)]
    began = time.monotonic()
    assert program.stop() == 0
    assert time.monotonic() - began < 15
    assert streams


def worker_pid(program, number):
    return next(pid for pid in program.workers() if f"worker {number} " in Path(f"/proc/{pid}/cmdline").read_text())


def test_kill(program):
    """Whoever was with a killed worker comes back to another; the others hear nothing of it."""
    streams = open_in_all(program, {1, 2})
    say(program, "one")
    for stream in streams.values():
        assert stream.event() == ("news", "one")
    os.kill(worker_pid(program, 1), signal.SIGKILL)
    with pytest.raises((EOFError, ConnectionResetError)):
        streams[1].event()
    back = Stream(program.port, last_id=streams[1].last_id)
    back.worker()
    assert back.event() == ("last", "1")
    say(program, "two")
    assert back.event() == ("news", "two") and back.last_id == "2"
    assert streams[2].event() == ("news", "two")


def test_crash(program):
    """In a handler: the streams of that worker end without a reset, its culprit and bystanders are answered."""
    program.report_expected = True
    streams = open_in_all(program, {1, 2})
    crasher = Connection(program.port)
    crasher.send_request("/crash")
    response = crasher.read_response()
    assert response.status == 500
    ended, kept = [], []
    say(program, "still there")
    for stream in streams.values():
        try:
            assert stream.event() == ("news", "still there")
            kept.append(stream)
        except EOFError:  # not ConnectionResetError
            ended.append(stream)
    assert len(ended) == 1 and len(kept) == 1


class Browser:
    """Listens for ever: comes back whenever its stream ends, as an EventSource does, and keeps what it heard."""

    def __init__(self, port):
        self.port, self.heard, self.came, self.stopping, self.stream, self.failure = port, [], 0, False, None, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        last_id = ""
        while not self.stopping:
            try:
                with Stream(self.port, "/events", last_id) as stream:
                    self.stream = stream
                    self.came += 1
                    while not self.stopping and (event := stream.event()):
                        last_id = stream.last_id
                        self.heard.append(event[1])
            except (EOFError, OSError):
                threading.Event().wait(0.01)
            except BaseException as e:
                self.failure = e
                return

    def stop(self):
        self.stopping = True
        try:
            self.stream.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        assert not self.failure


def test_chat(start):
    """What one says all hear, once and in one order, whatever happens to the workers meanwhile."""
    program = start("chat", env={"SHALLOT_INSTANCES": "2"})
    program.expect("http://", count=2)
    assert "EventSource" in program.get("/").text
    assert program.get("/say", method="POST", body=b"x" * 400).status == 400
    browsers = [Browser(program.port) for _ in range(8)]
    said = []

    def talk(more):
        for _ in range(more):
            line = f"line {len(said)}"
            assert program.get("/say", method="POST", body=line.encode()).status == 204
            said.append(line)

    def all_hear():
        wait_until(lambda: all(len(b.heard) >= len(said) for b in browsers), lambda: f"{len(said)} lines: {[len(b.heard) for b in browsers]}")
        for b in browsers:
            assert b.heard == browsers[0].heard and sorted(b.heard) == sorted(said)

    wait_until(lambda: all(b.came for b in browsers), "all browsers come")
    talk(20)
    all_hear()
    mark = program.mark()
    program.signal(signal.SIGHUP)
    talk(20)
    program.expect("generation 2 serves", start=mark)
    all_hear()
    came = sum(b.came for b in browsers)
    os.kill(program.wait_workers(2)[0], signal.SIGKILL)
    talk(20)
    program.wait_workers(2)
    talk(20)
    all_hear()
    assert sum(b.came for b in browsers) > came
    late = Browser(program.port)
    browsers.append(late)
    all_hear()
    for browser in browsers:
        browser.stop()
    assert program.stop() == 0


def pss(pids):
    """Octets in user space, what processes share divided between them."""
    return 1024 * sum(int(re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1)) for pid in pids)


class Listeners:
    """Many streams, held by bench/listeners.c."""

    def __init__(self, port, count):
        self.process = subprocess.Popen([BUILD / "bench/listeners", str(count), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line and int(line) == count

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


@pytest.mark.load
def test_many_streams(start):
    """10,000 over two workers: a broadcast reaches all within 200 ms, and each costs at most 2 KiB of ours. (A tenth of them, if not for long.)"""
    wanted = 10000 if LONG else 1000
    patience = 200 if os.getloadavg()[0] < len(os.sched_getaffinity(0)) else 1000  # ms; where others compute, they are measured
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < wanted + 1000:
        pytest.skip("too few descriptors")
    program = start([BUILD / "bench/events"], env={"SHALLOT_INSTANCES": "2"},
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2))
    program.expect("http://", count=2)
    with Listeners(program.port, 100) as few:
        few.ask("say")
        before = pss(program.workers())
        with Listeners(program.port, wanted) as many:
            rounds = [many.ask("say") for _ in range(10)]
            each = (pss(program.workers()) - before) / wanted
            assert all(r["heard"] == wanted and r["closed"] == 0 for r in rounds)
            assert each <= 2048, f"{each} octets for each stream"
            assert min(r["all_ms"] for r in rounds) <= patience, rounds
            print(f"{wanted} streams: {each:.0f} octets each; all reached in {min(r['all_ms'] for r in rounds):.1f} ms")
            began = time.monotonic()
            assert program.stop() == 0
            assert time.monotonic() - began < 15
            assert many.ask("count") == 0
