/*
 * Content codings (RFC 9110 §8.4.1): gzip, brotli and zstd behind one struct, and coders that are
 * used again and again.
 *
 * A coder is one compressor with the memory it has taken. Making one costs as much as compressing a
 * page, so those that come back are kept. Everything here belongs to one sl_compress() in one
 * worker and runs on its loop's thread.
 */
#ifndef SL_COMPRESS_CODING_H
#define SL_COMPRESS_CODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is to become of the octets that come in. */
enum sl_compress_aim {
    SL_COMPRESS_MORE,  /* others follow at once: what comes out may wait for them */
    SL_COMPRESS_FLUSH, /* all that came in comes out, fit to be decoded */
    SL_COMPRESS_END,   /* likewise, and it was the last */
};

/** Where octets come from and go to; both move on. */
struct sl_compress_io {
    const char *in;
    size_t in_len;
    char *out;
    size_t out_room;
};

/** One way to compress. Static and constant. */
struct sl_compress_coding {
    const char *name; /* in Content-Encoding */
    int level;        /* unless the program says another */
    int level_quick;  /* to this one it takes about a millisecond for SL_COMPRESS_WHOLE */
    int level_max;
    size_t (*memory)(int level); /* what a coder for streams takes, about */
    /** A compressor, not yet begun. @p whole: for bodies of at most SL_COMPRESS_WHOLE that are
     * handed over at once. NULL when out of memory. */
    void *(*open)(int level, bool whole);
    /** Back to the beginning. @p len: of what will come in, -1 if it is not known. False when out
     * of memory. */
    bool (*begin)(void *compressor, int64_t len);
    /** 0 when the aim is reached and all of the input taken; 1 when there is more to come out than
     * there was room for: again, with the same aim; -EIO when the library fails. There must be room
     * for SL_COMPRESS_ROOM: zlib marks a flush anew each time its room has just been used up. */
    int (*step)(void *compressor, struct sl_compress_io *io, enum sl_compress_aim aim);
    void (*close)(void *compressor);
};

extern const struct sl_compress_coding sl_compress_gzip, sl_compress_brotli, sl_compress_zstd;

#define SL_COMPRESS_ROOM ((size_t)64)            /* least that a step wants */
#define SL_COMPRESS_WHOLE ((size_t)65536)        /* most that is compressed without giving way */
#define SL_COMPRESS_WHOLE_SLOWLY ((size_t)16384) /* by a level that is not quick */
#define SL_COMPRESS_PIECE ((size_t)16384)        /* of a coder's own buffer */

struct sl_compress_coders;

/** One compressor for a stream, and a buffer for what goes in or comes out. */
struct sl_compress_coder {
    struct sl_compress_coder *next; /* while nobody uses it */
    struct sl_compress_coders *home;
    void *compressor;
    char buffer[SL_COMPRESS_PIECE];
};

/** The coders of one coding. Zeroed, with coding, level and budget set, it is ready. */
struct sl_compress_coders {
    const struct sl_compress_coding *coding; /* NULL: not offered */
    int level;
    size_t *budget; /* octets that all codings together may still take for streams */
    void *whole;    /* for bodies at once; NULL until the first */
    struct sl_compress_coder *idle;
    unsigned idle_count;
};

/**
 * Compresses @p len octets, at most SL_COMPRESS_WHOLE, at once.
 *
 * @return the length; 0 when they do not fit in @p room, or there is no memory
 */
size_t sl_compress_at_once(struct sl_compress_coders *coders, const void *in, size_t len, char *out,
                           size_t room);

/** A coder for a stream, begun; NULL when out of memory or over the budget. */
struct sl_compress_coder *sl_compress_take(struct sl_compress_coders *coders, int64_t len);
/** Gives it back, in whatever state. */
void sl_compress_give(struct sl_compress_coder *coder);

/** The longest body for sl_compress_at_once(). */
static inline size_t sl_compress_whole(const struct sl_compress_coders *coders)
{
    return coders->level <= coders->coding->level_quick ? SL_COMPRESS_WHOLE
                                                        : SL_COMPRESS_WHOLE_SLOWLY;
}

/** Frees all that are idle; those in use have been given back. */
void sl_compress_finish(struct sl_compress_coders *coders);

#endif
