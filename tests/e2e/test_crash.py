"""A worker crashes: its clients are answered, the report names the place, the successor serves."""
import os
import pwd
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness import BUILD, LONG, PATIENCE, SANITIZED, Connection, Load, request, wait_until

TOOL = BUILD / "cli/shallot"

APP = r"""
#include <shallot.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int zero;
static int *volatile nowhere = (int *)16; /* at 0 UBSan would come first */
static void (*volatile wild)(void);

__attribute__((noinline)) static int write_nowhere(void) { *nowhere = 1; /* HERE */ return 0; }
static int segv(sl_ctx *c) { return write_nowhere() + sl_text(c, "no"); }
static int bus(sl_ctx *c)
{
    FILE *f = tmpfile();
    char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(f), 0);
    return sl_text(c, "%d", *(volatile char *)p); /* BUS */
}
static int fpe(sl_ctx *c) { return sl_text(c, "%d", 100 / zero); /* FPE */ }
static int ill(sl_ctx *c)
{
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    __builtin_trap();
#endif
    return sl_text(c, "no");
}
static int abrt(sl_ctx *c) { abort(); /* ABRT */ return 0; }
static int jump(sl_ctx *c) { wild(); /* JUMP */ return sl_text(c, "no"); }
static volatile int bottom = -1;
__attribute__((noinline)) static int deeper(int n) { volatile char room[4096]; room[n & 4095] = (char)n; return n == bottom ? 0 : deeper(n + 1) + room[0]; }
static int deep(sl_ctx *c) { return sl_text(c, "%d", deeper(0)); }
static int job(void *arg) { return write_nowhere(); }
static int offload(sl_ctx *c) { int r = sl_offload(job, NULL); return r < 0 ? r : sl_text(c, "no"); }
static int offload_deep_job(void *arg) { return deeper(0); }
static int offload_deep(sl_ctx *c) { int r = sl_offload(offload_deep_job, NULL); return r < 0 ? r : sl_text(c, "no"); }
static int task(void *arg) { sl_sleep(10); return write_nowhere(); }
static int spawn(sl_ctx *c) { int r = sl_join(sl_spawn_in_request(c, task, NULL)); return r < 0 ? r : sl_text(c, "no"); }
static int both(sl_ctx *c)
{
    /* A thread of the pool and the loop, at the same time. */
    sl_spawn_in_request(c, task, NULL);
    int r = sl_offload(job, NULL);
    return r < 0 ? r : sl_text(c, "no");
}
static void clean_up(void *arg) { write_nowhere(); }
static int deferred(sl_ctx *c) { sl_defer(c, clean_up, NULL); return sl_text(c, "said"); }
static int forked(sl_ctx *c)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0)
        write_nowhere();
    waitpid(pid, &status, 0);
    return sl_text(c, "%d", WTERMSIG(status));
}
static int wait_long(sl_ctx *c) { sl_info("waiting"); int r = sl_sleep(30000); return r < 0 ? r : sl_text(c, "slept"); }
static int stream(sl_ctx *c)
{
    int r = sl_write(c, "begun", 5);
    sl_info("streaming");
    return r < 0 ? r : sl_sleep(30000);
}
static int wait_and_crash(sl_ctx *c) { sl_info("about to"); sl_sleep(20); return write_nowhere(); }
static int halt(sl_ctx *c) { raise(SIGSTOP); return write_nowhere(); }
static int spin(sl_ctx *c) { for (volatile int i = 0;; i++) { } /* SPIN */ return 0; }
static int busy(sl_ctx *c)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    do clock_gettime(CLOCK_MONOTONIC, &b);
    while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 400);
    return sl_text(c, "done");
}
static int babble(sl_ctx *c) /* a program gone mad, on the way crashed workers use */
{
    struct { unsigned words[400]; } message = {{0x53684c31u, 1, 200}};
    unsigned sent = 0;
    for (int fd = 3; fd < 64; fd++) {
        int type = 0;
        socklen_t len = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM)
            continue;
        for (size_t size = 1; size < sizeof message; size += 13)
            sent += send(fd, &message, size, MSG_DONTWAIT) > 0;
        for (unsigned count = 0; count < 300; count += 50) {
            message.words[2] = count;
            sent += send(fd, &message, 812, 0) > 0;
        }
    }
    return sl_text(c, "%d", sent > 100);
}
static int broken_memory(sl_ctx *c) { char *volatile p = malloc(100); p += 8; free(p); return sl_text(c, "no"); }
static int who(sl_ctx *c) { return sl_text(c, "%d", getpid()); }
static int seldom(sl_ctx *c) { if (strstr(sl_target(c), "crash")) write_nowhere(); return sl_text(c, "fine"); }

int main(void)
{
    sl_app *app = sl_new(.instances = INSTANCES, .name = "app", OPTIONS);
    sl_all(app, "/segv", segv);
    sl_get(app, "/segv/:what", segv);
    sl_get(app, "/bus", bus);
    sl_get(app, "/fpe", fpe);
    sl_get(app, "/ill", ill);
    sl_get(app, "/abrt", abrt);
    sl_get(app, "/jump", jump);
    sl_get(app, "/deep", deep);
    sl_get(app, "/offload", offload);
    sl_get(app, "/offload-deep", offload_deep);
    sl_get(app, "/spawn", spawn);
    sl_get(app, "/both", both);
    sl_get(app, "/deferred", deferred);
    sl_get(app, "/forked", forked);
    sl_all(app, "/wait", wait_long);
    sl_get(app, "/stream", stream);
    sl_get(app, "/wait-and-crash", wait_and_crash);
    sl_get(app, "/halt", halt);
    sl_get(app, "/spin", spin);
    sl_get(app, "/busy", busy);
    sl_get(app, "/memory", broken_memory);
    sl_get(app, "/babble", babble);
    sl_get(app, "/seldom", seldom);
    sl_get(app, "/", who);
    sl_get(app, "/metrics", sl_metrics());
    return sl_listen(app);
}
"""


