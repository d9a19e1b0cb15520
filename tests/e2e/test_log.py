"""The log: text or JSON lines, and that nobody ever waits for whoever reads it."""
import fcntl
import json
import os
import re
import threading

import pytest

import harness
from harness import Connection, wait_until

APP = """
#include <shallot.h>
static int hello(sl_ctx *c) { sl_warn("odd \\"%s\\" caf\\xc3\\xa9 \\xff\\x1b[31m", sl_path(c)); return sl_body(c, "hello"); }
static void listening(sl_app *app) { printf("READY %s\\n", sl_url(app, 0)); fflush(stdout); }
int main(void)
{
    sl_app *app = sl_new(.instances = 2);
    sl_use(app, sl_logger());
    sl_get(app, "/metrics", sl_metrics());
    sl_get(app, "/:word", hello);
    return sl_listen(app, .on_listening = listening);
}
"""


@pytest.fixture
def app(compile):
    return compile(APP)


def test_json_lines(app, start):
    program = start([app], env={"SHALLOT_LOG": "json"})
    program.wait_workers(2)
    with Connection(program.port) as c:
        assert c.get("/one").status == c.get("/two").status == 200
    program.expect(r"GET /two 200")
    program.stop()
    lines = [json.loads(line) for line in program.lines if not line.startswith("READY")]
    assert len(lines) > 6
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) and line["level"] in ("info", "warn")
        assert isinstance(line["pid"], int) and (line["who"] == "master") == ("worker" not in line)
    odd = [line for line in lines if "odd" in line["text"]]
    assert [line["text"] for line in odd] == ['odd "/one" café \ufffd\x1b[31m', 'odd "/two" café \ufffd\x1b[31m']
    worker = odd[0]["worker"]
    assert odd[0]["who"] == f"worker {worker}" and odd[0]["request"] == f"{worker}-1" and odd[1]["request"] == f"{worker}-2"
    assert [line["request"] for line in lines if line["text"].startswith("GET ")] == [f"{worker}-1", f"{worker}-2"]
    assert all("request" not in line for line in lines if "listening" in line["text"])


def test_text_names_worker_and_request(app, start):
    program = start([app])
    program.get("/one")
    m = program.expect(r'^\d\d:\d\d:\d\d\.\d{3} warn   worker (\d)  #(\d)-1 odd "/one" café .*\\x1b\[31m')
    assert m.group(1) == m.group(2)
    program.expect(r"info   worker \d  #\d-1 GET /one 200 5 ")


def test_an_unknown_form_is_refused(app, start):
    program = start([app], env={"SHALLOT_LOG": "xml"}, wait_ready=False)
    assert program.wait() == 1
    program.expect(r"SHALLOT_LOG=xml: must be text or json")


def begin(start, app, redirect):
    """With standard error elsewhere; the port comes by standard output."""
    program = start(["/bin/sh", "-c", f'exec "$0" 2>{redirect}', app], wait_ready=False)
    program.port = int(program.expect(r"READY http://127\.0\.0\.1:(\d+)").group(1))
    return program


def many(program, count, more=""):
    """Requests over one connection, each with two log lines; all answered."""
    with Connection(program.port) as c:
        for i in range(count):
            assert c.get(f"/word{i}{more}").status == 200


def lost(program):
    return int(re.search(r"^shallot_log_lines_dropped_total (\d+)$", program.get("/metrics").text, re.M).group(1))


def memory(pids):
    return sum(int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096 for pid in pids)


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_log_that_nobody_reads_holds_nobody_up(app, start, tmp_path, kind):
    if kind == "terminal":
        reader, writer = os.openpty()
        path = os.ttyname(writer)
    else:
        path = tmp_path / "log"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    program = begin(start, app, path)
    program.wait_workers(2)
    many(program, 50, "x" * 200)
    before = memory([program.pid, *program.workers()])
    many(program, 2000, "x" * 200)
    grown = memory([program.pid, *program.workers()]) - before
    assert grown < (32 if harness.SANITIZED else 4) * 2**20  # a sanitizer keeps for a while what was freed
    assert lost(program) > 2000
    os.set_blocking(reader, True)
    text = bytearray()

    def read():
        try:
            while data := os.read(reader, 65536):
                text.extend(data)
        except OSError:  # the terminal's other end is closed
            pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    wait_until(lambda: text, "it is read")
    many(program, 20)
    program.stop()  # each process reports what it has lost, at the latest now
    if kind == "terminal":
        os.close(writer)
    thread.join(30)
    reported = sum(int(n) for n in re.findall(rb"(\d+) log lines? w(?:ere|as) lost", text))
    assert reported > 2000, bytes(text[-2000:])
    assert kind == "terminal" or all(re.match(rb"\d\d:\d\d:\d\d\.", line) for line in text.replace(b"\r", b"").split(b"\n")[:-1])  # whole lines


def test_a_full_disk_holds_nobody_up(app, start):
    program = begin(start, app, "/dev/full")
    program.wait_workers(2)
    many(program, 500)
    wait_until(lambda: lost(program) >= 1000, "counted")
    assert program.stop() == 0


def test_a_file_that_may_not_grow_is_used_again_when_it_may(app, start, tmp_path):
    log = tmp_path / "log"
    log.touch()
    os.truncate(log, 2000000 * 512 - 6000)  # the limit is also one for shared memory, so it cannot be a small one
    program = start(["/bin/sh", "-c", f'ulimit -f 2000000; exec "$0" 2>>{log}', app], wait_ready=False)
    program.port = int(program.expect(r"READY http://127\.0\.0\.1:(\d+)").group(1))
    program.wait_workers(2)
    many(program, 200)
    assert lost(program) > 100
    assert len(program.workers()) == 2  # SIGXFSZ killed nobody
    os.truncate(log, 0)
    many(program, 5)
    assert program.stop() == 0  # each process reports what it has lost, at the latest now
    text = log.read_text(errors="replace")
    assert re.search(r"\d+ log lines? w(ere|as) lost: nobody took", text)
    assert text.count("GET /word") >= 5
