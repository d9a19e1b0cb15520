/*
 * The body of a response as handlers give it: text, bytes, a file, or pushed. One to be pulled is
 * in source.c.
 *
 * Each replaces what there was, and says which type it is for if the program does not.
 */
#include <errno.h>
#include <stdarg.h>

#include "app/error.h"
#include "app/reply.h"
#include "app/types.h"
#include "base/log.h"
#include "base/sys.h"
#include "http/file_cache.h"
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

/* Time for which a look at a file holds: the tick's, or no time at all without a loop. */
static int64_t present(void)
{
    struct sl__loop *l = sl__fibers_loop();

    return l ? l->now : sl__sys_now();
}

/* The file's type, which is looked for once in its life. */
static const char *type_of(struct sl__file *file)
{
    if (!file->type)
        file->type = sl__type_of_path(file->path.ptr);
    return file->type;
}

int sl_file(sl_ctx *c, const char *path)
{
    struct sl__response *response = &c->x->response;
    struct sl__stamp *stamp;
    struct sl__found found;
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!path)
        return -EINVAL;
    r = sl__file_cache_find(&c->app->files, path, present(), &found);
    if (r < 0)
        return r;
    if (found.file) {
        sl__file_lend(found.file, response);
        sl__reply_guess_type(c, sl__str_of(type_of(found.file)));
        return 0;
    }
    sl__response_set_file(response, found.fd, 0, found.len);
    stamp = sl_alloc(c, sizeof *stamp);
    if (stamp)
        *stamp = found.stamp;
    response->stamp = stamp; /* without memory the answer is poorer, not wrong */
    sl__reply_guess_type(c, sl__str_of(sl__type_of_path(path)));
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
