"""The benchmark: its load generator counts what is there, its figures follow from the rounds, its runner prints tables and cleans up.

Nothing here says how quick anything is.
"""
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from harness import BUILD, PATIENCE, ROOT, Program, wait_until

sys.path.insert(0, str(ROOT / "bench"))
from lib import counts, figures, loads, plot  # noqa: E402

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Tiny:
    """A server that answers the n-th request of a connection (from 0) with answer(n), and closes the connection at None or after
    "Connection: close". Counts what it has answered in full."""

    def __init__(self, answer):
        self.answer, self.lock, self.answered, self.connections = answer, threading.Lock(), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def saw(self, request):
        """What a test may want to know."""

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data, n = b"", 0
        with connection:
            try:
                while got := connection.recv(65536):
                    *requests, data = (data + got).split(b"\r\n\r\n")
                    for request in requests:
                        self.saw(request)
                        answer = self.answer(n)
                        if answer is None:
                            return
                        n += 1
                        for piece in answer if isinstance(answer, list) else [answer]:
                            connection.sendall(piece)
                        with self.lock:
                            self.answered += 1
                        if b"Connection: close" in request:
                            return
            except OSError:
                pass


@pytest.fixture
def tiny():
    servers = []

    def start(answer):
        servers.append(Tiny(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()


def load(server, *options):
    command = [BUILD / "bench/load", *options, str(server.port)]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=PATIENCE)


def counted(server, *options):
    done = load(server, *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_load_counts_what_is_answered(tiny):
    for connections, pipeline in ((1, 1), (3, 1), (2, 8)):
        server = tiny(lambda n: GOOD)
        got = counted(server, f"-c{connections}", f"-k{pipeline}", "-n240")
        assert (got["requests"], got["errors"], got["octets"]) == (240, 0, 240 * len(GOOD))
        assert got["answer_octets"] == len(GOOD) and got["open"] == connections
        assert server.answered == 240 + connections * pipeline  # each connection is asked once before
        assert 0 < got["latency_us"]["50"] <= got["latency_us"]["100"]


def test_load_counts_for_a_time(tiny):
    server = tiny(lambda n: GOOD)
    got = counted(server, "-c2", "-t0.1")
    assert got["errors"] == 0 and got["requests"] == server.answered - 2 and got["seconds"] >= 0.1


def test_load_counts_answers_in_pieces(tiny):
    server = tiny(lambda n: [GOOD[:5], GOOD[5:17], GOOD[17:40], GOOD[40:]] if n % 2 else GOOD)
    assert counted(server, "-c2", "-k4", "-n80")["requests"] == 80


def test_load_counts_large_answers(tiny):
    body = random.Random(1).randbytes(300000)
    server = tiny(lambda n: b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + body)
    got = counted(server, "-c2", "-n20")
    assert (got["requests"], got["errors"]) == (20, 0) and got["octets"] == 20 * got["answer_octets"] > 20 * 300000


def test_load_counts_chunked_answers(tiny):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\n0\r\n\r\n\r\n1f40\r\n" + b"x" * 8000 + b"\r\n0\r\n\r\n"
    server = tiny(lambda n: [head[:9], head[9:], *(body[i:i + 700] for i in range(0, len(body), 700))] if n % 2 else head + body)
    got = counted(server, "-c2", "-n40")
    assert (got["requests"], got["errors"], got["answer_octets"]) == (40, 0, len(head + body))


def test_load_sends_a_header(tiny):
    seen = []
    server = tiny(lambda n: GOOD)
    server.saw = seen.append
    counted(server, "-n3", "--header=Accept-Encoding: gzip")
    assert len(seen) == 4 and all(b"\r\nAccept-Encoding: gzip" in request for request in seen)


def test_load_opens_a_connection_for_each_request(tiny):
    for option in ("--new", "--close"):
        server = tiny(lambda n: GOOD)
        got = counted(server, "-c2", option, "-n50", "--sources=3")
        assert (got["requests"], got["errors"]) == (50, 0)
        assert server.connections == server.answered == 52


def test_load_tells_wrong_answers_from_good_ones(tiny):
    server = tiny(lambda n: MISSING if n == 9 else GOOD)
    got = counted(server, "-n100")
    assert got["errors"] > 5 and got["requests"] == server.answered - got["errors"] - 1
    wrong = {"another length": lambda n: GOOD if n % 4 else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
             "closed": lambda n: None if n == 5 else GOOD, "more than asked for": lambda n: GOOD + GOOD if n == 5 else GOOD}
    for name, answer in wrong.items():
        assert counted(tiny(answer), "-n50")["errors"] > 0, name


def test_load_says_what_is_wrong(tiny):
    cases = [(lambda n: MISSING, ["-t20"], "too many errors, the last: an answer that is not a 200"),
             (lambda n: b"HTTP/1.1 200 OK\r\n\r\n", ["-t20"], "too many errors, the last: an answer without Content-Length"),
             (lambda n: GOOD, ["-c0"], "'0' is not a number from 1 to 1000000"),
             (lambda n: GOOD, ["--new", "-k2"], "--new and --close go with neither")]
    for answer, options, text in cases:
        done = load(tiny(answer), *options)
        assert done.returncode == 1 and done.stderr.startswith(f"load: {text}") and done.stderr.count("\n") == 1


def test_load_holds_connections(tiny):
    server = tiny(lambda n: GOOD)
    process = subprocess.Popen([BUILD / "bench/load", "--hold", "-c20", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "20\n"
    assert server.answered == 20
    output, _ = process.communicate(timeout=PATIENCE)
    assert json.loads(output)["open"] == 20


def test_limit_program_answers(start):
    for mode in ("keep", "close"):
        program = Program([BUILD / "bench/limit", "0", mode], wait_ready=False)
        try:
            program.port = int(program.expect(r"^(\d+)$").group(1))
            option = ["-k100"] if mode == "keep" else ["--close"]
            assert counted(program, "-c2", *option, "-n1000")["requests"] == 1000
        finally:
            program.kill()


def test_figures():
    assert [figures.rank(n) for n in (1, 5, 6, 8, 9, 15, 25)] == [1, 1, 1, 1, 2, 4, 8]  # tables of the sign test
    assert figures.interval(range(15, 0, -1)) == (4, 12)
    assert figures.ratios([2, 9], [1, 3]) == [2, 3]
    assert figures.at_most([1.0] * 15, 1.05) == figures.at_most([1.1] * 15, 1.05) == "met (≤ 1.05)"
    assert figures.at_most([1.11] * 15, 1.05) == "**not met** (≤ 1.05)"
    assert figures.at_least([2.96] * 15, 3) == "met (≥ 3)"
    assert figures.exactly_at_most(1501, 1500) == "**not met** (≤ 1,500)"
    assert [figures.amount(v) for v in (0.414, 9.99, 27.71, 1234.5)] == ["0.41", "9.99", "27.7", "1,234"]
    assert figures.markdown(["a", "b", "verdict"], [["x", "1", "met"]]) == "| a | b | verdict |\n| --- | ---: | --- |\n| x | 1 | met |"


def test_reports_of_other_tools():
    assert counts.parse_strace("syscall    calls\n------\nrecvfrom   100\nsendto  99\n------ \ntotal  199\n") == {"recvfrom": 100, "sendto": 99}
    text = ("  Latency Distribution\n     50%  363.00us\n     75%  1ms\n     99%    6.89ms\n  101475 requests in 1.10s, 13MB read\n")
    assert loads.Wrk.parse(None, text) == (101475, 1.1, 363, 6890)
    text = ("finished in 1.00s, 50529 req/s\nstatus codes: 50529 2xx, 0 3xx, 0 4xx, 0 5xx\ntime for request:      20us     9.78ms      1.26ms  1ms\n")
    assert loads.H2load.parse(None, text) == (50529, 1.0, 1260, 9780)


def test_plot_is_one_drawing_of_all_figures():
    kept = {"cost": {f"{c}: {name}": {"cpu": [c / 10, c / 10]} for c in (64, 256, 1024) for name in ("limit", "onion", "a<b")},
            "memory": {"octets": {"onion": 200, "nginx": 530}}}
    drawing = plot.draw(kept, "machine")
    assert drawing.count("<circle") == 9 + 2 and "a&lt;b" in drawing and "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    assert plot.draw({}, "machine") is None


def bench(*options, **popen):
    return subprocess.Popen([str(ROOT / "bench/run"), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)


def test_run_prints_tables_and_writes_figures(tmp_path):
    svg, figures_file = tmp_path / "plot.svg", tmp_path / "figures.json"
    run = bench("--no-build", "--build", str(BUILD), "--no-peers", "--rounds", "2", "--seconds", "0.02", "--json", str(figures_file), "--svg", str(svg),
                "cost", "pipelined", "new")
    output, errors = run.communicate(timeout=4 * PATIENCE)
    assert run.returncode == 0, errors
    assert re.search(r"^\| 64: onion \|( [\d,.]+ \|){4} [\d.]+ \([\d.]+–[\d.]+\) \| .*met.* \(≤ 1\.05\) \|$", output, re.M)
    assert output.count("### ") == 3 and output.count("Linux ") == 4  # every table says where it was measured
    kept = json.loads(figures_file.read_text())["tables"]
    assert len(kept["cost"]["1024: limit"]["cpu"]) == 2
    assert svg.read_text().startswith("<svg ")


def test_run_says_in_a_line_what_is_wrong():
    for options, text in ((["--nope"], "unrecognized arguments: --nope"), (["nothing"], "there is no table 'nothing'"),
                          (["--rounds", "0"], "--rounds: invalid")):
        run = bench(*options)
        _, errors = run.communicate(timeout=PATIENCE)
        assert run.returncode == 2 and text in errors and errors.count("\n") == 1


def servers_of(build):
    """Processes of programs in this build's bench folder, whatever they call themselves."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/exe"):
        try:
            if entry.readlink().parent == build / "bench":
                found.append(int(entry.parent.name))
        except OSError:
            pass
    return found


def test_run_interrupted_leaves_nothing():
    run = bench("--no-build", "--build", str(BUILD), "--no-peers", "--seconds", "0.2", "cost", start_new_session=True)
    wait_until(lambda: len(servers_of(BUILD)) >= 3, "the servers start")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 128 + signal.SIGINT
    wait_until(lambda: not servers_of(BUILD), "the servers are gone")
