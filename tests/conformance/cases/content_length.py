"""Content-Length: one field of digits, and the body it promises (RFC 9112 §6.2, §6.3, RFC 9110 §8.6)."""
from .table import BODY_MAX, HELLO, NEXT, bad, case, fields, good, post

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
for value in ["", "+5", "-5", "-0", "5.0", "5e0", "0x5", "0b1", "5 5", "5;", "five", '"5"', "5B", "5,5", "5, 5", "5, 6", "5,", ",5", "5,,5",
              "\xa05", "\xd9\xa5", "\xb2", "5\xa0", "_5", "5_0", "Infinity", "9223372036854775808", "9223372036854775813",
              "18446744073709551621", "9" * 60]:
    bad(g, "9112 6.3", f"{value!r} is no length", post("Content-Length: " + value))
for value in ["5\0", "\x0b5", "5\x0c"]:
    bad(g, "9110 5.5", f"{value!r} is no value", post("Content-Length: " + value))
bad(g, "9112 6.3", "twice, equal", post("Content-Length: 5\r\nContent-Length: 5"))
bad(g, "9112 6.3", "twice, different", post("Content-Length: 5\r\nContent-Length: 6"))
bad(g, "9112 6.3", "twice, zero first", post("Content-Length: 0\r\nContent-Length: 5"))
bad(g, "9112 6.3", "twice, zero last", post("Content-Length: 5\r\nContent-Length: 0"))
bad(g, "9112 6.3", "twice, the second no number", post("Content-Length: 5\r\ncontent-length: x"))
case(g, "9112 6.3", "one octet short: the next request is the body's end", post("Content-Length: 6"), 200, rest="!", bodies=["hello!"])
case(g, "9112 6.3", "one octet too many, and no request", post("Content-Length: 5", "hello!\r\n\r\n"), 200, 400, end="close",
     bodies=["hello"])
for length in [BODY_MAX + 1, 1 << 31, (1 << 32) + 5, (1 << 53) + 5, (1 << 63) - 1]:
    bad(g, "9110 15.5.14", f"{length} octets announced", post(f"Content-Length: {length}", "hello" + NEXT), 413)
