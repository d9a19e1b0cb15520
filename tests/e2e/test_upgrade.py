"""SIGUSR2: the master becomes the new program in place, or nothing happens (CL12, DESIGN 2.11)."""
import os
import shutil
import signal
from pathlib import Path

import pytest

from harness import Connection, Load, alive, suspend, wait_until

APP = """
#include <shallot.h>
#include <stdlib.h>
TOP
static sl_counter *n;
static long messages;
static void on_add(sl_app *app, const sl_message *m, void *self) { messages++; }
static void on_ask(sl_app *app, const sl_message *m, void *self) { sl_send(app, "answer", "VERSION", sizeof "VERSION" - 1); }
static int version(sl_ctx *c) { return sl_text(c, "VERSION %d", getpid()); }
static int slow(sl_ctx *c) { int r = sl_sleep(1000); return r < 0 ? r : sl_text(c, "VERSION"); }
static int crash(sl_ctx *c) { volatile int *nowhere = NULL; return *nowhere; }
static int add(sl_ctx *c)
{
    sl_counter_add(n, 1);
    int r = sl_send(sl_app_of(c), "add", NULL, 0);
    return r < 0 ? r : sl_text(c, "ok");
}
static int counts(sl_ctx *c) { return sl_text(c, "%ld %lld", messages, (long long)sl_counter_read(n)); }
static int ask(sl_ctx *c) { int r = sl_send_master(sl_app_of(c), "ask", NULL, 0); return r < 0 ? r : sl_text(c, "asked"); }
static void on_answer(sl_app *app, const sl_message *m, void *self) { printf("the master is %.*s\\n", (int)m->len, (const char *)m->data); }
static int big(sl_ctx *c) { static char data[100000]; int r = sl_send(sl_app_of(c), "add", data, sizeof data); return r < 0 ? r : sl_text(c, "ok"); }
int main(void)
{
    BEFORE
    sl_app *app = sl_new(.instances = 2, .drain_ms = 5000, .ready_ms = READY);
    n = sl_counter_new(app, "n");
    sl_share(app, "messages", &messages, sizeof messages);
    sl_on_message(app, "add", on_add, NULL);
    sl_on_message(app, "answer", on_answer, NULL);
    sl_on_master_message(app, "ask", on_ask, NULL);
    sl_get(app, "/", version);
    sl_get(app, "/slow", slow);
    sl_get(app, "/crash", crash);
    sl_post(app, "/add", add);
    sl_post(app, "/big", big);
    sl_post(app, "/ask", ask);
    sl_get(app, "/counts", counts);
    return sl_listen(app);
}
"""
UPGRADED = "has become the new program"


class Versions:
    """Builds versions of the program and puts them at one path, by rename as an installer would."""

    def __init__(self, compile, tmp_path):
        self.compile, self.path = compile, tmp_path / "current"

    def build(self, version, before="", ready=20000, top=""):
        text = APP.replace("VERSION", version).replace("BEFORE", before).replace("READY", str(ready)).replace("TOP", top)
        return self.compile(text, name=f"built-{version}")

    def put(self, *args, **kwargs):
        self.put_file(self.build(*args, **kwargs))

    def put_file(self, file):
        fresh = self.path.with_suffix(".new")
        shutil.copy(file, fresh)
        os.rename(fresh, self.path)


@pytest.fixture
def versions(compile, tmp_path):
    v = Versions(compile, tmp_path)
    v.put("one")
    return v


def version(program):
    return program.get("/").text.split()[0]


def upgrade(program, count=1):
    program.signal(signal.SIGUSR2)
    program.expect(UPGRADED, count=count)


def wait_only(program, old, count=2):
    """Until the workers of before are gone and the new ones are there."""
    wait_until(lambda: not set(old) & set(program.workers()) and len(program.workers()) == count, lambda: f"{old} leave; {program.text()}")


def test_the_master_becomes_the_new_program(versions, start):
    program = start([versions.path])
    old = program.wait_workers(2)
    before = os.stat(f"/proc/{program.pid}/exe").st_ino
    versions.put("two")
    upgrade(program)
    wait_only(program, old)
    assert version(program) == "two"
    assert os.stat(f"/proc/{program.pid}/exe").st_ino != before
    assert Path(f"/proc/{program.pid}/comm").read_text() == "current\n"
    program.get("/ask", method="POST")
    program.expect("the master is two")
    assert program.stop() == 0


