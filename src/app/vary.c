/*
 * Vary: what an answer depends on besides its target (RFC 9110 §12.5.5).
 *
 * Layers come here one after the other, each with the request header it has looked at; they make
 * one line together in which no name stands twice, and which outlives an error.
 */
#include <errno.h>

#include "app/reply.h"
#include "shallot/response.h"

/* True if the comma-separated list has the name, or "*", which says more than any name. */
static bool lists(struct sl__str list, struct sl__str name)
{
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
        struct sl__str member = sl__str_trim((struct sl__str){list.ptr, len});

        list.ptr += len + (comma != NULL);
        list.len -= len + (comma != NULL);
        if (sl__str_equal_nocase(member, name) || (member.len == 1 && *member.ptr == '*'))
            return true;
    }
    return false;
}

int sl_vary(sl_ctx *c, const char *name)
{
    const struct sl__header *h = c->x->response.headers;
    const char *said = NULL;
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (!sl__header_allowed(sl__str_of(name), SL__STR("0")))
        return -SL_EBADHEADER;
    for (; h; h = h->next) {
        if (!sl__str_equal_nocase(h->name, SL__STR("Vary")))
            continue;
        if (lists(h->value, sl__str_of(name)))
            return 0;
        said = said ? sl_format(c, "%s, %s", said, h->value.ptr) : h->value.ptr;
        if (!said)
            return -ENOMEM;
    }
    if (said)
        name = sl_format(c, "%s, %s", said, name);
    return name ? sl_keep_header(c, "Vary", name) : -ENOMEM;
}
