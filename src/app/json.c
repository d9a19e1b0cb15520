/*
 * JSON responses: a Jansson value in, text in the arena out.
 *
 * Built only when Jansson is there. The text is json_write.c's; what comes in is request_json.c's.
 */
#include "shallot/json.h"

#include <errno.h>

#include "app/json_write.h"
#include "app/reply.h"
#include "app/request_json.h"
#include "shallot/ctx.h"

static int set_json(sl_ctx *c, const json_t *json)
{
    struct sl__str text;
    int r = sl__reply_open(c);

    if (r == 0)
        r = sl__json_write(&c->x->arena, json, &text);
    if (r < 0)
        return r;
    sl__response_set_bytes(&c->x->response, text);
    sl__reply_guess_type(c, SL__STR("application/json"));
    return 0;
}

int sl_json(sl_ctx *c, json_t *json)
{
    int r = json ? set_json(c, json) : -EINVAL;

    if (json !=
        sl__request_json(c)) /* that is freed with the request, which no caller may forget */
        json_decref(json);
    return r;
}

int sl_json_pack(sl_ctx *c, const char *fmt, ...)
{
    json_error_t error;
    json_t *json;
    va_list args;

    va_start(args, fmt);
    json = json_vpack_ex(&error, 0, fmt, args);
    va_end(args);
    if (json)
        return sl_json(c, json);
    if (!error.text[0] || json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    return sl_fail(c, 500, "sl_json_pack(\"%s\"): %s, at column %d", fmt, error.text, error.column);
}