def test_the_new_master_supervises_and_reloads(versions, start):
    program = start([versions.path])
    old = program.wait_workers(2)
    versions.put("two")
    upgrade(program)
    wait_only(program, old)
    for worker in program.workers():
        mark = program.mark()
        os.kill(worker, signal.SIGKILL)
        program.expect(f"worker {worker} died \\(SIGKILL\\). restarting", start=mark)
        program.expect("listening on", start=mark)
    old = program.wait_workers(2)
    versions.put("three")
    program.signal(signal.SIGHUP)
    program.expect("generation 3 serves")
    wait_only(program, old)
    assert version(program) == "three"
    program.signal(signal.SIGTTIN)
    program.wait_workers(3)
    program.signal(signal.SIGTTOU)
    program.wait_workers(2)
    assert program.stop() == 0


def test_an_old_worker_that_still_drains_is_still_watched(versions, start):
    program = start([versions.path])
    old = program.wait_workers(2)
    with Connection(program.port) as c:
        c.send_request("/slow")
        versions.put("two")
        upgrade(program)
        assert c.read_response().text == "one"
    wait_only(program, old)
    assert not program.matches("killing it")


def test_kept_connections_notice_nothing(versions, start):
    program = start([versions.path])
    clients = [Connection(program.port) for _ in range(10)]
    assert {c.get("/").text.split()[0] for c in clients} == {"one"}
    old = program.wait_workers(2)
    versions.put("two")
    upgrade(program)
    wait_only(program, old)
    assert {c.get("/").text.split()[0] for c in clients} == {"two"}
    for c in clients:
        c.close()


def test_the_dead_are_answered_for_before_and_after(versions, start, tmp_path):
    program = start([versions.path], env={"SHALLOT_CRASH_DIR": str(tmp_path / "crashes")})
    program.report_expected = True
    for i in range(1, 4):
        old = program.wait_workers(2)
        with Connection(program.port) as c:
            c.send_request("/crash")
            program.signal(signal.SIGUSR2)
            assert c.read_response().status == 500
        program.expect(UPGRADED, count=i)
        wait_only(program, old)
    assert program.get("/").status == 200


def test_messages_and_counters_go_on(versions, start):
    program = start([versions.path])
    program.wait_workers(2)
    for i in range(1, 4):
        for _ in range(5):
            program.get("/add", method="POST")
        old = program.workers()
        upgrade(program, count=i)
        wait_only(program, old)
        for _ in range(4):
            wait_until(lambda: program.get("/counts").text == f"{5 * i} {5 * i}", lambda: program.get("/counts").text)
    for worker in program.workers():  # also when nobody is left who knows
        os.kill(worker, signal.SIGKILL)
    program.wait_workers(2)
    wait_until(lambda: program.get("/counts").text == "15 15", lambda: program.get("/counts").text)


def test_what_waits_for_a_stopped_worker_waits_on(versions, start):
    """A queue in the master, with bodies in memfds, travels with the state."""
    program = start([versions.path])
    workers = program.wait_workers(2)
    suspend(workers[0])
    with Connection(program.port) as c:
        c.get("/counts")
        for i in range(300):
            assert c.get("/big" if i % 3 == 0 else "/add", method="POST").status == 200
    versions.put("two", ready=60000)
    program.signal(signal.SIGUSR2)
    program.expect(UPGRADED)
    os.kill(workers[0], signal.SIGCONT)
    wait_only(program, workers)
    wait_until(lambda: program.get("/counts").text.split()[0] == "300", lambda: program.get("/counts").text)
    assert not program.matches("too slow|gap|missed")


@pytest.mark.load
def test_twenty_upgrades_under_load_lose_nothing(versions, start, tmp_path):
    program = start([versions.path])
    program.wait_workers(2)
    files = [tmp_path / "built-one", versions.build("two")]
    adding = Load(program.port, kept=2, new=2, path="/")
    added, descriptors = 0, []
    for i in range(1, 21):
        versions.put_file(files[i % 2])
        old = program.workers()
        program.signal(signal.SIGUSR2)
        while len(program.matches(UPGRADED)) < i:
            assert program.get("/add", method="POST").text == "ok"
            added += 1
        wait_only(program, old)
        if i in (10, 20):
            descriptors.append(len(os.listdir(f"/proc/{program.pid}/fd")))
    adding.wait_answered(50)
    assert adding.stop() == []
    assert adding.answered > 200
    assert version(program) == "one"
    assert descriptors[1] <= descriptors[0] + 1, descriptors  # of workers that leave there may be some more or less
    wait_until(lambda: program.get("/counts").text == f"{added} {added}", lambda: f"{added} expected, {program.get('/counts').text}")


