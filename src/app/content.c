/*
 * The body of a response as handlers give it: text, bytes, a file, or pushed. One to be pulled is
 * in source.c.
 *
 * Each replaces what there was, and says which type it is for if the program does not.
 */
#include <errno.h>
#include <stdarg.h>

#include "app/content.h"
#include "app/error.h"
#include "app/reply.h"
#include "app/selection.h"
#include "app/types.h"
#include "base/log.h"
#include "base/sys.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define TEXT_HTML SL__STR("text/html; charset=utf-8")

static int set_bytes(sl_ctx *c, const char *bytes, size_t len)
{
    char *copy = len < SIZE_MAX ? sl__arena_alloc(&c->x->arena, len + 1) : NULL;

    if (!copy)
        return -ENOMEM;
    *sl__copy(copy, bytes, len) = '\0';
    sl__response_set_bytes(&c->x->response, (struct sl__str){copy, len});
    return 0;
}

static bool looks_like_html(const char *text)
{
    while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
        text++;
    return *text == '<';
}

int sl_body(sl_ctx *c, const char *text)
{
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!text)
        return -EINVAL;
    r = set_bytes(c, text, strlen(text));
    if (r < 0)
        return r;
    sl__reply_guess_type(c, looks_like_html(text) ? TEXT_HTML : SL__TEXT_PLAIN);
    return 0;
}

int sl_bytes(sl_ctx *c, const void *bytes, size_t len)
{
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!bytes && len > 0)
        return -EINVAL;
    r = set_bytes(c, len > 0 ? bytes : "", len);
    if (r < 0)
        return r;
    sl__reply_guess_type(c, SL__OCTETS);
    return 0;
}

int sl_text(sl_ctx *c, const char *fmt, ...)
{
    int r = sl__reply_open(c);
    va_list args;
    size_t len;
    char *text;

    if (r < 0)
        return r;
    va_start(args, fmt);
    text = sl__ctx_vformat(c, &len, fmt, args);
    va_end(args);
    if (!text)
        return -ENOMEM;
    sl__response_set_bytes(&c->x->response, (struct sl__str){text, len});
    c->x->response.type = SL__TEXT_PLAIN;
    c->type_rank = SL__TYPE_GUESSED; /* of another body the type may be another one again */
    return 0;
}

int64_t sl__content_now(void)
{
    struct sl__loop *l = sl__fibers_loop();

    return l ? l->now : sl__sys_now();
}

void sl__content_set_file(sl_ctx *c, struct sl__found *found, const char *type)
{
    struct sl__response *response = &c->x->response;
    struct sl__stamp *stamp;

    sl__selection_look(c);
    sl__reply_guess_type(c, sl__str_of(type));
    if (found->file) {
        sl__file_lend(found->file, response);
        return;
    }
    sl__response_set_file(response, found->fd, 0, found->len);
    stamp = sl_alloc(c, sizeof *stamp);
    if (stamp)
        *stamp = found->stamp;
    response->stamp = stamp; /* without memory the answer is poorer, not wrong */
}

const char *sl__content_type(const struct sl__found *found, const char *path)
{
    if (!found->file)
        return sl__type_of_path(path);
    if (!found->file->type)
        found->file->type = sl__type_of_path(path);
    return found->file->type;
}

int sl_file(sl_ctx *c, const char *path)
{
    struct sl__found found;
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!path)
        return -EINVAL;
    r = sl__file_cache_find(&c->app->files, path, sl__content_now(), &found);
    if (r < 0)
        return r;
    sl__content_set_file(c, &found, sl__content_type(&found, path));
    return 0;
}

int sl_write(sl_ctx *c, const void *bytes, size_t len)
{
    struct sl__response *r = &c->x->response;

    if (!c->x->committed) {
        if (!r->status)
            r->status = 200;
        if (r->payload != SL__PAYLOAD_NONE) { /* what is pushed takes its place */
            sl__response_set_bytes(r, (struct sl__str){"", 0});
            r->payload = SL__PAYLOAD_NONE;
            if (c->type_rank == SL__TYPE_GUESSED)
                r->type.ptr = NULL;
        }
        c->failing = 0;
    }
    return sl__exchange_write(c->x, bytes, len);
}
