"""sl_dashboard(): who may see it, what its stream of events says, and that nobody pays for it while nobody looks."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import BUILD, SANITIZED, Connection, children, wait_until

AUTH = {"Authorization": "Basic " + base64.b64encode(b"ops:a secret").decode()}
CPU_TICKS = os.sysconf("SC_CLK_TCK")


class Stream:
    """A viewer: the events as they come."""

    def __init__(self, port, path="/_shallot/events", headers=AUTH, last=None):
        self.connection = Connection(port)
        self.connection.send_request(path, headers={**headers, **({"Last-Event-ID": last} if last else {})})
        self.status, self.headers, _ = self.connection.read_head()
        self.text = b""
        self.latest = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def next(self):
        """(event, data, id) of the next event."""
        while True:
            while b"\n\n" not in self.text:
                chunked = self.headers.get("transfer-encoding") == "chunked"
                piece = self.connection.read_chunk() if chunked else self.connection.take(1)
                if not piece:
                    raise EOFError("the stream has ended")
                self.text += piece
            block, _, self.text = self.text.partition(b"\n\n")
            fields = dict(line.partition(": ")[::2] for line in block.decode("utf-8", "strict").split("\n"))
            if "event" in fields:
                data = json.loads(fields["data"])
                self.latest[fields["event"]] = data
                return fields["event"], data, fields.get("id")

    def until(self, event, condition=lambda data: True):
        """The first such event for which the condition holds."""
        while True:
            name, data, _ = self.next()
            if name == event and condition(data):
                return data


def dashboard(start, compile_once, who="password", **kwargs):
    program = start([compile_once("dashboard"), who], **kwargs)
    program.wait_workers(2)
    program.expect("listening on", count=2)
    return program


def routes(now):
    return {f"{r['method']} {r['pattern']}".strip(): r for r in now["routes"]}


def test_only_those_who_may(start, compile_once):
    program = dashboard(start, compile_once)
    for path in ("/_shallot", "/_shallot/", "/_shallot/events", "/_shallot/page.js", "/_shallot/crashes/1", "/_shallot/nothing"):
        response = program.get(path)
        assert response.status == 401 and response.headers["www-authenticate"].startswith("Basic realm="), path
        wrong = {"Authorization": "Basic " + base64.b64encode(b"ops:a secre").decode()}
        assert program.get(path, headers=wrong).status == 401, path
    moved = program.get("/_shallot", headers=AUTH)
    assert moved.status == 302 and moved.headers["location"] == "_shallot/"
    page = program.get("/_shallot/", headers=AUTH)
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"] and "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert program.get("/_shallot/nothing", headers=AUTH).status == 404
    assert program.get("/_shallot/", method="POST", headers=AUTH).status in (404, 405)
    assert program.get("/_shallots").status == 404 and program.get("/").text == "hello\n"
    assert program.stop() == 0


def test_page_loads_nothing_from_elsewhere(start, compile_once):
    program = dashboard(start, compile_once)
    page = program.get("/_shallot/", headers=AUTH).text
    assert not re.search(r"<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=", page)
    wanted = re.findall(r'(?:src|href)="([^"#]+)"', page)
    for name in {*wanted, "charts.js", "lists.js", "format.js"}:
        answer = program.get(f"/_shallot/{name}", headers=AUTH)
        assert answer.status == 200 and answer.headers["x-content-type-options"] == "nosniff", name
        if name.endswith(".js"):
            assert answer.headers["content-type"].startswith("text/javascript")
            assert set(re.findall(r'from "\./([^"]+)"', answer.text)) <= {"charts.js", "lists.js", "format.js"}
            assert "innerHTML" not in answer.text and "insertAdjacentHTML" not in answer.text and "eval(" not in answer.text
            assert not re.search(r"https?://(?!www\.w3\.org/)", answer.text)
    assert program.stop() == 0


@pytest.mark.skipif(not shutil.which("node"), reason="only there to see whether the scripts are JavaScript")
def test_scripts_are_javascript(tmp_path):
    from harness import ROOT
    for script in (ROOT / "src/middleware/dashboard").glob("*.js"):
        copy = tmp_path / (script.stem + ".mjs")
        copy.write_text(script.read_text())
        done = subprocess.run(["node", "--check", copy], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_function_decides(start, compile_once):
    program = dashboard(start, compile_once, "allow")
    assert program.get("/admin/cluster/").status == 403
    assert program.get("/admin/cluster/", headers={"X-Key": "open"}).status == 403
    assert program.get("/admin/cluster/", headers={"X-Key": "open sesame"}).status == 200
    assert program.get("/_shallot/").status == 404
    with Stream(program.port, "/admin/cluster/events", {"X-Key": "open sesame"}) as stream:
        assert stream.until("now")["program"]["name"] == "dash<b>"
    assert program.stop() == 0


def test_production_without_a_guard_does_not_serve(start, compile_once):
    program = start([compile_once("dashboard"), "nobody"], wait_ready=False)
    assert program.wait() == 1
    said = [line for line in program.lines if line.strip()]
    assert len(said) == 1 and "sl_dashboard" in said[0] and ".password" in said[0] and ".allow" in said[0], said


def test_development_is_open(start, compile_once, tmp_path):
    (tmp_path / "watched").mkdir()
    program = start([compile_once("dashboard"), "none"], env={"SHALLOT_MODE": "development", "SHALLOT_WATCH": str(tmp_path / "watched")})
    assert program.get("/_shallot/").status == 200 and program.get("/_shallot/page.css").status == 200
    assert program.get("/_shallot/nothing").status == 404
    with Stream(program.port, headers={}) as stream:
        now = stream.until("now", lambda now: now["workers"][0]["state"] == "ready")
        assert [w["id"] for w in now["workers"]] == [1]
    assert program.stop() == 0


def test_counts_are_exact_over_all_workers(start, compile_once):
    program = dashboard(start, compile_once)
    for i in range(20):
        assert program.get("/").status == 200  # a connection each: both workers take some
    for i in range(12):
        assert program.get(f"/api/users/{i % 4}").status == (404 if i % 4 == 0 else 200)
    for path, times, status in (("/slow", 4, 200), ("/fail", 3, 500), ("/nowhere", 5, 404)):
        assert [program.get(path).status for _ in range(times)] == [status] * times
    assert [program.get("/say", method="POST").status for _ in range(6)] == [200] * 6
    with Stream(program.port) as stream:
        def complete(now):
            return now["total"]["messages_in"] >= 12 and sum(r["requests"] for r in now["routes"]) >= 50

        now = stream.until("now", complete)
    found = {name: (r["requests"], r["errors4"], r["errors5"]) for name, r in routes(now).items()}
    assert found["GET /"] == (20, 0, 0) and found["GET /api/users/:id"] == (12, 3, 0)
    assert found["GET /slow"] == (4, 0, 0) and found["GET /fail"] == (3, 0, 3)
    assert found["POST /say"] == (6, 0, 0) and found[""] == (5, 5, 0)
    assert routes(now)["GET /slow"]["p50_us"] >= 25_000 and routes(now)["GET /slow"]["sum_us"] >= 4 * 29_000
    assert now["total"]["status"][3:] == [3 + 5, 3] and now["total"]["messages_in"] == 12 and now["total"]["messages_out"] == 6
    assert sum(w["requests"] for w in now["workers"]) == now["total"]["requests"]
    assert all(w["memory"] > 0 and w["cpu_us"] > 0 and w["generation"] == 1 for w in now["workers"])
    status = json.loads(program_status(program))
    assert {f"{r['method']} {r['pattern']}".strip(): r["requests"] for r in status["routes"]} == {k: v[0] for k, v in found.items()}
    assert program.stop() == 0


def program_status(program):
    from harness import STATE
    done = subprocess.run([BUILD / "cli/shallot", "status", "--json", str(program.pid)], capture_output=True, text=True,
                          env={**os.environ, "SHALLOT_RUNTIME_DIR": STATE.name + "/run"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hostile_names_are_valid_text(start, compile_once):
    program = dashboard(start, compile_once)
    with Stream(program.port) as stream:
        raw = None
        while raw is None:
            name, now, _ = stream.next()
            if name == "now":
                raw = next((r["pattern"] for r in now["routes"] if "img" in r["pattern"]), None)
        assert raw == "/<img src=x onerror=\"alert('\\\\')\">\ufffd"
        assert "<" not in json.dumps(stream.latest).replace("<img", "").replace("dash<b>", "")
    with Connection(program.port) as plain:  # not one octet that could begin a tag
        plain.send_request("/_shallot/events", headers=AUTH)
        _, _, _ = plain.read_head()
        text = b""
        while b'"pattern"' not in text or b"\n\n" not in text.partition(b'"pattern"')[2]:
            text += plain.read_chunk()
        assert b"<" not in text and b"\\u003cimg" in text
    assert program.stop() == 0


def test_killed_worker_and_its_successor(start, compile_once):
    program = dashboard(start, compile_once)
    for _ in range(6):
        program.get("/")
    with Stream(program.port) as stream:
        now = stream.until("now")
        victim = next(w for w in now["workers"] if w["id"] != now["program"]["worker"])
        before = now["total"]["requests"]
        os.kill(victim["pid"], signal.SIGKILL)
        after = stream.until("now", lambda n: victim["id"] not in [w["id"] for w in n["workers"]] and len([w for w in n["workers"] if w["state"] == "ready"]) == 2)
        assert max(w["id"] for w in after["workers"]) > max(victim["id"], 2) - 1 and after["program"]["restarts"] == 1
        assert after["total"]["requests"] >= before and routes(after)["GET /"]["requests"] == 6  # what it counted stays
        events = stream.latest.get("events")
        events = events or stream.until("events", lambda e: e)
        assert [(e["kind"], e["worker"], e["signal"], e["text"]) for e in events] == [("died", victim["id"], 9, "ended by SIGKILL")]
    assert program.stop() == 0


def test_crash_is_listed_with_its_report(start, compile_once, tmp_path):
    program = dashboard(start, compile_once, env={"SHALLOT_CRASH_DIR": str(tmp_path / "crashes")})
    program.report_expected = True
    with Stream(program.port) as stream:
        stream.until("now")
        with Connection(program.port) as c:
            c.send_request("/crash")
            try:
                c.read_response()
            except (EOFError, OSError):
                pass  # a sanitizer's abort answers nobody
    # It may have been the worker of that stream: a browser comes back, and so do we.
    with Stream(program.port) as stream:
        crashes = stream.until("crashes", lambda c: c)
        assert len(crashes) == 1 and crashes[0]["request"].startswith("GET /crash") and crashes[0]["what"].startswith(("SIGSEGV", "SIGABRT"))
        events = stream.latest["events"]
        assert [e["kind"] for e in events] == ["crashed"] and "GET /crash" in events[0]["text"]
    report = program.get(f"/_shallot/crashes/{crashes[0]['number']}", headers=AUTH)
    assert report.status == 200 and report.headers["content-type"] == "text/plain; charset=utf-8" and "GET /crash" in report.text
    assert program.get("/_shallot/crashes/999", headers=AUTH).status == 404
    for name in ("x", "..%2f1", "1%00", "-1", "1x"):
        assert program.get(f"/_shallot/crashes/{name}", headers=AUTH).status in (400, 404), name
    assert program.get(f"/_shallot/crashes/{crashes[0]['number']}").status == 401
    assert program.stop() == 0


def test_reload_rolls_through_and_the_past_has_no_hole(start, compile_once):
    program = dashboard(start, compile_once)
    with Stream(program.port) as stream:
        seen = []
        while len(seen) < 2:
            name, data, last = stream.next()
            if name == "now":
                seen = sorted({p[0] for p in data["points"]} | set(seen))
        served_by = data["program"]["worker"]
        program.signal(signal.SIGHUP)
        with pytest.raises(EOFError):  # its own worker is replaced: the stream ends
            while True:
                name, data, number = stream.next()
                last = number or last
    with Stream(program.port, last=last) as stream:
        past = stream.until("past")
        assert all(p[0] > int(last) for p in past["points"])
        now = stream.until("now", lambda n: {w["generation"] for w in n["workers"]} == {2} and len(n["workers"]) == 2)
        assert now["program"]["worker"] != served_by
        stream.until("now", lambda n: n["points"] and n["points"][-1][0] > int(last))
        assert [e["kind"] for e in stream.latest["events"]] == ["reloading", "reloaded"]
    with Stream(program.port) as stream:  # who has nothing gets all of it
        points = stream.until("past")["points"]
        assert [p[0] for p in points] == sorted({p[0] for p in points}) and set(seen) <= {p[0] for p in points}
        spans = sum(p[2] for p in points[1:])
        assert abs(spans - (points[-1][1] - points[0][1]) * 1000) < 500_000  # each begins where the one before ended
    assert program.stop() == 0


def voluntary_switches(pid):
    text = open(f"/proc/{pid}/status").read()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M).group(1))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_stream_ends_with_its_client(start, compile_once):
    program = dashboard(start, compile_once)
    pids = program.workers()
    before = sum(map(descriptors, pids))
    streams = [Stream(program.port) for _ in range(3)]
    for stream in streams:
        stream.until("now")
    assert sum(map(descriptors, pids)) == before + 3
    for stream in streams:
        stream.connection.close()
    wait_until(lambda: sum(map(descriptors, pids)) == before, lambda: f"{before} descriptors expected, {sum(map(descriptors, pids))} open")
    assert program.stop() == 0


@pytest.mark.skipif(SANITIZED, reason="counts system calls of the program as it is shipped")
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_nobody_looks_nobody_asks_the_system(start, compile_once, tmp_path):
    """While nobody looks, a worker wakes up once a second for the history and asks the system for nothing: no /proc, no folder."""
    program = dashboard(start, compile_once)
    pid = program.workers()[0]
    trace = tmp_path / "trace"
    strace = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=openat,read,getdents64,write,sendto", "-o", trace, "-p", str(pid)], stderr=subprocess.PIPE)
    before = voluntary_switches(pid)
    try:
        wait_until(lambda: voluntary_switches(pid) >= before + 3, "the worker has its second")
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait()
    assert not [line for line in trace.read_text().splitlines() if "/proc" in line or "getdents" in line or "sendto" in line], trace.read_text()
    assert program.stop() == 0
