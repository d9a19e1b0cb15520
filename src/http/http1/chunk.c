/*
 * Chunks undone: size lines with their extensions, data, and the trailer section (RFC 9112 §7.1).
 *
 * The connection comes here with whatever octets of the body it has, and leaves with the place of
 * the data among them: nothing is copied. Framing goes octet by octet through a state machine, so
 * cuts cannot matter; data is passed over whole. The grammar is followed to the letter, with bad
 * whitespace where, and only where, it allows some. Extensions are checked and forgotten. Trailer
 * fields are checked here and never become header fields; who wants them keeps their octets.
 */
#include "http/http1/chunk.h"

#include "http/http1/fields.h"

#define SIZE_LINE_MAX 4096U
#define TRAILER_MAX 8192U

/* A size line may cost this much without being counted; what is beyond, extensions and zeros in
 * front, may exceed the data by no more than the slack. So one-octet chunks are slow but fine, and
 * nobody sends a gigabyte of extensions around a kilobyte of data. */
#define FREE_LINE 16U
#define SLACK 16384U

enum state {
    SIZE_FIRST, /* zeroed memory begins here */
    SIZE,
    SPACE, /* bad whitespace that only another extension may follow */
    NAME_FIRST,
    NAME,
    NAME_SPACE, /* the same where '=' may follow too */
    VALUE_FIRST,
    VALUE,
    QUOTED,
    QUOTED_PAIR,
    QUOTED_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    MALFORMED,
    OVERSIZED,
};

static inline bool is_space(char octet)
{
    return octet == ' ' || octet == '\t';
}

/* Behind a size, a name or a value: whitespace, another extension, or the end of the line. */
static enum state after_element(char octet, enum state space)
{
    if (octet == ';')
        return NAME_FIRST;
    if (is_space(octet))
        return space;
    return octet == '\r' ? SIZE_LF : MALFORMED;
}

static enum state in_size(struct sl__chunk *c, char octet)
{
    if (!sl__char_is(octet, SL__CHAR_HEX))
        return c->state == SIZE ? after_element(octet, SPACE) : MALFORMED;
    if (c->left > INT64_MAX >> 4)
        return MALFORMED;
    c->left = c->left << 4 | sl__hex_value(octet);
    return SIZE;
}

static enum state in_extension(enum state state, char octet)
{
    bool token = sl__char_is(octet, SL__CHAR_TOKEN);

    switch (state) {
    case SPACE:
        return octet == ';' ? NAME_FIRST : is_space(octet) ? SPACE : MALFORMED;
    case NAME_FIRST:
        return token ? NAME : is_space(octet) ? NAME_FIRST : MALFORMED;
    case NAME:
        if (token)
            return NAME;
        return octet == '=' ? VALUE_FIRST : after_element(octet, NAME_SPACE);
    case NAME_SPACE:
        if (is_space(octet))
            return NAME_SPACE;
        return octet == '=' ? VALUE_FIRST : octet == ';' ? NAME_FIRST : MALFORMED;
    default:
        return MALFORMED;
    }
}

static enum state in_extension_value(enum state state, char octet)
{
    bool token = sl__char_is(octet, SL__CHAR_TOKEN);

    switch (state) {
    case VALUE_FIRST:
        if (octet == '"')
            return QUOTED;
        return token ? VALUE : is_space(octet) ? VALUE_FIRST : MALFORMED;
    case VALUE:
        return token ? VALUE : after_element(octet, SPACE);
    case QUOTED:
        if (octet == '"')
            return QUOTED_END;
        if (octet == '\\')
            return QUOTED_PAIR;
        return sl__char_is(octet, SL__CHAR_VALUE) ? QUOTED : MALFORMED;
    case QUOTED_PAIR:
        return sl__char_is(octet, SL__CHAR_VALUE) ? QUOTED : MALFORMED;
    default:
        return after_element(octet, SPACE);
    }
}

