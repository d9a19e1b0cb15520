"""Counters and maps in the master's memory: exact over workers, deaths and reloads (IP7)."""
import os
import random
import shutil
import signal

import pytest

from harness import Connection, Load, suspend, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
static sl_counter *n;
static sl_map *m;
static int add(sl_ctx *c) { sl_counter_add(n, 1); return sl_text(c, "ok"); }
static int get(sl_ctx *c) { return sl_text(c, "%lld", (long long)sl_counter_read(n)); }
static int reset(sl_ctx *c) { return sl_text(c, "%lld", (long long)sl_counter_reset(n)); }
static int hit(sl_ctx *c)
{
    int64_t sum = 0;
    int r = sl_map_increment(m, sl_param(c, "key"), 1, 0, &sum);
    return sl_text(c, "%d %lld", r, (long long)sum);
}
static int work(void *arg)
{
    while (n)
        if (sl_map_increment(m, "hammer", 1, 0, NULL) == 0)
            sl_counter_add(n, 1);
    return 0;
}
static int hammer(sl_ctx *c) { return sl_offload(work, NULL); } /* in a thread, until it is killed */
static int count(sl_ctx *c) { return sl_text(c, "%zd VERSION", sl_map_count(m)); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2, STANDALONE);
    n = sl_counter_new(app, "n");
    m = sl_map_new(app, "m", .capacity = CAPACITY, .value_bytes = 8);
    sl_post(app, "/n", add);
    sl_get(app, "/n", get);
    sl_delete(app, "/n", reset);
    sl_post(app, "/hit/:key", hit);
    sl_post(app, "/hammer", hammer);
    sl_get(app, "/count", count);
    MORE
    return sl_listen(app);
}
"""


@pytest.fixture
def put(compile, tmp_path):
    """Builds a version and puts it where the program lies."""
    path = tmp_path / "current"

    def build(version="one", capacity=1000, more="", standalone="0"):
        text = APP.replace("VERSION", version).replace("CAPACITY", str(capacity)).replace("MORE", more)
        built = compile(text.replace("STANDALONE", f".standalone = {standalone}"), name=f"built-{version}")
        shutil.copy(built, path.with_suffix(".new"))
        os.rename(path.with_suffix(".new"), path)
        return path

    return build


def number(program, path="/n", method="GET"):
    return int(program.get(path, method=method).text.split()[0])


def hits(program, key):
    result, value = map(int, program.get(f"/hit/{key}", method="POST").text.split())
    assert result == 0
    return value


def reload(program, version):
    old = program.workers()
    program.signal(signal.SIGHUP)
    wait_until(lambda: program.get("/count").text.split()[1] == version, f"{version} serves")
    wait_until(lambda: not set(old) & set(program.workers()) and len(program.workers()) == 2, "the old workers are gone")


def test_one_number_for_all(put, start):
    program = start([put()])
    program.wait_workers(2)
    for i in range(1, 51):
        assert program.get("/n", method="POST").text == "ok"
        assert number(program) == i
        assert hits(program, "a") == i
    assert number(program, method="DELETE") == 50
    assert number(program) == 0


def test_the_number_outlives_the_workers(put, start):
    program = start([put()])
    for round in range(1, 4):
        for worker in program.wait_workers(2):
            program.get("/n", method="POST")
            hits(program, "a")
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: worker not in program.workers(), "it is dead")
        assert number(program) == 2 * round
        assert hits(program, "b") == round


@pytest.mark.load
def test_exact_under_load_and_kills(start):
    """Every request that was answered is in it, and none that was not begun: the example itself."""
    program = start("visits_counter", env={"SHALLOT_INSTANCES": "2"})
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    load = Load(program.port, kept=3, new=3)
    for _ in range(10):
        load.wait_answered(dice.randrange(20, 300))
        os.kill(dice.choice(program.wait_workers(2)), signal.SIGKILL)
    load.wait_answered(100)
    lost = load.stop()
    text = program.get("/").text
    value = int(text.split()[1].rstrip(","))
    assert load.answered + 1 <= value <= load.answered + len(lost) + 1, text
    pages = dict(line.split() for line in program.get("/pages").text.splitlines())
    assert load.answered + 1 <= int(pages["/"]) <= load.answered + len(lost) + 1


@pytest.mark.load
def test_kills_in_the_middle_of_changes(put, start):
    """Workers that do nothing else than change it, killed at any moment: no lock stays, nothing is torn."""
    program = start([put()])
    for round in range(1, 9):
        with Connection(program.port) as c:
            before = number(program)
            c.send_request("/hammer", method="POST")
            wait_until(lambda: number(program) > before + 1000, "it hammers")
            dead = [w for w in program.wait_workers(2)]
            for worker in dead:
                os.kill(worker, signal.SIGKILL)
            wait_until(lambda: not set(dead) & set(program.workers()) and len(program.workers()) == 2, "all are new")
            value = number(program)
            assert value <= hits(program, "hammer") - round <= value + round  # each may have died between the two


def ticks(pid):
    """The CPU time it has used, in the kernel's ticks."""
    return sum(map(int, open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]))


