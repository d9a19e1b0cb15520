/* Compressing: what is compressed and what is not, what the head says, and that what comes out is
 * what went in, for bodies of every kind and however it is cut. */
#include "../app/memory_exchange.h"

#include "compress/coding.h"

#include <brotli/decode.h>
#include <shallot/compress.h>
#include <zlib.h>
#include <zstd.h>

static struct sl__loop loop;
static struct memory *running;

/* Decoding. */

static size_t gunzip(const char *in, size_t len, char *out, size_t room, bool *ret_whole)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)room};
    int r;

    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    r = inflate(&z, Z_SYNC_FLUSH);
    assert_true(r == Z_OK || r == Z_STREAM_END || (len == 0 && r == Z_BUF_ERROR));
    *ret_whole = r == Z_STREAM_END && z.avail_in == 0;
    inflateEnd(&z);
    return room - z.avail_out;
}

static size_t unbrotli(const char *in, size_t len, char *out, size_t room, bool *ret_whole)
{
    BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *next_in = (const uint8_t *)in;
    uint8_t *next_out = (uint8_t *)out;
    size_t left = room;
    BrotliDecoderResult r =
        BrotliDecoderDecompressStream(s, &len, &next_in, &left, &next_out, NULL);

    assert_true(r != BROTLI_DECODER_RESULT_ERROR);
    *ret_whole = r == BROTLI_DECODER_RESULT_SUCCESS && len == 0;
    BrotliDecoderDestroyInstance(s);
    return room - left;
}

static size_t unzstd(const char *in, size_t len, char *out, size_t room, bool *ret_whole)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer i = {in, len, 0};
    ZSTD_outBuffer o = {out, room, 0};
    size_t r = 1;

    while (i.pos < i.size && r != 0) {
        size_t before = i.pos;

        r = ZSTD_decompressStream(z, &o, &i);
        assert_false(ZSTD_isError(r));
        if (i.pos == before)
            break;
    }
    *ret_whole = r == 0 && i.pos == i.size;
    ZSTD_freeDStream(z);
    return o.pos;
}

static const struct {
    const char *name;
    size_t (*decode)(const char *in, size_t len, char *out, size_t room, bool *ret_whole);
} codings[] = {{"gzip", gunzip}, {"br", unbrotli}, {"zstd", unzstd}};

static char decoded[2 << 20];

/* What has come so far, decoded by what the head says. */
static size_t decode(const struct memory *m, const char *coding, bool *ret_whole)
{
    const char *bytes = m->body.data ? m->body.data + m->body.at : "";
    size_t len = sl__buf_len(&m->body);

    for (size_t i = 0; i < 3; i++)
        if (coding && strcmp(coding, codings[i].name) == 0)
            return codings[i].decode(bytes, len, decoded, sizeof decoded, ret_whole);
    memcpy(decoded, bytes, len);
    *ret_whole = true;
    return len;
}

static const char *header_of(const struct memory *m, const char *name, char *buf, size_t room)
{
    const char *at = m->headers;
    size_t len = strlen(name);

    for (; *at; at = strchr(at, '\n') + 1)
        if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
            snprintf(buf, room, "%.*s", (int)(strcspn(at, "\n") - len - 2), at + len + 2);
            return buf;
        }
    return NULL;
}

/* Bodies. */

static char text[2 << 20]; /* compressible */
static char small_file[] = "/tmp/shallot-XXXXXX.html", large_file[] = "/tmp/shallot-XXXXXX.html";
static size_t want_len;        /* of the body */
static size_t piece;           /* of a stream */
static const char *want_kind;  /* see answer() */
static const char *want_type;  /* NULL: not set */
static const char *want_lines; /* "Name: value\n" for each header */
static int want_status;
static bool check_flushed;
static const char *coding_now;

static void fill_text(void)
{
    static const char *const words[] = {"onion ", "layer ", "worker ", "<b>", "</b>\n", "message "};
    unsigned seed = 7;
    size_t at = 0;

    while (at < sizeof text - 16) {
        const char *word =
            words[(seed = seed * 1103515245 + 12345) >> 16 & 3 ? seed >> 20 & 1 : (seed >> 18) % 6];
        memcpy(text + at, word, strlen(word));
        at += strlen(word);
        if (seed >> 24 & 1)
            text[at++] = (char)('0' + (seed >> 25) % 10);
    }
}

