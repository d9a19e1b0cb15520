"""The errors that newcomers make each give one line that helps: what, on what, why, and what to do."""
import os
import shutil
import socket
import subprocess

import pytest

from harness import BUILD, COMPILER, SANITIZE

TOOL = BUILD / "cli/shallot"
HELLO = """#include <shallot.h>
static int hello(sl_ctx *c) { return sl_text(c, "one"); }
int main(void) { sl_app *app = sl_new(); sl_use(app, hello); return sl_listen(app); }
"""
ENV = {"CC": COMPILER, "CFLAGS": "-g " + " ".join(SANITIZE)}


def tool(*args, cwd, env=None, **popen):
    done = subprocess.run([TOOL, *args], cwd=cwd, env={**os.environ, **ENV, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **popen)
    return done.returncode, done.stderr.splitlines()


def compile(folder, source, env=None):
    """The lines of our own after a build that failed."""
    (folder / "app.c").write_text(source)
    status, lines = tool("compile", "app.c", cwd=folder, env=env)
    assert status != 0, lines
    return [line for line in lines if line.startswith("shallot: ")]


@pytest.fixture
def only(tmp_path):
    """only("pkg-config", "apt-get") is a PATH with nothing else."""
    def make(*names):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in names:
            real = shutil.which(name)
            if real:
                (folder / name).symlink_to(real)
            else:
                (folder / name).write_text("#!/bin/sh\n")
                (folder / name).chmod(0o755)
        return {"PATH": str(folder), "CC": "", "CXX": ""}

    return make


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.parametrize("source, line", [
    (HELLO.replace("int main(", "int start("), "app.c has no main(): a program begins there; shallot new makes one to start from"),
    ('#include "utl.h"\n' + HELLO, "there is no utl.h; did you mean util.h?"),
    ('#include "deep.h"\n' + HELLO, "deep.h lies in inc/more: add this line to app.c: // shallot: cflags=-Iinc/more"),
    ('#include "nowhere.h"\n' + HELLO, "there is no nowhere.h beside the file that includes it, nor in a folder below"),
    (HELLO.replace("sl_app *app", "int util(void); util(); sl_app *app"), "util() is in util.c, which is not part of the program: add this line to app.c: // shallot: sources=util.c"),
    ("#include <zlib.h>\n" + HELLO.replace("sl_app *app", "(void)crc32(0, 0, 0); sl_app *app"), "crc32() belongs to zlib, which is installed: add this line to app.c: // shallot: pkgs=zlib"),
    ("// shallot: pkgs=zlb\n" + HELLO, "there is no pkg-config package zlb, which app.c asks for (pkgs=); did you mean zlib?"),
    ("// shallot: pkgs=libmongoc-1.0\n" + HELLO, "libmongoc-1.0 is not installed, which app.c asks for (pkgs=): sudo apt install libmongoc-dev"),
    ("// shallot: pkg=zlib\n" + HELLO, "app.c:1: no such setting: pkg=; did you mean pkgs=?"),
    ("// shallot: cflags='-DX\n" + HELLO, "app.c:1: cflags= is not understood; quotes must be closed, and no shell commands are run here"),
])
def test_a_source_that_does_not_build(tmp_path, source, line):
    (tmp_path / "inc/more").mkdir(parents=True)
    (tmp_path / "inc/more/deep.h").write_text("")
    (tmp_path / "util.h").write_text("")
    (tmp_path / "util.c").write_text("int util(void) { return 0; }\n")
    assert compile(tmp_path, source) == [f"shallot: {line}"]


def test_a_header_of_a_library_that_is_not_installed(tmp_path):
    said = compile(tmp_path, "#include <mongoc/mongoc.h>\n" + HELLO)
    assert said == ["shallot: <mongoc/mongoc.h> belongs to libmongoc-1.0, which is not installed: sudo apt install libmongoc-dev, and then add this line to app.c: // shallot: pkgs=libmongoc-1.0"]


def test_one_that_needs_nothing_is_built_with_the_mathematical_library(tmp_path):
    (tmp_path / "app.c").write_text("#include <math.h>\n" + HELLO.replace("sl_app *app", "volatile double x = 2; x = pow(x, x); sl_app *app"))
    assert tool("compile", "app.c", cwd=tmp_path) == (0, [])


def test_a_project_is_told_about_its_own_build_file(tmp_path):
    (tmp_path / "Makefile").write_text("app: app.c\n\t$(CC) app.c -o app\n")
    (tmp_path / "app.c").write_text("unsigned long crc32(unsigned long, const void *, unsigned);\nint main(void) { return (int)crc32(0, 0, 0); }\n")
    status, lines = tool("run", cwd=tmp_path)
    assert status == 1
    assert "shallot: crc32() belongs to zlib, which is installed: add $$(pkg-config --cflags --libs zlib) to the compiler's line in Makefile" in lines
    (tmp_path / "Makefile").write_text("app: app.c\n    $(CC) app.c -o app\n")
    status, lines = tool("run", cwd=tmp_path)
    assert status == 1 and "shallot: a command in a Makefile begins with a tab, not with blanks" in lines


@pytest.mark.parametrize("there, line", [
    (["pkg-config", "apt-get"], "no C compiler (cc) here; install one: sudo apt install gcc libc6-dev"),
    (["cc", "apt-get"], "pkg-config is not installed: sudo apt install pkg-config"),
    (["pkg-config"], "no C compiler (cc) here"),
])
def test_a_tool_is_missing(tmp_path, only, there, line):
    (tmp_path / "app.c").write_text(HELLO)
    env = only(*there)
    for command in ("dev", "run"):
        assert tool(command, "app.c", cwd=tmp_path, env=env) == (1, [f"shallot: {line}"])


@pytest.mark.parametrize("file, line", [
    ("meson.build", "meson is not installed: sudo apt install meson"),
    ("CMakeLists.txt", "cmake is not installed: sudo apt install cmake"),
    ("Makefile", "make is not installed: sudo apt install make"),
])
def test_a_build_system_is_missing(tmp_path, only, file, line):
    (tmp_path / file).write_text("")
    assert tool("dev", cwd=tmp_path, env=only("cc", "pkg-config", "apt-get")) == (1, [f"shallot: {line}"])


def test_the_library_is_missing(tmp_path, only):
    copy = tmp_path / "elsewhere/shallot"  # not in its build folder
    copy.parent.mkdir()
    shutil.copy(TOOL, copy)
    (tmp_path / "app.c").write_text(HELLO)
    done = subprocess.run([copy, "compile", "app.c"], cwd=tmp_path, env={**os.environ, "PKG_CONFIG_LIBDIR": "/nowhere", "PKG_CONFIG_PATH": ""}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "shallot: pkg-config does not find the shallot library: sudo apt install libshallot-dev, or add the folder of its shallot.pc to PKG_CONFIG_PATH\n"


@pytest.mark.parametrize("args, line", [
    (["dev", "helo.c"], "helo.c: no such file; did you mean: shallot dev hello.c?"),
    (["run", "src/mian.c"], "src/mian.c: no such file; did you mean: shallot run src/main.c?"),
    (["dev", "nothing-like-it.c"], "nothing-like-it.c: no such file in this folder"),
    (["run", "text"], "cannot run ./text: Permission denied; if it is a program: chmod +x ./text"),
    (["run", "./data"], "cannot run ./data: Exec format error; it is no program of this machine, and no source: shallot run FILE.c"),
    (["dev", "text"], "text is neither a source (.c, .cc, .cpp) nor a program; if it is one: chmod +x text"),
    (["dev", "--prot", "1"], "dev: no such option --prot; did you mean --port?"),
    (["dev", "--sanitize=1"], "dev: --sanitize takes no value"),
    (["dvev"], "no such command: dvev; did you mean dev?"),
])
def test_what_was_typed(tmp_path, args, line):
    (tmp_path / "hello.c").write_text(HELLO)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.c").write_text(HELLO)
    (tmp_path / "text").write_text("words\n")
    (tmp_path / "data").write_bytes(b"\x00\x01\x02\x03")
    (tmp_path / "data").chmod(0o755)
    status, lines = tool(*args, cwd=tmp_path)
    assert status != 0 and lines == [f"shallot: {line}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_that_may_not_be_read(tmp_path):
    for parent in [tmp_path, *tmp_path.parents][:-2]:  # up to /tmp
        parent.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o311)
    status, lines = tool("dev", cwd=closed, preexec_fn=as_nobody)
    assert status == 1 and lines == ["shallot: cannot read this folder: Permission denied; ls -ld . says who may"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_that_cannot_be_written_is_built_elsewhere(start, tmp_path):
    for parent in [tmp_path, *tmp_path.parents][:-2]:  # up to /tmp
        parent.chmod(0o755)
    app = tmp_path / "app"
    app.mkdir(mode=0o755)
    (app / "app.c").write_text(HELLO)
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    program = start([TOOL, "run", "app.c"], cwd=app, env={**ENV, "XDG_CACHE_HOME": str(cache), "XDG_STATE_HOME": str(cache), "SHALLOT_RUNTIME_DIR": str(cache / "run"), "SHALLOT_INSTANCES": "1"}, preexec_fn=as_nobody)
    assert program.get().text == "one"
    assert sorted(p.name for p in app.iterdir()) == ["app.c"] and list(cache.glob("shallot/*/release/app"))
    program.stop()
    status, lines = tool("compile", "app.c", cwd=app, env={"XDG_CACHE_HOME": "/proc/nowhere"}, preexec_fn=as_nobody)
    assert status == 1 and len(lines) == 1 and str(app) in lines[0] and "/proc/nowhere" in lines[0], lines


def in_namespace(script, cwd, *options, env=None):
    if subprocess.run(["unshare", *options, "true"], capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    done = subprocess.run(["unshare", *options, "sh", "-c", script], cwd=cwd, env={**os.environ, **ENV, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.splitlines()


def test_the_disk_is_full(tmp_path):
    script = f"mount -t tmpfs -o size=40k none . && cd \"$PWD\" && cat > app.c && exec {TOOL} compile app.c"
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], cwd=tmp_path, env={**os.environ, **ENV}, input=HELLO + "const char much[100000] = \"x\";\n", capture_output=True, text=True, timeout=120)
    lines = done.stderr.splitlines()
    assert done.returncode != 0
    assert lines[-1] == f"shallot: the disk that holds {tmp_path} is full: free some space (df -h {tmp_path})", done.stderr


@pytest.mark.parametrize("limit, words", [
    ("max_inotify_instances", ["cannot watch", "too many watchers", "sudo sysctl fs.inotify.max_user_instances="]),
    ("max_inotify_watches", ["cannot watch", "too many folders", "sudo sysctl fs.inotify.max_user_watches="]),
])
def test_watches_are_exhausted(tmp_path, limit, words):
    (tmp_path / "app.c").write_text(HELLO)
    status, lines = in_namespace(f"echo 0 > /proc/sys/user/{limit}; exec {TOOL} dev app.c --port 0", tmp_path, "-Ur")
    said = [line for line in lines if "cannot watch" in line]
    assert status == 1 and len(said) == 1 and all(w in said[0] for w in words), lines


def test_the_port_is_taken(tmp_path):
    (tmp_path / "app.c").write_text(HELLO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in ("dev", "run"):
            status, lines = tool(command, "app.c", "--port", str(port), "--host", "127.0.0.1", cwd=tmp_path, env={"SHALLOT_INSTANCES": "1", "XDG_STATE_HOME": str(tmp_path / "s"), "SHALLOT_RUNTIME_DIR": str(tmp_path / "r")})
            said = [line for line in lines if "in use" in line]
            assert status == 1 and len(said) == 1, lines
            assert f"127.0.0.1:{port}" in said[0] and f"(pid {os.getpid()})" in said[0] and "stop it, or try another port" in said[0]
