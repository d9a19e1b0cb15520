/*
 * Brotli (RFC 7932): what all browsers take over TLS; small pages gain from its dictionary.
 *
 * The library has no reset, and it ends the process when it is given no memory. So each compressor
 * takes all it will need when it is made, where failing is allowed, and serves the library from
 * that: every body is a new state in the same memory, of which the kernel only gives what is
 * touched. How much that is goes by the level; the window is at most 64 KiB, above which the
 * library's tables for the better levels grow to tens of megabytes.
 */
#include "coding.h"

#include <brotli/encode.h>
#include <errno.h>
#include <stdlib.h>

#define WINDOW_MAX 16

/* In front of every piece of memory the library has. */
union block {
    struct {
        union block *next; /* while it is free */
        size_t size;       /* 0: not of the compressor's own memory */
    } it;
    max_align_t aligned;
};

struct compressor {
    BrotliEncoderState *state;
    uint32_t level;
    char *next, *end;   /* of the memory not given out yet for this state */
    union block *freed; /* by this state */
    _Alignas(max_align_t) char memory[];
};

/* Half as much again as the library was ever seen to hold at once, with 64 KiB looked back. */
static size_t memory(int level)
{
    static const unsigned kilobytes[] = {1280, 1280, 1280, 1280, 3072, 3072,
                                         3072, 3072, 3072, 4096, 6144, 10240};

    return kilobytes[level] * (size_t)1024;
}

/* The first that is large enough, and not much too large; taken out of the list. */
static union block *find_freed(struct compressor *p, size_t size)
{
    for (union block **link = &p->freed; *link; link = &(*link)->it.next) {
        union block *b = *link;

        if (b->it.size >= size && b->it.size / 2 <= size) {
            *link = b->it.next;
            return b;
        }
    }
    return NULL;
}

static void *take_block(void *opaque, size_t size)
{
    struct compressor *p = opaque;
    union block *b;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + sizeof *b - 1) / sizeof *b * sizeof *b;
    b = find_freed(p, size);
    if (!b && (size_t)(p->end - p->next) >= sizeof *b + size) {
        b = (union block *)(void *)p->next;
        b->it.size = size;
        p->next += sizeof *b + size;
    }
    if (!b) {
        b = malloc(sizeof *b + size);
        if (!b)
            return NULL;
        b->it.size = 0;
    }
    return b + 1;
}

static void give_block(void *opaque, void *address)
{
    struct compressor *p = opaque;
    union block *b;

    if (!address)
        return;
    b = (union block *)address - 1;
    if (b->it.size == 0) {
        free(b);
        return;
    }
    b->it.next = p->freed;
    p->freed = b;
}

static void *open_brotli(int level, bool whole)
{
    struct compressor *p = malloc(sizeof *p + memory(level));

    (void)whole; /* how much of the memory a body touches goes by its length */
    if (!p)
        return NULL;
    p->state = NULL;
    p->level = (uint32_t)level;
    p->end = p->memory + memory(level);
    return p;
}

static void drop_state(struct compressor *p)
{
    if (p->state)
        BrotliEncoderDestroyInstance(p->state);
    p->state = NULL;
}

/* The smallest window that looks back over @p len octets. */
static uint32_t window_for(int64_t len)
{
    uint32_t bits = BROTLI_MIN_WINDOW_BITS;

    while (bits < WINDOW_MAX && (1 << bits) - 16 < len)
        bits++;
    return bits;
}

static bool begin(void *compressor, int64_t len)
{
    struct compressor *p = compressor;

    drop_state(p);
    p->next = p->memory;
    p->freed = NULL;
    p->state = BrotliEncoderCreateInstance(take_block, give_block, p);
    if (!p->state)
        return false;
    BrotliEncoderSetParameter(p->state, BROTLI_PARAM_QUALITY, p->level);
    BrotliEncoderSetParameter(p->state, BROTLI_PARAM_LGWIN,
                              len >= 0 ? window_for(len) : WINDOW_MAX);
    if (len > 0)
        BrotliEncoderSetParameter(p->state, BROTLI_PARAM_SIZE_HINT,
                                  len < 1 << 20 ? (uint32_t)len : 1u << 20);
    return true;
}

static int step(void *compressor, struct sl_compress_io *io, enum sl_compress_aim aim)
{
    static const BrotliEncoderOperation operation[] = {
        BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
    struct compressor *p = compressor;
    const uint8_t *in = (const uint8_t *)io->in;
    uint8_t *out = (uint8_t *)io->out;

    if (!BrotliEncoderCompressStream(p->state, operation[aim], &io->in_len, &in, &io->out_room,
                                     &out, NULL))
        return -EIO;
    io->in = (const char *)in;
    io->out = (char *)out;
    if (io->in_len > 0 || BrotliEncoderHasMoreOutput(p->state))
        return 1;
    return aim == SL_COMPRESS_END && !BrotliEncoderIsFinished(p->state);
}

static void close_brotli(void *compressor)
{
    drop_state(compressor);
    free(compressor);
}

const struct sl_compress_coding sl_compress_brotli = {
    .name = "br",
    .level = 3,
    .level_quick = 4,
    .level_max = BROTLI_MAX_QUALITY,
    .memory = memory,
    .open = open_brotli,
    .begin = begin,
    .step = step,
    .close = close_brotli,
};
