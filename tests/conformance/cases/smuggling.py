"""Requests made to be read differently by two servers in a row: what hides in them is never served (RFC 9112 §11.2).

Each carries a request for /hidden where only a careless reader would find one. Refused: one answer, the connection ends, and what
follows is not looked at. Accepted, because it is legal: the hidden request is the body, or plainly the next request.
"""
from .table import ANY, HELLO, HOST, NEXT, bad, case, chunked, fields, post

HIDDEN = "GET /hidden HTTP/1.1\r\n" + HOST + "\r\n"
ZERO = "0\r\n\r\n"

g = "smuggle"
for lines, why in [("Content-Length: 5\r\nTransfer-Encoding: chunked", "CL.TE"),
                   ("Transfer-Encoding: chunked\r\nContent-Length: 5", "TE.CL"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity", "CL.TE.TE"),
                   ("Content-Length: 0\r\nTransfer-Encoding: chunked", "0.TE"), ("Content-Length: 5\r\nContent-Length: 100", "CL.CL"),
                   ("Content-Length: 100\r\nContent-Length: 5", "CL.CL, the larger first"), ("Content-Length: 5, 100", "a list of lengths"),
                   ("Content-Length: 5\r\nTransfer-Encoding : chunked", "space before the colon"),
                   ("Content-Length: 5\r\nTransfer-Encoding\t: chunked", "tab before the colon"),
                   ("Content-Length: 5\r\n Transfer-Encoding: chunked", "space ahead of the name"),
                   ("Content-Length: 5\r\n\tTransfer-Encoding: chunked", "tab ahead of the name"),
                   ("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked", "a folded coding"),
                   ("Content-Length: 5\r\nTransfer-Encoding\r\n : chunked", "a folded name"),
                   ("Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked", "a coding in a fold"),
                   ("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked", "a coding behind a bare LF"),
                   ("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked", "a coding behind a bare CR"),
                   ("Content-Length: 5\r\nX: y\r\rTransfer-Encoding: chunked", "a coding behind two bare CR"),
                   ("Content-Length: 5\r\nX: y\0\r\nTransfer-Encoding: chunked", "NUL ahead of a coding"),
                   ("Content-Length: 5\r\n\0Transfer-Encoding: chunked", "NUL in front"),
                   ("Content-Length: 5\r\nTransfer-Encoding: \x0bchunked", "vertical tab"),
                   ("Content-Length: 5\r\nTransfer-Encoding: \x0cchunked", "form feed"),
                   ("Content-Length: 5\r\nTransfer-Encoding: \x00chunked", "NUL"),
                   ("Content-Length: 5\r\nTransfer-Encoding:\x08chunked", "backspace"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked\x0b", "vertical tab behind"),
                   ("Content-Length: 5\r\nTransfer-Encoding: \xa0chunked", "NBSP"),
                   ("Content-Length: 5\r\nTransfer-Encoding: \x85chunked", "next line, above ASCII"),
                   ("Content-Length: 5\r\nTransfer-Encoding: xchunked", "a letter in front"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunkedx", "a letter behind"),
                   ("Content-Length: 5\r\nTransfer-Encoding: x", "nothing known"),
                   ("Content-Length: 5\r\nTransfer-Encoding: identity", "identity"),
                   ("Content-Length: 5\r\nTransfer-Encoding: identity, chunked", "identity, chunked"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked, identity", "chunked, identity"),
                   ("Content-Length: 5\r\nTransfer-Encoding: 'chunked'", "apostrophes"),
                   ('Content-Length: 5\r\nTransfer-Encoding: "chunked"', "quotes"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked;q=1", "a parameter"),
                   ("Content-Length: 5\r\nTransfer-Encoding: ,chunked", "a comma in front"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked,", "a comma behind"),
                   ("Content-Length: 5\r\nTransfer-Encoding:", "no value"),
                   ("Content-Length: 5\r\nTransfer-Encoding: ", "a value of space"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunk", "less"),
                   ("Content-Length: 5\r\nTransfer-Encoding: cow\r\nTransfer-Encoding: chunked", "a cow first"),
                   ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: cow", "a cow last"),
                   ("Content-Length: 5\r\nTransfer-encoding: cow\r\ntransfer-Encoding: chunked", "names in two cases"),
                   ("Content-Length: 5\r\nTransfer Encoding: chunked", "a space in the name"),
                   ("Content-Length: 5\r\nTransfer-\xc5\xbfncoding: chunked", "a long s in the name"),
                   ("Content-Length: 5\r\nTransfer-Encod\xc4\xb1ng: chunked", "a dotless i in the name"),
                   ("Content-Length: 5\r\nTransfer\xe2\x80\x90Encoding: chunked", "a hyphen above ASCII in the name"),
                   ("Content-Length: 5\r\n\xa0Transfer-Encoding: chunked", "NBSP ahead of the name"),
                   ("Content-Length: 5\r\nTransfer-Encoding\xa0: chunked", "NBSP behind the name"),
                   ("Content-Length: 5\r\n\x01Transfer-Encoding: chunked", "a control ahead of the name"),
                   ("Content-Length: 5\r\nTransfer-Encoding\r: chunked", "CR behind the name"),
                   ("Content-Length: 5\r\n:Transfer-Encoding: chunked", "a colon in front"),
                   ("Content-Length: 5\r\n\"Transfer-Encoding\": chunked", "a quoted name"),
                   ("Content-Length: 5\r\nTransfer-Encoding chunked", "no colon"),
                   ("Content-Length: 5\r\nTransfer-Encoding; chunked", "a semicolon"),
                   ("Content-Length : 5", "space before the colon of a length"),
                   ("Content-Length\t: 5", "tab before the colon of a length"), ("Content Length: 5", "a space for the hyphen"),
                   (" Content-Length: 5", "space ahead of a length"), ("\xa0Content-Length: 5", "NBSP ahead of a length"),
                   ("Content-Length\xa0: 5", "NBSP behind its name"), ("\x01\x01Content-Length: 5", "two controls ahead of a length"),
                   ("Content-Length: +5", "a plus"), ("Content-Length: -5", "a minus"), ("Content-Length: 0x5", "hexadecimal"),
                   ("Content-Length: 5 5", "two numbers"), ("Content-Length: 5\x0b", "vertical tab behind"),
                   ("Content-Length:\x0b5", "vertical tab in front"), ("Content-Length: 5\0", "NUL behind"),
                   ("Content-Length: 5;", "a semicolon behind"), ('Content-Length: "5"', "quotes"),
                   ("Content-Length: 5_0", "an underscore"), ("Content-Length: 5.0", "a fraction"), ("Content-Length:", "no value"),
                   ("Content-Length: 5\rX: y", "a bare CR behind"), ("Content-Length: 5\nX: y", "a bare LF behind"),
                   ("X: y\rContent-Length: 5", "a length behind a bare CR"), ("X: y\nContent-Length: 5", "a length behind a bare LF"),
                   ("X: y\r\n Content-Length: 5", "a length in a fold"), ("X:\r\n Content-Length: 5", "a length in a fold of nothing"),
                   ("X\r\nContent-Length: 5", "a field without a colon ahead"), ("\r Content-Length: 5", "CR, space"),
                   ("Content-Length: 5\r\n\r Transfer-Encoding: chunked", "CR, space, coding"),
                   ("Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "a length named in Connection"),
                   ("Host: b.test\r\nContent-Length: 5", "a second Host"), ("hOST : b.test", "a second Host with a space"),
                   ("\tHost: b.test", "a second Host in a fold"), ("Content-Length: 18446744073709551621", "a length that wraps to 5"),
                   ("Content-Length: 4294967301 5", "a length that wraps in 32 bits, and another"),
                   ("Content-Length: \xef\xbc\x95", "a fullwidth digit"),
                   ("Content-Length: 5\r\nContent-Length : 100", "CL.CL, one with a space")]:
    bad(g, "9112 11.2", why, post(lines, ZERO + HIDDEN))
for value in ["xchunked", "x", "identity", "chunkedchunked", "gzip", "gzip, chunked", "cow\r\nTransfer-Encoding: chunked",
              "identity\r\nTransfer-Encoding: chunked"]:
    bad(g, "9112 11.2", f"{value!r} alone", post(f"Transfer-Encoding: {value}", ZERO + HIDDEN), 501)
for body, why in [("5;\nhello\r\n" + ZERO, "bare LF behind an empty extension"), ("5;a\nhello\r\n" + ZERO, "bare LF behind an extension"),
                  ("5\r;\nhello\r\n" + ZERO, "CR, semicolon, LF"), ("5\r\r\nhello\r\n" + ZERO, "CR CR LF"),
                  ("5\r\rhello\r\n" + ZERO, "CR CR"), ("5 \r\nhello\r\n" + ZERO, "a space behind the size"),
                  ("5\t\r\nhello\r\n" + ZERO, "a tab behind the size"), ("0x5\r\nhello\r\n" + ZERO, "hexadecimal by name"),
                  ("+5\r\nhello\r\n" + ZERO, "a plus"), ("5_\r\nhello\r\n" + ZERO, "an underscore"), ("-5\r\nhello\r\n" + ZERO, "a minus"),
                  ("10000000000000005\r\nhello\r\n" + ZERO, "a size that wraps to 5"),
                  ("5\r\nhelloXX" + ZERO, "no line end behind the data"), ("5\r\nhello\n" + ZERO, "LF behind the data"),
                  ("5\r\nhello\r" + ZERO, "CR behind the data"), ("5\r\nhello" + ZERO, "nothing behind the data"),
                  ("5\r\nhello\r\n0\r\n\n", "LF at the end"), ("5\r\nhello\r\n0\n\r\n", "LF behind the last size"),
                  ("5\r\nhello\r\n0\r\nX\r\n\r\n", "a trailer without a colon"),
                  ("5\r\nhello\r\n0\r\nX : y\r\n\r\n", "a trailer with a space"),
                  ("5\r\nhello\r\n0\r\n X: y\r\n\r\n", "a trailer in a fold"),
                  ("5\r\nhello\r\n0;\r\n\r\n", "an empty extension at the end"), ("5\r\nhello\r\n-0\r\n\r\n", "minus zero"),
                  ("5\r\nhello\r\n0x0\r\n\r\n", "zero by name"), ("5\r\nhello\r\n\r\n", "no last chunk"),
                  ("5;a=\"\r\nhello\r\n0\r\n\r\n\"\r\nhello\r\n" + ZERO, "a line end in quotes"),
                  ("5;a=b\r\x0b\nhello\r\n" + ZERO, "vertical tab in the line end")]:
    bad(g, "9112 11.2", f"chunks: {why}", chunked(body + HIDDEN))
for name in ["Transfer_Encoding", "Transfer.Encoding", "Transfer--Encoding", "TransferEncoding", "X-Transfer-Encoding", "Content_Length",
             "Content.Length", "X-Content-Length"]:
    text = "chunked" if "rans" in name else str(len(ZERO + HIDDEN))
    case(g, "9110 5.1", f"{name} frames nothing beside a length", post(f"{name}: {text}\r\nContent-Length: 5", ZERO + NEXT), 200, 200,
         bodies=[ZERO, ""], targets=["/c", "/next"])
    case(g, "9110 5.1", f"{name} frames nothing beside chunks", chunked(HELLO + NEXT, f"{name}: {text}\r\n"), 200, 200,
         bodies=["hello", ""], targets=["/c", "/next"])
case(g, "9112 6.3", "CL.0: a body of GET is a body", fields(f"Content-Length: {len(HIDDEN)}", "GET", HIDDEN) + NEXT, 200, 200,
     bodies=[HIDDEN, ""], targets=["/c", "/next"])
case(g, "9112 6.3", "CL.0: a body nobody reads is a body", post(f"Content-Length: {len(HIDDEN)}", HIDDEN).replace("/c", "/unread") + NEXT,
     200, 200, targets=[ANY, "/next"])
case(g, "9112 6.3", "TE.0: chunks of OPTIONS are a body",
     fields("Transfer-Encoding: chunked", "OPTIONS", f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n{ZERO}") + NEXT, 200, 200, bodies=[HIDDEN, ""],
     targets=["/c", "/next"])
case(g, "9112 6.3", "TE.0: chunks nobody reads are a body",
     chunked(f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n{ZERO}").replace("POST /c", "POST /unread") + NEXT, 200, 200, targets=[ANY, "/next"])
case(g, "9112 6.3", "0.CL: a length of 0 is one", post("Content-Length: 0", NEXT), 200, 200, bodies=["", ""], targets=["/c", "/next"])
case(g, "9112 6.3", "a body that is the beginning of a request", post("Content-Length: 22", "GET /hidden HTTP/1.1\r\n") + NEXT, 200, 200,
     targets=["/c", "/next"])
case(g, "9112 6.3", "a body of HEAD that is a request", fields(f"Content-Length: {len(HIDDEN)}", "HEAD", HIDDEN) + NEXT, 200, 200,
     bodiless=[0], targets=["/c", "/next"])
case(g, "9112 6.3", "a body of HTTP/1.0 that is a request", f"POST /c HTTP/1.0\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}", 200,
     end="close", bodies=[HIDDEN])
case(g, "9112 9.6", "behind close nothing is served", fields("Connection: close") + HIDDEN, 200, end="close")
case(g, "9112 9.6", "behind HTTP/1.0 nothing is served", "GET /c HTTP/1.0\r\n\r\n" + HIDDEN, 200, end="close")
case(g, "9110 10.1.1", "Expect: a body that does not wait", post(f"Expect: 100-continue\r\nContent-Length: {len(HIDDEN)}", HIDDEN) + NEXT,
     200, 200, continues=ANY, bodies=[HIDDEN, ""])
case(g, "9110 10.1.1", "Expect: a body announced and refused is not taken for a request",
     post(f"Expect: 100-continue\r\nContent-Length: {len(HIDDEN)}", HIDDEN).replace("/c", "/unread") + NEXT, 200, end="close")
bad(g, "9110 10.1.1", "Expect: with a fold", post("Expect:\r\n 100-continue\r\nContent-Length: 5", ZERO + HIDDEN))
bad(g, "9110 10.1.1", "Expect: another, with a body", post("Expect: y 100-continue\r\nContent-Length: 5", ZERO + HIDDEN), 417)
