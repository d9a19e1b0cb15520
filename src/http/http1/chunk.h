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
    uint32_t line;     /* octets of the present size line or of the trailer section so far */
    uint64_t left;     /* data octets left of the present chunk */
    uint64_t overhead; /* octets of extensions and superfluous zeros not yet outweighed by data */
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

/**
 * Consumes octets: until behind a run of data, or to the beginning of the trailer section, or to
 * the end of the body, or to the end of the input, whatever comes first. So a step may have no data
 * although input is left (before the trailer section): whoever has input left and is not done calls
 * again.
 *
 * @return 0; -SL_EBADREQUEST; -SL_EHEADTOOBIG (trailer section over 8 KiB). Errors are final and
 * repeated
 */
int sl__chunk_decode(struct sl__chunk *c, const char *in, size_t len, struct sl__chunk_step *ret);

/** Parses a complete trailer section (all octets of its steps, through its empty line).
 * @return number of fields put into @p fields, as spans of @p buf; -SL_EHEADTOOBIG for more than @p
 * max; -SL_EBADREQUEST */
int sl__trailers_parse(const char *buf, size_t len, struct sl__field *fields, size_t max);

#endif
