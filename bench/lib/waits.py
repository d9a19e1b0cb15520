"""What requests that wait do to one that does not, in the same worker."""
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from . import machine
from .figures import at_most, estimate
from .loads import Load
from .servers import Failed

WAITS = 1000
WAIT_US = 100_000
AT_ONCE = {"/sleep": WAITS, "/query": 100}  # of the waits, so many have their 100 ms at the same time: the pool has 100 connections
WHAT = {"/sleep": "a timer", "/query": "PostgreSQL, 100 connections"}


@dataclass
class Route:
    """A server, asked for something else than its own path."""
    name: str
    pids: list
    port: int
    path: str


@dataclass
class Result:
    rate: float  # waits that ended per second
    wait: float  # median, in units of what it has to be
    alone: float  # latency of a hello in microseconds, p50 and p99, without the others
    alone_p99: float
    beside: float
    beside_p99: float


@contextlib.contextmanager
def database():
    """The environment with a PostgreSQL of the benchmark's own, or an empty one and a line that says why not."""
    sys.path.append(str(machine.ROOT / "tests"))
    from postgres import Postgres, binaries
    if not binaries():
        print("bench/run: postgresql is not there (apt-get install postgresql); goes on without it", file=sys.stderr)
        yield {}
        return
    server = Postgres(connections=110)
    try:
        yield {"DATABASE_URL": server.url}
    finally:
        server.remove()


def waits(bench):
    """1,000 requests that wait 100 ms in one worker, and a hello beside them."""
    rows = []
    with database() as env:
        for path in ["/sleep", "/query"] if env else ["/sleep"]:
            found = bench.attempt(rounds, bench, path, env)
            if not found:
                continue
            bench.keep("waits", path, {field: [getattr(r, field) for r in found] for field in ("rate", "wait", "alone", "alone_p99", "beside", "beside_p99")})
            times = [r.wait for r in found]
            rows.append([WHAT[path], f"{median(r.rate for r in found):,.0f}", estimate(times), f"{median(r.alone for r in found):,.0f}", f"{median(r.alone_p99 for r in found):,.0f}",
                         f"{median(r.beside for r in found):,.0f}", f"{median(r.beside_p99 for r in found):,.0f}",
                         f"waits {at_most(times, 1.2)}, p99 {at_most([r.beside_p99 / WAIT_US for r in found], 0.25)} of a wait"])
    bench.table("Waiting", "1,000 connections ask one worker for what takes 100 ms, again and again; meanwhile one more connection asks for a hello. A wait is compared with "
                "what it has to take: 100 ms on a timer, and ten times that where 100 connections to the database serve 1,000 requests. PostgreSQL shares both CPUs with everybody.",
                ["1,000 wait for", "waits/s", "ratio to what it has to take", "hello alone µs p50", "p99", "beside them µs p50", "p99", "verdict"], rows)


def rounds(bench, path, env):
    with bench.peers.start("waits", env=env) as server:
        return [result for _ in range(max(1, bench.rounds_wanted // 3)) if (result := bench.attempt(measure, bench, server, path))]


def measure(bench, server, path):
    hello = Load(1)
    seconds = max(bench.loader.seconds, 0.3)
    has_to_take = WAIT_US * WAITS / AT_ONCE[path]
    route = Route(server.name, server.pids, server.port, path)
    alone = bench.loader.measure(server, hello)
    program, *rest = bench.loader.command(route, Load(WAITS))
    command = [str(part) for part in (program, f"--seconds={seconds + 3 * has_to_take / 1e6}", f"--warm={int(has_to_take / 1000)}", *rest)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, machine.LOAD_CPUS)) as waiting:
        try:
            beside = [bench.loader.measure(server, hello) for _ in range(2)][1]  # the first is over when all have been asked
            output, errors = waiting.communicate(timeout=120)
        finally:
            waiting.kill()
    if waiting.returncode:
        raise Failed(f"{server.name}: {(errors.strip().splitlines() or ['the load failed'])[-1]}")
    got = json.loads(output)
    if got["errors"]:
        raise Failed(f"{server.name}: {got['errors']} of {got['requests']} waits failed: {got['error']}")
    return Result(got["requests"] / got["seconds"], got["latency_us"]["50"] / has_to_take, alone.median, alone.p99, beside.median, beside.p99)
