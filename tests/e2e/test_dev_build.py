"""What `shallot dev` and `shallot run` find to build, and how: one source, make, meson, cmake; what editors get."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import BUILD, COMPILER, ROOT, SANITIZE, Connection, descendants, request, wait_until

TOOL = BUILD / "cli/shallot"
HELLO = """#include <shallot.h>
static int hello(sl_ctx *c) { return sl_text(c, "one"); }
int main(void) { sl_app *app = sl_new(); sl_use(app, hello); return sl_listen(app); }
"""
HELLO_CPP = """#include <shallot.h>
#include <string>
static int hello(sl_ctx *c) { std::string text = "one"; return sl_text(c, "%s", text.c_str()); }
int main() { sl_app *app = sl_new(); sl_use(app, hello); return sl_listen(app); }
"""
BROKEN = HELLO.replace("sl_app *app", "sl_app app")
ENV = {"CC": COMPILER, "CXX": {"gcc": "g++", "clang": "clang++"}[COMPILER], "CFLAGS": "-g " + " ".join(SANITIZE), "CXXFLAGS": "-g " + " ".join(SANITIZE), "LDFLAGS": " ".join(SANITIZE)}
FILES = {
    "make": ("Makefile", """CFLAGS += $(shell pkg-config --cflags shallot)
LDLIBS = $(shell pkg-config --libs shallot)
all: app tester
app: app.o
app.o: app.c
tester: tester.c
\t$(CC) $(CFLAGS) tester.c -o tester
"""),
    "meson": ("meson.build", "project('x', 'c')\nexecutable('app', 'app.c', dependencies: dependency('shallot'))\nexecutable('other', 'tester.c', build_by_default: false)\n"),
    "cmake": ("CMakeLists.txt", """cmake_minimum_required(VERSION 3.18)
project(x CXX)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SHALLOT REQUIRED IMPORTED_TARGET shallot)
add_executable(app app.cpp)
target_link_libraries(app PkgConfig::SHALLOT)
"""),
}


def project(folder, system):
    name, text = FILES[system]
    (folder / name).write_text(text)
    (folder / "tester.c").write_text("int main(void) { return 0; }\n")
    source = folder / ("app.cpp" if system == "cmake" else "app.c")
    source.write_text(HELLO_CPP if system == "cmake" else HELLO)
    return source


def replace(path, old, new):
    fresh = path.with_suffix(".tmp")
    fresh.write_text(path.read_text().replace(old, new))
    os.rename(fresh, path)


def tool(*args, cwd, env=None):
    return subprocess.run([TOOL, *args], cwd=cwd, env={**os.environ, **ENV, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


SLOW = [pytest.param(system, marks=pytest.mark.load) for system in ("meson", "cmake")]  # left out under sanitizers, where configuring takes a minute


@pytest.mark.parametrize("system", ["make", *SLOW])
def test_the_build_system_of_the_folder_is_used(start, tmp_path, system):
    source = project(tmp_path, system)
    program = start([TOOL, "dev"], cwd=tmp_path, env=ENV)
    assert program.get().text == "one"
    replace(source, '"one"', '"two"')
    wait_until(lambda: program.get().text == "two", "the new code serves")
    entries = json.loads((tmp_path / "compile_commands.json").read_text())
    assert source.name in [os.path.basename(e["file"]) for e in entries]


@pytest.mark.parametrize("system", ["make", SLOW[0]])
def test_a_first_build_that_fails_is_waited_for(start, tmp_path, system):
    source = project(tmp_path, system)
    good = source.read_text()
    source.write_text(BROKEN)
    if system == "make":  # its only program is known before it is there
        replace(tmp_path / "Makefile", "all: app tester", "all: app")
    program = start([TOOL, "dev"], cwd=tmp_path, env=ENV, wait_ready=False)
    program.expect(r"app\.c:\d+:\d+: error")
    program.expect("waiting")
    replace(source, BROKEN, good)
    program.port = int(program.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
    wait_until(lambda: program.get().text == "one", "the app serves, where there was a page about the build")


def test_run_builds_what_the_folder_makes(start, tmp_path):
    project(tmp_path, "make")
    program = start([TOOL, "run"], cwd=tmp_path, env={**ENV, "SHALLOT_INSTANCES": "1"})
    assert program.get().text == "one"


def test_several_programs_are_named(tmp_path):
    (tmp_path / "Makefile").write_text("CFLAGS += $(shell pkg-config --cflags shallot)\nLDLIBS = $(shell pkg-config --libs shallot)\nall: chat shop none\n")
    for name in ("chat", "shop"):
        (tmp_path / f"{name}.c").write_text(HELLO)
    (tmp_path / "none.c").write_text("int main(void) { return 0; }\n")
    done = tool("dev", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "shallot: make makes several programs (chat and shop); name one: shallot dev chat"
    done = tool("dev", "shap", cwd=tmp_path)
    assert done.returncode == 1 and "chat" in done.stderr and "shop" in done.stderr


def test_of_several_sources_the_one_that_serves_is_taken(start, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.c").write_text(HELLO)
    (tmp_path / "src/test_app.c").write_text("/* sl_ */ int main(void) { return 0; }\n")
    program = start([TOOL, "dev"], cwd=tmp_path, env=ENV)
    assert program.get().text == "one"
    (tmp_path / "a.c").write_text(HELLO)
    (tmp_path / "b.c").write_text(HELLO)
    (tmp_path / "c.c").write_text("// int main(void) {\nint main(void);\n")
    done = tool("dev", cwd=tmp_path)
    assert done.stderr == "shallot: several programs in this folder (a.c and b.c); name one: shallot dev a.c\n"


def test_what_a_source_asks_for(start, tmp_path):
    (tmp_path / "app.c").write_text("""// shallot: sources=util.c
