/*
 * A conversation whose right answers are known, because the target makes the requests itself: well
 * formed ones of every shape, ill formed ones, behind each other on one connection, whole and in
 * pieces, and perhaps cut off. Number, order, status and body of the answers must be right however
 * the octets arrive; whether there may be a next one, too.
 *
 * The first four octets of an input are a seed for the cuts and flags, each further six octets are
 * one request.
 */
#include <stdarg.h>

#include "fiber/wait.h"
#include "http/exchange.h"
#include "http/limits.h"
#include "shallot/error.h"
#include "wire.h"

#define PLAN 4
#define STEP 6
#define STEPS 12
#define BODY_MAX ((size_t)80000)
#define PIPE_MAX ((size_t)4 << 20)

enum { CUT_OFF = 1 };

enum what { ECHO, SIP, WAIT, PUSH, SOURCE, UNREAD, BEGIN, NONE, BIG, WHATS };

static const char *const paths[] = {"/echo",   "/sip",   "/wait", "/push", "/source",
                                    "/unread", "/begin", "/none", "/big"};

/* One answer that has to come. */
struct expected {
    enum what what;
    int status;
    bool bodiless, old, closes, may_be_cut;
    size_t from, len;               /* of the pattern */
    size_t begins, head_ends, ends; /* in what is sent */
};

static struct sl__server *server;
static char *pattern, *sent;
static size_t sent_len;
static struct expected expected[STEPS];
static unsigned expected_count;
static uint32_t random_now;

static uint32_t pick(uint32_t n)
{
    random_now = random_now * 1664525U + 1013904223U;
    return (random_now >> 8) % n;
}

static ssize_t give_less(enum sl__sys_call call)
{
    switch (call) {
    case SL__SYS_RECV:
        return pick(4) == 0 ? 1 + (ssize_t)pick(40) : pick(16) == 0 ? -EINTR : 0;
    case SL__SYS_SEND:
    case SL__SYS_SENDMSG:
        return pick(8) == 0 ? 1 + (ssize_t)pick(5000) : pick(8) == 0 ? -EAGAIN : 0;
    default:
        return 0;
    }
}

/* The service: knows nothing of what is expected. */

static void answer_with(struct sl__exchange *x, const char *bytes, size_t len)
{
    sl__response_set_bytes(&x->response,
                           (struct sl__str){sl__arena_copy(&x->arena, bytes, len), len});
}

/* The body, malloc'd; NULL after an error, for which the status is set. */
static char *take_body(struct sl__exchange *x, size_t most, size_t piece, size_t *ret_len)
{
    char *all = malloc(BODY_MAX + 1);
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < most) {
        n = x->ops->read_body(x, all + len, most - len < piece ? most - len : piece);
        if (n > 0)
            len += (size_t)n;
    }
    *ret_len = len;
    if (n >= 0)
        return all;
    x->response.status = n == -SL_EBADREQUEST ? 400 : 500;
    free(all);
    return NULL;
}

struct source {
    char *bytes;
    size_t at, len;
};

