"""What a user gets wrong is one line that says what, on what, why, and what to do."""
import os

import pytest

from harness import Connection


@pytest.mark.parametrize("env, words", [
    ({"PORT": "http"}, ["PORT", "http"]),
    ({"PORT": "70000"}, ["PORT", "70000"]),
    ({"HOST": "no.such.host.invalid"}, ["no.such.host.invalid"]),
    ({"HOST": "192.0.2.1"}, ["192.0.2.1"]),
    ({"SHALLOT_INSTANCES": "many"}, ["SHALLOT_INSTANCES", "many"]),
    ({"SHALLOT_INSTANCES": "-1"}, ["SHALLOT_INSTANCES", "-1"]),
    ({"SHALLOT_MODE": "fast"}, ["SHALLOT_MODE", "fast", "development"]),
])
def test_environment(start, env, words):
    program = start("hello", env=env, wait_ready=False)
    assert program.wait() == 1
    assert len(program.lines) == 1 and all(w in program.lines[0] for w in words), program.text()


@pytest.mark.parametrize("pattern, words", [
    ("/users/:", ["/users/:", "offset 8"]),
    ("/files/*path/more", ["/files/*path/more"]),
    ("[a-", ["[a-", "offset 3"]),
    ("/:id/x/:id", ["id"]),
])
def test_ro2_bad_patterns(compile, start, pattern, words):
    program = start([compile(f"""
#include <shallot.h>
static int hello(sl_ctx *c) {{ return 0; }}
int main(void) {{ sl_app *app = sl_new(); sl_get(app, "{pattern}", hello); return sl_listen(app); }}
""")], wait_ready=False)
    assert program.wait() == 1
    assert all(w in program.lines[0] for w in words), program.text()
    assert len(program.lines) <= 2


def test_unix_socket_in_use(compile, start, tmp_path):
    app = compile(f"""
#include <shallot.h>
static int hello(sl_ctx *c) {{ return 0; }}
int main(void) {{ sl_app *app = sl_new(.instances = 1); sl_use(app, hello); return sl_listen(app, .unix_path = "{tmp_path}/s"); }}
""")
    first = start([app], wait_ready=False)
    first.expect("unix:")
    second = start([app], wait_ready=False)
    assert second.wait() == 1
    assert len(second.lines) == 1 and str(tmp_path / "s") in second.lines[0]
    first.kill()  # leaves a stale file behind
    assert os.path.exists(tmp_path / "s")
    third = start([app], wait_ready=False)
    third.expect("unix:")


def test_a_stack_overflow_is_reported_as_such(compile, start):
    program = start([compile("""
#include <shallot.h>
static int deeper(int n) { volatile char frame[4096]; frame[0] = (char)n; return n == 0 ? 0 : deeper(n + 1) + frame[0]; }
static int overflow(sl_ctx *c) { return deeper(1); }
static int hello(sl_ctx *c) { return sl_text(c, "hello"); }
int main(void) { sl_app *app = sl_new(.instances = 1); sl_get(app, "/deep", overflow); sl_get(app, "/", hello); return sl_listen(app); }
""")])
    program.report_expected = True  # ASan calls it by its name too
    with Connection(program.port) as c:
        c.send_request("/deep")
        assert c.read_response().status == 500
    program.expect(r"(?i)stack.overflow")
    program.expect(r"died \(SIG(SEGV|ABRT)\)\. restarting")
    assert program.get("/").text == "hello"