good(g, "9110 15.5.14", "the largest body", post(f"Content-Length: {BODY_MAX}", "x" * BODY_MAX), bodies=["x" * BODY_MAX])
bad(g, "9112 8", "half-closed inside a body", post("Content-Length: 10"), fin=True)
bad(g, "9112 8", "half-closed before a body", post("Content-Length: 10", ""), fin=True)
case(g, "9112 6.3", "in HTTP/1.0", "POST /c HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 200, end="close", bodies=["hello"])
case(g, "9112 6.3", "none in HTTP/1.0: no body", "POST /c HTTP/1.0\r\n\r\nhello", 200, end="close", bodies=[""])
for value in ["05", "00005", "0" * 100 + "5"]:
    good(g, "9110 8.6", f"{value[:20]}, with zeros in front", post(f"Content-Length: {value}"), bodies=["hello"])
for value in ["00", "000000000000000000000000"]:
    good(g, "9110 8.6", f"{value} is nothing", post(f"Content-Length: {value}", ""), bodies=[""])
for value in ["5", "  5", "\t5", "5 ", "5\t", " \t 5 \t "]:
    good(g, "9112 5", f"{value!r} with white space", post(f"Content-Length:{value}"), bodies=["hello"])
good(g, "9110 8.6", "an octal number is decimal", post("Content-Length: 010", "helloworld"), bodies=["helloworld"])
for name in ["content-length", "CONTENT-LENGTH", "Content-length", "content-Length"]:
    good(g, "9110 5.1", f"{name}", post(f"{name}: 5"), bodies=["hello"])
    bad(g, "9112 6.3", f"{name} and Content-Length", post(f"{name}: 5\r\nContent-Length: 5"))
for value in ["+", "-", "-1", "- 5", "+ 5", "--5", "++5", "-5 ", "+0", "-00", "5-", "5+", "5-5", "-123456789123456789123456789", "0x",
              "0X5", "0x5\t", "0o5", "05h", "5h", "0b101", "5.", ".5", "5.5", "5e", "5E0", "1e1", "5_", "5__0", "5'000", "5 000", "5\t5",
              "5,", "5,000", ", 5", "5 ,", "5 , 5", "5, 5, 5", "5,6", "5;6", "5;q=1", "5 ;", "5:", ":5", "5:5", "5/5", "5%", "%35", "'5'",
              "(5)", "[5]", "{5}", "<5>", "#5", "$5", "5 bytes", "bytes 5", "null", "nan", "NaN", "inf", "undefined", "true", "five", "V",
              "\xb9", "\xbd", "\xef\xbc\x95", "\xe2\x91\xa4", "\xd9\xa5\xd9\xa5", "5\xb2", "\xc2\xa05", "5\xff",
              "9223372036854775807" + "0", "9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551620",
              "36893488147419103237", "340282366920938463463374607431768211461", "1" + "0" * 21, "9" * 1000]:
    bad(g, "9112 6.3", f"{value[:45]!r} is no length", post(f"Content-Length: {value}") + NEXT)
for octet in ["\x01", "\x08", "\x0e", "\x11", "\x1f", "\x7f", "\r", "\n"]:
    bad(g, "9110 5.5", f"{octet!r} ahead of the length", post(f"Content-Length: {octet}5"))
    bad(g, "9110 5.5", f"{octet!r} behind the length", post(f"Content-Length: 5{octet}"))
    bad(g, "9110 5.5", f"{octet!r} inside the length", post(f"Content-Length: 1{octet}0"))
    bad(g, "9110 5.1", f"{octet!r} ahead of the name", post(f"{octet}Content-Length: 5"))
    bad(g, "9110 5.1", f"{octet!r} for the hyphen", post(f"Content{octet}Length: 5"))
for first, second in [("5", "5"), ("5", "05"), ("05", "5"), ("5", "6"), ("6", "5"), ("0", "0"), ("0", "5"), ("5", "0"), ("5", ""),
                      ("", "5"), ("5", "x"), ("x", "5"), ("5", "-5"), ("5", "5,5")]:
    bad(g, "9112 6.3", f"{first!r} and {second!r} on two lines",
        post(f"Content-Length: {first}\r\nX: y\r\nContent-Length: {second}") + NEXT)
bad(g, "9112 6.3", "three times", post("Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 5"))
for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PUT", "PATCH", "BREW"]:
    bad(g, "9112 6.3", f"a bad one of {method}", fields("Content-Length: x", method) + NEXT)
    good(g, "9112 6.3", f"nothing, of {method}", fields("Content-Length: 0", method), bodiless=[0] if method == "HEAD" else [])
case(g, "9112 6.3", "a body of GET that begins a request", fields("Content-Length: 5", "GET", "GET /") + NEXT, 200, 200,
     bodies=["GET /", ""])
case(g, "9112 6.3", "a body of OPTIONS that is a request", fields(f"Content-Length: {len(NEXT)}", "OPTIONS", NEXT) + NEXT, 200, 200,
     bodies=[NEXT, ""])
case(g, "9112 6.3", "a body of line ends", post("Content-Length: 8", "\r\n\r\n\r\n\r\n") + NEXT, 200, 200, bodies=["\r\n\r\n\r\n\r\n", ""])
case(g, "9112 6.3", "a body of chunks that are none", post(f"Content-Length: {len(HELLO)}", HELLO) + NEXT, 200, 200, bodies=[HELLO, ""])
case(g, "9112 6.3", "no length: what follows is a request", fields("X: y", "POST") + NEXT, 200, 200, bodies=["", ""])
case(g, "9112 6.3", "no length: what follows is none", fields("X: y", "POST", "hello\r\n\r\n"), 200, 400, end="close", bodies=[""])
case(g, "9112 6.3", "one octet short, and half-closed", NEXT + post("Content-Length: 6"), 200, 400, end="close", fin=True)
case(g, "9112 6.3", "one octet of a large body is missing", post("Content-Length: 100000", "x" * 99999), 200, rest="y",
     bodies=["x" * 99999 + "y"])
case(g, "9112 6.3", "all of the body comes later", post("Content-Length: 5", ""), 200, rest="hello", bodies=["hello"])
bad(g, "9112 8", "half-closed one octet before the end", post("Content-Length: 5", "hell"), fin=True)
bad(g, "9112 8", "half-closed in a large body", post("Content-Length: 100000", "x" * 50000), fin=True)
bad(g, "9110 15.5.14", "too large a body of GET", fields(f"Content-Length: {BODY_MAX + 1}", "GET") + NEXT, 413)
bad(g, "9110 15.5.14", "too large a body of HTTP/1.0", f"POST /c HTTP/1.0\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n", 413)
bad(g, "9110 15.5.14", "too large, and all of it is sent", post(f"Content-Length: {BODY_MAX + 1}", "x" * (BODY_MAX + 1)) + NEXT, 413)
case(g, "9112 6.3", "in HTTP/1.0, kept", f"POST /c HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello" + NEXT, 200, 200,
     bodies=["hello", ""])
bad(g, "9112 6.3", "twice in HTTP/1.0", "POST /c HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello")
bad(g, "9112 6.3", "no number in HTTP/1.0", "POST /c HTTP/1.0\r\nContent-Length: five\r\n\r\nhello")
