"""One run of the benchmark: its options, how rounds are interleaved, and what has been measured so far."""
import contextlib
import subprocess
import sys
from pathlib import Path

from . import machine, peers, servers
from .figures import markdown
from .loads import H2load, Loader, Wrk
from .servers import Failed


class Bench:
    def __init__(self, options, place):
        self.quick = options.quick
        self.peers_wanted = not options.no_peers
        self.rounds_wanted = options.rounds or (3 if self.quick else 15)
        seconds = options.seconds or (0.12 if self.quick else 0.6)
        self.builds = not options.no_build
        self.less = 5 if self.quick else 1  # divides what is counted
        self.build, self.place = Path(options.build).resolve(), place
        self.loader = Loader(self.build, seconds, warm=min(0.1, seconds / 3))
        self.other = {"own": None, "wrk": Wrk(seconds), "h2load": H2load(seconds)}[options.loader]
        self.peers = peers.Peers(self.build, place)
        self.installed = set()
        self.programs = peers.PACKAGES.keys() - {"wrk", "h2load"}
        if self.quick:  # one peer
            self.programs = {"nginx", "strace", "valgrind"} | ({"node"} if options.tables == ["json"] else set())
        if not self.peers_wanted:
            self.programs -= {"nginx", "h2o", "lighttpd", "haproxy", "node"}
        self.kept, self.said, self.failed = {}, [], False

    def prepare(self):
        wanted = self.programs | {name for name in ("wrk", "h2load") if self.other.__class__.__name__.lower() == name}
        self.installed = peers.install(sorted(wanted))
        if self.builds:
            build(self.build)

    def there(self, *names):
        """Those that are wanted and installed; what follows a comma names a way to run the program."""
        return [name for name in names if name.split(",")[0] in self.programs & self.installed]

    @contextlib.contextmanager
    def servers(self, wanted):
        """Starts servers: {name in the table: arguments for Peers.start, whose "name" is the program if that differs}. One that does not
        start is left out, unless it is ours."""
        with contextlib.ExitStack() as stack:
            running = {}
            for title, arguments in wanted.items():
                server = self.attempt(lambda: self.peers.start(**{"name": title, **arguments}))
                if server:
                    running[title] = stack.enter_context(server)
            yield running

    def attempt(self, what, *arguments):
        """What comes of it, or None and a line that says why not."""
        try:
            return what(*arguments)
        except Failed as e:
            print(f"bench/run: {e}", file=sys.stderr, flush=True)
            self.failed = True
            return None

    def rounds(self, table, case, running, load, cpus=None):
        """Measures every server once a round, in an order that rotates, after a round that does not count (Node compiles as it goes).
        {name: [Result of each round]}; a server that failed in one round is left out as a whole, so that rounds stay comparable."""
        generator = self.other if self.other and load.new in self.other.modes else self.loader
        names, results = list(running), {name: [] for name in running}
        for n in range(0 if self.quick else -1, self.rounds_wanted):
            turn = n % len(names)
            for name in names[turn:] + names[:turn]:
                if name not in results:
                    continue
                result = self.attempt(generator.measure, running[name], load, cpus)
                if result is None:
                    del results[name]
                elif n >= 0:
                    results[name].append(result)
        for needed in ("limit", "onion"):
            if needed in running and needed not in results:
                raise Failed(f"{table}, {case}: nothing to compare with, as {needed} failed")
        for name, measured in results.items():
            self.keep(table, f"{case}: {name}", {field: [getattr(r, field) for r in measured] for field in ("cpu", "rate", "median", "p99")})
        return results

    def keep(self, table, case, what):
        self.kept.setdefault(table, {})[case] = what

    def say(self, text, detail=False):
        """Prints; what is not a detail is also for the document."""
        print(text, flush=True)
        if not detail:
            self.said.append(text)

    def table(self, title, text, header, rows):
        if rows:
            self.say(f"### {title}\n\n{text}\n\n{markdown(header, rows)}\n\n{self.circumstances()}\n")

    def circumstances(self):
        """Under every table: what it was measured on, and how."""
        how = f"{self.rounds_wanted} rounds of {self.loader.seconds:g} s" + (f", loader {type(self.other).__name__.lower()}" if self.other else "")
        return f"*{machine.description()}; {how}.*"


def build(folder):
    """As the library is built for use."""
    commands = [["ninja", "-C", folder]]
    if not (folder / "build.ninja").exists():
        commands.insert(0, ["meson", "setup", folder, machine.ROOT, "--buildtype=release", "-Db_lto=true", "-Dtests=false"])
    for command in commands:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(*[line for line in done.stdout.splitlines() if "error" in line][:10], sep="\n", file=sys.stderr)
            raise Failed(f"the build in {folder} failed")


def stop():
    servers.stop_all()
