"""A good citizen: systemd's notify and socket activation protocols, the PID file, giving up root."""
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import ROOT, Connection, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
static int hello(sl_ctx *c) { return sl_text(c, "VERSION %s", getenv("NOTIFY_SOCKET") || getenv("LISTEN_FDS") ? "leaked" : "clean"); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2, .name = "citizen" OPTIONS);
    sl_get(app, "/", hello);
    BEFORE
    return sl_listen(app);
}
"""


@pytest.fixture
def put(compile, tmp_path):
    def build(options="", before="", version="one"):
        source = APP.replace("OPTIONS", options).replace("BEFORE", before).replace("VERSION", version)
        fresh = shutil.copy(compile(source, name=f"built-{version}"), tmp_path / "fresh")
        os.rename(fresh, tmp_path / "current")
        return tmp_path / "current"

    return build


class Manager:
    """The socket of a service manager."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.told = []

    def expect(self, pattern):
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            assert select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0], f"{pattern!r} expected in {self.told}"
            text = self.socket.recv(4096).decode()
            self.told.append(text)
            if re.search(pattern, text, re.M):
                return text


@pytest.mark.parametrize("abstract", [False, True])
def test_notify(put, start, tmp_path, abstract):
    name = f"@shallot-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    manager = Manager("\0" + name[1:] if abstract else name)
    program = start([put()], env={"NOTIFY_SOCKET": name})
    manager.expect(r"^READY=1\nSTATUS=2 of 2 workers ready, generation 1$")
    assert all("READY=1" not in t for t in manager.told[:-1])
    assert program.get("/").text == "one clean"
    put(version="two")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    program.signal(signal.SIGHUP)
    said = manager.expect(r"^RELOADING=1$")
    at = int(re.search(r"^MONOTONIC_USEC=(\d+)$", said, re.M).group(1))
    assert before <= at <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.expect(r"^READY=1\nSTATUS=generation 2 serves$")
    put(version="three", before="_exit(9);")
    program.signal(signal.SIGHUP)
    manager.expect(r"^RELOADING=1$")
    manager.expect(r"^READY=1\nSTATUS=reload failed: worker \d+ died \(exit code 9\)")
    os.kill(program.workers()[0], signal.SIGKILL)
    manager.expect(r"^STATUS=1 of 2 workers ready")
    manager.expect(r"^STATUS=2 of 2 workers ready")
    assert not any(t.startswith("WATCHDOG") for t in manager.told)
    put(version="four")
    program.signal(signal.SIGUSR2)  # the new master knows whom to tell, though its environment does not say
    manager.expect(r"^RELOADING=1$")
    manager.expect(r"^READY=1\nSTATUS=generation \d+ serves$")
    program.expect("has become the new program")
    wait_until(lambda: program.get("/").text == "four clean", "the new program answers")  # an old worker accepts until it reads its order to leave
    program.signal(signal.SIGTERM)
    manager.expect(r"^STOPPING=1$")
    assert program.wait() == 0


