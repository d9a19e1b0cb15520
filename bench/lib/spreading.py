"""How evenly long-lived connections are spread over workers that share one listening socket."""
import os
from statistics import median

from . import machine
from .servers import Failed


def spreading(bench):
    """64 and 1,000 kept connections over 2, 4 and 8 workers."""
    rows = []
    for workers in (2, 4, 8):
        for connections in (64, 1000):
            found = [counts for _ in range(1 if bench.quick else 5) if (counts := bench.attempt(counted, bench, workers, connections)) is not None]
            if not found:
                continue
            mean, worst = connections / workers, [max(abs(n - connections / workers) for n in counts) for counts in found]
            off = median(worst)
            within = "met" if off <= max(mean / 8, 1) else "**not met**"
            rows.append([f"{connections:,} over {workers}", f"{mean:,.0f}", f"{min(min(c) for c in found)} to {max(max(c) for c in found)}", f"{off / mean:.1%}",
                         f"{within} (an eighth, or one)"])
    bench.table("Spreading", "Connections opened as fast as the load can, answered once, and held: how many each worker has, counted by its sockets. The deviation is the "
                "largest of any worker from the mean, the median of the runs.", ["connections", "mean", "a worker has", "deviation", "verdict"], rows)


def sockets(pid):
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def counted(bench, workers, connections):
    """Connections of each worker, with so many held."""
    with bench.peers.start("onion", workers=workers, cpus=machine.CPUS) as server:
        pids = [pid for pid in server.pids if pid != server.process.pid]
        if len(pids) != workers:
            raise Failed(f"{len(pids)} workers instead of {workers}")
        before = [sockets(pid) for pid in pids]
        held = bench.loader.hold(server, connections)
        try:
            return [sockets(pid) - n for pid, n in zip(pids, before)]
        finally:
            held.close()
