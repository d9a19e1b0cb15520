/*
 * JSON responses: a Jansson value in, text in the arena out.
 *
 * Built only when Jansson is there. Most values fit into what is left of the arena's block; a
 * larger one is serialised a second time once its size is known.
 */
#include "shallot/json.h"

#include <errno.h>

#include "app/reply.h"
#include "shallot/response.h"

#define FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

static int set_json(sl_ctx *c, const json_t *json)
{
    struct sl__arena *a = &c->x->arena;
    size_t room = (size_t)(a->end - a->ptr), len;
    char *here = a->ptr, *text;
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    len = json_dumpb(json, here, room, FLAGS);
    if (len == 0)
        return -EINVAL;
    text = sl__arena_alloc(a, len);
    if (!text)
        return -ENOMEM;
    if (text != here || len > room)
        json_dumpb(json, text, len, FLAGS);
    sl__response_set_bytes(&c->x->response, (struct sl__str){text, len});
    sl__reply_guess_type(c, SL__STR("application/json"));
    return 0;
}

int sl_json(sl_ctx *c, json_t *json)
{
    int r = json ? set_json(c, json) : -EINVAL;

    json_decref(json);
    return r;
}
