"""The screen of `shallot dev`: lines and the live line on a terminal, plain lines without one, keys, the browser."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from harness import BUILD, COMPILER, PATIENCE, SANITIZE, SANITIZED, STATE, Connection, alive, descendants, request, wait_until

TOOL = BUILD / "cli/shallot"
LIVE = re.compile(r"\x1b\[\?25l")


def save(path, old, new):
    fresh = path.with_suffix(".tmp~")
    fresh.write_text(path.read_text().replace(old, new))
    os.rename(fresh, path)


class Terminal:
    """A program on a terminal of its own: what it writes, keys, the size, and the state of the line."""

    def __init__(self, command, cwd, columns=100, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOT_") and k not in ("PORT", "HOST", "NO_COLOR", "BROWSER")}
        if SANITIZED:
            clean.update(CC=COMPILER, CFLAGS="-g " + " ".join(SANITIZE))
        clean.update(XDG_STATE_HOME=STATE.name, SHALLOT_RUNTIME_DIR=STATE.name + "/run", HOST="127.0.0.1", PORT="0", TERM="xterm", LC_ALL="C.UTF-8")
        self.text = ""
        self.main, self.side = pty.openpty()
        self.before = termios.tcgetattr(self.side)
        self.resize(columns)
        self.process = subprocess.Popen([str(c) for c in command], cwd=cwd, env={**clean, **(env or {})}, stdin=self.side, stdout=self.side, stderr=self.side,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns):
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def pump(self, timeout):
        if not select.select([self.main], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.main, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, start=0):
        """Waits for it in what was written behind @start; returns the match."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern).search(self.text, start)):
            assert time.monotonic() < deadline, f"{pattern!r} expected in:\n{self.text[start:]}"
            self.pump(0.2)
        return found

    def expect_live(self, pattern, start=0):
        """Waits until the live line, as it was drawn last, matches."""
        deadline = time.monotonic() + PATIENCE
        while len(self.text) <= start or not re.search(pattern, self.live_line()):
            assert time.monotonic() < deadline, f"{pattern!r} expected, the live line is {self.live_line()!r}"
            self.pump(0.2)

    def live_line(self):
        return plain(self.text.rpartition("\n")[2].rpartition("\x1b[J")[2])

    def mark(self):
        while self.pump(0):
            pass
        return len(self.text)

    def key(self, keys):
        os.write(self.main, keys.encode())

    def has_single_keys(self):
        return not termios.tcgetattr(self.side)[3] & termios.ICANON

    def wait(self):
        """Exit status; everything has been read."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end:\n" + self.text
            self.pump(0.05)
        self.mark()
        return self.process.returncode

    def close(self):
        everyone = [self.process.pid, *descendants(self.process.pid)]
        if self.process.poll() is None:
            for pid in everyone:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait(PATIENCE)
        os.close(self.main)
        os.close(self.side)


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


@pytest.fixture
def terminal(folder):
    opened = []

    def run(*args, name="hello", **kwargs):
        file = folder(name)
        t = Terminal([TOOL, "dev", file, *args], file.parent, **kwargs)
        opened.append(t)
        t.port = int(t.expect(r"on http://127\.0\.0\.1:(\d+)").group(1))
        t.expect_live("serving")
        return file, t

    yield run
    for t in opened:
        t.close()


def test_the_life_of_a_save_on_a_terminal(terminal):
    file, t = terminal()
    assert re.search(r"shallot.* dev · hello\.c", plain(t.text))
    assert re.search(r"\d\d:\d\d:\d\d  built     in [0-9.]+ m?s", plain(t.text))
    t.expect_live(r"^  ● serving   http://127\.0\.0\.1:\d+   r reload  o open  c clear  q quit$")
    mark = t.mark()
    assert request(t.port, "/some/where?a=b").status == 200
    t.expect(r"\x1b\[1mGET      \x1b\[0m /some/where.*\?a=b.*\x1b\[32m200\x1b\[0m", mark)
    t.expect_live("1 request ")
    save(file, "return sl_body", "return sl_bodyy(")
    t.expect(r"hello\.c:\d+:\d+: .*error: ", mark)
    t.expect(r"│ .*return sl_bodyy\(", mark)
    t.expect_live(r"● \d+ errors?, the old code serves   http")
    mark = t.mark()
    save(file, "return sl_bodyy(", "return sl_body")
    t.expect(r"changed.* hello\.c", mark)
    t.expect(r"swapped.* the new code serves, [0-9.]+ m?s after the save", mark)
    t.expect_live("● serving")


def test_every_line_is_whole_and_the_live_line_is_the_last(terminal):
    _, t = terminal(columns=60)
    for _ in range(5):
        request(t.port, "/" + "x" * 90)
    t.expect_live("5 requests")
    for drawn in t.text.split("\x1b[?25l")[1:]:
        assert drawn.startswith("\r\x1b[J") or "\x1b[J" not in drawn  # taken away first
    for line in plain(t.text.replace("\r\x1b[J", "\n")).split("\n"):
        assert len(line) < 60, line
    assert t.text.rpartition("\n")[2].count("●") <= 2


def test_resizing(terminal):
    _, t = terminal()
    mark = t.mark()
    t.resize(40)
    os.kill(t.process.pid, signal.SIGWINCH)
    t.expect(r"\r\x1b\[\dA\x1b\[J", mark)  # the line was broken into several by then
    t.expect_live(r"^  ● serving   http://127\.0\.0\.1:\d+$")


def test_keys_reload_clear_and_quit(terminal):
    _, t = terminal()
    assert t.has_single_keys()
    everyone = descendants(t.process.pid)
    mark = t.mark()
    t.key("r")
    t.expect("reload.* by hand", mark)
    t.expect("swapped.* the new code serves", mark)
    mark = t.mark()
    t.key("\x1b[Ax")  # an arrow and a key that means nothing
    t.key("c")
    t.expect(r"\x1b\[2J", mark)
    t.key("q")
    assert t.wait() == 0
    assert not t.has_single_keys() and t.text.endswith("\x1b[?25h")
    assert not any(alive(pid) for pid in everyone)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_the_terminal_is_as_it_was_however_it_ends(terminal, how):
    _, t = terminal()
    everyone = descendants(t.process.pid)
    os.kill(t.process.pid, how)
    assert t.wait() == (-how if how == signal.SIGQUIT else 0)
    assert termios.tcgetattr(t.side) == t.before
    assert "\x1b[?25h" in t.text
    wait_until(lambda: not any(alive(pid) for pid in everyone), "everybody is gone")


def test_stopped_and_continued(folder):
    """Ctrl-Z and fg, with a shell that has job control."""
    file = folder("hello")
    t = Terminal(["bash", "--norc", "-c", f"set -m; '{TOOL}' dev hello.c; echo status $?; stty -a | grep -o '.icanon'; fg; echo over $?"], file.parent)
    try:
        t.expect_live("serving")
        port = int(t.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
        mark = t.mark()
        t.key("\x1a")
        t.expect(r"\x1b\[\?25h", mark)  # without the live line, with a cursor
        t.expect(rf"status {128 + signal.SIGTSTP}\r\n icanon", mark)
        t.expect(LIVE, mark)  # fg has come by then
        t.expect_live("● serving")
        assert t.has_single_keys() and request(port, "/").status == 200
        t.key("\x03")
        t.expect("over 0", mark)
    finally:
        t.close()


def test_output_of_the_program_stands_between_the_lines(terminal, folder):
    file, t = terminal()
    mark = t.mark()
    save(file, "return sl_body", r'printf("said \033[2Jby %s\n", sl_path(c)); sl_info("noted"); return sl_body')
    save(file, "#include <shallot.h>", "#include <shallot.h>\n#include <stdio.h>")
    t.expect("swapped", mark)
    wait_until(lambda: request(t.port, "/x").status == 200 and t.mark() and "said" in t.text, "the new code has said something")
    t.expect(r"│ \x1b\[0msaid by /x\n|│ \x1b\[0msaid by /x\r\n", mark)
    t.expect(r"│ .*\x1b\[32minfo.*noted", mark)


def test_without_colours(terminal):
    file, t = terminal(env={"NO_COLOR": "1"})
    request(t.port, "/")
    save(file, "return sl_body", "return sl_bodyy(")
    t.expect(r"hello\.c:\d+:\d+: error: ")
    t.expect_live("the old code serves")
    assert not re.search(r"\x1b\[[0-9;]*m", t.text)


def test_plain_lines_without_a_terminal(start, folder):
    file = folder("hello")
    save(file, "return sl_body", "sl_set_status(c, 404); return sl_body")
    program = start([TOOL, "dev", file], cwd=file.parent)
    assert program.get("/no/where?q=1").status == 404
    program.expect(r"^  \d\d:\d\d:\d\d  GET       /no/where\?q=1 +404 +[0-9.]+ m?s  w1$")
    mark = program.mark()
    save(file, "return sl_body", "int unused; return sl_body")
    program.expect(r"changed   hello\.c$", start=mark)
    program.expect(r"^  hello\.c:\d+:\d+: warning: unused variable .unused. \[-Wunused-variable\]$", start=mark)
    program.expect(r"swapped   the new code serves", start=mark)
    mark = program.mark()
    save(file, "return sl_body", "return sl_bodyy(")
    program.expect(r"failed    build failed after .*\d errors?", start=mark)
    program.expect(r"^  +\d+ \| .*sl_bodyy", start=mark)
    assert "\x1b" not in program.text() and "\r" not in program.text()


def test_a_crash_names_function_and_line(start, folder):
    file = folder("hello")
    save(file, "return sl_body", "if (sl_path(c)[1]) __builtin_trap(); return sl_body")
    program = start([TOOL, "dev", file], cwd=file.parent)
    program.report_expected = True
    assert program.get("/boom").status in (500, 503)
    program.expect(r"crashed   worker 1 was ended by SIG(ILL|TRAP|ABRT|SEGV) .*another takes its place")
    program.expect(r"^    in hello  .*hello\.c:\d+$")
    program.expect(r"GET /boom")
    wait_until(lambda: program.get("/").status == 200, "another serves")


def test_the_logger_does_not_say_it_twice(start, folder):
    file = folder("hello")
    save(file, "sl_app *app = sl_new();", "sl_app *app = sl_new(); sl_use(app, sl_logger());")
    program = start([TOOL, "dev", file], cwd=file.parent)
    assert program.get("/once").status == 200
    program.expect("GET +/once")
    program.get("/twice")
    program.expect("GET +/twice")
    assert len(program.matches("/once")) == 1
    assert len(program.matches("listening on")) == 1 and not program.matches("generation|master")


def browser(folder):
    script = folder / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {folder}/opened.new; mv {folder}/opened.new {folder}/opened\n')
    script.chmod(0o755)
    return script


def test_open_starts_the_browser_once_it_listens(terminal, tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    _, t = terminal("--open", env={"BROWSER": str(browser(place))})
    wait_until((place / "opened").exists, "the browser was started")
    assert (place / "opened").read_text() == f"http://127.0.0.1:{t.port}\n"
    (place / "opened").unlink()
    t.key("o")
    wait_until((place / "opened").exists, "the browser was started again")


def test_no_browser_is_one_line(start, folder, tmp_path):
    file = folder("hello")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "gcc", "cc", "clang", "ld", "as", "pkg-config", "env", "rm", "mkdir", "mv", "ccache"):
        found = subprocess.run(["which", tool], capture_output=True, text=True).stdout.strip()
        if found:
            (tools / tool).symlink_to(found)
    program = start([TOOL, "dev", "--open", file], cwd=file.parent, env={"PATH": str(tools), "BROWSER": ""})
    program.expect(r"browser   no browser: set BROWSER or install xdg-open .*open http://127\.0\.0\.1:\d+$")
    assert program.get("/").status == 200


def test_a_lot_of_requests_stays_calm(terminal):
    _, t = terminal()
    with Connection(t.port) as connection:  # all in one moment, however slow everybody is
        connection.send("GET /many HTTP/1.1\r\nHost: test\r\n\r\n" * 200)
        for _ in range(200):
            connection.read_response()
    t.expect(r"…\s.*more requests?")
    t.expect_live(r"\d+ requests")
