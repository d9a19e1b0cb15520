/*
 * The HTTP/1 parser (RFC 9112): pure, no I/O, no allocation, strict.
 *
 * Given all octets of a head received so far it says: more, an error, or complete. It starts from
 * the first octet on every call, so the outcome cannot depend on how the octets were cut. So that a
 * head which comes octet by octet is not as expensive as it is long, whoever keeps it may ask
 * sl__http1_still_partial() first.
 */
#ifndef SL__HTTP1_PARSE_H
#define SL__HTTP1_PARSE_H

#include "http/request.h"
#include "shallot/limits.h"

#define SL__FIELDS_MAX 256

/**
 * Parses a request head.
 *
 * Fills @p ret's spans and flags (not @c base, which stays the caller's) and @p fields, to which
 * ret->fields is set; unless the head is complete, only ret->run may be looked at. Host, framing,
 * Connection, Expect and version rules are all judged here. Empty lines ahead of the request line
 * are skipped (RFC 9112 §2.2). The buffer is not changed.
 *
 * @param fields  room for limits->head_fields
 * @return        > 0: length of the head, body follows; 0: more is needed; or -SL_EBADREQUEST,
 * -SL_EHEADTOOBIG, -SL_ETARGETTOOLONG, -SL_EMETHOD, -SL_EVERSION, -SL_ECODING, -SL_EEXPECTATION. A
 * negative result does not change when more octets come
 */
ssize_t sl__http1_parse(const char *buf, size_t len, const struct sl_limits *limits,
                        struct sl__request *ret, struct sl__field *fields);

/** What is kept of a head that wanted more; zeroed, it is nothing. */
struct sl__http1_part {
    uint32_t seen; /* octets that were parsed */
    uint8_t run; /* ret->run: the class of octets it ended in, a name's or a value's, of which more
                    tell nothing new; or 0 */
};

/** True if a head that wanted more still does, because the octets that have come since go on with
 * what it ended in. Looks at these alone. */
bool sl__http1_still_partial(const struct sl__http1_part *part, const char *buf, size_t len,
                             const struct sl_limits *limits);

/** Terminates the fields of a trailer section in place. */
void sl__http1_terminate_fields(char *buf, const struct sl__field *fields, uint32_t count);

#endif