def line_of(mark):
    return next(n for n, line in enumerate(APP.splitlines(), 1) if f"/* {mark} */" in line)


@pytest.fixture
def app(compile, start, tmp_path):
    """app(instances=1, ...) starts the program above with crash reports of its own; it may crash, so sanitizers may report."""
    def run(instances=1, options="", env=None, keep=True, **kwargs):
        program = compile(APP.replace("INSTANCES", str(instances)).replace("OPTIONS", options))
        asan = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0"} if SANITIZED else {}
        running = start([program], env={**({"SHALLOT_CRASH_DIR": str(tmp_path / "crashes")} if keep else {}), **asan, **(env or {})}, **kwargs)
        running.report_expected = True
        running.folder = tmp_path / "crashes"
        return running

    return run


def is_500(response):
    assert response.status == 500
    assert response.headers["connection"] == "close"
    assert response.headers["content-length"] == str(len(response.body))
    assert "date" in response.headers and "retry-after" not in response.headers


def is_503(response):
    assert response.status == 503
    assert response.headers["retry-after"] == "1"
    assert response.headers["connection"] == "close"
    assert response.headers["content-length"] == str(len(response.body))


def readable(connection):
    return bool(select.select([connection.socket], [], [], 0)[0])


def ends_well(connection):
    """The end of the connection is an end, not a reset, and nothing came before it."""
    assert connection.buffer == b""
    connection.socket.settimeout(PATIENCE)
    assert connection.socket.recv(1000) == b""


def report_text(program, number=1):
    program.expect(rf"report {number}: shallot crashes {number}")
    return (program.folder / f"{number}-app.txt").read_text()


SIGNALS = [
    ("/segv", "SIGSEGV", "address 0x10 is not mapped", "write_nowhere", "HERE"),
    ("/bus", "SIGBUS", "lies behind the end of its file", "bus", "BUS"),
    ("/fpe", "SIGFPE", "integer division by zero", "fpe", "FPE"),
    ("/ill", "SIGILL", "illegal operand|illegal instruction", "ill", None),
    ("/abrt", "SIGABRT", "raised by the program itself", "abrt", "ABRT"),
    ("/jump", "SIGSEGV", "address 0x0", "jump", "JUMP"),
    ("/deep", "SIGSEGV", "stack overflow", "deeper", None),
    ("/offload", "SIGSEGV", "address 0x10 is not mapped", "write_nowhere", "HERE"),
    ("/spawn", "SIGSEGV", "address 0x10 is not mapped", "write_nowhere", "HERE"),
]


