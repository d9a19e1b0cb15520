"""What real clients send: nothing of it is refused (RFC 9110 §5.5, §7 to §14)."""
from .table import HELLO, case, fields, good, post

BROWSER = "\r\n".join([
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: none",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-User: ?1",
    "Sec-Fetch-Dest: document",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    'Cookie: a=b; __Host-c="d e"; f=%7B%22g%22%3A1%7D; h=',
])

g = "client"
good(g, "9110 7", "a browser", fields(BROWSER))
case(g, "9110 7", "a browser, ten at once", fields(BROWSER) * 10, *[200] * 10)
good(g, "9110 7", "curl", "GET / HTTP/1.1\r\nHost: a.test:8001\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n")
good(g, "9110 7", "curl, a form",
     post("User-Agent: curl/8.5.0\r\nAccept: */*\r\nContent-Length: 7\r\nContent-Type: application/x-www-form-urlencoded", "a=b&c=d"),
     bodies=["a=b&c=d"])
case(g, "9110 7", "ApacheBench", "GET / HTTP/1.0\r\nHost: a.test\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n", 200, end="close")
case(g, "9110 7", "ApacheBench, kept",
     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: a.test\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n", 200)
good(g, "9110 7", "wrk", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8001\r\n\r\n")
good(g, "9110 7", "Node", "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: keep-alive\r\naccept: */*\r\naccept-language: *\r\n"
     "sec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n\r\n")
good(g, "9110 7", "Python",
     "GET / HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: a.test\r\nUser-Agent: Python-urllib/3.11\r\nConnection: keep-alive\r\n\r\n")
good(g, "9110 7", "Go, chunks",
     "POST / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: gzip\r\n\r\n" + HELLO,
     bodies=["hello"])
good(g, "9110 7", "a probe of a load balancer",
     "GET /health HTTP/1.1\r\nHost: 10.0.0.7\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n")
case(g, "9110 7", "a probe of HTTP/1.0", "OPTIONS / HTTP/1.0\r\n\r\n", 200, end="close")
for text in ["Accept: text/html;level=1;q=0.5, */*;q=0", "Accept:", "Accept: nonsense", "Accept-Charset: utf-8, *;q=0.1",
             "Accept-Encoding:", "Accept-Encoding: identity;q=0", "Accept-Language: *", "Authorization: Basic YTpi",
             "Authorization: Bearer", "Authorization: Digest username=\"a\", realm=\"b\", uri=\"/c\", response=\"d\"",
             "Authorization: Negotiate YII=", "Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/x/s3/aws4_request, Signature=a",
             "Cache-Control: no-cache, max-age=0", "Cookie:", "Cookie: ;", "Cookie: a", "Cookie: a=b; a=c",
             "Date: Sun, 06 Nov 1994 08:49:37 GMT", "DNT: 1", "Forwarded: for=\"[::1]:80\";proto=https, for=a", "From: a@b.test",
             "If-Match: *", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-Modified-Since: nonsense",
             "If-None-Match: W/\"a\", \"b\"", "If-Range: \"a\"", "If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT", "Keep-Alive: 300",
             "Link: </a>; rel=preload", "Max-Forwards: 0", "Max-Forwards: x", "Origin: null", "Origin: https://a.test", "Pragma: no-cache",
             "Priority: u=1, i", "Proxy-Authorization: Basic YTpi", "Range: bytes=0-0,-1", "Range: bytes=5-2", "Range: x=1",
             "Referer: http://a.test/?q=\"x\"", "Sec-GPC: 1", "Sec-WebSocket-Version: 13", "TE: trailers", "Trailer: X", "User-Agent:",
             "User-Agent: " + "a" * 4000, "Vary: *", "Via: 1.0 a, 1.1 b.test (c)", "Warning: 199 - \"x\"",
             "X-Forwarded-For: 127.0.0.1, unknown", "X-Forwarded-Proto: https", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /admin",
             "X-Rewrite-URL: /admin", "Content-Type: text/plain", "Content-Type: nonsense", "Content-Encoding: gzip", "Content-MD5: x",
             "Server: x", "Set-Cookie: a=b", "Location: /x", "Age: 1", "Status: 200", ".: .",
             "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]:
    good(g, "9110 5.5", text[:50], fields(text))
