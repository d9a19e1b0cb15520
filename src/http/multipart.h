/*
 * multipart/form-data (RFC 7578, RFC 2046 §5.1), in pieces as they come. Pure: no memory, no I/O.
 *
 * The caller keeps a window: octets that have come and are not done with. Whatever the cuts, the
 * same events come out; only data may come in other pieces.
 */
#ifndef SL__HTTP_MULTIPART_H
#define SL__HTTP_MULTIPART_H

#include <stdbool.h>

#include "base/str.h"

#define SL__BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */
#define SL__PART_HEAD_MAX                                                                          \
    ((size_t)8192) /* octets of a part's fields; a window must hold 4 more                         \
                    */

struct sl__multipart {
    char delimiter[4 + SL__BOUNDARY_MAX]; /* CR LF "--" and the boundary */
    size_t delimiter_len;
    enum {
        SL__MULTIPART_PREAMBLE, /* octets that mean nothing, before the first delimiter */
        SL__MULTIPART_BEHIND,   /* a delimiter, on its line */
        SL__MULTIPART_HEAD,
        SL__MULTIPART_BODY,
        SL__MULTIPART_DONE,
    } state;
    bool fresh;  /* nothing of the preamble or of the body has been seen: a delimiter may come
                    without its CR LF, which was the end of the line before */
    size_t seen; /* of the head: looked through already; of the preamble: thrown away */
};

enum sl__multipart_event {
    SL__MULTIPART_MORE, /* octets are needed; at the end of the body this is broken framing */
    SL__MULTIPART_PART, /* a part begins: its fields */
    SL__MULTIPART_DATA, /* of the part, at least one octet */
    SL__MULTIPART_END,  /* all parts have been; what follows means nothing */
};

struct sl__multipart_step {
    enum sl__multipart_event event;
    struct sl__str text; /* fields, or data; in the window */
    size_t used;         /* octets at the front of the window that are done with after this event */
};

/** @p boundary as the type of the body has it, unquoted. 0; -SL_EBADREQUEST for one that cannot be.
 */
int sl__multipart_init(struct sl__multipart *m, struct sl__str boundary);

/**
 * The next event.
 *
 * @return 0; -SL_EBADREQUEST for broken framing; -SL_ETOOBIG for fields over SL__PART_HEAD_MAX
 */
int sl__multipart_next(struct sl__multipart *m, struct sl__str window,
                       struct sl__multipart_step *ret);

/** The fields of a part that matter. Values as they came, in the head; those in quotes unread. */
struct sl__part_head {
    struct sl__str name, filename, type;
    bool is_file; /* there is a filename, if only an empty one */
    bool nested;  /* its body is a multipart of its own (RFC 7578 §4.3 forbids it) */
};

/** Reads the fields of a part. -SL_EBADREQUEST if they are none, or have no name, or a transfer
 * encoding that changes octets (RFC 7578 §4.7). */
int sl__part_head(struct sl__str head, struct sl__part_head *ret);

/** A name without backslashes in front of quotes and with %22, %0D and %0A decoded, as browsers
 * write them (WHATWG HTML §4.10.21.8). At most in.len octets and a NUL; returns the length. */
size_t sl__part_name(struct sl__str in, char *out);

/**
 * A name that is safe in a folder: without the folders in front of it, without control characters,
 * without a dot or a dash in front, UTF-8, at most 200 octets; "file" if nothing is left.
 *
 * @param out  at least in.len + 5 octets
 */
void sl__safe_name(struct sl__str in, char *out);

#endif
