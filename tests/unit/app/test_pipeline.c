/* The holes of the response pipeline: bodies that are taken and wrapped, and writers on the way of
 * what is pushed. */
#include <fcntl.h>

#include "memory_exchange.h"
#include "starving.h"

#include "base/mem.h"

static char small_file[] = "/tmp/shallot-XXXXXX.html", large_file[] = "/tmp/shallot-XXXXXX.html";
static char large_text[50000];
static sl_response_kind seen;
static int64_t seen_length;
static char seen_type[100];

static int make_files(void **state)
{
    int fd = mkstemps(small_file, 5);

    assert_int_equal(write(fd, "<b>small", 8), 8);
    close(fd);
    for (size_t i = 0; i < sizeof large_text; i++)
        large_text[i] = (char)('a' + i % 23);
    fd = mkstemps(large_file, 5);
    assert_int_equal(write(fd, large_text, sizeof large_text), sizeof large_text);
    close(fd);
    return 0;
}

static int remove_files(void **state)
{
    unlink(small_file);
    unlink(large_file);
    return 0;
}

static ssize_t three_pieces(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *pieces = self;

    if (*pieces == 0)
        return 0;
    --*pieces;
    memcpy(buf, "piece", len < 5 ? len : 5);
    return len < 5 ? (ssize_t)len : 5;
}

static ssize_t tears(sl_ctx *c, void *buf, size_t len, void *self)
{
    return sl_fail(c, 500, "the tape tore");
}

static ssize_t gives_too_much(sl_ctx *c, void *buf, size_t len, void *self)
{
    return (ssize_t)len + 1;
}

/* The handler of all: what its path says. */
static int bodies(sl_ctx *c)
{
    const char *kind = sl_param(c, "kind");
    int *pieces = sl_alloc(c, sizeof *pieces);

    if (!pieces)
        return -ENOMEM;
    *pieces = 3;
    if (strcmp(kind, "none") == 0)
        return 0;
    if (strcmp(kind, "bytes") == 0)
        return sl_body(c, "<p>bytes");
    if (strcmp(kind, "empty") == 0)
        return sl_body(c, "");
    if (strcmp(kind, "small") == 0)
        return sl_file(c, small_file);
    if (strcmp(kind, "large") == 0)
        return sl_file(c, large_file);
    if (strcmp(kind, "stream") == 0)
        return sl_stream(c, three_pieces, pieces);
    if (strcmp(kind, "promised") == 0)
        sl_set_header(c, "Content-Length", "15");
    if (strcmp(kind, "short") == 0)
        sl_set_header(c, "Content-Length", "16");
    if (strcmp(kind, "long") == 0)
        sl_set_header(c, "Content-Length", "7");
    if (strcmp(kind, "much") == 0) {
        sl_set_header(c, "Content-Length", "7");
        return sl_stream(c, gives_too_much, NULL);
    }
    if (strcmp(kind, "torn") == 0)
        return sl_stream(c, tears, NULL);
    if (strcmp(kind, "pushed") == 0)
        return sl_write(c, "pushed", 6);
    if (strcmp(kind, "fails") == 0)
        return sl_fail(c, 418, "no");
    return sl_stream(c, three_pieces, pieces);
}

struct wrap {
    sl_source below;
    int64_t total;
};