/* All that was given so far has come, and can be decoded. */
static void expect_flushed(size_t given)
{
    bool whole;

    if (!check_flushed)
        return;
    assert_int_equal(decode(running, coding_now, &whole), given);
    assert_memory_equal(decoded, text, given);
}

static ssize_t pieces(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *at = self;
    size_t n = want_len - *at;

    expect_flushed(*at);
    n = n < piece ? n : piece;
    n = n < len ? n : len;
    memcpy(buf, text + *at, n);
    *at += n;
    return (ssize_t)n;
}

static int push_pieces(sl_ctx *c)
{
    int r = want_len == 0 ? sl_write(c, "", 0) : 0;

    for (size_t at = 0; r == 0 && at < want_len; at += piece) {
        size_t n = want_len - at < piece ? want_len - at : piece;

        r = sl_write(c, text + at, n);
        if (r == 0 && strcmp(sl_method(c), "HEAD") != 0)
            expect_flushed(at + n);
    }
    return r;
}

static int set_lines(sl_ctx *c)
{
    const char *at = want_lines;
    int r = 0;

    while (r == 0 && *at) {
        const char *colon = strchr(at, ':'), *end = strchr(at, '\n');
        char *name = sl_format(c, "%.*s", (int)(colon - at), at);
        char *value = sl_format(c, "%.*s", (int)(end - colon - 2), colon + 2);

        if (!name || !value)
            return -ENOMEM;
        r = sl_append_header(c, name, value);
        at = end + 1;
    }
    return r;
}

static int answer(sl_ctx *c)
{
    size_t *at = sl_alloc(c, sizeof *at);
    char number[24];
    int r = at ? set_lines(c) : -ENOMEM;

    if (r == 0 && want_type)
        r = sl_type(c, want_type);
    if (r == 0 && want_status)
        r = sl_set_status(c, want_status);
    if (r < 0)
        return r;
    *at = 0;
    if (strstr(want_kind, "promised")) {
        snprintf(number, sizeof number, "%zu", want_len);
        r = sl_set_header(c, "Content-Length", number);
    }
    if (r < 0 || strcmp(want_kind, "none") == 0)
        return r;
    if (strstr(want_kind, "bytes"))
        return sl_bytes(c, text, want_len);
    if (strstr(want_kind, "file"))
        return sl_file(c, want_len > 100000 ? large_file : small_file);
    return strstr(want_kind, "stream") ? sl_stream(c, pieces, at) : push_pieces(c);
}

static void defaults(const char *kind, size_t len)
{
    want_kind = kind;
    want_len = len;
    want_type = "html";
    want_lines = "";
    want_status = 0;
    piece = 1000;
    check_flushed = false;
    coding_now = NULL;
}

static void serve(struct memory *m, sl_app *app, const char *method, const char *lines)
{
    char request[1000];

    snprintf(request, sizeof request, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);
    *m = (struct memory){0};
    running = m;
    memory_begin(m, app, request);
    assert_int_equal(sl__fiber_start(NULL, memory_serve, m), 0);
    while (!m->done)
        assert_int_equal(sl__loop_once(&loop, 1000), 0);
}

static void serve_accepting(struct memory *m, sl_app *app, const char *method, const char *coding)
{
    char lines[100] = "";

    if (coding)
        snprintf(lines, sizeof lines, "Accept-Encoding: %s\r\n", coding);
    serve(m, app, method, lines);
}

static int start(void **state)
{
    int fd;

    fill_text();
    memory_log_start();
    fd = mkstemps(small_file, 5);
    assert_int_equal(write(fd, text, 20000), 20000);
    close(fd);
    fd = mkstemps(large_file, 5);
    assert_int_equal(write(fd, text, 200000), 200000);
    close(fd);
    assert_int_equal(sl__loop_init(&loop), 0);
    return sl__fibers_init(&loop, 100);
}

