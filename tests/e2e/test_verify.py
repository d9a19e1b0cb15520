"""`shallot verify`: the fault matrix of the project, run against a program of ours; and whether it sees what is wrong with others.

In ./test the bounds are generous, for the machine does other things as well; --long asks for what `shallot verify` itself asks for."""
import json
import os
import signal
import subprocess

import pytest

from harness import BUILD, LONG, PATIENCE, children, descendants, wait_until

TOOL = BUILD / "cli/shallot"

APP = """
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
static int hello(sl_ctx *c) { HELLO return sl_text(c, "hello"); }
static int slow(sl_ctx *c) { int r = sl_sleep(300); return r < 0 ? r : sl_text(c, "slow"); }
static int crash(sl_ctx *c) { volatile int *nowhere = NULL; *nowhere = 1; return 0; }
static ssize_t pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *left = self, n = len < *left ? len : *left;
    memset(buf, 'x', n);
    *left -= n;
    return (ssize_t)n;
}
static int large(sl_ctx *c)
{
    size_t *left = sl_alloc(c, sizeof *left);
    *left = 10 << 20;
    return sl_stream(c, pull, left);
}
int main(void)
{
    BEFORE
    sl_app *app = sl_new(.instances = 2, OPTIONS);
    sl_get(app, "/", hello);
    sl_get(app, "/slow", slow);
    sl_get(app, "/crash", crash);
    sl_get(app, "/large", large);
    return sl_listen(app);
}
"""


@pytest.fixture
def build(compile):
    def make(hello="", before="", options=".grace_ms = 1000"):
        return compile(APP.replace("HELLO", hello).replace("BEFORE", before).replace("OPTIONS", options))

    return make


def run(*arguments, timeout=150):
    return subprocess.run([str(TOOL), "verify", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def verify(app, *options, paths=True):
    """{scenario: its figures}, exit status."""
    asked = ["--crash-path", "/crash", "--slow-path", "/slow", "--large-path", "/large"] if paths else []
    done = run("--json", *asked, *options, "--", app)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    return {s["name"]: s for s in report["scenarios"]}, done.returncode


ALL = ["quiet", "kill", "stopped", "reload", "bad-file", "crash", "slow", "files", "term", "master"]


@pytest.mark.load
def test_the_fault_matrix(build):
    """Each row with 500 requests a second on 2 workers. What is counted is exact anyway; times are not judged unless --long."""
    app = build()
    before = os.stat(app)
    figures, status = verify(app, "--clients", 10000 if LONG else 2000, "--seconds", 5 if LONG else 1)
    assert list(figures) == ALL
    for name, f in figures.items():
        print(f"{name}: lost {f['lost']}, gap {f['gap_ms']} ms, p99 {f['p99_ms']} ms, {f['note']} {f['why']}")
        if LONG:
            assert f["verdict"] == "ok", f
        assert f["lost_elsewhere"] == f["hung"] == f["wrong"] == f["keep_alive_races"] == 0, f
        assert f["lost"] == 0 or name in ("kill", "bad-file"), f  # a worker is killed there, too
        assert f["refused"] == 0 or name in ("term", "master"), f
        assert f["5xx"] == 0 or (name == "crash" and f["5xx"] == f["503"]), f
        assert f["gap_ms"] < 1000 or name in ("term", "master"), f
        words = [w for w in f["why"].split("; ") if w and not any(t in w for t in (" ms", "p99", "no answer for"))]
        assert words == [], f  # whatever else does not hold
    assert not LONG or status == 0
    assert os.stat(app)[:-3] == before[:-3], "the file is untouched, its times aside"
    assert [p.name for p in app.parent.iterdir() if "verify" in p.name] == []


def one(app, name, *options):
    figures, status = verify(app, "--only", name, "--seconds", 1, *options, paths=False)
    return figures[name], status


@pytest.mark.load
@pytest.mark.parametrize("hello, name, what", [
    ("static int n; if (++n % 100 == 0) _exit(1);", "quiet", "lost"),
    ("static int n; if (++n % 100 == 0) return sl_fail(c, 502, \"no\");", "quiet", "5xx"),
    ("static int n; if (++n % 100 == 0) { sl_set_status(c, 403); }", "quiet", "wrong"),
    ("static int n; if (sl_worker_id() > 2 && n++ == 0) usleep(400000);", "reload", "gap"),
])
def test_it_sees_what_is_wrong(build, hello, name, what):
    figures, status = one(build(hello), name)
    assert figures["verdict"] == "failed" and status == 1
    if what == "gap":
        assert figures["gap_ms"] > 50 and "no answer for" in figures["why"]
    else:
        assert figures[what] > 0


@pytest.mark.load
def test_it_sees_that_a_stop_takes_no_notice_of_the_grace(build):
    figures, status = one(build(options=".grace_ms = 3000"), "term")
    assert "idle connections lasted" in figures["why"] and status == 1
    figures, status = one(build(options=".grace_ms = 3000"), "term", "--grace", "3000")
    assert figures["verdict"] == "ok" and status == 0


@pytest.mark.load
def test_the_table_and_the_exit_status(build):
    done = run("--only", "quiet", "--seconds", "1", "--", build())
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "2 workers, 500 requests a second for /" in lines[0]
    assert lines[2].split() == "scenario requests lost reset 5xx refused gap ms p99 ms".split()
    assert lines[3].split()[0] == "quiet" and lines[3].split()[8] == "ok"
    assert lines[-1] == "all 1 hold"


@pytest.mark.parametrize("arguments, says, status", [
    ([], "which program?", 2),
    (["--only", "kil", "--", "x"], "did you mean kill?", 2),
    (["--onli", "x"], "did you mean --only?", 2),
    (["--rate", "many", "--", "x"], "--rate is a number", 2),
    (["--rate"], "--rate needs a value", 2),
    (["--path", "x", "--", "x"], "begins with a slash", 2),
    (["--", "nowhere"], "./nowhere: No such file", 1),
    (["--", "/etc/passwd"], "is not a program", 1),
    (["--", "/bin/true"], "ended and said nothing", 1),
])
def test_what_makes_no_sense_is_one_line(arguments, says, status):
    done = run(*arguments)
    assert done.returncode == status and says in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_programs_that_cannot_be_verified(build, compile):
    done = run("--path", "/nowhere", "--", build())
    assert done.returncode == 1 and "GET /nowhere is answered with 404" in done.stderr
    done = run("--", build(options=".standalone = true"))
    assert done.returncode == 1 and "has no workers" in done.stderr, done.stderr
    done = run("--", build(before="puts(\"no configuration\"); return 3;"))
    assert done.returncode == 1 and "ended; it said:\n  no configuration" in done.stderr, done.stderr


def test_help_and_list():
    done = run("--list")
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()] == ALL
    assert "--crash-path PATH" in run("--help").stdout
    assert "--crash-path PATH" in subprocess.run([str(TOOL), "help", "verify"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_interrupted(build, number):
    app = build()
    tool = subprocess.Popen([TOOL, "verify", "--only", "kill", "--", app], stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: len(descendants(tool.pid)) >= 3, "the program runs")
        [master] = children(tool.pid)
        tool.send_signal(number)
        assert tool.wait(PATIENCE) in (128 + number, -number)
        wait_until(lambda: not os.path.exists(f"/proc/{master}/exe"), "the master is gone")
        if number == signal.SIGINT:
            assert [p.name for p in app.parent.iterdir() if "verify" in p.name] == []
    finally:
        tool.kill()
        tool.wait()
        tool.stdout.close()
