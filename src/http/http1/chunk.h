/*
 * The chunked decoder (RFC 9112 §7.1): pure, incremental, independent of cuts. Strict: CRLF only,
 * no bare LF, sizes at most 63 bits, extensions and trailers checked and bounded.
 */
#ifndef SL__HTTP1_CHUNK_H
#define SL__HTTP1_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/request.h"

/** Zeroed memory is a decoder at the start of a body. */
struct sl__chunk {
    uint8_t state;
    uint8_t digits;
    bool in_quotes, escaped;
    uint32_t line;     /* octets of the present size line or of the trailer section so far */
    uint64_t left;     /* data octets left of the present chunk */
    uint64_t overhead; /* octets of framing so far: bounded relative to the data */
};

struct sl__chunk_step {
    size_t used; /* octets consumed of the input */
    size_t
        data_at; /* decoded data within what was consumed: input[data_at .. data_at + data_len) */
    size_t data_len; /* 0: none in this step */
    bool trailer; /* what was consumed lies in the trailer section: the caller keeps it if it wants
                     the fields */
    bool done;    /* the body, trailer section included, is complete */
};

/** Consumes octets up to and including one run of data. 0 or -SL_EBADREQUEST, -SL_EHEADTOOBIG
 * (trailer section), both final. */
int sl__chunk_decode(struct sl__chunk *c, const char *in, size_t len, struct sl__chunk_step *ret);

/** Parses a complete trailer section (through its empty line). @return number of fields put into @p
 * fields, or a negative error. */
int sl__trailers_parse(const char *buf, size_t len, struct sl__field *fields, size_t max);

#endif
