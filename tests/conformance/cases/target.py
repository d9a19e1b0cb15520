"""Request targets: the four forms, their octets, their lengths (RFC 9112 §3.2, RFC 3986 §2.1, §3)."""
from .table import HEAD_MAX, HOST, NEXT, TARGET_MAX, bad, case, good, line, target

g = "target"
for text, why in [("/azAZ09-._~!$&'()*+,;=:@", "all that a path may hold bare"), ("//", "empty segments"), ("//a//b//", "more of them"),
                  ("/../a/./..", "dots are the program's business"), ("/a?b=c&d=e", "a query"), ("/?", "an empty query"),
                  ("/a?b?c/d", "? and / in a query"), ("/%41%2f%2F%c3%A9%ff", "escapes"), ("/a%0d%0aX:%20y", "an escaped line end is data"),
                  ("/?q=%20+", "escapes in a query"), ("/?a[]={\\|}^`", "what browsers leave bare in queries"),
                  ("/a:80", "a port is no authority"), ("/http://b.test/", "an URL as a path"), ("/*", "an asterisk in a path"),
                  ("/a@b", "an at sign"), ("/" + "a" * (TARGET_MAX - 1), "the longest")]:
    good(g, "9112 3.2.1", why, target(text), targets=[text])
for text, why in [("c", "no slash"), ("?q", "a query alone"), (".", "a dot"), ("..", "two dots"), ("\\c", "a backslash for slash"),
                  ("a.test/c", "no scheme"), ("a.test", "a name"), ("a.test:80", "authority form of another method"),
                  ("#", "a fragment alone"), ("%2fc", "an escaped slash"), ("~", "a tilde"), ("c:", "a scheme alone"),
                  ("*", "the asterisk of another method"), ("*/", "an asterisk and more"), ("**", "two asterisks")]:
    bad(g, "9112 3.2", why, target(text))
