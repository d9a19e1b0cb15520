"""What octets get which answers: HTTP/1.1 as Shallot speaks it (RFC 9112, 9110, 3986), against the server in conftest.py.

Each case is one connection: what is sent, the final statuses that come back, and what becomes of the connection:

  open   the request after it is answered, and only it
  close  nothing more is answered, and the connection ends properly (a FIN, no reset)

Where there is a rest, it is sent once the server has had all before it and answered no more than that deserves.

A case is numbered within its group; new ones go to the end of their group.
"""
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
    rest: bytes = b""  # sent once raw has been seen to get @before answers and no more
    before: int = 0
    continues: object = 0  # how often 100 (Continue) comes; ANY where it depends on what came in time
    fin: bool = False  # our side is shut down behind the last octet
    bodiless: tuple = ()  # numbers of the answers to HEAD


CASES = []
_numbers = {}


def case(group, rfc, why, raw, *statuses, **more):
    _numbers[group] = _numbers.get(group, 0) + 1
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw
    for key in ("bodies", "targets"):
        if key in more:
            more[key] = tuple(x.encode("latin-1") if isinstance(x, str) else x for x in more[key])
    if "rest" in more and isinstance(more["rest"], str):
        more["rest"] = more["rest"].encode("latin-1")
    CASES.append(Case(f"{group}-{_numbers[group]:02}", rfc, why, raw, tuple(statuses), **more))


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


# --- the request line ---------------------------------------------------------------------------------------------------

