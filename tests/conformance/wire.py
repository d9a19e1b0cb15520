"""Plays cases on the wire: many connections in step, each piece sent when the server has had the piece before.

How is that known without sleeping? The server's worker is one thread, and its epoll hands out what is ready in the order in
which it became ready. A request on another connection, the barrier, is answered after everything that came before it was read;
twice, because at the first time the barrier itself may still stand in the queue from its last turn. Should that order ever be
another one, two pieces arrive as one: a cut less is tested, and no test fails for it.
"""
import dataclasses
import re
import socket
import time
from email.utils import formatdate, parsedate_to_datetime

PATIENCE = 30
BATCH = 250
SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t -~]*)\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*\Z")
ONCE = {"date", "content-length", "transfer-encoding", "content-type", "server", "location", "connection", "allow", "retry-after"}  # one line each
DEMANDED = {401: "www-authenticate", 405: "allow", 407: "proxy-authenticate", 426: "upgrade"}  # RFC 9110 §15.5


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Barrier:
    """Connected last, it also shows that everybody before it was accepted."""

    def __init__(self, port):
        self.socket = connect(port)
        self.wait()

    def wait(self):
        for _ in range(2):
            self.socket.sendall(b"GET /barrier HTTP/1.1\r\nHost: a.test\r\n\r\n")
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                more = self.socket.recv(4096)
                assert more, "the barrier's connection was closed"
                data += more


class Run:
    """One case, cut in one way."""

    def __init__(self, case, cuts, mode):
        ends = [*cuts, len(case.raw)]
        self.case, self.mode = case, mode
        self.pieces = [case.raw[a:b] for a, b in zip([0, *ends], ends)]
        self.glued = mode == "glued" and not case.fin and not case.rest
        if self.glued:
            self.pieces[-1] += SENTINEL
        self.received, self.early, self.error = b"", None, None

    def send(self, data):
        try:
            if data:
                self.socket.sendall(data)
        except OSError as error:  # refused already; what was answered can be read all the same
            self.error = self.error or error

    def finish_sending(self):
        if self.case.fin:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                self.error = self.error or error
        elif not self.glued:
            self.send(SENTINEL)

    def look(self):
        """What has come so far, without waiting."""
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(65536):
                self.received += data
        except BlockingIOError:
            pass
        self.socket.settimeout(PATIENCE)
        self.early = self.received

    def read_to_end(self):
        try:
            while data := self.socket.recv(1 << 18):
                self.received += data
        except OSError as error:
            self.error = error
        self.socket.close()


def behind(case, raw, body):
    """The same case behind a good request, whose answer has @body: the first answer comes first, the others do not change."""
    return dataclasses.replace(case, raw=raw + case.raw, statuses=(200, *case.statuses), bodies=(body, *case.bodies),
                               targets=(None, *case.targets), headers=({}, *case.headers), before=case.before + 1,
                               bodiless=tuple(i + 1 for i in case.bodiless))


def play(port, runs):
    for at in range(0, len(runs), BATCH):
        batch = runs[at:at + BATCH]
        for run in batch:
            run.socket = connect(port)
        barrier = Barrier(port)
        for step in range(max(len(run.pieces) for run in batch)):
            if step:
                barrier.wait()
            for run in batch:
                if step < len(run.pieces):
                    run.send(run.pieces[step])
        if not all(run.glued for run in batch):
            barrier.wait()
        for run in batch:
            if run.case.rest:
                run.look()
                run.send(run.case.rest)
        for run in batch:
            run.finish_sending()
        for run in batch:
            run.read_to_end()
        barrier.socket.close()
    return runs


class Broken(Exception):
    """What came is no sequence of responses."""


def take_head(data):
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        raise Broken(f"no complete head: {data[:80]!r}")
    first, *lines = head.split(b"\r\n")
    match = STATUS_LINE.match(first)
    if not match:
        raise Broken(f"no status line: {first[:80]!r}")
    headers = {}
    for text in lines:
        found = FIELD_LINE.match(text)
        if not found:
            raise Broken(f"no field line: {text[:80]!r}")
        name = found.group(1).lower().decode()
        if name in ONCE and name in headers:
            raise Broken(f"{name} twice")
        headers[name] = headers[name] + b", " + found.group(2) if name in headers else found.group(2)
    return int(match.group(1)), headers, rest


def take_chunks(data):
    body = b""
    while True:
        size, found, data = data.partition(b"\r\n")
        if not found or not re.fullmatch(rb"[0-9a-fA-F]+", size):
            raise Broken(f"no chunk: {size[:40]!r}")
        size = int(size, 16)
        if len(data) < size + 2 or data[size:size + 2] != b"\r\n":
            raise Broken("a chunk without an end")
        if size == 0:
            return body, data[2:]
        body, data = body + data[:size], data[size + 2:]


def take_body(status, headers, data, bodiless):
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and (coding is not None or not length.isdigit()):
        raise Broken(f"framing: length {length!r}, coding {coding!r}")
    if status in (204, 304) and (coding is not None or (status == 204 and length is not None)):
        raise Broken(f"{status} with framing")
    if bodiless or status in (204, 304) or headers.get("x-method") == b"HEAD":
        return b"", data
    if coding is not None:
        return take_chunks(data)
    if length is None:
        return data, b""
    if len(data) < int(length):
        raise Broken("a body without its end")
    return data[:int(length)], data[int(length):]


