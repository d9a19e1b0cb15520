"""What sl_static(), nginx and Express's serve-static answer to conditional, range, encoding and path requests.

Each row: what is asked, then the answers of Shallot, nginx 1.22 and serve-static 1.16 (None: as Shallot's). An answer is a status and what
the body is: a name of BODIES, "" for none, "*" for words of the server's own, or the ranges of a multipart answer. Where they differ,
docs/design/files.md says why. The columns are checked by test_static.py: Shallot's always, nginx's where it is installed, serve-static's
where SERVE_STATIC names a folder with node_modules in which Express is (npm install express@4).

In the requests {etag}, {weak}, {modified}, {before} and {after} are the file's own validators, the weak form of the first, and dates
around the second.
"""

FILE = "0123456789" * 100  # f.txt
FILES = {"f.txt": FILE, "index.html": "<p>index", "docs/index.html": "<p>docs", "docs/one.txt": "one", "empty.txt": "", "a b.txt": "space",
         "caf\u00e9.txt": "cafe", "50%.txt": "percent", ".env": "hidden", ".well-known/x": "known", "folder/x": "x", "page.html": "<p>page",
         "z.txt": "plain text", "z.txt.gz": "compressed"}
BODIES = {"file": FILE.encode(), "index": b"<p>index", "docs": b"<p>docs", "one": b"one", "empty": b"", "space": b"space", "cafe": b"cafe",
          "percent": b"percent", "plain": b"plain text", "gzip": b"compressed", "known": b"known",
          "hidden": b"hidden"}

F = "/f.txt"
OK, NOT_MODIFIED, FAILED, UNSATISFIABLE, MISSING = (200, "file"), (304, ""), (412, "*"), (416, "*"), (404, "*")


def get(path=F, method="GET", **fields):
    return method, path, {name.replace("_", "-"): value for name, value in fields.items()}


def part(first, last):
    return 206, FILE[first:last + 1].encode()


def parts(*ranges):
    return 206, list(ranges)


def moved(to):
    return 301, to


def ranges(value, **fields):
    return get(Range=value, **fields)


