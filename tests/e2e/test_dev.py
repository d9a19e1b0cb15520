"""DV1-DV5: development mode, by the tool and by the program itself."""
import os
import signal
import subprocess
import time

import pytest

from harness import BUILD, COMPILER, LIBRARIES, ROOT, SANITIZE, Connection, Load, Witness, alive, children, descendants, wait_until

TOOL = BUILD / "cli/shallot"


def save(path, old, new):
    """As an editor does: a new file renamed over the old one."""
    fresh = path.with_suffix(".tmp~")
    fresh.write_text(path.read_text().replace(old, new))
    os.rename(fresh, path)


@pytest.fixture
def dev(start, folder):
    def run(name, *args, **kwargs):
        file = folder(name)
        return file, start([TOOL, "dev", file, *args], **{"cwd": file.parent, **kwargs})

    return run


def test_dv3_a_save_brings_new_code_without_a_failed_request(dev):
    file, program = dev("hello")
    assert program.get("/").text == "Hello world\n"
    load = Load(program.port, kept=2, new=1)
    load.wait_answered(10)
    save(file, "Hello world", "Hello reload")
    wait_until(lambda: program.get("/").text == "Hello reload\n", "the new code serves")
    load.wait_answered(10)
    assert load.stop() == []
    program.expect(r"hello\.c")


def test_dv1_one_worker(dev):
    _, program = dev("hello", env={"SHALLOT_INSTANCES": "4"})
    master = [p for p in descendants(program.pid) if children(p)]
    assert len(master) == 1 and len(children(master[0])) == 1


def test_dv2_a_failed_build_leaves_the_old_worker_serving(dev):
    file, program = dev("hello")
    mark = program.mark()
    save(file, "return sl_body", "return sl_bodyy(")
    program.expect(r"hello\.c:\d+:\d+: error", start=mark)  # the compiler's words, with file and line
    assert program.get("/").text == "Hello world\n"
    save(file, "return sl_bodyy(", "return sl_body")
    save(file, "Hello world", "Hello again")
    wait_until(lambda: program.get("/").text == "Hello again\n", "the new code serves")


def test_dv2_code_that_dies_at_start_leaves_the_old_worker_serving(dev):
    file, program = dev("hello")
    mark = program.mark()
    save(file, "sl_app *app = sl_new();", "sl_app *app = sl_new(); if (sl_worker_id()) __builtin_trap();")
    program.expect(r"(SIGILL|SIGTRAP|SIGABRT)", start=mark)
    assert program.get("/").text == "Hello world\n"
    save(file, " if (sl_worker_id()) __builtin_trap();", "")
    save(file, "Hello world", "Hello back")
    wait_until(lambda: program.get("/").text == "Hello back\n", "the new code serves")


def test_dv2_the_first_build_failing_waits_for_the_next_change(start, folder):
    file = folder("hello")
    save(file, "return sl_body", "return sl_bodyy(")
    program = start([TOOL, "dev", file], cwd=file.parent, wait_ready=False)
    program.expect(r"hello\.c:\d+:\d+: error")
    save(file, "return sl_bodyy(", "return sl_body")
    program.port = int(program.expect(r"listening on http://127\.0\.0\.1:(\d+)").group(1))
    assert program.get("/").text == "Hello world\n"


def test_dv4_a_worker_that_crashes_while_serving_is_respawned(dev):
    _, program = dev("hello")
    worker = [p for p in descendants(program.pid) if not children(p)][0]
    mark = program.mark()
    os.kill(worker, signal.SIGKILL)
    program.expect(r"worker \d+ was ended by SIGKILL .*another takes its place", start=mark)
    assert program.get("/").status == 200


def test_dv4_a_worker_that_crashes_at_start_waits_for_the_next_change(start, folder):
    file = folder("hello")
    save(file, "sl_app *app = sl_new();", "sl_app *app = sl_new(); if (getenv(\"SHALLOT_TEST\")) { } else if (sl_worker_id() > 0) __builtin_trap();")
    save(file, "#include <shallot.h>", "#include <shallot.h>\n#include <stdlib.h>")
    program = start([TOOL, "dev", file], cwd=file.parent, wait_ready=False)
    program.expect(r"(?i)wait.*change")
    save(file, "if (getenv(\"SHALLOT_TEST\")) { } else if (sl_worker_id() > 0) __builtin_trap();", "")
    program.port = int(program.expect(r"listening on http://127\.0\.0\.1:(\d+)").group(1))
    assert program.get("/").text == "Hello world\n"