static int finish(void **state)
{
    sl__fibers_finish();
    sl__loop_finish(&loop);
    unlink(small_file);
    unlink(large_file);
    return 0;
}

static sl_app *compressing_app(void)
{
    sl_app *app = sl_new();

    memory_log_start();
    assert_int_equal(sl_use(app, sl_compress()), 0);
    sl_use(app, answer);
    return app;
}

static void expect_body(const struct memory *m, const char *coding)
{
    bool whole;

    assert_int_equal(decode(m, coding, &whole), want_len);
    assert_true(whole);
    assert_memory_equal(decoded, text, want_len);
}

static void every_body_by_every_coding(void **state)
{
    static const struct {
        const char *kind;
        size_t len;
        bool compressed;
    } bodies[] = {
        {"bytes", 0, false},
        {"bytes", 1023, false},
        {"bytes", 1024, true},
        {"bytes", 50000, true},
        {"bytes", 65536, true},
        {"bytes", 65537, true},
        {"bytes", 300000, true},
        {"file", 20000, true},
        {"file", 200000, true},
        {"stream", 0, true},
        {"stream", 10, true},
        {"stream", 300000, true},
        {"promised stream", 500, false},
        {"promised stream", 90000, true},
        {"pushed", 0, true},
        {"pushed", 10, true},
        {"pushed", 300000, true},
        {"promised pushed", 90000, true},
        {"promised pushed", 500, false},
    };
    static const char *const asked[] = {NULL, "gzip", "br", "zstd"};
    sl_app *app = compressing_app();

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t k = 0; k < 4; k++) {
            const char *coding = bodies[i].compressed ? asked[k] : NULL, *said;
            char buf[100], head[4096];
            struct memory m;

            defaults(bodies[i].kind, bodies[i].len);
            serve_accepting(&m, app, "GET", asked[k]);
            said = header_of(&m, "Content-Encoding", buf, sizeof buf);
            if (!coding != !said || (coding && strcmp(coding, said) != 0))
                fail_msg("%s of %zu, %s asked: %s", want_kind, want_len, asked[k], m.headers);
            assert_int_equal(m.status, 200);
            assert_false(m.aborted);
            assert_string_equal(header_of(&m, "Vary", buf, sizeof buf), "Accept-Encoding");
            if (coding)
                assert_null(header_of(&m, "Content-Length", buf, sizeof buf));
            assert_string_equal(header_of(&m, "Content-Type", buf, sizeof buf),
                                "text/html; charset=utf-8");
            expect_body(&m, coding);
            if (coding && want_len > 1000)
                assert_true(sl__buf_len(&m.body) < want_len / 2);
            strcpy(head, m.headers);
            memory_finish(&m);
            serve_accepting(&m, app, "HEAD", asked[k]);
            assert_string_equal(m.headers, head); /* RFC 9110 §9.3.2 */
            if (strstr(want_kind, "pushed"))
                assert_int_equal(sl__buf_len(&m.body), 0);
            memory_finish(&m);
        }
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

/* What is given can be decoded before more is given. */
static void nothing_is_held_back(void **state)
{
    static const size_t sizes[] = {1, 7, 100, 5000, 16384, 20000, 70000};
    static const char *const kinds[] = {"stream", "pushed", "promised stream"};
    sl_app *app = compressing_app();

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                struct memory m;

                defaults(kinds[i], 10 * sizes[s] < 2000 ? 2000 : 10 * sizes[s]);
                piece = sizes[s];
                check_flushed = true;
                coding_now = codings[k].name;
                serve_accepting(&m, app, "GET", coding_now);
                expect_body(&m, coding_now);
                memory_finish(&m);
            }
    sl_free(app);
}

/* A layer outside that takes what comes in pieces of its own. */
static size_t nibble;

struct nibbler {
    sl_source below;
};

static ssize_t nibble_on(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct nibbler *n = self;

    return n->below.read(c, buf, nibble < len ? nibble : len, n->below.self);
}

