"""The tables: each is a function that measures, prints Markdown, and keeps what the plot and --json want."""
from statistics import median

from . import figures, machine, peers
from .figures import amount, at_least, at_most, estimate, ratios
from .loads import Load
from .servers import Failed

CONNECTIONS = (64, 256, 1024)
LIMIT_TARGETS = {64: 1.05, 256: 1.05, 1024: 1.10}


def cost(bench):
    """CPU per request of a hello at 64, 256 and 1,024 kept connections."""
    names = ["limit", "onion"] if bench.quick else ["limit", "onion", "hello"]
    names += bench.there("nginx", "h2o", "lighttpd", "haproxy", "node", "node, plain")
    rows = []
    with bench.servers({name: {} for name in names}) as servers:
        for connections in CONNECTIONS:
            measured = bench.rounds("cost", f"{connections}", servers, Load(connections))
            for name, results in measured.items():
                ratio = ratios(cpu(results), cpu(measured["limit"]))
                rows.append([f"{connections:,}: {name}", *basics(results), "" if name == "limit" else estimate(ratio),
                             at_most(ratio, LIMIT_TARGETS[connections]) if name == "onion" else ""])
    bench.table("CPU per request", "`onion` is Shallot with three middleware and fifty routes, `hello` is examples/hello.c. h2o and lighttpd "
                "answer with a small file; `node` is the program that Shallot grew from, on Node's cluster; `node, plain` the same without its "
                "counter and log.",
                ["connections: server", "µs CPU/request", "requests/s", "latency µs p50", "p99", "ratio to limit", "verdict"], rows)


def pipelined(bench):
    """CPU per request with 16 requests pipelined on each of 64 connections."""
    names = ["limit", "onion", *bench.there("nginx", "h2o", "lighttpd", "haproxy", "node")]
    rows = []
    with bench.servers({name: {} for name in names}) as servers:
        measured = bench.rounds("pipelined", "16", servers, Load(64, pipeline=16))
    for name, results in measured.items():
        ratio = ratios(cpu(results), cpu(measured["limit"]))
        verdicts = [f"{at_most(cpu(results), 0.55)[:-1]} µs)", at_most(ratio, 1.3)] if name == "onion" else []
        rows.append([name, *basics(results)[:2], "" if name == "limit" else estimate(ratio), ", ".join(verdicts)])
    bench.table("16 pipelined", "64 connections, sixteen requests in each send.",
                ["server", "µs CPU/request", "requests/s", "ratio to limit", "verdict"], rows)


def new(bench):
    """CPU per request with a new connection for each."""
    rows = []
    for mode, who in (("new", "client closes"), ("close", "server closes")):
        names = {"limit": {"argument": "close" if mode == "close" else "keep"}, "onion": {}}
        names |= {name: {} for name in bench.there("nginx", "h2o", "lighttpd", "haproxy", "node")}
        with bench.servers(names) as servers:
            measured = bench.rounds("new", who, servers, Load(64, new=mode))
        for name, results in measured.items():
            ratio = ratios(cpu(results), cpu(measured["limit"]))
            rows.append([f"{who}: {name}", *basics(results)[:2], "" if name == "limit" else estimate(ratio),
                         at_most(ratio, 1.05) if name == "onion" else ""])
    bench.table("New connection per request", "64 at a time. The client closes after the answer, or asks with `Connection: close` that the "
                "server does.", ["who closes: server", "µs CPU/request", "requests/s", "ratio to limit", "verdict"], rows)


def static(bench):
    """CPU per request of a file of 10 KiB and of 1 MiB."""
    rows = []
    there = bench.there("nginx", "nginx, no cache", "h2o", "lighttpd")
    bench.peers.settle()
    for file, title, target in ((peers.SMALL, "10 KiB", 0.85), (peers.LARGE, "1 MiB", 1.0)):
        with bench.servers({name: {"file": file} for name in ["shallot", *there]}) as servers:
            measured = bench.rounds("static", title, servers, Load(64))
        best = quicker(measured, "nginx", "nginx, no cache")
        for name, results in measured.items():
            ratio = ratios(cpu(results), cpu(measured[best])) if best else []
            rows.append([f"{title}: {name}", *basics(results)[:2], estimate(ratio) if ratio and name != best else "",
                         at_most(ratio, target) if ratio and name == "shallot" else ""])
    bench.table("Static files", "64 connections. nginx with its open_file_cache and without; the ratio is to the cheaper of the two.",
                ["file: server", "µs CPU/request", "requests/s", "ratio to nginx", "verdict"], rows)


