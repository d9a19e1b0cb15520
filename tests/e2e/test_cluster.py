"""CL1-CL9, CL12: the master and its workers, seen from outside."""
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import BUILD, Connection, Load, alive, children, request, suspend, wait_until

PID_APP = """
#include <shallot.h>
static int who(sl_ctx *c) { return sl_text(c, "%d %d", sl_worker_id(), getpid()); }
static int slow(sl_ctx *c) { int r = sl_sleep(400); return r < 0 ? r : sl_text(c, "%d %d", sl_worker_id(), getpid()); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2, .grace_ms = 300, .drain_ms = DRAIN);
    sl_get(app, "/", who);
    sl_get(app, "/slow", slow);
    return sl_listen(app);
}
"""


@pytest.fixture
def who(compile, start):
    return start([compile(PID_APP.replace("DRAIN", "5000"))])


def answering(program):
    worker, pid = program.get("/").text.split()
    return int(worker), int(pid)


def test_cl1_instances_zero_is_the_usable_cpus(start):
    program = start("hello")
    cpus = len(os.sched_getaffinity(0))
    program.expect(rf"{cpus} workers?\b.*CPU")
    assert len(program.wait_workers(cpus)) == cpus


def test_cl1_affinity_mask_counts(start):
    first = min(os.sched_getaffinity(0))
    program = start(["taskset", "-c", str(first), BUILD / "examples/hello"])
    program.wait_workers(1)


def test_cl1_environment_overrides_the_code(start):
    assert len(start("hello", env={"SHALLOT_INSTANCES": "3"}).wait_workers(3)) == 3


def test_cl2_ids_start_at_1_and_are_never_reused(who):
    who.wait_workers(2)
    wait_until(lambda: {answering(who)[0] for _ in range(20)} == {1, 2}, "workers 1 and 2 answer")
    victim, pid = answering(who)
    os.kill(pid, signal.SIGKILL)
    who.expect(rf"worker {pid} died \(SIGKILL\)\. restarting\.\.\.")
    wait_until(lambda: 3 in {answering(who)[0] for _ in range(20)}, "worker 3 answers")
    assert victim not in {answering(who)[0] for _ in range(50)}


def test_cl3_every_worker_logs_the_url_and_a_death_is_logged(who):
    who.expect(rf"http://127\.0\.0\.1:{who.port}", count=2)
    mark = who.mark()
    _, pid = answering(who)
    os.kill(pid, signal.SIGKILL)
    who.expect(rf"worker {pid} died \(SIGKILL\)\. restarting\.\.\.", start=mark)
    who.expect(rf"http://127\.0\.0\.1:{who.port}", start=mark)
    assert who.get("/").status == 200


def test_cl3_exit_code_of_a_death_is_logged(compile, start):
    program = start([compile("""
#include <shallot.h>
#include <stdlib.h>
static int leave(sl_ctx *c) { _exit(3); }
int main(void) { sl_app *app = sl_new(.instances = 1); sl_use(app, leave); return sl_listen(app); }
""")])
    [pid] = program.wait_workers(1)
    with Connection(program.port) as client:
        client.send_request("/")
        with pytest.raises((EOFError, ConnectionError)):
            client.read_response()
    program.expect(rf"worker {pid} died \(exit code 3\)\. restarting\.\.\.")


def test_cl5_queued_connections_survive_a_death(who):
    """All workers are stopped, connections queue in the kernel; the workers are killed; their successors serve the queue."""
    pids = who.wait_workers(2)
    for pid in pids:
        suspend(pid)
    clients = [Connection(who.port) for _ in range(20)]
    for client in clients:
        client.send_request("/")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert [client.read_response().status for client in clients] == [200] * 20


def test_cl6_stop_finishes_requests_in_flight(who):
    with Connection(who.port) as busy, Connection(who.port) as idle:
        assert idle.get("/").status == 200
        busy.send_request("/slow")
        assert who.get("/").status == 200
        who.signal(signal.SIGTERM)
        response = busy.read_response()
        assert response.status == 200 and response.headers["connection"] == "close"
        assert idle.read_all() == b""
    assert who.wait() == 0


def test_cl6_in_a_stop_an_idle_connection_may_send_one_more_request(compile, start):
    program = start([compile(PID_APP.replace("300", "5000").replace("DRAIN", "9000"))])
    with Connection(program.port) as idle:
        assert "connection" not in idle.get("/").headers
        program.signal(signal.SIGTERM)
        # The listener closes when the drain begins: then the grace runs.
        wait_until(lambda: refused(program.port), "the port closes")
        response = idle.get("/")
        assert response.status == 200 and response.headers["connection"] == "close"
        assert idle.read_all() == b""
    assert program.wait() == 0


