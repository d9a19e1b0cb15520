/*
 * A request as the app sees it, whatever protocol brought it.
 *
 * Strings are spans of @c base. Handlers are given plain C strings without a copy: whoever asks for
 * one has it terminated in place, over the delimiter behind it, which nobody needs any more once
 * the head is complete.
 */
#ifndef SL__HTTP_REQUEST_H
#define SL__HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct sl__span {
    uint32_t at, len;
};

struct sl__field {
    struct sl__span name, value;
};

/* The methods every part of the server tells apart; all others are SL__METHOD_OTHER and compared by
 * name. */
enum sl__method {
    SL__METHOD_OTHER,
    SL__METHOD_GET,
    SL__METHOD_HEAD,
    SL__METHOD_POST,
    SL__METHOD_PUT,
    SL__METHOD_PATCH,
    SL__METHOD_DELETE,
    SL__METHOD_OPTIONS,
    SL__METHOD_COUNT,
};

enum sl__body_kind { SL__BODY_NONE, SL__BODY_LENGTH, SL__BODY_CHUNKED };

struct sl__request {
    char *base; /* pinned until the exchange ends */
    enum sl__method method;
    enum sl__body_kind body;
    uint8_t minor;     /* HTTP/1.minor as sent */
    uint8_t facts;     /* the parser's own: what it has seen so far */
    uint8_t run;       /* the parser's own: see struct sl__http1_part */
    bool path_escaped; /* the path has a '%' */
    bool asterisk;     /* the asterisk form: OPTIONS * */
    bool keep_alive;   /* the client wants to keep the connection (RFC 9112 §9.3) */
    bool expect_continue;
    struct sl__span method_name; /* as sent */
    struct sl__span target;      /* as sent */
    struct sl__span path;  /* raw path within the target; for the absolute form the part behind the
                              authority, "/" if empty (then len 0) */
    struct sl__span query; /* behind '?', raw; at 0 if there is none */
    struct sl__span host;  /* value of Host, or the authority of the absolute form; may be empty */
    uint64_t content_length; /* SL__BODY_LENGTH only, and never 0: such a body is SL__BODY_NONE */
    const struct sl__field *fields;
    uint32_t field_count;
    /* Trailer fields of a chunked body, once it was read to its end: spans of trailer_base. */
    const char *trailer_base;
    const struct sl__field *trailers;
    uint32_t trailer_count;
};

static inline struct sl__str sl__request_str(const struct sl__request *r, struct sl__span s)
{
    return (struct sl__str){r->base + s.at, s.len};
}

/** The same as a C string: a NUL takes the place of the delimiter. Method, target, names and values
 * of fields only, of a complete head. */
static inline const char *sl__request_text(const struct sl__request *r, struct sl__span s)
{
    r->base[s.at + s.len] = '\0';
    return r->base + s.at;
}

/** SL__METHOD_OTHER for a method without a number of its own. */
enum sl__method sl__method_of(struct sl__str name);
const char *sl__method_name(enum sl__method method);

/** Next field called @p name (any case) at or after index *at, which then is one past it; NULL if
 * there is none. */
const struct sl__field *sl__request_field(const struct sl__request *r, struct sl__str name,
                                          uint32_t *at);

#endif
