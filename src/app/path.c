/*
 * The request's path: decoded once when it has escapes, and split when the first table of routes
 * asks.
 *
 * Comes here from service.c with a fresh context, and from the tables. The text keeps %2F where it
 * was, so that "/" in it always separates; a segment is decoded whole. A path
 * without '%', nearly every one, is never copied: its segments point into the request.
 */
#include "app/path.h"

#include <errno.h>

#include "http/target.h"

int sl__path_decode(struct sl__path *p, struct sl__arena *a)
{
    char *text = sl__arena_alloc(a, p->text.len + 1);
    ssize_t n;

    if (!text)
        return -ENOMEM;
    n = sl__decode_path(p->text, text);
    if (n < 0)
        return (int)n;
    p->text = (struct sl__str){text, (size_t)n};
    p->decoded = true;
    return 0;
}

/* From the few to the many. */
static int grow(struct sl__path *p, struct sl__arena *a)
{
    struct sl__segment *many = sl__arena_alloc(a, SL__SEGMENTS_MAX * sizeof(*many));

    if (!many)
        return -ENOMEM;
    memcpy(many, p->few, sizeof p->few);
    p->segments = many;
    return 0;
}

static inline bool full(const struct sl__path *p, uint32_t count)
{
    return count == SL__SEGMENTS_FEW && p->segments == p->few;
}

static int split_plain(struct sl__path *p, struct sl__arena *a)
{
    const char *text = p->text.ptr, *at = text + 1, *end = text + p->text.len;
    struct sl__segment *segment = p->segments;
    uint32_t count = 0;

    for (;;) {
        const char *start = at;

        if (full(p, count)) {
            if (grow(p, a) < 0)
                return -ENOMEM;
            segment = p->segments + count;
        }
        while (at < end && *at != '/')
            at++;
        segment->ptr = start;
        segment->len = (uint32_t)(at - start);
        segment->at = (uint32_t)(start - text);
        segment->hash = sl__path_hash(start, (size_t)(at - start));
        segment++;
        count++;
        if (at == end || count == SL__SEGMENTS_MAX)
            break;
        at++;
    }
    p->more = at < end;
    p->count = count;
    return 0;
}

/* An escaped slash takes three octets in the text, not one. */
static uint32_t count_slashes(const struct sl__segment *s)
{
    uint32_t slashes = 0;

    for (uint32_t i = 0; i < s->len; i++)
        slashes += s->ptr[i] == '/';
    return slashes;
}

static int split_escaped(struct sl__path *p, struct sl__str raw, struct sl__arena *a)
{
    const char *at = raw.ptr + 1, *end = raw.ptr + raw.len;
    char *out = sl__arena_alloc(a, raw.len + 1);
    uint32_t text_at = 1;

    if (!out)
        return -ENOMEM;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        struct sl__segment *s;
        ssize_t n;

        if (full(p, p->count) && grow(p, a) < 0)
            return -ENOMEM;
        n = sl__decode_component((struct sl__str){at, (size_t)(stop - at)}, out);
        if (n < 0)
            return (int)n;
        s = &p->segments[p->count++];
        *s = (struct sl__segment){out, (uint32_t)n, text_at, sl__path_hash(out, (size_t)n)};
        text_at += s->len + 2 * count_slashes(s) + 1;
        out += n;
        if (!slash)
            return 0;
        if (p->count == SL__SEGMENTS_MAX) {
            p->more = true;
            return 0;
        }
        at = slash + 1;
    }
}

int sl__path_split_now(struct sl__path *p, const struct sl__request *r, struct sl__arena *a)
{
    int result = 0;

    if (p->decoded)
        result = split_escaped(p, sl__request_str(r, r->path), a);
    else if (p->text.ptr[0] == '/') /* the asterisk form has no segments */
        result = split_plain(p, a);
    if (result < 0)
        p->count = 0;
    else
        p->split = true;
    return result;
}

struct sl__str sl__path_rest(const struct sl__path *p, uint32_t at)
{
    if (at >= p->count)
        return (struct sl__str){"", 0};
    return (struct sl__str){p->text.ptr + p->segments[at].at, p->text.len - p->segments[at].at};
}
