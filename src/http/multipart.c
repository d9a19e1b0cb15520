/*
 * multipart/form-data, cut into parts.
 *
 * app/form_parts.c comes here with a window over the body and leaves with one event at a time. A
 * delimiter is looked for with memmem(); the few octets at the end of the window that may be the
 * beginning of one stay there until more have come. A line that begins with the boundary and goes
 * on with something else is refused: one program's data is another one's delimiter.
 */
#include "http/multipart.h"

#include "http/chars.h"
#include "shallot/error.h"

/* bchars (RFC 2046 §5.1.1), and what else browsers and tools have been seen to use: any token. */
static bool boundary_char(char c)
{
    return sl__char_is(c, SL__CHAR_TOKEN) || (c && strchr("'()+_,-./:=? ", c));
}

int sl__multipart_init(struct sl__multipart *m, struct sl__str boundary)
{
    if (boundary.len == 0 || boundary.len > SL__BOUNDARY_MAX ||
        boundary.ptr[boundary.len - 1] == ' ')
        return -SL_EBADREQUEST;
    for (size_t i = 0; i < boundary.len; i++)
        if (!boundary_char(boundary.ptr[i]))
            return -SL_EBADREQUEST;
    *m = (struct sl__multipart){.state = SL__MULTIPART_PREAMBLE, .fresh = true};
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = 4 + boundary.len;
    return 0;
}

/* Moves the front of the window. */
static void use(struct sl__str *w, struct sl__multipart_step *s, size_t len)
{
    *w = (struct sl__str){w->ptr + len, w->len - len};
    s->used += len;
}

/* Octets at the end of the window that may be the beginning of a delimiter. There is no CR in one
 * but in front. */
static size_t held_back(const struct sl__multipart *m, struct sl__str w)
{
    size_t most = m->delimiter_len - 1 < w.len ? m->delimiter_len - 1 : w.len, len;
    const char *cr = most > 0 ? memrchr(w.ptr + w.len - most, '\r', most) : NULL;

    if (!cr)
        return 0;
    len = (size_t)(w.ptr + w.len - cr);
    return memcmp(cr, m->delimiter, len) == 0 ? len : 0;
}

enum found { NO, PERHAPS, YES };

/* At the very beginning, a delimiter without CR LF. */
static enum found fresh_delimiter(struct sl__multipart *m, struct sl__str w)
{
    size_t wanted = m->delimiter_len - 2, len = w.len < wanted ? w.len : wanted;

    if (len > 0 && memcmp(w.ptr, m->delimiter + 2, len) != 0) {
        m->fresh = false;
        return NO;
    }
    return len == wanted ? YES : PERHAPS;
}

static int go_behind(struct sl__multipart *m)
{
    m->state = SL__MULTIPART_BEHIND;
    m->fresh = false;
    return 1;
}

/* How much comes ahead of the next delimiter; one that nothing comes ahead of is taken. 1 if it
 * was; 0, and nothing ahead either: more is needed. */
static int before_delimiter(struct sl__multipart *m, struct sl__str *w,
                            struct sl__multipart_step *s, size_t *ret_len)
{
    enum found fresh = m->fresh ? fresh_delimiter(m, *w) : NO;
    const char *at;

    *ret_len = 0;
    if (fresh == PERHAPS)
        return 0;
    if (fresh == YES) {
        use(w, s, m->delimiter_len - 2);
        return go_behind(m);
    }
    at = memmem(w->ptr, w->len, m->delimiter, m->delimiter_len);
    if (at && at == w->ptr) {
        use(w, s, m->delimiter_len);
        return go_behind(m);
    }
    *ret_len = at ? (size_t)(at - w->ptr) : w->len - held_back(m, *w);
    return 0;
}

/* These return 1 to go on at once, 0 with an event, or an error. */

static int preamble(struct sl__multipart *m, struct sl__str *w, struct sl__multipart_step *s)
{
    size_t skip;
    int r = before_delimiter(m, w, s, &skip);

    if (skip == 0)
        return r;
    m->seen += skip;
    if (m->seen > SL__PART_HEAD_MAX)
        return -SL_EBADREQUEST;
    use(w, s, skip);
    return 1;
}

static int behind(struct sl__multipart *m, struct sl__str *w, struct sl__multipart_step *s)
{
    if (w->len > 0 && w->ptr[0] == '-' && !m->fresh) {
        if (w->len < 2)
            return 0;
        if (w->ptr[1] != '-')
            return -SL_EBADREQUEST;
        use(w, s, 2);
        m->state = SL__MULTIPART_DONE;
        return 1;
    }
    while (w->len > 0 && (w->ptr[0] == ' ' || w->ptr[0] == '\t')) {
        use(w, s, 1);
        m->fresh = true; /* the line has begun: no "--" can follow any more */
    }
    if (w->len > 0 && w->ptr[0] != '\r')
        return -SL_EBADREQUEST;
    if (w->len < 2)
        return 0;
    if (w->ptr[1] != '\n')
        return -SL_EBADREQUEST;
    use(w, s, 2);
    m->state = SL__MULTIPART_HEAD;
    m->fresh = false;
    m->seen = 0;
    return 1;
}

static int head(struct sl__multipart *m, struct sl__str *w, struct sl__multipart_step *s)
{
    size_t from = m->seen > 3 ? m->seen - 3 : 0, len;
    const char *end;

    if (w->len >= 2 && memcmp(w->ptr, "\r\n", 2) == 0) { /* no field at all */
        s->event = SL__MULTIPART_PART;
        s->text = (struct sl__str){w->ptr, 0};
        use(w, s, 2);
    } else {
        end = w->len > from ? memmem(w->ptr + from, w->len - from, "\r\n\r\n", 4) : NULL;
        len = end ? (size_t)(end - w->ptr) : w->len;
        if (end ? len > SL__PART_HEAD_MAX : len >= SL__PART_HEAD_MAX + 4)
            return -SL_ETOOBIG;
        m->seen = w->len;
        if (!end)
            return 0;
        s->event = SL__MULTIPART_PART;
        s->text = (struct sl__str){w->ptr, len};
        use(w, s, len + 4);
    }
    m->state = SL__MULTIPART_BODY;
    m->fresh = true;
    return 0;
}

static int body(struct sl__multipart *m, struct sl__str *w, struct sl__multipart_step *s)
{
    size_t len;
    int r = before_delimiter(m, w, s, &len);

    if (len > 0) {
        s->event = SL__MULTIPART_DATA;
        s->text = (struct sl__str){w->ptr, len};
        use(w, s, len);
    }
    return r;
}

int sl__multipart_next(struct sl__multipart *m, struct sl__str window,
                       struct sl__multipart_step *ret)
{
    int r = 1;

    *ret = (struct sl__multipart_step){SL__MULTIPART_MORE, {NULL, 0}, 0};
    while (r == 1) {
        switch (m->state) {
        case SL__MULTIPART_PREAMBLE:
            r = preamble(m, &window, ret);
            break;
        case SL__MULTIPART_BEHIND:
            r = behind(m, &window, ret);
            break;
        case SL__MULTIPART_HEAD:
            r = head(m, &window, ret);
            break;
        case SL__MULTIPART_BODY:
            r = body(m, &window, ret);
            break;
        default:
            ret->event = SL__MULTIPART_END;
            r = 0;
            break;
        }
    }
    return r;
}