@pytest.mark.parametrize("path, name, cause, function, mark", SIGNALS, ids=[s[0][1:] for s in SIGNALS])
def test_the_culprit_gets_500_and_the_report_names_the_place(app, path, name, cause, function, mark):
    program = app()
    pid = int(program.get("/").text)
    with Connection(program.port) as connection:
        connection.send_request(path)
        is_500(connection.read_response())
        ends_well(connection)
    died = name if not SANITIZED else r"SIG\w+"
    program.expect(rf"worker {pid} died \({died}\)\. restarting")
    if name in ("SIGFPE",) and SANITIZED:
        return  # UBSan was there first
    program.expect(rf"crash of worker \d+ \(pid {pid}\): {name}.*({cause})")
    program.expect(rf"GET {path}, route {path}, request \d+-2, \d+\.\d ms old")
    assert program.get("/").text != str(pid)  # the successor serves
    text = report_text(program)
    assert re.search(cause, text) and f"GET {path}" in text and "registers" in text
    place = rf"app\.c:{line_of(mark)}\b" if mark else r"app\.c:\d+"
    assert re.search(rf"#\d+ +0x[0-9a-f]+ {function} at .*{place}", text), text
    assert program.matches(rf"#\d+ +0x[0-9a-f]+ {function} at .*app\.c:\d+")
    if path not in ("/offload", "/spawn"):
        assert re.search(r"\bsl__|run_turn|serve", text), text  # down to the framework
    assert program.stop() == 0


def test_a_thread_that_overflows_its_stack(app):
    program = app()
    is_500(program.get("/offload-deep"))
    program.expect(r"crash of worker \d+ .*: SIGSEGV")
    assert "deeper at" in report_text(program)


def test_two_crashes_at_once_in_one_worker_make_one(app):
    program = app()
    is_500(program.get("/both"))
    program.expect(r"died \(SIG\w+\)\. restarting")
    report_text(program)
    assert program.get("/").status == 200


def test_two_crashes_at_once_in_two_workers(app):
    program = app(instances=2)
    first, second = Connection(program.port), Connection(program.port)
    for connection in (first, second):
        connection.send_request("/segv")
    for connection in (first, second):
        response = connection.read_response()  # on the same worker one is answered by the other's death
        assert response.status in (500, 503)
    program.wait_workers(2)
    assert program.get("/").status == 200


def test_bystanders_get_503_and_none_a_reset(app):
    program = app()
    waiting = [Connection(program.port) for _ in range(20)]
    for connection in waiting:
        connection.send_request("/wait")
    program.expect("waiting", count=20)
    culprit = Connection(program.port)
    culprit.send_request("/segv")
    is_500(culprit.read_response())
    for connection in waiting:
        is_503(connection.read_response())
        ends_well(connection)
    program.expect(r"answered for it: 1 with 500, 20 with 503")
    assert program.get("/").status == 200


@pytest.mark.parametrize("instances", [1, 2])
def test_many_connections(app, instances):
    program = app(instances=instances)
    idle = [Connection(program.port) for _ in range(400)]
    waiting = [Connection(program.port) for _ in range(400)]
    for connection in idle:
        assert connection.get("/").status == 200
    for connection in waiting:
        connection.send_request("/wait")
    program.expect("waiting", count=400)
    crashes = 0
    while any(not c.buffer and not readable(c) for c in waiting):  # until every worker that has some has crashed
        crashes += 1
        assert crashes < 10
        is_500(program.get("/segv"))
        program.expect(r"report \d+:", count=crashes)
        program.wait_workers(instances)
    for connection in waiting:
        is_503(connection.read_response())
        ends_well(connection)
    for connection in idle:
        assert connection.get("/").status == 200


def test_earlier_answers_of_a_pipeline_come_first(app):
    program = app()
    with Connection(program.port) as connection:
        connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + "GET /segv HTTP/1.1\r\nHost: x\r\n\r\n" + "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(3):
            assert connection.read_response().status == 200
        is_500(connection.read_response())
        ends_well(connection)


