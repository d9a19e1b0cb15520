/*
 * A protocol made of memory: runs a whole app without a socket.
 *
 * Request text goes in through the real parser, the answer comes out as a struct, read after the
 * request has ended. Without a fiber runtime a handler may not wait; inside one (memory_loop_run)
 * it may, and the request can be cancelled.
 *
 *     struct memory m;
 *     memory_request(&m, app, "GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n");
 *     assert_int_equal(m.status, 200);
 *     memory_finish(&m);
 */
#ifndef TEST_MEMORY_EXCHANGE_H
#define TEST_MEMORY_EXCHANGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "fiber/fiber.h"
#include "http/detached.h"
#include "http/exchange.h"
#include "http/http1/chunk.h"
#include "http/http1/parse.h"
#include "http/limits.h"
#include "shallot.h"

struct memory {
    /* The answer. */
    int status;
    char headers[8192]; /* "Name: value\n" for each, in order */
    struct sl__buf body;
    bool committed; /* pushed with sl_write() */
    bool aborted;
    bool done;                     /* the request has ended */
    int reads;                     /* calls of read_body */
    struct sl__detached *detached; /* what stays open; the test's to end, or memory_finish()'s */
    /* How the request is fed; set before memory_begin(). */
    size_t piece;   /* most body octets one read gives; 0: all there are */
    int body_error; /* instead of the end of the body */
    /* Inside. */
    sl_app *app;
    struct sl__exchange x;
    struct sl__field fields[SL__FIELDS_MAX];
    struct sl_limits limits;
    struct sl__writer writer;
    struct sl__chunk chunk;
    char *text;
    size_t body_at, body_end;
};

static inline ssize_t memory_read_body(struct sl__exchange *x, void *buf, size_t len)
{
    struct memory *m = SL__OWNER(x, struct memory, x);
    size_t n = m->body_end - m->body_at;

    m->reads++;
    if (m->piece > 0 && len > m->piece)
        len = m->piece;
    if (x->request.body == SL__BODY_CHUNKED && n > 0) {
        struct sl__chunk_step step = {0};
        int r = sl__chunk_decode(&m->chunk, m->text + m->body_at, n < len ? n : len, &step);

        if (r < 0)
            return r;
        memcpy(buf, m->text + m->body_at + step.data_at, step.data_len);
        m->body_at += step.used;
        if (step.data_len > 0)
            return (ssize_t)step.data_len;
        return step.done ? m->body_error : memory_read_body(x, buf, len);
    }
    if (n == 0)
        return m->body_error;
    n = n < len ? n : len;
    memcpy(buf, m->text + m->body_at, n);
    m->body_at += n;
    return (ssize_t)n;
}

static inline const char *memory_remote(struct sl__exchange *x)
{
    return sl__arena_copy(&x->arena, "127.0.0.1:54321", 15);
}

static inline int memory_writer_begin(struct sl__writer *w, struct sl__exchange *x)
{
    return 0;
}

static inline int memory_writer_write(struct sl__writer *w, struct sl__exchange *x,
                                      const void *bytes, size_t len)
{
    struct memory *m = SL__OWNER(w, struct memory, writer);

    return sl__buf_append(&m->body, bytes, len);
}

static inline int memory_writer_end(struct sl__writer *w, struct sl__exchange *x)
{
    return 0;
}

static const struct sl__exchange_ops memory_ops = {memory_read_body, memory_remote};

/* Parses the request; the exchange is then as a protocol hands it to the app. */
static inline void memory_begin(struct memory *m, sl_app *app, const char *text)
{
    size_t len = strlen(text);
    ssize_t head;

    m->app = app;
    m->limits = app->options.limits;
    m->text = strdup(text);
    assert_non_null(m->text);
    head = sl__http1_parse(m->text, len, &m->limits, &m->x.request, m->fields);
    if (head <= 0)
        print_error("the parser says %zd to: %s\n", head, text);
    assert_true(head > 0);
    m->x.request.base = m->text;
    m->body_at = (size_t)head;
    m->body_end = len;
    m->writer =
        (struct sl__writer){memory_writer_begin, memory_writer_write, memory_writer_end, NULL};
    m->x.writer = &m->writer;
    m->x.ops = &memory_ops;
    m->x.limits = &m->limits;
    sl__response_init(&m->x.response);
}

static inline void memory_keep_head(struct memory *m)
{
    size_t at = 0;

    m->status = m->x.response.status;
    m->headers[0] = '\0';
    if (m->x.response.type.ptr)
        at += (size_t)snprintf(m->headers, sizeof m->headers, "Content-Type: %s\n",
                               m->x.response.type.ptr);
    for (const struct sl__header *h = m->x.response.headers; h; h = h->next)
        at += (size_t)snprintf(m->headers + at, sizeof m->headers - at, "%s: %s\n", h->name.ptr,
                               h->value.ptr);
}

