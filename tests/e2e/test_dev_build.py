"""What `shallot dev` and `shallot run` find to build, and how: one source, make, meson, cmake; what editors get."""
import json
import os
import subprocess

import pytest

from harness import BUILD, COMPILER, SANITIZE, wait_until

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
    assert program.get().text == "one"


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