/* The size line is complete: is it worth its data? */
static enum state begin_chunk(struct sl__chunk *c)
{
    if (c->line > FREE_LINE)
        c->overhead += c->line - FREE_LINE;
    if (c->overhead > SLACK)
        return MALFORMED;
    c->overhead -= c->overhead < c->left ? c->overhead : c->left;
    c->line = 0;
    return c->left > 0 ? DATA : TRAILER_FIRST;
}

static enum state in_trailer(enum state state, char octet)
{
    switch (state) {
    case TRAILER_FIRST:
        if (octet == '\r')
            return END_LF;
        return sl__char_is(octet, SL__CHAR_TOKEN) ? TRAILER_NAME : MALFORMED;
    case TRAILER_NAME:
        if (octet == ':')
            return TRAILER_VALUE;
        return sl__char_is(octet, SL__CHAR_TOKEN) ? TRAILER_NAME : MALFORMED;
    case TRAILER_VALUE:
        if (octet == '\r')
            return TRAILER_LF;
        return sl__char_is(octet, SL__CHAR_VALUE) ? TRAILER_VALUE : MALFORMED;
    case TRAILER_LF:
        return octet == '\n' ? TRAILER_FIRST : MALFORMED;
    default: /* END_LF */
        return octet == '\n' ? DONE : MALFORMED;
    }
}

/* One octet of framing. */
static enum state next_state(struct sl__chunk *c, char octet)
{
    enum state state = c->state;

    if (state == DATA_CR)
        return octet == '\r' ? DATA_LF : MALFORMED;
    if (state == DATA_LF)
        return octet == '\n' ? SIZE_FIRST : MALFORMED;
    c->line++;
    if (state >= TRAILER_FIRST)
        return c->line > TRAILER_MAX ? OVERSIZED : in_trailer(state, octet);
    if (c->line > SIZE_LINE_MAX)
        return MALFORMED;
    if (state <= SIZE)
        return in_size(c, octet);
    if (state == SIZE_LF)
        return octet == '\n' ? begin_chunk(c) : MALFORMED;
    return state < VALUE_FIRST ? in_extension(state, octet) : in_extension_value(state, octet);
}

static size_t take_data(struct sl__chunk *c, size_t len)
{
    if (len < c->left) {
        c->left -= len;
        return len;
    }
    len = (size_t)c->left;
    c->left = 0;
    c->state = DATA_CR;
    return len;
}

int sl__chunk_decode(struct sl__chunk *c, const char *in, size_t len, struct sl__chunk_step *ret)
{
    size_t at = 0;

    *ret = (struct sl__chunk_step){.trailer = c->state >= TRAILER_FIRST && c->state < DONE};
    while (at < len && c->state < DONE) {
        if (c->state == DATA) {
            ret->data_at = at;
            ret->data_len = take_data(c, len - at);
            at += ret->data_len;
            break;
        }
        c->state = (uint8_t)next_state(c, in[at]);
        at++;
        if (c->state == TRAILER_FIRST && !ret->trailer)
            break; /* what follows is the caller's to keep */
    }
    if (c->state >= MALFORMED)
        return c->state == MALFORMED ? -SL_EBADREQUEST : -SL_EHEADTOOBIG;
    ret->used = at;
    ret->done = c->state == DONE;
    return 0;
}

int sl__trailers_parse(const char *buf, size_t len, struct sl__field *fields, size_t max)
{
    struct sl__cursor c = sl__cursor_of(buf, len);
    size_t count = 0;

    for (; c.at < c.end && *c.at != '\r'; count++) {
        if (count == max)
            return -SL_EHEADTOOBIG;
        if (sl__take_field(&c, &fields[count]) <= 0)
            return -SL_EBADREQUEST;
    }
    return sl__take_crlf(&c, c.at) > 0 && c.at == c.end ? (int)count : -SL_EBADREQUEST;
}
