/*
 * Parts of a form, pulled out of the request's body one after the other.
 *
 * Handlers come here with sl_part_next() and sl_part_read(), form.c too. A window of 16 KiB over
 * the body is all the memory there is, whatever comes; http/multipart.c says what is in it.
 */
#include <errno.h>

#include "app/media.h"
#include "http/multipart.h"
#include "shallot/error.h"
#include "shallot/form.h"
#include "shallot/limits.h"

#define KEY "shallot/parts" /* of the state that holds it */
#define WINDOW ((size_t)16384)
#define TYPE SL__STR("multipart/form-data")

struct reader {
    struct sl__multipart multipart;
    sl_part part;
    struct sl__str head; /* PRESENT: of a part that has not been given out; in the window */
    struct sl__str data; /* not given out; in the window */
    size_t used;         /* of the window, up to the end of data or head */
    size_t at, end;      /* window[at..end) is filled */
    unsigned count;      /* parts so far */
    bool present, done;  /* there is a next part; there is none */
    int error;           /* for good */
    char text[2 * SL__PART_HEAD_MAX + 64]; /* of the present part's strings */
    char window[WINDOW];
};

_Static_assert(WINDOW > SL__PART_HEAD_MAX + 4, "a head has to fit");

static int boundary_of(sl_ctx *c, struct reader *p)
{
    const char *type = sl_header(c, "content-type");
    char boundary[2 * SL__BOUNDARY_MAX + 1];
    struct sl__media_param given;
    size_t len;

    if (!sl__str_equal_nocase(sl__media_type(type), TYPE))
        return sl_fail(c, 415, "multipart/form-data expected, not %s",
                       type ? type : "a body without a type");
    if (sl__media_param(type, SL__STR("boundary"), &given) <= 0 ||
        given.value.len >= sizeof boundary)
        return sl_fail(c, 400, "multipart/form-data without a boundary");
    len = sl__media_unquote(given.value, boundary);
    if (sl__multipart_init(&p->multipart, (struct sl__str){boundary, len}) < 0)
        return sl_fail(c, 400, "multipart/form-data with a bad boundary");
    return sl__media_check_text(c, type);
}

static int open_reader(sl_ctx *c, struct reader **ret)
{
    struct reader *p = sl_state(c, KEY);
    int r;

    if (!p) {
        p = sl_alloc(c, sizeof *p);
        if (!p)
            return sl__ctx_error(c, -ENOMEM);
        memset(p, 0, offsetof(struct reader, text));
        r = boundary_of(c, p);
        if (r == 0)
            r = sl_set_state(c, KEY, p, NULL);
        if (r < 0)
            return sl__ctx_error(c, r);
    }
    *ret = p;
    return p->error < 0 ? sl__ctx_error(c, p->error) : 0;
}

static int broken(sl_ctx *c, struct reader *p, int error)
{
    if (error == -SL_EBADREQUEST)
        error = sl_fail(c, 400, "broken multipart/form-data in part %u", p->count);
    else if (error == -SL_ETOOBIG)
        error = sl_fail(c, 413, "a part's fields of more than %zu octets", SL__PART_HEAD_MAX);
    p->error = error;
    return sl__ctx_error(c, error);
}

/* More of the body into the window. */
static int fill(sl_ctx *c, struct reader *p)
{
    ssize_t n;

    if (p->at > 0) {
        memmove(p->window, p->window + p->at, p->end - p->at);
        p->end -= p->at;
        p->at = 0;
    }
    n = sl_read(c, p->window + p->end, WINDOW - p->end);
    if (n > 0) {
        p->end += (size_t)n;
        return 0;
    }
    if (n == 0)
        return broken(c, p, -SL_EBADREQUEST);
    p->error = (int)n;
    return sl__ctx_error(c, (int)n);
}

/* On until there is data, a next part, or the end. */
static int advance(sl_ctx *c, struct reader *p)
{
    struct sl__multipart_step step;
    int r = 0;

    while (r == 0 && p->data.len == 0 && !p->present && !p->done) {
        struct sl__str window;

        p->at += p->used;
        p->used = 0;
        window = (struct sl__str){p->window + p->at, p->end - p->at};
        r = sl__multipart_next(&p->multipart, window, &step);
        if (r < 0)
            return broken(c, p, r);
        p->used = step.used;
        if (step.event == SL__MULTIPART_MORE) {
            p->at += p->used;
            p->used = 0;
            r = fill(c, p);
        } else if (step.event == SL__MULTIPART_DATA) {
            p->data = step.text;
        } else if (step.event == SL__MULTIPART_PART) {
            p->head = step.text;
            p->present = true;
        } else {
            p->done = true;
        }
    }
    return r;
}

/* Names as the program may use them. The raw one, the safe one, the field's and the type fit, as
 * they come from one head. */
static int describe(sl_ctx *c, struct reader *p)
{
    struct sl__part_head head;
    char *to = p->text;
    size_t len;

    p->part = (sl_part){0};
    if (sl__part_head(p->head, &head) < 0)
        return broken(c, p, -SL_EBADREQUEST);
    if (head.nested) {
        p->error =
            sl_fail(c, 413, "a multipart in part %u: expected no more than one level", p->count);
        return p->error;
    }
    p->part.name = to;
    to += sl__part_name(head.name, to) + 1;
    if (head.type.ptr) {
        p->part.type = to;
        to = sl__copy(to, head.type.ptr, head.type.len);
        *to++ = '\0';
    }
    if (head.is_file) {
        p->part.raw_filename = to;
        len = sl__part_name(head.filename, to);
        p->part.filename = to + len + 1;
        sl__safe_name((struct sl__str){to, len}, to + len + 1);
    }
    return 0;
}

int sl_part_next(sl_ctx *c, const sl_part **ret)
{
    struct reader *p;
    int r = open_reader(c, &p);

    while (r == 0 && !p->present && !p->done) { /* the rest of the present one */
        p->data.len = 0;
        r = advance(c, p);
    }
    if (r < 0 || p->done)
        return r;
    p->present = false;
    if (++p->count > c->x->limits->form_parts) {
        p->error = sl_fail(c, 413, "expected no more than %u parts", c->x->limits->form_parts);
        return p->error;
    }
    r = describe(c, p);
    if (r < 0)
        return r;
    *ret = &p->part;
    return 1;
}

ssize_t sl_part_read(sl_ctx *c, void *buf, size_t len)
{
    struct reader *p;
    size_t n;
    int r = len > 0 ? open_reader(c, &p) : -EINVAL;

    if (r == 0)
        r = p->count > 0 ? advance(c, p) : -EINVAL;
    if (r < 0)
        return r;
    n = p->data.len < len ? p->data.len : len;
    if (n > 0) {
        memcpy(buf, p->data.ptr, n);
        p->data = (struct sl__str){p->data.ptr + n, p->data.len - n};
    }
    return (ssize_t)n;
}
