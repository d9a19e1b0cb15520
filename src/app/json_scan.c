/*
 * JSON's grammar, walked from left to right with one bit for each open bracket.
 *
 * The parser behind it recurses, so it must never see a text that is deeper than allowed; and it
 * takes fifty times the memory of the text, so the number of values is counted before it begins.
 * Walking the whole grammar at that occasion costs nothing more and gives errors that say what was
 * expected. request_json.c comes here.
 */
#include "app/json_scan.h"

#include "http/chars.h"
#include "shallot/error.h"

enum state {
    VALUE,
    VALUE_OR_END, /* behind '[' */
    NAME,
    NAME_OR_END, /* behind '{' */
    COLON,
    BEHIND, /* a value */
};

struct scan {
    const char *p, *end;
    enum state state;
    unsigned depth, depth_max;
    size_t values_left;
    const char *expected;
    uint64_t object[SL__JSON_DEPTH_MAX / 64]; /* one bit for each open bracket */
};

static int fault(struct scan *s, const char *expected)
{
    s->expected = expected;
    return -SL_EBADREQUEST;
}

static int peek(const struct scan *s)
{
    return s->p < s->end ? (unsigned char)*s->p : -1;
}

static bool in_object(const struct scan *s)
{
    unsigned i = s->depth - 1;

    return s->object[i / 64] >> i % 64 & 1;
}

static int open_bracket(struct scan *s, bool object)
{
    unsigned i = s->depth;

    if (i >= s->depth_max) {
        s->expected = "nesting";
        return -SL_ETOOBIG;
    }
    s->object[i / 64] &= ~((uint64_t)1 << i % 64);
    s->object[i / 64] |= (uint64_t)object << i % 64;
    s->depth++;
    s->p++;
    s->state = object ? NAME_OR_END : VALUE_OR_END;
    return 0;
}

static int close_bracket(struct scan *s)
{
    s->depth--;
    s->p++;
    s->state = BEHIND;
    return 0;
}

static int escape(struct scan *s)
{
    int c;

    s->p++;
    c = peek(s);
    if (c == 'u') {
        for (int i = 0; i < 4; i++) {
            s->p++;
            if (s->p == s->end || !sl__char_is(*s->p, SL__CHAR_HEX))
                return fault(s, "four hexadecimal digits");
        }
    } else if (c <= 0 || !strchr("\"\\/bfnrt", c)) {
        return fault(s, "one of \" \\ / b f n r t u");
    }
    s->p++;
    return 0;
}

static int string(struct scan *s)
{
    s->p++;
    for (;;) {
        int c = peek(s);

        if (c == '"') {
            s->p++;
            return 0;
        }
        if (c == '\\') {
            int r = escape(s);

            if (r < 0)
                return r;
            continue;
        }
        if (c < 0x20)
            return fault(s,
                         c < 0 ? "'\"' at the end of a string" : "an escape (\\n, \\t, \\u....)");
        s->p++;
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int digits(struct scan *s)
{
    if (!is_digit(peek(s)))
        return fault(s, "a digit");
    while (is_digit(peek(s)))
        s->p++;
    return 0;
}

static int number(struct scan *s)
{
    int r = 0;

    if (*s->p == '-')
        s->p++;
    if (peek(s) == '0')
        s->p++;
    else
        r = digits(s);
    if (r == 0 && peek(s) == '.') {
        s->p++;
        r = digits(s);
    }
    if (r == 0 && (peek(s) == 'e' || peek(s) == 'E')) {
        s->p++;
        if (peek(s) == '+' || peek(s) == '-')
            s->p++;
        r = digits(s);
    }
    return r;
}

static int word(struct scan *s, struct sl__str word)
{
    if ((size_t)(s->end - s->p) < word.len || memcmp(s->p, word.ptr, word.len) != 0)
        return fault(s, "a value");
    s->p += word.len;
    return 0;
}

static int scalar(struct scan *s, int c)
{
    s->state = BEHIND;
    if (c == '"')
        return string(s);
    if (c == '-' || is_digit(c))
        return number(s);
    if (c == 't')
        return word(s, SL__STR("true"));
    if (c == 'f')
        return word(s, SL__STR("false"));
    if (c == 'n')
        return word(s, SL__STR("null"));
    return fault(s, "a value");
}

static int value(struct scan *s, int c)
{
    if (s->values_left-- == 0) {
        s->expected = "values";
        return -SL_ETOOBIG;
    }
    return c == '{' || c == '[' ? open_bracket(s, c == '{') : scalar(s, c);
}

static int name(struct scan *s, int c)
{
    if (c != '"')
        return fault(s, s->state == NAME ? "a name in quotes" : "a name in quotes or '}'");
    s->state = COLON;
    return string(s);
}

static int behind(struct scan *s, int c)
{
    bool object = in_object(s);

    if (c == (object ? '}' : ']'))
        return close_bracket(s);
    if (c != ',')
        return fault(s, object ? "',' or '}'" : "',' or ']'");
    s->p++;
    s->state = object ? NAME : VALUE;
    return 0;
}

static int step(struct scan *s, int c)
{
    switch (s->state) {
    case VALUE_OR_END:
        if (c == ']')
            return close_bracket(s);
        return value(s, c);
    case NAME_OR_END:
        return c == '}' ? close_bracket(s) : name(s, c);
    case NAME:
        return name(s, c);
    case COLON:
        if (c != ':')
            return fault(s, "':'");
        s->p++;
        s->state = VALUE;
        return 0;
    case BEHIND:
        return behind(s, c);
    default:
        return value(s, c);
    }
}

static int skip_spaces(struct scan *s)
{
    int c;

    while ((c = peek(s)) == ' ' || c == '\n' || c == '\r' || c == '\t')
        s->p++;
    return c;
}

int sl__json_scan(struct sl__str text, unsigned depth, size_t values, struct sl__json_fault *ret)
{
    struct scan s = {.p = text.ptr,
                     .end = text.ptr + text.len,
                     .depth_max = depth < SL__JSON_DEPTH_MAX ? depth : SL__JSON_DEPTH_MAX,
                     .values_left = values};
    int r = 0;

    while (r == 0) {
        int c = skip_spaces(&s);

        if (s.state == BEHIND && s.depth == 0) {
            r = c < 0 ? 0 : fault(&s, "nothing more");
            break;
        }
        r = step(&s, c);
    }
    *ret = (struct sl__json_fault){(size_t)(s.p - text.ptr), s.expected};
    return r;
}