def test_a_stopped_holder_does_not_hang_the_other(put, start):
    program = start([put()])
    workers = program.wait_workers(2)
    with Connection(program.port) as c:
        c.send_request("/hammer", method="POST")
        wait_until(lambda: max(map(ticks, workers)) > min(map(ticks, workers)) + 5, "one of them hammers")
        stuck = max(workers, key=ticks)
        for _ in range(10):  # once in a while with the lock in its hand
            suspend(stuck)
            answer = [program.get("/hit/x", method="POST").text.split()[0] for _ in range(3)]
            assert set(answer) <= {"0", "-16"}, answer
            os.kill(stuck, signal.SIGCONT)
        os.kill(stuck, signal.SIGKILL)
    wait_until(lambda: stuck not in program.workers(), "it is dead")
    hits(program, "x")


def test_reload_keeps_them(put, start):
    program = start([put()])
    program.get("/n", method="POST")
    hits(program, "a")
    put("two")
    reload(program, "two")
    assert number(program) == 1
    assert hits(program, "a") == 2


def test_another_size_begins_afresh_and_says_so(put, start):
    program = start([put()])
    program.get("/n", method="POST")
    hits(program, "a")
    put("two", capacity=500)
    reload(program, "two")
    program.expect(r'shared "m" begins afresh in generation 2: it is a map of 500 entries.*and was a map of 1000')
    assert len(program.matches("begins afresh")) == 1  # once, not for each worker
    assert number(program) == 1
    assert hits(program, "a") == 1
    put("three", capacity=500)
    reload(program, "three")
    assert hits(program, "a") == 2


def test_code_that_fails_leaves_them_alone(put, start):
    program = start([put()])
    hits(program, "a")
    program.report_expected = True  # main() returns without sl_free()
    put("two", capacity=500, more="if (sl_worker_id() > 2) return 7;")
    program.signal(signal.SIGHUP)
    program.expect("generation 2 failed")
    assert hits(program, "a") == 2
    os.kill(program.workers()[0], signal.SIGKILL)
    program.expect("listening on", count=3)
    assert hits(program, "a") == 3


def test_descriptors_do_not_pile_up(put, start):
    program = start([put()])
    counts = []
    for i in range(4):
        put(f"v{i}", capacity=100 + i)
        reload(program, f"v{i}")
        program.wait_workers(2)
        counts.append(len(os.listdir(f"/proc/{program.pid}/fd")))
    assert abs(counts[1] - counts[3]) <= 1  # a worker that has just left


def test_standalone(put, start):
    program = start([put(standalone="1")])
    program.get("/n", method="POST")
    assert number(program) == 1
    assert hits(program, "a") == 1
    assert program.get("/count").text == "1 one"


def test_what_cannot_be_is_said(put, start):
    for more, line in [('sl_counter_new(app, "m");', '"m": is there already, as something else'), ('sl_counter_new(app, "");', "a name has 1 to 255 bytes"),
                       ('sl_map_new(app, "x", .value_bytes = 1u << 30);', '"x": these sizes are impossible')]:
        program = start([put(more=more)], wait_ready=False)
        assert program.wait() == 1
        assert program.matches(line), program.text()