def test_where_files_may_not_grow_the_dead_are_answered_for(app):
    """RLIMIT_FSIZE is also one for shared memory; the room for reports grows as it is needed."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))

    program = app(preexec_fn=limit)
    is_500(program.get("/segv"))
    program.expect("restarting")
    wait_until(lambda: program.get("/").status == 200, "the next one serves")


def test_what_the_master_answers_is_counted(app):
    program = app()
    for number in (1, 2):
        is_500(program.get("/segv"))
        program.expect("restarting", count=number)
        assert f'shallot_requests_total{{status="5xx"}} {number}\n' in program.get("/metrics").text


def test_head_has_no_body(app):
    program = app()
    bystander, culprit = Connection(program.port), Connection(program.port)
    bystander.send_request("/wait", method="HEAD")
    program.expect("waiting")
    culprit.send_request("/segv", method="HEAD")
    for connection, status in ((culprit, 500), (bystander, 503)):
        response = connection.read_response("HEAD")
        assert response.status == status and int(response.headers["content-length"]) > 0
        ends_well(connection)


def test_an_unread_body_resets_nothing(app):
    """The client is still sending when the answer comes, and must not lose it for that."""
    program = app()
    with Connection(program.port) as connection:
        connection.socket.settimeout(PATIENCE)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.send_request("/segv", method="POST", body=b"x" * 7_000_000)
        is_500(connection.read_response())
        connection.socket.shutdown(socket.SHUT_WR)
        ends_well(connection)


def test_an_answer_that_was_begun_ends_early(app):
    program = app()
    with Connection(program.port) as connection:
        connection.send_request("/stream")
        assert connection.read_head()[0] == 200
        assert connection.read_chunk() == b"begun"
        is_500(program.get("/segv"))
        with pytest.raises(EOFError):
            connection.read_chunk()


def test_a_cut_answer_that_ends_with_the_connection_is_reset(app):
    program = app()
    with Connection(program.port) as connection:
        connection.send("GET /stream HTTP/1.0\r\n\r\n")
        assert connection.read_head()[0] == 200
        assert connection.take(5) == b"begun"
        is_500(program.get("/segv"))
        with pytest.raises(ConnectionResetError):
            connection.more()


def test_an_answer_that_is_complete_arrives(app):
    program = app()
    with Connection(program.port) as connection:
        response = connection.get("/deferred")
        assert (response.status, response.text) == (200, "said")
    program.expect(r"died \(SIG")


@pytest.mark.parametrize("instances", [1, 2])
def test_idle_connections_see_nothing(app, instances):
    program = app(instances=instances)
    idle = [Connection(program.port) for _ in range(10)]
    for connection in idle:
        assert connection.get("/").status == 200
    is_500(program.get("/segv"))
    pids = {connection.get("/").text for connection in idle}
    assert pids and all(int(pid) in program.workers() for pid in pids)


def test_connections_on_their_way_to_another_that_crashes_see_nothing(app):
    """The second worker is given the idle connections of the first, and crashes before it has looked."""
    program = app(instances=2)
    idle, homes = [], {}
    while len(idle) < 12 or len(set(homes.values())) < 2:
        assert len(idle) < 500
        idle.append(Connection(program.port))
        homes[idle[-1]] = int(idle[-1].get("/").text)
    second = homes[idle[0]]
    idle[0].send_request("/halt")
    wait_until(lambda: " T " in Path(f"/proc/{second}/stat").read_text().replace("(", " ("), "is stopped")
    culprit = next(connection for connection in idle if homes[connection] != second)
    culprit.send_request("/segv")
    is_500(culprit.read_response())
    program.expect(r"report \d+:")
    os.kill(second, signal.SIGCONT)
    is_500(idle[0].read_response())
    for connection in idle:
        assert connection in (idle[0], culprit) or connection.get("/").status == 200


def test_half_a_head_is_answered(app):
    program = app()
    with Connection(program.port) as connection:
        connection.send("GET /wait HTTP/1.1\r\nHo")
        assert program.get("/").status == 200
        is_500(program.get("/segv"))
        is_503(connection.read_response())


def test_a_forked_child_that_crashes_is_its_parents_business(app):
    program = app()
    response = program.get("/forked")
    assert response.status == 200
    assert response.text == str(int(signal.SIGSEGV)) or SANITIZED
    assert not program.matches("crash of worker")


def test_sent_from_outside(app):
    program = app()
    waiting = Connection(program.port)
    waiting.send_request("/wait")
    program.expect("waiting")
    assert program.get("/").status == 200  # so it waits by now
    os.kill(program.workers()[0], signal.SIGSEGV)
    is_503(waiting.read_response())  # nobody is to blame
    program.expect(r"died \(SIGSEGV\)" if not SANITIZED else r"died \(SIG\w+\)")
    program.expect(rf"SIGSEGV, sent by process {os.getpid()}")
    program.expect(r"  no request")


def test_nonsense_on_the_crash_socket_harms_nobody(app):
    program = app()
    pid = program.get("/").text
    assert program.get("/babble").text == "1"
    assert program.get("/").text == pid
    is_500(program.get("/segv"))
    report_text(program)
    assert program.stop() == 0


@pytest.mark.skipif(SANITIZED, reason="finds it first, and reports it better")
def test_broken_memory(app):
    program = app()
    is_500(program.get("/memory"))
    program.expect(r"crash of worker .*SIG(ABRT|SEGV)")
    assert "broken_memory at" in report_text(program)


def test_the_core_is_written(app, tmp_path):
    def allow():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    if Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
        pytest.skip("cores go to a program here")
    folder = tmp_path / "cores"
    folder.mkdir()
    program = app(cwd=folder, preexec_fn=allow, env={"ASAN_OPTIONS": "abort_on_error=1:disable_coredump=0:detect_leaks=0"})
    is_500(program.get("/segv"))
    program.expect(r"died \(SIG\w+\)")
    assert any(f.stat().st_size > 0 for f in folder.iterdir()) or not Path("/proc/sys/kernel/core_pattern").read_text().startswith("core")


@pytest.mark.skipif(not SANITIZED, reason="a sanitizer's own report")
def test_the_sanitizer_reports_too(app):
    program = app()
    is_500(program.get("/segv"))
    program.expect("ERROR: AddressSanitizer: SEGV")
    program.expect(r"crash of worker .*SIGSEGV")


def test_reports_are_kept_and_bounded(app, tmp_path):
    program = app(options=".crash_reports = 3")
    for number in range(1, 6):
        is_500(program.get(f"/segv/{number}"))
        program.expect(rf"report {number}: shallot crashes {number}")
    assert sorted(p.name for p in program.folder.iterdir()) == ["3-app.txt", "4-app.txt", "5-app.txt"]
    assert oct((program.folder / "5-app.txt").stat().st_mode & 0o777) == "0o600"
    env = {**os.environ, "SHALLOT_CRASH_DIR": str(program.folder)}
    listed = subprocess.run([TOOL, "crashes"], env=env, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 4 and "GET /segv/5" in listed and "SIGSEGV" in listed and "write_nowhere" in listed
    shown = subprocess.run([TOOL, "crashes", "4"], env=env, capture_output=True, text=True, check=True).stdout
    assert "GET /segv/4" in shown and f"app.c:{line_of('HERE')}" in shown
    missing = subprocess.run([TOOL, "crashes", "1"], env=env, capture_output=True, text=True)
    assert missing.returncode == 1 and "no crash report 1" in missing.stderr


def test_a_replaced_executable_names_no_wrong_lines(app, tmp_path):
    """A respawn runs the held file, and so does the helper: what lies at the path now is something else."""
    program = app()
    other = tmp_path / "other"
    other.write_bytes(b"garbage")
    other.chmod(0o755)
    os.replace(other, tmp_path / "app")
    is_500(program.get("/segv"))
    assert f"app.c:{line_of('HERE')}" in report_text(program)
    assert program.get("/").status == 200


def test_reports_go_where_state_goes(app, tmp_path):
    program = app(env={"XDG_STATE_HOME": str(tmp_path / "state")}, keep=False)
    is_500(program.get("/segv"))
    program.expect("report 1:")
    env = {k: v for k, v in os.environ.items() if k != "SHALLOT_CRASH_DIR"} | {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert (tmp_path / "state/shallot/crashes/1-app.txt").exists()
    assert "GET /segv" in subprocess.run([TOOL, "crashes"], env=env, capture_output=True, text=True, check=True).stdout


def test_the_log_and_the_report_mean_the_same_request(app):
    program = app()
    waiting = Connection(program.port)
    waiting.send_request("/wait-and-crash")
    number = program.expect(r"#(\d+-\d+) about to").group(1)
    program.expect(rf"request {number}, [2-9]\d+\.\d ms old")
    is_500(waiting.read_response())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_reports_of_a_master_that_gave_up_root(app):
    nobody = pwd.getpwnam("nobody").pw_uid
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        folder = Path(name) / "state/crashes"
        program = app(options='.user = "nobody"', env={"SHALLOT_CRASH_DIR": str(folder)})
        is_500(program.get("/segv"))
        program.expect(r"write_nowhere at .*app\.c")
        program.expect("report 1:")
        assert (folder / "1-app.txt").stat().st_uid == nobody
        assert folder.stat().st_mode & 0o777 == 0o700
        program.stop()


def test_without_a_folder_nothing_is_kept(app):
    program = app(env={"SHALLOT_CRASH_DIR": ""})
    is_500(program.get("/segv"))
    program.expect(r"write_nowhere at")
    assert not program.matches("report \\d+:") and not program.folder.exists()


def test_the_watchdog_ends_who_is_stuck(app):
    program = app(options=".watchdog_ms = 400")
    pid = int(program.get("/").text)
    waiting = Connection(program.port)
    waiting.send_request("/wait")
    program.expect("waiting")
    with Connection(program.port) as connection:
        connection.send_request("/spin")
        is_500(connection.read_response())
    is_503(waiting.read_response())
    program.expect(rf"worker {pid} is stuck: one tick takes longer than 400 ms")
    program.expect(rf"worker {pid} died \(SIGABRT\)\. restarting")
    program.expect(r"SIGABRT by the watchdog")
    program.expect(r"GET /spin, route /spin")
    assert f"app.c:{line_of('SPIN')}" in report_text(program)
    assert program.get("/").status == 200


def test_the_watchdog_lets_others_wait(app):
    program = app(options=".watchdog_ms = 200")
    pid = program.get("/").text
    with Connection(program.port) as connection:
        connection.send_request("/wait")  # which keeps no tick from ending
        program.expect("waiting")
        time.sleep(0.6)
        assert program.get("/").text == pid


def test_development_names_who_blocks_the_loop(app):
    program = app(options=".watchdog_ms = 20000", env={"SHALLOT_MODE": "development"})
    for _ in range(2):
        assert program.get("/busy").text == "done"
    program.expect(r"worker \d+: GET /busy blocks the loop for more than 100 ms \(route /busy\)")
    program.expect(r"#\d+ +0x[0-9a-f]+ busy at .*app\.c:\d+")
    assert len(program.matches("blocks the loop")) == 1  # not for each request
    assert not program.folder.exists()


def test_a_crash_in_main_is_reported(compile, start, tmp_path):
    program = start([compile("""
