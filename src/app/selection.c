/*
 * What is sent of a file: conditional requests and ranges, for whatever sl_file() and sl_static()
 * serve (RFC 9110 §13 and §14).
 *
 * content.c comes here when a file becomes the body, reply.c whenever it is asked for status or
 * length, and in the end. Until then the file is whole, so that a layer which replaces it or takes
 * it has all of it, and what was selected is forgotten with it. The rules are in http/condition.c
 * and http/range.c.
 */
#include "app/selection.h"

#include <errno.h>

#include "app/fresh.h"
#include "app/parts.h"
#include "app/reply.h"
#include "base/sys.h"
#include "shallot/request.h"
#include "shallot/response.h"

static bool is_one_of_them(struct sl__str name)
{
    switch (name.len) {
    case 5:
        return sl__str_equal_nocase(name, SL__STR("Range"));
    case 8:
        return sl__str_equal_nocase(name, SL__STR("If-Match"));
    case 13:
        return sl__str_equal_nocase(name, SL__STR("If-None-Match"));
    case 17:
        return sl__str_equal_nocase(name, SL__STR("If-Modified-Since"));
    case 19:
        return sl__str_equal_nocase(name, SL__STR("If-Unmodified-Since"));
    default:
        return false;
    }
}

void sl__selection_look(sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);

    if (c->asks)
        return;
    c->asks = SL__ASKS_NOTHING;
    for (uint32_t i = 0; i < r->field_count; i++)
        if (is_one_of_them(sl__request_str(r, r->fields[i].name)))
            c->asks = SL__ASKS_SOMETHING;
}

bool sl__selection_possible(const sl_ctx *c)
{
    const struct sl__response *r = &c->x->response;
    enum sl__method method = sl__ctx_request(c)->method;

    return (method == SL__METHOD_GET || method == SL__METHOD_HEAD) && !c->x->committed &&
           (!r->status || r->status == 200) && r->stamp &&
           (r->payload == SL__PAYLOAD_LENT || r->payload == SL__PAYLOAD_FILE);
}

static struct sl__str field(const sl_ctx *c, const char *name)
{
    const char *value = sl_header(c->me, name);

    return value ? sl__str_of(value) : (struct sl__str){NULL, 0};
}

/* The program can say that it wants no ranges: Accept-Ranges: none. */
static bool gives_ranges(const sl_ctx *c)
{
    const struct sl__header *h = sl__response_header(&c->x->response, SL__STR("Accept-Ranges"));

    return !h || sl__str_equal_nocase(h->value, SL__STR("bytes"));
}

static int select_ranges(const sl_ctx *c, const struct sl__validators *v, int64_t now,
                         struct sl__ranges *ret)
{
    struct sl__str range = field(c, "Range"), if_range = field(c, "If-Range");

    if (!range.ptr || sl__ctx_request(c)->method != SL__METHOD_GET || !gives_ranges(c) ||
        (if_range.ptr && !sl__condition_if_range(if_range, v, now)))
        return 200;
    switch (sl__range_read(range, sl__response_length(&c->x->response), ret)) {
    case SL__RANGE_PARTS:
        return 206;
    case SL__RANGE_NONE:
        return 416;
    case SL__RANGE_WHOLE:
        break;
    }
    return 200;
}

void sl__selection_make(const sl_ctx *c, struct sl__selection *ret)
{
    const struct sl__conditions conditions = {
        .match = field(c, "If-Match"),
        .none_match = field(c, "If-None-Match"),
        .modified_since = field(c, "If-Modified-Since"),
        .unmodified_since = field(c, "If-Unmodified-Since"),
    };
    int64_t now = sl__sys_wall();
    struct sl__validators v;

    ret->status = 200;
    if (!sl__selection_possible(c))
        return;
    v = sl__fresh_validators(c, now);
    switch (sl__condition_judge(&conditions, &v, true, now)) {
    case SL__VERDICT_FRESH:
        ret->status = 304;
        break;
    case SL__VERDICT_UNMET:
        ret->status = 412;
        break;
    case SL__VERDICT_GO:
        ret->status = select_ranges(c, &v, now, &ret->ranges);
        break;
    }
}