static ssize_t pull(void *self, void *buf, size_t len)
{
    struct source *s = self;
    size_t n = s->len - s->at;

    n = n < len ? n : len;
    n = n < 1000 + s->at % 7000 ? n : 1000 + s->at % 7000;
    memcpy(buf, s->bytes + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static void serve_source(struct sl__exchange *x, const char *body, size_t len)
{
    struct source *s = sl__arena_alloc(&x->arena, sizeof(*s));

    *s = (struct source){.bytes = sl__arena_copy(&x->arena, body, len), .len = len};
    sl__response_set_source(&x->response, pull, s);
}

static void serve_push(struct sl__exchange *x, const char *body, size_t len)
{
    int r = 0;

    for (size_t at = 0; at < len && r == 0; at += 3000)
        r = sl__exchange_write(x, body + at, len - at < 3000 ? len - at : 3000);
    x->aborted = r < 0;
}

static void serve(struct sl__service *s, struct sl__exchange *x)
{
    const struct sl__request *r = &x->request;
    enum what what = 0;
    size_t len = 0;
    char *body = NULL;

    while (what < WHATS && !sl__str_equal(sl__request_str(r, r->path), sl__str_of(paths[what])))
        what++;
    CHECK(what < WHATS);
    x->response.status = 200;
    if (what == NONE) {
        x->response.status = 204;
    } else if (what == UNREAD) {
        answer_with(x, "unread", 6);
    } else if (what == BIG) {
        sl__response_set_bytes(&x->response, (struct sl__str){pattern, BODY_MAX});
    } else {
        body = take_body(x, what == BEGIN ? 10 : BODY_MAX, what == SIP ? 7 : BODY_MAX, &len);
        if (what == WAIT && body)
            (void)sl__wait_time(0);
        if (body && what == PUSH)
            serve_push(x, body, len);
        else if (body && what == SOURCE)
            serve_source(x, body, len);
        else if (body)
            answer_with(x, body, len);
        free(body);
    }
}

static struct sl__service service = {serve};

/* The client's side. */

__attribute__((format(printf, 1, 2))) static void put(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    sent_len += (size_t)vsnprintf(sent + sent_len, PIPE_MAX - sent_len, fmt, args);
    va_end(args);
    CHECK(sent_len < PIPE_MAX);
}

static void put_octets(const char *octets, size_t len)
{
    CHECK(len < PIPE_MAX - sent_len);
    memcpy(sent + sent_len, octets, len);
    sent_len += len;
}

static void put_chunks(const char *body, size_t len, unsigned how)
{
    size_t piece = how & 1 ? 1 + len / 3 : how & 2 ? 4096 : len;

    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;

        put(how & 4 ? "%zX;a=\"b\\\"c\";d\r\n" : how & 8 ? "000%zx\r\n" : "%zx\r\n", n);
        put_octets(body + at, n);
        put("\r\n");
    }
    put(how & 16 ? "0\r\nX-Trailer: yes\r\n\r\n" : "0\r\n\r\n");
}

/* Sizes where something changes, and everything between. */
static size_t size_of(const uint8_t *step)
{
    static const size_t edges[] = {0, 1, 10, 11, 4096, 16384, 65536, BODY_MAX - 5};
    size_t size = edges[step[0] & 7] + step[1] % 5;

    return step[0] & 64 ? size : step[1];
}

/* Well formed. */
static void put_request(const uint8_t *step, struct expected *e)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PURGE"};
    unsigned method = step[1] & 3, how = step[5];
    bool chunked, old = step[1] & 4 && step[1] & 8, expects, asks_close = step[1] & 16;
    size_t len = size_of(step + 3);

    e->what = step[2] % WHATS;
    e->from = step[5];
    e->bodiless = method == 1 || e->what == NONE;
    e->status = e->what == NONE ? 204 : 200;
    chunked = !old && step[1] & 32;
    expects = !old && step[1] & 64 && len > 0;
    if (step[1] & 128)
        put("\r\n"); /* to be ignored (RFC 9112 §2.2) */
    put("%s %s%s HTTP/1.%d\r\nHost: a\r\n", names[method], how & 32 ? "http://a" : "",
        paths[e->what], old ? 0 : 1);
    if (chunked)
        put("%s: %s\r\n", how & 64 ? "Transfer-Encoding" : "tRANSFER-eNCODING",
            how & 128 ? "Chunked" : "chunked");
    else if (len > 0 || method == 2)
        put("Content-Length:%s%zu\r\n", how & 64 ? "" : " \t", len);
    if (expects)
        put("Expect: 100-Continue\r\n");
    if (asks_close)
        put("Connection: X, cLose\r\n");
    else if (old && how & 16)
        put("Connection: Keep-Alive\r\n");
    put("\r\n");
    e->head_ends = sent_len;
    if (chunked)
        put_chunks(pattern + e->from, len, how);
    else if (len > 0)
        put_octets(pattern + e->from, len);
    e->len = len;
    e->old = old;
    e->closes = asks_close || (old && !(how & 16)) ||
                (old && ((e->what == PUSH && len > 0) || e->what == SOURCE)) ||
                (expects && (e->what == UNREAD || e->what == NONE || e->what == BIG));
}

