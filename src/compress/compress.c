/*
 * The middleware: decides whether an answer is compressed, and how.
 *
 * A request comes by twice. Before sl_next() a writer is put on the way of what the layers below
 * may push; it decides when the head goes by. After sl_next() the decision is made about a body
 * that stands: one in memory is compressed at once, any other, and a large one, as it is sent. The
 * work is done in stream.c and coders.c, what is worth it is known to options.c.
 */
#include <shallot/accept.h>
#include <shallot/compress.h>
#include <shallot/request.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "stream.h"

/* A request's own. */
struct passage {
    sl_writer writer;
    struct sl_compressor *self;
    struct sl_compress_stream stream;
};

static bool is_head(const sl_ctx *c)
{
    return strcmp(sl_method(c), "HEAD") == 0;
}

/* Something about the answer forbids it, or it has been done. */
static bool is_fixed(const sl_ctx *c)
{
    static const char *const marks[] = {"Content-Encoding", "Content-Range", "Content-Digest",
                                        "Repr-Digest",      "Digest",        "Content-MD5"};
    const char *control = sl_response_header(c, "Cache-Control");

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (sl_response_header(c, marks[i]))
            return true;
    return control && strcasestr(control, "no-transform");
}

static bool has_no_body(int status)
{
    return status == 204 || status == 205 || status == 206 || status == 304;
}

/* What the client would like of what is offered; NULL: the bytes as they are. */
static struct sl_compress_coders *asked_for(sl_ctx *c, struct sl_compressor *self)
{
    const char *name = sl_accepts_encoding_of(c, self->offered);

    for (unsigned i = 0; name && i < self->count; i++)
        if (name == self->offered[i])
            return &self->coders[i];
    return NULL;
}

/* Whether and how to compress the answer as it stands; says that it varies if it might have been.
 * 0 or an error of saying so. */
static int decide(sl_ctx *c, struct sl_compressor *self, struct sl_compress_coders **ret)
{
    int r, status = sl_status(c);
    int64_t len;

    *ret = NULL;
    if ((has_no_body(status) && status != 304) ||
        !sl_compress_worth(self, sl_response_header(c, "Content-Type")) || is_fixed(c))
        return 0;
    r = sl_vary(c, "Accept-Encoding");
    if (r < 0 || status == 304) /* of a file, which says so itself */
        return r;
    len = sl_response_length(c);
    if (len < 0 || (uint64_t)len >= self->min_bytes)
        *ret = asked_for(c, self);
    return 0;
}

/* The validator says that bytes are the same, and they are not (RFC 9110 §8.8.1). */
static int weaken(sl_ctx *c)
{
    const char *etag = sl_response_header(c, "ETag");

    if (!etag || *etag != '"')
        return 0;
    etag = sl_format(c, "W/%s", etag);
    return etag ? sl_set_header(c, "ETag", etag) : -ENOMEM;
}

/* What the head has to say of a compressed body. */
static int mark(sl_ctx *c, const struct sl_compress_coders *coders)
{
    int r = sl_set_header(c, "Content-Encoding", coders->coding->name);

    if (r == 0)
        r = sl_set_header(c, "Content-Length", NULL);
    if (r == 0)
        r = sl_set_header(c, "Accept-Ranges", NULL);
    return r < 0 ? r : weaken(c);
}

/* 1: done; 0: it does not get shorter. */
static int compress_at_once(sl_ctx *c, struct sl_compressor *self,
                            struct sl_compress_coders *coders)
{
    size_t len;
    const void *bytes = sl_response_bytes(c, &len);
    size_t got = sl_compress_at_once(coders, bytes, len, self->scratch, sizeof self->scratch);
    int r;

    if (got == 0 || got >= len)
        return 0;
    r = sl_take_body(c, NULL);
    if (r == 0)
        r = mark(c, coders);
    if (r == 0)
        r = sl_bytes(c, self->scratch, got);
    return r < 0 ? r : 1;
}

/* The body of an answer to HEAD, which nobody asks for. */
static ssize_t nothing(sl_ctx *c, void *buf, size_t len, void *self)
{
    (void)c, (void)buf, (void)len, (void)self;
    return 0;
}

