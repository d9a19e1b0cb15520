/*
 * A body that is compressed on its way: pulled from a source below, or pushed through a writer.
 */
#ifndef SL_COMPRESS_STREAM_H
#define SL_COMPRESS_STREAM_H

#include <shallot/ctx.h>
#include <shallot/response.h>

#include "coding.h"

struct sl_compress_stream {
    sl_ctx *c;
    struct sl_compress_coder *coder; /* NULL before it begins, and when it is over */
    struct sl_compress_io io;        /* the input that is not taken yet */
    enum sl_compress_aim aim;        /* of the step that is not finished */
    bool busy;                       /* there is such a step */
    bool over;                       /* the end has come out */
    bool pushing;                    /* somebody is in sl_compress_push() */
    int64_t since;                   /* monotonic ns: its turn began; 0: not yet */
    /* Of a body that is pulled. */
    sl_source below;
    bool steady; /* it comes from memory or a file, which nobody waits for */
    char spill[SL_COMPRESS_ROOM];
    size_t spill_at, spill_len; /* what came out that a small buffer had no room for */
};

/** Ties a coder, which is taken in any case, to a stream of this request. 0 or -ENOMEM. */
int sl_compress_open(sl_ctx *c, struct sl_compress_stream *s, struct sl_compress_coder *coder);

/** As a source of sl_stream(); @p self is the stream, whose below and steady are set. */
SL_SUSPENDS ssize_t sl_compress_pull(sl_ctx *c, void *buf, size_t len, void *self);

/** Compresses and passes on to the writer below @p w; with SL_COMPRESS_END the last time. */
SL_SUSPENDS int sl_compress_push(struct sl_compress_stream *s, sl_writer *w, const void *bytes,
                                 size_t len, enum sl_compress_aim aim);

#endif