g = "line"
good(g, "9112 3", "the plainest request", line("GET /c HTTP/1.1"), bodies=[""], targets=["/c"])
good(g, "9112 3", "one letter of path", target("/"), targets=["/"])
bad(g, "9112 3", "two spaces behind the method", line("GET  /c HTTP/1.1"))
bad(g, "9112 3", "two spaces behind the target", line("GET /c  HTTP/1.1"))
bad(g, "9112 3", "tab behind the method", line("GET\t/c HTTP/1.1"))
bad(g, "9112 3", "tab behind the target", line("GET /c\tHTTP/1.1"))
bad(g, "9112 3", "space behind the version", line("GET /c HTTP/1.1 "))
bad(g, "9112 3", "tab behind the version", line("GET /c HTTP/1.1\t"))
bad(g, "9112 3", "space ahead of the method", line(" GET /c HTTP/1.1"))
bad(g, "9112 3", "vertical tab for space", line("GET\x0b/c HTTP/1.1"))
bad(g, "9112 3", "form feed for space", line("GET /c\x0cHTTP/1.1"))
bad(g, "9112 3", "NBSP for space", line("GET\xa0/c HTTP/1.1"))
bad(g, "9112 3", "NUL for space", line("GET\0/c HTTP/1.1"))
bad(g, "9112 3", "a fourth word", line("GET /c HTTP/1.1 x"))
bad(g, "9112 3", "no target", line("GET HTTP/1.1"))
bad(g, "9112 3", "no version: a simple request of HTTP/0.9", "GET /c\r\n\r\n")
bad(g, "9112 3", "the same with a space", "GET /c \r\n\r\n")
bad(g, "9112 3", "a method alone", "GET\r\n\r\n")
bad(g, "9112 3", "a method and a space", "GET \r\n\r\n")
bad(g, "9112 3", "a status line", line("HTTP/1.1 200 OK"))
bad(g, "9112 3", "a field line first", HOST + "\r\n")
bad(g, "9112 3", "no method", line(" /c HTTP/1.1"))
bad(g, "9112 3", "a target first", line("/c HTTP/1.1"))
good(g, "9112 2.2", "an empty line ahead", "\r\n" + NEXT)
good(g, "9112 2.2", "two empty lines ahead", "\r\n\r\n" + NEXT)
good(g, "9112 2.2", "eight empty lines ahead", "\r\n" * 8 + NEXT)
bad(g, "9112 2.2", "nine are a flood", "\r\n" * 9 + NEXT)
bad(g, "9112 2.2", "a bare LF ahead", "\n" + NEXT)
bad(g, "9112 2.2", "a bare CR ahead", "\r" + NEXT)
bad(g, "9112 2.2", "CR CR LF ahead", "\r\r\n" + NEXT)
bad(g, "9112 2.2", "a line of one space ahead", " \r\n" + NEXT)
bad(g, "9112 2.2", "bare LF ends the request line", "GET /c HTTP/1.1\n" + HOST + "\r\n")
bad(g, "9112 2.2", "bare CR ends the request line", "GET /c HTTP/1.1\r" + HOST + "\r\n")
bad(g, "9112 2.2", "CR CR LF ends the request line", "GET /c HTTP/1.1\r\r\n" + HOST + "\r\n")
bad(g, "9112 2.2", "LF CR ends the request line", "GET /c HTTP/1.1\n\r" + HOST + "\r\n")
bad(g, "9112 2.2", "space behind the CR", "GET /c HTTP/1.1\r \n" + HOST + "\r\n")
bad(g, "9112 2.2", "bare LF behind the method", "GET\n/c HTTP/1.1\r\n" + HOST + "\r\n")
bad(g, "9112 2.2", "a TLS hello on the plain port", "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + "Z" * 32 + "\x00\x00\x02\x13\x01\x01\x00\r\n\r\n")
bad(g, "9112 2.2", "an SSH greeting", "SSH-2.0-OpenSSH_9.2p1\r\n")
bad(g, "9112 2.2", "a byte order mark ahead", "\xef\xbb\xbf" + NEXT)
bad(g, "9112 2.2", "a NUL", "\0")
good(g, "9110 9.1", "a method nobody registered", line("BREW /c HTTP/1.1"))
good(g, "9110 9.1", "methods have a case", line("get /c HTTP/1.1"))
good(g, "9110 5.6.2", "every character of a token", line("!#$%&'*+-.^_`|~09azAZ /c HTTP/1.1"))
good(g, "9110 9.1", "a method of one letter", line("G /c HTTP/1.1"))
good(g, "9110 9.1", "a method longer than any registered", line("M" * METHOD_MAX + " /c HTTP/1.1"))
bad(g, "9112 3", "a method longer than any we would serve", line("M" * (METHOD_MAX + 1) + " /c HTTP/1.1"), 501)
bad(g, "9112 3", "a method without an end", "M" * (2 * HEAD_MAX), 501)
for octet, name in [("(", "parenthesis"), ("/", "slash"), (":", "colon"), ('"', "quote"), (",", "comma"), ("[", "bracket"), ("{", "brace"), ("@", "at sign"),
                    ("\0", "NUL"), ("\x01", "control"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"), ("\r", "bare CR")]:
    bad(g, "9112 3.1", f"{name} in the method", line(f"GE{octet}T /c HTTP/1.1"))
for version in ["HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/", "HTTP/11", "HTTP/1.1.1", "HTTP/01.1", "HTTP/1.01", "HTTP/1.10", "HTTP/1,1", "HTTP/1.x", "HTTP/x.1",
                "HTTP/-1.1", "HTTP/ 1.1", "HTTP /1.1", "HTTP1.1", "http/1.1", "Http/1.1", "HTTPS/1.1", "XHTTP/1.1", "RTSP/1.0", "HTTP/1.1\0", "HTTP/1.\xb9",
                "HTTP/0.9", "HTTP/0.0", "HTTP/2", "HTTP/2.", "HTTP/10.0"]:
    bad(g, "9112 2.3", f"version {version!r}", line("GET /c " + version))
good(g, "9110 2.5", "HTTP/1.2 is answered as 1.1", line("GET /c HTTP/1.2"))
good(g, "9110 2.5", "HTTP/1.9 is answered as 1.1", line("GET /c HTTP/1.9"))
for version in ["HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"]:
    bad(g, "9110 15.6.6", f"major version {version!r}", line("GET /c " + version), 505)
bad(g, "9113 3.4", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
bad(g, "9110 15.6.6", "another version before what it says", "GET c HTTP/2.0\r\nX y: z\r\n\r\n", 505)

# --- targets ------------------------------------------------------------------------------------------------------------

g = "target"
for text, why in [("/azAZ09-._~!$&'()*+,;=:@", "all that a path may hold bare"), ("//", "empty segments"), ("//a//b//", "more of them"),
                  ("/../a/./..", "dots are the program's business"), ("/a?b=c&d=e", "a query"), ("/?", "an empty query"), ("/a?b?c/d", "? and / in a query"),
                  ("/%41%2f%2F%c3%A9%ff", "escapes"), ("/a%0d%0aX:%20y", "an escaped line end is data"), ("/?q=%20+", "escapes in a query"),
                  ("/?a[]={\\|}^`", "what browsers leave bare in queries"), ("/a:80", "a port is no authority"), ("/http://b.test/", "an URL as a path"),
                  ("/*", "an asterisk in a path"), ("/a@b", "an at sign"), ("/" + "a" * (TARGET_MAX - 1), "the longest")]:
    good(g, "9112 3.2.1", why, target(text), targets=[text])
for text, why in [("c", "no slash"), ("?q", "a query alone"), (".", "a dot"), ("..", "two dots"), ("\\c", "a backslash for slash"), ("a.test/c", "no scheme"),
                  ("a.test", "a name"), ("a.test:80", "authority form of another method"), ("#", "a fragment alone"), ("%2fc", "an escaped slash"),
                  ("~", "a tilde"), ("c:", "a scheme alone"), ("*", "the asterisk of another method"), ("*/", "an asterisk and more"), ("**", "two asterisks")]:
    bad(g, "9112 3.2", why, target(text))
for octet, name in [("\0", "NUL"), ("\x01", "control"), ("\x1f", "unit separator"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"),
                    ("\xc3\xa9", "UTF-8"), ("\xa0", "NBSP"),
                    ("\r", "bare CR"), ("\n", "bare LF"), ("\t", "tab"), (" ", "space"), ('"', "quote"), ("<", "angle bracket"), (">", "angle bracket")]:
    bad(g, "9112 3.2", f"{name} in the path", target(f"/a{octet}b"))
    bad(g, "9112 3.2", f"{name} in the query", target(f"/?a{octet}b"))
bad(g, "9112 3.2", "fragment", target("/a#b"))
bad(g, "9112 3.2", "fragment behind a query", target("/a?b#c"))
for text in ["/%", "/%4", "/%4/", "/%zz", "/%4g", "/%g4", "/%%41", "/%u0041", "/% 41", "/?%", "/?a=%4", "/%41%", "/%-1"]:
    bad(g, "3986 2.1", f"broken escape in {text}", target(text))
bad(g, "3986 7.3", "escaped NUL", target("/a%00b"))
bad(g, "3986 7.3", "escaped NUL in a query", target("/?a=%00"))
good(g, "9112 3.2.2", "absolute form", target("http://a.test/c?d"), targets=["http://a.test/c?d"])
good(g, "9112 3.2.2", "absolute form wins over another Host", target("http://b.test/c"))
good(g, "9112 3.2.2", "a scheme has no case", target("HtTp://a.test/c"))
good(g, "9112 3.2.2", "https", target("https://a.test/c"))
good(g, "9112 3.2.2", "no path", target("http://a.test"))
good(g, "9112 3.2.2", "no path, a query", target("http://a.test?c"))
good(g, "9112 3.2.2", "a port", target("http://a.test:81/c"))
good(g, "9112 3.2.2", "an empty port", target("http://a.test:/c"))
good(g, "9112 3.2.2", "an address", target("http://[::1]:81/c"))
good(g, "9112 3.2.2", "an escape in the name", target("http://%61.test/c"))
for text, why in [("http://u@a.test/c", "userinfo"), ("http://u:p@a.test/c", "userinfo with password"), ("http://@a.test/c", "empty userinfo"),
                  ("http:///c", "no host"),
                  ("http://", "nothing behind the scheme"), ("http://:80/c", "a port alone"), ("http://a.test:x/c", "no port"),
                  ("http://a.test:65536/c", "a port beyond"),
                  ("http:/a.test/c", "one slash"), ("http:a.test", "no slash"), ("http:\\\\a.test\\c", "backslashes"), ("ftp://a.test/c", "another scheme"),
                  ("ws://a.test/c", "the scheme of WebSockets"), ("httpx://a.test/c", "nearly"), ("http//a.test/c", "no colon"),
                  ("http://[::1/c", "bracket left open"),
                  ("http://a|b/c", "bad octet in the host"), ("http://a%00b/c", "escaped NUL in the host"), ("http://a.test\\c", "backslash behind the host"),
                  ("http://a.test/c#d", "fragment")]:
    bad(g, "9112 3.2.2", f"absolute: {why}", target(text))
bad(g, "9112 3.2", "absolute, no Host", "GET http://a.test/c HTTP/1.1\r\n\r\n")
bad(g, "9112 3.2", "absolute, bad Host", "GET http://a.test/c HTTP/1.1\r\nHost: a b\r\n\r\n")
good(g, "9112 3.2.4", "OPTIONS *", line("OPTIONS * HTTP/1.1"), targets=["*"])
good(g, "9112 3.2.4", "OPTIONS of the server through its name", line("OPTIONS http://a.test HTTP/1.1"))
good(g, "9112 3.2.4", "OPTIONS /", line("OPTIONS / HTTP/1.1"))
bad(g, "9112 3.2.4", "OPTIONS *?q", line("OPTIONS *?q HTTP/1.1"))
bad(g, "9112 3.2.4", "HEAD *", line("HEAD * HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT, to no proxy", line("CONNECT a.test:80 HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT with a path", line("CONNECT /c HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT without a port", line("CONNECT a.test HTTP/1.1"))
bad(g, "9110 15.5.15", "one octet too long", target("/" + "a" * TARGET_MAX), 414)
bad(g, "9110 15.5.15", "much too long", target("/" + "a" * 70000), 414)
bad(g, "9110 15.5.15", "much too long a query", target("/?" + "a" * 70000), 414)
bad(g, "9110 15.5.15", "too long before it is wrong", target("/" + "a" * TARGET_MAX + "\0"), 414)
bad(g, "9112 3.2", "wrong before it is too long", target("/\0" + "a" * TARGET_MAX))

# --- Host ---------------------------------------------------------------------------------------------------------------

g = "host"
bad(g, "9112 3.2", "none", "GET /c HTTP/1.1\r\n\r\n")
bad(g, "9112 3.2", "none in HTTP/1.2", "GET /c HTTP/1.2\r\n\r\n")
bad(g, "9112 3.2", "only something like it", "GET /c HTTP/1.1\r\nHosts: a.test\r\nX-Host: a.test\r\n\r\n")
bad(g, "9112 3.2", "twice, equal", fields("Host: a.test"))
bad(g, "9112 3.2", "twice, different", fields("Host: b.test"))
bad(g, "9112 3.2", "twice, the second empty and in another case", fields("hOST:"))
bad(g, "9112 3.2", "twice, with others between", fields("X: y\r\nHost: a.test"))
good(g, "9110 7.2", "no value, as for a target without authority", host(""))
good(g, "9110 5.1", "no case", "GET /c HTTP/1.1\r\nhOsT: a.test\r\n\r\n")
for value in ["a", "a.test:80", "a.test:", "a.test:0", "a.test:65535", "a.test:000080", "A.TEST", "a.test.", "a_b.test", "-", "a-b.c-d",
              "xn--bcher-kva.test", "127.0.0.1", "1.2.3",
              "256.256.256.256:1", "[::1]", "[::]:80", "[2001:db8::1]", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[1::]", "[v1.a:b]",
              "a!$&'()*+;=b", "b%C3%BCcher.test", "%41"]:
    good(g, "3986 3.2.2", f"{value} is a host", host(value))
for value in ["a b", "a.test, b.test", "a.test b.test", "a.test/", "/", "a.test?q", "a.test#f", "u@a.test", "@", "http://a.test", "a.test:8o",
              "a.test:-1", "a.test:+1", "a.test:65536",
              "a.test:99999999999999999999", "a.test:80:80", ":", ":80", "[::1", "::1", "::1]", "[]", "[::1]80", "[::1]x", "x[::1]", "[:]", "[1]",
              "[1::2::3]", "[:::]",
              "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.04]",
              "[1.2.3.4]", "[fe80::1%25lo]",
              "[v1.]", "[v.a]", "[w1.a]", "a\\b", "a|b", "a^b", "a`b", "a{b}", "<a>", '"a.test"', "a%zzb", "a%4", "a%", "a%00b", "a\x80b",
              "b\xfccher.test", "a\0b", "a\x01b",
              "a\x7fb", "a\tb", "a.test\x0b"]:
    bad(g, "9112 3.2", f"{value!r} is none", host(value))
case(g, "9112 3.2", "HTTP/1.0 needs none", "GET /c HTTP/1.0\r\n\r\n", 200, end="close")
bad(g, "9112 3.2", "HTTP/1.0 with a bad one", "GET /c HTTP/1.0\r\nHost: a b\r\n\r\n")
bad(g, "9112 3.2", "HTTP/1.0 with two", "GET /c HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
good(g, "9112 3.2", "last of all fields", "GET /c HTTP/1.1\r\nX: y\r\n" + HOST + "\r\n")

# --- field lines --------------------------------------------------------------------------------------------------------

g = "field"
good(g, "9112 5", "no space behind the colon", "GET /c HTTP/1.1\r\nHost:a.test\r\n\r\n")
good(g, "9112 5", "a tab behind it", "GET /c HTTP/1.1\r\nHost:\ta.test\r\n\r\n")
good(g, "9112 5", "spaces and tabs on both sides", "GET /c HTTP/1.1\r\nHost: \t a.test \t \r\n\r\n")
good(g, "9112 5", "an empty value", fields("X:"))
good(g, "9112 5", "a value of space", fields("X: \t "))
good(g, "9110 5.5", "all that is visible", fields("X: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"))
good(g, "9110 5.5", "octets above ASCII", fields("X: \x80\xa0\xff caf\xc3\xa9"))
good(g, "9110 5.5", "a tab inside", fields("X: a\tb"))
good(g, "9110 5.6.2", "every character of a token as a name", fields("!#$%&'*+-.^_`|~09azAZ: x"))
good(g, "9110 5.3", "the same name often", fields("X: a\r\nx: b\r\nX: a"))
good(g, "9110 5.1", "Transfer_Encoding is another name", fields("Transfer_Encoding: x"))
good(g, "9110 5.1", "Content_Length is another name", fields("Content_Length: x"))
good(g, "9110 5.1", "names that only begin or end like ours", fields("X-Content-Length: x\r\nContent-Lengths: 3\r\nTransfer-Encodin: x"))
for name in ["X", "Host", "Content-Length", "Transfer-Encoding", "Connection"]:
    bad(g, "9112 5.1", f"space between {name} and colon", f"POST /c HTTP/1.1\r\n{HOST}{name} : 5\r\n\r\n")
    bad(g, "9112 5.1", f"tab between {name} and colon", f"POST /c HTTP/1.1\r\n{HOST}{name}\t: 5\r\n\r\n")
bad(g, "9112 5.1", "space between Host and colon, the only one", "GET /c HTTP/1.1\r\nHost : a.test\r\n\r\n")
for octet, name in [(" ", "space"), ("(", "parenthesis"), (")", "parenthesis"), ("<", "angle bracket"), (">", "angle bracket"), ("@", "at sign"),
                    (",", "comma"), (";", "semicolon"),
                    ("\\", "backslash"), ('"', "quote"), ("/", "slash"), ("[", "bracket"), ("]", "bracket"), ("?", "question mark"), ("=", "equals"),
                    ("{", "brace"),
                    ("}", "brace"), ("\0", "NUL"), ("\x01", "control"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"), ("\r", "bare CR"),
                    ("\n", "bare LF"), ("\t", "tab")]:
    bad(g, "9110 5.1", f"{name} in a name", fields(f"X{octet}Y: z"))
bad(g, "9112 5", "no name", fields(": x"))
bad(g, "9112 5", "no colon", fields("X"))
bad(g, "9112 5", "no colon but in the next line", fields("X\r\nY: z"))
bad(g, "9112 5", "equals for colon", fields("X=y"))
for octet, name in [("\0", "NUL"), ("\x01", "control 1"), ("\x07", "bell"), ("\x08", "backspace"), ("\x0b", "vertical tab"), ("\x0c", "form feed"),
                    ("\x1b", "escape"), ("\x1f", "unit separator"),
                    ("\x7f", "DEL"), ("\r", "bare CR"), ("\n", "bare LF"), ("\r\r\n", "CR CR LF"), ("\rContent-Length: 5", "bare CR hiding a length"),
                    ("\nContent-Length: 5", "bare LF hiding a length")]:
    bad(g, "9110 5.5", f"{name} in a value", fields(f"X: a{octet}b"))
bad(g, "9110 5.5", "NUL alone", fields("X: \0"))
bad(g, "9110 5.5", "a control at the end of a long value", fields("X: " + "v" * 100 + "\x01"))
bad(g, "9112 5.2", "folded with a space", fields("X: a\r\n b"))
bad(g, "9112 5.2", "folded with a tab", fields("X: a\r\n\tb"))
bad(g, "9112 5.2", "folded into nothing", fields("X: a\r\n "))
bad(g, "9112 5.2", "folded before the value", fields("X:\r\n b"))
bad(g, "9112 5.2", "a folded Host", "GET /c HTTP/1.1\r\nHost:\r\n a.test\r\n\r\n")
bad(g, "9112 5.2", "a folded length", post("Content-Length:\r\n 5"))
bad(g, "9112 5.2", "a folded coding", post("Transfer-Encoding:\r\n chunked", HELLO))
bad(g, "9112 2.2", "space ahead of the first field", "GET /c HTTP/1.1\r\n Host: a.test\r\n\r\n")
bad(g, "9112 2.2", "tab ahead of the first field", "GET /c HTTP/1.1\r\n\tX: y\r\n" + HOST + "\r\n")
bad(g, "9112 2.2", "a line of space for the empty one", "GET /c HTTP/1.1\r\n" + HOST + " \r\n\r\n")
bad(g, "9112 2.2", "bare LF everywhere", "GET /c HTTP/1.1\nHost: a.test\n\n")
bad(g, "9112 2.2", "bare LF behind a field", "GET /c HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n")
bad(g, "9112 2.2", "bare LF for the empty line", "GET /c HTTP/1.1\r\nHost: a.test\r\n\n")
bad(g, "9112 2.2", "LF CR LF at the end", "GET /c HTTP/1.1\r\nHost: a.test\n\r\n")
bad(g, "9112 2.2", "CR alone at the end", "GET /c HTTP/1.1\r\nHost: a.test\r\n\rX")
bad(g, "9112 2.2", "CR CR LF at the end", "GET /c HTTP/1.1\r\nHost: a.test\r\n\r\r\n")
good(g, "9110 5.4", "as many fields as there may be", fields("\r\n".join(["X-N: v"] * (FIELDS_MAX - 1))))
bad(g, "6585 5", "one more", fields("\r\n".join(["X-N: v"] * FIELDS_MAX)), 431)
bad(g, "6585 5", "thousands", fields("\r\n".join(["X-N: v"] * 5000)), 431)
good(g, "9110 5.4", "a value of 8,000 octets", fields("X: " + "v" * 8000))
good(g, "9110 5.4", "a name of 8,000 octets", fields("X" * 8000 + ": v"))
good(g, "9110 5.4", "the largest head", fields("X: " + "v" * (HEAD_MAX - len(fields("X: ")))))
bad(g, "6585 5", "one octet more", fields("X: " + "v" * (HEAD_MAX + 1 - len(fields("X: ")))), 431)
bad(g, "6585 5", "a value of 200,000 octets", fields("X: " + "v" * 200000), 431)
bad(g, "6585 5", "a name without an end", "GET /c HTTP/1.1\r\n" + HOST + "X" * HEAD_MAX, 431)
bad(g, "6585 5", "a value without an end", "GET /c HTTP/1.1\r\n" + HOST + "X: " + "v" * HEAD_MAX, 431)
bad(g, "6585 5", "wrong before it is too large", "GET /c HTTP/1.1\r\n" + HOST + "X : y\r\nX: " + "v" * HEAD_MAX, 400)

# --- Content-Length -----------------------------------------------------------------------------------------------------

g = "length"
good(g, "9112 6.2", "a body", post("Content-Length: 5"), bodies=["hello"])
good(g, "9112 6.2", "no octets", post("Content-Length: 0", ""), bodies=[""])
good(g, "9112 6.3", "no length, no body", fields("X: y", "POST"), bodies=[""])
good(g, "9110 8.6", "zeros in front", post("Content-Length: 0005"), bodies=["hello"])
good(g, "9110 8.6", "forty zeros in front", post("Content-Length: " + "0" * 40 + "5"), bodies=["hello"])
good(g, "9110 5.1", "no case", post("cONTENT-lENGTH: 5"), bodies=["hello"])
good(g, "9112 5", "space around it", post("Content-Length: \t5 \t"), bodies=["hello"])
good(g, "9110 9.3.1", "a body of GET", fields("Content-Length: 5", "GET", "hello"), bodies=["hello"])
good(g, "9110 9.3.5", "a body of DELETE", fields("Content-Length: 5", "DELETE", "hello"), bodies=["hello"])
good(g, "9110 9.3.7", "a body of OPTIONS", fields("Content-Length: 5", "OPTIONS", "hello"), bodies=["hello"])
good(g, "9110 9.3.2", "a body of HEAD", fields("Content-Length: 5", "HEAD", "hello"), bodiless=[0])
good(g, "9112 6.2", "every octet there is", post("Content-Length: 256", bytes(range(256)).decode("latin-1")), bodies=[bytes(range(256))])
good(g, "9112 6.2", "a body that looks like a request", post(f"Content-Length: {len(NEXT)}", NEXT), bodies=[NEXT])
for value in ["", "+5", "-5", "-0", "5.0", "5e0", "0x5", "0b1", "5 5", "5;", "five", '"5"', "5B", "5,5", "5, 5", "5, 6", "5,", ",5", "5,,5", "\xa05",
              "\xd9\xa5", "\xb2", "5\xa0", "_5", "5_0", "Infinity",
              "9223372036854775808", "9223372036854775813", "18446744073709551621", "9" * 60]:
    bad(g, "9112 6.3", f"{value!r} is no length", post("Content-Length: " + value))
for value in ["5\0", "\x0b5", "5\x0c"]:
    bad(g, "9110 5.5", f"{value!r} is no value", post("Content-Length: " + value))
bad(g, "9112 6.3", "twice, equal", post("Content-Length: 5\r\nContent-Length: 5"))
bad(g, "9112 6.3", "twice, different", post("Content-Length: 5\r\nContent-Length: 6"))
bad(g, "9112 6.3", "twice, zero first", post("Content-Length: 0\r\nContent-Length: 5"))
bad(g, "9112 6.3", "twice, zero last", post("Content-Length: 5\r\nContent-Length: 0"))
bad(g, "9112 6.3", "twice, the second no number", post("Content-Length: 5\r\ncontent-length: x"))
case(g, "9112 6.3", "one octet short: the next request is the body's end", post("Content-Length: 6"), 200, rest="!", bodies=["hello!"])
case(g, "9112 6.3", "one octet too many, and no request", post("Content-Length: 5", "hello!\r\n\r\n"), 200, 400, end="close", bodies=["hello"])
for length in [BODY_MAX + 1, 1 << 31, (1 << 32) + 5, (1 << 53) + 5, (1 << 63) - 1]:
    bad(g, "9110 15.5.14", f"{length} octets announced", post(f"Content-Length: {length}", "hello" + NEXT), 413)
good(g, "9110 15.5.14", "the largest body", post(f"Content-Length: {BODY_MAX}", "x" * BODY_MAX), bodies=["x" * BODY_MAX])
bad(g, "9112 8", "half-closed inside a body", post("Content-Length: 10"), fin=True)
bad(g, "9112 8", "half-closed before a body", post("Content-Length: 10", ""), fin=True)
case(g, "9112 6.3", "in HTTP/1.0", "POST /c HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 200, end="close", bodies=["hello"])
case(g, "9112 6.3", "none in HTTP/1.0: no body", "POST /c HTTP/1.0\r\n\r\nhello", 200, end="close", bodies=[""])

# --- Transfer-Encoding --------------------------------------------------------------------------------------------------

g = "coding"
good(g, "9112 7.1", "chunked", post("Transfer-Encoding: chunked", HELLO), bodies=["hello"])
good(g, "9112 7", "no case", post("tRANSFER-eNCODING: cHuNkEd", HELLO), bodies=["hello"])
good(g, "9112 5", "space around it", post("Transfer-Encoding:\t chunked\t ", HELLO), bodies=["hello"])
good(g, "9112 6.1", "on a GET", fields("Transfer-Encoding: chunked", "GET", HELLO), bodies=["hello"])
good(g, "9112 6.1", "on a HEAD", fields("Transfer-Encoding: chunked", "HEAD", HELLO), bodiless=[0])
good(g, "9110 10.1.4", "TE is another field", post("TE: trailers, chunked;q=0.5\r\nContent-Length: 5"), bodies=["hello"])
for value in ["gzip", "deflate", "identity", "xchunked", "chunkedx", "chunke", "x-gzip", "gzip;q=1", "br", "chunked-x"]:
    bad(g, "9112 6.1", f"{value!r} is not known here", post("Transfer-Encoding: " + value, HELLO), 501)
for value in ["gzip, chunked", "identity, chunked", "gzip,chunked", "gzip;q=1, chunked", "chunked-x, chunked"]:
    bad(g, "9112 6.1", f"{value!r} needs more than chunked", post("Transfer-Encoding: " + value, HELLO), 501)
for value in ["", ",", "chunked,", ",chunked", "chunked, ,", '"chunked"', "'chunked'x y", "chunked chunked", "chunked;", "chunked;q=1",
              "chunked ;q=1", "chunked=1", "\xa0chunked", "chunked\xa0", "ch\x80unked",
              "chunked, chunked", "chunked, gzip", "chunked, identity", "[chunked]", "chunked\\", ";chunked"]:
    bad(g, "9112 6.1", f"{value!r} is malformed", post("Transfer-Encoding: " + value, HELLO))
for value in ["\x0bchunked", "chunked\x0b", "chunked\0", "\x0cchunked", "chun\rked"]:
    bad(g, "9110 5.5", f"{value!r} is no value", post("Transfer-Encoding: " + value, HELLO))
bad(g, "9112 6.1", "twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", HELLO))
bad(g, "9112 6.1", "twice, then another", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", HELLO))
bad(g, "9112 6.1", "another, then chunked", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", HELLO), 501)
bad(g, "9112 6.1", "with a length behind", post("Transfer-Encoding: chunked\r\nContent-Length: 5", HELLO))
bad(g, "9112 6.1", "with a length before", post("Content-Length: 5\r\nTransfer-Encoding: chunked", HELLO))
bad(g, "9112 6.1", "with a length of nothing", post("Content-Length: 0\r\nTransfer-Encoding: chunked", HELLO))
bad(g, "9112 6.1", "an unknown one with a length", post("Content-Length: 5\r\nTransfer-Encoding: identity", "hello"))
bad(g, "9112 6.1", "with a bad length", post("Transfer-Encoding: chunked\r\nContent-Length: x", HELLO))
bad(g, "9112 6.1", "CL.TE: what is hidden is not served", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + NEXT))
bad(g, "9112 6.1", "TE.CL: what is hidden is not served", post("Transfer-Encoding: chunked\r\nContent-Length: 4", f"{len(NEXT):x}\r\n{NEXT}\r\n0\r\n\r\n"))
bad(g, "9112 6.1", "in HTTP/1.0", "POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
bad(g, "9112 6.1", "in HTTP/1.0, kept alive", "POST /c HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
good(g, "9112 6.1", "in HTTP/1.2", "POST /c HTTP/1.2\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n" + HELLO, bodies=["hello"])

# --- chunks -------------------------------------------------------------------------------------------------------------

g = "chunk"
good(g, "9112 7.1", "both cases of digits", chunked("a\r\n0123456789\r\nA\r\nabcdefghij\r\n1\r\n!\r\n0\r\n\r\n"), bodies=["0123456789abcdefghij!"])
good(g, "9112 7.1", "no data", chunked("0\r\n\r\n"), bodies=[""])
good(g, "9112 7.1", "many zeros for the last", chunked("5\r\nhello\r\n000000\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "zeros in front", chunked("0005\r\nhello\r\n0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "forty zeros in front", chunked("0" * 40 + "5\r\nhello\r\n0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "data that looks like framing", chunked("7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n"), bodies=["0\r\n\r\n0\r"])
good(g, "9112 7.1", "one octet each", chunked("".join(f"1\r\n{c}\r\n" for c in "hello") + "0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "a large one", chunked("10000\r\n" + "x" * 65536 + "\r\n0\r\n\r\n"), bodies=["x" * 65536])
good(g, "9112 7.1", "5,000 of one octet", chunked("1\r\nx\r\n" * 5000 + "0\r\n\r\n"), bodies=["x" * 5000])
for extension in [";a", ";a=b", ";a=b;c=d", ';a="b"', ';a="b c;d\\"e\tf"', ';a=""', ' ;a', '\t; a', ";a =b", ";a= b", " ; a = b ; c",
                  ";!#$%&'*+-.^_`|~9=x", ';a="\x80"', ";a=b" * 20]:
    good(g, "9112 7.1.1", f"extension {extension[:12]!r}", chunked(f"5{extension}\r\nhello\r\n0{extension}\r\n\r\n"), bodies=["hello"])
for extension in [";", "; ", ";;a", ";a;", ";=b", ";a=", ";a==b", ";a=b c", ";a b", ';a="b', ';a="b"c', ';a=b"c"', ';a="b\\', ";a=(b)", " a",
                  ";a\0b", ";a=\0", ';a="\0"', ';a="\\\0"', ';a="\x7f"', ";a\x80", ";a=b ",
                  " ", "\t", ",a", ":a", "=a"]:
    bad(g, "9112 7.1.1", f"no extension: {extension!r}", chunked(f"5{extension}\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a bare LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a bare CR in an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a quoted line end", chunked('5;a="\r\n"\r\nhello\r\n0\r\n\r\n'))
bad(g, "9112 7.1.1", "one of 100,000 octets", chunked("5;a=" + "x" * 100000 + "\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a flood of small ones", chunked(("1;" + "a" * 100 + "\r\nx\r\n") * 1000 + "0\r\n\r\n"))
for size in ["", " 5", "\t5", "+5", "-5", "-0", "0x5", "x5", "5h", "5.", "5.0", "g", "5 5", "5,5", "\0" + "5", "5\0", "\xb5", "5\xa0", "#5", "'5'",
             '"5"', "\r\n5", "five"]:
    bad(g, "9112 7.1", f"size {size!r}", chunked(f"{size}\r\nhello\r\n0\r\n\r\n"))
for ending, why in [("\n", "bare LF"), ("\r", "bare CR"), ("\r\r\n", "CR CR LF"), ("\n\r", "LF CR"), ("\r \n", "CR SP LF"), ("", "nothing")]:
    bad(g, "9112 7.1", f"{why} behind the size", chunked(f"5{ending}hello\r\n0\r\n\r\n"))
    bad(g, "9112 7.1", f"{why} behind the data", chunked(f"5\r\nhello{ending}0\r\n\r\n"))
    if ending not in ("", "\r"):
        bad(g, "9112 7.1", f"{why} behind the last size", chunked(f"5\r\nhello\r\n0{ending}\r\n"))
        bad(g, "9112 7.1", f"{why} at the end", chunked(f"5\r\nhello\r\n0\r\n{ending}GET"))
bad(g, "9112 7.1", "less data than announced", chunked("6\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1", "more data than announced", chunked("4\r\nhello\r\n0\r\n\r\n"))
for size in ["100001", "80000000", "100000005", "7fffffffffffffff"]:
    bad(g, "9112 7.1", f"{size} is over the limit, said at once", chunked(f"{size}\r\nhello\r\n0\r\n\r\n" + NEXT), 413)
for size in ["8000000000000000", "ffffffffffffffff", "10000000000000005", "f" * 400, "0" * 5000 + "5"]:
    bad(g, "9112 7.1", f"{size[:20]} does not fit", chunked(f"{size}\r\nhello\r\n0\r\n\r\n" + NEXT))
good(g, "9110 15.5.14", "the largest body", chunked(f"{BODY_MAX:x}\r\n{'x' * BODY_MAX}\r\n0\r\n\r\n"), bodies=["x" * BODY_MAX])
case(g, "9110 15.5.14", "one octet more, in a chunk of its own, and the body ends",
     chunked(f"{BODY_MAX:x}\r\n{'x' * BODY_MAX}\r\n1\r\nx\r\n0\r\n\r\n") + NEXT, 413, 200)
bad(g, "9112 8", "half-closed in a size", chunked("5"), fin=True)
bad(g, "9112 8", "half-closed in the data", chunked("5\r\nhel"), fin=True)
bad(g, "9112 8", "half-closed behind the data", chunked("5\r\nhello\r\n"), fin=True)
bad(g, "9112 8", "half-closed behind the last size", chunked("5\r\nhello\r\n0\r\n"), fin=True)
bad(g, "9112 8", "half-closed in the trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\n"), fin=True)
bad(g, "9112 8", "half-closed before the last octet", chunked("5\r\nhello\r\n0\r\n\r"), fin=True)
bad(g, "9112 8", "half-closed before all of it", chunked(""), fin=True)

g = "trailer"
good(g, "9112 7.1.2", "one", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1.2", "three, announced", chunked("5\r\nhello\r\n0\r\nX: y\r\nA:\r\nB: \t c d \r\n\r\n", "Trailer: X\r\n"), bodies=["hello"])
for text in ["Content-Length: 50", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", "Host: b.test", "Host: a b", "Connection: close",
             "Expect: x", "Trailer: X", "Content-Length: x"]:
    good(g, "9110 6.5.1", f"{text} is only a trailer", chunked(f"5\r\nhello\r\n0\r\n{text}\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1.2", "without data", chunked("0\r\nX: y\r\n\r\n"), bodies=[""])
for text, why in [("X", "no colon"), (": y", "no name"), ("X : y", "space before the colon"), (" X: y", "space in front"),
                  ("X y: z", "space in the name"), ("X: \0", "NUL"), ("X: a\x01", "control"),
                  ("X: a\rb", "bare CR"), ("X: a\nb", "bare LF"), ("X: a\r\n b", "folded"), ("X\x80: y", "octet above ASCII in the name"),
                  ("GET / HTTP/1.1", "a request line")]:
    bad(g, "9112 7.1.2", why, chunked(f"5\r\nhello\r\n0\r\n{text}\r\n\r\n"))
bad(g, "6585 5", "200,000 octets", chunked("5\r\nhello\r\n0\r\nX: " + "y" * 200000 + "\r\n\r\n"), 431)
bad(g, "6585 5", "more fields than a head may have", chunked("5\r\nhello\r\n0\r\n" + "X: y\r\n" * (FIELDS_MAX + 1) + "\r\n"), 431)
good(g, "9112 7.1.2", "as many as a head may have", chunked("5\r\nhello\r\n0\r\n" + "X: y\r\n" * FIELDS_MAX + "\r\n"), bodies=["hello"])

# --- the connection -----------------------------------------------------------------------------------------------------

g = "conn"
case(g, "9112 9.3.2", "two in one segment", NEXT + NEXT, 200, 200)
case(g, "9112 9.3.2", "ten", "".join(target(f"/{i}") for i in range(10)), *[200] * 10, targets=[f"/{i}" for i in range(10)])
case(g, "9112 9.3.2", "a thousand", NEXT * 1000, *[200] * 1000)
case(g, "9112 9.3.2", "with bodies", post("Content-Length: 3", "one") + chunked("3\r\ntwo\r\n0\r\n\r\n") + post("Content-Length: 5", "three"), 200,
     200, 200, bodies=["one", "two", "three"])
case(g, "9112 2.2", "a stray CRLF behind a body", post("Content-Length: 3", "one\r\n") + NEXT, 200, 200, bodies=["one", ""])
case(g, "9112 2.2", "empty lines between", NEXT + "\r\n\r\n" + NEXT, 200, 200)
case(g, "9112 2.2", "bad behind good", NEXT + "GET /c HTTP/1.1\r\n\r\n", 200, 400, end="close")
case(g, "9112 2.2", "good behind bad is not served", NEXT + fields("X y: z") + NEXT, 200, 400, end="close")
case(g, "9112 2.2", "a bad line behind a good one", NEXT + "\x01" + NEXT, 200, 400, end="close")
case(g, "9112 2.2", "too long behind good", NEXT + target("/" + "a" * TARGET_MAX), 200, 414, end="close")
case(g, "9112 2.2", "bad chunk behind good", NEXT + chunked("x\r\n") + NEXT, 200, 400, end="close")
case(g, "9112 2.2", "too large a body behind good", NEXT + post(f"Content-Length: {BODY_MAX + 1}") + NEXT, 200, 413, end="close")
case(g, "9112 2.2", "unknown coding behind good", NEXT + post("Transfer-Encoding: gzip", "") + NEXT, 200, 501, end="close")
case(g, "9112 2.2", "the expectation failed behind good", NEXT + fields("Expect: x") + NEXT, 200, 417, end="close")
for value in ["close", "Close", "CLOSE", " \tclose ", "close, x", "x, close", "x,close,y", "keep-alive, close", "close, keep-alive", ",close",
              "close,", "x , close"]:
    case(g, "9112 9.6", f"Connection: {value}", fields("Connection: " + value) + NEXT, 200, end="close")
case(g, "9112 9.6", "close on a line of its own", fields("Connection: keep-alive\r\nConnection: close") + NEXT, 200, end="close")
case(g, "9112 9.6", "close, then keep-alive", fields("Connection: close\r\nConnection: keep-alive") + NEXT, 200, end="close")
case(g, "9112 9.6", "close with a body", post("Connection: close\r\nContent-Length: 5") + NEXT, 200, end="close", bodies=["hello"])
case(g, "9112 9.6", "close with chunks", chunked(HELLO, "Connection: close\r\n") + NEXT, 200, end="close", bodies=["hello"])
for value in ["", "keep-alive", "Keep-Alive", "closed", "clos", "xclose", "close-x", "not close", "close;q=1", '"close"', "x", "upgrade", "TE", ",",
              "close=1", "c-l-o-s-e", "close\xa0"]:
    good(g, "9112 9.3", f"Connection: {value!r}", fields("Connection: " + value))
good(g, "9110 7.8", "an upgrade nobody offers", fields("Connection: Upgrade\r\nUpgrade: x/1"))
good(g, "9110 7.8", "an upgrade to HTTP/2", fields("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"))
good(g, "9112 9.3", "Keep-Alive is another field", fields("Keep-Alive: timeout=5, close"))
good(g, "9110 7.6.1", "Proxy-Connection is another field", fields("Proxy-Connection: close"))
case(g, "9112 9.3", "HTTP/1.0", "GET /c HTTP/1.0\r\n\r\n" + NEXT, 200, end="close")
case(g, "9112 9.3", "HTTP/1.0, kept", "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200)
case(g, "9112 9.3", "HTTP/1.0, kept, in capitals among others", "GET /c HTTP/1.0\r\nConnection: x, KEEP-ALIVE\r\n\r\n", 200)
case(g, "9112 9.3", "HTTP/1.0, kept, with a body", "POST /c HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200, bodies=["hello"])
case(g, "9112 9.3", "HTTP/1.0, both options", "GET /c HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + NEXT, 200, end="close")
case(g, "9112 9.3", "HTTP/1.0, another option", "GET /c HTTP/1.0\r\nConnection: keep-alives\r\n\r\n" + NEXT, 200, end="close")
case(g, "9112 9.3", "HTTP/1.1, then 1.0", NEXT + "GET /c HTTP/1.0\r\n\r\n" + NEXT, 200, 200, end="close")
case(g, "9112 9.3", "HTTP/1.0 kept, then 1.1", "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT, 200, 200)
case(g, "9112 9.6", "half-close behind one", NEXT, 200, end="close", fin=True)
case(g, "9112 9.6", "half-close behind three", NEXT + post("Content-Length: 3", "two") + NEXT, 200, 200, 200, end="close", fin=True)
case(g, "9112 8", "half-close in a request line", "GET /c HT", 400, end="close", fin=True)
case(g, "9112 8", "half-close in the fields", "GET /c HTTP/1.1\r\nHost: a", 400, end="close", fin=True)
case(g, "9112 8", "half-close before the last octet", "GET /c HTTP/1.1\r\nHost: a.test\r\n\r", 400, end="close", fin=True)
case(g, "9112 8", "half-close in the second request", NEXT + "GET ", 200, 400, end="close", fin=True)
case(g, "9112 9.5", "a connection without a request", "", end="close", fin=True)
case(g, "9112 9.5", "only empty lines", "\r\n\r\n", end="close", fin=True)
case(g, "9112 9.5", "half an empty line", "\r", 400, end="close", fin=True)
case(g, "9112 9.6", "half-close behind a stray CRLF", NEXT + "\r\n", 200, end="close", fin=True)

g = "unread"
case(g, "9112 9.3", "a body nobody asked for", line("POST /unread HTTP/1.1").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n") + "hello" + NEXT, 200, 200)
case(g, "9112 9.3", "chunks nobody asked for", chunked(HELLO).replace("/c", "/unread") + NEXT, 200, 200)
case(g, "9112 9.3", "bad chunks nobody asked for", chunked("x\r\n").replace("/c", "/unread") + NEXT, 200, end="close")
case(g, "9112 9.3", "as large as will be skipped", post(f"Content-Length: {DISCARD_MAX}", "x" * DISCARD_MAX).replace("/c", "/unread") + NEXT, 200, 200)
case(g, "9112 9.3", "larger: not worth it", post(f"Content-Length: {DISCARD_MAX + 1}", "x" * 1000).replace("/c", "/unread") + NEXT, 200, end="close")
case(g, "9112 9.3", "half-closed in it", post("Content-Length: 9").replace("/c", "/unread"), 200, end="close", fin=True)
case(g, "9110 10.1.1", "announced with 100-continue, never asked for", post("Content-Length: 5\r\nExpect: 100-continue", "").replace("/c",
        "/unread") + NEXT, 200, end="close")

g = "answer"
good(g, "9110 9.3.2", "HEAD", line("HEAD /c HTTP/1.1"), bodiless=[0])
case(g, "9110 9.3.2", "HEAD between others", NEXT + line("HEAD /c HTTP/1.1") + NEXT, 200, 200, 200, bodiless=[1])
case(g, "9110 9.3.2", "HEAD in HTTP/1.0", "HEAD /c HTTP/1.0\r\n\r\n" + NEXT, 200, end="close", bodiless=[0])
case(g, "9110 9.3.2", "HEAD of a stream", line("HEAD /pushed HTTP/1.1") + NEXT, 200, 200, bodiless=[0])
case(g, "9110 15.3.5", "204 has no body", target("/status/204") + NEXT, 204, 200)
case(g, "9110 15.4.5", "304 has no body", target("/status/304") + NEXT, 304, 200)
case(g, "9110 15.3.6", "205 has an empty one", target("/status/205") + NEXT, 205, 200)
case(g, "9110 15.3.5", "204 to HEAD", line("HEAD /status/204 HTTP/1.1") + NEXT, 204, 200, bodiless=[0])
case(g, "9112 9.3", "404 keeps the connection", target("/status/404") + NEXT, 404, 200)
case(g, "9112 9.3", "500 of a handler keeps it too", target("/status/500") + NEXT, 500, 200)
case(g, "9112 7.1", "a stream in chunks", target("/pushed") + NEXT, 200, 200, bodies=["onetwothree", ""])
case(g, "9112 6.3", "a stream to HTTP/1.0 ends with the connection", "GET /pushed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT, 200,
     end="close", bodies=["onetwothree"])
case(g, "9112 7.1", "a stream, then close", fields("Connection: close").replace("/c", "/pushed") + NEXT, 200, end="close", bodies=["onetwothree"])

g = "expect"
case(g, "9110 10.1.1", "100-continue, waiting", post("Content-Length: 5\r\nExpect: 100-continue", ""), 200, continues=1, rest="hello", bodies=["hello"])
case(g, "9110 10.1.1", "no case, chunks", chunked("", "eXPECT: 100-Continue\r\n"), 200, continues=1, rest=HELLO, bodies=["hello"])
case(g, "9110 10.1.1", "behind another request", NEXT + post("Content-Length: 5\r\nExpect: 100-continue", ""), 200, 200, before=1, continues=1,
     rest="hello", bodies=["", "hello"])
good(g, "9110 10.1.1", "not waiting", post("Content-Length: 5\r\nExpect: 100-continue"), continues=ANY, bodies=["hello"])
good(g, "9110 10.1.1", "nothing to wait for", fields("Expect: 100-continue"))
good(g, "9110 10.1.1", "no octets to wait for", post("Content-Length: 0\r\nExpect: 100-continue", ""))
good(g, "9110 10.1.1", "said twice", post("Content-Length: 5\r\nExpect: 100-continue, 100-continue\r\nExpect: 100-continue"), continues=ANY, bodies=["hello"])
good(g, "9110 10.1.1", "an empty list", post("Content-Length: 5\r\nExpect:"), bodies=["hello"])
case(g, "9110 10.1.1", "HTTP/1.0 knows none", "POST /c HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 200, end="close",
     rest="hello", bodies=["hello"])
case(g, "9110 10.1.1", "close, and waiting", post("Content-Length: 5\r\nConnection: close\r\nExpect: 100-continue", ""), 200, end="close",
     continues=1, rest="hello", bodies=["hello"])
for value in ["200-ok", "100-continue, x", "x=y", "100-continued", "100", '"100-continue"', "100-continue;q=1"]:
    bad(g, "9110 10.1.1", f"Expect: {value}", post("Content-Length: 5\r\nExpect: " + value, "") + NEXT, 417)
bad(g, "9110 10.1.1", "a bad length first, and no 100", post("Content-Length: 5\r\nContent-Length: 6\r\nExpect: 100-continue", ""))
bad(g, "9110 10.1.1", "a bad Host, and no 100", "POST /c HTTP/1.1\r\nHost: a b\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
bad(g, "9110 15.5.14", "too large, and no 100", post(f"Content-Length: {BODY_MAX + 1}\r\nExpect: 100-continue", "") + NEXT, 413)
bad(g, "9110 10.1.1", "asked for, and half-closed", post("Content-Length: 5\r\nExpect: 100-continue", ""), continues=ANY, fin=True)

g = "wait"
for text, why in [("", "nothing"), ("\r\n", "an empty line"), ("\r", "half of one"), ("G", "a letter"), ("GET ", "a method"), ("GET /c", "a target"),
                  ("GET /%", "half an escape"),
                  ("GET /c HTTP/1", "half a version"), ("GET /c HTTP/1.1\r", "half a line end"), ("GET /c HTTP/1.1\r\n", "a request line"),
                  ("GET /c HTTP/1.1\r\nHost", "a name"),
                  ("GET /c HTTP/1.1\r\nHost: a", "half a value"), ("GET /c HTTP/1.1\r\nHost: a\r", "half a line end"),
                  ("GET /c HTTP/1.1\r\nHost: a\r\n", "all but the empty line"),
                  ("GET /c HTTP/1.1\r\nHost: a\r\n\r", "all but an octet")]:
    whole = {"": NEXT, "\r\n": "\r\n" + NEXT, "\r": "\r\n" + NEXT, "GET /%": "GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n"}.get(text,
            "GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
    case(g, "9112 2.2", f"{why} so far", text, 200, rest=whole[len(text):])
SLOW = "5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n"
for at in range(len(SLOW)):
    case(g, "9112 7.1", f"{at} octets of a chunked body so far", chunked(SLOW[:at]), 200, rest=SLOW[at:], bodies=["hello"])
case(g, "9112 9.3.2", "one answered, the next incomplete", NEXT + "GET /c HTTP/1.1\r\n", 200, 200, before=1, rest=HOST + "\r\n")