static int compress_as_it_goes(sl_ctx *c, struct passage *p, struct sl_compress_coders *coders)
{
    sl_response_kind kind = sl_response_kind_of(c);
    int64_t len = sl_response_length(c);
    struct sl_compress_coder *coder = NULL;
    int r = 0;

    if (!is_head(c)) {
        coder = sl_compress_take(coders, len);
        if (!coder)
            return 0;
        r = sl_compress_open(c, &p->stream, coder);
    }
    if (r == 0)
        r = sl_take_body(c, &p->stream.below);
    if (r == 0)
        r = mark(c, coders);
    p->stream.steady = kind != SL_RESPONSE_STREAM;
    return r < 0 ? r : sl_stream(c, coder ? sl_compress_pull : nothing, &p->stream);
}

static int compress_standing(sl_ctx *c, struct passage *p)
{
    sl_response_kind kind = sl_response_kind_of(c);
    struct sl_compress_coders *coders;
    int r = decide(c, p->self, &coders);

    if (r < 0 || !coders)
        return r;
    if (kind == SL_RESPONSE_BYTES && sl_response_length(c) <= (int64_t)sl_compress_whole(coders)) {
        r = compress_at_once(c, p->self, coders);
        return r < 0 ? r : 0;
    }
    return compress_as_it_goes(c, p, coders);
}

/* True if the client has the answer with this very tag, not with its weak form. */
static bool has_strong(sl_ctx *c, const char *etag)
{
    const char *theirs = sl_header(c, "If-None-Match"), *at = theirs;

    while (at && etag && (at = strstr(at, etag))) {
        if (at - theirs < 2 || at[-1] != '/')
            return true;
        at++;
    }
    return false;
}

/* Nothing has changed, and the tag is to be the one the client's copy came with (RFC 9111 §4.3.4):
 * weak if that was compressed. */
static int refresh(sl_ctx *c)
{
    int r = sl_vary(c, "Accept-Encoding");

    if (r < 0 || !sl_header(c, "If-None-Match") || has_strong(c, sl_response_header(c, "ETag")))
        return r;
    return weaken(c);
}

static int begin(sl_ctx *c, sl_writer *w)
{
    struct passage *p = (struct passage *)w;
    struct sl_compress_coders *coders;
    struct sl_compress_coder *coder = NULL;
    int r = decide(c, p->self, &coders);

    if (r == 0 && coders && !is_head(c)) {
        coder = sl_compress_take(coders, sl_response_length(c));
        if (coder)
            r = sl_compress_open(c, &p->stream, coder);
        else
            coders = NULL;
    }
    if (r == 0 && coders)
        r = mark(c, coders);
    return r < 0 ? r : sl_pass_begin(c, w);
}

static int write_on(sl_ctx *c, sl_writer *w, const void *bytes, size_t len)
{
    struct passage *p = (struct passage *)w;

    if (!p->stream.coder)
        return sl_pass_write(c, w, bytes, len);
    return sl_compress_push(&p->stream, w, bytes, len, SL_COMPRESS_FLUSH);
}

static int end(sl_ctx *c, sl_writer *w)
{
    struct passage *p = (struct passage *)w;
    int r = 0;

    if (p->stream.coder)
        r = sl_compress_push(&p->stream, w, NULL, 0, SL_COMPRESS_END);
    return r < 0 ? r : sl_pass_end(c, w);
}

static int run(sl_ctx *c, void *self)
{
    struct passage *p = sl_alloc(c, sizeof *p);
    int r;

    if (!p)
        return -ENOMEM;
    *p = (struct passage){.writer = {begin, write_on, end, NULL}, .self = self};
    r = sl_push_writer(c, &p->writer);
    if (r == 0)
        r = sl_next(c);
    if (r < 0)
        return r;
    switch (sl_response_kind_of(c)) {
    case SL_RESPONSE_NONE:
        return sl_status(c) == 304 ? refresh(c) : 0;
    case SL_RESPONSE_PUSHED:
    case SL_RESPONSE_OPEN: /* it goes past every layer, and each event at once */
        return 0;
    default:
        return compress_standing(c, p);
    }
}

static void finish(void *arg)
{
    struct sl_compressor *self = arg;

    for (unsigned i = 0; i < self->count; i++)
        sl_compress_finish(&self->coders[i]);
    free(self->types);
    free(self);
}

sl_middleware sl_compress_with(const sl_compress_options *options)
{
    struct sl_compressor *self = sl_compress_configure(options);

    return self ? (sl_middleware){run, self, finish} : (sl_middleware){NULL, NULL, NULL};
}
