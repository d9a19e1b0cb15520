"""The trailer section: checked like any fields, and never merged into the head (RFC 9112 §7.1.2, RFC 9110 §6.5)."""
from .table import FIELDS_MAX, HELLO, NEXT, bad, case, chunked, good

g = "trailer"
good(g, "9112 7.1.2", "one", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1.2", "three, announced", chunked("5\r\nhello\r\n0\r\nX: y\r\nA:\r\nB: \t c d \r\n\r\n", "Trailer: X\r\n"),
     bodies=["hello"])
for text in ["Content-Length: 50", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", "Host: b.test", "Host: a b",
             "Connection: close", "Expect: x", "Trailer: X", "Content-Length: x"]:
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
for name in ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Range", "Range",
             "If-Match", "Cache-Control", "TE", "Upgrade", "Max-Forwards", "Keep-Alive", "Proxy-Connection", "Age", "Date", "Location",
             "Via", "X-Forwarded-For", "host", "CONTENT-LENGTH", "transfer-encoding", "expect", "trailer", "X" * 100, "!#$%&'*+-.^_`|~"]:
    good(g, "9110 6.5.1", f"{name[:30]} is only a trailer", chunked(f"5\r\nhello\r\n0\r\n{name}: close\r\n\r\n"), bodies=["hello"],
         headers=[{"x-echo": None}])
case(g, "9110 6.5.1", "a length in the trailers frames nothing", chunked(f"5\r\nhello\r\n0\r\nContent-Length: {len(NEXT)}\r\n\r\n") + NEXT,
     200, 200, bodies=["hello", ""])
case(g, "9110 6.5.1", "a coding in the trailers frames nothing", chunked("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n") + NEXT,
     200, 200, bodies=["hello", ""])
case(g, "9110 6.5.1", "Connection: close in the trailers closes nothing", chunked("5\r\nhello\r\n0\r\nConnection: close\r\n\r\n") + NEXT,
     200, 200, bodies=["hello", ""])
case(g, "9110 6.5.1", "Host in the trailers routes nothing", chunked("0\r\nHost: b.test\r\n\r\n") + NEXT, 200, 200,
     headers=[{"x-host": "a.test"}, {"x-host": "a.test"}])
good(g, "9110 6.5.1", "a field of the head does not change by its trailer", chunked("5\r\nhello\r\n0\r\nX: trailer\r\n\r\n", "X: head\r\n"),
     headers=[{"x-echo": "head"}])
good(g, "9110 6.6.2", "announced and not sent", chunked(HELLO, "Trailer: X, Y\r\n"), bodies=["hello"])
good(g, "9110 6.6.2", "announced: forbidden ones", chunked(HELLO, "Trailer: Content-Length, Host, Trailer\r\n"), bodies=["hello"])
good(g, "9112 7.1.2", "an empty one, white space, all that is visible",
     chunked("0\r\nA:\r\nB: \t \r\nC: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\nD: \x80\xff\r\n\r\n"), bodies=[""])
good(g, "9112 7.1.2", "without space behind the colon", chunked("0\r\nX:y\r\n\r\n"), bodies=[""])
good(g, "9112 7.1.2", "one of 4,000 octets", chunked("0\r\nX: " + "y" * 4000 + "\r\n\r\n"), bodies=[""])
for text, why in [("X\t: y", "tab before the colon"), ("\tX: y", "tab in front"), ("X", "a name alone"),
                  ("X: y\r\nZ", "no colon in the second"), ("X: y\r\n Z: a", "space ahead of the second"),
                  ("X: a\r\n\tb", "folded with a tab"), ("X:\r\n b", "folded before the value"), ("X: a\r\n ", "folded into nothing"),
                  ("X(: y", "parenthesis in the name"), ("X,Y: z", "comma in the name"), ('"X": y', "a quoted name"), ("X: \x7f", "DEL"),
                  ("X: a\x0bb", "vertical tab"), ("X: a\r", "CR behind a value"), ("X: a\r\rb", "two bare CR"),
                  ("X\r: y", "CR in the name"), ("X\n: y", "LF in the name"), ("X\0: y", "NUL in the name"),
                  ("X\xa0: y", "NBSP in the name"), ("X: y\n", "LF, then CRLF"), ("5", "another size"), ("0", "another last size"),
                  ("5\r\nhello", "another chunk"), ("hello", "data"), ("Content-Length : 5", "space before the colon of a length"),
                  ("GET /next HTTP/1.1", "a request line")]:
    bad(g, "9112 7.1.2", why, chunked(f"5\r\nhello\r\n0\r\n{text}\r\n\r\n") + NEXT)
bad(g, "9112 7.1.2", "the next request stands where trailers may", chunked("5\r\nhello\r\n0\r\n") + NEXT)
bad(g, "6585 5", "one of 9,000 octets", chunked("0\r\nX: " + "y" * 9000 + "\r\n\r\n"), 431)
bad(g, "6585 5", "a name without an end", chunked("0\r\n" + "X" * 100000), 431)
bad(g, "6585 5", "a section without an end", chunked("0\r\n" + "X: y\r\n" * 100000), 431)
bad(g, "9112 8", "half-closed in a name", chunked("0\r\nX"), fin=True)
bad(g, "9112 8", "half-closed behind a field", chunked("0\r\nX: y"), fin=True)
bad(g, "9112 8", "half-closed in the last line end", chunked("0\r\nX: y\r\n\r"), fin=True)
