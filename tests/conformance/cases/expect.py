"""Expect: 100-continue, and what else somebody may expect (RFC 9110 §10.1.1)."""
from .table import ANY, BODY_MAX, HELLO, HOST, NEXT, bad, case, chunked, fields, good, post

g = "expect"
case(g, "9110 10.1.1", "100-continue, waiting", post("Content-Length: 5\r\nExpect: 100-continue", ""), 200, continues=1, rest="hello",
     bodies=["hello"])
case(g, "9110 10.1.1", "no case, chunks", chunked("", "eXPECT: 100-Continue\r\n"), 200, continues=1, rest=HELLO, bodies=["hello"])
case(g, "9110 10.1.1", "behind another request", NEXT + post("Content-Length: 5\r\nExpect: 100-continue", ""), 200, 200, before=1,
     continues=1, rest="hello", bodies=["", "hello"])
good(g, "9110 10.1.1", "not waiting", post("Content-Length: 5\r\nExpect: 100-continue"), continues=ANY, bodies=["hello"])
good(g, "9110 10.1.1", "nothing to wait for", fields("Expect: 100-continue"))
good(g, "9110 10.1.1", "no octets to wait for", post("Content-Length: 0\r\nExpect: 100-continue", ""))
good(g, "9110 10.1.1", "said twice", post("Content-Length: 5\r\nExpect: 100-continue, 100-continue\r\nExpect: 100-continue"), continues=ANY,
     bodies=["hello"])
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
for value in ["100-continue", "100-Continue", "100-CONTINUE", " 100-continue\t", ",100-continue", "100-continue,", ", 100-continue ,"]:
    case(g, "9110 10.1.1", f"{value!r}, waiting", post(f"Content-Length: 5\r\nExpect:{value}", ""), 200, continues=1, rest="hello",
         bodies=["hello"])
for value in ["x", "continue", "100 continue", "100_continue", "100-continu", "100-continues", "x100-continue", "100-continue x",
              "100-continue=1", "100-continue;", "100-continue;a", "x, 100-continue", "100-continue, 200-ok", "101-switching",
              "'100-continue'", "(100-continue)", "*", "0", "=", ";", "100-continue\x80", "100\xad-continue", "\xa0100-continue"]:
    bad(g, "9110 10.1.1", f"Expect: {value!r} of a body", post(f"Content-Length: 5\r\nExpect: {value}", "") + NEXT, 417)
    bad(g, "9110 10.1.1", f"Expect: {value!r} of nothing", fields(f"Expect: {value}") + NEXT, 417)
for value in ["", ",", " ", ", ,"]:
    good(g, "9110 5.6.1", f"Expect: {value!r} expects nothing", fields(f"Expect:{value}"))
for octet in ["\0", "\x0b", "\x7f", "\r", "\n"]:
    bad(g, "9110 5.5", f"{octet!r} in an expectation", post(f"Content-Length: 5\r\nExpect: 100-{octet}continue", ""))
for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "GET", "BREW"]:
    case(g, "9110 10.1.1", f"{method}, waiting", fields("Content-Length: 5\r\nExpect: 100-continue", method), 200, continues=1,
         rest="hello", bodies=["hello"])
case(g, "9110 10.1.1", "HEAD, waiting", fields("Content-Length: 5\r\nExpect: 100-continue", "HEAD"), 200, continues=1, rest="hello",
     bodiless=[0])
case(g, "9110 10.1.1", "HTTP/1.2, waiting", f"POST /c HTTP/1.2\r\n{HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", 200,
     continues=1, rest="hello", bodies=["hello"])
case(g, "9110 10.1.1", "waiting, then half the body", post("Content-Length: 5\r\nExpect: 100-continue", "") + "he", 200, continues=ANY,
     rest="llo", bodies=["hello"])
case(g, "9110 10.1.1", "waiting, and another behind", post("Content-Length: 5\r\nExpect: 100-continue", ""), 200, 200, continues=1,
     rest="hello" + NEXT, bodies=["hello", ""])
case(g, "9110 10.1.1", "waiting, a large body", post("Content-Length: 100000\r\nExpect: 100-continue", ""), 200, continues=1,
     rest="x" * 100000, bodies=["x" * 100000])
case(g, "9110 10.1.1", "waiting, chunks with trailers", chunked("", "Expect: 100-continue\r\n"), 200, continues=1,
     rest="5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", bodies=["hello"])
case(g, "9110 10.1.1", "asked for, and what comes is no chunk", chunked("", "Expect: 100-continue\r\n"), 400, end="close", continues=1,
     rest="x\r\n")
case(g, "9110 10.1.1", "asked for, and too much comes", chunked("", "Expect: 100-continue\r\n"), 413, end="close", continues=1,
     rest=f"{BODY_MAX + 1:x}\r\n")
case(g, "9110 10.1.1", "with an upgrade nobody offers",
     post("Content-Length: 5\r\nConnection: Upgrade\r\nUpgrade: x\r\nExpect: 100-continue", ""), 200, continues=1, rest="hello",
     bodies=["hello"])
case(g, "9110 10.1.1", "HTTP/1.0, kept, knows none",
     "POST /c HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 200, rest="hello", bodies=["hello"])
case(g, "9110 10.1.1", "HTTP/1.0, nothing to wait for", "GET /c HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", 200, end="close")
for lines in ["Content-Length: x", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked",
              "Transfer-Encoding: ,", "X y: z", "Host: a.test", "Content-Length: 5, 5"]:
    bad(g, "9110 10.1.1", f"{lines!r}, and no 100", post(f"Expect: 100-continue\r\n{lines}", ""))
bad(g, "9110 10.1.1", "an unknown coding, and no 100", post("Expect: 100-continue\r\nTransfer-Encoding: gzip", ""), 501)
bad(g, "9110 10.1.1", "another version, and no 100", f"POST /c HTTP/2.0\r\n{HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", 505)
case(g, "9110 10.1.1", "404 instead of 100", post("Content-Length: 5\r\nExpect: 100-continue", "").replace("/c", "/only/nothing") + NEXT,
     404, end="close")
case(g, "9110 10.1.1", "405 instead of 100", post("Content-Length: 5\r\nExpect: 100-continue", "").replace("/c", "/only/get") + NEXT, 405,
     end="close")