/* Turns small letters into capitals, piece by piece. */
static ssize_t capitals(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct wrap *w = self;
    ssize_t n = w->below.read(c, buf, len, w->below.self);
    char *text = buf;

    for (ssize_t i = 0; i < n; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 32;
    return n;
}

static int wraps(sl_ctx *c)
{
    struct wrap *w = sl_alloc(c, sizeof *w);
    int r = sl_next(c);

    if (!w)
        return -ENOMEM;
    seen = sl_response_kind_of(c);
    if (r < 0)
        return r;
    seen_length = sl_response_length(c);
    r = sl_take_body(c, &w->below);
    if (seen == SL_RESPONSE_NONE)
        assert_true(r == -ENODATA || r == -ENOMEM);
    if (seen == SL_RESPONSE_PUSHED)
        assert_true(r == -SL_ECOMMITTED);
    if (seen == SL_RESPONSE_NONE || seen == SL_RESPONSE_PUSHED)
        return 0;
    if (r < 0)
        return r;
    assert_int_equal(sl_response_kind_of(c), SL_RESPONSE_NONE);
    assert_int_equal(sl_status(c), 200);
    snprintf(seen_type, sizeof seen_type, "%s", sl_response_header(c, "Content-Type"));
    return sl_stream(c, capitals, w);
}

static void request(struct memory *m, sl_app *app, const char *method, const char *path)
{
    char text[200];

    snprintf(text, sizeof text, "%s /%s HTTP/1.1\r\nHost: a\r\n\r\n", method, path);
    memory_request(m, app, text);
}

static void bodies_of_every_kind_are_wrapped(void **state)
{
    static const struct {
        const char *path, *body, *type;
        sl_response_kind kind;
        int64_t length;
        bool aborted;
        const char *logged;
    } cases[] = {
        {"none", "200 OK", NULL, SL_RESPONSE_NONE, 6, false, NULL},
        {"bytes", "<P>BYTES", "text/html; charset=utf-8", SL_RESPONSE_BYTES, 8, false, NULL},
        {"empty", "", "text/plain; charset=utf-8", SL_RESPONSE_BYTES, 0, false, NULL},
        {"small", "<B>SMALL", "text/html; charset=utf-8", SL_RESPONSE_FILE, 8, false, NULL},
        {"small", "<B>SMALL", "text/html; charset=utf-8", SL_RESPONSE_BYTES, 8, false, NULL},
        {"large", NULL, "text/html; charset=utf-8", SL_RESPONSE_FILE, 50000, false, NULL},
        {"stream", "PIECEPIECEPIECE", "application/octet-stream", SL_RESPONSE_STREAM, -1, false,
         NULL},
        {"promised", "PIECEPIECEPIECE", "application/octet-stream", SL_RESPONSE_STREAM, 15, false,
         NULL},
        {"long", "PIECEPI", "application/octet-stream", SL_RESPONSE_STREAM, 7, false, NULL},
        {"short", "PIECEPIECEPIECE", "application/octet-stream", SL_RESPONSE_STREAM, 16, true,
         "ended before"},
        {"much", "", "application/octet-stream", SL_RESPONSE_STREAM, 7, true, "more than"},
        {"torn", "", "application/octet-stream", SL_RESPONSE_STREAM, -1, true, "the tape tore"},
        {"pushed", "pushed", NULL, SL_RESPONSE_PUSHED, -1, false, NULL},
        {"fails", "no\n", NULL, SL_RESPONSE_NONE, -1, false, NULL},
    };
    sl_app *app = sl_new();

    sl_use(app, wraps);
    sl_get(app, "/:kind", bodies);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct memory m;

        memory_log_start();
        seen_length = -1;
        request(&m, app, "GET", cases[i].path);
        /* A file that was never asked for may come from the disk or from memory. */
        assert_true(seen == cases[i].kind || strcmp(cases[i].path, "small") == 0);
        assert_int_equal(seen_length, cases[i].length);
        assert_int_equal(m.aborted, cases[i].aborted);
        assert_int_equal(memory_log_lines, cases[i].logged ? 1 : 0);
        if (cases[i].logged)
            assert_non_null(strstr(memory_log, cases[i].logged));
        if (cases[i].body)
            assert_string_equal(memory_body(&m), cases[i].body);
        else
            assert_int_equal(sl__buf_len(&m.body), 50000);
        if (cases[i].type)
            assert_string_equal(seen_type, cases[i].type);
        if (strstr(cases[i].path, "small") || strstr(cases[i].path, "large")) {
            assert_non_null(strstr(m.headers, "ETag: W/\""));
            assert_non_null(strstr(m.headers, "Last-Modified: "));
        }
        memory_finish(&m);
    }
    sl_free(app);
}

static int drops(sl_ctx *c)
{
    int r = sl_next(c);

    if (r == 0)
        r = sl_take_body(c, NULL);
    return r < 0 ? r : sl_set_status(c, 304);
}

static void a_body_is_dropped(void **state)
{
    static const char *const kinds[] = {"bytes", "small", "large", "stream"};
    sl_app *app = sl_new();

    sl_use(app, drops);
    sl_get(app, "/:kind", bodies);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct memory m;

        request(&m, app, "GET", kinds[i]);
        assert_int_equal(m.status, 304);
        assert_int_equal(sl__buf_len(&m.body), 0);
        if (i == 1 || i == 2)
            assert_non_null(strstr(m.headers, "ETag: W/\""));
        memory_finish(&m);
    }
    sl_free(app);
}

/* A file that is cut while it is sent is an error, not an end. */
static int cut_then_wrap(sl_ctx *c)
{
    int r = wraps(c);

    return truncate(large_file, 40000) < 0 ? -EIO : r;
}

static void a_file_that_becomes_shorter(void **state)
{
    sl_app *app = sl_new();
    struct memory m;
    int fd;

    sl_use(app, cut_then_wrap);
    sl_get(app, "/:kind", bodies);
    memory_log_start();
    request(&m, app, "GET", "large");
    assert_true(m.aborted);
    assert_int_equal(sl__buf_len(&m.body), 40000);
    assert_int_equal(memory_log_lines, 1);
    memory_finish(&m);
    fd = open(large_file, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, large_text, sizeof large_text), sizeof large_text);
    close(fd);
    sl_free(app);
}

