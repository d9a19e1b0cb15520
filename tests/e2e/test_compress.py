"""sl_compress() and sl_etag() over the wire: every kind of body by every coding, decoded by others' decoders, and nothing held back."""
import random
import threading
import zlib

import brotli
import pytest
import zstandard
from harness import Connection, request

APP = r"""
#include <errno.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

/* The octets of the file from @at on, in pieces. */
static ssize_t pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    FILE *f = self;
    size_t n = 1 + (size_t)rand() % 20000;

    if (rand() % 8 == 0 && sl_sleep(1) < 0)
        return -ECANCELED;
    return (ssize_t)fread(buf, 1, n < len ? n : len, f);
}

static void done(void *arg) { fclose(arg); }

static int kinds(sl_ctx *c)
{
    const char *kind = sl_param(c, "kind");
    FILE *f = fopen(path, "r");
    static char buf[4 << 20];
    char *piece;
    size_t len;
    int r;

    if (!f)
        return -ENOENT;
    sl_defer(c, done, f);
    sl_type(c, "html");
    if (strcmp(kind, "file") == 0)
        return sl_file(c, path);
    if (strcmp(kind, "stream") == 0)
        return sl_stream(c, pull, f);
    if (strcmp(kind, "bytes") == 0) {
        len = fread(buf, 1, sizeof buf, f);
        return sl_bytes(c, buf, len);
    }
    piece = sl_alloc(c, 30000);
    r = piece ? sl_write(c, "", 0) : -ENOMEM;
    while (r == 0 && (len = fread(piece, 1, 30000, f)) > 0)
        r = sl_write(c, piece, len);
    return r;
}

/* A line whenever the client asks for one. */
static int talk(sl_ctx *c)
{
    char line[200];
    ssize_t n;

    sl_type(c, "text");
    while ((n = sl_read(c, line, sizeof line)) > 0)
        if (sl_write(c, line, (size_t)n) < 0)
            return -ECANCELED;
    return (int)n;
}

static ssize_t breaks(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *left = self;

    if ((*left)-- == 0)
        return sl_fail(c, 500, "the tape tore");
    memset(buf, 'x', len);
    return (ssize_t)len;
}

static int broken(sl_ctx *c)
{
    int *left = sl_alloc(c, sizeof *left);

    *left = 3;
    sl_type(c, "text");
    return sl_stream(c, breaks, left);
}

static int hello(sl_ctx *c) { return sl_text(c, "hello"); }

int main(int argc, char **argv)
{
    sl_app *app = sl_new(.standalone = true);

    path = argv[1];
    sl_use(app, sl_compress());
    sl_use(app, sl_etag());
    sl_get(app, "/hello", hello);
    sl_get(app, "/broken", broken);
    sl_post(app, "/talk", talk);
    sl_get(app, "/:kind", kinds);
    return sl_listen(app);
}
"""
DECODERS = {
    "gzip": lambda: zlib.decompressobj(31),
    "br": lambda: Brotli(),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
KINDS = ["bytes", "file", "stream", "push"]


class Brotli:
    def __init__(self):
        self.inner = brotli.Decompressor()

    def decompress(self, data):
        return self.inner.process(data)


@pytest.fixture
def body(tmp_path):
    return tmp_path / "body"


@pytest.fixture
def server(compile, start, body):
    return start([compile(APP), body])


def some_text(size, seed=3):
    rng = random.Random(seed)
    words = [b"onion ", b"layer ", b"<p class=row>", b"</p>\n", b"worker ", b"42 "]
    return b"".join(rng.choices(words, k=size // 4))[:size]


def decoded(coding, data):
    return DECODERS[coding]().decompress(data) if coding else data


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_every_kind_is_decoded_to_what_it_was(server, body, coding):
    for size in (0, 1000, 5000, 60000, 70000, 1 << 20):
        for seed, content in enumerate([some_text(size), random.Random(size).randbytes(size)]):
            body.write_bytes(content)
            for kind in KINDS:
                answer = request(server.port, f"/{kind}", headers={"Accept-Encoding": coding})
                assert answer.status == 200
                found = answer.headers.get("content-encoding")
                assert decoded(found, answer.body) == content, (kind, size, found)
                assert answer.headers["vary"] == "Accept-Encoding"
                if seed == 0 and size >= 5000:
                    assert found == coding and len(answer.body) < size / 2
                head = request(server.port, f"/{kind}", "HEAD", {"Accept-Encoding": coding})
                assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


def test_what_is_pushed_is_readable_at_once(server):
    for coding, decoder in DECODERS.items():
        decoder = decoder()
        with Connection(server.port) as c:
            c.send(f"POST /talk HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            for i in range(20):
                line = b"line %d\n" % i * (i + 1)
                c.send(b"%x\r\n%s\r\n" % (len(line), line))
                if i == 0:
                    assert c.read_head()[1]["content-encoding"] == coding
                got = b""
                while len(got) < len(line):
                    got += decoder.decompress(c.read_chunk())
                assert got == line
            c.send(b"0\r\n\r\n")
            rest = b""
            while piece := c.read_chunk():
                rest += decoder.decompress(piece)
            assert rest == b""


def test_a_source_that_breaks_is_no_end(server):
    for coding in DECODERS:
        with Connection(server.port) as c:
            c.send(f"GET /broken HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
            raw = c.read_all()
            assert f"Content-Encoding: {coding}".encode() in raw
            assert not raw.endswith(b"0\r\n\r\n")
    assert server.expect("the tape tore", 3)


def test_one_tag_for_all_codings(server, body):
    body.write_bytes(some_text(9000))
    for coding in (None, "gzip", "br", "zstd"):
        accepting = {"Accept-Encoding": coding} if coding else {}
        for kind in ("bytes", "file"):
            first = request(server.port, f"/{kind}", headers=accepting)
            tag = first.headers["etag"]
            assert tag.startswith("W/") or not coding
            for method in ("GET", "HEAD"):
                again = request(server.port, f"/{kind}", method, {"If-None-Match": tag, **accepting})
                assert (again.status, again.body) == (304, b"")
                assert again.headers["etag"] == tag and "content-type" not in again.headers
                assert again.headers["vary"] == "Accept-Encoding"
    body.write_bytes(some_text(9001))
    assert request(server.port, "/bytes", headers={"If-None-Match": tag}).status == 200


def test_a_large_body_lets_others_by(server, body):
    """While much is compressed for one client, others are answered."""
    body.write_bytes(some_text(4 << 20))
    ended = threading.Event()

    def load():
        answer = request(server.port, "/bytes", headers={"Accept-Encoding": "br"})
        ended.answer = decoded("br", answer.body)
        ended.set()

    thread = threading.Thread(target=load)
    thread.start()
    between = 0
    with Connection(server.port) as c:
        while not ended.is_set():
            assert c.get("/hello").text == "hello"
            between += 1
    thread.join()
    assert ended.answer == body.read_bytes()
    assert between > 3  # 64 times it gave way
