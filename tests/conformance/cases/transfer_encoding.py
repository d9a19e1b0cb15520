"""Transfer-Encoding: chunked, once, alone, and without a length beside it (RFC 9112 §6.1, §6.3, §7)."""
from .table import HELLO, HOST, NEXT, bad, case, fields, good, post

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
bad(g, "9112 6.1", "TE.CL: what is hidden is not served",
    post("Transfer-Encoding: chunked\r\nContent-Length: 4", f"{len(NEXT):x}\r\n{NEXT}\r\n0\r\n\r\n"))
bad(g, "9112 6.1", "in HTTP/1.0", "POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
bad(g, "9112 6.1", "in HTTP/1.0, kept alive", "POST /c HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
good(g, "9112 6.1", "in HTTP/1.2", "POST /c HTTP/1.2\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n" + HELLO, bodies=["hello"])
for value in ["chunked", "Chunked", "CHUNKED", "cHUNKED", "chunkeD", "\tchunked", "  chunked  ", "chunked\t", "\t \tchunked \t "]:
    good(g, "9112 7", f"{value!r}", post(f"Transfer-Encoding:{value}", HELLO), bodies=["hello"])
for name in ["transfer-encoding", "TRANSFER-ENCODING", "Transfer-encoding", "tRANSFER-ENCODING"]:
    good(g, "9110 5.1", name, post(f"{name}: chunked", HELLO), bodies=["hello"])
    bad(g, "9112 6.1", f"{name} and Transfer-Encoding", post(f"{name}: chunked\r\nTransfer-Encoding: chunked", HELLO))
for value in ["chunkedchunked", "chunked1", "1chunked", "_chunked", "chunked_", "x-chunked", "chunked.", ".chunked", "chunk", "chunks",
              "hunked", "c", "chunke\x64d", "compress", "x-compress", "zstd", "trailers", "pigeons", "none", "null", "0", "*",
              "identity;q=1", "gzip ;a=b", "IDENTITY", "cow", "close", "5", "!", "chunked'", "`chunked`", "|chunked", "chunked|gzip"]:
    bad(g, "9112 6.1", f"{value!r} is not known here", post(f"Transfer-Encoding: {value}", HELLO) + NEXT, 501)
for value in ["deflate, chunked", "x-gzip, chunked", "compress, gzip, chunked", "gzip , chunked", "gzip,\tchunked", "xchunked, chunked",
              "identity,chunked", "gzip, gzip, chunked"]:
    bad(g, "9112 6.1", f"{value!r} needs more than chunked", post(f"Transfer-Encoding: {value}", HELLO), 501)
for value in ["chunked, deflate", "chunked, x", "chunked,identity", "chunked,gzip,chunked", "chunked\t,\tchunked", "Chunked, chunked",
              "chunked,chunked,chunked", "chunked;a", "chunked; a=b", "chunked;a=b, chunked", "chunked;chunked", "chunked,;", "chunked :",
              ":chunked", "chunked:", "chunked/1", "/chunked", "chunked=x", "=chunked", "chunked?", "(chunked)", "chunked(x)", "{chunked}",
              "<chunked>", "@chunked", "chunked@", '"chunked", chunked', 'chunked"', '"', "\\chunked", "chun ked", "chunked gzip",
              "gzip chunked", "chun\tked", "chunked,,", ",,", ", ,", " ,", ",chunked,", ", chunked", "chunked\x80", "\x80chunked",
              "\xffchunked", "chun\xadked", "\xef\xbb\xbfchunked", "\xe2\x80\x8bchunked", "chunked\xe2\x80\x8b", "chun\xe2\x80\x8bked",
              "\xef\xbd\x83hunked"]:
    bad(g, "9112 6.1", f"{value!r} is malformed", post(f"Transfer-Encoding: {value}", HELLO) + NEXT)
for octet in ["\x01", "\x08", "\x0e", "\x1f", "\x7f", "\n"]:
    bad(g, "9110 5.5", f"{octet!r} ahead of the coding", post(f"Transfer-Encoding: {octet}chunked", HELLO))
    bad(g, "9110 5.5", f"{octet!r} behind the coding", post(f"Transfer-Encoding: chunked{octet}", HELLO))
    bad(g, "9110 5.5", f"{octet!r} inside the coding", post(f"Transfer-Encoding: chun{octet}ked", HELLO))
    bad(g, "9110 5.5", f"{octet!r} at once behind the colon", post(f"Transfer-Encoding:{octet}chunked", HELLO))
    bad(g, "9110 5.1", f"{octet!r} ahead of the name", post(f"{octet}Transfer-Encoding: chunked", HELLO))
    bad(g, "9110 5.1", f"{octet!r} behind the name", post(f"Transfer-Encoding{octet}: chunked", HELLO))
    bad(g, "9110 5.1", f"{octet!r} for the hyphen", post(f"Transfer{octet}Encoding: chunked", HELLO))
for first, second, status in [("chunked", "", 400), ("", "chunked", 400), ("chunked", "gzip", 400), ("gzip", "gzip", 501),
                              ("identity", "chunked", 501), ("chunked", "x", 400), ("x", "chunked", 501), ("chunked", "Chunked", 400),
                              (",", "chunked", 400), ("chunked", ",", 400), ("chunked", "trailers", 400)]:
    bad(g, "9112 6.1", f"{first!r} and {second!r} on two lines",
        post(f"Transfer-Encoding: {first}\r\nX: y\r\nTransfer-Encoding: {second}", HELLO) + NEXT, status)
for length in ["0", "1", "3", "5", "10", "15", "100", "", "x", "-1", "+5", "5, 5"]:
    bad(g, "9112 6.1", f"a length of {length!r} before", post(f"Content-Length: {length}\r\nTransfer-Encoding: chunked", HELLO) + NEXT)
    bad(g, "9112 6.1", f"a length of {length!r} behind", post(f"Transfer-Encoding: chunked\r\nContent-Length: {length}", HELLO) + NEXT)
for value in ["", "gzip", "xchunked", "chunked, gzip", "gzip, chunked", "chunked;", ",chunked"]:
    bad(g, "9112 6.1", f"{value!r} behind a length", post(f"Content-Length: 5\r\nTransfer-Encoding: {value}"))
bad(g, "9112 6.1", "a length on either side", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", HELLO))
bad(g, "9112 6.1", "with a length, of GET", fields("Content-Length: 5\r\nTransfer-Encoding: chunked", "GET", HELLO))
bad(g, "9112 6.1", "with a length, and Connection: close",
    post("Connection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", HELLO))
bad(g, "9112 6.1", "with a length, in HTTP/1.0", "POST /c HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
bad(g, "9112 6.1", "an unknown one in HTTP/1.0", "POST /c HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\nhello")
bad(g, "9112 6.1", "identity in HTTP/1.0, with a length",
    "POST /c HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello")
bad(g, "9112 6.1", "an empty one in HTTP/1.0", "POST /c HTTP/1.0\r\nTransfer-Encoding:\r\n\r\n")
bad(g, "9112 6.1", "on a GET in HTTP/1.0", "GET /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO)
case(g, "9112 6.1", "on a HEAD, and the next", fields("Transfer-Encoding: chunked", "HEAD", HELLO) + NEXT, 200, 200, bodiless=[0])
for value in ["trailers", "chunked", "gzip;q=0.5", "", "trailers, deflate;q=0.5", ",", "chunked;q=0"]:
    good(g, "9110 10.1.4", f"TE: {value}", fields(f"Connection: TE\r\nTE: {value}"))
for name in ["X-Transfer-Encoding", "Transfer_Encoding", "TransferEncoding", "Transfer-Encodings", "Transfer--Encoding",
             "Transfer.Encoding", "Encoding", "Content-Encoding", "Content-Transfer-Encoding", "Accept-Encoding", "ransfer-Encoding",
             "Transfer-Encodin"]:
    case(g, "9110 5.1", f"{name} is another field", post(f"{name}: chunked", "") + NEXT, 200, 200, bodies=["", ""])
    good(g, "9110 5.1", f"{name} with a length", post(f"{name}: chunked\r\nContent-Length: {len(HELLO)}", HELLO), bodies=[HELLO])
