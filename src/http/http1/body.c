/*
 * The request's body: decoded from the input as the handler asks for it, or skipped when nobody
 * did.
 *
 * The app comes in on the request's fiber through the exchange's read_body and leaves with bytes;
 * it waits here for input, and the connection wakes it. Decoding never runs ahead of the asking:
 * what a handler has been told is a function of the octets, not of how they were cut. Whether the
 * connection is kept after an unread body depends only on how long that body is, for the same
 * reason.
 */
#include <errno.h>
#include <string.h>

#include "fiber/wait.h"
#include "http/http1/conn.h"
#include "http/http1/parse.h"
#include "shallot/error.h"

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

void sl__body_begin(struct sl__turn *t)
{
    const struct sl__request *r = &t->exchange.request;

    t->body_left = r->body == SL__BODY_LENGTH ? r->content_length : 0;
    t->exchange.body_ahead = 0;
    t->body_wire = 0;
    t->body_waited = 0;
    t->continued = !r->expect_continue;
    t->chunk = (struct sl__chunk){0};
}

/* Decodes one run of data, at most @p most octets: where it is in the input, and how long. 1: data;
 * 0: the end; -EAGAIN: more input is needed; or a final error. */
static int decode(struct sl__turn *t, size_t most, const char **ret, size_t *ret_len)
{
    struct sl__block *b = t->conn->in;

    while (!t->body_done && b && b->at < b->end) {
        struct sl__chunk_step step = {0};
        const char *in = b->data + b->at;
        size_t len = b->end - b->at < most ? b->end - b->at : most;
        int r;

        if (t->exchange.request.body == SL__BODY_LENGTH) {
            step.used = step.data_len = len < t->body_left ? len : (size_t)t->body_left;
            t->body_left -= step.used;
            step.done = t->body_left == 0;
        } else {
            r = sl__chunk_decode(&t->chunk, in, len, &step);
            if (r == 0 && step.trailer && !t->done) /* somebody may still ask for it */
                r = sl__buf_append(&t->trailer, in, step.used);
            if (r < 0)
                return r;
        }
        b->at += (uint32_t)step.used;
        t->body_wire += step.used;
        t->body_done = step.done;
        if (step.data_len > 0) {
            *ret = in + step.data_at;
            *ret_len = step.data_len;
            return 1;
        }
    }
    return t->body_done ? 0 : -EAGAIN;
}

/* The body was read to its end: the trailer fields become readable. */
static int take_trailers(struct sl__turn *t)
{
    struct sl__request *r = &t->exchange.request;
    size_t max = t->conn->home->limits.head_fields;
    struct sl__field *fields;
    char *raw = t->trailer.data;
    int n;

    if (sl__buf_len(&t->trailer) <= 2 || r->trailers) /* none, or done before */
        return 0;
    fields = sl__arena_alloc(&t->exchange.arena, max * sizeof(*fields));
    if (!fields)
        return -ENOMEM;
    n = sl__trailers_parse(raw, sl__buf_len(&t->trailer), fields, max);
    if (n < 0)
        return n;
    sl__http1_terminate_fields(raw, fields, (uint32_t)n);
    r->trailer_base = raw;
    r->trailers = fields;
    r->trailer_count = (uint32_t)n;
    return 0;
}

/* Tells a client that waits with its body to go on, unless it did not wait, or the answer is
 * already on its way. Earlier answers leave with it. */
static int send_continue(struct sl__turn *t)
{
    struct sl__conn *c = t->conn;
    struct sl__buf *out;

    t->continued = true;
    if (t->body_wire > 0 || sl__input_len(c) > 0 || t->exchange.committed)
        return 0;
    out = sl__out_buf(c);
    if (!out || sl__buf_append(out, continue_line, sizeof(continue_line) - 1) < 0)
        return -ENOMEM;
    sl__out_flush(c, 0);
    return 0;
}

/* Waits for input. What the socket is known to have is taken at once, by the fiber itself. */
static int await_input(struct sl__turn *t)
{
    struct sl__conn *c = t->conn;
    int r = 0;

    if (c->fin)
        return -SL_EBADREQUEST;
    t->wants_body = true;
    t->reader = sl__fiber_current();
    if (c->more) {
        t->burst += sl__input_receive(c);
        if (t->burst >= SL__BURST) {
            t->burst = 0;
            r = sl__wait_time(0);
        }
    } else {
        sl__conn_poke(c); /* for EPOLLIN and the deadline */
        r = sl__fiber_wait(SL__FOREVER);
        sl__pace_body(c); /* from here on the client waits for us */
    }
    t->wants_body = false;
    return r < 0 ? r : t->body_error;
}

ssize_t sl__body_read(struct sl__exchange *x, void *buf, size_t len)
{
    struct sl__turn *t = SL__OWNER(x, struct sl__turn, exchange);
    const char *data = NULL;
    size_t data_len = 0;
    int r = t->body_error;

    if (len == 0)
        return -EINVAL;
    x->body_begun = true;
    if (r == 0 && !t->continued)
        r = send_continue(t);
    while (r == 0) {
        if (t->conn->broken)
            return -ECANCELED;
        r = decode(t, len, &data, &data_len);
        if (r > 0) {
            memcpy(buf, data, data_len);
            x->body_ahead = x->request.body == SL__BODY_CHUNKED ? t->chunk.left : t->body_left;
            return (ssize_t)data_len;
        }
        if (r == 0) {
            r = take_trailers(t);
            break;
        }
        if (r == -EAGAIN)
            r = await_input(t);
        if (r == -ECANCELED)
            return r;
    }
    t->body_error = r;
    return r;
}

int sl__body_skip(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;
    const struct sl_limits *l = &c->home->limits;
    uint64_t most = l->discard_bytes + (t->exchange.body_begun ? l->body_bytes : 0);
    const char *data;
    size_t len;
    int r = 1;

    while (r > 0) {
        r = decode(t, SIZE_MAX, &data, &len);
        if (t->body_wire > most)
            return -SL_ETOOBIG;
    }
    return r == 0 ? 1 : r == -EAGAIN ? 0 : r;
}
