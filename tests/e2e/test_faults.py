"""What goes wrong around the master: descriptors that are missing, workers gone mad, a master that was stopped, storms of signals."""
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from harness import BUILD, Connection, alive, children, descendants, request, state_of, suspend, wait_until

TOOL = BUILD / "cli/shallot"

APP = """
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

static long count;
static size_t octets;

static void on_count(sl_app *app, const sl_message *m, void *self) { count++; }
static void on_large(sl_app *app, const sl_message *m, void *self) { octets += m->len; }
static int who(sl_ctx *c) { return sl_text(c, "%d %d %ld %zu", sl_worker_id(), getpid(), count, octets); }
static int tell(sl_ctx *c) { int r = sl_send(sl_app_of(c), "count", "x", 1); return r < 0 ? r : sl_text(c, "told"); }
static int large(sl_ctx *c)
{
    size_t len = (size_t)atol(sl_param(c, "len"));
    int times = atoi(sl_param(c, "times")), r = 0;
    char *p = calloc(1, len);
    while (r >= 0 && times-- > 0)
        r = sl_send(sl_app_of(c), "large", p, len);
    free(p);
    return r < 0 ? r : sl_text(c, "told");
}
static void up(sl_app *app, const sl_worker_info *w, void *self) { printf("up %d\\n", w->id); }
static int channel(void) /* as a program gone mad would find it */
{
    for (int fd = 3; fd < 64; fd++) {
        int type = 0;
        socklen_t len = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET)
            return fd;
    }
    abort();
}
static int babble(sl_ctx *c)
{
    char octets[100];
    memset(octets, 0x5a, sizeof octets);
    if (write(channel(), octets, sizeof octets) < 0)
        return -1;
    return sl_text(c, "%d", getpid());
}
static int hang_up(sl_ctx *c) { close(channel()); return sl_text(c, "%d", getpid()); }
FUNCTIONS
static int spin(sl_ctx *c) { sl_info("spinning"); for (volatile int i = 0;;) i = !i; return 0; }

int main(void)
{
    BEFORE
    sl_app *app = sl_new(.grace_ms = 300, OPTIONS);
    sl_on_message(app, "count", on_count, NULL);
    sl_on_message(app, "large", on_large, NULL);
    sl_on_worker_up(app, up, NULL);
    sl_share(app, "count", &count, sizeof count);
    sl_get(app, "/", who);
    sl_get(app, "/tell", tell);
    sl_get(app, "/large/:times/:len", large);
    sl_get(app, "/babble", babble);
    sl_get(app, "/hang-up", hang_up);
    sl_get(app, "/spin", spin);
    sl_bind(app);
    MORE
    return sl_run(app);
}
"""


@pytest.fixture
def build(compile):
    def make(name="app", options=".instances = 2, .drain_ms = 5000", functions="", before="", more=""):
        source = APP.replace("OPTIONS", options).replace("FUNCTIONS", functions).replace("BEFORE", before).replace("MORE", more)
        return compile(source, name=name)

    return make


@pytest.fixture
def app(build, start):
    program = start([build()])
    program.wait_workers(2)
    program.expect("listening", count=2)
    return program


class Place:
    """The path the program is started from; put() replaces it as an installer would."""

    def __init__(self, path):
        self.path = path

    def put(self, built):
        fresh = self.path.with_suffix(".new")
        shutil.copy(built, fresh)
        os.rename(fresh, self.path)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "current")


def answers(program, times=20):
    """What the workers say of themselves: {id: (pid, count, octets)}."""
    said = {}
    for _ in range(times):
        worker, pid, count, octets = map(int, program.get("/").text.split())
        said[worker] = (pid, count, octets)
    return said


def wait_swapped(program, old, count=2):
    wait_until(lambda: len(program.workers()) == count and not set(old) & set(program.workers()),
               lambda: f"{count} other workers than {old} expected, there are {program.workers()}")


def descriptors(pid):
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return found