def compress(bench):
    """CPU per request of a page and of a list of JSON, compressed for each answer."""
    bench.peers.settle()
    rows = []
    names = ["shallot, compressing", *bench.there("nginx, gzip", "h2o, compressing")]
    for file, title in ((peers.PAGE, "HTML 10 KiB"), (peers.LIST, "JSON 100 KiB")):
        with bench.servers({name: {"file": file, "argument": str(peers.BROTLI_LEVEL)} for name in names}) as servers:
            for coding, by in (("gzip", names), ("br", [name for name in names if name != "nginx, gzip"]), ("zstd", names[:1])):
                running = {name: server for name, server in servers.items() if name in by}
                measured = bench.rounds("compress", f"{title}, {coding}", running, Load(16, header=f"Accept-Encoding: {coding}"))
                best = quicker(measured, *by[1:])
                for name, results in measured.items():
                    ratio = ratios(cpu(results), cpu(measured[best])) if best else []
                    rows.append([f"{title}, {coding}: {name.split(',')[0]}", *basics(results)[:2], estimate(ratio) if ratio and name != best else "",
                                 at_most(ratio, 1.0) if ratio and name == names[0] else ""])
    bench.table("Compression", f"16 connections, a file that is compressed anew for each answer, by all at the same level: gzip {peers.GZIP_LEVEL}, "
                f"brotli {peers.BROTLI_LEVEL} (Shallot's default is 3, at which this h2o aborts), zstd 3. The ratio is to the cheaper of nginx and h2o.",
                ["body: server", "µs CPU/request", "requests/s", "ratio to the best", "verdict"], rows)


def json(bench):
    """CPU per request of a JSON answer: an object of one member, a list of a hundred records."""
    rows = []
    there = bench.there("node, JSON", "h2o, JSON")
    for file, title in (("small", "27 octets"), ("list", "12 KiB")):
        with bench.servers({name: {"file": file} for name in ["json", *there]}) as servers:
            measured = bench.rounds("json", title, servers, Load(64))
        best = quicker(measured, "node, JSON", "h2o, JSON")
        for name, results in measured.items():
            ratio = ratios(cpu(results), cpu(measured[best])) if best else []
            rows.append([f"{title}: {'shallot' if name == 'json' else name}", *basics(results)[:2], estimate(ratio) if ratio and name != best else "",
                         at_most(ratio, 1.0) if ratio and name == "json" else ""])
    bench.table("JSON", "64 connections. The small value is made for each answer, the list is kept and only written. Node's http module "
                "with JSON.stringify, h2o's mruby with JSON.generate; the ratio is to the cheaper of the two.",
                ["body: server", "µs CPU/request", "requests/s", "ratio to the best", "verdict"], rows)


def memory(bench):
    """User-space memory per idle kept connection, 10,000 held."""
    held = min(10000, machine.allow_many_files() - 200)
    rows, each = [], {}
    for name in ["onion", *bench.there("nginx", "h2o", "lighttpd", "haproxy", "node")]:
        found = [octets for _ in range(1 if bench.quick else 3) if (octets := bench.attempt(hold, bench, name, held)) is not None]
        if found:
            each[name] = median(found)
            rows.append([name, f"{each[name]:,.0f}", figures.exactly_at_most(round(each[name]), 256) if name == "onion" else ""])
    bench.keep("memory", "octets", each)
    bench.table("Memory per idle connection", f"{held:,} connections that have each been answered once, then idle: the growth of PSS of all "
                "processes of the server, from /proc/PID/smaps_rollup, divided by their number.", ["server", "octets", "verdict"], rows)


