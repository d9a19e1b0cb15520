/*
 * The answer: what stands in the response when the onion has unwound becomes octets of the output.
 *
 * The turn comes here on the request's fiber. Bytes and small files are in the output when this
 * returns, larger bytes all but their last 32 KiB; a larger file stays with the turn for the loop
 * to send; a source is pulled here, and may wait. Nothing is sent from here unless there is much of
 * it: the connection sends everything of one read at once.
 */
#include <errno.h>

#include "base/sys.h"
#include "http/http1/conn.h"
#include "http/http1/write.h"
#include "shallot/error.h"

#define INLINE_FILE ((int64_t)16384) /* reading and sending together cost less than sendfile */

/* The request's body was not read to its end: does that end the connection? */
static SL__APART bool body_closes(const struct sl__turn *t)
{
    const struct sl__conns *home = t->conn->home;
    const struct sl__exchange *x = &t->exchange;

    /* A client that waits for 100 (Continue) in vain may send its body or the next request: who
     * could tell (RFC 9110 §10.1.1). */
    if (!t->continued)
        return true;
    /* Nor how much more of what is too large already (RFC 9110 §15.5.14). */
    if (x->response.status == 413)
        return true;
    if (x->request.body == SL__BODY_CHUNKED && t->chunk.left > home->limits.discard_bytes)
        return true; /* the rest of a chunk the handler did not want */
    return !x->committed && x->request.body == SL__BODY_LENGTH &&
           x->request.content_length > home->limits.discard_bytes;
}

static inline bool closes(const struct sl__turn *t)
{
    const struct sl__conn *c = t->conn;
    const struct sl__conns *home = c->home;

    return !t->exchange.request.keep_alive || home->leaving != SL__STAY || t->body_error ||
           c->requests >= home->limits.connection_requests || (!t->body_done && body_closes(t));
}

bool sl__answer_closes(const struct sl__turn *t)
{
    return closes(t);
}

/* @p flags: what else than the connection's fate the head has to say. */
static inline int send_head(struct sl__turn *t, int64_t length, unsigned flags)
{
    struct sl__conn *c = t->conn;
    const struct sl__exchange *x = &t->exchange;
    const struct sl__http1_date *date = sl__conns_date(c->home);
    struct sl__buf *out = sl__out_buf(c);
    int r = -ENOMEM;

    if (t->close)
        flags |= SL__HEAD_CLOSE;
    else if (x->request.minor == 0)
        flags |= SL__HEAD_KEEP_ALIVE;
    if (out)
        r = sl__http1_write_answer(out, &x->response, length, flags, date);
    t->head_done = r == 0;
    return r;
}

int sl__answer_head(struct sl__turn *t, int64_t length, bool chunked)
{
    return send_head(t, length, chunked ? SL__HEAD_CHUNKED : 0);
}

static SL__APART int send_many_bytes(struct sl__turn *t, struct sl__str body)
{
    int r = sl__answer_head(t, (int64_t)body.len, false);

    return r < 0 ? r : sl__out_put(t, body.ptr, body.len);
}

static inline int send_bytes(struct sl__turn *t)
{
    struct sl__str body = t->exchange.response.bytes;

    if (body.len > SL__OUT_HIGH)
        return send_many_bytes(t, body);
    return send_head(t, (int64_t)body.len, SL__HEAD_AND_BYTES);
}

/* Nothing of the answer may have been sent: takes it back, and says 500 instead. */
static int send_failure(struct sl__turn *t, size_t pending)
{
    struct sl__response *r = &t->exchange.response;
    struct sl__buf *out = sl__out_buf(t->conn);

    if (out)
        out->end = out->at + pending;
    sl__response_clear(r);
    r->status = 500;
    t->close = true;
    return sl__answer_head(t, 0, false);
}

static SL__APART int send_file(struct sl__turn *t)
{
    struct sl__response *r = &t->exchange.response;
    size_t pending = sl__out_pending(t->conn);
    int result = sl__answer_head(t, r->file_len, false);
    ssize_t n;

    if (result < 0)
        return result;
    t->file = r->file;
    t->file_at = r->file_at;
    t->file_left = r->file_len;
    r->payload = SL__PAYLOAD_NONE; /* the turn closes it */
    r->file = -1;
    if (t->file_left > INLINE_FILE)
        return 0;
    while (t->file_left > 0) {
        n = sl__out_read_file(t, (size_t)t->file_left);
        if (n <= 0) {
            t->file_left = 0;
            return send_failure(t, pending);
        }
    }
    return 0;
}

/* As for GET, without the body (RFC 9110 §9.3.2). */
static SL__APART int send_head_only(struct sl__turn *t)
{
    const struct sl__response *r = &t->exchange.response;
    int64_t length = sl__response_length(r);
    bool chunked = length < 0 && t->exchange.request.minor > 0;

    if (r->payload == SL__PAYLOAD_NONE && sl__response_announced(r) >= 0)
        length = sl__response_announced(r);
    if (length < 0 && !chunked)
        t->close = true;
    if (r->payload == SL__PAYLOAD_DETACHED)
        sl__detached_end(r->detached, 0); /* it was all of it */
    return sl__answer_head(t, length, chunked);
}

static inline int send_standing(struct sl__turn *t)
{
    struct sl__response *r = &t->exchange.response;

    if (r->status == 0)
        r->status = 200;
    t->close = closes(t);
    if (r->status != 200 && (r->status == 204 || r->status == 304 || r->status < 200))
        return sl__answer_head(t, -1, false);
    if (t->exchange.request.method == SL__METHOD_HEAD)
        return send_head_only(t);
    if (r->payload <= SL__PAYLOAD_LENT)
        return send_bytes(t);
    if (r->payload == SL__PAYLOAD_DETACHED)
        return sl__detach_begin(t);
    return r->payload == SL__PAYLOAD_FILE ? send_file(t) : sl__stream_source(t);
}

void sl__answer(struct sl__turn *t)
{
    struct sl__exchange *x = &t->exchange;
    int r = -ECANCELED;

    if (!t->conn->broken)
        r = x->committed ? sl__exchange_end(x) : send_standing(t);
    if (r < 0)
        t->failed = true;
    if (t->body_error || (!t->continued && !t->body_done))
        t->close = true;
}