def scoreboard(program):
    """Worker ids by slot, as the gate of every worker reads them."""
    [fd] = [fd for fd, name in descriptors(program.pid).items() if "shallot-scoreboard" in name]
    data = Path(f"/proc/{program.pid}/fd/{fd}").read_bytes()
    size = len(data) // 512 // 128 * 128  # of a slot: what comes behind them is less than 128 for each
    return {slot: worker for slot in range(512) if (worker := struct.unpack_from("I", data, size * slot)[0])}


def test_a_respawned_worker_keeps_its_place_in_the_scoreboard(app):
    """The successor was given the slot before it was taken from the dead one: it was nobody to the gate, which then let others starve."""
    assert scoreboard(app) == {0: 1, 1: 2}
    mark = app.mark()
    os.kill(app.workers()[0], signal.SIGKILL)
    app.expect("listening", start=mark)
    assert sorted(scoreboard(app).values()) == [2, 3] or sorted(scoreboard(app).values()) == [1, 3]
    assert set(scoreboard(app)) == {0, 1}


def test_nothing_is_taken_for_a_closed_standard_stream(build):
    """Started with all three closed (some init scripts do that), the event loop became standard output, and a client might have."""
    app = build(before="printf(\"a line\\n\"); fflush(stdout);")
    process = subprocess.Popen(["sh", "-c", f"exec {app} <&- >&- 2>&-"], env={**os.environ, "HOST": "127.0.0.1", "PORT": "0"})
    try:
        wait_until(lambda: len(children(process.pid)) == 2, "two workers")
        workers = children(process.pid)
        wait_until(lambda: all(alive(pid) and any("eventpoll" in name for name in descriptors(pid).values()) for pid in workers), "they serve")
        for pid in [process.pid, *workers]:
            assert [descriptors(pid)[fd] for fd in range(3)] == ["/dev/null"] * 3
        process.terminate()
        assert process.wait(30) == 0
    finally:
        destroy(process)