for octet, name in [("\0", "NUL"), ("\x01", "control"), ("\x1f", "unit separator"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"),
                    ("\xc3\xa9", "UTF-8"), ("\xa0", "NBSP"), ("\r", "bare CR"), ("\n", "bare LF"), ("\t", "tab"), (" ", "space"),
                    ('"', "quote"), ("<", "angle bracket"), (">", "angle bracket")]:
    bad(g, "9112 3.2", f"{name} in the path", target(f"/a{octet}b"))
    bad(g, "9112 3.2", f"{name} in the query", target(f"/?a{octet}b"))
bad(g, "9112 3.2", "fragment", target("/a#b"))
bad(g, "9112 3.2", "fragment behind a query", target("/a?b#c"))
for text in ["/%", "/%4", "/%4/", "/%zz", "/%4g", "/%g4", "/%%41", "/%u0041", "/% 41", "/?%", "/?a=%4", "/%41%", "/%-1"]:
    bad(g, "3986 2.1", f"broken escape in {text}", target(text))
bad(g, "3986 7.3", "escaped NUL", target("/a%00b"))
bad(g, "3986 7.3", "escaped NUL in a query", target("/?a=%00"))
good(g, "9112 3.2.2", "absolute form", target("http://a.test/c?d"), targets=["http://a.test/c?d"])
good(g, "9112 3.2.2", "absolute form wins over another Host", target("http://b.test/c"))
good(g, "9112 3.2.2", "a scheme has no case", target("HtTp://a.test/c"))
good(g, "9112 3.2.2", "https", target("https://a.test/c"))
good(g, "9112 3.2.2", "no path", target("http://a.test"))
good(g, "9112 3.2.2", "no path, a query", target("http://a.test?c"))
good(g, "9112 3.2.2", "a port", target("http://a.test:81/c"))
good(g, "9112 3.2.2", "an empty port", target("http://a.test:/c"))
good(g, "9112 3.2.2", "an address", target("http://[::1]:81/c"))
good(g, "9112 3.2.2", "an escape in the name", target("http://%61.test/c"))
for text, why in [("http://u@a.test/c", "userinfo"), ("http://u:p@a.test/c", "userinfo with password"),
                  ("http://@a.test/c", "empty userinfo"), ("http:///c", "no host"), ("http://", "nothing behind the scheme"),
                  ("http://:80/c", "a port alone"), ("http://a.test:x/c", "no port"), ("http://a.test:65536/c", "a port beyond"),
                  ("http:/a.test/c", "one slash"), ("http:a.test", "no slash"), ("http:\\\\a.test\\c", "backslashes"),
                  ("ftp://a.test/c", "another scheme"), ("ws://a.test/c", "the scheme of WebSockets"), ("httpx://a.test/c", "nearly"),
                  ("http//a.test/c", "no colon"), ("http://[::1/c", "bracket left open"), ("http://a|b/c", "bad octet in the host"),
                  ("http://a%00b/c", "escaped NUL in the host"), ("http://a.test\\c", "backslash behind the host"),
                  ("http://a.test/c#d", "fragment")]:
    bad(g, "9112 3.2.2", f"absolute: {why}", target(text))
bad(g, "9112 3.2", "absolute, no Host", "GET http://a.test/c HTTP/1.1\r\n\r\n")
bad(g, "9112 3.2", "absolute, bad Host", "GET http://a.test/c HTTP/1.1\r\nHost: a b\r\n\r\n")
good(g, "9112 3.2.4", "OPTIONS *", line("OPTIONS * HTTP/1.1"), targets=["*"])
good(g, "9112 3.2.4", "OPTIONS of the server through its name", line("OPTIONS http://a.test HTTP/1.1"))
good(g, "9112 3.2.4", "OPTIONS /", line("OPTIONS / HTTP/1.1"))
bad(g, "9112 3.2.4", "OPTIONS *?q", line("OPTIONS *?q HTTP/1.1"))
bad(g, "9112 3.2.4", "HEAD *", line("HEAD * HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT, to no proxy", line("CONNECT a.test:80 HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT with a path", line("CONNECT /c HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT without a port", line("CONNECT a.test HTTP/1.1"))
bad(g, "9110 15.5.15", "one octet too long", target("/" + "a" * TARGET_MAX), 414)
bad(g, "9110 15.5.15", "much too long", target("/" + "a" * 70000), 414)
bad(g, "9110 15.5.15", "much too long a query", target("/?" + "a" * 70000), 414)
bad(g, "9110 15.5.15", "too long before it is wrong", target("/" + "a" * TARGET_MAX + "\0"), 414)
bad(g, "9112 3.2", "wrong before it is too long", target("/\0" + "a" * TARGET_MAX))
for text, why in [("/%7E%7e", "escapes in both cases"), ("/%2e%2e/%2E", "escaped dots"), ("/a%5cb", "an escaped backslash"),
                  ("/%c0%af", "escapes that are no UTF-8"), ("/%25%32%66", "an escaped escape"), ("/%20", "an escaped space"),
                  ("/%09", "an escaped tab"), ("/%7f", "an escaped DEL"), ("/%01", "an escaped control"),
                  ("/a%3fb%23c", "escaped delimiters"), ("/..%2f..%2fetc", "escaped traversal is the program's business"),
                  ("/....//", "dots"), ("/a;v=1/b;w", "parameters of segments"), ("/~user/", "a tilde"), ("/a+b", "a plus"),
                  ("/$&'()*+,;=", "sub-delimiters alone"), ("/:", "a colon"), ("/::1", "colons"), ("/a:b@c", "like userinfo"),
                  ("/@", "an at sign alone"), ("//a.test/c", "like an authority"), ("///", "three slashes"), ("/http:/a", "like a scheme"),
                  ("/?http://b.test/", "an URL in a query"), ("/?a&b=c;d", "delimiters in a query"), ("/??", "two question marks"),
                  ("/???a=b", "three"), ("/?/", "a slash in a query"), ("/?:@", "colon and at sign in a query"), 
                  ("/?'", "an apostrophe in a query"), ("/.", "one dot"), ("/..", "two dots"), ("/...", "three dots"),
                  ("/a/", "a slash at the end"), ("/a//", "two"), ("/*/", "an asterisk and a slash"), ("/%41%42%43", "nothing but escapes"),
                  ("/index.html", "a file"), ("/" + "a/" * 1000, "a thousand segments"), ("/?" + "a=b&" * 1000, "a thousand parameters"),
                  ("/" + "%41" * 2000, "two thousand escapes"), ("/?" + "q" * 8000, "a query of 8,000 octets")]:
    good(g, "3986 3.3", why, target(text), targets=[text])
for text, why in [("c/d", "a relative path"), ("./c", "a relative path with a dot"), ("../c", "one with two dots"),
                  ("@/c", "an at sign first"), ("[::1]", "an address"), ("a.test:80/c", "no scheme, a port"), ("&", "a delimiter"),
                  ("=", "equals"), (";", "a semicolon"), ("+", "a plus"), ("1", "a digit"), ("-", "a hyphen"),
                  ("%2f", "an escaped slash alone"), ("|", "a bar"), ("{", "a brace"), ("`", "a backtick"),
                  ("/#", "a fragment without text"), ("#/c", "a fragment first"), ("?", "a question mark alone"), ("?/", "a query first"),
                  ("*/c", "an asterisk first"), ("*?", "an asterisk and a query"), ("*#", "an asterisk and a fragment"),
                  ("%2a", "an escaped asterisk"), ("//#", "slashes and a fragment"), ("urn:a:b", "a name"),
                  ("mailto:a@b.test", "an address of mail"), ("javascript:alert(1)", "a script"), ("data:,x", "data"),
                  ("file:///etc/passwd", "a file"), ("about:blank", "nothing"), ("tel:1", "a telephone"),
                  ("://a.test/c", "an empty scheme")]:
    bad(g, "9112 3.2", why, target(text))
for octet, name in [("\x02", "control 2"), ("\x08", "backspace"), ("\x0b", "vertical tab"), ("\x0c", "form feed"), ("\x1b", "escape"),
                    ("\x81", "octet 0x81"), ("\xc0\xaf", "an overlong slash"), ("\xe2\x80\xae", "a right-to-left mark"),
                    ("\xff", "octet 0xff"), ("\r\n", "CRLF"), ("\r\n ", "CRLF SP")]:
    bad(g, "9112 3.2", f"{name} in the path", target(f"/a{octet}b"))
    bad(g, "9112 3.2", f"{name} in the query", target(f"/?a{octet}b"))
for octet, name in [("\0", "NUL"), ("\x01", "control"), ("\x7f", "DEL"), ("\x80", "octet above ASCII"), ('"', "quote"),
                    ("<", "angle bracket"), ("\t", "tab")]:
    bad(g, "9112 3.2", f"{name} ahead of the path", target(f"{octet}/a"))
    bad(g, "9112 3.2", f"{name} at the end of the path", target(f"/a{octet}"))
    bad(g, "9112 3.2", f"{name} in the middle of a long path", target("/" + "a" * 77 + octet + "b" * 77))
for text in ["/a%", "/a%2", "/%2", "/%0", "/% ", "/%\xff", "/%4x", "/%x4", "/%+1", "/%.1", "/%1.", "/%0g", "/%:0", "/%@@", "/%//", "/%?1",
             "/%1?", "/%%%", "/%25%", "/?%4", "/?%zz", "/?a=%&b=c", "/?%u00e9", "/%U0041", "/a%2fb%2", "/%\x00"]:
    bad(g, "3986 2.1", f"broken escape in {text!r}", target(text))
for text in ["/%00", "/.%00./etc/passwd", "/a%00", "/?%00", "/?a=b%00c", "/%41%00", "http://a.test/%00", "http://a.test?%00"]:
    bad(g, "3986 7.3", f"escaped NUL in {text}", target(text))
for text, why in [("HTTP://a.test/c", "the scheme in capitals"), ("HTTPS://A.TEST/C", "https in capitals"), ("http://a.test/", "a slash"),
                  ("http://a.test/?", "an empty query"), ("http://a.test?", "an empty query at once"),
                  ("http://a.test/a/../b", "dots in it"), ("http://a.test//c", "an empty segment"), ("http://a.test:0/", "port 0"),
                  ("http://a.test:65535/", "the last port"), ("http://a.test:00080/", "zeros in front of the port"),
                  ("http://127.0.0.1/c", "an IPv4 address"), ("http://[2001:db8::1]/c", "an IPv6 address"),
                  ("http://[v1.x]/c", "an address of the future"), ("http://a_b.test/c", "an underscore"),
                  ("http://a.test./c", "a dot at the end"), ("http://b%C3%BCcher.test/c", "an escaped name"),
                  ("http://xn--bcher-kva.test/c", "a name in ASCII"), ("http://a!$&'()*+;=b/c", "sub-delimiters"),
                  ("http://a.test/c@d:e", "at sign and colon in the path"), ("http://a.test/c?u:p@d", "and in the query"),
                  ("http://a.test/http://b.test/", "an URL in the path")]:
    good(g, "9112 3.2.2", f"absolute: {why}", target(text), targets=[text])
for text, why in [("http://a%12:b!&*$@a.test:1234/c", "userinfo of many kinds"), ("http://u:@a.test/c", "an empty password"),
                  ("http://a.test@b.test/c", "a host as userinfo"), ("http://a@b@c/d", "two at signs"),
                  ("http://a.test:80:80/c", "two ports"), ("http://a.test:-1/c", "a negative port"),
                  ("http://a.test:+1/c", "a port with a sign"), ("http://a.test: 80/c", "space before the port"),
                  ("http://a.test:0x50/c", "a hexadecimal port"), ("http://a.test:80a/c", "a letter in the port"),
                  ("http://a.test:99999999999999999999/c", "an endless port"), ("http://:/c", "a colon alone"),
                  ("http://?c", "no host, a query"), ("http://#c", "no host, a fragment"), ("http://[]/c", "empty brackets"),
                  ("http://[::1]x/c", "text behind the bracket"), ("http://[::1]:x/c", "no port behind the bracket"),
                  ("http://[1]/c", "no address in brackets"), ("http://[g::]/c", "no digits in brackets"),
                  ("http://::1/c", "an address without brackets"), ("http://[fe80::1%25eth0]/c", "a zone"),
                  ("http://a.test%/c", "a broken escape in the host"), ("http://a.test%2/c", "half an escape in the host"),
                  ("http://a.test%zz/c", "no escape in the host"), ("http://a%2fb/c%", "a broken escape in the path"),
                  ("http://a<b/c", "an angle bracket"), ('http://a"b/c', "a quote"), ("http://a{b}/c", "braces"),
                  ("http://a^b/c", "a caret"), ("http://a`b/c", "a backtick"), ("http://a\\b/c", "a backslash in the host"),
                  ("http://a\x80b/c", "an octet above ASCII"), ("http://a.test\0/c", "NUL behind the host"),
                  ("http:\\/a.test/c", "a backslash for one slash"), ("http:/\\a.test/c", "a backslash for the other"),
                  ("http:////a.test/c", "four slashes"), ("http:///a.test/c", "three slashes"), ("http:///", "nothing but slashes"),
                  ("http:", "a scheme alone"), ("http:/", "a scheme and a slash"), ("http", "the word"), ("https", "the other word"),
                  ("https://", "https and nothing"), ("https:/a.test", "https and one slash"),
                  ("http ://a.test/c", "space behind the scheme"), (" http://a.test/c", "space ahead of it"),
                  ("\thttp://a.test/c", "tab ahead of it"), ("hxttp://a.test/c", "a letter more"), ("ttp://a.test/c", "a letter less"),
                  ("httpss://a.test/c", "one s too many"), ("http+x://a.test/c", "a composed scheme"),
                  ("wss://a.test/c", "WebSockets over TLS"), ("gopher://a.test/c", "gopher"), ("file://a.test/c", "file"),
                  ("%68ttp://a.test/c", "an escaped letter in the scheme"), ("http%3a//a.test/c", "an escaped colon"),
                  ("http:%2f%2fa.test/c", "escaped slashes")]:
    bad(g, "9112 3.2.2", f"absolute: {why}", target(text))
good(g, "9112 3.2.2", "absolute, another Host: the target decides", "GET http://b.test:8080/c HTTP/1.1\r\nHost: a.test\r\n\r\n",
     headers=[{"x-host": "b.test:8080"}])
good(g, "9112 3.2.2", "absolute, an empty Host", "GET http://b.test/c HTTP/1.1\r\nHost:\r\n\r\n", headers=[{"x-host": "b.test"}])
good(g, "9112 3.2.2", "origin form: Host decides", "GET /c HTTP/1.1\r\nHost: a.test:81\r\n\r\n", headers=[{"x-host": "a.test:81"}])
bad(g, "9112 3.2", "absolute, two Hosts", "GET http://a.test/c HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n")
bad(g, "9112 3.2", "absolute, a Host with a path", "GET http://a.test/c HTTP/1.1\r\nHost: a.test/c\r\n\r\n")
case(g, "9112 3.2.2", "absolute in HTTP/1.0, no Host", "GET http://a.test/c HTTP/1.0\r\n\r\n", 200, end="close",
     headers=[{"x-host": "a.test"}])
case(g, "9112 3.2.2", "absolute, then origin form: nothing is remembered", target("http://b.test/c") + NEXT, 200, 200,
     headers=[{"x-host": "b.test"}, {"x-host": "a.test"}])
good(g, "9112 3.2.2", "absolute with a body", f"POST http://a.test/c HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello", bodies=["hello"])
for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "options", "OPTION", "OPTIONSX"]:
    bad(g, "9112 3.2.4", f"{method} *", line(f"{method} * HTTP/1.1"))
for text in ["**", "*/", "/*x y", "*#a", "a*", "%2A", "* ", "*;a"]:
    bad(g, "9112 3.2.4", f"OPTIONS {text}", line(f"OPTIONS {text} HTTP/1.1"))
good(g, "9112 3.2.4", "OPTIONS of the server, with a port", line("OPTIONS http://a.test:8001 HTTP/1.1"))
good(g, "9112 3.2.4", "OPTIONS of a query without a path", line("OPTIONS http://a.test?q HTTP/1.1"))
good(g, "9112 3.2.4", "OPTIONS /*", line("OPTIONS /* HTTP/1.1"), targets=["/*"])
case(g, "9112 3.2.4", "OPTIONS * in HTTP/1.0", "OPTIONS * HTTP/1.0\r\n\r\n", 200, end="close")
good(g, "9112 3.2.4", "OPTIONS * with a body", f"OPTIONS * HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello", bodies=["hello"])
for text, why in [("[::1]:443", "an address"), ("a.test:", "an empty port"), ("a.test:0", "port 0"), ("a.test:x", "no port"),
                  ("u@a.test:80", "userinfo"), ("*", "an asterisk"), ("http://a.test:80/", "an URL"), ("a.test:80/c", "a path behind"),
                  (":80", "no host"), ("a.test:65536", "a port beyond")]:
    bad(g, "9112 3.2.3", f"CONNECT to {why}", line(f"CONNECT {text} HTTP/1.1"))
bad(g, "9112 3.2.3", "CONNECT in HTTP/1.0", "CONNECT a_0.test:443 HTTP/1.0\r\n\r\n")
bad(g, "9112 3.2.3", "CONNECT, and what the tunnel would carry", line("CONNECT a.test:80 HTTP/1.1") + NEXT)
good(g, "9110 9.1", "connect in small letters is another method", line("connect /c HTTP/1.1"))
bad(g, "9112 3.2.3", "authority form in small letters", line("connect a.test:80 HTTP/1.1"))
for method in ["HEAD", "POST", "PUT", "OPTIONS", "TRACE"]:
    bad(g, "9112 3.2.3", f"authority form of {method}", line(f"{method} a.test:80 HTTP/1.1"))
bad(g, "9110 15.5.15", "one octet too long in absolute form", target("http://a.test/" + "a" * (TARGET_MAX + 1 - len("http://a.test/"))),
    414)
good(g, "9110 15.5.15", "the longest in absolute form", target("http://a.test/" + "a" * (TARGET_MAX - len("http://a.test/"))))
bad(g, "9110 15.5.15", "too long for any head", target("/" + "a" * (HEAD_MAX + 1)), 414)
bad(g, "9110 15.5.15", "too long, of escapes", target("/" + "%41" * 3000), 414)
bad(g, "9110 15.5.15", "too long and endless", "GET /" + "a" * 100000, 414)
bad(g, "9110 15.5.15", "too long, of a method nobody knows", line("BREW /" + "a" * TARGET_MAX + " HTTP/1.1"), 414)
bad(g, "9110 15.5.15", "too long, of another version", line("GET /" + "a" * TARGET_MAX + " HTTP/9.9"), 414)
bad(g, "9112 3.2", "a long one without a slash", target("a" * 8000))
for text, path in [("/a?b?c", "/a"), ("/?b", "/"), ("/a/b/../c", "/a/b/../c"), ("//a//b", "//a//b"), ("/%41%7e", "/A~"),
                   ("/a%2fb%2Fc", "/a%2fb%2Fc"), ("/%25%34%31", "/%41"), ("/+%2b", "/++"), ("/a%3fb?c", "/a?b"), ("/%c3%a9", "/\xc3\xa9"),
                   ("/a%0d%0ab", "not to be sent"), ("http://a.test?b", "/"), ("http://a.test", "/"), ("http://a.test/b?c", "/b"),
                   ("http://a.test/%62", "/b"), ("http://a.test//b", "//b")]:
    good(g, "3986 3.3", f"the path of {text}", target(text).replace("Host", "hOst"), targets=[text], headers=[{"x-path": path}])