def hold(bench, name, connections):
    with bench.peers.start(name) as server:
        bench.loader.requests(server, Load(1), 100)
        before = machine.memory(server.pids)
        held = bench.loader.hold(server, connections)
        try:
            if held.count < connections:
                raise Failed(f"{name}: {connections - held.count} of {connections} connections were closed")
            return (machine.memory(server.pids) - before) / connections
        finally:
            held.close()


def workers(bench):
    """Two workers on both CPUs, shared with the load."""
    names = ["onion", "visits", *bench.there("nginx", "h2o", "node", "node, plain")]
    rows = []
    with bench.servers({name: {"workers": 2, "cpus": machine.CPUS} for name in names}) as servers:
        for connections in CONNECTIONS[:2]:
            measured = bench.rounds("workers", f"{connections}", servers, Load(connections), machine.CPUS)
            best = quicker(measured, "nginx", "h2o")
            for name, results in measured.items():
                ratio = ratios(cpu(results), cpu(measured[best])) if best else []
                verdict = ""
                if name == "onion":
                    verdict = at_most(ratio, 1.0) if ratio else ""
                elif name.startswith("node"):
                    times = ratios(cpu(results), cpu(measured["onion"]))
                    verdict = f"{estimate(times)} times onion's: {at_least(times, 3)}"
                rows.append([f"{connections}: {name}", *basics(results)[:2], estimate(ratio) if ratio and name != best else "", verdict])
    bench.table("Two workers", "Servers and load share both CPUs, so the rates are of all of them together. `visits` is the same program as "
                "`node`: every request is a message to all workers. The ratio is to the cheaper of nginx and h2o.",
                ["connections: server", "µs CPU/request", "requests/s", "ratio to the best", "verdict"], rows)


def size(bench):
    """Cost against size: routes, connections, workers."""
    by_routes(bench)
    by_connections(bench)
    by_workers(bench)


def by_routes(bench):
    wanted = (10, 10000) if bench.quick else (10, 100, 1000, 10000)
    flat(bench, "routes", wanted, {f"{n}": {"name": "onion", "argument": str(n)} for n in wanted},
         "64 connections; the route that is asked for is the last one added.")


def by_workers(bench):
    wanted = (1, 8) if bench.quick else (1, 2, 4, 8)
    flat(bench, "workers", wanted, {f"{n}": {"name": "onion", "workers": n} for n in wanted},
         "256 connections; all workers on one CPU, so that it is their work and not their speed that is compared.", Load(256))


def flat(bench, what, wanted, servers, text, load=Load(64)):
    with bench.servers(servers) as running:
        measured = bench.rounds("size", what, running, load)
    first = measured[str(wanted[0])]
    rows = []
    for n, results in measured.items():
        ratio = ratios(cpu(results), cpu(first))
        rows.append([f"{int(n):,}", *basics(results)[:2], estimate(ratio), "" if results is first else at_most(ratio, 1.3)])
    bench.table(f"Cost against {what}", text, [what, "µs CPU/request", "requests/s", f"ratio to {wanted[0]}", "verdict"], rows)


def by_connections(bench):
    rows, all_ratios = [], {}
    with bench.servers({"limit": {}, "onion": {}}) as servers:
        for n in (100, 10000) if bench.quick else (1, 10, 100, 1000, 10000):
            measured = bench.rounds("size", f"connections {n}", servers, Load(n))
            all_ratios[n] = ratios(cpu(measured["onion"]), cpu(measured["limit"]))
            rows.append([f"{n:,}", amount(median(cpu(measured["limit"]))), amount(median(cpu(measured["onion"]))), estimate(all_ratios[n]),
                         at_most(all_ratios[n], 1.3)])
    bench.table("Cost against connections", "With few connections both programs sleep between requests, and with very many both miss their "
                "caches; that is the kernel's and the machine's share, so it is the ratio to the limit program that is to be flat.",
                ["connections", "limit µs", "onion µs", "ratio", "verdict"], rows)


def cpu(results):
    return [r.cpu for r in results]


def basics(results):
    return [amount(median(cpu(results))), *(f"{median(getattr(r, field) for r in results):,.0f}" for field in ("rate", "median", "p99"))]


def quicker(measured, *names):
    return min((name for name in names if name in measured), key=lambda name: median(cpu(measured[name])), default=None)