def ask(path, target):
    """One request over a unix socket; None if nobody answers."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
            s.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            return s.makefile("rb").read().partition(b"\r\n\r\n")[2].decode() or None
        except OSError:
            return None


def test_a_full_disk_does_not_stop_the_service(build, tmp_path):
    """Standard output and error are /dev/full: lines are lost, nothing else."""
    path = tmp_path / "app.sock"
    app = build(before="printf(\"a line\\n\");", more=f"sl_bind(app, .unix_path = \"{path}\");")
    process = subprocess.Popen(["sh", "-c", f"exec {app} >/dev/full 2>/dev/full"], env={**os.environ, "HOST": "127.0.0.1", "PORT": "0"})
    try:
        wait_until(lambda: ask(path, "/"), "it serves")
        old = children(process.pid)
        os.kill(old[0], signal.SIGKILL)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(children(process.pid)) == 2 and not set(old) & set(children(process.pid)), "all workers are new")
        assert ask(path, "/tell") == "told"
        process.terminate()
        assert process.wait(30) == 0
    finally:
        destroy(process)


def destroy(process):
    for pid in [*descendants(process.pid), process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def test_a_master_that_was_stopped_hears_before_it_judges(build, place, start):
    """While it is stopped the candidate dies; continued, its settle time is over. It served the dead generation."""
    place.put(build("one"))
    program = start([place.path])
    old = program.wait_workers(2)
    program.expect(r"\bup \d", count=2)
    for _ in range(10):  # a loaded machine may come too late to stop it in time
        mark = program.mark()
        program.signal(signal.SIGHUP)
        program.expect(r"\bup \d", start=mark, count=2)
        suspend(program.pid)
        stopped = time.monotonic()
        if not program.matches("serves", start=mark):
            break
        program.signal(signal.SIGCONT)
        wait_swapped(program, old)
        old = program.workers()
    for pid in set(program.workers()) - set(old):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: time.monotonic() > stopped + 0.3, "the settle time is over")
    program.signal(signal.SIGCONT)
    program.expect(r"generation \d+ failed: worker \d+ died \(SIGKILL\)", start=mark)
    wait_until(lambda: sorted(program.workers()) == sorted(old), "the old workers serve on")


def sleeping_in_the_loop(pid):
    try:
        return state_of(pid) == "S" and any("eventfd" in name for name in descriptors(pid).values())
    except FileNotFoundError:
        return False


def test_a_candidate_given_up_opens_no_port_any_more(build, place, start, tmp_path):
    """Its HELLO was read after the next reload had begun: the port it named stayed open, and nobody accepted there."""
    gate, other = tmp_path / "gate", tmp_path / "other.sock"
    plain = build("plain")
    place.put(plain)
    program = start([place.path])
    old = program.wait_workers(2)
    place.put(build("more", before=f"while (access(\"{gate}\", F_OK) < 0) usleep(1000);", more=f"sl_bind(app, .unix_path = \"{other}\");"))
    program.signal(signal.SIGHUP)
    candidates = set(program.wait_workers(4)) - set(old)
    wait_until(lambda: all(Path(f"/proc/{pid}/comm").read_text().startswith("shallot-w") for pid in candidates), "their main() runs")
    place.put(plain)
    suspend(program.pid)
    program.signal(signal.SIGHUP)  # is read first,
    gate.touch()
    wait_until(lambda: all(map(sleeping_in_the_loop, candidates)), "they have said HELLO")  # and then this
    program.signal(signal.SIGCONT)
    program.expect("generation 3 serves")
    wait_swapped(program, old)
    assert not other.exists()


@pytest.mark.parametrize("what, reason", [
    ("directory", "Permission denied"),
    ("data", "Permission denied"),
    ("text", "Exec format error"),
    ("script", "Exec format error"),
    ("nothing", "No such file"),
])
def test_what_cannot_be_executed_is_said_in_one_line(build, place, start, what, reason):
    """And the old code serves on, is respawned from, and can be replaced afterwards."""
    built = build()
    place.put(built)
    program = start([place.path])
    old = program.wait_workers(2)
    os.unlink(place.path)
    if what == "directory":
        place.path.mkdir()
    elif what != "nothing":
        place.path.write_text({"script": "#!/bin/sh\nexit 0\n"}.get(what, "neither\n"))
        place.path.chmod(0o644 if what == "data" else 0o755)
    mark = program.mark()
    program.signal(signal.SIGHUP)
    program.expect(f"current.*{reason}", start=mark)
    os.kill(old[0], signal.SIGKILL)
    program.expect("listening", start=mark)
    assert program.get("/").status == 200
    if what == "directory":
        place.path.rmdir()
    place.put(built)
    now = program.wait_workers(2)
    program.signal(signal.SIGHUP)
    wait_swapped(program, now)


def test_a_reload_raises_the_limit_of_messages(build, place, start):
    """The master kept its first limit and killed the workers of the new code: their messages made no sense to it."""
    place.put(build("small", options=".instances = 2, .limits.message_bytes = 1000"))
    program = start([place.path])
    old = program.wait_workers(2)
    assert program.get("/large/1/100000").status == 500
    place.put(build("large", options=".instances = 2, .limits.message_bytes = 1000000"))
    program.signal(signal.SIGHUP)
    wait_swapped(program, old)
    new = program.workers()
    assert program.get("/large/1/100000").text == "told"
    wait_until(lambda: [octets for _, _, octets in answers(program).values()] == [100000, 100000], "both have it")
    assert sorted(program.workers()) == sorted(new)


@pytest.mark.parametrize("how, reason", [("babble", "could not be read"), ("hang-up", None)])
def test_a_worker_whose_channel_is_lost_is_replaced(app, how, reason):
    """One that had closed it stayed for the whole drain time, served on, and heard no message."""
    mark = app.mark()
    pid = int(app.get(f"/{how}").text)
    app.expect(rf"worker {pid} died", start=mark, timeout=4)
    if reason:
        app.expect(rf"worker {pid}.*{reason}", start=mark)
    app.expect("listening", start=mark)
    assert pid not in app.wait_workers(2)
    assert app.get("/tell").text == "told"
    wait_until(lambda: {count for _, count, _ in answers(app).values()} == {1}, "both have heard it")


def test_a_worker_that_cannot_be_told_is_replaced(app):
    """Out of descriptors the master could not queue a large message: it never sent that worker another, and said nothing."""
    highest = max(descriptors(app.pid))
    hard = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)[1]
    mark = app.mark()
    # Room for the message itself, and for one copy of it.
    free = [fd for fd in range(highest + 3) if fd not in descriptors(app.pid)]
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (free[1] + 1, hard))
    assert app.get("/large/1/100000").text == "told"
    app.expect("could not be sent a message: Too many open files|died", start=mark)
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (hard, hard))
    app.expect("listening", start=mark)
    app.wait_workers(2)
    wait_until(lambda: len(answers(app)) == 2, "both serve")
    app.get("/tell")
    wait_until(lambda: len({count for _, count, _ in answers(app).values()}) == 1, "both count")


def test_a_program_that_cannot_be_started_for_want_of_descriptors(app):
    """The line named "worker 0". The master goes on, and starts one when it can."""
    hard = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)[1]
    mark = app.mark()
    pid = app.workers()[0]
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (3, hard))
    os.kill(pid, signal.SIGKILL)
    app.expect(r"cannot start .*: Too many open files\. restarting\.\.\.", start=mark)
    assert not app.matches("worker 0", start=mark)
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (hard, hard))
    app.expect("listening", start=mark)
    app.wait_workers(2)


def test_a_worker_full_of_connections_takes_large_messages(build, start):
    """Up to 64 of them lie in its mailbox as descriptors; there was no room left, and it took the master for dead."""
    app = build(options=".drain_ms = 5000, .instances = 1", more="sl_on_message(app, \"large\", nap, NULL);", functions="""
