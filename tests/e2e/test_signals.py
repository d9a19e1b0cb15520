"""Random sequences of signals, with traffic: whatever overlaps, it ends in one generation and nothing is lost (CL6, CL12).

Each sequence follows from its seed, which is printed: SHALLOT_SEED=N runs that one only.
"""
import os
import random
import shutil
import signal
import time

import pytest

from harness import LONG, Load, alive, children, wait_until

APP = """
#include <shallot.h>
static int hello(sl_ctx *c) { return sl_text(c, "VERSION"); }
static int slow(sl_ctx *c) { int r = sl_sleep(20); return r < 0 ? r : sl_text(c, "VERSION"); }
int main(void)
{
    BEFORE
    sl_app *app = sl_new(.instances = 2, .drain_ms = 5000, .ready_ms = 20000, .control = "off");
    sl_get(app, "/", hello);
    sl_get(app, "/slow", slow);
    return sl_listen(app);
}
"""
VERSIONS = {"one": "", "two": "", "bad": "if (sl_worker_id() > 2) return 7;", "half": "if (sl_worker_id() > 2 && sl_worker_id() % 2) return 7;",
            "no-master": "if (sl_is_master()) return 7;"}
GOOD = {"one", "two", "no-master"}  # as workers
COUNT = int(os.environ.get("SHALLOT_SEQUENCES", 1000 if LONG else 50))


@pytest.fixture
def files(compile):
    return {name: compile(APP.replace("VERSION", name).replace("BEFORE", before), name=f"built-{name}") for name, before in VERSIONS.items()}


class Sequence:
    def __init__(self, seed, files, path, start):
        self.dice, self.files, self.path = random.Random(seed), files, path
        self.done, self.kills, self.stopped = [], 0, False
        self.put("one")
        self.program = start([path])
        self.kept = self.dice.randrange(1, 4)
        self.load = Load(self.program.port, kept=self.kept, new=1, path=self.dice.choice(["/", "/slow"]))

    def put(self, name):
        fresh = self.path.with_suffix(".new")
        shutil.copy(self.files[name], fresh)
        os.rename(fresh, self.path)
        self.done.append(f"put {name}")

    def signal(self, number):
        self.program.signal(number)
        self.done.append(number.name)

    def kill(self):
        workers = self.program.workers()
        if not workers:
            return
        worker = self.dice.choice(workers)
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills += 1
        self.done.append(f"kill {worker}")

    def step(self):
        kind = self.dice.randrange(100)
        if kind < 25:
            self.put(self.dice.choice(list(VERSIONS)))
        elif kind < 50:
            self.signal(signal.SIGHUP)
        elif kind < 72:
            self.signal(signal.SIGUSR2)
        elif kind < 80:
            self.signal(self.dice.choice([signal.SIGTTIN, signal.SIGTTOU]))
        elif kind < 92:
            self.kill()
        # a fiftieth of a second, nothing, or time for a generation to settle
        pause = self.dice.choice([0, 0, 0.02, 0.05, 0.25, 0.4])
        time.sleep(pause)
        self.done.append(f"{pause} s")

    def calm_down(self):
        """The last word is a good reload: then there is one generation, of that code."""
        self.put("two")

        def reloaded():
            mark = self.program.mark()
            self.signal(signal.SIGHUP)
            last = self.program.expect(r"generation \d+ (serves|failed)|reload refused", start=mark)
            return "serves" in last.group(0) and self.program.get("/").text == "two"

        wait_until(reloaded, lambda: "no good reload\n" + self.program.text())
        wanted = 2 + sum(d == "SIGTTIN" for d in self.done)  # at most; SIGTTOU takes some of them back
        wait_until(lambda: 1 <= len(self.program.workers()) <= wanted and all("shallot-w" in comm(w) for w in self.program.workers()),
                   lambda: f"at most {wanted} workers, there are {self.program.workers()}")

    def run(self):
        for _ in range(self.dice.randrange(3, 9)):
            self.step()
        if self.dice.randrange(2):
            self.calm_down()
            failures = self.load.stop()
            self.signal(signal.SIGTERM)
        else:  # in the middle of whatever is going on
            failures = self.load.stop()
            self.signal(signal.SIGTERM)
        left = children(self.program.pid)
        assert self.program.wait() == 0, f"exit {self.program.process.returncode}\n" + self.program.text()
        assert not any(map(alive, left)), "orphans"
        assert len(failures) <= self.kills * (self.kept + 1), f"{self.kills} kills, lost: {failures[:5]}"
        assert self.load.answered > 0


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read()
    except OSError:
        return ""


@pytest.mark.load
def test_random_sequences(files, start, tmp_path):
    given = os.environ.get("SHALLOT_SEED")
    seeds = [int(given)] if given else random.Random().sample(range(1 << 32), COUNT)
    for seed in seeds:
        sequence = Sequence(seed, files, tmp_path / "current", start)
        try:
            sequence.run()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {' '.join(sequence.done)}\n{error}\n{sequence.program.text()}") from error
