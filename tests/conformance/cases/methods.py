"""Methods: what each of them may carry, and that none is treated as another (RFC 9110 §9)."""
from .table import HELLO, NEXT, bad, case, fields, good, line

g = "method"
for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK",
               "UNLOCK", "SEARCH", "REPORT", "CHECKOUT", "MERGE", "PURGE", "SUBSCRIBE", "M-SEARCH", "QUERY", "ACL", "BIND", "REBIND",
               "LINK", "UNLINK", "MKCALENDAR", "MKACTIVITY", "NOTIFY", "SOURCE", "DESCRIBE", "ANNOUNCE", "BASELINE-CONTROL",
               "VERSION-CONTROL", "UPDATEREDIRECTREF", "FOO", "post", "Post", "hEAD", "head", "*"]:
    says = {"x-method": method}
    if method != "GET":  # which the other topics are full of
        good(g, "9110 9", f"{method} without a body", line(f"{method} /c HTTP/1.1"), headers=[{**says, "content-length": "0"}], bodies=[""])
    if method not in ("GET", "POST", "DELETE", "OPTIONS"):
        good(g, "9110 9", f"{method} with a body", fields("Content-Length: 5", method, "hello"), headers=[{**says, "content-length": "5"}],
             bodies=["hello"])
    if method not in ("GET", "POST"):
        good(g, "9110 9", f"{method} with chunks", fields("Transfer-Encoding: chunked", method, HELLO),
             headers=[{**says, "content-length": "5"}], bodies=["hello"])
case(g, "9110 9.3.2", "HEAD has no body, head has", line("HEAD /c HTTP/1.1") + fields("Content-Length: 5", "head", "hello"), 200, 200,
     bodiless=[0], bodies=["", "hello"])
for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"]:
    case(g, "9112 9.3", f"{method} in HTTP/1.0", f"{method} /c HTTP/1.0\r\n\r\n" + NEXT, 200, end="close")
for length in [16, 17, 31, 32, 33, 63]:
    good(g, "9110 9.1", f"a method of {length} letters", line("M" * length + " /c HTTP/1.1"), headers=[{"x-method": "M" * length}])
for length in [66, 100, 255, 256, 1000, 8192]:
    bad(g, "9112 3", f"a method of {length} letters", line("M" * length + " /c HTTP/1.1"), 501)
bad(g, "9112 3", "a method of 65 letters that is wrong behind", line("M" * 65 + "( /c HTTP/1.1"), 501)
bad(g, "9112 3", "a method of 64 letters and a bad one", line("M" * 64 + "( /c HTTP/1.1"), 400)