static void nap(sl_app *app, const sl_message *m, void *self) { if (octets == m->len) sl_sleep(300); }
""")
    program = start([app], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 4096)))
    [worker] = program.wait_workers(1)
    clients = [Connection(program.port) for _ in range(240)]
    assert clients[0].get("/").status == 200
    wait_until(lambda: len(descriptors(worker)) >= 300 - 128, "it is full")
    assert clients[0].get("/large/31/33000").text == "told"
    assert clients[0].get("/large/100/33000").text == "told"
    wait_until(lambda: clients[0].get("/").text.split()[-1] == str(131 * 33000), "all have arrived")
    assert program.workers() == [worker]
    for client in clients:
        client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_last_moment_does_not_spoil_the_exit_status(build, start, tmp_path, number):
    """It came when the workers were gone, stayed pending, and killed the master as soon as it gave the signals back."""
    told = tmp_path / "told"
    command = f"trap 'touch {told}' TERM; touch {tmp_path}/begun; while :; do sleep 0.01; done"
    program = start([build()], env={"SHALLOT_MODE": "development", "SHALLOT_BUILD": command}, cwd=tmp_path)
    (tmp_path / "page.html").write_text("changed")
    wait_until(lambda: (tmp_path / "begun").exists(), "it builds")
    program.signal(signal.SIGTERM)
    wait_until(told.exists, "the build is told to end: the last thing a master does")
    program.signal(number)
    assert program.wait() == 0


def test_storms_of_signals_end_well(app):
    """100 reloads, and as many workers more and less, as fast as they can be sent."""
    old = app.workers()
    for _ in range(100):
        app.signal(signal.SIGHUP)
        app.signal(signal.SIGTTIN)
        app.signal(signal.SIGTTOU)
    for _ in range(10):
        app.signal(signal.SIGTTOU)
    wait_until(lambda: not set(old) & set(app.workers()) and len(app.workers()) == len(scoreboard(app)) < 10, "the old ones are gone")
    assert app.get("/tell").text == "told"
    assert app.stop() == 0


def test_nothing_is_left_behind_by_reloads_kills_and_messages(app):
    """The master's descriptors afterwards are those of the beginning; nobody is a zombie."""
    def held():  # but for large messages in the relay's log, which is bounded by its octets and not by this test
        names = [name.split(":")[0] for name in descriptors(app.pid).values() if "shallot-message" not in name]
        return sorted(names)

    before = held()
    for _ in range(5):
        old = app.workers()
        app.signal(signal.SIGHUP)
        wait_swapped(app, old)
        assert app.get("/large/100/40000").text == "told"
        mark = app.mark()
        os.kill(int(app.get("/").text.split()[1]), signal.SIGKILL)
        app.expect("listening", start=mark)
    wait_until(lambda: held() == before, lambda: f"{before} expected, there are {descriptors(app.pid)}")
    assert sum("shallot-message" in name for name in descriptors(app.pid).values()) <= (1 << 20) // 40000 + 1
    everyone = Path(f"/proc/{app.pid}/task/{app.pid}/children").read_text().split()
    assert len(everyone) == 2


