"""The tool's own listening socket, and what stands in for a program that does not start (docs/design/development.md)."""
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness import BUILD, PATIENCE, Connection, Witness, alive, children, descendants, request, wait_until

TOOL = BUILD / "cli/shallot"
GOOD = """#include <shallot.h>
static int hello(sl_ctx *c) { return sl_text(c, "good\\n"); }
int main(void) { sl_app *app = sl_new(); sl_use(app, hello); return sl_listen(app); }
"""
BROKEN = GOOD.replace("return sl_text(c, ", "return sl_textt(c, ")
TRAPS = GOOD.replace("sl_app *app", "__builtin_abort(); sl_app *app")
EXITS = GOOD.replace("sl_app *app", "return 3; sl_app *app")
WAITING = r"for changes in .*; http://(.+):(\d+) shows what is wrong"


def save(file, text):
    fresh = file.with_suffix(".tmp~")
    fresh.write_text(text)
    os.rename(fresh, file)


@pytest.fixture
def dev(start, tmp_path):
    """dev(text): shallot dev of a program with this text. Returns its file and the tool."""
    def run(text, *args, **kwargs):
        file = tmp_path / "app.c"
        file.write_text(text)
        return file, start([TOOL, "dev", file, *args], cwd=tmp_path, wait_ready=False, **kwargs)

    return run


def stood_in(program, count=1):
    """Waits until the stand-in's address is told; returns the port."""
    return int(program.expect(WAITING, count=count).group(2))