def refused(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


def test_cl6_deadline_ends_a_drain_by_force_and_logs_it(compile, start):
    program = start([compile("""
#include <shallot.h>
static int forever(sl_ctx *c) { sl_info("begun"); while (sl_sleep(1000) == 0) { } return -1; }
int main(void) { sl_app *app = sl_new(.instances = 1, .drain_ms = 200); sl_use(app, forever); return sl_listen(app); }
""")])
    with Connection(program.port) as client:
        client.send_request("/")
        program.expect("begun")
        program.signal(signal.SIGTERM)
        program.expect(r"1 request.* cut")
    assert program.wait() == 0


def test_cl7_workers_go_when_the_master_is_killed(who):
    pids = who.wait_workers(2)
    with Connection(who.port) as busy:
        busy.send_request("/slow")
        assert who.get("/").status == 200
        os.kill(who.pid, signal.SIGKILL)
        assert busy.read_response().status == 200
    wait_until(lambda: not any(alive(pid) for pid in pids), "the workers are gone", timeout=10)


def test_cl7_a_new_master_binds_at_once(compile, start):
    app = compile(PID_APP.replace("DRAIN", "5000"))
    first = start([app])
    pids = first.wait_workers(2)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: refused(first.port), "the orphans close their listeners")
    second = start([app], env={"PORT": str(first.port)})
    assert second.get("/").status == 200
    wait_until(lambda: not any(alive(pid) for pid in pids), "the orphans are gone", timeout=10)


def test_cl8_the_port_stays_open_while_all_workers_are_dead(who):
    pids = who.wait_workers(2)
    for pid in pids:
        suspend(pid)
    with Connection(who.port) as client:  # accepted by the kernel
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert client.get("/").status == 200


def test_cl9_any_port_is_the_same_for_all_workers_and_reported(who):
    who.expect(rf"http://127\.0\.0\.1:{who.port}", count=2)
    assert len({m.group(0) for m in who.matches(r"http://127\.0\.0\.1:\d+")}) == 1


def test_cl9_a_port_in_use_is_one_line_and_exit_1(start, who):
    second = start("hello", env={"PORT": str(who.port)}, wait_ready=False)
    assert second.wait() == 1
    assert len(second.lines) == 1, second.text()
    assert str(who.port) in second.lines[0] and "in use" in second.lines[0]


def test_cl12_term_and_int_stop_with_exit_0(start):
    for number in (signal.SIGTERM, signal.SIGINT):
        program = start("hello", env={"SHALLOT_INSTANCES": "2"})
        pids = program.wait_workers(2)
        program.signal(number)
        assert program.wait() == 0
        assert not any(alive(pid) for pid in pids)


def test_cl12_second_term_is_immediate(compile, start):
    program = start([compile("""
#include <shallot.h>
static int forever(sl_ctx *c) { sl_info("begun"); while (sl_sleep(1000) == 0) { } return -1; }
int main(void) { sl_app *app = sl_new(.instances = 1, .drain_ms = 600000); sl_use(app, forever); return sl_listen(app); }
""")])
    with Connection(program.port) as client:
        client.send_request("/")
        program.expect("begun")
        program.signal(signal.SIGTERM)
        wait_until(lambda: refused(program.port), "the drain begins")
        program.signal(signal.SIGTERM)
        assert program.wait() in (0, 1)


def test_cl12_ttin_and_ttou_add_and_take_away_a_worker(who):
    who.wait_workers(2)
    who.signal(signal.SIGTTIN)
    who.wait_workers(3)
    who.signal(signal.SIGTTOU)
    who.wait_workers(2)
    who.signal(signal.SIGTTOU)
    who.wait_workers(1)
    assert who.get("/").status == 200


def test_process_titles(who):
    title = lambda pid: subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    assert re.match(r"shallot: master", title(who.pid)), title(who.pid)
    wait_until(lambda: {title(pid)[:17] for pid in who.workers()} == {"shallot: worker 1", "shallot: worker 2"}, "workers have titles")


def test_hygiene_a_program_started_by_a_handler_is_not_a_worker(compile, start):
    """DESIGN 2.1: role variables are unset, descriptors closed on exec."""
    program = start([compile("""
#include <shallot.h>
static int run(sl_ctx *c)
{
    char buf[8192];
    FILE *f = popen("env | grep -v SHALLOT_RUNTIME_DIR | grep -c SHALLOT_ ; ls /proc/self/fd | wc -l", "r");
    size_t n = fread(buf, 1, sizeof buf, f);
    pclose(f);
    return sl_bytes(c, buf, n);
}
int main(void) { sl_app *app = sl_new(.instances = 1); sl_use(app, run); return sl_listen(app); }
""")])
    variables, descriptors = program.get("/").text.split()
    assert variables == "0" and int(descriptors) <= 4


