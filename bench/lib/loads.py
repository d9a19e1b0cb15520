"""Load: what is asked of a server, by which generator, and what came of it."""
import json
import os
import re
import subprocess
from dataclasses import dataclass

from . import machine
from .servers import Failed


@dataclass(frozen=True)
class Load:
    """How a server is asked: @new is "", "new" (a new connection per request, closed by the client) or "close" (by the server)."""
    connections: int
    pipeline: int = 1
    new: str = ""
    header: str = ""  # a line of every request


@dataclass
class Result:
    cpu: float  # microseconds of CPU time of all the server's processes, per request
    rate: float  # requests per second
    median: float  # latency in microseconds
    p99: float


def run(program, cpus):
    try:
        done = subprocess.run([str(part) for part in program], capture_output=True, text=True, timeout=120,
                              preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    except FileNotFoundError:
        raise Failed(f"{program[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{program[0]} did not end") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"{program[0]} failed"])[-1])
    return done.stdout


class Loader:
    """Our own. Counts exactly, and reads the server's CPU time while it sleeps before and after."""

    modes = {"", "new", "close"}

    def __init__(self, build, seconds, warm=0.1):
        self.program, self.seconds, self.warm = build / "bench/load", seconds, int(warm * 1000)

    def command(self, server, load):
        yield from (self.program, f"--connections={load.connections}", f"--pipeline={load.pipeline}")
        yield f"--watch={','.join(map(str, server.pids))}"
        if load.new:
            yield from (f"--{load.new}", "--sources=64")
        if load.header:
            yield f"--header={load.header}"
        yield from (server.port, server.path)

    def measure(self, server, load, cpus=None, extra=None):
        extra = extra or [f"--seconds={self.seconds}", f"--warm={self.warm}"]
        program, *rest = self.command(server, load)
        figures = json.loads(run([program, *extra, *rest], cpus or machine.LOAD_CPUS))
        if figures["errors"]:
            raise Failed(f"{server.name}: {figures['errors']} errors, the last: {figures['error']}")
        if not figures["requests"]:
            raise Failed(f"{server.name}: not a single answer")
        return Result(figures["cpu_ns"] / 1000 / figures["requests"], figures["requests"] / figures["seconds"],
                      figures["latency_us"]["50"], figures["latency_us"]["99"])

    def requests(self, server, load, count):
        """Exactly @count, after one on each connection."""
        return self.measure(server, load, extra=[f"--requests={count}"])

    def hold(self, server, connections):
        """Opens connections, asks once on each, and leaves them idle until close() is called on what is returned."""
        program, *rest = self.command(server, Load(connections))
        return Held([str(part) for part in (program, "--hold", *rest)], server)


class Held:
    def __init__(self, command, server):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.count = int(self.process.stdout.readline().strip() or 0)
        if not self.count:
            self.process.wait()
            raise Failed(f"{server.name}: {self.process.stderr.read().strip()}")

    def close(self):
        self.process.communicate()


class Other:
    """wrk and h2load, as a cross-check. The CPU time is read from outside and so has the connecting in it."""

    modes = {""}

    def __init__(self, seconds):
        self.seconds = max(1, round(seconds))

    def measure(self, server, load, cpus=None):
        before = machine.cpu_ns(server.pids)
        requests, took, median, p99 = self.ask(server, load, cpus or machine.LOAD_CPUS)
        spent = machine.cpu_ns(server.pids) - before
        return Result(spent / 1000 / requests, requests / took, median, p99)


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1000, "s": 1e6}[unit]


class Wrk(Other):
    def ask(self, server, load, cpus):
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{self.seconds}s", "--latency"]
        if load.pipeline > 1:
            command += ["-s", machine.ROOT / "bench/pipeline.lua"]
        if load.header:
            command += ["-H", load.header]
        return self.parse(server, run([*command, f"http://127.0.0.1:{server.port}{server.path}"], cpus))

    @staticmethod
    def parse(server, text):
        if wrong := re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", text):
            raise Failed(f"{server.name}: {wrong.group()}")
        requests, took = re.search(r"(\d+) requests in ([\d.]+\w+),", text).groups()
        median, p99 = (re.search(rf"^\s*{part}%\s+(\S+)$", text, re.M).group(1) for part in (50, 99))
        return int(requests), microseconds(took) / 1e6, microseconds(median), microseconds(p99)


class H2load(Other):
    def ask(self, server, load, cpus):
        return self.parse(server, run(["h2load", "--h1", "-t1", f"-c{load.connections}", f"-m{load.pipeline}", f"-D{self.seconds}",
                                       *(["-H", load.header] if load.header else []),
                                       f"http://127.0.0.1:{server.port}{server.path}"], cpus))

    @staticmethod
    def parse(server, text):
        took = re.search(r"finished in ([\d.]+\w+),", text).group(1)
        good, bad = re.search(r"status codes: (\d+) 2xx, (.*)", text).groups()
        if re.search(r"[1-9]", re.sub(r"[345]xx", "", bad)):
            raise Failed(f"{server.name}: status codes: {bad}")
        mean = re.search(r"^time for request:\s+\S+\s+(\S+)\s+(\S+)", text, re.M)
        return int(good), microseconds(took) / 1e6, microseconds(mean.group(2)), microseconds(mean.group(1))
