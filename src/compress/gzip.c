/*
 * gzip (RFC 1952) by zlib: the coding every client knows.
 *
 * A compressor is a z_stream with the usual window of 32 KiB, set back for the next body; a reset
 * costs little beside setting it up, which takes and clears 200 KiB.
 */
#include "coding.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define WINDOW_BITS (15 + 16) /* 16: with gzip's header and checksum */
#define MEMORY_LEVEL 7        /* tables that stay in a cache: 5 % quicker than 8, 0.4 % larger */

static void *open_gzip(int level, bool whole)
{
    z_stream *z = calloc(1, sizeof *z);

    (void)whole;
    if (!z)
        return NULL;
    if (deflateInit2(z, level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(z);
        return NULL;
    }
    return z;
}

static bool begin(void *compressor, int64_t len)
{
    (void)len;
    return deflateReset(compressor) == Z_OK;
}

static uInt at_most(size_t len)
{
    return len < UINT_MAX ? (uInt)len : UINT_MAX;
}

static int step(void *compressor, struct sl_compress_io *io, enum sl_compress_aim aim)
{
    static const int flush[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    z_stream *z = compressor;
    uInt in = at_most(io->in_len), room = at_most(io->out_room);
    bool all = in == io->in_len;
    int r;

    z->next_in = (Bytef *)(uintptr_t)io->in; /* only read */
    z->avail_in = in;
    z->next_out = (Bytef *)io->out;
    z->avail_out = room;
    r = deflate(z, all ? flush[aim] : Z_NO_FLUSH);
    io->in += in - z->avail_in;
    io->in_len -= in - z->avail_in;
    io->out += room - z->avail_out;
    io->out_room -= room - z->avail_out;
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) /* the last: nothing was left to do */
        return -EIO;
    if (aim == SL_COMPRESS_END)
        return r != Z_STREAM_END;
    return z->avail_out == 0 || io->in_len > 0;
}

static size_t memory(int level)
{
    (void)level;
    return 220 * 1024;
}

static void close_gzip(void *compressor)
{
    deflateEnd(compressor);
    free(compressor);
}

const struct sl_compress_coding sl_compress_gzip = {
    .name = "gzip",
    .level = 1,
    .level_quick = 4,
    .level_max = 9,
    .memory = memory,
    .open = open_gzip,
    .begin = begin,
    .step = step,
    .close = close_gzip,
};