/* Writers. */
static char trace[512];

static void note(const char *who, const char *what)
{
    size_t len = strlen(trace);

    snprintf(trace + len, sizeof trace - len, "%s%s ", who, what);
}

struct named {
    sl_writer writer;
    const char *name;
};

static const char *mischief = ""; /* what the writer "b" does wrong */

static int note_begin(sl_ctx *c, sl_writer *w)
{
    struct named *n = (struct named *)w;
    int r;

    note(n->name, "(");
    if (*n->name == 'b' && strcmp(mischief, "keeps") == 0)
        return 0;
    if (*n->name == 'b' && strcmp(mischief, "204") == 0)
        sl_set_status(c, 204);
    if (*n->name == 'b' && strcmp(mischief, "fails begin") == 0)
        return sl_fail(c, 500, "no head");
    assert_int_equal(sl_set_header(c, "X-Writer", n->name), 0);
    assert_int_equal(sl_set_header(c, "Content-Length", NULL), 0);
    assert_int_equal(sl_body(c, "x"), -SL_ECOMMITTED);
    assert_int_equal(sl_push_writer(c, w), -SL_ECOMMITTED);
    r = sl_pass_begin(c, w);
    if (*n->name == 'b' && strcmp(mischief, "twice") == 0)
        r = sl_pass_begin(c, w);
    assert_int_equal(sl_set_header(c, "X-Late", n->name), -SL_ECOMMITTED);
    return r;
}

static int note_write(sl_ctx *c, sl_writer *w, const void *bytes, size_t len)
{
    struct named *n = (struct named *)w;
    int r;

    assert_true(len > 0);
    note(n->name, "+");
    if (*n->name == 'b' && strcmp(mischief, "fails write") == 0)
        return -EIO;
    r = sl_pass_write(c, w, n->name, strlen(n->name));
    return r < 0 ? r : sl_pass_write(c, w, bytes, len);
}

static int note_end(sl_ctx *c, sl_writer *w)
{
    struct named *n = (struct named *)w;
    int r;

    note(n->name, ")");
    if (*n->name == 'b' && strcmp(mischief, "fails end") == 0)
        return sl_fail(c, 500, "no end");
    r = sl_pass_write(c, w, "!", 1);
    return r < 0 ? r : sl_pass_end(c, w);
}

static int push_named(sl_ctx *c, const char *name)
{
    struct named *n = sl_alloc(c, sizeof *n);
    int r;

    if (!n)
        return -ENOMEM;
    *n = (struct named){{note_begin, note_write, note_end, NULL}, name};
    r = sl_push_writer(c, &n->writer);
    return r < 0 ? r : sl_next(c);
}

static int writer_a(sl_ctx *c)
{
    return push_named(c, "a");
}

static int writer_none(sl_ctx *c)
{
    sl_writer *w = sl_alloc(c, sizeof *w);
    int r;

    if (!w)
        return -ENOMEM;
    *w = (sl_writer){.begin = NULL};
    r = sl_push_writer(c, w);
    return r < 0 ? r : sl_next(c);
}

static int writer_b(sl_ctx *c)
{
    return push_named(c, "b");
}

static int pushes(sl_ctx *c)
{
    int r;

    sl_set_header(c, "Content-Length", "5");
    r = sl_write(c, "1", 1);
    if (r == 0)
        r = sl_write(c, "", 0);
    if (r == 0)
        r = sl_write(c, "2345", 4);
    assert_int_equal(sl_set_header(c, "X-Late", "h"), -SL_ECOMMITTED);
    if (r == 0) /* what was announced counts here, whatever becomes of it below */
        assert_int_equal(sl_write(c, "6", 1), strcmp(sl_method(c), "HEAD") == 0 ? 0 : -SL_ETOOBIG);
    return r;
}

static sl_app *writing_app(void)
{
    sl_app *app = sl_new();

    sl_use(app, writer_a);
    sl_use(app, writer_none);
    sl_use(app, writer_b);
    sl_get(app, "/pushes", pushes);
    sl_get(app, "/:kind", bodies);
    memory_log_start();
    trace[0] = '\0';
    mischief = "";
    return app;
}

