/*
 * Pushing a response: the head is committed once, then bytes go down the stack of writers.
 *
 * A handler comes in through sl_write() on the request's fiber; the bytes leave through whatever
 * middleware put on the stack to the protocol's writer at the bottom. Lengths are checked here,
 * against what the handler announced, before a compressing writer makes them another matter.
 */
#include "http/exchange.h"

#include <errno.h>

#include "shallot/error.h"

static int commit(struct sl__exchange *x)
{
    struct sl__response *r = &x->response;
    int result;

    if (r->status == 0)
        r->status = 200;
    if (r->status < 200 || r->status == 204 || r->status == 304)
        return -EINVAL;
    x->push_left = sl__response_announced(r);
    x->committed = true;
    result = x->writer->begin(x->writer, x);
    if (result < 0)
        x->aborted = true;
    return result;
}

int sl__exchange_write(struct sl__exchange *x, const void *bytes, size_t len)
{
    int r = 0;

    if (!x->committed)
        r = commit(x);
    if (r < 0)
        return r;
    if (x->aborted)
        return -ECANCELED;
    if (len == 0 || x->request.method == SL__METHOD_HEAD)
        return 0;
    if (x->push_left >= 0) {
        if (len > (uint64_t)x->push_left)
            return -SL_ETOOBIG;
        x->push_left -= (int64_t)len;
    }
    r = x->writer->write(x->writer, x, bytes, len);
    if (r < 0)
        x->aborted = true;
    return r;
}

int sl__exchange_end(struct sl__exchange *x)
{
    bool head = x->request.method == SL__METHOD_HEAD;

    if (x->aborted)
        return -ECANCELED;
    if (x->push_left > 0 && !head)
        return -SL_EFAIL;
    return x->writer->end(x->writer, x);
}
