"""What an operator has in hand stays in hand when the master becomes the new program: socket, PID file, counts, notify, activation."""
import json
import os
import signal
import socket
import subprocess

import pytest

import harness
from harness import Connection, wait_until
from test_service import Manager, activated, put  # noqa: F401 (a fixture)


def status(program_pid, folder):
    done = subprocess.run([harness.BUILD / "cli" / "shallot", "status", str(program_pid), "--json"], capture_output=True, text=True,
                          env={**os.environ, "SHALLOT_RUNTIME_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_upgrade(put, start, tmp_path):  # noqa: F811
    folder, pid_file = tmp_path / "run", tmp_path / "pid"
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    manager = Manager(str(tmp_path / "notify"))
    options = f', .pid_file = "{pid_file}"'
    program = activated(start, put(options), [listener], PORT=str(port), SHALLOT_RUNTIME_DIR=str(folder), NOTIFY_SOCKET=str(tmp_path / "notify"),
                        WATCHDOG_USEC="200000")
    manager.expect("^READY=1")
    for _ in range(30):
        assert harness.request(port).text == "one clean"
    wait_until(lambda: status(program.pid, folder)["total"]["requests"] == 30, "counted")
    put(options, version="two")
    done = subprocess.run([harness.BUILD / "cli" / "shallot", "upgrade", str(program.pid)], capture_output=True, text=True,
                          env={**os.environ, "SHALLOT_RUNTIME_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert harness.request(port).text == "two clean"
    s = status(program.pid, folder)
    assert s["program"]["pid"] == program.pid and s["program"]["generation"] >= 2
    wait_until(lambda: status(program.pid, folder)["total"]["requests"] == 31, lambda: status(program.pid, folder)["total"])
    assert int(pid_file.read_text()) == program.pid
    while manager.told and "WATCHDOG" not in manager.told.pop():
        pass
    manager.expect("^WATCHDOG=1$")
    program.signal(signal.SIGTERM)
    manager.expect("^STOPPING=1$")
    assert program.wait() == 0
    assert not pid_file.exists() and list(folder.iterdir()) == []
