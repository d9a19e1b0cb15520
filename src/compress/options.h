/*
 * What a program has said about compressing, checked.
 */
#ifndef SL_COMPRESS_OPTIONS_H
#define SL_COMPRESS_OPTIONS_H

#include <shallot/compress.h>

#include "coding.h"

#define SL_COMPRESS_CODINGS 3

/** One sl_compress(). */
struct sl_compressor {
    struct sl_compress_coders coders[SL_COMPRESS_CODINGS]; /* in the program's order */
    const char *offered[SL_COMPRESS_CODINGS + 2]; /* their names, then "identity" and NULL */
    unsigned count;
    uint64_t min_bytes;
    size_t budget;
    char *types; /* patterns, each with a NUL behind, then an empty one */
    char scratch[SL_COMPRESS_WHOLE + SL_COMPRESS_WHOLE / 8]; /* for bodies at once */
};

/** NULL, with a line in the log, when they make no sense or there is no memory. */
struct sl_compressor *sl_compress_configure(const sl_compress_options *options);

/** True if bodies of this Content-Type (NULL: none) are worth compressing. */
bool sl_compress_worth(const struct sl_compressor *self, const char *type);

#endif