static inline void memory_keep_body(struct memory *m)
{
    struct sl__response *r = &m->x.response;
    char buf[64];
    ssize_t n = 0;

    if (r->payload == SL__PAYLOAD_BYTES || r->payload == SL__PAYLOAD_LENT)
        sl__buf_append(&m->body, r->bytes.ptr, r->bytes.len);
    while (r->payload == SL__PAYLOAD_FILE && r->file_len > 0 &&
           (n = pread(r->file, buf,
                      r->file_len < (int64_t)sizeof buf ? (size_t)r->file_len : sizeof buf,
                      r->file_at)) > 0) {
        sl__buf_append(&m->body, buf, (size_t)n);
        r->file_at += n;
        r->file_len -= n;
    }
    while (r->payload == SL__PAYLOAD_SOURCE && (n = r->source(r->source_self, buf, sizeof buf)) > 0)
        sl__buf_append(&m->body, buf, (size_t)n);
    if (r->payload == SL__PAYLOAD_DETACHED && m->x.request.method != SL__METHOD_HEAD) {
        m->detached = r->detached;
        r->payload = SL__PAYLOAD_NONE;
    }
    m->x.aborted |= n < 0;
}

/* What a protocol does with a request, on its fiber if there are fibers. */
static inline void memory_serve(void *arg)
{
    struct memory *m = arg;
    struct sl__service *s = sl__app_service(m->app);

    m->x.fiber = sl__fiber_current();
    s->serve(s, &m->x);
    memory_keep_head(m);
    m->committed = m->x.committed;
    if (m->committed)
        m->x.aborted |= sl__exchange_end(&m->x) < 0;
    else
        memory_keep_body(m);
    m->aborted = m->x.aborted;
    if (m->x.ended)
        m->x.ended(&m->x);
    sl__response_clear(&m->x.response);
    sl__arena_reset(&m->x.arena);
    m->x.fiber = NULL;
    m->done = true;
}

/* A request from its first octet to its end, for handlers that do not wait. */
static inline void memory_request(struct memory *m, sl_app *app, const char *text)
{
    *m = (struct memory){0};
    memory_begin(m, app, text);
    memory_serve(m);
}

static inline void memory_finish(struct memory *m)
{
    if (m->detached && !m->detached->over)
        sl__detached_over(m->detached, -ECONNRESET);
    sl__buf_finish(&m->body);
    free(m->text);
    *m = (struct memory){0};
}

static inline const char *memory_body(struct memory *m)
{
    assert_int_equal(sl__buf_append(&m->body, "", 1), 0);
    m->body.end--;
    return m->body.data + m->body.at;
}

/* What waits in the queue of an answer that stays open, which then is empty. */
static inline const char *memory_stream(struct memory *m)
{
    m->body.at = m->body.end = 0;
    while (m->detached->first) {
        const struct sl__piece *p = m->detached->first->piece;

        assert_int_equal(sl__buf_append(&m->body, p->bytes, p->len), 0);
        sl__detached_pop(m->detached);
    }
    return memory_body(m);
}

/* "GET /path" to a whole request, answered; asserts status and body (NULL: any). */
static inline void memory_expect_at(sl_app *app, const char *method, const char *target, int status,
                                    const char *body, const char *file, int line)
{
    struct memory m;
    char text[9000];

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, target);
    memory_request(&m, app, text);
    if (m.status != status || (body && strcmp(memory_body(&m), body) != 0))
        print_error("%s %s: %d \"%s\"\n", method, target, m.status, memory_body(&m));
    _assert_int_equal((LargestIntegralType)m.status, (LargestIntegralType)status, file, line);
    if (body)
        _assert_string_equal(memory_body(&m), body, file, line);
    memory_finish(&m);
}

#define memory_expect(app, method, target, status, body)                                           \
    memory_expect_at(app, method, target, status, body, __FILE__, __LINE__)

static inline bool memory_has_header(const struct memory *m, const char *line)
{
    const char *at = m->headers;
    size_t len = strlen(line);

    for (; *at; at = strchr(at, '\n') + 1)
        if (strncmp(at, line, len) == 0 && at[len] == '\n')
            return true;
    print_error("no \"%s\" among:\n%s", line, m->headers);
    return false;
}

/* The log, kept instead of written. */
static char memory_log[8192];
static int memory_log_lines;

static inline void memory_log_keep(enum sl__level level, const char *line)
{
    size_t len = strlen(memory_log);

    memory_log_lines++;
    snprintf(memory_log + len, sizeof memory_log - len, "%s\n", line);
}

static inline void memory_log_start(void)
{
    memory_log[0] = '\0';
    memory_log_lines = 0;
    sl__log_sink = memory_log_keep;
}

#endif
