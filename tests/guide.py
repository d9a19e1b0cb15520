"""A page of the guide, done as its reader would: what it says to save is saved, its commands are run, and what they print is compared.

Blocks of a page, and the comments in front of them that only this file reads:

    ```console                      lines with `$ ` are commands, the others what they print. A command that serves (shallot dev, shallot run,
                                    ./program) goes on beside those that follow, in the terminal that the text calls the first; the next one
                                    that serves ends it by Ctrl-C. So does a listener (curl -N), whose lines are looked for at the page's end
    <!-- the server says -->        before ```text: lines of the server since the console block before
    <!-- save hello.c -->           before any block: it becomes that file
    <!-- change hello.c -->         before ```diff: the lines with - become those with +
    <!-- put into hello.c before: int main -->   before ```c: the block goes before the line that begins so
    <!-- put into chat.c instead of: static int events -->   the block goes in the place of that function
    <!-- have app.c: examples/x.c -->   before ```console: that example is there under this name
    <!-- not run: reason -->        before ```console or ```sh: only its syntax is checked
    <!-- fails -->                  before ```console: the last command ends with an error

What differs from run to run: times of day, dates, durations and sizes, the port of a URL. A number of four digits and more (a process id) is whatever
is printed in its place, and the same from then on, in commands too. `...` is anything: a line of its own any lines.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, PATIENCE, ROOT, Program, wait_until

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S)
COMMENTS = re.compile(r"(?:<!-- (?:(?!-->).)* -->\s*)+\Z", re.S)
SERVES = re.compile(r"(?:\w+=\S* )*(?:(?:shallot|\./run) (?:dev|run)\b|\./run$|\./(?!run\b)\S+)")
PIECES = re.compile(r"(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)|(?P<date>[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4})|(?P<any>\.\.\.)"
                    r"|(?P<url>(?:https?://)?(?:localhost|0\.0\.0\.0|127\.0\.0\.1):\d+)|(?P<long>\d{4,})"
                    r"|(?P<amount>\d[\d.,]*(?: ?(?:ms|µs|s|m|h|KiB|MiB|K|M|k)\b)(?: \d+[sm])?)|(?P<space>\s+)|(?P<quote>[‘’'])")


class Block:
    def __init__(self, page, match, text):
        self.kind, self.code = match["kind"], match["code"]
        if match["indent"]:
            self.code = re.sub(rf"^{match['indent']}", "", self.code, flags=re.M)
        before = COMMENTS.search(text[:match.start()])
        self.notes = re.findall(r"<!-- (.*?) -->", before[0], re.S) if before else []
        self.where = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"

    def note(self, word):
        """What a comment in front says after @word; None if there is none."""
        return next((n[len(word):].strip(" :") for n in self.notes if n.startswith(word)), None)

    def commands(self):
        """[(command, [lines it prints])]"""
        found = []
        for line in self.code.splitlines():
            if line.startswith("$ "):
                found.append([re.sub(r"\s{2,}# .*", "", line[2:]), []])
            elif found and found[-1][0].endswith("\\") and not found[-1][1]:
                found[-1][0] += "\n" + line
            elif found:
                found[-1][1].append(line)
        return found


def blocks(page):
    text = page.read_text()
    return [Block(page, match, text) for match in FENCE.finditer(text)]


def clone(place):
    """A fresh clone in which ./run has been before: what it builds is there, and ninja finds nothing to do."""
    place.mkdir(exist_ok=True)
    for entry in ROOT.iterdir():
        if not entry.name.startswith(("build", ".git", "examples")):
            (place / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "examples", place / "examples", ignore=shutil.ignore_patterns(".*"))
    (place / "build").mkdir()
    (place / "build/build.ninja").write_text("build all: phony\ndefault all\n")
    for name in ("cli", "src", "examples", "meson-uninstalled"):
        (place / "build" / name).symlink_to(BUILD / name)


class Session:
    """A reader with a home folder of their own, the tool on their PATH and two terminals."""

    def __init__(self, folder, start):
        self.home, self.start = folder / "home", start
        self.home.mkdir()
        (self.home / ".curlrc").write_text("silent\nshow-error\n")
        self.run_folder = tempfile.TemporaryDirectory(prefix="run-")  # short: sockets lie there
        self.server = None
        self.listeners, self.numbers, self.marks = [], {}, 0
        self.changed = False
        self.environment = folder / "environment"  # what the shell of the last command left
        own = {"HOME": self.home, "PATH": f"{BUILD / 'cli'}:{os.environ['PATH']}", "PKG_CONFIG_PATH": BUILD / "meson-uninstalled",
               "LD_LIBRARY_PATH": BUILD / "src", "SHALLOT_RUNTIME_DIR": self.run_folder.name, "SHALLOT_CRASH_DIR": folder / "crashes", "HOST": "127.0.0.1", "PORT": "0"}
        self.environment.write_text("".join(f"export {k}='{v}'\n" for k, v in own.items()) + f"cd {self.home}\n")

    def forget_tool(self):
        self.environment.write_text(self.environment.read_text().replace(f"{BUILD / 'cli'}:", ""))

    # what is expected

    def piece(self, match):
        kind, text = match.lastgroup, match[0]
        if kind == "long":
            if text in self.numbers:
                return self.numbers[text]
            self.fresh.append(text)
            return rf"(?P<n{text}>\d+)" if self.fresh.count(text) == 1 else rf"(?P=n{text})"
        return {"clock": r"\d\d:\d\d:\d\d(?:\.\d+)?", "date": r"\w{3}, \d\d \w{3} \d{4}", "any": ".*", "url": r"(?:https?://)?[\w.]+:\d+",
                "amount": r"\d[\d.,]*(?: ?(?:ms|µs|s|m|h|KiB|MiB|K|M|k)\b)(?: \d+[sm])?", "space": r"\s+", "quote": "[‘’']"}[kind]

    def regex(self, line):
        out, at = "", 0
        for match in PIECES.finditer(line.rstrip()):
            out += re.escape(line[at:match.start()]) + self.piece(match)
            at = match.end()
        return out + re.escape(line[at:].rstrip())

    def expression(self, lines):
        self.fresh = []
        return "".join(r"(?:.*\n)*?" if line.strip() == "..." else self.regex(line) + r"\s*?\n" for line in lines)

    def learn(self, match):
        self.numbers.update((name[1:], value) for name, value in match.groupdict().items())

    def expect(self, program, lines, start):
        """Each line is somewhere in what the program has printed since @start; in any order, since workers print as they come."""
        for line in lines:
            if line.strip() not in ("", "..."):
                self.fresh = []
                self.learn(program.expect(self.regex(line), start=start))

    # what is done

    def script(self, command):
        command = re.sub(r"(localhost|127\.0\.0\.1):\d+", lambda m: f"127.0.0.1:{self.server.port}" if self.server else m[0], command)
        return re.sub(r"(?<![\w.:])\d{4,}\b", lambda m: self.numbers.get(m[0], m[0]), command)

    def serve(self, command, lines):
        self.stop_server()
        self.changed = False
        script = f". {self.environment}; exec env {self.script(command)}"
        self.server = self.start(["bash", "-c", script], cwd=self.home, wait_ready=False)
        self.server.port = int(self.server.expect(r"http://(?:127\.0\.0\.1|localhost):([1-9]\d*)").group(1))
        workers = self.server.matches(r"master \d+, (\d+) worker")
        if workers:
            self.server.expect(r"worker \d+.*listening on", count=int(workers[0].group(1)))
        self.expect(self.server, lines, 0)

    def listen(self, command, lines):
        head = self.home / f".head{len(self.listeners)}"
        program = self.start(["bash", "-c", f". {self.environment}; exec {self.script(command)} -D {head}"], cwd=self.home, wait_ready=False)
        self.listeners.append((program, lines))
        wait_until(lambda: head.exists() and b"\r\n\r\n" in head.read_bytes(), lambda: f"{command} is answered:\n{program.text()}")

    def shell(self, command):
        keep = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} > {self.environment}"
        script = f". {self.environment}\n{self.script(command)}\nstatus=$?\n{keep}\nexit $status"
        return subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=4 * PATIENCE, errors="replace")

    def run(self, command, lines, fails):
        """After a change the new code may take a moment: asks until what is answered is right."""
        last = []

        def right():
            done = self.shell(command)
            match = re.fullmatch(self.expression(lines), done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n")
            last[:] = [done]
            if (done.returncode == 0) == fails or (lines and not match):
                return False
            if match:
                self.learn(match)
            return True

        def complaint():
            expected = "\n".join(lines)
            return f"$ {self.script(command)}\nshould print:\n{expected}\nprinted ({last[0].returncode}):\n{last[0].stdout}" + (
                f"\nthe server:\n{self.server.text()}" if self.server else "")

        asks = self.changed and re.match(r"curl (?!.*-[dT] )", command)
        if asks or re.match(r"(shallot|\./run) status", command):  # a worker that listens is ready a moment later
            wait_until(right, complaint)
        else:
            assert right(), complaint()

    def console(self, block):
        if self.server:
            self.marks = self.server.mark()
        commands = block.commands()
        for i, (command, lines) in enumerate(commands):
            if SERVES.match(command):
                self.serve(command, lines)
                self.marks = 0
            elif command.startswith("curl -N"):
                self.listen(command, lines)
            else:
                self.run(command, lines, block.note("fails") is not None and i == len(commands) - 1)

    def folder(self):
        return Path(self.shell("pwd").stdout.strip())

    def save(self, name, text):
        """As an editor does: a new file renamed over the old one."""
        path = self.folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".tmp~")
        fresh.write_text(text)
        os.rename(fresh, path)

    def change(self, name, diff):
        text = (self.folder() / name).read_text()
        for hunk in re.split(r"^(?:@@.*|\.\.\.)\n", diff, flags=re.M):
            lines = [line for line in hunk.splitlines() if line]
            old = "".join(line[1:] + "\n" for line in lines if line[0] in "- ")
            new = "".join(line[1:] + "\n" for line in lines if line[0] in "+ ")
            assert text.count(old) == 1, f"{name} has {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        self.save(name, text)
        self.changed = True

    def put(self, code, name, how, line):
        text = (self.folder() / name).read_text()
        begin = text.find("\n" + line) + 1
        assert begin and text.count("\n" + line) == 1, f"{name} has {text.count(line)} lines: {line}"
        end = begin if how == "before" else text.index("\n}\n", begin) + 3
        self.save(name, text[:begin] + code + ("\n" if how == "before" else "") + text[end:])
        self.changed = True

    def edit(self, block):
        """What the page says to write into a file."""
        if block.note("save") is not None:
            self.save(block.note("save"), block.code)
            self.changed = True
        elif block.note("change") is not None:
            self.change(block.note("change"), block.code)
        elif block.note("put into") is not None:
            self.put(block.code, *re.fullmatch(r"(\S+) (before|instead of): (.*)", block.note("put into")).groups())

    def do(self, block):
        self.edit(block)
        if block.note("have") is not None:
            name, _, example = block.note("have").partition(": ")
            self.save(name, (ROOT / example).read_text())
        if block.kind == "sh" and block.note("not run") is None and block.note("save") is None:
            self.run(block.code, [], False)
        if block.kind == "console" and block.note("not run") is None:
            self.console(block)
        elif block.note("the server says") is not None:
            self.expect(self.server, block.code.splitlines(), self.marks)

    def stop_server(self):
        if self.server and self.server.process.poll() is None:
            os.killpg(self.server.pid, signal.SIGINT)
            assert self.server.wait() == 0, self.server.text()
        self.server = None

    def end(self):
        for program, lines in self.listeners:
            self.expect(program, lines, 0)
        self.stop_server()
