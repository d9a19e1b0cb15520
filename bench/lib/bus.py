"""The table of the bus: messages delivered a second, and requests a second when each request is a message to all workers."""
import urllib.request
from dataclasses import dataclass
from statistics import median

from . import machine
from .figures import amount, at_least, estimate, ratios
from .loads import Load
from .servers import Failed

MESSAGES = {"bus": 1_000_000, "node, relay": 20_000}  # in a round, about half a second of each


@dataclass
class Result:
    rate: float  # millions of deliveries per second
    cpu: float  # nanoseconds of CPU time of all processes, per delivery


def bus(bench):
    """Messages delivered per second, one sender and two receivers; a message with every request."""
    deliveries(bench)
    requests(bench)


def deliveries(bench):
    names = ["bus", *bench.there("node, relay")]
    results = {name: [] for name in names}
    with bench.servers({name: {"workers": 3, "cpus": machine.CPUS} for name in names}) as servers:
        for n in range(-1, bench.rounds_wanted):
            for name, server in servers.items():
                result = bench.attempt(measure, server, MESSAGES[name] // (5 if bench.quick else 1))
                if result and n >= 0:
                    results[name].append(result)
    rows = []
    for name, measured in results.items():
        if not measured:
            continue
        rates = [result.rate for result in measured]
        bench.keep("bus", name, {"rate": rates, "cpu": [result.cpu for result in measured]})
        rows.append([name, estimate(rates), amount(median(result.cpu for result in measured)),
                     at_least(rates, 4) if name == "bus" else ""])
    bench.table("Messages between workers", "One worker sends messages of 8 octets to two others, each of which counts them in its callback: the "
                "public API, through the master. Four processes on all CPUs.",
                ["program", "million deliveries/s", "ns CPU/delivery", "verdict"], rows)


def measure(server, messages):
    before = machine.cpu_ns(server.pids)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{messages}", timeout=60) as answer:
            delivered, seconds = answer.read().split()
    except OSError as e:
        raise Failed(f"{server.name}: {e}") from None
    spent = machine.cpu_ns(server.pids) - before
    if int(delivered) != 2 * messages:
        raise Failed(f"{server.name}: {int(delivered)} of {2 * messages} messages were delivered")
    return Result(int(delivered) / float(seconds) / 1e6, spent / int(delivered))


def requests(bench):
    names = ["visits", *bench.there("node")]
    rows = []
    with bench.servers({name: {"workers": 2, "cpus": machine.CPUS} for name in names}) as servers:
        measured = bench.rounds("bus", "visits", servers, Load(64), machine.CPUS)
    for name, results in measured.items():
        rates = [result.rate for result in results]
        times = ratios(rates, [result.rate for result in measured["node"]]) if "node" in measured else []
        rows.append([name, f"{median(rates):,.0f}", amount(median(result.cpu for result in results)),
                     f"{estimate(times)} times node's: {at_least(times, 3)}" if times and name == "visits" else ""])
    bench.table("A message with every request", "examples/visits.c and the program it came from: every request is counted by a message to both "
                "workers, which both log it. 64 connections; servers and load share all CPUs.",
                ["program", "requests/s", "µs CPU/request", "verdict"], rows)