def test_role_variables_from_a_stranger_do_no_harm(start):
    program = start("hello", env={"SHALLOT_WORKER_ID": "7", "SHALLOT_CHANNEL": "1", "SHALLOT_SLOT": "x", "SHALLOT_SCOREBOARD": "99"})
    assert program.get("/").status == 200
    assert len(program.workers()) >= 1


def test_standalone_serves_without_a_master(compile, start):
    program = start([compile("""
#include <shallot.h>
static int who(sl_ctx *c) { return sl_text(c, "%d %d", sl_worker_id(), sl_is_master()); }
int main(void) { sl_app *app = sl_new(.standalone = true); sl_use(app, who); return sl_listen(app); }
""")])
    assert program.get("/").text == "1 0"
    assert children(program.pid) == []
    assert program.stop() == 0


def test_several_listeners_and_a_unix_socket(compile, start, tmp_path):
    path = tmp_path / "app.sock"
    program = start([compile(f"""
#include <shallot.h>
static int hello(sl_ctx *c) {{ return sl_text(c, "%s", sl_remote(c)); }}
int main(void)
{{
    sl_app *app = sl_new(.instances = 2);
    sl_use(app, hello);
    sl_bind(app, .port = SL_PORT_ANY, .host = "127.0.0.1");
    sl_bind(app, .port = SL_PORT_ANY, .host = "127.0.0.1");
    sl_bind(app, .unix_path = "{path}");
    return sl_run(app);
}}
""")])
    program.expect(r"unix:", count=2)
    ports = {int(m.group(1)) for m in program.matches(r"http://127\.0\.0\.1:(\d+)")}
    assert len(ports) == 2
    for port in ports:
        assert request(port).text.startswith("127.0.0.1:")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert s.makefile("rb").read().endswith(b"unix")
    assert program.stop() == 0
    assert not path.exists()


def test_hooks_in_the_master(compile, start):
    program = start([compile("""
#include <shallot.h>
static void up(sl_app *app, const sl_worker_info *w, void *self) { printf("up %d %d\\n", w->id, w->pid); }
static void gone(sl_app *app, const sl_worker_info *w, void *self)
{
    printf("gone %d code %d signal %d expected %d master %d\\n", w->id, w->code, w->signal, w->expected, sl_is_master());
}
static int hello(sl_ctx *c) { return sl_text(c, "%d", getpid()); }
int main(void)
{
    sl_app *app = sl_new(.instances = 1);
    sl_on_worker_up(app, up, NULL);
    sl_on_worker_exit(app, gone, NULL);
    sl_use(app, hello);
    return sl_listen(app);
}
""")])
    pid = int(program.expect(r"up 1 (\d+)").group(1))
    os.kill(pid, signal.SIGKILL)
    program.expect(r"gone 1 code -1 signal 9 expected 0 master 1")
    program.expect(r"up 2 \d+")
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    program.expect(r"gone 2 code 0 signal 0 expected 1 master 1")


@pytest.mark.load
def test_spreading_64_long_lived_connections_over_2_workers(who):
    who.wait_workers(2)
    wait_until(lambda: {answering(who)[0] for _ in range(20)} == {1, 2}, "both serve")
    clients = [Connection(who.port) for _ in range(64)]
    counts = {}
    for client in clients:
        pid = client.get("/").text
        counts[pid] = counts.get(pid, 0) + 1
    assert len(counts) == 2 and max(counts.values()) <= 40, counts


@pytest.mark.load
def test_50_kills_lose_only_what_was_in_flight(who):
    """With keep-alive and new connections: at most one failure for each client that was on the dead worker, none hangs."""
    load = Load(who.port, kept=4, new=2, path="/")
    load.wait_answered(100)
    for n in range(50):
        mark = who.mark()
        pid = who.workers()[n % 2]
        os.kill(pid, signal.SIGKILL)
        who.expect(rf"worker {pid} died \(SIGKILL\)", start=mark)
        who.expect(r"http://", start=mark)
        load.wait_answered(20)
    failures = load.stop()
    # 6 clients, half of them on each worker, one request of each in flight at most; kept idle ones count too.
    assert len(failures) <= 50 * 6, failures[:20]
    assert all("refused" not in f.lower() and "timed out" not in f.lower() for f in failures), failures
    assert who.stop() == 0
