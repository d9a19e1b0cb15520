"""Completions: what `shallot complete` says, and that bash, zsh and fish ask it and show it."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, STATE

TOOL = BUILD / "cli/shallot"
SCRIPTS = ROOT / "packaging/completions"
ENV = {"PATH": f"{BUILD / 'cli'}:/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb", "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""),
       "SHALLOT_RUNTIME_DIR": STATE.name + "/run", "XDG_STATE_HOME": STATE.name}
INSIDE = {"compile", "complete"}  # nobody types these


def complete(*words, cwd="/", env=ENV):
    """What may stand in the place of the last word: {candidate: its meaning}."""
    done = subprocess.run([TOOL, "complete", *words], cwd=cwd, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return dict(line.split("\t") if "\t" in line else (line, None) for line in done.stdout.splitlines())


def commands():
    """As the program's own table has them."""
    table = re.search(r"cli_commands\[\] = \{(.*?)\};", (ROOT / "cli/main.c").read_text(), re.S).group(1)
    return set(re.findall(r'\{"(\w+)",', table)) - INSIDE


def help_of(command):
    return subprocess.run([TOOL, "help", command], env=ENV, capture_output=True, text=True, check=True).stdout


def test_every_command_is_there_and_says_what_it_does():
    said = complete("")
    assert set(said) == commands() | {"help"} and all(said.values())
    assert set(complete("help", "")) == commands() | {"help"}
    assert set(complete("-")) == {"--help", "--version"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_of_a_help_text_is_there(command):
    usage, _, rest = help_of(command).partition("\n")
    options = set(re.findall(r"\[(--[a-z-]+)", usage)) | set(re.findall(r"^ +(--[a-z-]+)", rest, re.M))
    assert set(complete(command, "-")) == options | {"--help"}
    described = complete(command, "--")
    assert all(described[option] for option in re.findall(r"^ +(--[a-z-]+)", rest, re.M))


def test_values():
    assert list(complete("new", "x", "--template", "")) == ["hello", "api", "site", "chat"]
    assert list(complete("new", "--template=s")) == ["--template=site"]
    assert list(complete("new", "--template", "=", "s")) == list(complete("new", "--template", "s")) == ["site"]
    assert "kill" in complete("verify", "--only", "k") and "kill" not in complete("verify", "--path", "k")
    assert list(complete("dev", "--watch", "")) == [":folder"] and list(complete("status", "--socket", "")) == [":file"]
    assert list(complete("dev", "--build", "")) == [":command"] and complete("dev", "--port", "") == {}
    assert list(complete("dev", "--port", "1", "")) == [":source", ":program"] == list(complete("run", ""))
    assert list(complete("verify", "--", "")) == [":command"] and list(complete("verify", "--", "./x", "")) == [":file"]


def test_nothing_where_nothing_is_known():
    for words in ([], ["nonsense", ""], ["new", ""], ["new", "--template", "perl"], ["scale", ""], ["help", "new", ""], ["-", ""], ["crashes", "--dir", "/", "x"], ["", ""], ["="], ["--x=", ""]):
        assert complete(*words) in ({}, complete("")), words  # no word at all is an empty one


def test_an_option_is_offered_once():
    assert "--json" in complete("status", "--") and "--json" not in complete("status", "--json", "--")


def test_running_programs_and_workers(start, tmp_path):
    env = {"SHALLOT_RUNTIME_DIR": str(tmp_path / "run")}
    mine = {**ENV, **env}
    assert complete("status", "", env=mine) == {}
    one = start("hello", env={**env, "SHALLOT_INSTANCES": "2"})
    one.expect("listening", count=2)
    assert complete("status", "", env=mine) == {"hello": f"process {one.pid}"}
    assert complete("reload", str(one.pid)[:1], env=mine) == {str(one.pid): "hello"}
    assert complete("scale", "3", "", env=mine) == {"hello": f"process {one.pid}"}
    assert list(complete("restart", "", env=mine)) == ["1", "2"]
    other = start("hello", env=env)
    assert set(complete("top", "", env=mine)) == {str(one.pid), str(other.pid)}


def test_crash_numbers(tmp_path):
    folder = tmp_path / "shallot/crashes"
    folder.mkdir(parents=True)
    for number in (7, 12):
        (folder / f"{number:06d}-app.txt").write_text(f"2026-01-01\ncrash of worker 1 (pid 5): SIGSEGV, {number}\n")
    (folder / "000009-empty.txt").write_text("")
    said = complete("crashes", "", env={**ENV, "XDG_STATE_HOME": str(tmp_path)})
    assert list(said.items()) == [("12", "crash of worker 1 (pid 5): SIGSEGV, 12"), ("9", ""), ("7", "crash of worker 1 (pid 5): SIGSEGV, 7")]
    assert complete("crashes", "", env={**ENV, "SHALLOT_CRASH_DIR": str(tmp_path / "none")}) == {}


class Terminal:
    """A shell that believes somebody types."""

    def __init__(self, command, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, ENV)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.text = ""

    def type(self, text):
        self.text = ""
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"{pattern!r} expected, this came: {self.text!r}"
            self.text += os.read(self.fd, 4096).decode(errors="replace").replace("\a", "").replace("\r", "")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def sources(tmp_path):
    for name in ("alpha.c", "beta two.c", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    return tmp_path


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f". {SCRIPTS}/shallot.bash; bind 'set show-all-if-ambiguous on'; PS1=; echo rea''dy\n"),
    "zsh": (["zsh", "-f", "-i"], f"fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste prompt_cr; PS1=; echo rea''dy\n"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_typed_into_a_shell(shell, sources):
    command, setup = SHELLS[shell]
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    terminal = Terminal(command, sources)
    try:
        terminal.type(setup)
        terminal.expect("\nready")
        for typed, shown in [
            ("shallot cra\t", "shallot crashes "),
            ("shallot new x --tem\t", "--template "),
            ("shallot new x --template si\t", "site "),
            ("shallot new x --template=si\t", "--template=site"),
            ("shallot dev al\t", r"alpha\.c "),
            ("shallot dev be\t", r"beta\\ two\.c "),
            ("shallot dev --watch fo\t", "folder/"),
            *([("shallot dev no\t.", r"dev no\.")] if shell == "bash" else []),  # notes.txt is not offered; zsh does when nothing else fits
            ("shallot s\t\t", r"(?s)status.*stop|stop.*status"),
        ]:
            terminal.type(typed)
            terminal.expect(shown)
            terminal.type("\x15")  # the line is not entered
            terminal.type("echo nex''t\n")
            terminal.expect("\nnext|^next")
    finally:
        terminal.close()


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
def test_fish(sources):
    def offered(line):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {SCRIPTS}/shallot.fish; complete -C '{line}'"], cwd=sources, env={**ENV, "HOME": str(sources)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0 and done.stderr == ""
        return [part.split("\t")[0] for part in done.stdout.splitlines()]

    assert set(offered("shallot ")) == commands() | {"help"}
    assert offered("shallot new x --tem") == ["--template"]
    assert set(offered("shallot new x --template ")) == {"api", "chat", "hello", "site"}
    assert offered("shallot new x --template=s") == ["--template=site"]
    assert "alpha.c" in offered("shallot dev a") and offered("shallot dev --watch f") == ["folder/"]


@pytest.mark.parametrize("shell, script", [("bash", "shallot.bash"), ("zsh", "_shallot"), ("fish", "shallot.fish")])
def test_syntax(shell, script):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    done = subprocess.run([shell, "-n", SCRIPTS / script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