def master_of(program):
    """The program's master; beside it may be a build, and who stands in."""
    found = [pid for pid in children(program.pid) if b"shallot: master" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1, found
    return found[0]


def witness_a_repair(file, program, words):
    """From the page to the answer of good code, as one client sees it, and nothing but these two."""
    port = stood_in(program)
    page = request(port)
    assert page.status == 503 and words in page.text, page.text
    assert page.headers["connection"] == "close" and page.headers["cache-control"] == "no-store" and page.headers["retry-after"] == "1"
    witness = Witness(port)
    witness.wait(lambda status, text: status == 503)
    save(file, GOOD)
    witness.wait(lambda status, text: text == "good\n")
    assert witness.stop() == []
    statuses = [status for status, _ in witness.answers]
    assert statuses == sorted(statuses, reverse=True) and set(statuses) == {200, 503}, witness.answers
    assert [text for _, text in witness.answers][-1] == "good\n"
    return port


@pytest.mark.parametrize("text, words", [(BROKEN, "sl_textt"), (TRAPS, "SIGABRT"), (EXITS, "status 3")], ids=["build", "crash", "exit"])
def test_a_program_that_does_not_start_has_a_page_until_it_does(dev, text, words):
    file, program = dev(text)
    port = witness_a_repair(file, program, words)
    program.expect(rf"listening on http://127\.0\.0\.1:{port}")
    assert program.stop() == 0


def test_the_page_says_what_is_wrong_now(dev):
    file, program = dev(BROKEN)
    port = stood_in(program)
    save(file, BROKEN.replace("sl_textt", "sl_texttt"))
    wait_until(lambda: "sl_texttt" in request(port).text, "the new page")
    save(file, EXITS)
    wait_until(lambda: "status 3" in request(port).text, "the page of the program's end")
    save(file, BROKEN)
    wait_until(lambda: "sl_textt" in request(port).text, "the first page")
    everyone = descendants(program.pid)
    assert everyone
    assert program.stop() == 0
    assert not any(alive(pid) for pid in everyone)
    with pytest.raises(ConnectionRefusedError):
        Connection(port)


def test_the_address_is_kept_while_programs_come_and_go(dev):
    file, program = dev(GOOD)
    port = int(program.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
    witness = Witness(port)
    witness.wait(lambda status, text: status == 200)
    for n in range(1, 4):
        mark = program.mark()
        os.kill(master_of(program), signal.SIGKILL)
        program.expect("SIGKILL", start=mark)
        wait_until(lambda: request(port).status == 503, "the page")
        save(file, GOOD.replace("good", f"good {n}"))
        wait_until(lambda: request(port).text == f"good {n}\n", "the program is back")
    failures = witness.stop()
    # What a killed program had accepted is lost with it; nobody is refused.
    assert not [f for f in failures if "refused" in f.lower()] and len(failures) <= 3, failures


def test_ipv6(dev):
    file, program = dev(BROKEN, env={"HOST": "::1"})
    port = stood_in(program)
    with Connection(port, host="::1") as connection:
        assert connection.get("/").status == 503
    save(file, GOOD)
    program.expect(rf"listening on http://\[::1\]:{port}")
    with Connection(port, host="::1") as connection:
        assert connection.get("/").text == "good\n"


def test_a_port_in_use_is_one_line(dev):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        _, program = dev(GOOD, "--port", str(port))
        assert program.wait() == 1
    lines = [line for line in program.lines if str(port) in line]
    assert len(lines) == 1 and f"in use by python3 (pid {os.getpid()})" in lines[0], program.lines


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_what_the_code_says_goes_before_what_the_tool_remembers(dev, tmp_path):
    """The tool listens where the program was the last time. The code says otherwise now: that is where it serves, and what is remembered."""
    old, new = free_port(), free_port()
    memory = tmp_path / ".shallot/address"
    memory.parent.mkdir()
    memory.write_text(f"app\thttp://127.0.0.1:{old}\n")
    text = GOOD.replace("sl_listen(app)", f'sl_listen(app, .host = "127.0.0.1", .port = {new})')
    file, program = dev(BROKEN, env={"PORT": "", "HOST": ""})
    assert stood_in(program) == old
    save(file, text)
    program.expect(rf"listening on http://127\.0\.0\.1:{new}")
    assert request(new).text == "good\n"
    with pytest.raises(ConnectionRefusedError):
        Connection(old)


def test_an_upgrade_is_refused_and_harms_nothing(dev):
    """In development every change is a reload; the master keeps the lent socket."""
    _, program = dev(GOOD)
    port = int(program.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
    witness = Witness(port)
    mark = program.mark()
    os.kill(master_of(program), signal.SIGUSR2)
    program.expect(r"(?i)upgrade refused", start=mark)
    count = witness.count
    wait_until(lambda: witness.count > count + 5, "more answers")
    assert witness.stop() == [] and witness.answers == [(200, "good\n")]


def test_nobody_is_reset_when_it_stops(dev):
    """From the signal on a connection may go unanswered, as when nobody is there, but none that came before is lost."""
    _, program = dev(GOOD)
    port = int(program.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
    witness = Witness(port)
    witness.wait(lambda status, text: status == 200)
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert not [f for f in witness.stop() if "refused" not in f.lower()], witness.failures[:5]


def test_wrong_port_in_the_environment_is_one_line(tmp_path):
    (tmp_path / "app.c").write_text(GOOD)
    done = subprocess.run([TOOL, "dev", "app.c"], cwd=tmp_path, env={**os.environ, "PORT": "many"}, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "PORT=many" in done.stdout + done.stderr
def test_a_unix_path_has_no_page_and_says_so(dev, tmp_path):
    path = tmp_path / "app.sock"
    text = GOOD.replace("sl_listen(app)", f'sl_listen(app, .unix_path = "{path}")')
    file, program = dev(text, env={"PORT": "", "HOST": ""})
    program.expect(r"listening on unix:")
    mark = program.mark()
    os.kill(master_of(program), signal.SIGKILL)
    program.expect(r"unix:.*no page", start=mark)
    save(file, text.replace("good", "good again"))
    program.expect(r"listening on unix:", start=mark)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"good again" in client.recv(4096)



WORKER_DIES = GOOD.replace("sl_app *app", "if (sl_worker_id() > 0) __builtin_abort(); sl_app *app")


def test_a_worker_that_crashes_at_start_has_a_page_beside_its_master(dev):
    """The master lives and waits for a change; nobody accepts but the stand-in."""
    file, program = dev(WORKER_DIES)
    port = stood_in(program)
    witness = Witness(port)
    witness.wait(lambda status, text: status == 503 and "SIGABRT" in text)
    master = master_of(program)
    save(file, WORKER_DIES.replace("good", "bad"))
    stood_in(program, 2)
    save(file, GOOD)
    witness.wait(lambda status, text: text == "good\n")
    assert witness.stop() == []
    assert alive(master) and master_of(program) == master
    statuses = [status for status, _ in witness.answers]
    assert statuses == sorted(statuses, reverse=True) and witness.answers[-1] == (200, "good\n"), witness.answers