def test_watchdog(put, start, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    program = start([put()], env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
    for _ in range(4):
        manager.expect(r"^WATCHDOG=1$")
    harness.suspend(program.pid)
    while select.select([manager.socket], [], [], 0)[0]:
        manager.socket.recv(4096)
    assert not select.select([manager.socket], [], [], 0.5)[0]  # silence is what a watchdog hears
    program.signal(signal.SIGCONT)
    manager.expect(r"^WATCHDOG=1$")
    program.signal(signal.SIGUSR2)
    program.expect("has become the new program")
    while select.select([manager.socket], [], [], 0)[0]:
        manager.socket.recv(4096)
    manager.expect(r"^WATCHDOG=1$")


def test_a_manager_that_does_not_listen_is_not_waited_for(put, start, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    program = start([put()], env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000"})
    wait_until(lambda: program.get("/").status == 200, "serves")  # meanwhile the socket's queue is full
    assert program.stop() == 0
    manager.socket.close()
    program = start([put()], env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert program.get("/").status == 200
    assert program.stop() == 0


def activated(start, path, sockets, **env):
    """As systemd starts it: the sockets are descriptors 3, 4, ..."""
    high = [fcntl.fcntl(s, fcntl.F_DUPFD, 100) for s in sockets]  # numbers that are free: other threads open files meanwhile
    dup = "; ".join(f"exec {3 + i}<&{fd}" for i, fd in enumerate(high))
    program = start(["/bin/bash", "-c", f'{dup}; export LISTEN_PID=$$ LISTEN_FDS={len(sockets)}; exec "$0"', path], env=env, wait_ready=False,
                    pass_fds=high)
    for fd in high:
        os.close(fd)
    return program


@pytest.mark.parametrize("standalone", [False, True])
@pytest.mark.parametrize("told", [True, False])
def test_socket_activation(put, start, standalone, told):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    early = Connection(port)  # the connection that made the manager start it
    early.send_request("/")
    program = activated(start, put(", .standalone = true" if standalone else ""), [listener], PORT=str(port) if told else "0")
    assert early.read_response().text == "one clean"
    assert program.expect(r"listening on http://127\.0\.0\.1:(\d+)").group(1) == str(port)
    assert program.stop() == 0
    late = Connection(port)  # the manager still listens: nobody is refused between two lives
    late.send_request("/")
    program = activated(start, put(), [listener], PORT=str(port))
    assert late.read_response().text == "one clean"


def test_sockets_are_matched_by_address(put, start, tmp_path):
    one, two = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    path = tmp_path / "unix.sock"
    three = socket.socket(socket.AF_UNIX)
    three.bind(str(path))
    three.listen()
    ports = [s.getsockname()[1] for s in (one, two)]
    program = activated(start, put(before=f'sl_bind(app, .unix_path = "{path}"); sl_bind(app, .port = {ports[1]}, .host = "127.0.0.1");'
                                          f' sl_bind(app, .port = {ports[0]}, .host = "127.0.0.1"); return sl_run(app);'), [one, two, three])
    # HOST and PORT of the environment go for a first listener that is TCP only.
    program.expect("3 listening sockets from the service manager")
    for port in ports:
        program.expect(rf"listening on http://127\.0\.0\.1:{port}", count=2)
        assert harness.request(port).text == "one clean"
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert client.recv(1000).startswith(b"HTTP/1.1 200")
    program.signal(signal.SIGHUP)
    program.expect("generation 2 serves")
    assert harness.request(ports[0]).text == "one clean"
    assert program.stop() == 0
    assert path.exists()  # it is the manager's


def test_descriptors_meant_for_somebody_else_are_left_alone(put, start):
    program = start([put()], env={"LISTEN_FDS": "3", "LISTEN_PID": "1"})
    assert program.get("/").text == "one clean"
    assert not program.matches("from the service manager")


def test_pid_file(put, start, tmp_path):
    path = tmp_path / "citizen.pid"
    program = start([put(f', .pid_file = "{path}"')])
    assert int(path.read_text()) == program.pid
    assert program.stop() == 0
    assert not path.exists()
    program = start([put(', .pid_file = "/nowhere/pid"')], wait_ready=False)
    assert program.wait() == 1
    program.expect(r"error  master    cannot write the PID file /nowhere/pid: No such file")


def ids(pid):
    text = open(f"/proc/{pid}/status").read()
    return {name: set(re.search(rf"^{name}:\s+(.*)$", text, re.M).group(1).split()) for name in ("Uid", "Gid", "Groups")}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_given_up_after_binding(put, start, tmp_path):
    import grp
    import pwd
    path = put(', .user = "nobody", .group = "daemon"')
    nobody, daemon = str(pwd.getpwnam("nobody").pw_uid), str(grp.getgrnam("daemon").gr_gid)
    low = next(p for p in range(700, 1024) if socket.socket().connect_ex(("127.0.0.1", p)) != 0)
    program = start([path], env={"PORT": str(low)})
    workers = program.wait_workers(2)
    for pid in [program.pid, *workers]:
        assert ids(pid)["Uid"] == {nobody} and ids(pid)["Gid"] == {daemon}
        assert "0" not in ids(pid)["Groups"]
    assert program.get("/").text == "one clean"
    os.kill(workers[0], signal.SIGKILL)  # the successor runs the held file, which nobody could not open
    wait_until(lambda: len(program.workers()) == 2 and workers[0] not in program.workers(), "respawned")
    wait_until(lambda: all(ids(pid)["Uid"] == {nobody} for pid in program.workers()), "as nobody")
    assert program.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_unknown_user_is_one_line(put, start):
    program = start([put(', .user = "no-such-user"')], wait_ready=False)
    assert program.wait() == 1
    program.expect(r"cannot become user no-such-user: ")
    assert not program.matches("listening")


def test_the_unit_is_sound():
    unit = ROOT / "packaging" / "shallot@.service"
    text = unit.read_text()
    for line in ("Type=notify", "NotifyAccess=main", "KillMode=mixed", "WatchdogSec=", "ExecReload="):
        assert line in text
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        assert "Unknown" not in done.stderr and "Invalid" not in done.stderr, done.stderr