FAILURES = [  # what the new program does, and the reason that is told
    ("return 7;", r"exit code 7"),
    ("abort();", r"SIGABRT"),
    ("if (sl_worker_id() > 2) for (;;) pause();", r"was not ready within 1\.0 s"),
    ("if (sl_is_master()) return 3;", r"as a master it ended before it came to sl_listen"),
    ("if (sl_is_master()) abort();", r"as a master it died of SIGABRT"),
    ("if (sl_is_master()) for (;;) pause();", r"as a master it did not come to sl_listen\(\) within 1\.0 s"),
    ('if (sl_is_master()) { sl_app *x = sl_new(.standalone = true); return sl_listen(x); }', r"as a master it is standalone"),
    ('if (sl_is_master()) setenv("SHALLOT_MODE", "development", 1);', r"as a master it wants development mode"),
]


@pytest.mark.parametrize("code, reason", FAILURES)
def test_a_program_that_fails_changes_nothing(versions, start, code, reason):
    versions.put("one", ready=1000)
    program = start([versions.path])
    old = program.wait_workers(2)
    inode = os.stat(f"/proc/{program.pid}/exe").st_ino
    program.report_expected = True
    versions.put("two", before=code, ready=1000)
    program.signal(signal.SIGUSR2)
    program.expect(f"generation 2 failed: .*{reason}.*generation 1 stays")
    wait_until(lambda: set(program.workers()) == set(old), lambda: f"{old} stay: {program.workers()}")
    assert version(program) == "one"
    assert os.stat(f"/proc/{program.pid}/exe").st_ino == inode
    assert not program.matches(UPGRADED)
    versions.put("three")  # and a good one works after that
    upgrade(program)
    wait_only(program, old)
    assert version(program) == "three"


def test_files_that_are_none(versions, start):
    program = start([versions.path])
    program.wait_workers(2)
    aside = versions.path.with_suffix(".aside")
    os.rename(versions.path, aside)
    program.signal(signal.SIGUSR2)
    program.expect("cannot upgrade to .*No such file")
    versions.path.write_text("half a pro")
    program.signal(signal.SIGUSR2)
    program.expect("cannot upgrade to .*Permission denied")
    versions.path.chmod(0o700)
    program.signal(signal.SIGUSR2)
    program.expect("generation 2 failed.*Exec format error.*generation 1 stays")
    assert version(program) == "one"


def test_overlaps(versions, start):
    program = start([versions.path])
    program.wait_workers(2)
    versions.put("two", before="if (!sl_is_master()) usleep(300000);")
    program.signal(signal.SIGUSR2)
    program.expect("upgrading")
    program.signal(signal.SIGUSR2)
    program.expect("upgrade refused: an upgrade is under way")
    program.signal(signal.SIGHUP)
    program.expect("an upgrade is under way: reload refused")
    old = program.workers()
    program.expect(UPGRADED)
    wait_until(lambda: len(program.workers()) == 2, "one generation")
    mark = program.mark()
    program.signal(signal.SIGHUP)
    program.expect("reloading", start=mark)
    program.signal(signal.SIGUSR2)
    program.expect("upgrade refused: a reload is under way", start=mark)
    program.expect("generation 3 serves", start=mark)
    program.signal(signal.SIGUSR2)
    program.expect("upgrading", start=mark)
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert not any(map(alive, old))


def test_signals_during_the_exec_are_not_lost(versions, start):
    """The new program sleeps in main(): what comes meanwhile waits."""
    versions.put("one")
    program = start([versions.path])
    old = program.wait_workers(2)
    versions.put("two", before='if (sl_is_master()) { printf("in main\\n"); fflush(stdout); usleep(500000); }')
    program.signal(signal.SIGUSR2)
    program.expect("in main", count=2)  # the first is the rehearsal
    os.kill(old[0], signal.SIGKILL)
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    program.expect(UPGRADED)
    program.expect("stopping")


TOP = """
extern ssize_t (*sl__sys_fault)(int call); /* the library's seam: 6 is epoll_ctl */
static int left;
static ssize_t no_epoll(int call) { return call == 6 && left-- <= 0 ? -12 : 0; }
"""


@pytest.mark.parametrize("calls", [0, 1, 4])
def test_a_master_that_cannot_take_over_returns(versions, start, calls):
    """Past the exec there is still a way back: the program before finds its own state."""
    program = start([versions.path])
    old = program.wait_workers(2)
    program.get("/add", method="POST")
    versions.put("two", top=TOP, before=f"if (sl_is_master()) {{ left = {calls}; sl__sys_fault = no_epoll; }}")
    program.signal(signal.SIGUSR2)
    program.expect("generation 2 failed: as a master it could not take over; generation 1 stays")
    assert program.matches("cannot .*: Cannot allocate memory")
    wait_until(lambda: set(program.workers()) == set(old), lambda: f"{old} stay: {program.workers()}")
    assert version(program) == "one"
    versions.put("three")
    upgrade(program)
    wait_only(program, old)
    assert version(program) == "three"
    wait_until(lambda: program.get("/counts").text == "1 1", lambda: program.get("/counts").text)