int64_t sl__selection_length(const sl_ctx *c, const struct sl__selection *s)
{
    const struct sl__response *r = &c->x->response;

    if (s->status == 304)
        return 0;
    if (s->status != 206)
        return (int64_t)sl__reply_status_line(c, s->status).len;
    if (s->ranges.count == 1)
        return s->ranges.list[0].len;
    return sl__parts_length(&s->ranges, r->type, sl__response_length(r));
}

static void remove_header(sl_ctx *c, struct sl__str name)
{
    sl__response_set_header(&c->x->response, &c->x->arena, name, NULL, false);
}

/* True if the client's copy has the tag in its weak form only: it was compressed on its way, say.
 */
static bool has_weak_copy(const sl_ctx *c)
{
    const struct sl__conditions strongly = {.match = field(c, "If-None-Match")};
    int64_t now = sl__sys_wall();
    struct sl__validators v = sl__fresh_validators(c, now);

    return strongly.match.ptr && v.etag.ptr && v.etag.ptr[0] == '"' &&
           sl__condition_judge(&strongly, &v, true, now) == SL__VERDICT_UNMET;
}

/* Else the answer would not be taken to be about that copy (RFC 9111 §4.3.4). */
static int weaken(sl_ctx *c)
{
    const char *etag = sl_format(c, "W/%s", sl_response_header(c, "ETag"));

    return etag ? sl_set_header(c, "ETag", etag) : -ENOMEM;
}

/* What says something about a body that is not sent (RFC 9110 §15.4.5). */
static void not_modified(sl_ctx *c)
{
    struct sl__response *r = &c->x->response;
    bool weak = has_weak_copy(c);

    if (sl__reply_keep_stamp(c) < 0 || (weak && weaken(c) < 0))
        return;
    sl__response_drop_payload(r);
    r->status = 304;
    r->type.ptr = NULL;
    remove_header(c, SL__STR("Content-Encoding"));
    remove_header(c, SL__STR("Content-Language"));
    remove_header(c, SL__STR("Content-Length"));
}

/* The same, and what would make an error look like the file. */
static void refuse(sl_ctx *c, int status)
{
    struct sl__response *r = &c->x->response;

    sl__response_drop_payload(r);
    r->status = status;
    remove_header(c, SL__STR("Content-Encoding"));
    remove_header(c, SL__STR("Content-Language"));
    remove_header(c, SL__STR("Content-Length"));
    remove_header(c, SL__STR("Content-Disposition"));
    remove_header(c, SL__STR("Cache-Control"));
    remove_header(c, SL__STR("Last-Modified"));
    remove_header(c, SL__STR("ETag"));
}

static int set_content_range(sl_ctx *c, const struct sl__range *range, int64_t size)
{
    char *text;

    if (range)
        text = sl_format(c, "bytes %lld-%lld/%lld", (long long)range->at,
                         (long long)(range->at + range->len - 1), (long long)size);
    else
        text = sl_format(c, "bytes */%lld", (long long)size);
    return text ? sl_set_header(c, "Content-Range", text) : -ENOMEM;
}

static void one_part(sl_ctx *c, const struct sl__range *range)
{
    struct sl__response *r = &c->x->response;

    if (sl__reply_keep_stamp(c) < 0 || set_content_range(c, range, sl__response_length(r)) < 0)
        return;
    if (r->payload == SL__PAYLOAD_LENT) {
        r->bytes.ptr += range->at;
        r->bytes.len = (size_t)range->len;
    } else {
        r->file_at += range->at;
        r->file_len = range->len;
    }
    r->status = 206;
}

void sl__selection_apply(sl_ctx *c, const struct sl__selection *s)
{
    int64_t size = sl__response_length(&c->x->response);

    switch (s->status) {
    case 304:
        not_modified(c);
        break;
    case 412:
        refuse(c, 412);
        break;
    case 416:
        refuse(c, 416);
        set_content_range(c, NULL, size); /* without memory the answer is poorer, not wrong */
        break;
    case 206:
        if (s->ranges.count == 1)
            one_part(c, &s->ranges.list[0]);
        else
            sl__parts_set(c, &s->ranges);
        break;
    default:
        break;
    }
}
