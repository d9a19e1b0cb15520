"""Crash loops, and signals in whatever order: what the governor makes of them (CL4, CL6, CL12)."""
import os
import random
import signal
import time

import pytest

from harness import Connection, Load, LONG, children, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
static int who(sl_ctx *c) { return sl_text(c, "%d", getpid()); }
static int leave(sl_ctx *c) { _exit(SL_EXIT_STAY_DOWN); }
int main(void)
{
    if (access("BROKEN", F_OK) == 0 && getppid() != atoi(getenv("TESTER")))
        _exit(CODE);
    sl_app *app = sl_new(.instances = 2, .grace_ms = 200, .drain_ms = 5000);
    sl_get(app, "/", who);
    sl_get(app, "/leave", leave);
    return sl_listen(app);
}
"""


@pytest.fixture
def broken(tmp_path):
    """While this file is there, workers die at their start."""
    return tmp_path / "broken"


@pytest.fixture
def program(compile, start, broken):
    def run(code=7):
        built = compile(APP.replace("BROKEN", str(broken)).replace("CODE", str(code)))
        p = start([built], env={"TESTER": str(os.getpid())})
        p.wait_workers(2)
        p.expect("listening", count=2)
        return p

    return run


def cpu(pid):
    """Seconds of CPU so far."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.load
def test_a_crash_loop_costs_the_master_next_to_nothing(program, broken):
    """All workers die at their start: the master says so, tries on slowly, stays up, and comes back when they do."""
    p = program()
    broken.touch()
    mark, before, begun = p.mark(), cpu(p.pid), time.monotonic()
    for pid in p.workers():
        os.kill(pid, signal.SIGKILL)
    p.expect(r"deaths in a row: only one worker is tried every 10\.0 s", start=mark, timeout=60)
    delays = [float(m.group(1)) for m in p.matches(r"exit code 7.*restarting\.\.\. in ([\d.]+) s", start=mark)]
    assert len(delays) >= 4 and delays[0] <= 0.1 and max(delays) > 2 * delays[0], delays
    window = 10 if LONG else 2
    wait_until(lambda: time.monotonic() - begun >= window, "time passes", timeout=60)
    used, took = cpu(p.pid) - before, time.monotonic() - begun
    assert used <= 0.01 * took + 0.02, f"{used:.3f} s of CPU in {took:.1f} s"  # two ticks of the clock it is counted in
    broken.unlink()
    mark = p.mark()
    p.expect("listening", start=mark, count=2, timeout=40)
    assert p.get().status == 200
    assert p.stop() == 0


def test_the_jitter_differs_by_slot(program, broken):
    p = program()
    broken.touch()
    for pid in p.workers():
        os.kill(pid, signal.SIGKILL)
    p.expect(r"exit code 7.*in 0\.[12] s", count=3)
    assert p.stop() == 0


def test_dying_workers_of_new_code_leave_the_old_serving(program, broken):
    p = program()
    old = p.workers()
    broken.touch()
    p.signal(signal.SIGHUP)
    p.expect(r"generation 2 failed: worker \d+ died \(exit code 7\)")
    wait_until(lambda: sorted(p.workers()) == sorted(old), "the old ones are alone")
    assert p.get().status == 200


def test_a_worker_may_ask_to_stay_down(program):
    p = program()
    workers = p.workers()
    for left in (1, 0):
        mark = p.mark()
        with Connection(p.port) as client:
            client.send_request("/leave")
            with pytest.raises((EOFError, ConnectionError)):
                client.read_response()
        p.expect(r"\(exit code 86\): it asks not to be started again", start=mark)
        if left:
            wait_until(lambda: len(p.workers()) == 1, "nobody took its place")
            assert p.get().text in map(str, workers)
    p.expect("no worker is left that wants to be started")
    assert p.wait() == 86


def test_new_code_may_be_of_use_again(program):
    p = program()
    with Connection(p.port) as client:
        client.send_request("/leave")
        p.expect("asks not to be started again")
    p.signal(signal.SIGHUP)
    p.expect("generation 2 serves")
    p.wait_workers(2)
    assert p.stop() == 0


SIGNALS = [signal.SIGHUP] * 4 + [signal.SIGTTIN, signal.SIGTTOU, "kill", "kill", "stop", "term"]


def one_of(dice, workers):
    return workers[dice.randrange(len(workers))] if workers else None


def storm(p, dice):
    """Something every few milliseconds. Returns how many workers were killed."""
    killed, stopped = 0, []
    for _ in range(dice.randint(3, 12)):
        what, workers = dice.choice(SIGNALS), p.workers()
        victim = one_of(dice, workers)
        if what == "kill" and victim:
            os.kill(victim, signal.SIGKILL)
            killed += 1
        elif what == "stop" and victim and dice.random() < 0.3:
            os.kill(victim, signal.SIGSTOP)
            stopped.append(victim)
        elif what == "term" and victim:
            os.kill(victim, signal.SIGTERM)
        elif isinstance(what, signal.Signals):
            p.signal(what)
        pause(dice.random() * 0.12)
    for pid in stopped:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
    return killed


def pause(seconds):
    """The storm's own clock: what is tested is what comes in the midst of something, nothing is waited for."""
    time.sleep(seconds)


def wanted(p):
    """Signals of one kind that come together are one: the master says what it has made of them."""
    said = p.matches(r"(\d+) workers? wanted")
    return int(said[-1].group(1)) if said else 2


def settle(p, what):
    wait_until(lambda: len(p.workers()) == wanted(p), lambda: f"{what}: {wanted(p)} workers expected, there are {p.workers()}\n{p.text()}")


def scale_to_two(p):
    while wanted(p) != 2:
        before = p.mark()
        p.signal(signal.SIGTTOU if wanted(p) > 2 else signal.SIGTTIN)
        p.expect(r"\d+ workers? wanted", start=before)
    settle(p, "scaled back")


def generations(p):
    served = p.matches(r"generation (\d+) serves")
    return int(served[-1].group(1)) if served else 1


@pytest.mark.load
def test_random_sequences_of_signals(program):
    """Reloads, scaling, kill -9, SIGTERM and SIGSTOP to workers, in any order: one generation in the end, as many workers as are wanted, nothing
    lost but by kill -9. Ten sequences (a thousand with --long): test_signals.py has fifty with upgrades and the rest."""
    seed = int(os.environ.get("SHALLOT_SEED", random.randrange(1 << 32)))
    print(f"SHALLOT_SEED={seed}")
    dice, p, done, total = random.Random(seed), program(), 0, 0
    while done < (1000 if LONG else 10):
        load = Load(p.port, kept=2, new=1)
        load.wait_answered(5)
        killed = storm(p, dice)
        settle(p, f"sequence {done} of seed {seed}")
        load.wait_answered(20)
        failures = load.stop()
        # A client may lose one for each kill; nothing else may be lost, nobody refused or left hanging.
        assert len(failures) <= 3 * killed, f"sequence {done} of seed {seed}: {failures}"
        assert not [f for f in failures if "refused" in f.lower() or "timed out" in f.lower()], failures
        scale_to_two(p)
        done, total = done + 1, total + killed
    print(f"{done} sequences, {total} workers killed, generation {generations(p)}")
    assert done >= 5
    [*everyone] = children(p.pid)
    assert p.stop() == 0
    assert not any(os.path.exists(f"/proc/{pid}/exe") for pid in everyone)
