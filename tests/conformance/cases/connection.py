"""Persistence, pipelining, closing, half-closing (RFC 9112 §9), upgrades nobody offers (RFC 9110 §7.8)."""
from .table import ANY, BODY_MAX, DISCARD_MAX, HEAD_MAX, HELLO, NEXT, TARGET_MAX, bad, case, chunked, fields, good, line, post, target

g = "conn"
case(g, "9112 9.3.2", "two in one segment", NEXT + NEXT, 200, 200)
case(g, "9112 9.3.2", "ten", "".join(target(f"/{i}") for i in range(10)), *[200] * 10, targets=[f"/{i}" for i in range(10)])
case(g, "9112 9.3.2", "a thousand", NEXT * 1000, *[200] * 1000)
case(g, "9112 9.3.2", "with bodies",
     post("Content-Length: 3", "one") + chunked("3\r\ntwo\r\n0\r\n\r\n") + post("Content-Length: 5", "three"), 200, 200, 200,
     bodies=["one", "two", "three"])
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
for value in ["close", "Close", "CLOSE", " \tclose ", "close, x", "x, close", "x,close,y", "keep-alive, close", "close, keep-alive",
              ",close", "close,", "x , close"]:
    case(g, "9112 9.6", f"Connection: {value}", fields("Connection: " + value) + NEXT, 200, end="close")
case(g, "9112 9.6", "close on a line of its own", fields("Connection: keep-alive\r\nConnection: close") + NEXT, 200, end="close")
case(g, "9112 9.6", "close, then keep-alive", fields("Connection: close\r\nConnection: keep-alive") + NEXT, 200, end="close")
case(g, "9112 9.6", "close with a body", post("Connection: close\r\nContent-Length: 5") + NEXT, 200, end="close", bodies=["hello"])
case(g, "9112 9.6", "close with chunks", chunked(HELLO, "Connection: close\r\n") + NEXT, 200, end="close", bodies=["hello"])
for value in ["", "keep-alive", "Keep-Alive", "closed", "clos", "xclose", "close-x", "not close", "close;q=1", '"close"', "x", "upgrade",
              "TE", ",", "close=1", "c-l-o-s-e", "close\xa0"]:
    good(g, "9112 9.3", f"Connection: {value!r}", fields("Connection: " + value))
good(g, "9110 7.8", "an upgrade nobody offers", fields("Connection: Upgrade\r\nUpgrade: x/1"))
good(g, "9110 7.8", "an upgrade to HTTP/2",
     fields("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"))
