"""Host: present once, and a host by the whole grammar of RFC 3986 §3.2.2 (RFC 9112 §3.2, RFC 9110 §7.2)."""
from .table import HOST, NEXT, bad, case, fields, good, host

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
              "xn--bcher-kva.test", "127.0.0.1", "1.2.3", "256.256.256.256:1", "[::1]", "[::]:80", "[2001:db8::1]", "[1:2:3:4:5:6:7:8]",
              "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[1::]", "[v1.a:b]", "a!$&'()*+;=b", "b%C3%BCcher.test", "%41"]:
    good(g, "3986 3.2.2", f"{value} is a host", host(value))
for value in ["a b", "a.test, b.test", "a.test b.test", "a.test/", "/", "a.test?q", "a.test#f", "u@a.test", "@", "http://a.test",
              "a.test:8o", "a.test:-1", "a.test:+1", "a.test:65536", "a.test:99999999999999999999", "a.test:80:80", ":", ":80", "[::1",
              "::1", "::1]", "[]", "[::1]80", "[::1]x", "x[::1]", "[:]", "[1]", "[1::2::3]", "[:::]", "[1:2:3:4:5:6:7]",
              "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.04]", "[1.2.3.4]",
              "[fe80::1%25lo]", "[v1.]", "[v.a]", "[w1.a]", "a\\b", "a|b", "a^b", "a`b", "a{b}", "<a>", '"a.test"', "a%zzb", "a%4", "a%",
              "a%00b", "a\x80b", "b\xfccher.test", "a\0b", "a\x01b", "a\x7fb", "a\tb", "a.test\x0b"]:
    bad(g, "9112 3.2", f"{value!r} is none", host(value))