def check_date(value):
    """Of the three formats only one is sent (RFC 9110 §5.6.7), and it is the time."""
    try:
        when = parsedate_to_datetime(value.decode()).timestamp()
    except ValueError:
        when = 0
    if formatdate(when, usegmt=True) != value.decode() or abs(when - time.time()) > 60:
        raise Broken(f"Date: {value!r}")


def check_head(status, headers, old):
    """What holds for every answer; @old: to HTTP/1.0."""
    options = {option.strip() for option in headers.get("connection", b"").split(b",") if option.strip()}
    if not options <= {b"close", b"keep-alive"} or len(options) > 1:
        raise Broken(f"Connection: {headers['connection']!r}")
    if status < 200:
        if old:
            raise Broken(f"{status} to HTTP/1.0")
        if {"content-length", "transfer-encoding", "connection"} & headers.keys():
            raise Broken(f"{status} with framing")
        return
    if "date" not in headers:
        raise Broken(f"{status} without Date")
    check_date(headers["date"])
    if old and ("transfer-encoding" in headers or not options):
        raise Broken(f"{status} to HTTP/1.0 with coding {headers.get('transfer-encoding')!r}, options {options!r}")
    if headers.get("transfer-encoding", b"chunked") != b"chunked":
        raise Broken(f"coding {headers['transfer-encoding']!r}")
    if "content-length" not in headers and "transfer-encoding" not in headers and status not in (204, 304) and b"close" not in options:
        raise Broken(f"{status} without an end")
    if status in DEMANDED and DEMANDED[status] not in headers:
        raise Broken(f"{status} without {DEMANDED[status]}")


def responses(data, bodiless=(), old=False):
    """[(status, headers, body)] and how many were interim; raises Broken. @old: the first is one to HTTP/1.0."""
    found, interim = [], 0
    while data:
        status, headers, data = take_head(data)
        check_head(status, headers, old and not found)
        if status < 200:
            interim += 1
            continue
        if found and headers_close(found[-1][1]):
            raise Broken("an answer behind Connection: close")
        body, data = take_body(status, headers, data, len(found) in bodiless)
        if body and (status == 205 or (status >= 400 and "content-type" not in headers)):
            raise Broken(f"{status} with a body of no type, or where none may be")
        found.append((status, headers, body))
    return found, interim


def outcome(run):
    """What is compared: statuses, bodies, targets, end, and how many 100 (Continue)."""
    try:
        found, interim = responses(run.received, run.case.bodiless, run.case.old)
    except Broken as broken:
        return {"broken": str(broken), "received": run.received[:300]}
    end = "close"
    if found and found[-1][1].get("x-target") == b"/sentinel" and not run.case.fin:
        end = "open"
        found.pop()
    return {"statuses": tuple(status for status, _, _ in found), "end": end, "bodies": tuple(body for _, _, body in found),
            "targets": tuple(headers.get("x-target") for _, headers, _ in found), "continues": interim,
            "headers": tuple(headers for _, headers, _ in found),
            "announced": bool(found) and headers_close(found[-1][1])}


def headers_close(headers):
    return b"close" in headers.get("connection", b"").lower()


def early_faults(run):
    case = run.case
    try:
        found, interim = responses(run.early, case.bodiless, case.old)
    except Broken as broken:
        return [f"before the rest: {broken}"]
    faults = []
    if len(found) != case.before:
        faults.append(f"{len(found)} answers before the rest, not {case.before}")
    if case.continues == 1 and interim != 1:
        faults.append("no 100 (Continue) before the rest")
    return faults


LAST = re.compile(rb" HTTP/1\.0\r\n|\r\nConnection:[^\r\n]*close", re.I)


def said_last(case, got):
    """Who has said that nothing more will come (RFC 9112 §9.6), and sends more, may find the connection gone, but has the answer. With
    an error answer, or where the server wants the end, nobody finds that."""
    return case.end == "close" and LAST.search(case.raw) and (got.get("statuses") or (500,))[-1] < 400


def faults(run):
    """Why this run is not what its case says; [] if it is."""
    case, got = run.case, outcome(run)
    if run.error and not said_last(case, got):
        return [f"{run.error!r}, received {run.received[:200]!r}"]
    if "broken" in got:
        return [f"{got['broken']}, received {got['received']!r}"]
    wrong = [f"{key} {got[key]!r}, not {getattr(case, key)!r}" for key in ("statuses", "end") if got[key] != getattr(case, key)]
    if wrong:
        return wrong
    for key in ("bodies", "targets"):
        wrong += [f"{key}[{i}] {got[key][i][:60]!r}, not {want[:60]!r}" for i, want in enumerate(getattr(case,
                key)) if want is not None and got[key][i] != want]
    for i, wanted in enumerate(case.headers):
        wrong += [f"{name}[{i}] {got['headers'][i].get(name)!r}, not {value!r}" for name,
                  value in wanted.items() if got["headers"][i].get(name) != value]
    if case.continues is not None and got["continues"] != case.continues:
        wrong.append(f"{got['continues']} times 100 (Continue), not {case.continues}")
    if case.end == "close" and not case.fin and not case.silent and not got["announced"]:
        wrong.append("closed without Connection: close")
    if run.early is not None:
        wrong += early_faults(run)
    return wrong


def report(runs):
    """Lines about what went wrong, the first of each case."""
    lines, told = [], set()
    for run in runs:
        if run.case.id in told:
            continue
        wrong = faults(run)
        if wrong:
            told.add(run.case.id)
            lines.append(f"{run.case.id} [RFC {run.case.rfc}] {run.case.why}, {run.mode}: " + "; ".join(wrong))
    return lines