good(g, "9112 9.3", "Keep-Alive is another field", fields("Keep-Alive: timeout=5, close"))
good(g, "9110 7.6.1", "Proxy-Connection is another field", fields("Proxy-Connection: close"))
case(g, "9112 9.3", "HTTP/1.0", "GET /c HTTP/1.0\r\n\r\n" + NEXT, 200, end="close")
case(g, "9112 9.3", "HTTP/1.0, kept", "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200)
case(g, "9112 9.3", "HTTP/1.0, kept, in capitals among others", "GET /c HTTP/1.0\r\nConnection: x, KEEP-ALIVE\r\n\r\n", 200)
case(g, "9112 9.3", "HTTP/1.0, kept, with a body", "POST /c HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200,
     bodies=["hello"])
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
case(g, "9112 9.3", "a body nobody asked for",
     line("POST /unread HTTP/1.1").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n") + "hello" + NEXT, 200, 200)
case(g, "9112 9.3", "chunks nobody asked for", chunked(HELLO).replace("/c", "/unread") + NEXT, 200, 200)
case(g, "9112 9.3", "bad chunks nobody asked for", chunked("x\r\n").replace("/c", "/unread") + NEXT, 200, end="close", silent=True)
case(g, "9112 9.3", "as large as will be skipped",
     post(f"Content-Length: {DISCARD_MAX}", "x" * DISCARD_MAX).replace("/c", "/unread") + NEXT, 200, 200)
case(g, "9112 9.3", "larger: not worth it", post(f"Content-Length: {DISCARD_MAX + 1}", "x" * 1000).replace("/c", "/unread") + NEXT, 200,
     end="close")
case(g, "9112 9.3", "half-closed in it", post("Content-Length: 9").replace("/c", "/unread"), 200, end="close", fin=True)
case(g, "9110 10.1.1", "announced with 100-continue, never asked for", post("Content-Length: 5\r\nExpect: 100-continue", "").replace("/c",
        "/unread") + NEXT, 200, end="close")
g = "conn"
for value in ["close,close", "close, close", "close\t", "\tclose", "x,\tclose", "CLOSE, TE", "te, Close", ",,close,,",
              "keep-alive,close,upgrade", "close, token, upgrade, token, keep-alive", "x=y, close"]:
    case(g, "9112 9.6", f"Connection: {value!r}", fields("Connection:" + value) + NEXT, 200, end="close", headers=[{"connection": "close"}])
for lines in ["Connection: x\r\nConnection: close", "Connection:\r\nConnection: close",
              "Connection: close\r\nX: y\r\nConnection: keep-alive", "connection: close", "CONNECTION: close",
              "Connection: keep-alive\r\nX: y\r\nConnection: x, close", "Connection: close\r\nConnection: close",
              "Keep-Alive: timeout=5\r\nConnection: close"]:
    case(g, "9112 9.6", f"{lines!r}", fields(lines) + NEXT, 200, end="close", headers=[{"connection": "close"}])
for value in ["clost", "closE\x80", "cloze", "x, clos", "close x", "x close", "close;", "close; x", "(close)", "<close>", "c", "clo",
              "cl ose", "closeclose", "keep-alive close", "close\x80", "\x80close", "enclose", "CLOSED", "close/1.1", "nclose,closen",
              "keepalive", "keep alive", "keep_alive", "Keep-Alive, x", "x, Keep-Alive", "keep-alive, keep-alive", "Host", "Content-Length",
              ", ,", "Upgrade, HTTP2-Settings", "proxy-close", '"close, x"', "cl\xf6se"]:
    good(g, "9112 9.3", f"Connection: {value!r} does not close", fields(f"Connection: {value}"))
for lines in ["X-Connection: close", "Connections: close", "Connection-: close", "Conn: close", "Keep-Alive: close", "Close: close"]:
    good(g, "9110 5.1", f"{lines} does not close", fields(lines))
case(g, "9110 7.6.1", "close among a hundred options", fields("Connection: " + ", ".join(f"x{i}" for i in range(100)) + ", close") + NEXT,
     200, end="close")
for method in ["HEAD", "POST", "OPTIONS", "DELETE", "BREW"]:
    case(g, "9112 9.6", f"close with {method}", fields("Connection: close", method) + NEXT, 200, end="close",
         bodiless=[0] if method == "HEAD" else [])
for version, value, end in [("1.0", "Keep-Alive", "open"), ("1.0", "keep-alive,x", "open"), ("1.0", " ,keep-alive", "open"),
                            ("1.0", "KEEP-ALIVE", "open"), ("1.0", "x", "close"), ("1.0", "", "close"), ("1.0", "keepalive", "close"),
                            ("1.0", "keep-alive x", "close"), ("1.0", "keep-alife", "close"), ("1.0", "keep-alixx", "close"),
                            ("1.0", "keep-alive;q=1", "close"), ("1.0", '"keep-alive"', "close"), ("1.0", "close", "close"),
                            ("1.0", "close, keep-alive", "close"), ("1.0", "keep-alive\r\nConnection: close", "close"),
                            ("1.0", "x\r\nConnection: keep-alive", "open"), ("1.2", "keep-alive", "open"), ("1.2", "x", "open"),
                            ("1.2", "close", "close"), ("1.9", "", "open")]:
    says = {"connection": "close" if end == "close" else "keep-alive" if version == "1.0" else None}
    case(g, "9112 9.3", f"HTTP/{version}, {value!r}: {end}", fields(f"Connection: {value}", version=version), 200, end=end, headers=[says])
case(g, "9112 9.3", "HTTP/1.0, kept three times", "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 3, 200, 200, 200)
case(g, "9112 9.3", "HTTP/1.0, kept, then not", "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "GET /c HTTP/1.0\r\n\r\n" + NEXT, 200,
     200, end="close")
case(g, "9112 9.3", "HTTP/1.0, Proxy-Connection keeps nothing", "GET /c HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n" + NEXT, 200,
     end="close")
case(g, "9112 9.3", "HTTP/1.0, Keep-Alive keeps nothing", "GET /c HTTP/1.0\r\nKeep-Alive: timeout=60\r\n\r\n" + NEXT, 200, end="close")
case(g, "9112 9.3", "HTTP/1.0, HEAD, kept", "HEAD /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT, 200, 200, bodiless=[0])
case(g, "9112 9.3", "HTTP/1.0, an empty line ahead", "\r\nGET /c HTTP/1.0\r\n\r\n", 200, end="close")
case(g, "9112 9.3", "HTTP/1.0 without any field", "GET / HTTP/1.0\r\n\r\n", 200, end="close", targets=["/"])
case(g, "9112 9.3.2", "all methods in a row",
     "".join(line(f"{m} /c HTTP/1.1") for m in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW")), *[200] * 7)
case(g, "9112 9.3.2", "a hundred with bodies, by turns", (post("Content-Length: 3", "one") + chunked(HELLO) + NEXT) * 33, *[200] * 99,
     bodies=["one", "hello", ""] * 33)
case(g, "9112 9.3.2", "empty lines between many", ("\r\n" + NEXT) * 20, *[200] * 20)
case(g, "9112 9.3.2", "eight empty lines between two", NEXT + "\r\n" * 8 + NEXT, 200, 200)
case(g, "9112 9.3.2", "nine are a flood there too", NEXT + "\r\n" * 9 + NEXT, 200, 400, end="close")
case(g, "9112 9.3.2", "an answer of another kind between", NEXT + target("/status/404") + target("/status/204") + target("/pushed") + NEXT,
     200, 404, 204, 200, 200)
case(g, "9112 9.3.2", "a large answer between small ones", NEXT + post(f"Content-Length: {BODY_MAX}", "x" * BODY_MAX) + NEXT, 200, 200, 200,
     bodies=["", "x" * BODY_MAX, ""])
case(g, "9112 9.3.2", "close in the middle", NEXT + fields("Connection: close") + NEXT, 200, 200, end="close")
case(g, "9112 2.2", "a stray LF behind a body", post("Content-Length: 3", "one\n") + NEXT, 200, 400, end="close", bodies=["one"])
case(g, "9112 2.2", "a stray CR behind a body", post("Content-Length: 3", "one\r") + NEXT, 200, 400, end="close", bodies=["one"])
case(g, "9112 2.2", "a stray octet behind a body", post("Content-Length: 3", "one!") + NEXT, 200, 200, bodies=["one"],
     targets=[ANY, "/next"])
case(g, "9112 2.2", "a stray space behind a body", post("Content-Length: 3", "one ") + NEXT, 200, 400, end="close", bodies=["one"])
case(g, "9112 2.2", "a stray NUL behind a request", NEXT + "\0" + NEXT, 200, 400, end="close")
case(g, "9112 2.2", "a stray CRLF behind chunks", chunked(HELLO) + "\r\n" + NEXT, 200, 200)
case(g, "9112 2.2", "no Host behind good", NEXT + "GET /c HTTP/1.1\r\n\r\n" + NEXT, 200, 400, end="close")
case(g, "9112 2.2", "another version behind good", NEXT + line("GET /c HTTP/2.0") + NEXT, 200, 505, end="close")
case(g, "9112 2.2", "too long a method behind good", NEXT + line("M" * 100 + " /c HTTP/1.1") + NEXT, 200, 501, end="close")
case(g, "9112 2.2", "too large a head behind good", NEXT + fields("X: " + "v" * HEAD_MAX) + NEXT, 200, 431, end="close")
case(g, "9112 2.2", "bad behind a hundred good ones", NEXT * 100 + fields("X y: z") + NEXT, *[200] * 100, 400, end="close")
case(g, "9112 2.2", "bad behind a large answer", post(f"Content-Length: {BODY_MAX}", "x" * BODY_MAX) + fields("X y: z") + NEXT, 200, 400,
     end="close", bodies=["x" * BODY_MAX])
case(g, "9112 2.2", "bad behind a stream", target("/pushed") + fields("X y: z") + NEXT, 200, 400, end="close", bodies=["onetwothree"])
case(g, "9112 2.2", "bad behind HEAD", line("HEAD /c HTTP/1.1") + fields("X y: z") + NEXT, 200, 400, end="close", bodiless=[0])
case(g, "9112 2.2", "bad behind 204", target("/status/204") + fields("X y: z") + NEXT, 204, 400, end="close")
case(g, "9112 2.2", "bad, and then a flood", fields("X y: z") + NEXT * 1000, 400, end="close")
case(g, "9112 2.2", "two bad ones get one answer", fields("X y: z") * 2, 400, end="close")
case(g, "9112 9.6", "half-close behind chunks", chunked(HELLO), 200, end="close", fin=True, bodies=["hello"])
case(g, "9112 9.6", "half-close behind Connection: close", fields("Connection: close"), 200, end="close", fin=True)
case(g, "9112 9.6", "half-close behind a request for a stream", target("/pushed"), 200, end="close", fin=True, bodies=["onetwothree"])
case(g, "9112 9.6", "half-close behind HEAD", line("HEAD /c HTTP/1.1"), 200, end="close", fin=True, bodiless=[0])
case(g, "9112 9.6", "half-close behind HTTP/1.0", "GET /c HTTP/1.0\r\n\r\n", 200, end="close", fin=True)
case(g, "9112 9.6", "half-close behind a bad one", fields("X y: z"), 400, end="close", fin=True)
case(g, "9112 9.6", "half-close behind an expectation that fails", fields("Expect: x"), 417, end="close", fin=True)
case(g, "9112 9.6", "half-close behind a thousand", NEXT * 1000, *[200] * 1000, end="close", fin=True)
for text in ["G", "GET", "GET /c", "GET /c HTTP/1.1", "GET /c HTTP/1.1\r", "GET /c HTTP/1.1\r\n", "GET /c HTTP/1.1\r\nHost",
             "GET /c HTTP/1.1\r\nHost:", "GET /c HTTP/1.1\r\nHost: a.test\r", "GET /c HTTP/1.1\r\nHost: a.test\r\n"]:
    case(g, "9112 8", f"half-close behind {text!r}", text, 400, end="close", fin=True)
    case(g, "9112 8", f"half-close behind {text!r}, the second", NEXT + text, 200, 400, end="close", fin=True)
case(g, "9112 8", "half-close behind an empty line and half of another", "\r\n\r", 400, end="close", fin=True)

g = "upgrade"
for lines, why in [("Upgrade: websocket", "without the option"), ("Connection: Upgrade", "without a protocol"),
                   ("Connection: Upgrade\r\nUpgrade: ", "an empty protocol"), ("Connection: Upgrade\r\nUpgrade: x", "an unknown one"),
                   ("Connection: upgrade\r\nUpgrade: TLS/1.2", "TLS"), ("Connection: upgrade\r\nUpgrade: HTTP/2.0", "HTTP/2.0 by name"),
                   ("Connection: Upgrade\r\nUpgrade: h2c", "h2c without its settings"),
                   ("Connection: Upgrade\r\nUpgrade: h2c, websocket, x/1", "a list"),
                   ("Connection: keep-alive, Upgrade\r\nUpgrade: ws", "nearly a protocol"),
                   ("Connection: Upgrade\r\nUpgrade: ,", "a list of nothing"),
                   ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: ", "h2c with empty settings"),
                   ("Connection: Upgrade\r\nUpgrade: a\r\nUpgrade: b", "on two lines"),
                   ("Connection: TE\r\nTE: trailers\r\nUpgrade: x", "with another option")]:
    good(g, "9110 7.8", why, fields(lines))
case(g, "9110 7.8", "in HTTP/1.0", "GET /c HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", 200, end="close")
case(g, "9110 7.8", "and close", fields("Connection: Upgrade, close\r\nUpgrade: x") + NEXT, 200, end="close")
case(g, "9110 7.8", "and a request behind", fields("Connection: Upgrade\r\nUpgrade: x") + NEXT, 200, 200)
case(g, "9110 7.8", "with a body", post("Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\nContent-Length: 15", "sweet post body") + NEXT, 200,
     200, bodies=["sweet post body", ""])
case(g, "9110 7.8", "with chunks", chunked(HELLO, "Connection: Upgrade\r\nUpgrade: x\r\n") + NEXT, 200, 200, bodies=["hello", ""])
case(g, "9110 7.8", "what the other protocol would say is no request", fields("Connection: Upgrade\r\nUpgrade: x") + "Hot\0", 200, 400,
     end="close")
bad(g, "9112 5.2", "in a fold", fields("Connection: keep-alive,\r\n upgrade\r\nUpgrade: x"))