static int nibbles(sl_ctx *c)
{
    struct nibbler *n = sl_alloc(c, sizeof *n);
    int r = sl_next(c);

    if (r == 0 && sl_response_kind_of(c) != SL_RESPONSE_PUSHED)
        r = sl_take_body(c, &n->below);
    return r < 0 || sl_response_kind_of(c) == SL_RESPONSE_PUSHED ? r : sl_stream(c, nibble_on, n);
}

static void cut_everywhere(void **state)
{
    static const char *const kinds[] = {"stream", "bytes"};
    sl_app *app = sl_new();

    sl_use(app, nibbles);
    sl_use(app, sl_compress());
    sl_use(app, answer);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < 2; i++)
            for (nibble = 1; nibble < 140; nibble += nibble < 12 ? 1 : 9) {
                struct memory m;

                defaults(kinds[i], 70000);
                piece = 9001;
                serve_accepting(&m, app, "GET", codings[k].name);
                assert_false(m.aborted);
                expect_body(&m, codings[k].name);
                memory_finish(&m);
            }
    sl_free(app);
}

static void random_bodies(void **state)
{
    static const char *const kinds[] = {"bytes", "stream", "pushed", "promised stream"};
    static char saved[300000];
    sl_app *app = compressing_app();
    unsigned seed = 11;

    memcpy(saved, text, sizeof saved);
    for (int n = 0; n < 150; n++) {
        const char *coding = codings[n % 3].name;
        struct memory m;
        char buf[100];

        defaults(kinds[n / 3 % 4], 0);
        want_len = (size_t)rand_r(&seed) % (n % 7 == 0 ? sizeof saved : 5000);
        piece = 1 + (size_t)rand_r(&seed) % 20000;
        for (size_t i = 0; i < want_len; i++)
            if (n % 5 == 0 || rand_r(&seed) % 50 == 0)
                text[i] = (char)rand_r(&seed);
        serve_accepting(&m, app, "GET", coding);
        expect_body(&m, header_of(&m, "Content-Encoding", buf, sizeof buf));
        memory_finish(&m);
        memcpy(text, saved, sizeof saved);
    }
    sl_free(app);
}

