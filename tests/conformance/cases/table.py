"""What a case is, and the words in which the topics write theirs."""
from dataclasses import dataclass

BODY_MAX = 1 << 20  # Shallot's defaults, which the server keeps
HEAD_MAX = 16384
TARGET_MAX = 8192
FIELDS_MAX = 100
METHOD_MAX = 64
DISCARD_MAX = 256 << 10

ANY = None  # a body or a target that nobody looks at


@dataclass(frozen=True)
class Case:
    id: str
    rfc: str
    why: str
    raw: bytes
    statuses: tuple
    end: str = "open"
    bodies: tuple = ()  # of the first answers; ANY: not looked at
    targets: tuple = ()  # as the server saw them, of the first answers
    headers: tuple = ()  # of the first answers, {name: value}; None: it is not there
    rest: bytes = b""  # sent once raw has been seen to get @before answers and no more
    before: int = 0
    continues: object = 0  # how often 100 (Continue) comes; ANY where it depends on what came in time
    fin: bool = False  # our side is shut down behind the last octet
    bodiless: tuple = ()  # numbers of the answers to HEAD
    silent: bool = False  # the end comes without having been announced, and could not have been

    @property
    def old(self):
        """Whether the first request is one of HTTP/1.0."""
        return self.raw.lstrip(b"\r\n").partition(b"\r\n")[0].endswith(b" HTTP/1.0")


CASES = []
_numbers = {}


def _octets(value):
    return value.encode("latin-1") if isinstance(value, str) else value


def case(group, rfc, why, raw, *statuses, **more):
    _numbers[group] = _numbers.get(group, 0) + 1
    for key in ("bodies", "targets"):
        if key in more:
            more[key] = tuple(_octets(x) for x in more[key])
    if "headers" in more:
        more["headers"] = tuple({name: _octets(value) for name, value in x.items()} for x in more["headers"])
    if "rest" in more:
        more["rest"] = _octets(more["rest"])
    CASES.append(Case(f"{group}-{_numbers[group]:02}", rfc, why, _octets(raw), tuple(statuses), **more))


def good(group, rfc, why, raw, **more):
    """One request, answered with 200; the connection stays."""
    case(group, rfc, why, raw, 200, **more)


def bad(group, rfc, why, raw, status=400, **more):
    """Refused, and the connection ends."""
    case(group, rfc, why, raw, status, end="close", **more)


HOST = "Host: a.test\r\n"
NEXT = "GET /next HTTP/1.1\r\n" + HOST + "\r\n"
HELLO = "5\r\nhello\r\n0\r\n\r\n"


def line(text):
    return text + "\r\n" + HOST + "\r\n"


def target(text):
    return line(f"GET {text} HTTP/1.1")


def host(value):
    return f"GET /c HTTP/1.1\r\nHost: {value}\r\n\r\n"


def fields(lines, method="GET", body="", version="1.1"):
    return f"{method} /c HTTP/{version}\r\n{HOST}{lines}\r\n\r\n{body}"


def post(lines, body="hello"):
    return fields(lines, "POST", body)


def chunked(body, more=""):
    return f"POST /c HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n{more}\r\n{body}"
