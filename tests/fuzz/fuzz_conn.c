/*
 * A whole connection, over memory: whatever octets a client sends, however they arrive, the answers
 * are the same octets and the connection ends the same way.
 *
 * The first four octets of an input are the plan: a seed for the cuts, and flags. The others are
 * what the client sends: once whole, once in pieces between which the server comes to rest or the
 * kernel gives less than there is, and, if it is little, octet by octet. The service answers with a
 * sum of everything it was told, so that a body taken for a field would be seen. Only 100
 * (Continue) may come or not. The clock stands still.
 */
#include "fiber/wait.h"
#include "http/http1/conn.h"
#include "http/limits.h"
#include "shallot/error.h"
#include "wire.h"

#define PLAN 4
#define FLAG_FIN 1    /* the client shuts its side down behind the last octet */
#define FLAG_NARROW 2 /* small limits */
#define ALL_OCTETS 300
#define BODY_MAX ((size_t)65536)

static struct sl__server *servers[2];
static uint32_t random_now;

static uint32_t pick(uint32_t n)
{
    random_now = random_now * 1664525U + 1013904223U;
    return (random_now >> 8) % n;
}

static ssize_t give_less(enum sl__sys_call call)
{
    return call == SL__SYS_RECV && pick(3) == 0 ? 1 + (ssize_t)pick(40) : 0;
}

/* FNV-1a, over the octets and their number. */
static uint64_t sum(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return (h ^ len) * UINT64_C(0x100000001b3);
}

static uint64_t sum_fields(uint64_t h, const char *base, const struct sl__field *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        h = sum(h, base + fields[i].name.at, fields[i].name.len);
        h = sum(h, base + fields[i].value.at, fields[i].value.len);
    }
    return h;
}

static uint64_t sum_head(const struct sl__request *r)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    h = sum(h, r->base + r->method_name.at, r->method_name.len);
    h = sum(h, r->base + r->target.at, r->target.len);
    h = sum(h, r->base + r->path.at, r->path.len);
    h = sum(h, r->base + r->query.at, r->query.len);
    h = sum(h, r->base + r->host.at, r->host.len);
    h = sum_fields(h, r->base, r->fields, r->field_count);
    return sum(h, &r->content_length, sizeof(r->content_length));
}

/* Reads at most @p most octets of the body, in pieces of @p piece; 0 at its end. */
static ssize_t take_body(struct sl__exchange *x, size_t most, size_t piece, uint64_t *h)
{
    char all[BODY_MAX];
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < most) {
        n = x->ops->read_body(x, all + len, most - len < piece ? most - len : piece);
        if (n > 0)
            len += (size_t)n;
    }
    *h = sum(*h, all, len);
    return n;
}

static void set_header(struct sl__exchange *x, const char *name, const char *value)
{
    struct sl__str v = sl__str_of(value);

    CHECK(sl__response_set_header(&x->response, &x->arena, sl__str_of(name), &v, false) == 0);
}

/* The last character of the path says how much of the body is wanted. */
static void serve(struct sl__service *s, struct sl__exchange *x)
{
    const struct sl__request *r = &x->request;
    char how = r->path.len > 0 ? r->base[r->path.at + r->path.len - 1] : '/', text[64];
    uint64_t h = sum_head(r);
    ssize_t n = 0;

    if (how == 'b') /* its beginning */
        n = take_body(x, 3, 3, &h);
    else if (how != 'u') /* unread */
        n = take_body(x, x->limits->body_bytes, how == 's' ? 5 : BODY_MAX, &h);
    if (n == -ECANCELED)
        return;
    if (how == 'w') /* others get their turn */
        (void)sl__wait_time(0);
    h = sum_fields(h, r->trailer_base, r->trailers, r->trailer_count);
    x->response.status = n < 0 ? 400 : how == 'n' ? 204 : 200;
    if (r->method == SL__METHOD_HEAD)
        set_header(x, "X-Bodiless", "1");
    snprintf(text, sizeof(text), "%016llx %d %u %d", (unsigned long long)h, (int)(n < 0 ? n : 0),
             r->minor, r->keep_alive);
    set_header(x, "X-Sum", text);
    sl__response_set_bytes(&x->response, (struct sl__str){sl__arena_copy(&x->arena, text, 16), 16});
}

