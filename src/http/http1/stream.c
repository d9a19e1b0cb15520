/*
 * Streams: the writer at the bottom of the stack, and the source that is pulled.
 *
 * Bytes come in on the request's fiber, from sl_write() through the writers above or from a
 * source's function, and leave framed into the output; when that is full they wait here. What has
 * no length is chunked, or, for a client of HTTP/1.0, ends with the connection. Such a stream may
 * be meant to last for ever, so the end of the client's input is taken for its leaving.
 */
#include <errno.h>

#include "http/http1/conn.h"
#include "http/http1/write.h"
#include "shallot/error.h"

#define PIECE ((size_t)16384)       /* most data in one chunk */
#define SOURCE_PIECE ((size_t)8192) /* most that a source is asked for at once */

static int stream_begin(struct sl__writer *w, struct sl__exchange *x)
{
    struct sl__turn *t = SL__OWNER(w, struct sl__turn, writer);
    struct sl__conn *c = t->conn;
    bool head = x->request.method == SL__METHOD_HEAD;

    if (c->broken)
        return -ECANCELED;
    t->close = sl__answer_closes(t);
    t->out_left = sl__response_announced(&x->response);
    if (t->out_left >= 0) {
        t->framing = SL__FRAMING_LENGTH;
    } else if (x->request.minor > 0) {
        t->framing = SL__FRAMING_CHUNKED;
    } else {
        t->framing = SL__FRAMING_CLOSE;
        t->close = true;
    }
    if (sl__answer_head(t, t->out_left, t->framing == SL__FRAMING_CHUNKED) < 0)
        return -ENOMEM;
    if (head)
        t->framing = SL__FRAMING_NONE;
    t->open_ended = !head && t->out_left < 0;
    if (t->open_ended && (c->fin || t->half_closed))
        sl__fiber_cancel(x->fiber);
    sl__conn_poke(c);
    return 0;
}

static int write_chunks(struct sl__turn *t, const char *bytes, size_t len)
{
    struct sl__conn *c = t->conn;

    while (len > 0) {
        size_t n = len < PIECE ? len : PIECE;
        int r = sl__out_await_room(t);
        struct sl__buf *out = r == 0 ? sl__out_buf(c) : NULL;

        if (r < 0)
            return r;
        if (!out || sl__http1_write_chunk(out, bytes, n) < 0)
            return -ENOMEM;
        bytes += n;
        len -= n;
    }
    sl__conn_poke(c);
    return 0;
}

static int stream_write(struct sl__writer *w, struct sl__exchange *x, const void *bytes, size_t len)
{
    struct sl__turn *t = SL__OWNER(w, struct sl__turn, writer);

    switch ((enum sl__framing)t->framing) {
    case SL__FRAMING_NONE:
        return 0;
    case SL__FRAMING_LENGTH:
        if (len > (uint64_t)t->out_left)
            return -SL_ETOOBIG;
        t->out_left -= (int64_t)len;
        break;
    case SL__FRAMING_CHUNKED:
        return write_chunks(t, bytes, len);
    case SL__FRAMING_CLOSE:
        break;
    }
    return sl__out_put(t, bytes, len);
}

static int stream_end(struct sl__writer *w, struct sl__exchange *x)
{
    struct sl__turn *t = SL__OWNER(w, struct sl__turn, writer);
    struct sl__buf *out;

    if (t->conn->broken)
        return -ECANCELED;
    if (t->framing == SL__FRAMING_LENGTH && t->out_left > 0)
        return -SL_EFAIL;
    if (t->framing != SL__FRAMING_CHUNKED)
        return 0;
    out = sl__out_buf(t->conn);
    return out ? sl__http1_write_last_chunk(out) : -ENOMEM;
}

const struct sl__writer sl__stream_writer = {
    .begin = stream_begin, .write = stream_write, .end = stream_end};

/* Asks the source for one piece. 1; 0 at the end, its own or what was announced; an error. */
static int pull_piece(struct sl__turn *t, char *buf)
{
    const struct sl__response *r = &t->exchange.response;
    size_t most = SOURCE_PIECE;
    ssize_t n;
    int result;

    if (t->framing == SL__FRAMING_LENGTH && (uint64_t)t->out_left < most)
        most = (size_t)t->out_left;
    n = most > 0 ? r->source(r->source_self, buf, most) : 0;
    if (n <= 0)
        return (int)n;
    if ((size_t)n > most)
        return -SL_EFAIL;
    result = stream_write(&t->writer, &t->exchange, buf, (size_t)n);
    return result < 0 ? result : 1;
}

/* A piece is pulled into a block of the pool, which whoever waits for a slow reader does not keep.
 */
static int pull(struct sl__turn *t)
{
    struct sl__conns *home = t->conn->home;
    int r = 1;

    while (r > 0) {
        struct sl__block *b = sl__block_take(home);

        if (!b)
            return -ENOMEM;
        r = pull_piece(t, b->data);
        sl__block_give(home, b);
        if (r > 0 && sl__out_await_room(t) < 0)
            r = -ECANCELED;
    }
    return r;
}

int sl__stream_source(struct sl__turn *t)
{
    int r = stream_begin(&t->writer, &t->exchange);

    if (r == 0)
        r = pull(t);
    return r < 0 ? r : stream_end(&t->writer, &t->exchange);
}
