"""Reload without a lost request: SIGHUP, generations, hand-over (CL6, CL12, DESIGN 2.11)."""
import os
import shutil
import signal

import pytest

from harness import Connection, Load, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
static int version(sl_ctx *c) { return sl_text(c, "VERSION %d", getpid()); }
static int slow(sl_ctx *c) { int r = sl_sleep(500); return r < 0 ? r : sl_text(c, "VERSION"); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2);
    sl_get(app, "/", version);
    sl_get(app, "/slow", slow);
    BEFORE
    return sl_listen(app);
}
"""


class Versions:
    """Builds versions of the program and puts them at one path, by rename as an installer would."""

    def __init__(self, compile, tmp_path):
        self.compile, self.path = compile, tmp_path / "current"

    def put(self, version, before=""):
        built = self.compile(APP.replace("VERSION", version).replace("BEFORE", before), name=f"built-{version}")
        fresh = self.path.with_suffix(".new")
        shutil.copy(built, fresh)
        os.rename(fresh, self.path)


@pytest.fixture
def versions(compile, tmp_path):
    v = Versions(compile, tmp_path)
    v.put("one")
    return v


def version(program):
    return program.get("/").text.split()[0]


def test_sighup_loads_new_code(versions, start):
    program = start([versions.path])
    old = program.wait_workers(2)
    assert version(program) == "one"
    versions.put("two")
    program.signal(signal.SIGHUP)
    wait_until(lambda: version(program) == "two", "the new code serves")
    wait_until(lambda: not set(old) & set(program.workers()) and len(program.workers()) == 2, "the old workers are gone")
    assert {version(program) for _ in range(20)} == {"two"}


def test_a_request_in_flight_is_finished_by_the_code_it_began_with(versions, start):
    program = start([versions.path])
    with Connection(program.port) as client:
        client.send_request("/slow")
        assert version(program) == "one"
        versions.put("two")
        program.signal(signal.SIGHUP)
        wait_until(lambda: version(program) == "two", "the new code serves")
        response = client.read_response()
        assert response.text == "one"


def test_idle_kept_connections_are_handed_over(versions, start):
    program = start([versions.path])
    clients = [Connection(program.port) for _ in range(10)]
    assert {c.get("/").text.split()[0] for c in clients} == {"one"}
    old = program.workers()
    versions.put("two")
    program.signal(signal.SIGHUP)
    wait_until(lambda: not set(old) & set(program.workers()) and len(program.workers()) == 2, "the old workers are gone")
    for client in clients:  # the same connections, nothing was announced
        response = client.get("/")
        assert response.text.startswith("two") and "connection" not in response.headers


@pytest.mark.parametrize("before, reason", [
    ("exit(7);", r"exit code 7"),
    ("abort();", r"SIGABRT"),
    ("sl_bind(app, .port = SL_PORT_ANY); sl_bind(app, .port = 1, .host = \"192.0.2.1\");", r"192\.0\.2\.1"),
])
def test_code_that_does_not_start_leaves_the_old_serving(versions, start, before, reason):
    program = start([versions.path])
    old = program.wait_workers(2)
    versions.put("broken", before)
    mark = program.mark()
    program.signal(signal.SIGHUP)
    program.expect(rf"reload.*{reason}|{reason}.*reload|{reason}", start=mark)
    program.expect(r"(?i)old|keeps|generation 1", start=mark)
    wait_until(lambda: sorted(program.workers()) == sorted(old), "only the old workers are left")
    assert version(program) == "one"
    # A respawn runs the held executable, whatever lies at the path.
    os.kill(old[0], signal.SIGKILL)
    wait_until(lambda: len(program.workers()) == 2 and old[0] not in program.workers(), "respawned")
    assert {version(program) for _ in range(20)} == {"one"}


def test_a_missing_executable_is_one_line(versions, start):
    program = start([versions.path])
    os.unlink(versions.path)
    mark = program.mark()
    program.signal(signal.SIGHUP)
    program.expect(r"current.*(No such file|not there|missing)", start=mark)
    assert version(program) == "one"


def test_sigterm_during_a_reload_ends_everything(versions, start):
    program = start([versions.path])
    program.wait_workers(2)
    versions.put("slow", "usleep(300000);")
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.workers()) == 4, "both generations live")
    program.signal(signal.SIGTERM)
    assert program.wait() == 0


def test_hup_during_a_reload_begins_another(versions, start):
    program = start([versions.path])
    old = program.wait_workers(2)
    versions.put("slow", "usleep(300000);")
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.workers()) == 4, "both generations live")
    versions.put("three")
    program.signal(signal.SIGHUP)
    wait_until(lambda: version(program) == "three", "the last code serves")
    wait_until(lambda: len(program.workers()) == 2 and not set(old) & set(program.workers()), "one generation remains")


@pytest.mark.load
def test_50_reloads_under_load_fail_no_request(versions, start):
    program = start([versions.path])
    program.wait_workers(2)
    load = Load(program.port, kept=3, new=2)
    load.wait_answered(50)
    for _ in range(50):
        old = program.workers()
        program.signal(signal.SIGHUP)
        wait_until(lambda: not set(old) & set(program.workers()) and len(program.workers()) == 2, "one reload is done")
        load.wait_answered(5)
    assert load.stop() == []
    assert program.stop() == 0