static struct sl__service service = {serve};

static void open_servers(void)
{
    static const struct sl_limits wide = {.body_bytes = BODY_MAX};
    static const struct sl_limits narrow = {.head_bytes = 160,
                                            .head_fields = 4,
                                            .target_bytes = 30,
                                            .body_bytes = 60,
                                            .discard_bytes = 40,
                                            .connection_requests = 5};

    wire_open();
    servers[0] = sl__server_new(&loop, &service, &wide, NULL, NULL);
    servers[1] = sl__server_new(&loop, &service, &narrow, NULL, NULL);
    CHECK(servers[0] && servers[1]);
}

/* @p longest piece; 0: whole. */
static struct heard play(const char *data, size_t size, size_t longest, unsigned flags)
{
    struct sl__server *server = servers[flags & FLAG_NARROW ? 1 : 0];
    struct heard h = {0};
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(sl__server_adopt(server, pair[1], 0) == 0);
    sl__sys_fault = longest > 1 ? give_less : NULL;
    while (size > 0) {
        size_t n = longest ? 1 + pick((uint32_t)longest) : size;

        n = n < size ? n : size;
        if (!say(pair[0], data, n, &h))
            break;
        settle(pair[0], &h);
        data += n;
        size -= n;
    }
    if (flags & FLAG_FIN)
        shutdown(pair[0], SHUT_WR);
    settle(pair[0], &h);
    CHECK(h.eof || !(flags & FLAG_FIN));
    sl__sys_fault = NULL;
    close(pair[0]);
    for (int i = 0; i < 6; i++)
        CHECK(sl__loop_once(&loop, 0) == 0);
    CHECK(sl__server_connections(server) == 0 && sl__fibers_live() == 0);
    return h;
}

static const char *find(const char *p, const char *end, const char *text)
{
    return p ? memmem(p, (size_t)(end - p), text, strlen(text)) : NULL;
}

/* Whatever was said, these are answers; drops the interim ones. */
static void check_answers(struct heard *h)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *p = h->got, *end = p + h->len;
    bool closed = false;

    while (p < end) {
        const char *head = find(p, end, "\r\n\r\n"), *length;

        CHECK(!closed && head && memcmp(p, "HTTP/1.1 ", 9) == 0);
        if (memcmp(p, interim, sizeof(interim) - 1) == 0) {
            end -= sizeof(interim) - 1;
            memmove(p, p + sizeof(interim) - 1, (size_t)(end - p));
            continue;
        }
        length = find(p, head, "\r\nContent-Length: ");
        closed = find(p, head + 2, "\r\nConnection: close\r\n") != NULL;
        CHECK(length || find(p, head, " 204 "));
        CHECK(find(p, head, "\r\nDate: "));
        if (length && !find(p, head, "\r\nX-Bodiless: 1"))
            head += strtoul(length + 18, NULL, 10);
        p += head + 4 - p;
        CHECK(p <= end);
    }
    h->len = (size_t)(end - h->got);
}

static void check_same(const struct heard *whole, const char *data, size_t size, size_t longest,
                       unsigned flags)
{
    struct heard h = play(data, size, longest, flags);

    check_answers(&h);
    if (h.len != whole->len || memcmp(h.got, whole->got, h.len) != 0 || h.eof != whole->eof)
        fprintf(stderr, "whole, end %d:\n%.*s\nin pieces of %zu, end %d:\n%.*s\n", whole->eof,
                (int)whole->len, whole->got, longest, h.eof, (int)h.len, h.got);
    CHECK(h.len == whole->len && memcmp(h.got, whole->got, h.len) == 0);
    CHECK(h.eof == whole->eof);
    free(h.got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *said = (const char *)data + PLAN;
    struct heard whole;
    unsigned flags;

    if (size < PLAN)
        return 0;
    if (!servers[0])
        open_servers();
    flags = data[0];
    random_now = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    size -= PLAN;
    whole = play(said, size, 0, flags);
    check_answers(&whole);
    check_same(&whole, said, size, 1 + pick(200), flags);
    check_same(&whole, said, size, 2 + pick(20), flags);
    if (size <= ALL_OCTETS)
        check_same(&whole, said, size, 1, flags);
    free(whole.got);
    return 0;
}