struct bad {
    int status;
    const char *text;
};

static const struct bad bad[] = {
    {400, "GET /echo HTTP/1.1\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /echo  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "G(T /echo HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET echo HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost : a\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"},
    {400, "GET /echo HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
          "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"},
    {501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n"},
    {400, "POST /sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n"},
    {505, "GET /echo HTTP/2.0\r\nHost: a\r\n\r\n"},
    {400, "GET /echo HTTP/1.1x\r\nHost: a\r\n\r\n"},
    {400, "GET /echo HTTX/1.1\r\nHost: a\r\n\r\n"},
};

/* Ill formed: the last that is answered. */
static void put_bad(const uint8_t *step, struct expected *e)
{
    unsigned which = step[1] % (sizeof bad / sizeof *bad + 3);
    int most = 70000;

    e->closes = true;
    e->what = WHATS;
    if (which < sizeof bad / sizeof *bad) {
        e->status = bad[which].status;
        put("%s", bad[which].text);
        return;
    }
    e->status = which % 3 == 0 ? 414 : 431;
    if (e->status == 414) {
        put("GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 9000, 0);
    } else if (step[2] & 1) {
        put("GET /echo HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", most, 0);
    } else {
        put("GET /echo HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < 120; i++)
            put("X%d: y\r\n", i);
        put("\r\n");
    }
}

/* What is behind the end of the sending side is not there; what it cuts off is told so. */
static void cut_off(uint32_t at)
{
    sent_len = at;
    for (unsigned i = 0; i < expected_count; i++) {
        struct expected *e = &expected[i];

        if (e->ends <= at)
            continue;
        if (at <= e->begins || (at == e->begins + 2 && sent[e->begins] == '\r')) {
            expected_count = i; /* nothing of it is there, or an empty line */
            return;
        }
        e->may_be_cut = true;
        e->closes = true;
        expected_count = i + 1;
    }
}

static void make(const uint8_t *data, size_t size)
{
    sent_len = 0;
    expected_count = 0;
    for (; size >= STEP && expected_count < STEPS; data += STEP, size -= STEP) {
        struct expected *e = &expected[expected_count++];

        *e = (struct expected){.begins = sent_len};
        if (data[0] % 8 == 0)
            put_bad(data, e);
        else
            put_request(data, e);
        e->ends = sent_len;
    }
}

/* @p longest piece; 0: whole. */
static struct heard play(size_t longest, bool fin)
{
    struct heard h = {0};
    size_t at = 0;
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(sl__server_adopt(server, pair[1], 0) == 0);
    sl__sys_fault = longest > 1 ? give_less : NULL;
    while (at < sent_len) {
        size_t n = longest ? 1 + pick((uint32_t)longest) : sent_len;

        n = n < sent_len - at ? n : sent_len - at;
        if (!say(pair[0], sent + at, n, &h))
            break;
        settle(pair[0], &h);
        at += n;
    }
    if (fin)
        shutdown(pair[0], SHUT_WR);
    settle(pair[0], &h);
    sl__sys_fault = NULL;
    settle(pair[0], &h);
    close(pair[0]);
    for (int i = 0; i < 6; i++)
        CHECK(sl__loop_once(&loop, 0) == 0);
    CHECK(sl__server_connections(server) == 0 && sl__fibers_live() == 0);
    return h;
}

static bool same_octets(const char *wire, size_t len, bool chunked, const char *wanted,
                        size_t wanted_len)
{
    size_t at = 0;

    if (!chunked)
        return len == wanted_len && memcmp(wire, wanted, len) == 0;
    for (;;) {
        char *after;
        size_t n = strtoul(wire, &after, 16);

        if (n == 0)
            return at == wanted_len;
        if (n > wanted_len - at || memcmp(after + 2, wanted + at, n) != 0)
            return false;
        at += n;
        wire = after + 2 + n + 2;
    }
}

/* A stream without a length. */
static bool is_open_ended(const struct expected *e)
{
    return !e->bodiless && (e->what == SOURCE || (e->what == PUSH && e->len > 0));
}

static void check_one(const struct answer *a, const struct expected *e)
{
    bool right = a->status == e->status && a->closes == e->closes, streamed, any;
    const char *wanted = pattern + e->from;
    size_t len = e->len;

    if (!right || e->bodiless || e->what == WHATS)
        goto out;
    if (e->what == UNREAD) {
        wanted = "unread";
        len = 6;
    } else if (e->what == BIG) {
        wanted = pattern;
        len = BODY_MAX;
    } else if (e->what == BEGIN && len > 10) {
        len = 10;
    }
    streamed = is_open_ended(e);
    any = e->old && streamed; /* the end of the connection may do */
    right = (any || a->chunked == streamed) &&
            same_octets(a->body, a->body_len, a->chunked, wanted, len);
out:
    if (!right)
        fprintf(stderr, "%d %s, body %zu, closes %d; wanted %d, body %zu, closes %d for:\n%.300s\n",
                a->status, a->chunked ? "chunked" : "", a->body_len, a->closes, e->status, len,
                e->closes, sent + e->begins);
    CHECK(right);
}

static void check(const struct heard *h, bool fin)
{
    const char *p = h->got, *end = h->got + h->len;
    bool closed = false;

    for (unsigned i = 0; i < expected_count && !closed; i++) {
        const struct expected *e = &expected[i];
        struct answer a = {.status = 100};
        bool whole = true;

        while (a.status < 200 && p < end)
            whole = take_answer(&p, end, e->bodiless && e->head_ends <= sent_len, &a);
        if (e->may_be_cut) { /* its own end is not ours to know, but nothing comes behind it */
            CHECK(!whole || p == end);
            CHECK(a.status >= 400 || e->head_ends <= sent_len);
            closed = true;
            break;
        }
        if (fin && is_open_ended(e) && (!whole || a.body_len < e->len)) {
            CHECK(p == end); /* the client's end was taken for its leaving */
            closed = true;
            break;
        }
        CHECK(whole && a.status >= 200);
        check_one(&a, e);
        closed = a.closes || a.until_close;
    }
    CHECK(p == end);
    CHECK(h->eof == (closed || fin));
}

static void open_all(void)
{
    static const struct sl_limits limits;

    pattern = malloc(BODY_MAX + 512);
    sent = malloc(PIPE_MAX);
    CHECK(pattern && sent);
    for (size_t i = 0; i < BODY_MAX + 512; i++)
        pattern[i] = (char)('a' + (i * 7 + (i >> 8) + (i >> 16)) % 26);
    wire_open();
    server = sl__server_new(&loop, &service, &limits, NULL, NULL);
    CHECK(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t longest[] = {0, 0, 0};
    bool fin;

    if (size < PLAN + STEP)
        return 0;
    if (!server)
        open_all();
    random_now = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    fin = data[0] & CUT_OFF;
    make(data + PLAN, size - PLAN);
    if (fin)
        cut_off(pick((uint32_t)sent_len + 1));
    longest[1] = sent_len < 3000 ? 2 + pick(200) : sent_len / 20;
    longest[2] = sent_len < 600 ? 1 : sent_len / 3;
    for (int i = 0; i < 3; i++) {
        struct heard h = play(longest[i], fin);

        check(&h, fin);
        free(h.got);
    }
    return 0;
}