def test_a_worker_that_never_comes_back_does_not_keep_a_stop(build, start):
    """A handler that loops for ever: killed after the drain time."""
    program = start([build(options=".instances = 2, .drain_ms = 100")])
    program.wait_workers(2)
    with Connection(program.port) as client:
        client.send_request("/spin")
        program.expect("spinning")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
    program.expect("did not leave in time")


def test_a_worker_that_never_comes_back_is_no_orphan(build, start):
    """The master is killed: nobody reads the end of the channel, so the death signal has to do."""
    program = start([build(options=".instances = 2, .drain_ms = 100")])
    workers = program.wait_workers(2)
    with Connection(program.port) as client:
        client.send_request("/spin")
        program.expect("spinning")
        os.kill(program.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, workers)), "both are gone")


def test_a_worker_told_to_leave_while_a_start_callback_waits(build, start):
    """It waited for the callback, busily, until the drain deadline, and then called stop callbacks of what had not been started."""
    program = start([build(options=".instances = 1, .drain_ms = 60000", more="sl_on_start(app, begin, NULL); sl_on_stop(app, stop, NULL);", functions="""
static int begin(sl_app *app, void *self) { sl_info("waiting"); return sl_worker_id() == 1 ? sl_sleep(60000) : 0; }
static void stop(sl_app *app, void *self) { sl_info("stopped by %d", sl_worker_id()); }
""")], wait_ready=False)
    program.expect("waiting")
    [worker] = program.workers()
    os.kill(worker, signal.SIGTERM)
    program.expect(rf"worker {worker} died \(exit code 0\)", timeout=4)
    program.expect("listening")
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert program.matches("stopped by 2") and not program.matches("stopped by 1")


@pytest.mark.parametrize("children_wanted", [0, 1, 2])
def test_term_while_it_starts(build, start, children_wanted):
    """At whatever moment: it ends, and nobody is left."""
    app = build(before="usleep(20000);")
    for _ in range(5):
        program = start([app], wait_ready=False)
        wait_until(lambda: len(program.workers()) >= children_wanted or program.process.poll() is not None, "so many workers")
        program.signal(signal.SIGTERM)
        assert program.wait() in (0, -signal.SIGTERM)


