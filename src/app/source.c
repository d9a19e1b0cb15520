/*
 * Bodies that are pulled: a program's source on its way to the protocol, and a body of any kind on
 * its way back to the program.
 *
 * Handlers come here with sl_stream(). The protocol pulls when the onion has unwound, where errors
 * are not logged, so that is done here. A layer that wants to wrap what stands takes it as a
 * source, which then owes the client what the body owed: what it had to give back is given back at
 * the request's end, and what was promised and does not come is an error.
 */
#include <errno.h>
#include <unistd.h>

#include "app/error.h"
#include "app/reply.h"
#include "base/log.h"
#include "shallot/request.h"
#include "shallot/response.h"

struct stream {
    sl_ctx *c;
    sl_source source;
};

static ssize_t pull(void *self, void *buf, size_t len)
{
    struct stream *s = self;
    ssize_t n = s->source.read(s->c, buf, len, s->source.self);

    if (n < 0 && n != -ECANCELED)
        sl__log(SL__ERROR, "%s %s: the source of the body failed: %s", sl_method(s->c),
                sl_target(s->c), sl__error_reason(s->c, (int)n));
    return n;
}

int sl_stream(sl_ctx *c, ssize_t (*read)(sl_ctx *c, void *buf, size_t len, void *self), void *self)
{
    struct stream *s;
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!read)
        return -EINVAL;
    s = sl_alloc(c, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct stream){c, {read, self}};
    sl__response_set_source(&c->x->response, pull, s);
    sl__reply_guess_type(c, SL__OCTETS);
    return 0;
}

/* A body that was taken: the part of the response that held it, and how much is still owed. */
struct taken {
    struct sl__response body;
    int64_t left; /* -1: nobody knows */
    size_t at;    /* in the bytes */
};

static void give_back(void *arg)
{
    struct taken *t = arg;

    sl__response_drop_payload(&t->body);
}

static ssize_t read_bytes(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct taken *t = self;
    size_t left = t->body.bytes.len - t->at;

    (void)c;
    len = len < left ? len : left;
    sl__copy(buf, t->body.bytes.ptr + t->at, len);
    t->at += len;
    return (ssize_t)len;
}

static ssize_t read_file(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct taken *t = self;
    ssize_t n;

    (void)c;
    if (len > (uint64_t)t->left)
        len = (size_t)t->left;
    do
        n = len > 0 ? pread(t->body.file, buf, len, t->body.file_at) : 0;
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0 && len > 0) /* it has become shorter */
        return -EIO;
    t->body.file_at += n;
    t->left -= n;
    return n;
}

static ssize_t read_promised(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct taken *t = self;
    ssize_t n;

    if (t->left >= 0 && len > (uint64_t)t->left)
        len = (size_t)t->left;
    n = len > 0 ? t->body.source(t->body.source_self, buf, len) : 0;
    if (n > 0 && (size_t)n > len)
        return sl_fail(c, 500, "it gave more than it was asked for");
    if (n == 0 && t->left > 0)
        return sl_fail(c, 500, "it ended before the Content-Length it promised");
    if (n > 0 && t->left >= 0)
        t->left -= n;
    return n;
}

/* The source for what @p t holds. */
static sl_source source_of(struct taken *t)
{
    const struct stream *s = t->body.source_self;

    switch (t->body.payload) {
    case SL__PAYLOAD_FILE:
        return (sl_source){read_file, t};
    case SL__PAYLOAD_SOURCE: /* the program's own, so that a failure is logged once */
        return t->left < 0 && t->body.source == pull ? s->source : (sl_source){read_promised, t};
    default:
        return (sl_source){read_bytes, t};
    }
}

/* Nothing of the payload is left in the response, which says about it what it said before. */
static void leave_empty(sl_ctx *c)
{
    struct sl__response *r = &c->x->response;

    r->payload = SL__PAYLOAD_NONE;
    r->bytes = (struct sl__str){NULL, 0};
    r->lender = NULL;
    r->stamp = NULL;
    r->file = -1;
    r->source = NULL;
    if (r->status == 0)
        r->status = 200;
    if (r->type.ptr)
        c->type_rank = SL__TYPE_GIVEN;
}

int sl_take_body(sl_ctx *c, sl_source *ret)
{
    struct sl__response *r = &c->x->response;
    struct taken *t = NULL;
    int result = sl__reply_open(c);

    if (result < 0)
        return result;
    if (r->payload == SL__PAYLOAD_NONE || (ret && r->payload == SL__PAYLOAD_DETACHED))
        return -ENODATA;
    if (ret) {
        t = sl_alloc(c, sizeof *t);
        if (!t)
            return -ENOMEM;
        t->body.payload = SL__PAYLOAD_NONE;
        if (r->payload != SL__PAYLOAD_BYTES)
            result = sl_defer(c, give_back, t);
    }
    if (result == 0)
        result = sl__reply_keep_stamp(c);
    if (result < 0)
        return result;
    if (t) {
        *t = (struct taken){.body = *r, .left = sl__response_length(r)};
        *ret = source_of(t);
    } else {
        sl__response_drop_payload(r);
    }
    leave_empty(c);
    return 0;
}

sl_response_kind sl_response_kind_of(const sl_ctx *c)
{
    if (c->x->committed)
        return SL_RESPONSE_PUSHED;
    if (c->failing)
        return SL_RESPONSE_NONE;
    switch (c->x->response.payload) {
    case SL__PAYLOAD_NONE:
        break;
    case SL__PAYLOAD_BYTES:
    case SL__PAYLOAD_LENT:
        return SL_RESPONSE_BYTES;
    case SL__PAYLOAD_FILE:
        return SL_RESPONSE_FILE;
    case SL__PAYLOAD_SOURCE:
        return SL_RESPONSE_STREAM;
    case SL__PAYLOAD_DETACHED:
        return SL_RESPONSE_OPEN;
    }
    return SL_RESPONSE_NONE;
}
