"""A PostgreSQL of our own: made in a temporary folder, as a user who may be one, and gone afterwards."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import Program

NAMES = ("postgres", "nobody")  # who it may be when we are root, which it refuses


def binaries():
    """The folder of initdb and postgres, the newest that there is; None without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


def user():
    """Options for subprocess, and the ids."""
    if os.getuid() != 0:
        return {}, None
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}, (entry.pw_uid, entry.pw_gid)
    raise AssertionError("nobody to run PostgreSQL as")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postgres:
    """A running server. Listens on 127.0.0.1 and on a unix socket in its folder; its superuser is "tester", trusted."""

    def __init__(self, connections=100):
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.bin = binaries()
        self.popen, ids = user()
        self.connections, self.program = connections, None
        if ids:
            os.chown(self.folder, *ids)
        self.data = self.folder / "data"
        try:
            subprocess.run([self.bin / "initdb", "-D", self.data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"],
                           check=True, capture_output=True, cwd=self.folder, **self.popen)
            self.start()
        except BaseException:
            self.remove()
            raise

    def start(self):
        """Again on the same port, if it ran before; the port is another's at times before the first start."""
        for attempt in range(1 if self.program else 5):
            if not self.program:
                self.port = free_port()
            settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder, "fsync": "off", "max_connections": self.connections,
                        "dynamic_shared_memory_type": "mmap", "shared_buffers": "16MB", "max_wal_senders": 0, "wal_level": "minimal", "autovacuum": "off",
                        "max_prepared_transactions": 0, "logging_collector": "off", "lc_messages": "C"}
            command = [self.bin / "postgres", "-D", self.data]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            self.program = Program(command, cwd=self.folder, wait_ready=False, **self.popen)
            try:
                self.program.expect("database system is ready to accept connections")
                return
            except AssertionError:
                self.program.kill()
                if attempt == 4 or "Address already in use" not in self.program.text():
                    raise
                self.program = None

    @property
    def url(self):
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    @property
    def socket(self):
        """As conninfo, by the unix socket."""
        return f"host={self.folder} port={self.port} user=tester dbname=postgres"

    def sql(self, text):
        """What psql prints, without decoration."""
        done = subprocess.run([self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", text], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self):
        """Fast: connections are ended, with a word to each."""
        if self.program and self.program.process.poll() is None:
            self.program.signal(signal.SIGINT)
            self.program.wait()

    def kill(self):
        """As if the machine had lost power."""
        self.program.kill()

    def remove(self):
        if self.program:
            self.program.kill()
            self.program.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
