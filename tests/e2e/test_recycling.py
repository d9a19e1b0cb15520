"""Workers that are replaced (.max_requests, .max_rss), the readiness path, the health period, rolling reloads, CPU affinity."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import harness
from harness import Connection, Load, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
static int warm;
static int hello(sl_ctx *c) { return sl_text(c, "VERSION %d", sl_worker_id()); }
static char *volatile eaten;
static int eat(sl_ctx *c) { eaten = malloc(40 << 20); memset(eaten, 1, 40 << 20); return sl_text(c, "eaten %d", eaten[7]); }
static int is_ready(sl_ctx *c) { printf("asked %d\\n", sl_worker_id()); return READY; }
static void die(sl_app *app, void *self) { (void)app; (void)self; abort(); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2, .name = "recycler" OPTIONS);
    (void)warm, (void)die;
    sl_get(app, "/", hello);
    sl_get(app, "/eat", eat);
    sl_get(app, "/ready", is_ready);
    BEFORE
    return sl_listen(app);
}
"""


@pytest.fixture
def put(compile, tmp_path):
    def build(options="", ready='sl_text(c, "yes")', before="", version="one"):
        source = APP.replace("OPTIONS", options).replace("READY", ready).replace("BEFORE", before).replace("VERSION", version)
        fresh = shutil.copy(compile(source, name=f"built-{version}"), tmp_path / "fresh")
        os.rename(fresh, tmp_path / "current")
        return tmp_path / "current"

    return build


@pytest.fixture
def tool(tmp_path):
    def run(*args, expect=0):
        done = subprocess.run([harness.BUILD / "cli" / "shallot", *map(str, args)], capture_output=True, text=True, timeout=harness.PATIENCE,
                              env={**os.environ, "SHALLOT_RUNTIME_DIR": str(tmp_path / "run")})
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def begin(start, tmp_path):
    return lambda path, **env: start([path], env={"SHALLOT_RUNTIME_DIR": str(tmp_path / "run"), **env})


@pytest.mark.load
def test_max_requests_replaces_workers_and_loses_nothing(put, begin, tool):
    program = begin(put(", .max_requests = 300"))
    first = program.wait_workers(2)
    load = Load(program.port)
    program.expect(r"worker \d+ is to be replaced \(3\d\d requests\)", count=6)
    assert load.stop() == []
    wait_until(lambda: len(program.workers()) == 2, "two are left")
    assert not set(first) & set(program.workers())
    s = json.loads(tool("status", "--json"))
    assert s["program"]["restarts"] == 0 and s["program"]["started"] >= 8
    assert program.stop() == 0


def test_an_idle_worker_that_has_done_enough_leaves_at_once(put, begin):
    program = begin(put(", .max_requests = 20"))
    program.wait_workers(2)
    with Connection(program.port) as c:
        for _ in range(22):
            assert c.get("/").status == 200
        program.expect(r"is to be replaced")
        wait_until(lambda: c.get("/").text != "one 1", "handed over")


@pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer's shadow counts as memory")
def test_max_rss_replaces_the_one_that_grew(put, begin):
    program = begin(put(", .max_rss = 30 << 20"))
    program.wait_workers(2)
    assert program.get("/eat").text == "eaten 1"
    m = program.expect(r"worker (\d+) is to be replaced \((\d+)\.\d MB of memory\)")
    assert int(m.group(2)) >= 40
    wait_until(lambda: int(m.group(1)) not in program.workers() and len(program.workers()) == 2, "it is gone")
    assert len(program.matches("is to be replaced")) == 1


def test_the_readiness_path_is_asked_before_anything_is_served(put, begin, tool):
    program = begin(put(', .ready_path = "/ready"', ready='warm++ < 3 ? sl_fail(c, 503, "cold") : sl_text(c, "warm")'))
    for worker in (1, 2):
        program.expect(rf"^asked {worker}$", count=4)
    assert program.get("/").status == 200
    put(', .ready_path = "/ready", .ready_ms = 1500', ready='sl_fail(c, 503, "never")', version="two")
    # The patience is the running code's: cold code is given up within it only if the new code says so itself.
    said = tool("reload", expect=1)
    assert re.search(r"generation 2 failed: .*GET /ready still answers 503; the running code stays", said)
    assert program.get("/").text.startswith("one")


def test_a_readiness_path_that_is_none_is_refused(put, begin, start):
    program = start([put(', .ready_path = "ready"')], wait_ready=False)
    assert program.wait() == 1
    program.expect(r"ready_path ready: must be a path")


def test_new_code_that_does_not_stay_up_is_given_up(put, begin, tool):
    program = begin(put(", .health_ms = 2000"))
    program.wait_workers(2)
    put(before="sl_every(app, 500, die, NULL);", version="two")
    said = tool("reload", expect=1)
    assert re.search(r"generation 2 failed: worker \d+ died \(SIGABRT\)", said)
    assert program.get("/").text.startswith("one")


@pytest.mark.load
def test_a_rolling_reload_goes_one_by_one(put, begin, tool):
    program = begin(put(", .rolling = true", version="one"), SHALLOT_INSTANCES="4")
    program.wait_workers(4)
    put(", .rolling = true", version="two")
    load = Load(program.port)
    mark = program.mark()
    most = [0]
    said = tool("reload")
    assert "generation 2 serves" in said
    order = [int(m.group(1)) for m in program.matches(r"worker (\d+) .*listening on", mark)]
    assert order == [5, 6, 7, 8]

    def states():
        s = json.loads(tool("status", "--json"))["workers"]
        leaving = sum(w["state"] == "draining" for w in s)
        most[0] = max(most[0], leaving)
        return sorted(w["id"] for w in s)

    wait_until(lambda: states() == [5, 6, 7, 8], "the old have gone")
    assert most[0] <= 1
    assert load.stop() == []
    # A worker of the old generation that dies before its turn is not replaced; another reload is fine, too.
    assert "generation 3 serves" in tool("reload")
    wait_until(lambda: states() == [9, 10, 11, 12], "again")
    assert program.stop() == 0


def test_affinity(put, begin):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("one CPU")
    program = begin(put(", .affinity = true"))
    workers = program.wait_workers(2)
    program.get("/")
    wait_until(lambda: sorted(sorted(os.sched_getaffinity(pid)) for pid in workers) == [[cpus[0]], [cpus[1]]],
               lambda: [os.sched_getaffinity(pid) for pid in workers])
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: len(program.workers()) == 2 and workers[0] not in program.workers(), "respawned")
    wait_until(lambda: sorted(sorted(os.sched_getaffinity(pid)) for pid in program.workers()) == [[cpus[0]], [cpus[1]]], "and pinned")