#include <shallot.h>
#include <stdlib.h>
static int *volatile nowhere = (int *)16;
static void prepare(void) { *nowhere = 1; }
int main(void)
{
    sl_app *app = sl_new(.instances = 1, .name = "app");
    if (!sl_is_master())
        prepare();
    return sl_listen(app);
}
""")], env={"SHALLOT_CRASH_DIR": str(tmp_path / "crashes"), "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0"}, wait_ready=False)
    program.report_expected = True
    program.expect(r"died \(SIG")
    program.expect(r"crash of worker \d+ .*: SIGSEGV, address 0x10 is not mapped")
    program.expect(r"no request")
    program.expect(r"prepare at .*app\.c:5")
    program.expect(r"main at .*app\.c:10")


@pytest.mark.load
def test_one_request_of_many_crashes(app):
    """1 of 1,000 in the fault matrix; here fewer, and closer together."""
    program = app(instances=2)
    load = Load(program.port, kept=2, new=2, path="/seldom")
    crashes, apart = (10, 1000) if LONG else (5, 100)
    for number in range(crashes):
        load.wait_answered(apart)
        is_500(program.get(f"/seldom?crash{number}"))
        program.expect(r"report \d+:", count=number + 1)
        program.wait_workers(2)
    load.wait_answered(100)
    failures = load.stop()
    assert [f for f in failures if "AssertionError 503" not in f] == []
