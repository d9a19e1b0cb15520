"""What is measured: the limit program, Shallot's programs, and peers from Debian's packages with the configurations in bench/peers."""
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import machine
from .servers import Server, free_port

HERE = machine.ROOT / "bench/peers"
PACKAGES = {  # program: package
    "nginx": "nginx", "h2o": "h2o", "lighttpd": "lighttpd", "haproxy": "haproxy", "node": "nodejs",
    "wrk": "wrk", "h2load": "nghttp2-client", "strace": "strace", "valgrind": "valgrind",
}
SHALLOT = {  # name in the tables: program; "shallot" serves files by sl_static()
    "onion": "bench/onion", "hello": "examples/hello", "visits": "examples/visits", "bus": "bench/bus", "events": "bench/events", "json": "bench/json", "waits": "bench/waits",
    "shallot": "bench/files", "shallot, compressing": "bench/compress",
}
NODE = {"node": "seed/index.js", "node, plain": "seed/plain.js", "node, relay": "relay.js", "node, JSON": "json.js", "node, events": "events.js"}
CONFIGURED = {  # name in the tables: program, configuration, options before it
    "nginx": ("nginx", "nginx.conf", ["-e", "stderr", "-c"]),
    "nginx, no cache": ("nginx", "nginx.conf", ["-e", "stderr", "-c"]),
    "h2o": ("h2o", "h2o.conf", ["-c"]),
    "nginx, gzip": ("nginx", "nginx.conf", ["-e", "stderr", "-c"]),
    "h2o, compressing": ("h2o", "h2o.conf", ["-c"]),
    "h2o, JSON": ("h2o", "h2o-json.conf", ["-c"]),
    "lighttpd": ("lighttpd", "lighttpd.conf", ["-D", "-f"]),
    "haproxy": ("haproxy", "haproxy.cfg", ["-db", "-f"]),
}
SMALL, LARGE = "10k.bin", "1m.bin"
PAGE, LIST = "10k.html", "100k.json"
GZIP_LEVEL, BROTLI_LEVEL = 1, 1  # of all: h2o 2.2.5 aborts at brotli 2 to 4, of a body of some size
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"


def find(program):
    return shutil.which(program) or shutil.which(program, path=PATH)


@contextlib.contextmanager
def no_services():
    """Debian starts a server when its package is installed, unless policy-rc.d says no. One that is there already has its own opinion."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink()


def install(programs):
    """Installs what is missing, if that can be done; says what is left out. Returns the programs that are there."""
    missing = [name for name in programs if not find(name)]
    packages = " ".join(PACKAGES[name] for name in missing)
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"bench/run: installing {packages}", file=sys.stderr, flush=True)
        with no_services():
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            command = ["apt-get", "install", "-y", "--no-install-recommends", *packages.split()]
            for step in (command, ["apt-get", "update"], command):  # lists of packages may be missing or old
                if subprocess.run(step, env=environment, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0 and step is command:
                    break
    for name in missing:
        if not find(name):
            print(f"bench/run: {name} is not there (apt-get install {PACKAGES[name]}); goes on without it", file=sys.stderr)
    return {name for name in programs if find(name)}


def some_names(rng, count):
    return [" ".join(rng.choices("the of and to in is that for it as was with be by on not he this are or his from at which".split(), k=3)) for _ in range(count)]


def some_page():
    """HTML as a shop has it: the same markup around other words and numbers."""
    rng = random.Random(1)
    items = "".join(f'<li class="item item--{i % 3}"><a href="/products/{rng.randrange(10**6)}" title="{name}"><img src="/img/{rng.randrange(10**5):05}.jpg" '
                    f'width="120" height="80" alt=""><span class="price">{rng.random() * 100:.2f} EUR</span></a></li>\n'
                    for i, name in enumerate(some_names(rng, 100)))
    return "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>Shop</title><link rel=stylesheet href=/style.css></head><body><ul>" + items


def some_list():
    """JSON as a service answers with: records of names, numbers and texts."""
    rng = random.Random(2)
    return json.dumps([{"id": rng.randrange(10**9), "name": name, "email": f"{rng.randrange(10**8):x}@example.com", "active": rng.random() < 0.5,
                        "score": round(rng.random() * 100, 3), "about": " ".join(some_names(rng, 4))} for name in some_names(rng, 800)])


class Peers:
    """Starts servers by name. @place is a folder for files and configurations that every user may read."""

    def __init__(self, build, place):
        self.build, self.place = build, place
        self.files = place / "files"
        self.files.mkdir()
        (self.files / "hello.txt").write_text("Hello world\n")
        (self.files / SMALL).write_bytes(os.urandom(10 * 1024))
        (self.files / LARGE).write_bytes(os.urandom(1024 * 1024))
        (self.files / PAGE).write_text(some_page()[:10 * 1024])
        (self.files / LIST).write_text(some_list()[:100 * 1024])
        self.made = time.monotonic()
        for folder in (place, self.files):
            folder.chmod(0o755)
        self.count = 0

    def settle(self):
        """Waits until the files are old enough to be kept in memory."""
        time.sleep(max(0, self.made + 5 - time.monotonic()))

    def start(self, name, workers=1, file="", cpus=None, argument=None, env=None):
        """A server by its name in the tables. @file: asked for that file, instead of /. @argument: of the limit program and of onion."""
        port = free_port()
        if name == "limit":
            command, more = [self.build / "bench/limit", port, argument or "keep"], {}
        elif name in SHALLOT:
            arguments = [*([self.files] if file else []), *([argument] if argument else [])]
            command = [self.build / SHALLOT[name], *arguments]
            more = {"PORT": port, "HOST": "127.0.0.1", "SHALLOT_INSTANCES": workers}
        elif name in NODE:
            command, more = [find("node"), HERE / NODE[name]], {"PORT": port, "INSTANCES": workers}
        else:
            command, more = self.peer(name, port, workers), {}
        return Server(name, port, "/hello" if name == "onion" else f"/{file}", command, {**more, **(env or {})}, cpus)

    def peer(self, name, port, workers):
        """The command of a peer with a configuration."""
        if name == "lighttpd" and workers == 1:
            workers = 0  # it serves by itself
        cache = "off" if name == "nginx, no cache" else "max=1000 inactive=1h"
        gzip = f"gzip on; gzip_comp_level {GZIP_LEVEL}; gzip_types application/json;" if name == "nginx, gzip" else ""
        compress = f"{{gzip: {GZIP_LEVEL}, br: {BROTLI_LEVEL}}}" if name == "h2o, compressing" else "OFF"
        program, template, options = CONFIGURED[name]
        values = {"PORT": port, "WORKERS": workers, "CACHE": cache, "GZIP": gzip, "COMPRESS": compress}
        return [find(program), *options, self.configured(template, values)]

    def configured(self, template, values):
        """The path of a configuration filled in."""
        self.count += 1
        place = self.place / str(self.count)
        place.mkdir()
        place.chmod(0o777)  # servers that drop root write there
        text = (HERE / template).read_text()
        many = machine.allow_many_files()
        for key, value in {**values, "PLACE": place, "FILES": self.files, "MANY": many, "CONNECTIONS": many - 1000}.items():
            text = text.replace(f"@{key}@", str(value))
        path = place / template
        path.write_text(text)
        return path