static void what_the_head_says(void **state)
{
    static const struct {
        const char *kind, *type, *lines;
        int status;
        const char *request;
        const char *coding, *vary, *etag;
    } cases[] = {
        /* Negotiation. */
        {"bytes", "html", "", 0, "Accept-Encoding: gzip, deflate, br, zstd\r\n", "zstd",
         "Accept-Encoding", NULL},
        {"bytes", "html", "", 0, "Accept-Encoding: gzip, deflate, br\r\n", "br", "Accept-Encoding",
         NULL},
        {"bytes", "html", "", 0, "Accept-Encoding: br;q=0.5, gzip\r\n", "gzip", "Accept-Encoding",
         NULL},
        {"bytes", "html", "", 0, "Accept-Encoding: deflate, compress\r\n", NULL, "Accept-Encoding",
         NULL},
        {"bytes", "html", "", 0, "Accept-Encoding: gzip;q=0, identity\r\n", NULL, "Accept-Encoding",
         NULL},
        {"bytes", "html", "", 0, "Accept-Encoding: \r\n", NULL, "Accept-Encoding", NULL},
        /* Types. */
        {"bytes", "application/json", "", 0, "Accept-Encoding: gzip\r\n", "gzip", "Accept-Encoding",
         NULL},
        {"bytes", "application/ld+json; a=b", "", 0, "Accept-Encoding: gzip\r\n", "gzip",
         "Accept-Encoding", NULL},
        {"bytes", "IMAGE/SVG+XML", "", 0, "Accept-Encoding: gzip\r\n", "gzip", "Accept-Encoding",
         NULL},
        {"bytes", "text/x-anything", "", 0, "Accept-Encoding: gzip\r\n", "gzip", "Accept-Encoding",
         NULL},
        {"bytes", "image/png", "", 0, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"bytes", "textual/x", "", 0, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"bytes", NULL, "", 0, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL}, /* octets */
        {"pushed", NULL, "", 0, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"pushed", "image/png", "", 0, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        /* What forbids it. */
        {"bytes", "html", "Content-Encoding: x-own\n", 0, "Accept-Encoding: gzip\r\n", "x-own",
         NULL, NULL},
        {"pushed", "html", "Content-Encoding: x-own\n", 0, "Accept-Encoding: gzip\r\n", "x-own",
         NULL, NULL},
        {"bytes", "html", "Cache-Control: max-age=5, No-Transform\n", 0,
         "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"bytes", "html", "Repr-Digest: sha-256=:AA==:\n", 0, "Accept-Encoding: gzip\r\n", NULL,
         NULL, NULL},
        {"bytes", "html", "Content-Range: bytes 0-9/20\n", 206, "Accept-Encoding: gzip\r\n", NULL,
         NULL, NULL},
        {"stream", "html", "", 206, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"none", "html", "", 204, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        {"none", "html", "", 404, "Accept-Encoding: gzip\r\n", NULL, NULL, NULL},
        /* Other statuses are bodies like any. */
        {"bytes", "html", "", 404, "Accept-Encoding: gzip\r\n", "gzip", "Accept-Encoding", NULL},
        {"stream", "html", "", 503, "Accept-Encoding: br\r\n", "br", "Accept-Encoding", NULL},
        /* Vary and ETag. */
        {"bytes", "html", "Vary: Cookie\nVary: accept-ENCODING\n", 0, "Accept-Encoding: gzip\r\n",
         "gzip", "Cookie", NULL},
        {"bytes", "html", "Vary: Cookie\nVary: Origin\n", 0, "", NULL,
         "Cookie, Origin, Accept-Encoding", NULL},
        {"bytes", "html", "Vary: *\n", 0, "Accept-Encoding: gzip\r\n", "gzip", "*", NULL},
        {"bytes", "html", "ETag: \"x\"\n", 0, "Accept-Encoding: gzip\r\n", "gzip",
         "Accept-Encoding", "W/\"x\""},
        {"stream", "html", "ETag: \"x\"\nAccept-Ranges: bytes\n", 0, "Accept-Encoding: gzip\r\n",
         "gzip", "Accept-Encoding", "W/\"x\""},
        {"pushed", "html", "ETag: \"x\"\n", 0, "Accept-Encoding: zstd\r\n", "zstd",
         "Accept-Encoding", "W/\"x\""},
        {"bytes", "html", "ETag: W/\"x\"\n", 0, "Accept-Encoding: gzip\r\n", "gzip",
         "Accept-Encoding", "W/\"x\""},
        {"bytes", "html", "ETag: \"x\"\nAccept-Ranges: bytes\n", 0, "", NULL, "Accept-Encoding",
         "\"x\""},
        {"none", "html", "ETag: \"x\"\n", 304, "If-None-Match: \"y\", W/\"x\"\r\n", NULL,
         "Accept-Encoding", "W/\"x\""},
        {"none", "html", "ETag: \"x\"\n", 304, "If-None-Match: \"x\"\r\n", NULL, "Accept-Encoding",
         "\"x\""},
        {"none", "html", "ETag: \"x\"\n", 304, "If-None-Match: W/\"x\", \"x\"\r\n", NULL,
         "Accept-Encoding", "\"x\""},
        {"none", "html", "ETag: \"x\"\n", 304, "Accept-Encoding: gzip\r\n", NULL, "Accept-Encoding",
         "\"x\""},
    };
    sl_app *app = compressing_app();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char coding[100], vary[100], etag[100], other[100];
        const char *found;
        struct memory m;

        defaults(cases[i].kind, 5000);
        want_type = cases[i].type;
        want_lines = cases[i].lines;
        want_status = cases[i].status;
        serve(&m, app, "GET", cases[i].request);
        found = header_of(&m, "Content-Encoding", coding, sizeof coding);
        if (!found != !cases[i].coding || (found && strcmp(found, cases[i].coding) != 0))
            fail_msg("case %zu: %s", i, m.headers);
        found = header_of(&m, "Vary", vary, sizeof vary);
        if (!found != !cases[i].vary || (found && strcmp(found, cases[i].vary) != 0))
            fail_msg("case %zu: %s", i, m.headers);
        found = header_of(&m, "ETag", etag, sizeof etag);
        if (!found != !cases[i].etag || (found && strcmp(found, cases[i].etag) != 0))
            fail_msg("case %zu: %s", i, m.headers);
        assert_int_equal(m.status, cases[i].status ? cases[i].status : 200);
        found = header_of(&m, "Accept-Ranges", other, sizeof other);
        assert_int_equal(found != NULL,
                         strstr(cases[i].lines, "Accept-Ranges") && !cases[i].coding);
        memory_finish(&m);
    }
    sl_free(app);
}

/* A file's validators stay, weak. */
static void files_keep_their_stamps(void **state)
{
    static const size_t sizes[] = {20000, 200000};
    sl_app *app = compressing_app();

    for (size_t i = 0; i < 4; i++) {
        struct memory m;
        char buf[100];

        defaults("file", sizes[i % 2]);
        serve_accepting(&m, app, "GET", "gzip");
        assert_memory_equal(header_of(&m, "ETag", buf, sizeof buf), "W/\"", 3);
        assert_non_null(header_of(&m, "Last-Modified", buf, sizeof buf));
        expect_body(&m, "gzip");
        memory_finish(&m);
    }
    sl_free(app);
}

static ssize_t fails_later(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *at = self;

    if (*at >= 3000)
        return sl_fail(c, 500, "the tape tore");
    memcpy(buf, text + *at, 1000);
    *at += 1000;
    return 1000;
}

static int torn(sl_ctx *c)
{
    size_t *at = sl_alloc(c, sizeof *at);

    *at = 0;
    sl_type(c, "text");
    return sl_stream(c, fails_later, at);
}

static ssize_t ends_early(sl_ctx *c, void *buf, size_t len, void *self)
{
    return 0;
}

static int shorter(sl_ctx *c)
{
    sl_type(c, "text");
    sl_set_header(c, "Content-Length", "5000");
    return sl_stream(c, ends_early, NULL);
}

static int pushes_and_fails(sl_ctx *c)
{
    sl_type(c, "text");
    sl_write(c, text, 3000);
    return sl_fail(c, 500, "half-way");
}

static int stops(sl_ctx *c)
{
    sl_type(c, "text");
    sl_set_header(c, "Content-Length", "5000");
    return sl_write(c, text, 3000);
}

static int fails(sl_ctx *c)
{
    return sl_fail(c, 418, "%.2000s", text);
}

/* Never an end that is not one. */
static void failures_end_the_connection(void **state)
{
    sl_handler *const handlers[] = {torn, shorter, pushes_and_fails, stops};

    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++) {
            sl_app *app = sl_new();
            struct memory m;
            bool whole;

            memory_log_start();
            sl_use(app, sl_compress());
            sl_use(app, handlers[i]);
            serve_accepting(&m, app, "GET", codings[k].name);
            assert_true(m.aborted);
            decode(&m, codings[k].name, &whole);
            assert_false(whole);
            if (i != 3) /* which the protocol finds out */
                assert_int_equal(memory_log_lines, 1);
            memory_finish(&m);
            sl_free(app);
        }
}

