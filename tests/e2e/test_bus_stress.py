"""IP1-IP5 under stress: a flood while one worker is stopped; many senders while workers die and are reloaded. In full only with --long."""
import os
import re
import select
import signal
import threading

import pytest

from harness import LONG, Connection, suspend, wait_until

MIB = 1 << 20
SLACK = 24 * MIB  # of the master, beside the queue: batches in the pool, the sender's queue, the allocator


def source(name):
    with open(os.path.join(os.path.dirname(__file__), "programs", f"{name}.c")) as f:
        return f.read()


def memory(pid):
    """Anonymous memory, and that of memfds."""
    with open(f"/proc/{pid}/status") as f:
        return sum(1024 * int(kib) for kib in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", f.read(), re.M))


def worker_of(pid):
    with open(f"/proc/{pid}/cmdline") as f:
        return int(re.search(r"worker (\d+) ", f.read()).group(1))


class Watch:
    """The most memory a process takes from now on."""

    def __init__(self, pid):
        self.first = self.most = memory(pid)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, args=[pid], daemon=True)
        self.thread.start()

    def run(self, pid):
        while not self.ended.wait(0.02):
            self.most = max(self.most, memory(pid))

    def growth(self):
        self.ended.set()
        self.thread.join()
        return self.most - self.first


@pytest.mark.load
@pytest.mark.parametrize("queue", [MIB, 128 * MIB])
def test_ip4_a_flood_while_one_worker_is_stopped(compile, start, queue):
    """The others get all of it in time, the master grows by the cap at most, the stopped one gets everything or is told what it missed."""
    rate, seconds, stopped = (20000, 13, 10) if LONG else (5000, 5, 3)
    patience = 20 if LONG and os.getloadavg()[0] < len(os.sched_getaffinity(0)) else 100  # ms; where others compute, they are measured
    program = start([compile(source("flood"))], env={"QUEUE": str(queue)})
    program.expect("http://", count=3)
    ids = {worker_of(pid): pid for pid in program.workers()}
    program.get(f"/flood/{rate}/1")  # what this machine, busy as it is, does with nobody stopped
    program.expect(r"^all \d+ sent")
    quiet = max(float(program.get(f"/afresh/{worker}").text.split()[3]) for worker in ids)
    mark = program.mark()
    sender = int(program.get(f"/flood/{rate}/{seconds}").text)
    victim = next(pid for pid in program.workers() if pid != sender)
    watch = Watch(program.pid)
    timer = threading.Timer(stopped, os.kill, (victim, signal.SIGCONT))
    suspend(victim)
    timer.start()
    took = int(program.expect(r"^all \d+ sent in (\d+) ms", start=mark, timeout=60).group(1))
    timer.join()
    growth = watch.growth()
    total = rate * seconds

    def reports():
        found = {pid: program.get(f"/report/{worker}").text.split() for worker, pid in ids.items()}
        return {pid: (int(got), int(missed), int(wrong), float(p99)) for pid, (got, missed, wrong, p99) in found.items()}

    wait_until(lambda: all(got + missed == total for got, missed, _, _ in reports().values()), lambda: f"{total} expected: {reports()}")
    for pid, (got, missed, wrong, p99) in reports().items():
        print(f"queue {queue >> 20} MiB: worker {pid} got {got}, missed {missed}, p99 {p99} ms (quiet {quiet}); master grew {growth >> 20} MiB; {took} ms")
        assert wrong == 0
        if pid != victim:
            assert (got, missed) == (total, 0)
            assert p99 < max(patience, 2 * quiet)
    assert (reports()[victim][1] > 0) == (rate * stopped * 1060 > queue + 8 * MIB)  # the kernel holds some, too
    assert growth <= queue + SLACK
    assert took < seconds * 1000 + 2000  # the sender was not held up


class Sender:
    """A kept connection to one worker that sends until it is answered."""

    def __init__(self, port):
        self.connection = Connection(port, timeout=900)
        self.worker, self.pid = map(int, self.connection.get("/who").text.split())

    def send(self, count):
        self.connection.send_request(f"/send/{count}")

    def is_done(self):
        return bool(select.select([self.connection.socket], [], [], 0)[0])

    def done(self):
        return self.connection.read_response().text


def four_senders(port):
    """On different workers; whoever comes to one that is taken goes on trying."""
    senders = {}
    while len(senders) < 4:
        sender = Sender(port)
        if senders.setdefault(sender.worker, sender) is not sender:
            sender.connection.close()
    return list(senders.values())


@pytest.mark.load
def test_ip5_four_senders_while_workers_die_and_are_reloaded(compile, start):
    count = 100000 if LONG else 20000
    program = start([compile(source("senders"))])
    program.expect("http://", count=6)
    senders = four_senders(program.port)
    throughout = {sender.worker for sender in senders}
    busy = {sender.pid for sender in senders}
    for sender in senders:
        sender.send(count)
    troubles = 0
    while troubles <= 6 or any(not sender.is_done() for sender in senders):  # a quick machine is done before it has seen enough
        mark = program.mark()
        troubles += 1
        if troubles % 4 == 2:
            program.signal(signal.SIGHUP)
            program.expect(r"generation \d+ serves", start=mark, timeout=120)
        else:
            os.kill(next(pid for pid in reversed(program.workers()) if pid not in busy), signal.SIGKILL)
            program.expect("http://", start=mark, timeout=120)
    assert troubles > 6
    assert [sender.done() for sender in senders] == ["sent"] * 4
    last = max(int(m.group(1)) for m in program.matches(r"worker (\d+) .*http://"))
    found = {}
    for worker in range(1, last + 1):  # old ones that have just sent may still be there, or not
        text = program.get(f"/report/{worker}").text
        if text != "none":
            found[worker] = text.split()
    assert len(found) >= 6
    assert not program.matches("GAP|missed")
    assert {tuple(report) for report in found.values()} == {(str(4 * count), next(iter(found.values()))[1], "0", "0")}
    print(f"{troubles} troubles: {len(found)} workers of {last} agree on {4 * count} messages; still there of the senders: {throughout & set(found)}")
