/*
 * Path patterns, taken apart segment by segment when a route is defined.
 *
 * Pure. Strict, because a pattern that silently never matches costs an afternoon: whatever cannot
 * occur in a path, or looks like another framework's syntax, is a mistake with its place.
 */
#include "app/pattern.h"

#include "shallot/error.h"

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static int mistake(struct sl__mistake *ret, const char *what, size_t at)
{
    *ret = (struct sl__mistake){what, at};
    return -SL_EBADPATTERN;
}

/* @p segment begins with ':' or '*'. */
static int parse_name(struct sl__str pattern, struct sl__str segment, struct sl__pattern *p,
                      struct sl__mistake *m)
{
    size_t at = (size_t)(segment.ptr - pattern.ptr);
    struct sl__str name = {segment.ptr + 1, segment.len - 1};
    bool rest = segment.ptr[0] == '*';

    for (size_t i = 0; i < name.len; i++)
        if (!name_char(name.ptr[i]))
            return mistake(m, "a name has letters, digits and _ only, up to the next /",
                           at + 1 + i);
    if (rest && at + segment.len < pattern.len)
        return mistake(m, "* takes the rest of the path, so it must be the last segment", at);
    if (name.len == 0 && !rest)
        return mistake(m, "a parameter needs a name", at + 1);
    if (name.len == 0)
        name = segment;
    for (unsigned i = 0; i < p->count; i++)
        if (p->parts[i].kind != SL__PART_LITERAL && sl__str_equal(p->parts[i].text, name))
            return mistake(m, "the same name twice", at + 1);
    p->parts[p->count++] = (struct sl__part){rest ? SL__PART_REST : SL__PART_PARAM, name};
    p->params++;
    return 0;
}

static int parse_literal(struct sl__str pattern, struct sl__str segment, struct sl__pattern *p,
                         struct sl__mistake *m)
{
    size_t at = (size_t)(segment.ptr - pattern.ptr);

    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];

        if (c == '?' || c == '#')
            return mistake(m, "? and # end a path, so they never occur in one", at + i);
        if (c == '*')
            return mistake(m,
                           "* must begin its segment (or leave out the first / for a regular "
                           "expression)",
                           at + i);
    }
    p->parts[p->count++] = (struct sl__part){SL__PART_LITERAL, segment};
    return 0;
}

int sl__pattern_parse(struct sl__str pattern, struct sl__pattern *ret, struct sl__mistake *m)
{
    size_t at = 0;

    ret->count = ret->params = 0;
    if (pattern.len == 0 || pattern.ptr[0] != '/')
        return mistake(m, "a path begins with /", 0);
    while (at < pattern.len) {
        const char *start = pattern.ptr + at + 1;
        size_t left = pattern.len - at - 1;
        const char *slash = left > 0 ? memchr(start, '/', left) : NULL;
        struct sl__str segment = {start, slash ? (size_t)(slash - start) : left};
        bool named = segment.len > 0 && (start[0] == ':' || start[0] == '*');
        int r;

        if (ret->count == SL__SEGMENTS_MAX)
            return mistake(m, "more than 64 segments", at);
        r = named ? parse_name(pattern, segment, ret, m) : parse_literal(pattern, segment, ret, m);
        if (r < 0)
            return r;
        at += 1 + segment.len;
    }
    return 0;
}
