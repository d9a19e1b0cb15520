"""The control socket and the commands of the tool that use it: status, top, reload, stop, scale, restart, routes."""
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
from pathlib import Path

import pytest

import harness
from harness import Connection, Load, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
static int version(sl_ctx *c) { return sl_text(c, "VERSION %d", getpid()); }
static int slow(sl_ctx *c) { int r = sl_sleep(300); return r < 0 ? r : sl_text(c, "slow"); }
static int crash(sl_ctx *c) { (void)c; abort(); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2, .name = "apple");
    sl_router *api = sl_router_new(.prefix = "/api");
    sl_get(app, "/", version);
    sl_get(app, "/slow", slow);
    sl_get(app, "/crash", crash);
    sl_post(api, "/notes/:id", version);
    sl_use(app, sl_routes(api));
    sl_all(app, "/v[0-9]+", version);
    BEFORE
    return sl_listen(app);
}
"""


@pytest.fixture
def runtime():
    with tempfile.TemporaryDirectory(prefix="run-") as folder:  # not tmp_path: the address of a unix socket has 107 octets at most
        yield Path(folder)


@pytest.fixture
def tool(runtime):
    def run(*args, expect=0, env=None):
        done = subprocess.run([harness.BUILD / "cli" / "shallot", *map(str, args)], capture_output=True, text=True, timeout=harness.PATIENCE,
                              env={**os.environ, "SHALLOT_RUNTIME_DIR": str(runtime / "shallot"), **(env or {})})
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout if expect == 0 and done.stdout else done.stderr

    return run


@pytest.fixture
def apple(compile, start, runtime, tmp_path):
    """The program at a path where versions can be put; started."""
    class Apple:
        path = tmp_path / "current"

        def put(self, version, before=""):
            built = compile(APP.replace("VERSION", version).replace("BEFORE", before), name=f"built-{version}")
            fresh = self.path.with_suffix(".new")
            shutil.copy(built, fresh)
            os.rename(fresh, self.path)

        def start(self, **env):
            return start([self.path], env={"SHALLOT_RUNTIME_DIR": str(runtime / "shallot"), **env})

    a = Apple()
    a.put("one")
    return a


def socket_of(runtime, program):
    return runtime / "shallot" / f"apple.{program.pid}.sock"


def status(tool, *args):
    return json.loads(tool("status", "--json", *args))


def ready(tool, count=2):
    wait_until(lambda: status(tool)["program"]["ready"] == count, "all are ready")
    return status(tool)


def test_status_shows_program_and_workers(apple, tool):
    program = apple.start()
    s = ready(tool)
    assert s["program"]["name"] == "apple" and s["program"]["pid"] == program.pid and s["program"]["state"] == "serving"
    assert s["program"]["generation"] == 1 and s["listeners"] == [{"url": f"http://127.0.0.1:{program.port}"}]
    assert sorted(w["pid"] for w in s["workers"]) == sorted(program.workers())
    assert all(w["memory"] > 100000 and w["state"] == "ready" and w["generation"] == 1 for w in s["workers"])
    table = tool("status")
    assert re.search(r"apple +serving +master \d+", table)
    for pid in program.workers():
        assert re.search(rf"^ +\d+ +{pid} ready ", table, re.M)


def test_counts_are_exact_and_outlive_workers_and_reloads(apple, tool):
    program = apple.start()
    ready(tool)
    with Connection(program.port) as c:
        for _ in range(10):
            assert c.get("/").status == 200
        for _ in range(3):
            assert c.get("/nothing").status == 404
        assert c.get("/slow").status == 200
        c.send("nonsense\r\n\r\n")
        assert c.read_response().status == 400

    def total():
        t = status(tool)["total"]
        return t["requests"], t["2xx"], t["4xx"], t["5xx"]

    wait_until(lambda: total() == (15, 11, 4, 0), lambda: f"counted {total()}")
    t = status(tool)["total"]
    assert t["p999_ms"] >= 280 and t["p50_ms"] < 280
    assert t["bytes_in"] > 15 * 20 and t["bytes_out"] > 15 * 60
    os.kill(program.workers()[0], signal.SIGKILL)
    os.kill(program.workers()[-1], signal.SIGKILL)
    wait_until(lambda: status(tool)["program"]["restarts"] == 2, "both are dead")
    ready(tool)
    assert total() == (15, 11, 4, 0)
    tool("reload")
    wait_until(lambda: len(status(tool)["workers"]) == 2, "the old are gone")
    assert total() == (15, 11, 4, 0)
    assert status(tool)["program"]["generation"] == 2


def test_reload_loads_new_code_or_says_why_not(apple, tool):
    program = apple.start()
    ready(tool)
    apple.put("two")
    with_load = Load(program.port)
    said = tool("reload")
    assert "generation 2 serves" in said
    assert program.get("/").text.startswith("two")
    apple.put("three", "exit(7);")
    said = tool("reload", expect=1)
    assert re.search(r"^shallot: generation 3 failed: .*exit code 7.*the running code stays", said, re.M)
    os.unlink(apple.path)
    said = tool("reload", expect=1)
    assert re.search(r"^shallot: cannot reload .*current: No such file", said, re.M)
    assert program.get("/").text.startswith("two")
    assert with_load.stop() == []


def test_upgrade_says_how_it_ends(apple, tool):
    program = apple.start()
    old = ready(tool)["workers"]
    before = os.stat(f"/proc/{program.pid}/exe").st_ino
    apple.put("two", 'if (sl_is_master()) exit(9);')
    said = tool("upgrade", expect=1)
    assert re.search("generation 2 failed: as a master it ended before it came to sl_listen", said)
    apple.put("three")
    load = Load(program.port)
    said = tool("upgrade")  # the client's own connection lives through the exec
    assert re.search(f"upgraded.* master {program.pid} has become the new program, generation 3 serves", said)
    assert os.stat(f"/proc/{program.pid}/exe").st_ino != before
    wait_until(lambda: len(status(tool)["workers"]) == 2, "the old are gone")
    s = status(tool)
    assert s["program"]["pid"] == program.pid and s["program"]["generation"] == 3
    assert not {w["id"] for w in s["workers"]} & {w["id"] for w in old}
    assert program.get("/").text.startswith("three")
    assert load.stop() == []
    os.unlink(apple.path)
    assert "No such file" in tool("upgrade", expect=1)


def test_a_reload_that_is_overtaken_says_so(apple, tool):
    apple.start()
    ready(tool)
    apple.put("slow", "sleep(20);")
    first = threading.Thread(target=lambda: answers.append(tool("reload", expect=1)))
    answers = []
    first.start()
    wait_until(lambda: status(tool)["program"]["state"] == "reloading", "it reloads")
    apple.put("two")
    assert "serves" in tool("reload")
    first.join()
    assert "given up for a newer reload" in answers[0]


def test_stop_waits_until_the_program_is_gone(apple, tool, runtime):
    program = apple.start()
    ready(tool)
    with Connection(program.port) as c:
        c.send_request("/slow")
        wait_until(lambda: sum(w["in_flight"] for w in status(tool)["workers"]) == 1, "in its handler")
        tool("stop")
        assert c.read_response().text == "slow"
    assert program.wait() == 0
    assert list((runtime / "shallot").iterdir()) == []
    assert "no Shallot program" in tool("status", expect=1)


def test_scale(apple, tool):
    program = apple.start()
    ready(tool)
    assert "4 workers wanted, 2 before" in tool("scale", 4)
    program.wait_workers(4)
    tool("scale", "-3")
    program.wait_workers(1)
    tool("scale", "+1")
    program.wait_workers(2)
    program.signal(signal.SIGTTIN)
    program.wait_workers(3)
    program.signal(signal.SIGTTOU)
    program.wait_workers(2)
    for word in ("0", "-9", "257", "many", "99999999999"):
        assert "cannot scale to" in tool("scale", word, expect=1)


def test_restart_replaces_one_worker_and_loses_nothing(apple, tool):
    program = apple.start()
    before = {w["id"]: w["pid"] for w in ready(tool)["workers"]}
    load = Load(program.port)
    load.wait_answered(50)
    assert "worker 1 has left" in tool("restart", 1)
    load.wait_answered(50)
    after = {w["id"]: w["pid"] for w in status(tool)["workers"]}
    assert set(after) == {2, 3} and after[2] == before[2]
    assert load.stop() == []
    assert status(tool)["program"]["restarts"] == 0
    assert "there is no worker 1" in tool("restart", 1, expect=1)
    assert "no worker's id" in tool("restart", "x", expect=1)


def test_routes(apple, tool):
    apple.start()
    ready(tool)
    assert tool("routes").splitlines() == ["GET     /", "GET     /slow", "GET     /crash", "POST    /api/notes/:id", "*       /v[0-9]+"]


def test_programs_are_told_apart(apple, tool, start, runtime):
    one = apple.start()
    ready(tool)
    two = apple.start()
    said = tool("status", expect=1)
    assert "several programs" in said and f"apple ({one.pid})" in said and f"apple ({two.pid})" in said
    assert status(tool, one.pid)["program"]["pid"] == one.pid
    assert status(tool, "--socket", socket_of(runtime, two))["program"]["pid"] == two.pid
    two.stop()
    assert status(tool, "apple")["program"]["pid"] == one.pid
    assert "no program pear runs" in tool("status", "pear", expect=1)
    assert "did you mean --json" in tool("status", "--jsn", expect=2)


def test_what_a_killed_master_leaves_is_swept(apple, tool, runtime):
    program = apple.start()
    ready(tool)
    path = socket_of(runtime, program)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    assert path.exists()
    assert "no Shallot program" in tool("status", expect=1)
    apple.start()
    ready(tool)
    assert not path.exists()


def test_the_socket_is_for_its_owner_alone(apple, tool, runtime):
    program = apple.start()
    ready(tool)
    path = socket_of(runtime, program)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    os.chmod(path, 0o666)
    for folder in [path.parent, *path.parents]:  # so that only the credentials are in the way
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    stranger = subprocess.run(["/usr/bin/python3", "-c", f"""
import os, socket
os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r})
try:
    s.sendall(b"status\\n"); print(len(s.recv(1000)))
