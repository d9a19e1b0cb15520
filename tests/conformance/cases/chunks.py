"""Chunks: sizes, extensions, data, and the line ends between them (RFC 9112 §7.1, §7.1.1)."""
from .table import BODY_MAX, HELLO, NEXT, bad, case, chunked, good

g = "chunk"
good(g, "9112 7.1", "both cases of digits", chunked("a\r\n0123456789\r\nA\r\nabcdefghij\r\n1\r\n!\r\n0\r\n\r\n"),
     bodies=["0123456789abcdefghij!"])
good(g, "9112 7.1", "no data", chunked("0\r\n\r\n"), bodies=[""])
good(g, "9112 7.1", "many zeros for the last", chunked("5\r\nhello\r\n000000\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "zeros in front", chunked("0005\r\nhello\r\n0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "forty zeros in front", chunked("0" * 40 + "5\r\nhello\r\n0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "data that looks like framing", chunked("7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n"), bodies=["0\r\n\r\n0\r"])
good(g, "9112 7.1", "one octet each", chunked("".join(f"1\r\n{c}\r\n" for c in "hello") + "0\r\n\r\n"), bodies=["hello"])
good(g, "9112 7.1", "a large one", chunked("10000\r\n" + "x" * 65536 + "\r\n0\r\n\r\n"), bodies=["x" * 65536])
good(g, "9112 7.1", "5,000 of one octet", chunked("1\r\nx\r\n" * 5000 + "0\r\n\r\n"), bodies=["x" * 5000])
for extension in [";a", ";a=b", ";a=b;c=d", ';a="b"', ';a="b c;d\\"e\tf"', ';a=""', ' ;a', '\t; a', ";a =b", ";a= b", " ; a = b ; c",
                  ";!#$%&'*+-.^_`|~9=x", ';a="\x80"', ";a=b" * 20]:
    good(g, "9112 7.1.1", f"extension {extension[:12]!r}", chunked(f"5{extension}\r\nhello\r\n0{extension}\r\n\r\n"), bodies=["hello"])
for extension in [";", "; ", ";;a", ";a;", ";=b", ";a=", ";a==b", ";a=b c", ";a b", ';a="b', ';a="b"c', ';a=b"c"', ';a="b\\', ";a=(b)",
                  " a", ";a\0b", ";a=\0", ';a="\0"', ';a="\\\0"', ';a="\x7f"', ";a\x80", ";a=b ", " ", "\t", ",a", ":a", "=a"]:
    bad(g, "9112 7.1.1", f"no extension: {extension!r}", chunked(f"5{extension}\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a bare LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a bare CR in an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a quoted line end", chunked('5;a="\r\n"\r\nhello\r\n0\r\n\r\n'))
bad(g, "9112 7.1.1", "one of 100,000 octets", chunked("5;a=" + "x" * 100000 + "\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a flood of small ones", chunked(("1;" + "a" * 100 + "\r\nx\r\n") * 1000 + "0\r\n\r\n"))
for size in ["", " 5", "\t5", "+5", "-5", "-0", "0x5", "x5", "5h", "5.", "5.0", "g", "5 5", "5,5", "\0" + "5", "5\0", "\xb5", "5\xa0", "#5",
             "'5'", '"5"', "\r\n5", "five"]:
    bad(g, "9112 7.1", f"size {size!r}", chunked(f"{size}\r\nhello\r\n0\r\n\r\n"))
for ending, why in [("\n", "bare LF"), ("\r", "bare CR"), ("\r\r\n", "CR CR LF"), ("\n\r", "LF CR"), ("\r \n", "CR SP LF"), ("", "nothing")]:
    bad(g, "9112 7.1", f"{why} behind the size", chunked(f"5{ending}hello\r\n0\r\n\r\n"))
    bad(g, "9112 7.1", f"{why} behind the data", chunked(f"5\r\nhello{ending}0\r\n\r\n"))
    if ending not in ("", "\r"):
        bad(g, "9112 7.1", f"{why} behind the last size", chunked(f"5\r\nhello\r\n0{ending}\r\n"))
        bad(g, "9112 7.1", f"{why} at the end", chunked(f"5\r\nhello\r\n0\r\n{ending}GET"))
bad(g, "9112 7.1", "less data than announced", chunked("6\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1", "more data than announced", chunked("4\r\nhello\r\n0\r\n\r\n"))
for size in ["100001", "80000000", "100000005", "7fffffffffffffff"]:
    bad(g, "9112 7.1", f"{size} is over the limit, said at once", chunked(f"{size}\r\nhello\r\n0\r\n\r\n" + NEXT), 413)
for size in ["8000000000000000", "ffffffffffffffff", "10000000000000005", "f" * 400, "0" * 5000 + "5"]:
    bad(g, "9112 7.1", f"{size[:20]} does not fit", chunked(f"{size}\r\nhello\r\n0\r\n\r\n" + NEXT))
good(g, "9110 15.5.14", "the largest body", chunked(f"{BODY_MAX:x}\r\n{'x' * BODY_MAX}\r\n0\r\n\r\n"), bodies=["x" * BODY_MAX])
bad(g, "9110 15.5.14", "one octet more, in a chunk of its own, and the body ends",
    chunked(f"{BODY_MAX:x}\r\n{'x' * BODY_MAX}\r\n1\r\nx\r\n0\r\n\r\n") + NEXT, 413)
bad(g, "9112 8", "half-closed in a size", chunked("5"), fin=True)
bad(g, "9112 8", "half-closed in the data", chunked("5\r\nhel"), fin=True)
bad(g, "9112 8", "half-closed behind the data", chunked("5\r\nhello\r\n"), fin=True)
bad(g, "9112 8", "half-closed behind the last size", chunked("5\r\nhello\r\n0\r\n"), fin=True)
bad(g, "9112 8", "half-closed in the trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\n"), fin=True)
bad(g, "9112 8", "half-closed before the last octet", chunked("5\r\nhello\r\n0\r\n\r"), fin=True)
bad(g, "9112 8", "half-closed before all of it", chunked(""), fin=True)
for text, body, why in [("00\r\n\r\n", "", "the last in two digits"), ("1\r\na\r\n0\r\n\r\n", "a", "one octet"),
                        ("F\r\n" + "x" * 15 + "\r\n0\r\n\r\n", "x" * 15, "F"), ("f\r\n" + "x" * 15 + "\r\n0\r\n\r\n", "x" * 15, "f"),
                        ("1a\r\n" + "x" * 26 + "\r\n0\r\n\r\n", "x" * 26, "1a"), ("1A\r\n" + "x" * 26 + "\r\n0\r\n\r\n", "x" * 26, "1A"),
                        ("aA\r\n" + "x" * 170 + "\r\n0\r\n\r\n", "x" * 170, "both cases in one number"),
                        ("010\r\n" + "x" * 16 + "\r\n0\r\n\r\n", "x" * 16, "010 is sixteen"),
                        ("1e\r\n" + "x" * 30 + "\r\n0\r\n\r\n", "x" * 30, "1e is thirty"),
                        ("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", "hello world", "three zeros for the last"),
                        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "data of a line end"), ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "data of two"),
                        ("1\r\n\n\r\n0\r\n\r\n", "\n", "data of LF"), ("1\r\n\r\r\n0\r\n\r\n", "\r", "data of CR"),
                        ("1\r\n\0\r\n0\r\n\r\n", "\0", "data of NUL"), ("1\r\n0\r\n0\r\n\r\n", "0", "data of a zero"),
                        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", "data that looks like the end"),
                        ("00000000000000005\r\nhello\r\n0\r\n\r\n", "hello", "more digits than 64 bits have"),
                        ("5\r\nhello\r\n" + "0" * 40 + "\r\n\r\n", "hello", "forty zeros for the last")]:
    good(g, "9112 7.1", why, chunked(text), bodies=[body])
good(g, "9112 7.1", "every octet there is", chunked("100\r\n" + bytes(range(256)).decode("latin-1") + "\r\n0\r\n\r\n"),
     bodies=[bytes(range(256))])
good(g, "9112 7.1", "sizes from 1 to 99", chunked("".join(f"{n:x}\r\n{'x' * n}\r\n" for n in range(1, 100)) + "0\r\n\r\n"),
     bodies=["x" * 4950])
good(g, "9112 7.1", "a chunk that is a request", chunked(f"{len(NEXT):x}\r\n{NEXT}\r\n0\r\n\r\n"), bodies=[NEXT])
case(g, "9112 7.1", "two in one segment", chunked(HELLO) + chunked(HELLO), 200, 200, bodies=["hello", "hello"])
case(g, "9112 7.1", "and a request behind", chunked(HELLO) + NEXT, 200, 200, bodies=["hello", ""])
case(g, "9112 7.1", "what stands behind the last chunk is the next request", chunked("0\r\n\r\n") + "5\r\nhello\r\n", 200, 400, end="close",
     bodies=[""])
case(g, "9112 7.1", "a second last chunk is no request", chunked("0\r\n\r\n") + "0\r\n\r\n", 200, 400, end="close", bodies=[""])
case(g, "9112 7.1", "a chunk of nothing ends it, whatever was meant", chunked("0\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 200, 400, end="close",
     bodies=[""])
for extension in [";a;b;c", ";a=1;a=1", ";a=b;c", ";a;b=c", ' ;a="b"', ';a ="b"', ';a= "b"', ' ; a = "b" ; c = d', "\t;\ta\t=\tb",
                  "   ;   a", ';a="="', ';a=";"', ';a="\\\\"', ';a="\\;"', ';a="\\a"', ';a=" "', ';a="\t"', ';a=",:/?"', ";0", ";0=0",
                  ";chunked", ";5", ";a=5", ";ieof", ";a=!#$%&'*+-.^_`|~", ";" + "a" * 200, ";a=" + "b" * 200, ';a="' + "c" * 200 + '"',
                  ";a" * 100, ';a="\xc3\xa9"']:
    good(g, "9112 7.1.1", f"extension {extension[:16]!r}", chunked(f"5{extension}\r\nhello\r\n0\r\n\r\n"), bodies=["hello"])
    good(g, "9112 7.1.1", f"extension {extension[:16]!r} of the last", chunked(f"5\r\nhello\r\n0{extension}\r\n\r\n"), bodies=["hello"])
for extension in [";;", ";;;", ";a;;b", ";a ;", "; ;a", ";a=b;", ";a=b; ", ";a=b ;", ";=", ";==", ";a=b=c", ";a=b,c", ";a,b", ";a:b",
                  ";a/b", ";a?b", ";a@b", ";a[b]", ";a{b}", ";(a)", ";a=[b]", ";a=b\\", ';"a"', ';"a"=b', ';a="', ';a="b"c"', ';a="b""c"',
                  ';a="b" c', ';a="b"=c', ";a='b c'", ';a=b"', ";a=\\b", ";a\\=b", ';a="b\\"', ";a b=c", ";a=b c=d", ";\x0ba", ";a\x0b",
                  ";a\x0c=b", ";a\x80=b", ";a=\x80", ";\xa0a", ";a=\xe9", ';a="\x01"', ';a="\x1f"', ';a="\x0b"', ';a="\\\x01"',
                  ';a="\\\x7f"', " 5", " a=b", " =b", " ;", "\t;", " ; ", ";a\t", ";a ", "a;b", "x;a", "#a", "&a", "|a", "\\a", '"a"',
                  "(a)", ". ;a", "\x0b;a", "\xa0;a"]:
    bad(g, "9112 7.1.1", f"no extension: {extension!r}", chunked(f"5{extension}\r\nhello\r\n0\r\n\r\n") + NEXT)
for extension in [";", " ", "\t", " ;", ";=", ";a=", ';a="', ";a ", "x", ";a\0", ";\x7f"]:
    bad(g, "9112 7.1.1", f"no extension of the last: {extension!r}", chunked(f"5\r\nhello\r\n0{extension}\r\n\r\n") + NEXT)
for ending, why in [("\n", "bare LF"), ("\r", "bare CR"), ("\r\r\n", "CR CR LF"), ("\n\r", "LF CR"), ("\r \n", "CR SP LF"),
                    ("\r\0\n", "CR NUL LF")]:
    for extension in [";a", ";a=b", ';a="b"', ";", ";a="]:
        bad(g, "9112 7.1.1", f"{why} behind {extension!r}", chunked(f"5{extension}{ending}hello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "an extension that hides a chunk from those who look for LF",
    chunked("2;\nxx\r\n4c\r\n0\r\n\r\n" + NEXT + "\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "an extension that hides a chunk from those who skip CR", chunked("5;a\rb=\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "a quoted bare LF", chunked('5;a="b\nc"\r\nhello\r\n0\r\n\r\n'))
bad(g, "9112 7.1.1", "a quoted bare CR", chunked('5;a="b\rc"\r\nhello\r\n0\r\n\r\n'))
bad(g, "9112 7.1.1", "an escaped line end", chunked('5;a="b\\\r\n"\r\nhello\r\n0\r\n\r\n'))
bad(g, "9112 7.1.1", "a folded extension", chunked("5;a=\r\n b\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "an extension of spaces without an end", chunked("5" + " " * 100000))
bad(g, "9112 7.1.1", "an extension of semicolons", chunked("5" + ";" * 1000 + "\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "an endless quoted one", chunked('5;a="' + "x" * 100000))
bad(g, "9112 7.1.1", "ten thousand extensions of one chunk", chunked("5" + ";a=b" * 10000 + "\r\nhello\r\n0\r\n\r\n"))
bad(g, "9112 7.1.1", "one of 65,536 octets at the last chunk", chunked("5\r\nhello\r\n0;a=" + "x" * 65536 + "\r\n\r\n"))
for size in ["+", "-", "+0", "-1", "--5", "0x", "0X5", "0x0", "0h5", "5x", "5X", "5L", "5u", "5_", "_5", "5_0", "0_5", "5'0", "5e+1", "1.0",
             ".5", "5.5", "5,", ",5", "5/1", "5%", "%35", "&#53;", "$5", "(5)", "[5]", "{5}", "<5>", "5-", "5+", "5=", "=5", ":5", "5:",
             "five", "G", "z", "null", "\\5", "5\\", "'", '"', "`5`", "\x01" + "5", "5\x01", "\x0b5", "5\x0b", "5\x0c", "\x7f5", "5\x7f",
             "\xa05", "5\x80", "\xb25", "\xef\xbc\x95", "\xd9\xa5", "\xc2\xa05", "\xff", "5 \xa0", "5\r", "\n5", "  5", "\t\t5", "5  5",
             "5\t5", "GET / HTTP/1.1", "hello", "Content-Length: 5", "HTTP/1.1 200 OK"]:
    bad(g, "9112 7.1", f"size {size!r}", chunked(f"{size}\r\nhello\r\n0\r\n\r\n") + NEXT)
for size in ["+0", "-0", "0x0", " 0", "\t0", "0.", "0,0", "o", "O", "0\0", "\0" + "0", "0\x0b", "", "00x"]:
    bad(g, "9112 7.1", f"last size {size!r}", chunked(f"5\r\nhello\r\n{size}\r\n\r\n") + NEXT)
for size in ["80000005", "fffffffe", "ffffffff", "100000000", "1ffffffff", "7ffffffffffffffe"]:
    bad(g, "9112 7.1", f"{size} is over the limit", chunked(f"{size}\r\nhello\r\n0\r\n\r\n") + NEXT, 413)
for size in ["8000000000000005", "fffffffffffffffe", "10000000000000000", "10000000000000001", "20000000000000005",
             "100000000000000000000000000000005", "0" * 40 + "10000000000000005", "F" * 16, "F" * 17]:
    bad(g, "9112 7.1", f"{size[:20]}... does not fit", chunked(f"{size}\r\nhello\r\n0\r\n\r\n") + NEXT)
bad(g, "9112 7.1", "the last chunk is missing", chunked("3\r\nfoo\r\n\r\n"))
bad(g, "9112 7.1", "data without a size", chunked("hello\r\n0\r\n\r\n"))
bad(g, "9112 7.1", "an empty line between chunks", chunked("5\r\nhello\r\n\r\n0\r\n\r\n"))
bad(g, "9112 7.1", "two octets more than announced", chunked("5\r\nhello!!\r\n0\r\n\r\n"))
bad(g, "9112 7.1", "one octet more, and it is a space", chunked("5\r\nhello \r\n0\r\n\r\n"))
bad(g, "9112 7.1", "one octet less, and the line end is data", chunked("6\r\nhello\r\n0\r\n\r\n" + NEXT))
bad(g, "9112 7.1", "two octets less, and the line end is data", chunked("7\r\nhello\r\n0\r\n\r\n" + NEXT))
bad(g, "9112 7.1", "another octet for CR behind the data", chunked("5\r\nhelloX\n0\r\n\r\n"))
bad(g, "9112 7.1", "another octet for LF behind the data", chunked("5\r\nhello\rX0\r\n\r\n"))
bad(g, "9112 7.1", "two other octets for CRLF behind the data", chunked("5\r\nhelloXX0\r\n\r\n"))
bad(g, "9112 7.1", "two other octets in a later chunk", chunked("5\r\nhello\r\n5\r\nworldXX0\r\n\r\n"))
bad(g, "9112 7.1", "bare LF everywhere", chunked("5\nhello\n0\n\n"))
bad(g, "9112 7.1", "bare CR everywhere", chunked("5\rhello\r0\r\r"))
bad(g, "9112 7.1", "LF for the last line end", chunked("5\r\nhello\r\n0\r\n\n"))
bad(g, "9112 7.1", "LF LF for the end", chunked("5\r\nhello\r\n0\n\n"))
bad(g, "9112 7.1", "a space for the last line end", chunked("5\r\nhello\r\n0\r\n \r\n"))
bad(g, "9112 7.1", "a NUL for the last line end", chunked("5\r\nhello\r\n0\r\n\0"))
bad(g, "9112 7.1", "CR and a letter for the last line end", chunked("5\r\nhello\r\n0\r\n\rX"))
bad(g, "9112 7.1", "good chunks, then a bad one", chunked("5\r\nhello\r\n5\r\nworld\r\n-1\r\n"))
bad(g, "9110 15.5.14", "one octet more than the largest body, in one chunk",
    chunked(f"{BODY_MAX + 1:x}\r\n{'x' * (BODY_MAX + 1)}\r\n0\r\n\r\n") + NEXT, 413)
good(g, "9110 15.5.14", "the largest body in many chunks", chunked(f"{1024:x}\r\n{'x' * 1024}\r\n" * 1024 + "0\r\n\r\n"),
     bodies=["x" * BODY_MAX])
bad(g, "9110 15.5.14", "many chunks, one too many", chunked(f"{1024:x}\r\n{'x' * 1024}\r\n" * 1025 + "0\r\n\r\n") + NEXT, 413)
for at, why in [("5;", "in an extension"), ("5;a=", "before its value"), ('5;a="', "in quotes"), ("5\r", "in a line end"),
                ("5\r\n", "before the data"), ("5\r\nhello", "behind the data"), ("5\r\nhello\r", "half a line end behind the data"),
                ("5\r\nhello\r\n0", "in the last size"), ("5\r\nhello\r\n0\r", "in the last line end")]:
    bad(g, "9112 8", f"half-closed {why}", chunked(at), fin=True)
