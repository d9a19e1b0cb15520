"""Connections over workers: evenly, however they come, and without one that waits because of a worker that cannot accept."""
import collections
import os
import signal
import time

import pytest

from harness import Connection, LONG, suspend, wait_until

APP = """
#include <shallot.h>
#include <time.h>
static int who(sl_ctx *c) { return sl_text(c, "%d", getpid()); }
static int spin(sl_ctx *c)
{
    sl_info("spinning");
    for (time_t end = time(NULL) + 4; time(NULL) < end;)
        ;
    return sl_text(c, "%d", getpid());
}
int main(void)
{
    sl_app *app = sl_new(.instances = 2);
    sl_get(app, "/", who);
    sl_get(app, "/spin", spin);
    return sl_listen(app);
}
"""
EXACT = 0.05  # s: nobody waits for longer
PATIENT = EXACT if LONG else 0.5  # on a machine that does other things as well


@pytest.fixture
def serve(compile, start):
    app = compile(APP)

    def run(workers):
        program = start([app], env={"SHALLOT_INSTANCES": str(workers)})
        program.expect("listening", count=workers)
        return program

    return run


def counts_of(clients):
    return collections.Counter(client.read_response().text for client in clients)


@pytest.mark.load
@pytest.mark.parametrize("workers", [2, 4, 8])
@pytest.mark.parametrize("count", [64, 1000])
def test_long_lived_connections_one_by_one(serve, workers, count):
    """Within an eighth of the mean, and one (of 8 each, 7 to 9 would be as even as it gets)."""
    program = serve(workers)
    clients, counts = [], collections.Counter()
    for _ in range(count):
        client = Connection(program.port)
        client.send_request("/")
        counts[client.read_response().text] += 1
        clients.append(client)
    mean = count / workers
    off = mean / 8 + 1 if LONG else mean / 4 + 2
    assert len(counts) == workers and all(abs(n - mean) <= off for n in counts.values()), counts
    for client in clients:
        client.close()


@pytest.mark.load
@pytest.mark.parametrize("workers", [2, 4, 8])
def test_a_crowd_of_connections(serve, workers):
    """All at once: the quickest does not take all of them."""
    program = serve(workers)
    clients = [Connection(program.port) for _ in range(1000)]
    for client in clients:
        client.send_request("/")
    counts, mean = counts_of(clients), 1000 / workers
    off = mean / 8 + 1 if LONG else mean / 2
    assert len(counts) == workers and all(abs(n - mean) <= off for n in counts.values()), counts
    for client in clients:
        client.close()


@pytest.mark.load
def test_connections_that_come_and_go_do_not_close_the_gate(serve):
    """64 at a time, new ones all the while. All workers were out of the accept set most of the time, and each connection waited for 20 ms."""
    program = serve(2)
    begun, done, clients = time.monotonic(), 0, collections.deque()
    while done < 2000:
        clients.append(Connection(program.port))
        clients[-1].send_request("/")
        if len(clients) == 64:
            with clients.popleft() as client:
                assert client.read_response().status == 200
            done += 1
    took = time.monotonic() - begun
    for client in clients:
        client.close()
    assert took < 2.5, f"{done / took:.0f} connections/s"


def waits(program, count, keep):
    """How long each of so many new connections took until it was answered, in order of length."""
    took = []
    for _ in range(count):
        begun = time.monotonic()
        client = Connection(program.port)
        client.get("/")
        took.append(time.monotonic() - begun)
        keep.append(client)
    return sorted(took)


def accepted_by(program, pid, keep):
    """Opens connections until that worker has one."""
    for _ in range(200):
        client = Connection(program.port)
        keep.append(client)
        if client.get("/").text == str(pid):
            return client
    raise AssertionError(f"worker {pid} accepts nothing")


def test_a_stopped_worker_delays_no_new_connection(serve):
    """The other left the accept set, for it had more connections: nobody accepted any more."""
    program, keep = serve(2), []
    waits(program, 10, keep)
    victim = program.workers()[0]
    suspend(victim)
    program.expect("is stopped")
    took = waits(program, 60, keep)
    assert took[-3 if not LONG else -1] <= PATIENT, took[-5:]
    os.kill(victim, signal.SIGCONT)
    program.expect("goes on")
    accepted_by(program, victim, keep)
    wait_until(lambda: program.workers()[0] == victim, "it lives")


def test_a_stuck_worker_delays_no_new_connection(serve):
    """In one tick for seconds."""
    program, keep = serve(2), []
    waits(program, 10, keep)
    with Connection(program.port) as client:
        client.send_request("/spin")
        program.expect("spinning")
        took = waits(program, 60, keep)
        assert took[-3 if not LONG else -1] <= PATIENT, took[-5:]
        assert client.read_response().status == 200


def test_a_worker_killed_delays_no_new_connection(serve):
    program, keep = serve(2), []
    waits(program, 10, keep)
    for victim in program.workers():
        os.kill(victim, signal.SIGKILL)
        took = waits(program, 20, [])
        assert took[-2 if not LONG else -1] <= 1, took[-5:]