/* An error nobody handled goes out as it is. */
static void errors_are_not_compressed(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, sl_compress());
    sl_use(app, fails);
    serve_accepting(&m, app, "GET", "gzip");
    assert_int_equal(m.status, 418);
    assert_int_equal(sl__buf_len(&m.body), 2001);
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\n");
    memory_finish(&m);
    sl_free(app);
}

/* Streams over the budget go out as they are; one that ends makes room. */
static void memory_is_bounded(void **state)
{
    sl_app *app = sl_new();
    struct memory m;
    char buf[100];

    sl_use(app, sl_compress(.memory_bytes = 1));
    sl_use(app, answer);
    for (size_t k = 0; k < 3; k++) {
        defaults("stream", 5000);
        serve_accepting(&m, app, "GET", codings[k].name);
        assert_null(header_of(&m, "Content-Encoding", buf, sizeof buf));
        assert_string_equal(header_of(&m, "Vary", buf, sizeof buf), "Accept-Encoding");
        expect_body(&m, NULL);
        memory_finish(&m);
        defaults("pushed", 5000);
        serve_accepting(&m, app, "GET", codings[k].name);
        assert_null(header_of(&m, "Content-Encoding", buf, sizeof buf));
        expect_body(&m, NULL);
        memory_finish(&m);
        defaults("bytes", 5000); /* whole bodies take turns with one compressor */
        serve_accepting(&m, app, "GET", codings[k].name);
        assert_non_null(header_of(&m, "Content-Encoding", buf, sizeof buf));
        memory_finish(&m);
    }
    sl_free(app);
}

