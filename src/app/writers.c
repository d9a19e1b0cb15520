/*
 * Writers that layers put on the way of pushed bytes.
 *
 * sl_write() goes through exchange.c to whatever is on top of the exchange's stack. For a layer's
 * writer that is a link made here, which calls the layer's function with its context; the layer
 * passes on through here to the next one below, the protocol's at the bottom. While a layer sees
 * the head it may change it, though for all others it is committed.
 */
#include <errno.h>

#include "app/error.h"
#include "app/reply.h"
#include "base/cold.h"
#include "base/list.h"
#include "base/log.h"
#include "shallot/request.h"
#include "shallot/response.h"

struct link {
    struct sl__writer inner;
    sl_ctx *c;
    sl_writer *outer;
    bool begun; /* the head has been passed on */
};

static struct link *link_of(struct sl__writer *w)
{
    return SL__OWNER(w, struct link, inner);
}

static int link_begin(struct sl__writer *inner, struct sl__exchange *x)
{
    struct link *l = link_of(inner);
    int r;

    (void)x;
    l->c->head_open = true;
    r = l->outer->begin ? l->outer->begin(l->c, l->outer) : sl_pass_begin(l->c, l->outer);
    l->c->head_open = false;
    if (r == 0 && !l->begun)
        return sl_fail(l->c, 500, "a writer has kept the head to itself");
    return r;
}

static int link_write(struct sl__writer *inner, struct sl__exchange *x, const void *bytes,
                      size_t len)
{
    struct link *l = link_of(inner);

    if (!l->outer->write)
        return inner->below->write(inner->below, x, bytes, len);
    return l->outer->write(l->c, l->outer, bytes, len);
}

/* Called by the protocol, where errors are not logged; the first that sees one does. */
static SL__COLD int failed_end(sl_ctx *c, int error)
{
    if (error != -ECANCELED && !c->x->aborted)
        sl__log(SL__ERROR, "%s %s: the end of the body failed: %s", sl_method(c), sl_target(c),
                sl__error_reason(c, error));
    c->x->aborted = true;
    return error;
}

static int link_end(struct sl__writer *inner, struct sl__exchange *x)
{
    struct link *l = link_of(inner);
    int r = l->outer->end ? l->outer->end(l->c, l->outer) : inner->below->end(inner->below, x);

    return r < 0 ? failed_end(l->c, r) : r;
}

int sl_push_writer(sl_ctx *c, sl_writer *w)
{
    struct sl__exchange *x = c->x;
    struct link *l;

    if (x->committed)
        return -SL_ECOMMITTED;
    l = sl_alloc(c, sizeof *l);
    if (!l)
        return -ENOMEM;
    *l = (struct link){{link_begin, link_write, link_end, x->writer}, c, w, false};
    w->below = l;
    x->writer = &l->inner;
    return 0;
}

int sl_pass_begin(sl_ctx *c, sl_writer *w)
{
    struct link *l = w->below;
    struct sl__writer *below = l->inner.below;
    int status = c->x->response.status;

    c->head_open = false;
    if (l->begun || status == 204 || status == 304) /* a body is on its way */
        return -EINVAL;
    l->begun = true;
    return below->begin(below, c->x);
}

int sl_pass_write(sl_ctx *c, sl_writer *w, const void *bytes, size_t len)
{
    struct sl__writer *below = ((struct link *)w->below)->inner.below;

    if (len == 0 || c->x->request.method == SL__METHOD_HEAD)
        return 0;
    return below->write(below, c->x, bytes, len);
}

int sl_pass_end(sl_ctx *c, sl_writer *w)
{
    struct sl__writer *below = ((struct link *)w->below)->inner.below;

    return below->end(below, c->x);
}
