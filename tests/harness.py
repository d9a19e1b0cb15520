"""Starting real programs and talking to them. No test sleeps: it waits for a line, a socket or the end of a process."""
import ctypes
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("SHALLOT_BUILD_DIR", ROOT / "build-test-gcc"))
LONG = bool(os.environ.get("SHALLOT_LONG"))
SANITIZED = "asan" in BUILD.name
COMPILER = "clang" if "clang" in BUILD.name else "gcc"
SANITIZE = ["-fsanitize=address,undefined"] if SANITIZED else []
LIBRARIES = [*map(str, sorted((BUILD / "src").glob("libshallot-*.a"))), str(BUILD / "src/libshallot.a"), "-Wl,--as-needed", "-lpcre2-8", "-ljansson",
             "-lcrypto", "-lz", "-lbrotlienc", "-lzstd", "-lcurl", "-lpq", "-pthread"]
PATIENCE = 30  # seconds; many times what anything here should take

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans come to us, so that none is overlooked


STATE = tempfile.TemporaryDirectory(prefix="shallot-state-")  # crash reports go there


class Program:
    """A program under test: its lines as they come (both streams), its URL, its workers, its end."""

    def __init__(self, command, env=None, cwd=None, wait_ready=True, **popen):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOT_") and k not in ("PORT", "HOST")}
        if SANITIZED:  # what the tool builds against a sanitized library has to be sanitized too
            clean.update(CC=COMPILER, CFLAGS="-g " + " ".join(SANITIZE))
        self.report_expected = False  # a sanitizer's report is a failure, unless the test says so
        self.process = subprocess.Popen([str(c) for c in command], env={**clean, "XDG_STATE_HOME": STATE.name, "SHALLOT_RUNTIME_DIR": STATE.name + "/run", "HOST": "127.0.0.1", "PORT": "0", **(env or {})},
                                        cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace", bufsize=1, start_new_session=True, **popen)
        self.lines = []
        self.fresh = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = None
        if wait_ready:
            self.port = int(self.expect(r"http://127\.0\.0\.1:(\d+)").group(1))

    def _read(self):
        for line in self.process.stdout:
            with self.fresh:
                self.lines.append(line.rstrip("\n"))
                self.fresh.notify_all()
        with self.fresh:
            self.ended = True
            self.fresh.notify_all()

    def expect(self, pattern, count=1, start=0, timeout=PATIENCE):
        """Waits until @count lines (from line number @start on) match; returns the last match."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout
        with self.fresh:
            while True:
                found = [m for m in map(regex.search, self.lines[start:]) if m]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(f"{count} times {pattern!r} expected, {len(found)} found in:\n" + self.text())
                self.fresh.wait(left)

    def matches(self, pattern, start=0):
        with self.fresh:
            return [m for m in map(re.compile(pattern).search, self.lines[start:]) if m]

    def mark(self):
        """Line number to expect() from."""
        with self.fresh:
            return len(self.lines)

    def text(self):
        return "\n".join(self.lines[-200:])

    @property
    def pid(self):
        return self.process.pid

    def workers(self):
        """Pids of the living children of the master, but for those that name the frames of a crash."""
        return [pid for pid in children(self.pid) if not is_namer(pid)]

    def wait_workers(self, count):
        wait_until(lambda: len(self.workers()) == count, lambda: f"{count} workers expected, there are {self.workers()}")
        return self.workers()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """Exit status; all output has been read."""
        status = self.process.wait(timeout)
        self.reader.join(timeout)
        return status

    def stop(self):
        """Stops as an operator would, and checks that it ends well. Returns the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """For teardown: nothing of it survives."""
        group = self.process.pid
        everyone = descendants(group)
        for pid in [*everyone, group]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(PATIENCE)

    def get(self, path="/", **kwargs):
        return request(self.port, path, **kwargs)


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if not is_zombie(int(p))]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def is_namer(pid):
    try:
        return b"SHALLOT_SYMBOLISE=" in Path(f"/proc/{pid}/environ").read_bytes()
    except (OSError, ProcessLookupError):
        return False


def state_of(pid):
    """The letter of /proc/PID/stat; X when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_zombie(pid):
    return state_of(pid) in "ZX"


def suspend(pid):
    """SIGSTOP, and waits until it has stopped: a signal takes its time to arrive."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) == "T", lambda: f"{pid} stops, it is {state_of(pid)}")


def alive(pid):
    return not is_zombie(pid)


