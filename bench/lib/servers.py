"""Servers under measurement: starting them on a free port, watching their processes, ending them whatever happens."""
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import machine

PATIENCE = 10  # seconds to start; to end, before it is forced


class Failed(Exception):
    """Something could not be measured; the text says what and why, in one line."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running server. Its CPUs are machine.SERVER_CPUS unless others are named."""

    running = []

    def __init__(self, name, port, path, command, env=None, cpus=None):
        self.name, self.port, self.path = name, port, path
        env = {**clean_environment(), **{key: str(value) for key, value in (env or {}).items()}}
        cpus = cpus or machine.SERVER_CPUS
        self.errors = tempfile.TemporaryFile("w+")
        try:
            self.process = subprocess.Popen([str(part) for part in command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=self.errors, start_new_session=True,
                                            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        except OSError as e:
            raise Failed(f"{name}: {e}") from None
        self.running.append(self)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        """Until it answers, and its processes are there."""
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.errors.seek(0)
                said = (self.errors.read().strip().splitlines() or ["it says nothing"])[-1]
                raise Failed(f"{self.name} does not start: {said}")
            time.sleep(0.02)
        time.sleep(0.1)  # its other workers too
        self.pids = machine.family(self.process.pid)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                s.sendall(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                return s.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False

    def stop(self):
        if self not in self.running:
            return
        family = machine.family(self.process.pid)
        end(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        end(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_gone([pid for pid in family if pid != self.process.pid])
        self.running.remove(self)
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def clean_environment():
    return {key: value for key, value in os.environ.items() if key not in ("HOST", "PORT") and not key.startswith("SHALLOT_")}


def end(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def wait_gone(pids):
    """Workers may be in groups of their own: they end when their master has; if not, they are ended."""
    deadline = time.monotonic() + PATIENCE
    while pids := [pid for pid in pids if Path(f"/proc/{pid}").exists() and not is_zombie(pid)]:
        if time.monotonic() > deadline:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return
        time.sleep(0.02)


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def stop_all():
    for server in list(Server.running):
        server.stop()