TABLE = [
    # conditions: one at a time
    (get(), OK, None, None),
    (get(method="HEAD"), (200, ""), None, None),
    (get(If_None_Match="{etag}"), NOT_MODIFIED, None, None),
    (get(If_None_Match="{weak}"), NOT_MODIFIED, None, None),
    (get(If_None_Match='"x"'), OK, None, None),
    (get(If_None_Match='"x", {etag}'), NOT_MODIFIED, None, None),
    (get(If_None_Match='"x",{etag},"y"'), NOT_MODIFIED, None, None),
    (get(If_None_Match="*"), NOT_MODIFIED, None, None),
    (get(If_None_Match=""), OK, None, None),
    (get(If_None_Match="x"), OK, None, None),
    (get(method="HEAD", If_None_Match="{etag}"), NOT_MODIFIED, None, None),
    (get(If_Modified_Since="{modified}"), NOT_MODIFIED, None, None),
    (get(If_Modified_Since="{before}"), OK, None, None),
    (get(If_Modified_Since="{after}"), NOT_MODIFIED, OK, None),
    (get(If_Modified_Since="nonsense"), OK, None, None),
    (get(If_Modified_Since=""), OK, None, None),
    (get(method="HEAD", If_Modified_Since="{modified}"), NOT_MODIFIED, None, None),
    (get(If_Match="{etag}"), OK, None, None),
    (get(If_Match="{weak}"), FAILED, None, OK),
    (get(If_Match='"x"'), FAILED, None, None),
    (get(If_Match='"x", {etag}'), OK, None, None),
    (get(If_Match="*"), OK, None, None),
    (get(If_Unmodified_Since="{modified}"), OK, None, None),
    (get(If_Unmodified_Since="{before}"), FAILED, None, None),
    (get(If_Unmodified_Since="{after}"), OK, None, None),
    (get(If_Unmodified_Since="nonsense"), OK, FAILED, None),
    # which wins
    (get(If_None_Match='"x"', If_Modified_Since="{modified}"), OK, None, None),
    (get(If_None_Match="{etag}", If_Modified_Since="{before}"), NOT_MODIFIED, OK, OK),
    (get(If_Match="{etag}", If_Unmodified_Since="{before}"), OK, FAILED, None),
    (get(If_Match='"x"', If_None_Match="{etag}"), FAILED, None, None),
    (get(If_Match="{etag}", If_None_Match="{etag}"), NOT_MODIFIED, None, None),
    (get(If_Unmodified_Since="{before}", If_None_Match="{etag}"), FAILED, None, None),
    (get("/missing.txt", If_Match="*"), MISSING, None, None),
    (get("/missing.txt", If_None_Match="*"), MISSING, None, None),
    (get(If_None_Match="{etag}", Cache_Control="no-cache"), NOT_MODIFIED, None, OK),
    # ranges
    (ranges("bytes=0-"), part(0, 999), None, None),
    (ranges("bytes=0-0"), part(0, 0), None, None),
    (ranges("bytes=0-999"), part(0, 999), None, None),
    (ranges("bytes=0-1000"), part(0, 999), None, None),
    (ranges("bytes=10-19"), part(10, 19), None, None),
    (ranges("bytes=995-"), part(995, 999), None, None),
    (ranges("bytes=999-"), part(999, 999), None, None),
    (ranges("bytes=-1"), part(999, 999), None, None),
    (ranges("bytes=-1000"), part(0, 999), None, None),
    (ranges("bytes=-5000"), part(0, 999), None, UNSATISFIABLE),
    (ranges("bytes=0-99999999999999999999"), part(0, 999), UNSATISFIABLE, None),
    (ranges("BYTES=0-9"), part(0, 9), None, OK),
    (ranges("bytes=1000-"), UNSATISFIABLE, None, None),
    (ranges("bytes=2000-3000"), UNSATISFIABLE, None, None),
    (ranges("bytes=99999999999999999999-"), UNSATISFIABLE, None, None),
    (ranges("bytes=-0"), UNSATISFIABLE, None, None),
    (get("/empty.txt", Range="bytes=0-"), UNSATISFIABLE, (200, ""), None),
    (get("/empty.txt", Range="bytes=-5"), UNSATISFIABLE, (200, ""), None),
    (ranges("bytes=9-0"), UNSATISFIABLE, None, None),
    (ranges("bytes=a-b"), UNSATISFIABLE, None, None),
    (ranges("bytes=-"), UNSATISFIABLE, None, None),
    (ranges("bytes="), OK, None, UNSATISFIABLE),
    (ranges("bytes"), OK, None, None),
    (ranges("bytes 0-9"), OK, None, None),
    (ranges("lines=0-9"), OK, None, None),
    (ranges(""), OK, None, None),
    (ranges("bytes=0-9", method="HEAD"), (200, ""), (206, b""), (206, b"")),
    # several of them
    (ranges("bytes=0-9,500-509"), parts((0, 9), (500, 509)), None, OK),
    (ranges("bytes=500-509,0-9,-5"), parts((500, 509), (0, 9), (995, 999)), None, OK),
    (ranges("bytes=0-9, 500-509"), parts((0, 9), (500, 509)), None, OK),
    (ranges("bytes=0-9,2000-"), part(0, 9), None, None),
    (ranges("bytes=0-9,5-19"), part(0, 19), parts((0, 9), (5, 19)), None),
    (ranges("bytes=0-9,10-19"), part(0, 19), parts((0, 9), (10, 19)), None),
    (ranges("bytes=0-9,20-29"), part(0, 29), parts((0, 9), (20, 29)), OK),
    (ranges("bytes=0-9,x"), UNSATISFIABLE, None, part(0, 9)),
    (ranges("bytes=0-,0-,0-,0-"), part(0, 999), OK, None),
    (ranges("bytes=" + ",".join(f"{i * 100}-{i * 100}" for i in range(10))), parts(*((i * 100, i * 100) for i in range(10))), None, OK),
    (ranges("bytes=" + ",".join(f"{i}-{i}" for i in range(17))), OK, parts(*((i, i) for i in range(17))), part(0, 16)),
    (ranges("bytes=" + ",".join(["0-"] * 200)), OK, None, part(0, 999)),
    # ranges and conditions
    (ranges("bytes=0-9", If_Range="{etag}"), part(0, 9), None, OK),
    (ranges("bytes=0-9", If_Range='"x"'), OK, None, None),
    (ranges("bytes=0-9", If_Range="{weak}"), OK, None, part(0, 9)),
    (ranges("bytes=0-9", If_Range="{modified}"), part(0, 9), None, None),
    (ranges("bytes=0-9", If_Range="{before}"), OK, None, None),
    (ranges("bytes=0-9", If_Range="{after}"), OK, None, part(0, 9)),
    (ranges("bytes=0-9", If_Range="nonsense"), OK, None, None),
    (ranges("bytes=0-9", If_None_Match="{etag}"), NOT_MODIFIED, None, None),
    (ranges("bytes=0-9", If_Match='"x"'), FAILED, None, None),
    (ranges("bytes=5000-", If_Range='"x"'), OK, None, None),
    (get(If_Range="{etag}"), OK, None, None),
    # encodings
    (get("/z.txt"), (200, "plain"), None, None),
    (get("/z.txt", Accept_Encoding="gzip"), (200, "gzip"), None, (200, "plain")),
    (get("/z.txt", Accept_Encoding="br, gzip;q=0.5"), (200, "gzip"), None, (200, "plain")),
    (get("/z.txt", Accept_Encoding="gzip;q=0"), (200, "plain"), None, None),
    (get("/z.txt", Accept_Encoding="identity"), (200, "plain"), None, None),
    (get("/z.txt", Accept_Encoding="*"), (200, "gzip"), (200, "plain"), (200, "plain")),
    (get("/z.txt", Accept_Encoding="GZIP"), (200, "gzip"), None, (200, "plain")),
    (get("/z.txt", Accept_Encoding="gzip", Range="bytes=0-3"), (206, b"comp"), (200, "gzip"), (206, b"plai")),
    (get("/z.txt.gz"), (200, "gzip"), None, None),
    # paths
    (get("/"), (200, "index"), None, None),
    (get("/index.html"), (200, "index"), None, None),
    (get("/docs/"), (200, "docs"), None, None),
    (get("/docs"), moved("/docs/"), None, None),
    (get("/docs?a=b"), moved("/docs/?a=b"), None, None),
    (get("/docs/one.txt"), (200, "one"), None, None),
    (get("/docs/one.txt?q"), (200, "one"), None, None),
    (get("/folder"), moved("/folder/"), None, None),
    (get("/folder/"), MISSING, (403, "*"), None),
    (get("/missing"), MISSING, None, None),
    (get("/f.txt/"), MISSING, None, None),
    (get("/f.txt/x"), MISSING, None, None),
    (get("/page"), MISSING, None, None),
    (get("/a%20b.txt"), (200, "space"), None, None),
    (get("/caf%C3%A9.txt"), (200, "cafe"), None, None),
    (get("/50%25.txt"), (200, "percent"), None, None),
    (get("/%66.txt"), OK, None, None),
    (get("/.env"), MISSING, (200, "hidden"), None),
    (get("/%2eenv"), MISSING, (200, "hidden"), None),
    (get("/.well-known/x"), (200, "known"), None, None),
    (get("//f.txt"), MISSING, OK, OK),
    (get("/docs//one.txt"), MISSING, (200, "one"), (200, "one")),
    (get("/./f.txt"), MISSING, OK, OK),
    (get("/docs/../f.txt"), MISSING, OK, OK),
    (get("/docs%2Fone.txt"), MISSING, (200, "one"), (200, "one")),
    (get("/docs%5Cone.txt"), MISSING, None, None),
    (get("/../f.txt"), MISSING, (400, "*"), None),
    (get("/%2e%2e/f.txt"), MISSING, (400, "*"), None),
    (get("/..%2ff.txt"), MISSING, (400, "*"), None),
    (get("/f.txt%00"), (400, "*"), None, MISSING),
    (get("/%zz"), (400, "*"), None, MISSING),
    (get("//evil.example/.."), MISSING, (200, "index"), moved("/evil.example/../")),
    (get("/x" * 3000), MISSING, None, None),
    # methods
    (get(method="POST"), MISSING, (405, "*"), None),
    (get(method="PUT"), MISSING, (405, "*"), None),
    (get(method="DELETE"), MISSING, (405, "*"), None),
]
