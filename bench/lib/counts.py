"""Tables of what is counted rather than timed: system calls, readings of the clock, instructions, and the parser alone."""
import re
import signal
import struct
import subprocess
import time

from . import figures, machine
from .loads import Load
from .servers import Failed

REQUESTS = 2000


def calls(bench):
    """System calls and readings of the clock per request."""
    rows = []
    for name in ["limit", "onion", *bench.there("nginx", "h2o", "lighttpd", "haproxy", "node")]:
        for connections in (64,) if bench.quick else (1, 64):
            counted = bench.attempt(count_calls, bench, name, connections)
            if counted is None:
                continue
            bench.keep("calls", f"{connections}: {name}", counted)
            clock, waits = counted.pop("clock"), counted.pop("waits")
            listed = sorted(counted.items(), key=lambda item: -item[1])
            rows.append([f"{connections}: {name}", ", ".join(f"{call} {n:.2f}" for call, n in listed if n >= 0.005), f"{waits:.2f}", f"{clock:.2f}",
                         verdict(counted, clock, waits) if name == "onion" else ""])
    bench.table("System calls per request", f"Counted by strace over {requests(bench):,} requests. Under strace a wake-up finds more to do than it "
                "does otherwise; the columns of wake-ups and of the clock, which the vDSO answers without a system call, are counted without strace, by a "
                "library before libc's.", ["connections: server", "system calls", "wake-ups", "clock", "verdict"], rows)


def requests(bench):
    return REQUESTS // bench.less


def verdict(counted, clock, waits):
    """One recv, one send, waiting, nothing else; the clock is read once a wake-up."""
    others = sum(n for call, n in counted.items() if call not in ("recvfrom", "sendto", "epoll_wait", "epoll_pwait"))
    good = counted.get("recvfrom", 0) < 1.01 and counted.get("sendto", 0) < 1.01 and others < 0.01 and clock < 1.02 * waits
    return "met" if good else "**not met**"


def count_calls(bench, name, connections):
    """Per request: system calls by name, "clock" and "waits"."""
    many, load = requests(bench), Load(connections)
    shared = bench.place / f"counts-{name}-{connections}"
    shared.write_bytes(bytes(16))
    shared.chmod(0o666)
    with bench.peers.start(name, env={"LD_PRELOAD": bench.build / "bench/clock.so", "BENCH_CLOCK": shared}) as server:
        counted = preloaded(bench, server, load, shared, 10 * many)
    with bench.peers.start(name) as server:
        bench.loader.requests(server, load, many)
        few, all_of_them = (traced(bench, server, load, n) for n in (many // 4, many + many // 4))
    for call, n in all_of_them.items():  # connecting falls out
        if n > few.get(call, 0):
            counted[call] = (n - few.get(call, 0)) / many
    return counted


def preloaded(bench, server, load, shared, count):
    """What the library has counted while the server was asked, per request."""
    before = struct.unpack("=QQ", shared.read_bytes())
    bench.loader.requests(server, load, count)
    after = struct.unpack("=QQ", shared.read_bytes())
    return {name: (after[i] - before[i]) / count for i, name in enumerate(("clock", "waits"))}


def traced(bench, server, load, count):
    """System calls of the server while it is asked, by name."""
    report = bench.place / "strace"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "name,calls", "-o", report, *(part for pid in server.pids for part in ("-p", str(pid)))],
                              stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_traced(server, tracer)
        bench.loader.requests(server, load, count)
        time.sleep(0.1)  # it closes the connections
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
    finally:
        tracer.kill()
        tracer.wait()
    return parse_strace(report.read_text())


def wait_traced(server, tracer):
    deadline = time.monotonic() + 10
    while not all("TracerPid:\t0\n" not in open(f"/proc/{pid}/status").read() for pid in server.pids):
        if tracer.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"{server.name}: strace cannot attach: {tracer.stderr.read().strip() if tracer.poll() is not None else 'no reason given'}")
        time.sleep(0.01)


def parse_strace(text):
    found = re.findall(r"^(\w+)\s+(\d+)$", text, re.M)
    return {name: int(n) for name, n in found if name != "total"}


def instructions(bench):
    """User-space instructions per request, function by function (callgrind)."""
    if not bench.there("valgrind"):
        return
    command = [machine.ROOT / "bench/instructions", "--no-build", "--build", bench.build, "--requests", str(1000 // bench.less)]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or ["bench/instructions failed"])[-1])
    totals = {name: int(n.replace(",", "")) for name, n in re.findall(r"^### (\w+), .*: ([\d,]+) instructions", done.stdout, re.M)}
    bench.keep("instructions", "total", totals)
    rows = [[name, f"{n:,}", figures.exactly_at_most(n, 1500)] for name, n in totals.items()]
    bench.table("Instructions per request", "In user space, counted by callgrind; `bench/run instructions` lists them function by function.",
                ["program", "instructions", "verdict"], rows)
    bench.say(re.sub(r"^###", "####", done.stdout, flags=re.M).strip() + "\n", detail=True)


def parser(bench):
    """The parser alone."""
    done = subprocess.run([bench.build / "bench/parse"], capture_output=True, text=True)
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or ["bench/parse failed"])[-1])
    bench.say(f"### Parser\n\n{done.stdout.strip()}\n\n{bench.circumstances()}\n")