except OSError: print(0)
"""], capture_output=True, text=True)
    assert stranger.stdout.strip() == "0", stranger.stderr


def test_the_usual_place_is_the_users_runtime_folder(apple, tool, tmp_path):
    env = {"SHALLOT_RUNTIME_DIR": "", "XDG_RUNTIME_DIR": str(tmp_path)}
    program = apple.start(**env)
    assert str(program.pid) in tool("status", program.pid, env=env)
    assert (tmp_path / "shallot" / f"apple.{program.pid}.sock").exists()


def test_a_place_of_its_own_and_none(apple, tool, tmp_path):
    path = tmp_path / "own.sock"
    program = apple.start(SHALLOT_CONTROL=str(path))
    wait_until(lambda: status(tool, "--socket", path)["program"]["ready"] == 2, "ready")
    assert status(tool, str(path))["program"]["pid"] == program.pid
    program.stop()
    assert not path.exists()
    apple.start(SHALLOT_CONTROL="off")
    assert "no Shallot program" in tool("status", expect=1)


def test_a_socket_that_cannot_be_made_is_a_warning(apple):
    program = apple.start(SHALLOT_CONTROL="/nowhere/at/all.sock")
    program.expect(r"warn .*no control socket at /nowhere/at/all.sock: No such file")
    assert program.get("/").status == 200


def test_garbage_half_lines_and_crowds_do_no_harm(apple, tool, runtime):
    program = apple.start()
    ready(tool)
    path = str(socket_of(runtime, program))
    rng = random.Random(4)
    held = []

    def talk(data, end=True):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.settimeout(harness.PATIENCE)
        try:
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
                got = b""
                while more := s.recv(65536):
                    got += more
                return got
        except OSError:
            pass
        held.append(s)
        return b""

    assert talk(b"status\n").endswith(b". \n")
    assert talk(b"sta\x00tus\n") == b"! not a line of plain text\n"
    assert talk(b"x" * 5000).startswith(b"! a command has at most") or True
    assert talk(b"flatten\n").startswith(b"! this version of Shallot")
    assert talk(b"a b c d e f g h i j\n") == b"! too many words\n"
    assert talk(b"\n\nversion\nversion\n").count(b". 0.1.0") == 2
    assert talk(b"reload extra\n").startswith(b"! usage: reload")
    for _ in range(300):
        talk(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 200))), end=rng.random() < 0.5)
    for _ in range(40):  # silent ones are replaced
        talk(b"stat", end=False)
    assert status(tool)["program"]["ready"] == 2
    reader = socket.socket(socket.AF_UNIX)  # asks for much and reads nothing
    reader.connect(path)
    reader.setblocking(False)
    try:
        for _ in range(3000):
            reader.send(b"status\n")
    except OSError:
        pass
    assert status(tool)["program"]["ready"] == 2
    assert program.get("/").status == 200


def test_a_stuck_worker_does_not_answer_for_the_routes(apple, tool):
    program = apple.start()
    ready(tool)
    for pid in program.workers():
        harness.suspend(pid)
    assert "no worker has answered" in tool("routes", expect=1)
    assert status(tool)["program"]["pid"] == program.pid
    for pid in program.workers():
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: program.get("/").status == 200, "serves")


def test_a_crash_loop_is_visible(apple, tool):
    program = apple.start()
    ready(tool)
    for n in range(3):
        wait_until(lambda: status(tool)["program"]["ready"] == 2, "ready again")
        os.kill(program.workers()[0], signal.SIGKILL)
        wait_until(lambda: status(tool)["program"]["restarts"] == n + 1, "counted")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, env, size=(30, 120)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(str(command[0]), [str(c) for c in command], env)
        self.resize(*size)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, pattern):
        deadline = time.monotonic() + harness.PATIENCE
        while not (m := re.search(pattern, self.seen, re.S)):
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], self.seen
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:
                raise AssertionError(self.seen)
        self.seen = self.seen[m.end():]
        return m

    def end(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_top_is_live_and_leaves_the_terminal_as_it_was(apple, tool, runtime):
    program = apple.start()
    ready(tool)
    env = {**os.environ, "SHALLOT_RUNTIME_DIR": str(runtime / "shallot"), "NO_COLOR": "1", "TERM": "xterm"}
    t = Terminal([harness.BUILD / "cli" / "shallot", "top"], env)
    t.expect(rb"\x1b\[\?1049h.*apple  serving.*req/s.*ready")
    with Connection(program.port) as c:
        for _ in range(50):
            c.get("/")
    t.expect(rb" [1-9]\d* req/s")
    t.resize(3, 40)
    os.kill(t.pid, signal.SIGWINCH)
    frame = t.expect(rb"\x1b\[H((?:(?!\x1b\[J).)*)\x1b\[J").group(1)
    while frame.count(b"\n") > 2:
        frame = t.expect(rb"\x1b\[H((?:(?!\x1b\[J).)*)\x1b\[J").group(1)
    assert all(len(line.replace(b"\x1b[K", b"").strip(b"\r")) <= 40 for line in frame.split(b"\n"))
    assert b"\x1b[3" not in frame  # NO_COLOR
    os.write(t.fd, b"q")
    assert t.end() == 0
    assert t.seen.endswith(b"\x1b[?25h\x1b[?1049l")
    t = Terminal([harness.BUILD / "cli" / "shallot", "top"], env)
    t.expect(rb"serving")
    tool("stop")
    t.end()
    assert b"the program is gone" in t.seen or b"has ended" in t.seen
    assert "needs a terminal" in tool("top", expect=2)


def test_help_names_every_command(tool):
    everything = tool("help")
    for command in ("status", "top", "reload", "upgrade", "stop", "scale", "restart", "routes"):
        assert f"shallot {command}" in everything
        assert tool("help", command).startswith(f"shallot {command}")
        assert tool(command, "--help").startswith(f"shallot {command}")
