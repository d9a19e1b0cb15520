"""What answers look like beyond what wire.py asks of every one of them (RFC 9110 §6, §8, §9.3, §15)."""
from .table import BODY_MAX, HEAD_MAX, HELLO, HOST, NEXT, TARGET_MAX, bad, case, chunked, fields, good, line, post, target

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
case(g, "9112 7.1", "a stream, then close", fields("Connection: close").replace("/c", "/pushed") + NEXT, 200, end="close",
     bodies=["onetwothree"])
for status in [200, 201, 202, 203, 206, 226, 300, 301, 302, 307, 308, 400, 403, 409, 410, 418, 422, 429, 451, 502, 503, 599]:
    case(g, "9110 15", f"{status} keeps the connection", target(f"/status/{status}") + NEXT, status, 200, headers=[{"connection": None}])
    case(g, "9110 9.3.2", f"{status} to HEAD", line(f"HEAD /status/{status} HTTP/1.1") + NEXT, status, 200, bodiless=[0])
for status in [204, 304]:
    case(g, "9110 15", f"{status} has no coding, of OPTIONS", line(f"OPTIONS /status/{status} HTTP/1.1") + NEXT, status, 200,
         headers=[{"transfer-encoding": None, "connection": None}])
    case(g, "9110 15", f"{status}, then close", fields("Connection: close").replace("/c", f"/status/{status}") + NEXT, status, end="close",
         headers=[{"connection": "close"}])
    case(g, "9110 15", f"{status} to HTTP/1.0", f"GET /status/{status} HTTP/1.0\r\n\r\n" + NEXT, status, end="close")
    case(g, "9110 15", f"{status} to HTTP/1.0, kept", f"GET /status/{status} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT, status,
         200, headers=[{"connection": "keep-alive"}])
    case(g, "9110 15", f"{status} to a body", post("Content-Length: 5").replace("/c", f"/status/{status}") + NEXT, status, 200)
    case(g, "9110 15", f"{status} to chunks", chunked(HELLO).replace("/c", f"/status/{status}") + NEXT, status, 200)
case(g, "9110 15.3.6", "205 says that it has nothing", line("PUT /status/205 HTTP/1.1") + NEXT, 205, 200,
     headers=[{"content-length": "0", "transfer-encoding": None}])
case(g, "9112 6.1", "a stream has no length", target("/pushed?q") + NEXT, 200, 200,
     headers=[{"transfer-encoding": "chunked", "content-length": None}], bodies=["onetwothree"])
case(g, "9112 6.1", "a stream to HTTP/1.0 has neither", "GET /pushed HTTP/1.0\r\n\r\n" + NEXT, 200, end="close",
     headers=[{"transfer-encoding": None, "content-length": None, "connection": "close"}], bodies=["onetwothree"])
case(g, "9110 9.3.2", "HEAD of a stream says how it would come", line("HEAD /pushed?q HTTP/1.1") + NEXT, 200, 200, bodiless=[0],
     headers=[{"transfer-encoding": "chunked", "content-length": None}])
case(g, "9112 6.1", "a stream to HTTP/1.2", line("GET /pushed HTTP/1.2") + NEXT, 200, 200, headers=[{"transfer-encoding": "chunked"}],
     bodies=["onetwothree"])
case(g, "9110 8.6", "HEAD tells the length GET would have", fields("Content-Length: 5", "HEAD", "hello") + NEXT, 200, 200, bodiless=[0],
     headers=[{"content-length": "5"}])
case(g, "9110 15.5.6", "405 says what is allowed", line("POST /only/get HTTP/1.1") + NEXT, 405, 200,
     headers=[{"allow": "GET, HEAD, OPTIONS", "connection": None}])
case(g, "9110 15.5.6", "405 to a body", f"PUT /only/get HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello" + NEXT, 405, 200)
case(g, "9110 15.5.6", "405 to DELETE", line("DELETE /only/get HTTP/1.1") + NEXT, 405, 200, headers=[{"allow": "GET, HEAD, OPTIONS"}])
case(g, "9110 9.3.8", "TRACE is nobody's", line("TRACE /only/get HTTP/1.1") + NEXT, 405, 200)
case(g, "9110 15.6.2", "405 to a method that another route has", line("BREW /only/get HTTP/1.1") + NEXT, 405, 200)
case(g, "9110 9.3.7", "OPTIONS says what is allowed", line("OPTIONS /only/get HTTP/1.1") + NEXT, 204, 200,
     headers=[{"allow": "GET, HEAD, OPTIONS"}])
case(g, "9110 9.3.2", "HEAD where there is GET", line("HEAD /only/get HTTP/1.1") + NEXT, 200, 200, bodiless=[0],
     headers=[{"content-length": "3"}])
case(g, "9110 15.5.5", "404", target("/only/nothing") + NEXT, 404, 200)
case(g, "9110 9.3.2", "404 to HEAD", line("HEAD /only/nothing HTTP/1.1") + NEXT, 404, 200, bodiless=[0])
case(g, "9110 9.3.2", "405 to HEAD has no body either", line("HEAD /only/post HTTP/1.1") + NEXT, 405, 200, bodiless=[0],
     headers=[{"allow": "POST, OPTIONS"}])
for raw, status in [(fields("X y: z"), 400), (target("/" + "b" * TARGET_MAX), 414), (fields("X: " + "v" * HEAD_MAX), 431),
                    (fields("Expect: x"), 417), (line("GET /b HTTP/2.0"), 505), (post("Transfer-Encoding: gzip", ""), 501),
                    (post(f"Content-Length: {BODY_MAX + 1}"), 413)]:
    case(g, "9112 9.6", f"{status} has a length and a type, and says close", raw, status, end="close",
         headers=[{"connection": "close", "transfer-encoding": None, "content-type": "text/plain; charset=utf-8"}])
bad(g, "9112 9.6", "a bad HEAD is answered as what it may not have been", fields("X y: z", "HEAD"))