def wait_until(condition, message, timeout=PATIENCE):
    """For what no descriptor announces (another process's children): looks again every few milliseconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message() if callable(message) else message)
        pause.wait(0.005)


class Response:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    @property
    def text(self):
        return self.body.decode()


class Connection:
    """A plain HTTP/1.1 client connection that reads exactly one response at a time."""

    def __init__(self, port, timeout=PATIENCE, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def send_request(self, path="/", method="GET", headers=None, body=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: test"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"connection closed, {len(self.buffer)} octets of a response read")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take_line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in rest:
            name, _, value = line.partition(":")
            headers[name.lower()] = f"{headers[name.lower()]}, {value.strip()}" if name.lower() in headers else value.strip()
        return int(first.split()[1]), headers, head

    def read_chunk(self):
        size = int(self.take_line().split(b";")[0], 16)
        data = self.take(size)
        if size:
            assert self.take(2) == b"\r\n"
        return data

    def read_response(self, method="GET"):
        status, headers, raw = self.read_head()
        body = b""
        if method == "HEAD" or status in (204, 304) or status < 200:
            pass
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            while chunk := self.read_chunk():
                body += chunk
            while self.take_line():
                pass
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            body = self.read_all()
        return Response(status, headers, body, raw)

    def read_all(self):
        """Everything until the end of the connection."""
        while True:
            data = self.socket.recv(65536)
            if not data:
                data, self.buffer = self.buffer, b""
                return data
            self.buffer += data

    def get(self, path="/", method="GET", headers=None, body=None):
        self.send_request(path, method, headers, body)
        return self.read_response(method)

    def close(self):
        self.socket.close()


def request(port, path="/", method="GET", headers=None, body=None):
    with Connection(port) as connection:
        return connection.get(path, method, {"Connection": "close", **(headers or {})}, body)


class Witness:
    """A client that asks again and again on new connections and keeps what it got: answers, each only if it differs from the one before, and failures."""

    def __init__(self, port, path="/", host="127.0.0.1"):
        self.port, self.path, self.host = port, path, host
        self.stopping = threading.Event()
        self.answers, self.failures, self.count = [], [], 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        Load.running.append(self)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set() and len(self.failures) < 1000:
            try:
                with Connection(self.port, host=self.host) as connection:
                    response = connection.get(self.path, headers={"Connection": "close"})
            except (OSError, EOFError) as error:
                self.failures.append(f"{type(error).__name__} {error}")
                continue
            answer = response.status, response.text
            if not self.answers or self.answers[-1] != answer:
                self.answers.append(answer)
            self.count += 1

    def wait(self, condition):
        """Waits until an answer meets the condition."""
        wait_until(lambda: any(condition(*answer) for answer in self.answers), lambda: f"{self.answers[-5:]} {self.failures[:5]}")

    def stop(self):
        self.stopping.set()
        self.thread.join(PATIENCE)
        return self.failures


class Load:
    """Clients in threads that ask again and again until stop(); counts answers and failures of each kind.

    A kept connection that the server closed after announcing it (Connection: close) is not a failure; anything else that keeps
    a request from its full answer is.
    """

    running = []  # of the present test; conftest.py stops what a failed one has left

    def __init__(self, port, kept=2, new=2, path="/", check=None):
        self.port, self.path, self.check = port, path, check
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.answered, self.failures = 0, []
        self.threads = [threading.Thread(target=target, daemon=True) for target in [self._kept] * kept + [self._new] * new]
        self.running.append(self)
        for thread in self.threads:
            thread.start()

    def _one(self, connection, headers):
        response = connection.get(self.path, headers=headers)
        if response.status != 200 or (self.check and not self.check(response)):
            raise AssertionError(f"{response.status} {response.body[:80]!r}")
        with self.lock:
            self.answered += 1
        return response

    def _fail(self, kind, error):
        with self.lock:
            self.failures.append(f"{kind}: {type(error).__name__} {error}")
            if len(self.failures) >= 10000:  # nobody is there
                self.stopping.set()

    def _kept(self):
        connection = None
        while not self.stopping.is_set():
            try:
                connection = connection or Connection(self.port)
                if self._one(connection, {}).headers.get("connection") == "close":
                    connection.close()
                    connection = None
            except (OSError, EOFError, AssertionError) as error:
                self._fail("kept", error)
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    def _new(self):
        while not self.stopping.is_set():
            try:
                with Connection(self.port) as connection:
                    self._one(connection, {"Connection": "close"})
            except (OSError, EOFError, AssertionError) as error:
                self._fail("new", error)

    def wait_answered(self, more):
        """Waits until that many more requests were answered."""
        goal = self.answered + more
        wait_until(lambda: self.answered >= goal, lambda: f"only {self.answered} of {goal} answered; {self.failures[:5]}")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        return self.failures
