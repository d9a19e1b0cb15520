"""The table of event streams: what ten thousand cost, and how long until all have heard what one says."""
import json
import subprocess
from dataclasses import dataclass
from statistics import median

from . import machine
from .figures import at_most, estimate, exactly_at_most
from .servers import Failed

STREAMS, MOST_OCTETS, MOST_MS = 10000, 2048, 200


class Listeners:
    """bench/listeners.c, on all CPUs."""

    def __init__(self, build, count, server):
        self.name = server.name
        self.process = subprocess.Popen([str(build / "bench/listeners"), str(count), str(server.port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            self.process.wait()
            raise Failed(f"{server.name}: {self.process.stderr.read().strip()}")

    def say(self):
        self.process.stdin.write("say\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.name}: {self.process.stderr.read().strip()}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


@dataclass
class Result:
    octets: float  # of user space, for each stream
    half: list  # milliseconds until half of the streams, and until all of them, have heard
    all: list
    cpu: float  # microseconds of all the server's processes, for each stream that hears


def events(bench):
    """Memory per event stream, 10,000 open; time until all have heard a broadcast."""
    streams = min(STREAMS, machine.allow_many_files() - 200)
    rows = []
    for name in ["events", *bench.there("node, events")]:
        result = bench.attempt(measure, bench, name, streams)
        if not result:
            continue
        bench.keep("events", name, vars(result))
        ours = name == "events"
        rows.append([name, f"{result.octets:,.0f}", exactly_at_most(round(result.octets), MOST_OCTETS) if ours else "", estimate(result.half),
                     estimate(result.all), at_most(result.all, MOST_MS) if ours else "", f"{result.cpu:.1f}"])
    bench.table("Event streams", f"{streams:,} streams over two workers, which share the CPUs with the one that listens to all of them. One message is sent "
                "to one worker; the growth of PSS of all processes, divided by the number of streams.",
                ["program", "octets/stream", "verdict", "ms until half", "ms until all", "verdict", "µs CPU/stream"], rows)


def measure(bench, name, streams):
    with bench.peers.start(name, workers=2, cpus=machine.CPUS) as server, Listeners(bench.build, 100, server) as few:
        few.say()
        before = machine.memory(server.pids)
        with Listeners(bench.build, streams, server) as many:
            many.say()
            each = (machine.memory(server.pids) - before) / streams
            cpu = machine.cpu_ns(server.pids)
            said = [many.say() for _ in range(max(5, bench.rounds_wanted))]
            cpu = (machine.cpu_ns(server.pids) - cpu) / len(said) / streams / 1000
    if any(one["heard"] < streams for one in said):
        raise Failed(f"{name}: {min(one['heard'] for one in said)} of {streams} streams heard it")
    return Result(each, [one["half_ms"] for one in said], [one["all_ms"] for one in said], cpu)