def can_unshare():
    return subprocess.run(["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="no user namespaces here")
def test_pid_1_buries_strangers(build, start):
    """A process that a handler left behind ends: as PID 1 the master is its parent now."""
    app = build(more="sl_get(app, \"/orphan\", orphan);", functions="""
static int orphan(sl_ctx *c)
{
    if (fork() == 0) {
        if (fork() == 0)
            usleep(10000);
        _exit(0);
    }
    return sl_text(c, "left behind");
}
""")
    program = start(["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", app])
    [master] = children(program.pid)
    program.expect("listening", count=2)
    for _ in range(10):
        assert program.get("/orphan").status == 200
    [worker, *_] = children(master)
    os.kill(worker, signal.SIGKILL)
    program.expect("died .SIGKILL.. restarting")
    program.expect("listening", count=3)
    everyone = lambda: Path(f"/proc/{master}/task/{master}/children").read_text().split()
    wait_until(lambda: len(everyone()) == 2, lambda: f"two children expected, there are {[state_of(pid) for pid in everyone()]}")
    os.kill(master, signal.SIGTERM)
    assert program.wait() == 0


@pytest.mark.skipif(not can_unshare(), reason="no user namespaces here")
def test_the_tool_as_pid_1_buries_strangers(start, folder):
    """In a container `shallot dev` may be PID 1: a process that the build has left behind ends."""
    file = folder("hello")
    command = f"(sleep 0.05 &) ; test -e app || exec cp {BUILD}/examples/hello app"
    program = start(["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", TOOL, "dev", "./app", "--build", command], cwd=file.parent,
                    wait_ready=False)
    program.expect(r"listening on http://")
    [tool] = children(program.pid)
    (file.parent / "page.html").write_text("changed")
    program.expect(r"the new code serves")
    everyone = lambda: Path(f"/proc/{tool}/task/{tool}/children").read_text().split()
    wait_until(lambda: len(everyone()) == 1, lambda: f"one child expected, there are {[state_of(pid) for pid in everyone()]}")
    os.kill(tool, signal.SIGTERM)
    assert program.wait() == 0


@pytest.fixture
def dev(start, folder):
    def run(command, program="./app", **kwargs):
        file = folder("hello")
        return start([TOOL, "dev", program, "--build", command], cwd=file.parent, wait_ready=False, **kwargs)

    return run


def sleepers(pid):
    return [p for p in descendants(pid) if Path(f"/proc/{p}/comm").read_text() == "sleep\n"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_tool_is_killed_while_it_builds(dev, number):
    """The shell heard of it, its compiler did not, and went on for minutes."""
    program = dev("sleep 1000; true")
    wait_until(lambda: sleepers(program.pid), "the build runs")
    everyone = descendants(program.pid)
    program.signal(number)
    program.wait()
    wait_until(lambda: not any(map(alive, everyone)), lambda: f"{[p for p in everyone if alive(p)]} survived")


def test_the_tool_is_killed_while_the_program_builds(dev, build, tmp_path):
    """Tool, program, worker and build: nobody survives."""
    built = build("first")
    program = dev(f"test -e app || exec cp {built} app; sleep 1000; true")
    program.expect(r"listening on http://")
    (tmp_path / "page.html").write_text("changed")
    wait_until(lambda: sleepers(program.pid), "the program builds")
    everyone = descendants(program.pid)
    program.signal(signal.SIGKILL)
    program.wait()
    wait_until(lambda: not any(map(alive, everyone)), lambda: f"{[p for p in everyone if alive(p)]} survived")


def test_the_master_is_killed_while_it_builds(dev, build, tmp_path):
    """Under the tool, which then waits for the next change."""
    built = build("first")
    program = dev(f"test -e app || exec cp {built} app; sleep 1000; true")
    program.expect(r"listening on http://")
    [master] = children(program.pid)
    (tmp_path / "page.html").write_text("changed")
    wait_until(lambda: sleepers(program.pid), "the program builds")
    everyone = descendants(master)
    os.kill(master, signal.SIGKILL)
    program.expect("SIGKILL")
    wait_until(lambda: not any(map(alive, everyone)), lambda: f"{[p for p in everyone if alive(p)]} survived")
    assert program.stop() == 0


def test_a_build_does_not_keep_the_port(dev, build, tmp_path):
    """The build's guardian is a copy of the master, and held its sockets."""
    built = build("first")
    program = dev(f"test -e app || exec cp {built} app; sleep 1000; true")
    program.port = int(program.expect(r"listening on http://127\.0\.0\.1:(\d+)").group(1))
    [master] = children(program.pid)
    (tmp_path / "page.html").write_text("changed")
    wait_until(lambda: sleepers(program.pid), "the program builds")
    for pid in descendants(master):
        if pid not in children(master):
            assert not any("socket" in name for name in descriptors(pid).values())
    guardian = [pid for pid in children(master) if descendants(pid)]
    assert len(guardian) == 1
    wait_until(lambda: descriptors(guardian[0]) == {}, lambda: f"{descriptors(guardian[0])}")
    program.stop()


def test_a_program_whose_main_returns_ends_the_tool(dev, build):
    """It was content: there is nothing left to serve, and nothing to mend. With another status the tool waits for the next save (test_standin.py)."""
    program = dev("true", program=build(before="return 0;"))
    assert program.wait() == 0


def test_a_program_that_never_listens_can_be_stopped(dev, build):
    """Its main() loops: no handler of ours is there yet."""
    program = dev("true", program=build(before="fprintf(stderr, \"looping\\n\"); for (;;) usleep(1000);"))
    program.expect("looping")
    everyone = descendants(program.pid)
    program.signal(signal.SIGTERM)
    program.wait()
    assert not any(map(alive, everyone))
