"""Two servers in a row must see the same requests, or one can be played against the other. So whatever Shallot accepts, Node's http
server, another program by other people, must understand in the same way: the same methods, targets and bodies, in the same order.

Requests come from a grammar and are then damaged a little. Where Node refuses what Shallot accepts, EXPLAINED must say why.
SHALLOT_SEED=n replays a run, SHALLOT_REQUESTS=n makes it longer; ./test --long draws a new seed.
"""
import os
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import wire
from cases import CASES

COUNT = int(os.environ.get("SHALLOT_REQUESTS", 3000))
LONG = bool(os.environ.get("SHALLOT_LONG"))  # then another seed each time; else what is tested does not change with the day
SEED = int(os.environ.get("SHALLOT_SEED", 0)) or (random.SystemRandom().randrange(1, 1 << 31) if LONG else 20261122)
NODE = shutil.which("node")

METHODS = set(subprocess.run([NODE, "-p", "http.METHODS.join()"], capture_output=True, text=True).stdout.strip().split(",")) if NODE else set()


def found(pattern):
    return lambda method, raw: re.search(pattern, raw)


# What Shallot takes and Node 20 does not: the reason, and how to know it. Each is legal.
EXPLAINED = [("a method not in Node's table (RFC 9110 9.1: the set is open)", lambda method, raw: method not in METHODS),
             ("a minor version above 1 (RFC 9110 2.5: to be taken as the highest one knows)", found(rb" HTTP/1\.[2-9]\r\n")),
             ("bad whitespace in a chunk extension (RFC 9110 5.6.3: to be parsed and removed)",
              found(rb"\r\n[0-9a-fA-F]+([ \t]+;|;[ \t]|[^\r\n\"]*[ \t]=|[^\r\n\"]*=[ \t])")),
             ("a tab around a Content-Length (RFC 9110 5.5: optional whitespace is no part of the value)",
              found(rb"(?i)\r\ncontent-length:( *\t[ \t]*\d+|[ \t]*\d+ *\t)")),
             ("a tab behind a coding (RFC 9110 5.5: the same)", found(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked[ \t]*\t")),
             ("a trailer with a name that frames in a head (RFC 9110 6.5.1: not merged, so without any effect)",
              found(rb"(?i)\r\n0+[^\r\n]*\r\n([^\r\n]+\r\n)*(content-length|transfer-encoding|(proxy-)?connection)[ \t]*:")),
             ("an upgrade that is not offered here (RFC 9110 7.8: ignored; Node waits for somebody to take the connection)",
              found(rb"(?i)\r\nupgrade:")),
             ("Proxy-Connection (RFC 9112 appendix C.2.2: not a field of HTTP; to Node it is Connection)",
              found(rb"(?i)\r\nproxy-connection:[^\r\n]*close")),
             ("an Expect that expects nothing (RFC 9110 5.6.1: empty elements are ignored)", found(rb"(?i)\r\nexpect:[ \t,]*\r\n")), ]


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def seldom(self, what, often="", odds=8):
        return what if self.random.randrange(odds) == 0 else often

    def word(self):
        return "".join(self.random.choices("abcxyz0189-_.~", k=self.random.randrange(1, 9)))

    def segment(self):
        return self.one(self.word(), self.word(), "%41", "%2f", "%e4", "..", ".", "a;b=c", "a,b", "(x)", "@", "a:b", "", "%25", "!$&'*+",
                        "%c0%af", "%5c", "{a}", "a|b", "a^b", "[a]", "~")

    def target(self):
        path = "/" + "/".join(self.segment() for _ in range(self.random.randrange(4)))
        path += self.seldom("?" + self.one("", "a=b", "a=b&c=%20", "?/", "x[]={}", "q=" + self.word()), odds=3)
        return self.seldom(self.one("http://a.test", "HTTP://b.test:80", "https://[::1]") + self.seldom("", path), path, 12)

    def space(self):
        return self.one("", " ", " ", " ", " ", "\t", "  ", " \t")

    def field(self):
        name = self.one("X", "Accept", "User-Agent", "Cookie", "X-A", "TE", "Trailer", "Content-Type", "x_y", "Keep-Alive", "Via",
                        "If-Match", "!#$%&'*+-.^`|~", "Transfer_Encoding", "Content_Length", "X-Content-Length", "Proxy-Connection",
                        "Upgrade", "Date", "0", "Hosts", "Content-Encoding")
        value = self.one("", "a", "a, b", "a=b; c=d", '"q"', "caf\xe9", "x\ty", ",", "*/*", "chunked", "close", "5")
        return f"{name}:{self.space()}{value}{self.seldom(self.space())}\r\n"

    def chunks(self):
        body = ""
        for _ in range(self.random.randrange(4)):
            data = self.word() * self.random.randrange(1, 4)
            size = f"{len(data):{self.one('x', 'X', '04x')}}"
            body += f"{size}{self.extension()}\r\n{data}\r\n"
        trailer = self.seldom(self.one(self.field(), self.field() * 2, "Content-Length: 5\r\n", "Host: b.test\r\n",
                                       "Transfer-Encoding: chunked\r\n"), odds=4)
        return f"{body}{self.one('0', '0', '000')}{self.extension()}\r\n{trailer}\r\n"

    def extension(self):
        return self.seldom(self.one(";a", ";a=b", ';a="b c"', ";a=b;c=d", " ;a", "; a = b", ';a="\\""', ';a=";"', ";0=0", ';a=""'), odds=6)

    def request(self):
        method = self.one("GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "QUERY", "BREW",
                          "M-SEARCH", "get", "TRACE")
        target, version = self.target(), self.seldom(self.one("1.0", "1.2"), "1.1", 12)
        fields = [self.field() for _ in range(self.random.randrange(4))]
        host = self.one("a.test", "a.test:80", "127.0.0.1", "[::1]", "[::1]:80", "a.test:", "a_b", "xn--a.test.")
        fields.append(f"{self.one('Host', 'Host', 'host', 'HOST')}:{self.space()}{host}\r\n")
        body, kind = "", self.random.randrange(4)
        if kind == 0:
            body = self.one("", "hello", "0\r\n\r\n", "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n", self.word())
            fields.append(f"{self.one('Content-Length', 'content-length')}:{self.space()}{self.one('', '', '', '00')}{len(body)}{self.seldom(' ')}\r\n")
        elif kind == 1:
            body = self.chunks()
            fields.append(f"{self.one('Transfer-Encoding', 'transfer-encoding')}:{self.space()}{self.one('chunked', 'chunked', 'Chunked', 'CHUNKED')}\r\n")
        if self.random.randrange(6) == 0:
            fields.append(f"Connection:{self.space()}{self.one('close', 'keep-alive', 'Keep-Alive', 'x, close', 'x', 'closed', 'TE', '')}\r\n")
        if self.random.randrange(30) == 0:
            fields.append(f"Expect: {self.one('100-continue', '100-Continue', 'x')}\r\n")
        self.random.shuffle(fields)
        return f"{self.seldom(chr(13) + chr(10), odds=15)}{method} {target} HTTP/{version}\r\n{''.join(fields)}\r\n{body}".encode("latin-1")

    def damage(self, raw):
        """What a careless or a cunning client might do."""
        raw, at = bytearray(raw), self.random.randrange(len(raw))
        lines = [m.start() for m in re.finditer(rb"\r\n", raw)]
        how = self.random.randrange(15)
        if how == 0:
            raw[at] = self.random.randrange(256)
        elif how == 1:
            raw[at:at] = self.one(b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b",", b";", b":", b"\x0b", b"\xa0", b"0", b"%", b"\\", b'"')
        elif how == 2:
            del raw[at]
        elif how == 3:
            line = self.random.choice(lines)
            raw[line:line + 2] = self.one(b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\r\n ", b" \r\n", b"")
        elif how == 4:  # a line twice
            start = self.random.choice(lines) + 2
            end = raw.find(b"\r\n", start)
            if end > start:
                raw[end + 2:end + 2] = raw[start:end + 2]
        elif how in (8, 9) and b"hunked" in raw:  # among the chunks
            self.damage_chunks(raw, [line for line in lines if line > raw.find(b"\r\n\r\n")])
        elif how in (5, 6, 7):  # another framing beside
            line = raw.find(b"\r\n") + 2
            raw[line:line] = self.one(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
                                      b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding : chunked\r\n",
                                      b"Transfer-Encoding: gzip, chunked\r\n", b"Content-Length: +5\r\n", b"Content-Length: 5, 5\r\n",
                                      b"Transfer_Encoding: chunked\r\n", b"X: y\r\n Content-Length: 5\r\n",
                                      b"Transfer-Encoding:\x0bchunked\r\n", b"Content-Length:\r\n", b"X: a\nTransfer-Encoding: chunked\r\n",
                                      b"X: a\rContent-Length: 5\r\n", b"Content-Length: 0x5\r\n", b"\0X: y\r\n", b"X\r\n",
                                      b"Transfer-Encoding: chunked, chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
                                      b"Content-Length: 1_0\r\n", b"Transfer-Encoding: chunked, identity\r\n",
                                      b"Transfer-Encoding: \"chunked\"\r\n", b"Transfer-Encoding: chunked;q=1\r\n",
                                      b"Transfer-Encoding:\r\n chunked\r\n", b"Transfer-Encoding\t: chunked\r\n",
                                      b"Transfer-Encoding: chunked\x0b\r\n", b"Transfer-Encoding:\xa0chunked\r\n",
                                      b"Transfer-Encoding: ,chunked\r\n", b"Transfer-Encoding:\r\n",
                                      b"X: y\r\n\tTransfer-Encoding: chunked\r\n", b"Content-Length : 5\r\n",
                                      b"Content-Length: 18446744073709551621\r\n", b"Content-Length: 5\x0b\r\n", b"Content-Length: 05\r\n",
                                      b"Content Length: 5\r\n", b"Content-Length\r\n: 5\r\n", b"Transfer-Encod\xc4\xb1ng: chunked\r\n",
                                      b"Connection: Content-Length\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
                                      b"Expect: 100-continue\r\n", b"Host: b.test\r\n", b" Host: b.test\r\n")
        return bytes(raw)

    def damage_chunks(self, raw, lines):
        """A line end among the chunks, or what stands ahead of it."""
        line = self.random.choice(lines)
        raw[line:line + 2] = self.one(b"\n", b"\r", b"\r\r\n", b";\r\n", b";\n", b" \r\n", b"\t\r\n", b";a=\r\n", b';a="\r\n', b";a\n",
                                      b"\r\n\r\n", b"", b"x\r\n", b"0\r\n", b"\r\n0\r\n", b"\r\n-", b"\r\n+", b"\r\n0x", b"\r\n ",
                                      b"\r\n\t", b"\r\n00", b"\r\n1", b"\r\n1000000000000000", b"\r\nContent-Length: 5\r\n",
                                      b"\r\nX : y\r\n", b"\r\nX\r\n")

    def stream(self):
        """One to three requests, most of them undamaged; then the one that shows where the server stands."""
        raw = b"".join(self.request() for _ in range(self.one(1, 1, 2, 3)))
        return self.damage(raw) if self.random.randrange(3) else raw


def ask(port, streams):
    """What each connection received until its end, of the same octets."""
    received = []
    for at in range(0, len(streams), wire.BATCH):
        sockets = [wire.connect(port) for _ in streams[at:at + wire.BATCH]]
        for s, raw in zip(sockets, streams[at:]):
            s.sendall(raw + wire.SENTINEL)
            s.shutdown(socket.SHUT_WR)
        for s in sockets:
            data = b""
            try:
                while more := s.recv(65536):
                    data += more
            except ConnectionError:
                pass  # a reset behind the answers
            s.close()
            received.append(data)
    return received


def understood(received):
    """The requests a server accepted, until it refused one: [(method, target, body)]."""
    requests = []
    while received:
        status, headers, received = wire.take_head(received)
        if status < 200:
            continue
        if status != 200:
            break
        body, received = wire.take_body(status, headers, received, False)
        requests.append((headers["x-method"].decode("latin-1"), headers["x-target"].decode("latin-1"), body))
    return requests


def explanation(request, raw):
    return next((why for why, applies in EXPLAINED if applies(request[0], raw)), None)


def compare(raw, ours, theirs, reasons):
    """Why the two differ where they may not; None if they do not."""
    for i, request in enumerate(ours):
        if i == len(theirs):
            why = explanation(request, raw)
            if not why:
                return f"Node refuses request {i + 1}, {request!r}"
            reasons[why] = reasons.get(why, 0) + 1
            return None
        if request != theirs[i]:
            return f"request {i + 1}: Shallot sees {request!r}, Node {theirs[i]!r}"
    return None


@pytest.fixture
def peer(start):
    return start([NODE, Path(__file__).parent / "echo.mjs"])


def check(echo, peer, streams):
    """Prints the explained differences, returns the others and how many streams were accepted at all."""
    reasons, lines, accepted = {}, [], 0
    for raw, ours, theirs in zip(streams, ask(echo.port, streams), ask(peer.port, streams)):
        ours, theirs = understood(ours), understood(theirs)
        accepted += bool(ours)
        difference = compare(raw, ours, theirs, reasons)
        if difference:
            lines.append(f"{difference}\n    of {raw[:1000]!r}")
    for why, times in reasons.items():
        print(f"{times:5} times Node refuses {why}")
    return lines, accepted


@pytest.mark.skipif(not NODE, reason="needs node")
def test_node_sees_what_shallot_accepts(echo, peer):
    print(f"SHALLOT_SEED={SEED} SHALLOT_REQUESTS={COUNT}")
    grammar = Grammar(SEED)
    lines, accepted = check(echo, peer, [grammar.stream() for _ in range(COUNT)])
    assert not lines, f"seed {SEED}, {len(lines)} differences:\n" + "\n".join(lines[:30])
    assert accepted > COUNT // 3, f"only {accepted} of {COUNT} streams were accepted at all: the grammar is worth nothing"


@pytest.mark.skipif(not NODE, reason="needs node")
def test_node_sees_what_the_table_accepts(echo, peer):
    """The same with every case of cases/ that is sent at once to the handler that says what it understood."""
    elsewhere = re.compile(rb" /(unread|pushed|status|only)")
    lines, _ = check(echo, peer, [case.raw for case in CASES if not case.rest and len(case.raw) < 8000 and not elsewhere.search(case.raw)])
    assert not lines, f"{len(lines)} differences:\n" + "\n".join(lines[:30])