def test_dv5_interrupt_leaves_no_process_and_frees_the_port(dev):
    _, program = dev("hello")
    everyone = descendants(program.pid)
    os.killpg(program.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    assert program.wait() == 0
    assert not any(alive(pid) for pid in everyone)
    with pytest.raises(ConnectionRefusedError):
        Connection(program.port)


def test_term_to_the_tool_stops_everything(dev):
    _, program = dev("hello")
    everyone = descendants(program.pid)
    program.signal(signal.SIGTERM)
    program.wait()
    wait_until(lambda: not any(alive(pid) for pid in everyone), "everybody is gone")


def test_dv1_directories_made_later_are_watched_and_hidden_ones_are_not(start, compile, tmp_path):
    """The seed: an app started by itself with .mode = SL_DEVELOPMENT watches the tree and swaps its worker."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").mkdir()
    (tree / "build").mkdir()
    program = start([compile("""
#include <shallot.h>
static int who(sl_ctx *c) { return sl_text(c, "%d", getpid()); }
int main(void) { sl_app *app = sl_new(.instances = 3, .mode = SL_DEVELOPMENT, .standalone = true); sl_use(app, who); return sl_listen(app); }
""")], cwd=tree)
    assert len(program.workers()) == 1
    before = program.get("/").text
    (tree / ".git/index").write_text("x")
    (tree / "build/app.o").write_text("x")
    (tree / ".hidden").write_text("x")
    (tree / "deep/er").mkdir(parents=True)
    (tree / "deep/er/page.html").write_text("x")
    program.expect(r"page\.html")
    wait_until(lambda: program.get("/").text != before, "the worker was swapped")
    assert not program.matches(r"index|app\.o|\.hidden")


def test_dv1_a_burst_is_one_reload(start, compile, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    program = start([compile("""
#include <shallot.h>
static int who(sl_ctx *c) { return sl_text(c, "%d", sl_worker_id()); }
int main(void) { sl_app *app = sl_new(.mode = SL_DEVELOPMENT); sl_use(app, who); return sl_listen(app); }
""")], cwd=tree)
    assert program.get("/").text == "1"
    for n in range(500):
        (tree / f"file{n}.c").write_text("x")
    wait_until(lambda: program.get("/").text != "1", "the worker was swapped")
    last = program.get("/").text
    assert int(last) <= 4  # the writing itself may take longer than one burst's limit


@pytest.mark.load
def test_dv3_50_saves_with_a_client_in_a_loop(dev):
    """No request fails, and who has seen new code never sees older code again."""
    file, program = dev("hello")
    load = Load(program.port, kept=1, new=0)
    witness = Witness(program.port)
    texts = ["Hello world", *(f"Hello {n}" for n in range(50))]
    for old, new in zip(texts, texts[1:]):
        save(file, old, new)
        wait_until(lambda: program.get("/").text == f"{new}\n", f"{new} serves")
    assert load.stop() == [] and witness.stop() == []
    assert [text.strip() for _, text in witness.answers] == [text for text in texts if (200, f"{text}\n") in witness.answers]


def test_dv1_5000_files_within_two_seconds_are_one_reload(start, compile, tmp_path):
    """A checkout of another branch: the burst is waited out. Writing takes longer than it should on a busy machine, and a burst has its limit: hence the bound."""
    tree = tmp_path / "tree"
    for n in range(50):
        (tree / f"part{n}").mkdir(parents=True)
    program = start([compile("""
#include <shallot.h>
static int who(sl_ctx *c) { return sl_text(c, "%d", sl_worker_id()); }
int main(void) { sl_app *app = sl_new(.mode = SL_DEVELOPMENT); sl_use(app, who); return sl_listen(app); }
""")], cwd=tree)
    assert program.get("/").text == "1"
    began = time.monotonic()
    for n in range(5000):
        os.close(os.open(tree / f"part{n % 50}/file{n}.c", os.O_CREAT | os.O_WRONLY))
    took = time.monotonic() - began
    program.expect(r"changed: .* and \d+ more")
    wait_until(lambda: program.get("/").text != "1", "the worker was swapped")
    mark = program.mark()
    (tree / "last.c").write_text("x")  # what comes after it is another reload, so that all of the burst has been seen by then
    program.expect(r"changed: last\.c", start=mark)
    reloads = len(program.matches(r"changed: part"))
    assert reloads <= 1 + took / 1.0, f"{reloads} reloads; writing took {took:.1f} s"


def test_run_serves_a_c_file_in_production_mode(start, folder):
    file = folder("hello")
    program = start([TOOL, "run", file], cwd=file.parent, env={"SHALLOT_INSTANCES": "2"})
    assert program.get("/").text == "Hello world\n"
    program.expect("http://127", count=2)
    assert program.stop() == 0


def test_run_serves_a_program(start):
    program = start([TOOL, "run", BUILD / "examples/hello"])
    assert program.get("/").text == "Hello world\n"


def test_build_option_overrides(start, folder):
    file = folder("hello")
    command = f"echo building by hand && {COMPILER} {' '.join(SANITIZE)} -I{ROOT}/include {file} -o app {' '.join(LIBRARIES)}"
    program = start([TOOL, "dev", "./app", "--build", command], cwd=file.parent)
    program.expect("building by hand")
    assert program.get("/").text == "Hello world\n"
    save(file, "Hello world", "Hello by hand")
    wait_until(lambda: program.get("/").text == "Hello by hand\n", "the new code serves")


def test_a_makefile_is_used(start, folder):
    file = folder("hello")
    (file.parent / "Makefile").write_text(
        f"app: hello.c\n\t@echo made by make\n\t{COMPILER} {' '.join(SANITIZE)} -I{ROOT}/include $< -o $@ {' '.join(LIBRARIES)}\n")
    program = start([TOOL, "dev", "./app"], cwd=file.parent)
    program.expect("made by make")
    assert program.get("/").text == "Hello world\n"
    save(file, "Hello world", "Hello make")
    wait_until(lambda: program.get("/").text == "Hello make\n", "the new code serves")


@pytest.mark.parametrize("args, words", [
    (["frobnicate"], "frobnicate"),
    (["dev", "nothere.c"], "nothere.c"),
    (["dev", "--porrt", "1", "hello.c"], "--porrt"),
    (["dev", "--port", "99999", "hello.c"], "99999"),
    (["run"], "run"),
])
def test_wrong_use_is_one_line(tmp_path, args, words):
    done = subprocess.run([TOOL, *args], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1 and words in done.stderr, done.stderr


def test_help_and_version():
    for args in (["--help"], ["help", "dev"], ["dev", "--help"]):
        done = subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and "dev" in done.stdout and done.stderr == ""
    assert subprocess.run([TOOL, "--version"], capture_output=True, text=True, timeout=30).stdout.startswith("shallot 0.")