static int naps(sl_ctx *c)
{
    int r = sl_type(c, "text");

    if (r == 0)
        r = sl_write(c, text, 2000);
    if (r == 0)
        r = sl_sleep(0);
    return r < 0 ? r : sl_write(c, text + 2000, 3000);
}

/* Many at once, each with a coder of its own. */
static void side_by_side(void **state)
{
    enum { MANY = 12 };
    static struct memory m[MANY];
    sl_app *app = sl_new();

    sl_use(app, sl_compress());
    sl_use(app, naps);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            char request[100];

            snprintf(request, sizeof request,
                     "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n",
                     codings[i % 3].name);
            m[i] = (struct memory){0};
            memory_begin(&m[i], app, request);
            assert_int_equal(sl__fiber_start(NULL, memory_serve, &m[i]), 0);
        }
        for (int i = 0; i < MANY; i++) {
            while (!m[i].done)
                assert_int_equal(sl__loop_once(&loop, 1000), 0);
            want_len = 5000;
            expect_body(&m[i], codings[i % 3].name);
            memory_finish(&m[i]);
        }
    }
    sl_free(app);
}

static void options(void **state)
{
    static const struct {
        sl_compress_options o;
        const char *logged; /* NULL: they are good */
    } cases[] = {
        {{.gzip_level = 9, .brotli_level = 11, .zstd_level = 19}, NULL},
        {{.gzip_level = 10}, "no level 10 of gzip"},
        {{.brotli_level = -1}, "no level -1 of br"},
        {{.zstd_level = 20}, "no level 20 of zstd"},
        {{.encodings = "gzip"}, NULL},
        {{.encodings = " GZIP ,br"}, NULL},
        {{.encodings = ""}, "names none"},
        {{.encodings = "gzip, deflate"}, "\"deflate\" is none of ours"},
        {{.encodings = "br, gzip, br"}, "\"br\" stands twice"},
        {{.types = ""}, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_compress_options o = cases[i].o;
        sl_middleware made;

        memory_log_start();
        o.size = sizeof o;
        made = sl_compress_with(&o);
        assert_int_equal(made.run != NULL, cases[i].logged == NULL);
        assert_int_equal(memory_log_lines, cases[i].logged ? 1 : 0);
        if (cases[i].logged && !strstr(memory_log, cases[i].logged))
            fail_msg("%s", memory_log);
        if (made.free)
            made.free(made.self);
    }
}

static void options_are_heeded(void **state)
{
    sl_app *app = sl_new();
    struct memory m;
    char buf[100];

    sl_use(app, sl_compress(.encodings = "gzip, br", .types = "application/x-own, *+own, own/*",
                            .min_bytes = 10));
    sl_use(app, answer);
    for (int i = 0; i < 5; i++) {
        static const char *const types[] = {"application/x-own", "a/b+own; x=y", "own/it",
                                            "text/html", "application/x-owner"};

        defaults("bytes", 200);
        want_type = types[i];
        serve_accepting(&m, app, "GET", "br, gzip, zstd");
        assert_int_equal(header_of(&m, "Content-Encoding", buf, sizeof buf) != NULL, i < 3);
        if (i < 3)
            assert_string_equal(buf, "gzip");
        memory_finish(&m);
    }
    sl_free(app);
}

/* The n-th allocation of anybody fails. A sanitizer wants the allocator for itself. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__has_feature)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
static long allocations_left = -1, allocations;
static bool has_failed;

static bool fault(void)
{
    allocations++;
    if (allocations_left < 0 || allocations_left-- > 0)
        return false;
    has_failed = true;
    return true;
}

void *malloc(size_t size)
{
    return fault() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fault() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fault() ? NULL : __libc_realloc(old, size);
}

static void without_memory(void **state)
{
    static const char *const kinds[] = {"bytes", "stream", "pushed"};
    static const size_t lengths[] = {5000, 90000};

    for (int i = 0; i < 18; i++) {
        const char *coding = codings[i % 3].name;

        has_failed = true;
        for (long n = 0; has_failed; n++) {
            sl_app *app = sl_new();
            struct memory m = {0};
            char request[100], buf[100];

            assert_true(n < 200);
            sl_use(app, sl_compress());
            sl_use(app, answer);
            defaults(kinds[i / 3 % 3], lengths[i / 9]);
            memory_log_start();
            running = &m;
            snprintf(request, sizeof request,
                     "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n", coding);
            memory_begin(&m, app, request);
            assert_int_equal(sl__buf_reserve(&m.body, 200000), 0);
            has_failed = false;
            allocations_left = n;
            assert_int_equal(sl__fiber_start(NULL, memory_serve, &m), 0);
            while (!m.done)
                assert_int_equal(sl__loop_once(&loop, 1000), 0);
            allocations_left = -1;
            if (!has_failed)
                assert_int_equal(m.status, 200);
            if (m.status == 200 && !m.aborted)
                expect_body(&m, header_of(&m, "Content-Encoding", buf, sizeof buf));
            memory_finish(&m);
            sl_free(app);
        }
    }
    for (long n = 0; n < 3; n++) {
        sl_middleware made;

        memory_log_start();
        allocations_left = n;
        made = sl_compress();
        allocations_left = -1;
        assert_int_equal(made.run != NULL, n == 2);
        if (made.free)
            made.free(made.self);
    }
}

/* The library would end the process if it were given none, so all of it is taken before. */
static void brotli_keeps_to_its_memory(void **state)
{
    static char mixed[300000], out[20000];

    for (size_t i = 0; i < sizeof mixed; i++)
        mixed[i] = (char)(i / 30000 % 2 ? text[i] : rand());
    for (int level = 1; level <= 11; level++)
        for (int whole = 0; whole < 2; whole++) {
            size_t len = level < 10 ? sizeof mixed : 100000;
            void *compressor = sl_compress_brotli.open(level, whole);
            long before = allocations;

            assert_true(sl_compress_brotli.begin(compressor, whole ? 65536 : -1));
            for (size_t at = 0, n; at < (whole ? 65536 : len); at += n) {
                struct sl_compress_io io = {mixed + at, whole ? 65536 : 1 + at % 16384, NULL, 0};
                enum sl_compress_aim aim = whole ? SL_COMPRESS_END : at % 3;

                if (!whole && io.in_len > len - at)
                    io.in_len = len - at;
                if (at + (n = io.in_len) >= len)
                    aim = SL_COMPRESS_END;
                do {
                    io.out = out;
                    io.out_room = sizeof out;
                } while (sl_compress_brotli.step(compressor, &io, aim) > 0);
                if (aim == SL_COMPRESS_END)
                    break;
            }
            if (allocations != before)
                fail_msg("level %d%s: %ld allocations", level, whole ? ", whole" : "",
                         allocations - before);
            sl_compress_brotli.close(compressor);
        }
}
#define WITHOUT_MEMORY                                                                             \
    cmocka_unit_test(without_memory), cmocka_unit_test(brotli_keeps_to_its_memory),
#else
#define WITHOUT_MEMORY
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_body_by_every_coding),
                                       cmocka_unit_test(nothing_is_held_back),
                                       cmocka_unit_test(cut_everywhere),
                                       cmocka_unit_test(random_bodies),
                                       cmocka_unit_test(what_the_head_says),
                                       cmocka_unit_test(files_keep_their_stamps),
                                       cmocka_unit_test(failures_end_the_connection),
                                       cmocka_unit_test(errors_are_not_compressed),
                                       cmocka_unit_test(memory_is_bounded),
                                       cmocka_unit_test(side_by_side),
                                       cmocka_unit_test(options),
                                       cmocka_unit_test(options_are_heeded),
                                       WITHOUT_MEMORY};

    return cmocka_run_group_tests(tests, start, finish);
}