case(g, "9112 3.2", "HTTP/1.0 needs none", "GET /c HTTP/1.0\r\n\r\n", 200, end="close")
bad(g, "9112 3.2", "HTTP/1.0 with a bad one", "GET /c HTTP/1.0\r\nHost: a b\r\n\r\n")
bad(g, "9112 3.2", "HTTP/1.0 with two", "GET /c HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
good(g, "9112 3.2", "last of all fields", "GET /c HTTP/1.1\r\nX: y\r\n" + HOST + "\r\n")
for value in ["A", "0", "1", "a:1", "a.b.c.d.e.f.g.h", "127.1", "1.2.3.4.5", "1.2.3.4:8080", "999.1.1.1", "0.0.0.0", "255.255.255.255",
              "a..b", ".a.test", ".", "..", "~", "_", "_dmarc.a.test", "a-", "-a", "a--b", "*.a.test", "$a", "a%20b", "a%2fb", "a%40b",
              "%7e", "%FF", "%e4%bd%a0", "!", "(a)", "a'b", "a;b", "a=b", "a&b", "a+b", "0x7f.1", "xn--", "LOCALHOST", "localhost:80",
              "a.test:1", "a.test:00000", "a.test:0000065535", "a" * 255, "a" * 1000, "a." * 120 + "test"]:
    good(g, "3986 3.2.2", f"{value[:40]} is a host", host(value), headers=[{"x-host": value}])
for value in ["[::]", "[::0]", "[0::]", "[::1]:80", "[::1]:", "[::1]:0", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[1::3:4:5:6:7:8]",
              "[1:2:3:4::6:7:8]", "[a:B:c:D:e:F:0:1]", "[0000:0000::0000]", "[ffff::ffff]", "[::1.2.3.4]", "[1::1.2.3.4]",
              "[1:2:3:4:5::1.2.3.4]", "[::255.255.255.255]", "[::0.0.0.0]", "[64:ff9b::192.0.2.1]", "[FE80::ABCD]", "[vF.a]", "[V1.a]",
              "[v1F.~!$&'()*+,;=:]", "[v0.:]"]:
    good(g, "3986 3.2.2", f"{value} is an address", host(value), headers=[{"x-host": value}])
for value in ["a:", "a.b:"]:
    good(g, "3986 3.2.3", f"{value} has an empty port", host(value), headers=[{"x-host": value}])
for value in ["a .test", "a. test", "a.test :80", "a.test: 80", "a.test:8 0", "a.test:80 b", "a.test:80,b.test:80", "a.test:0x50",
              "a.test:8.0", "a.test:80/", "a.test:80?", "a.test:80#", "a.test:http", "a.test::80", "a.test:80:", "::", ":0", ":a", "a:b",
              "a:b:c", "a.test:\xb2", "a.test:100000", "a.test:4294967376", "a.test:18446744073709551696", "a.test:-0", "a.test:8e1",
              "a.test:8_0", "user:pass@a.test", "user@a.test:80", "a@", "a@b@c", "a.test@", "//a.test", "a.test//", "/a.test",
              "https://a.test", "http:a.test", "?", "#", "a.test?", "a.test#", "a.test\\", "\\a.test", "a<b", "a>b", "a\"b", "'a' 'b'",
              "{}", "a|", "^", "`id`", "%", "%%", "%1", "%g1", "%1g", "a%2", "a%\x80", "a%00", "%00", "a%0", "a%u0041", "###"]:
    bad(g, "9112 3.2", f"{value!r} is none", host(value))
for value in ["[", "]", "[]:80", "[:", "[::", "::]", "[[::1]]", "[::1]]", "[::1]:80:80", "[::1]:8o", "[::1]:65536", "[::1]:-1", "[::1].",
              "[::1]a.test", "a[::1]", "a.test[", "a.test]", "[:1]", "[1:]", "[:1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:]", "[1::2:]", "[:1::2]",
              "[::1::]", "[1:::2]", "[::::]", "[1:2:3:4:5:6:7:8:]", "[1::3:4:5:6:7:8:9]", "[00001::]", "[::00000]", "[::ggg]", "[::-1]",
              "[::+1]", "[::1 ]", "[ ::1]", "[::1\t]", "[::%31]", "[::1%25]", "[::1%eth0]", "[fe80::1%25eth0]", "[::1/64]", "[::1.2.3.4.5]",
              "[::256.2.3.4]", "[::1.2.3.999]", "[::01.2.3.4]", "[::1.2.3.00]", "[::1..3.4]", "[::.1.2.3]", "[::1.2.3.]", "[1.2.3.4::]",
              "[::1.2.3.4:1]", "[1:2:3:4:5:6:7:1.2.3.4]", "[1:2:3:4:5:1.2.3.4]", "[127.0.0.1]", "[a.test]", "[localhost]", "[v1]", "[v.1]",
              "[vg.a]", "[v1.a b]", "[v1.a/b]", "[v1.%41]", "[v1.[a]]", "[v1:a]", "[1.a]", "[vv1.a]", "(::1)", "<[::1]>", "[::1]@a",
              "u@[::1]"]:
    bad(g, "3986 3.2.2", f"{value!r} is no address", host(value))
for octet, name in [("\0", "NUL"), ("\x01", "control 1"), ("\x08", "backspace"), ("\x0b", "vertical tab"), ("\x0c", "form feed"),
                    ("\x1f", "unit separator"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"), ("\xa0", "NBSP"),
                    ("\xff", "the last octet"), ("\xe3\x80\x82", "an ideographic full stop"), ("\xef\xbc\x8e", "a fullwidth dot")]:
    bad(g, "9112 3.2", f"{name} ahead of a host", host(f"{octet}a.test"))
    bad(g, "9112 3.2", f"{name} inside a host", host(f"a{octet}.test"))
    bad(g, "9112 3.2", f"{name} behind a host", host(f"b.test{octet}"))
    bad(g, "9112 3.2", f"{name} behind a port", host(f"a.test:80{octet}"))
good(g, "9112 5", "spaces around it", host(" \t a.test\t "), headers=[{"x-host": "a.test"}])
good(g, "9112 5", "only spaces, which are no value", host(" \t "))
bad(g, "9112 3.2", "none in a request with a body", "POST /c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + NEXT)
bad(g, "9112 3.2", "none, and Connection: close", "GET /c HTTP/1.1\r\nConnection: close\r\n\r\n")
bad(g, "9112 3.2", "none, of OPTIONS *", "OPTIONS * HTTP/1.1\r\n\r\n")
bad(g, "9112 3.2", "none in HTTP/1.9", "GET /c HTTP/1.9\r\n\r\n")
bad(g, "9112 3.2", "three", fields("Host: a.test\r\nHost: a.test"))
bad(g, "9112 3.2", "twice, both empty", "GET /c HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n")
bad(g, "9112 3.2", "twice, first and last of many", fields("\r\n".join(["X: y"] * 50) + "\r\nHost: a.test"))
bad(g, "9112 3.2", "a good one, then a bad one", fields("Host: a b"))
bad(g, "9112 3.2", "a bad one, then a good one", "GET /c HTTP/1.1\r\nHost: a b\r\n" + HOST + "\r\n")
bad(g, "9112 3.2", "only in the trailers", "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a.test\r\n\r\n")
bad(g, "9112 3.2", "only X-Forwarded-Host", "GET /c HTTP/1.1\r\nX-Forwarded-Host: a.test\r\n\r\n")
bad(g, "9112 3.2", "the pseudo-field of HTTP/2", "GET /c HTTP/1.1\r\n:authority: a.test\r\n\r\n")
bad(g, "9112 3.2", "its name with an underscore", "GET /c HTTP/1.1\r\nHost_: a.test\r\n\r\n")
case(g, "9112 3.2", "HTTP/1.0 with a good one", "GET /c HTTP/1.0\r\nHost: a.test:80\r\n\r\n", 200, end="close",
     headers=[{"x-host": "a.test:80"}])
case(g, "9112 3.2", "HTTP/1.0 with an empty one", "GET /c HTTP/1.0\r\nHost:\r\n\r\n", 200, end="close")
bad(g, "9112 3.2", "HTTP/1.0 with two, different", "GET /c HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")
bad(g, "9112 3.2", "HTTP/1.0 with userinfo in it", "GET /c HTTP/1.0\r\nHost: u@a.test\r\n\r\n")