static void writers_see_what_is_pushed(void **state)
{
    sl_app *app = writing_app();
    struct memory m;

    request(&m, app, "GET", "pushes");
    assert_string_equal(trace, "b( a( b+ a+ a+ b+ a+ a+ b) a+ a) ");
    assert_string_equal(memory_body(&m), "aba1aba2345a!!");
    assert_string_equal(m.headers, "X-Writer: a\n");
    assert_false(m.aborted);
    memory_finish(&m);
    trace[0] = '\0';
    request(&m, app, "HEAD", "pushes");
    assert_string_equal(trace, "b( a( b) a) "); /* and no bytes */
    assert_string_equal(memory_body(&m), "");
    assert_string_equal(m.headers, "X-Writer: a\n");
    memory_finish(&m);
    trace[0] = '\0';
    memory_expect(app, "GET", "/bytes", 200, "<p>bytes"); /* stands: they are not asked */
    assert_string_equal(trace, "");
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static void writers_that_fail(void **state)
{
    static const struct {
        const char *mischief, *trace;
        int lines;
        const char *logged;
    } cases[] = {
        {"keeps", "b( ", 1, "kept the head"},
        {"204", "b( ", 1, "Invalid argument"},
        {"twice", "b( a( ", 1, "Invalid argument"},
        {"fails begin", "b( ", 1, "no head"},
        {"fails write", "b( a( b+ ", 1, "Input/output"},
        {"fails end", "b( a( b+ a+ a+ b) ", 1, "no end"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_app *app = writing_app();
        struct memory m;

        mischief = cases[i].mischief;
        request(&m, app, "GET", "pushed");
        assert_true(m.aborted);
        assert_string_equal(trace, cases[i].trace);
        assert_int_equal(memory_log_lines, cases[i].lines);
        if (!strstr(memory_log, cases[i].logged))
            fail_msg("%s: %s", cases[i].mischief, memory_log);
        memory_finish(&m);
        sl_free(app);
    }
}

/* Vary: each name once, in one line. */
static int varies(sl_ctx *c)
{
    const char *said = sl_param(c, "said");
    int r = 0;

    if (strcmp(said, "-") != 0)
        r = sl_set_header(c, "vary", said);
    if (strcmp(said, "Two") == 0)
        r = sl_append_header(c, "VARY", "lines");
    if (r == 0)
        r = sl_vary(c, "Accept-Encoding");
    if (r == 0)
        r = sl_vary(c, "Origin");
    if (r == 0)
        r = sl_vary(c, "origin");
    assert_int_equal(sl_vary(c, "Or igin"), -SL_EBADHEADER);
    return r < 0 ? r : sl_text(c, "%s", sl_response_header(c, "Vary"));
}

static void vary(void **state)
{
    static const char *const cases[][2] = {
        {"/-", "Accept-Encoding, Origin"},
        {"/Cookie", "Cookie, Accept-Encoding, Origin"},
        {"/Two", "Two, lines, Accept-Encoding, Origin"},
        {"/accept-encoding", "accept-encoding, Origin"},
        {"/a,b%20%20,%20ORIGIN", "a,b  , ORIGIN, Accept-Encoding"},
        {"/Accept-Encodings", "Accept-Encodings, Accept-Encoding, Origin"},
        {"/,,", ",,, Accept-Encoding, Origin"},
        {"/Origin%20,", "Origin ,, Accept-Encoding"},
    };
    sl_app *app = sl_new();

    sl_get(app, "/:said", varies);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        memory_expect(app, "GET", cases[i][0], 200, cases[i][1]);
    sl_free(app);
}

static int fill_the_arena(sl_ctx *c)
{
    char *room = sl_alloc(c, 3700); /* so that every small thing may be the one that is too much */

    return room ? sl_next(c) : -ENOMEM;
}

/* The n-th allocation fails, for every n: an answer is whole, an error, or cut short. */
static void without_memory(void **state)
{
    static const char *const kinds[] = {"bytes", "small", "large", "stream", "promised", "pushed"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (long n = 0, failures = 1; failures; n++) {
            char text[100];
            struct memory m = {0};
            sl_app *app = sl_new();

            sl_use(app, fill_the_arena);
            sl_use(app, wraps);
            sl_use(app, writer_a);
            sl_get(app, "/:kind", bodies);
            memory_log_start();
            snprintf(text, sizeof text, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", kinds[i]);
            memory_begin(&m, app, text);
            assert_int_equal(sl__buf_reserve(&m.body, 60000), 0); /* the test's own */
            failed = false;
            left = n;
            sl__mem_fault = fault;
            memory_serve(&m);
            sl__mem_fault = NULL;
            failures = failed;
            assert_true(m.status == 200 || m.status == 503);
            if (!failed)
                assert_int_equal(m.status, 200);
            memory_finish(&m);
            sl_free(app);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_every_kind_are_wrapped),
        cmocka_unit_test(a_body_is_dropped),
        cmocka_unit_test(a_file_that_becomes_shorter),
        cmocka_unit_test(writers_see_what_is_pushed),
        cmocka_unit_test(writers_that_fail),
        cmocka_unit_test(vary),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