// shallot: cflags=-DWORD='"%lu"'
// shallot: pkgs=zlib
""" + HELLO.replace('"one"', "WORD, checksum()").replace("static int hello", "unsigned long checksum(void);\nstatic int hello"))
    (tmp_path / "util.c").write_text('#include <zlib.h>\nunsigned long checksum(void);\nunsigned long checksum(void) { return crc32(0, (const unsigned char *)"a", 1); }\n')
    program = start([TOOL, "dev", "app.c"], cwd=tmp_path, env=ENV)
    assert program.get().text == str(0xE8B7BE43)
    replace(tmp_path / "util.c", '"a", 1', '"", 0')
    wait_until(lambda: program.get().text == "0", "the second source is watched and built too")
    entries = json.loads((tmp_path / "compile_commands.json").read_text())
    assert [e["file"] for e in entries] == ["app.c", "util.c"] and entries[0]["directory"] == str(tmp_path)
    assert '-DWORD="%lu"' in entries[0]["arguments"] and not program.matches(r"changed.*compile_commands")


def test_compile_commands_is_shared_and_touched_only_when_it_changes(tmp_path):
    database = tmp_path / "compile_commands.json"
    for name in ("a", "b"):
        (tmp_path / f"{name}.c").write_text(HELLO)
        assert tool("compile", f"{name}.c", cwd=tmp_path).returncode == 0
    first = database.stat()
    assert [e["file"] for e in json.loads(database.read_text())] == ["a.c", "b.c"]
    assert tool("compile", "a.c", cwd=tmp_path).returncode == 0
    assert (database.stat().st_ino, database.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    os.unlink(tmp_path / "a.c")
    assert tool("compile", "b.c", cwd=tmp_path).returncode == 0
    assert [e["file"] for e in json.loads(database.read_text())] == ["b.c"]
    database.write_text("{}")  # somebody else's
    assert tool("compile", "b.c", cwd=tmp_path).returncode == 0
    assert database.read_text() == "{}"


def test_a_source_that_a_project_above_knows_gets_no_list_of_its_own(tmp_path):
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/a.c").write_text(HELLO)
    (tmp_path / "compile_commands.json").write_text(json.dumps([{"directory": str(tmp_path), "file": "examples/a.c", "command": "cc examples/a.c"}]))
    assert tool("compile", "examples/a.c", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "examples/compile_commands.json").exists()


MISTAKES = """#include <shallot.h>
#include <limits.h>
#include <stdlib.h>
static char *volatile stale;
static int peek(sl_ctx *c)
{
    stale = malloc(20);
    free(stale);
    return sl_text(c, "%d", stale[3]);
}
static int wrap(sl_ctx *c) { volatile int most = INT_MAX; return sl_text(c, "%d", most + 1); }
static int null(sl_ctx *c) { int *volatile p = NULL; return *p; }
static int hello(sl_ctx *c) { sl_sleep(1); return sl_text(c, "one"); }
int main(void) { sl_app *app = sl_new(); sl_get(app, "/peek", peek); sl_get(app, "/wrap", wrap); sl_get(app, "/null", null); sl_get(app, "/", hello); return sl_listen(app); }
"""


def report(folder, number):
    """A crash report, once it is there."""
    file = folder / f"{number}-app.txt"
    wait_until(file.exists, f"{file} is there")
    wait_until(lambda: "registers" in file.read_text(), "it is whole")
    return file.read_text()


def test_sanitize_makes_a_report_of_a_memory_error(start, tmp_path):
    source, crashes = tmp_path / "app.c", tmp_path / "crashes.lock"  # a name that is not watched
    source.write_text(MISTAKES)
    program = start([TOOL, "dev", "--sanitize"], cwd=tmp_path, env={**ENV, "LDFLAGS": "", "SHALLOT_CRASH_DIR": str(crashes), "UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=0"})
    program.report_expected = True
    assert program.get().text == "one"
    assert program.get("/wrap").text == "-2147483648"  # undefined behaviour is a line
    program.expect(r"runtime error: signed integer overflow")
    assert program.get("/peek").status == 500
    text = report(crashes, 1)
    assert "SIGABRT, AddressSanitizer: heap-use-after-free" in text and "GET /peek" in text
    assert "freed by thread" in text and "previously allocated by thread" in text and "Shadow" not in text and "backtrace" not in text
    if COMPILER == "gcc":  # the other one wants llvm-symbolizer
        assert "app.c:9" in text and "app.c:8" in text and "app.c:7" in text
        listed = tool("crashes", "--dir", crashes, cwd=tmp_path).stdout
        assert "peek at app.c:9" in listed
    wait_until(lambda: program.get().text == "one", "another worker serves")
    assert program.get("/null").status == 500
    text = report(crashes, 2)  # the fault's own backtrace, and the sanitizer's words
    assert "SIGSEGV, address 0x0 is not mapped" in text and "backtrace" in text and "AddressSanitizer: SEGV" in text and "null" in text
    wait_until(lambda: program.get().text == "one", "another worker serves")


def test_sanitize_leaves_the_objects_of_a_makefile_alone(start, tmp_path):
    source = project(tmp_path, "make")
    source.write_text(MISTAKES)
    (tmp_path / "gone.c").write_text("")
    (tmp_path / "word.sh").write_text("#!/bin/sh\necho one\n")  # what a build runs is copied, what it made is not
    (tmp_path / "word.sh").chmod(0o755)
    replace(tmp_path / "Makefile", "app.o: app.c", "app.o: app.c\n\t./word.sh >word.txt\n\t$(CC) $(CFLAGS) -c app.c")
    assert subprocess.run(["make"], cwd=tmp_path, env={**os.environ, **ENV, "PKG_CONFIG_PATH": str(BUILD / "meson-uninstalled"), "LIBRARY_PATH": str(BUILD / "src")}).returncode == 0
    before = (tmp_path / "app.o").stat().st_mtime_ns
    program = start([TOOL, "dev", "app", "--sanitize"], cwd=tmp_path, env={**ENV, "LDFLAGS": "", "ASAN_OPTIONS": "detect_leaks=0", "SHALLOT_CRASH_DIR": str(tmp_path / "crashes.lock")})
    program.report_expected = True
    assert program.get().text == "one"
    assert (tmp_path / "app.o").stat().st_mtime_ns == before and (tmp_path / ".shallot/sanitize/app.o").exists()
    (tmp_path / "gone.c").unlink()
    replace(source, '"one"', '"two"')
    wait_until(lambda: program.get().text == "two", "the new code serves")
    assert not (tmp_path / ".shallot/sanitize/gone.c").exists()
    assert program.get("/peek").status == 500
    program.expect(r"AddressSanitizer: heap-use-after-free")


def test_sanitize_says_that_a_makefile_does_not_take_part(start, tmp_path):
    project(tmp_path, "make")
    replace(tmp_path / "Makefile", "all: app tester", "all: tester")
    replace(tmp_path / "Makefile", "$(CC) $(CFLAGS) tester.c", "/usr/bin/cc tester.c")
    program = start([TOOL, "dev", "tester", "--sanitize"], cwd=tmp_path, env={**ENV, "CFLAGS": "-g"}, wait_ready=False)
    program.expect(r"nothing was built with sanitizers: let Makefile call the compiler by \$\(CC\)")


def test_sanitize_needs_something_to_build(tmp_path):
    (tmp_path / "app").write_text("")
    (tmp_path / "app").chmod(0o755)
    assert tool("dev", "./app", "--sanitize", cwd=tmp_path).stderr == "shallot: --sanitize needs something to build: name the source of ./app\n"


@pytest.mark.load
def test_bench_save_prints_its_table(tmp_path):
    done = subprocess.run([ROOT / "bench/save", "--no-build", "--build", BUILD, "--saves", "2"], env={**os.environ, **ENV}, capture_output=True, text=True, timeout=180)
    assert done.returncode in (0, 1) and done.stderr == "", done.stderr  # what it measures here says nothing
    assert [line.split("|")[1].strip() for line in done.stdout.splitlines()[2:5]] == ["save to first new answer", "compile by itself", "difference"]


class Terminal:
    """A program on a terminal of its own, as a user has it."""

    def __init__(self, command, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(str(command[0]), [str(c) for c in command], {**os.environ, **ENV, "TERM": "xterm", "PORT": "0", "HOST": "127.0.0.1", **env})
        self.text, self.fresh = "", threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # nobody is left at the other end
                data = b""
            with self.fresh:
                self.text += data.decode(errors="replace")
                self.fresh.notify_all()
            if not data:
                return

    def expect(self, pattern, start=0):
        deadline = time.monotonic() + 60
        with self.fresh:
            while not (found := re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text[start:]))):
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} expected in:\n{self.text}"
                self.fresh.wait(left)
            return found

    def type(self, text):
        os.write(self.fd, text.encode())

    def stop(self):
        for pid in reversed([self.pid, *descendants(self.pid)]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def terminal():
    started = []

    def run(*args):
        started.append(Terminal(*args))
        return started[-1]

    yield run
    for one in started:
        one.stop()


@pytest.mark.load  # under sanitizers it is the same, and slow
@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed")
def test_debug_stops_a_crash_in_gdb_and_goes_on(terminal, tmp_path):
    (tmp_path / "app.c").write_text(MISTAKES.replace("sl_new()", "sl_new(.watchdog_ms = 400)"))
    screen = terminal([TOOL, "dev", "--debug"], tmp_path, {"SHALLOT_CRASH_DIR": str(tmp_path / "crashes.lock")})
    port = int(screen.expect(r"http://127\.0\.0\.1:(\d+)")[1])
    with Connection(port) as client:
        client.send_request("/null")
        screen.expect(r"received signal SIGSEGV[^$]*null \([^$]*app\.c:12[^$]*\(gdb\)")
        screen.type("print p\n")
        screen.expect(r"\$1 = .*0x0")
        screen.type("shell sleep 1.5\n")  # the watchdog would have ended it thrice
        screen.type("quit\n")
        assert client.read_response().status == 500  # late, but it is answered
    screen.expect(r"detached")
    screen.expect(r"was ended by SIGSEGV[^$]*address 0x0 is not mapped")
    wait_until(lambda: request(port).text == "one", "another worker serves")
    assert "is stuck" not in screen.text and "killing it" not in screen.text


@pytest.mark.parametrize("path, line", [
    (None, "--debug needs a terminal, where gdb can ask what to do; without one: gdb -p PID by hand"),
    ("bin", "gdb is not installed: sudo apt install gdb"),
])
def test_debug_says_what_is_missing(tmp_path, path, line):
    (tmp_path / "app.c").write_text(HELLO)
    (tmp_path / "bin").mkdir()
    for name in ("cc", "pkg-config", "apt-get", *(() if path else ("gdb",))):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = tool("dev", "--debug", cwd=tmp_path, env={"PATH": str(tmp_path / "bin"), "CC": "cc"})
    assert (done.returncode, done.stderr) == (1, f"shallot: {line}\n")
