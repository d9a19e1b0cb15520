"""Requests that stop anywhere: nothing is answered before the last octet, and everything behind it (RFC 9112 §2.2)."""
from .table import HOST, NEXT, case, chunked, post

g = "wait"
for text, why in [("", "nothing"), ("\r\n", "an empty line"), ("\r", "half of one"), ("G", "a letter"), ("GET ", "a method"),
                  ("GET /c", "a target"), ("GET /%", "half an escape"), ("GET /c HTTP/1", "half a version"),
                  ("GET /c HTTP/1.1\r", "half a line end"), ("GET /c HTTP/1.1\r\n", "a request line"),
                  ("GET /c HTTP/1.1\r\nHost", "a name"), ("GET /c HTTP/1.1\r\nHost: a", "half a value"),
                  ("GET /c HTTP/1.1\r\nHost: a\r", "half a line end"), ("GET /c HTTP/1.1\r\nHost: a\r\n", "all but the empty line"),
                  ("GET /c HTTP/1.1\r\nHost: a\r\n\r", "all but an octet")]:
    whole = {"": NEXT, "\r\n": "\r\n" + NEXT, "\r": "\r\n" + NEXT, "GET /%": "GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n"}.get(text,
            "GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
    case(g, "9112 2.2", f"{why} so far", text, 200, rest=whole[len(text):])
SLOW = "5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n"
for at in range(len(SLOW)):
    case(g, "9112 7.1", f"{at} octets of a chunked body so far", chunked(SLOW[:at]), 200, rest=SLOW[at:], bodies=["hello"])
case(g, "9112 9.3.2", "one answered, the next incomplete", NEXT + "GET /c HTTP/1.1\r\n", 200, 200, before=1, rest=HOST + "\r\n")
for at in range(1, len(NEXT)):
    case(g, "9112 2.2", f"{at} octets of a request so far", NEXT[:at], 200, rest=NEXT[at:], targets=["/next"])
ABSOLUTE = "GET http://a.test:80/%41?b HTTP/1.1\r\nHost: [::1]:80\r\nX:\t y\t\r\n\r\n"
for at in range(4, len(ABSOLUTE)):
    case(g, "9112 3.2.2", f"{at} octets of an absolute one so far", ABSOLUTE[:at], 200, rest=ABSOLUTE[at:],
         targets=["http://a.test:80/%41?b"])
SIZED = post("Content-Length: 5\r\nConnection: keep-alive")
for at in range(17, len(SIZED)):
    case(g, "9112 6.3", f"{at} octets of one with a body so far", SIZED[:at], 200, rest=SIZED[at:], bodies=["hello"])
for text, rest in [("\r\n\r\n", NEXT), ("\r\n\r", "\n" + NEXT), ("\r\n" * 8, NEXT)]:
    case(g, "9112 2.2", f"{text!r} so far", text, 200, rest=rest)
for text, rest, why in [("GET /c HTTP/1.", "x\r\n", "a version"), ("GET /c HTTP/1.1\r", "X", "a line end"),
                        ("GET /%4", "g HTTP/1.1\r\n", "an escape"), ("GET /c HTTP/1.1\r\nHost: a.test\r\n\r", "\r", "the last line end"),
                        ("GET /c HTTP/1.1\r\nHost: a.test\r\nX", " : y\r\n\r\n", "a name"),
                        ("GET /c HTTP/1.1\r\nHost: a.test\r\nX: y\r\n", " z\r\n\r\n", "a fold"),
                        ("GET /c HTTP/1.1\r\nHost: [::1", ":]\r\n\r\n", "an address"), (chunked("5"), "\n", "a size"),
                        (chunked("5\r\nhello"), "X", "data"), (chunked("0\r\n"), " ", "the trailers"),
                        (chunked("5;a=\""), "\r\n", "quotes"), (chunked("5 "), "\r\n", "white space"),
                        (post("Transfer-Encoding: chunked\r\nContent-Length", "")[:-4], ": 5\r\n\r\n", "a second length")]:
    case(g, "9112 2.2", f"good as far as {why} goes, then bad", text, 400, end="close", rest=rest)
