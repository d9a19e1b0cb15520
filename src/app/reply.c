/*
 * The response as handlers write it: status, headers, type, and what stands when nobody did.
 *
 * Handlers come here from any layer, service.c when the onion has unwound. The body has a file of
 * its own (content.c). Content-Type is kept apart from the other headers: a guess from the body
 * must give way to another body's, and to whatever the program says, in whichever order they come.
 */
#include "app/reply.h"

#include <errno.h>
#include <stdio.h>

#include "app/allowed.h"
#include "app/error.h"
#include "app/selection.h"
#include "app/types.h"
#include "http/detached.h"
#include "shallot/response.h"

static bool is_content_type(struct sl__str name)
{
    return name.len == 12 && sl__str_equal_nocase(name, SL__STR("Content-Type"));
}

static int set_type(sl_ctx *c, const char *type)
{
    struct sl__str value = sl__str_of(type ? type : "");
    const char *copy = NULL;

    if (type && !sl__header_allowed(SL__STR("Content-Type"), value))
        return -SL_EBADHEADER;
    if (type) {
        copy = sl__arena_copy(&c->x->arena, value.ptr, value.len);
        if (!copy)
            return -ENOMEM;
    }
    c->x->response.type = (struct sl__str){copy, value.len};
    c->type_rank = SL__TYPE_GIVEN;
    return 0;
}

static int change_header(sl_ctx *c, const char *name, const char *value, bool append)
{
    struct sl__str n = sl__str_of(name), v = sl__str_of(value ? value : "");
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (is_content_type(n))
        return set_type(c, value);
    return sl__response_set_header(&c->x->response, &c->x->arena, n, value ? &v : NULL, append);
}

int sl_set_status(sl_ctx *c, int status)
{
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (status < 200 || status > 599)
        return -EINVAL;
    c->x->response.status = status;
    return 0;
}

int sl_set_header(sl_ctx *c, const char *name, const char *value)
{
    return change_header(c, name, value, false);
}

static void keep(sl_ctx *c, struct sl__str name)
{
    for (struct sl__header *h = c->x->response.headers; h; h = h->next)
        h->kept |= sl__str_equal_nocase(h->name, name);
}

int sl_keep_header(sl_ctx *c, const char *name, const char *value)
{
    struct sl__str n = sl__str_of(name);
    int r;

    if (!value || is_content_type(n) || sl__str_equal_nocase(n, SL__STR("Content-Length")))
        return -EINVAL;
    r = change_header(c, name, value, false);
    if (r == 0)
        keep(c, n);
    return r;
}

int sl_append_header(sl_ctx *c, const char *name, const char *value)
{
    return value ? change_header(c, name, value, true) : -EINVAL;
}

int sl_type(sl_ctx *c, const char *type)
{
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (type && !strchr(type, '/')) {
        if (strcmp(type, "json") == 0)
            type = "application/json; charset=utf-8";
        else
            type = sl__type_of_extension(sl__str_of(type));
        if (!type)
            return -SL_EBADHEADER;
    }
    return set_type(c, type);
}

/* Octets that a URI reference may hold as they are (RFC 3986 §2), and '%' of what is escaped. A
 * backslash is none of them, though browsers take it for a slash. */
static bool location_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~:/?#[]@!$&'()*+,;=%", c));
}

/* A copy with everything else percent-encoded; NULL when out of memory. */
static char *encode_location(sl_ctx *c, struct sl__str location)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text, *out;
    size_t room = 1;

    for (size_t i = 0; i < location.len; i++)
        room += location_char(location.ptr[i]) ? 1 : 3;
    text = out = sl_alloc(c, room);
    if (!text)
        return NULL;
    for (size_t i = 0; i < location.len; i++) {
        unsigned char octet = (unsigned char)location.ptr[i];

        if (location_char(location.ptr[i])) {
            *out++ = location.ptr[i];
            continue;
        }
        *out++ = '%';
        *out++ = hex[octet >> 4];
        *out++ = hex[octet & 15];
    }
    *out = '\0';
    return text;
}

int sl_redirect(sl_ctx *c, const char *location)
{
    struct sl__response *response = &c->x->response;
    struct sl__str raw = sl__str_of(location ? location : "");
    char *encoded;
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (raw.len == 0 || !sl__header_allowed(SL__STR("Location"), raw))
        return -SL_EBADHEADER;
    encoded = encode_location(c, raw);
    if (!encoded)
        return -ENOMEM;
    r = sl_set_header(c, "Location", encoded);
    if (r == 0 && (response->status < 300 || response->status > 399))
        response->status = 302;
    return r;
}

static bool has_body(int status)
{
    return status != 204 && status != 205 && status != 304;
}

int sl__reply_status(const sl_ctx *c)
{
    const struct sl__response *r = &c->x->response;

    if (r->status)
        return r->status;
    return r->payload != SL__PAYLOAD_NONE || c->x->committed ? 200 : sl__allowed_status(c);
}

static inline bool may_be_selected(const sl_ctx *c)
{
    return c->asks == SL__ASKS_SOMETHING;
}

/* Of the file that stands what the request wants; -1: all of it. */
static SL__APART int selected_status(const sl_ctx *c)
{
    struct sl__selection s;

    sl__selection_make(c, &s);
    return s.status != 200 ? s.status : -1;
}

static SL__APART int64_t selected_length(const sl_ctx *c)
{
    struct sl__selection s;

    sl__selection_make(c, &s);
    return s.status != 200 ? sl__selection_length(c, &s) : -1;
}

int sl_status(const sl_ctx *c)
{
    int selected = -1;

    if (c->failing && !c->x->committed)
        return sl__error_status(c, c->failing);
    if (may_be_selected(c))
        selected = selected_status(c);
    return selected >= 0 ? selected : sl__reply_status(c);
}

/* What tells this version of a file from others, unless the program says it in its own way. The
 * status has to be known, because only then is it the file that is asked for. */
static const struct sl__stamp *standing_stamp(const sl_ctx *c)
{
    const struct sl__response *r = &c->x->response;

    if ((r->payload != SL__PAYLOAD_LENT && r->payload != SL__PAYLOAD_FILE) || !r->stamp ||
        (r->status && r->status != 200) || sl__response_header(r, SL__STR("ETag")) ||
        sl__response_header(r, SL__STR("Last-Modified")))
        return NULL;
    return r->stamp;
}

static const char *of_the_file(const sl_ctx *c, struct sl__str name)
{
    const struct sl__stamp *stamp = standing_stamp(c);

    if (stamp && sl__str_equal_nocase(name, SL__STR("ETag")))
        return stamp->etag;
    if (stamp && sl__str_equal_nocase(name, SL__STR("Last-Modified")))
        return stamp->modified;
    return NULL;
}

/* The values stay where they are. */
static int link_stamp(sl_ctx *c, const struct sl__stamp *stamp)
{
    struct sl__header *h = sl_alloc(c, 2 * sizeof *h);
    struct sl__response *r = &c->x->response;

    if (!h)
        return -ENOMEM;
    h[0] = (struct sl__header){.next = &h[1],
                               .name = SL__STR("Last-Modified"),
                               .value = {stamp->modified, sizeof stamp->modified - 1}};
    h[1] = (struct sl__header){.name = SL__STR("ETag"), .value = sl__str_of(stamp->etag)};
    *r->last = h;
    r->last = &h[1].next;
    return 0;
}

/* Unless the program has said something about it. */
static void link_accept_ranges(sl_ctx *c)
{
    struct sl__response *r = &c->x->response;
    struct sl__header *h;

    if (sl__response_header(r, SL__STR("Accept-Ranges")))
        return;
    h = sl_alloc(c, sizeof *h);
    if (!h)
        return;
    *h = (struct sl__header){.name = SL__STR("Accept-Ranges"), .value = SL__STR("bytes")};
    *r->last = h;
    r->last = &h->next;
}

int sl__reply_keep_stamp(sl_ctx *c)
{
    const struct sl__stamp *stamp = standing_stamp(c);
    struct sl__stamp *copy;

    if (!stamp)
        return 0;
    copy = sl_alloc(c, sizeof *copy);
    if (!copy)
        return -ENOMEM;
    *copy = *stamp;
    return link_stamp(c, copy);
}

const char *sl_response_header(const sl_ctx *c, const char *name)
{
    const struct sl__header *header;
    struct sl__str n = sl__str_of(name);

    if (is_content_type(n))
        return c->x->response.type.ptr;
    header = sl__response_header(&c->x->response, n);
    return header ? header->value.ptr : of_the_file(c, n);
}

struct sl__str sl__reply_status_line(const sl_ctx *c, int status)
{
    const char *reason = sl__status_text(status);
    const char *text =
        sl_format(c->me, "%d%s%s%s", status, *reason ? " " : "", reason, status >= 400 ? "\n" : "");

    return text ? sl__str_of(text) : (struct sl__str){"", 0};
}

/* Of what will stand there when nobody gives a body. */
static int64_t default_length(const sl_ctx *c)
{
    size_t len;

    sl_response_bytes(c, &len);
    return (int64_t)len;
}

int64_t sl_response_length(const sl_ctx *c)
{
    const struct sl__response *r = &c->x->response;
    int64_t selected = -1;

    if (c->x->committed)
        return sl__response_announced(r);
    if (c->failing || r->payload == SL__PAYLOAD_NONE)
        return default_length(c);
    if (may_be_selected(c))
        selected = selected_length(c);
    return selected >= 0 ? selected : sl__response_length(r);
}

const void *sl_response_bytes(const sl_ctx *c, size_t *ret_len)
{
    const struct sl__response *r = &c->x->response;
    struct sl__str bytes = {NULL, 0};
    int status = sl__reply_status(c);

    if (c->x->committed)
        bytes = (struct sl__str){NULL, 0};
    else if (c->failing)
        bytes = sl__error_text(c, c->failing);
    else if (r->payload == SL__PAYLOAD_BYTES || r->payload == SL__PAYLOAD_LENT)
        bytes = r->bytes;
    else if (r->payload == SL__PAYLOAD_NONE && has_body(status))
        bytes = sl__reply_status_line(c, status);
    if (ret_len)
        *ret_len = bytes.len;
    return bytes.ptr;
}

int sl_on_close(sl_ctx *c, void (*fn)(uint64_t octets, int why, void *self), void *self)
{
    if (!fn || sl_response_kind_of(c) != SL_RESPONSE_OPEN)
        return -EINVAL;
    return sl__detached_on_over(c->x->response.detached, fn, self);
}

static void set_allow(sl_ctx *c)
{
    const char *allowed = sl__allowed_text(c);

    if (allowed && !sl_response_header(c, "Allow"))
        sl_set_header(c, "Allow", allowed); /* without memory the answer is poorer, not wrong */
}

/* Nobody gave a body: the status says it all. */
static SL__COLD void complete_by_status(sl_ctx *c)
{
    struct sl__response *r = &c->x->response;

    if (!r->status) {
        r->status = sl__allowed_status(c);
        if (r->status == 405 || r->status == 204)
            set_allow(c);
    }
    if (has_body(r->status)) {
        sl__response_set_bytes(r, sl__reply_status_line(c, r->status));
        r->type = SL__TEXT_PLAIN;
    }
    if (c->app->show && r->status >= 400)
        c->app->show(c, 0);
}

/* False if the request wants all of it. */
static SL__APART bool select_from_file(sl_ctx *c)
{
    struct sl__selection s;

    sl__selection_make(c, &s);
    if (s.status == 200)
        return false;
    if (s.status == 206 || s.status == 416)
        link_accept_ranges(c);
    sl__selection_apply(c, &s);
    return true;
}

/* What belongs to the file is sent with it, and of the file what is asked for. Without memory for
 * a header the answer is poorer, not wrong. */
static SL__APART void complete_file(sl_ctx *c)
{
    const struct sl__stamp *stamp = standing_stamp(c);

    if (may_be_selected(c) && select_from_file(c))
        return;
    if (sl__selection_possible(c))
        link_accept_ranges(c);
    if (stamp)
        link_stamp(c, stamp); /* it lives as long as the payload */
}

void sl__reply_complete(sl_ctx *c)
{
    struct sl__response *r = &c->x->response;

    if (c->x->committed)
        return;
    if (r->payload > SL__PAYLOAD_BYTES)
        complete_file(c);
    if (r->payload == SL__PAYLOAD_NONE)
        complete_by_status(c);
    else if (!r->status)
        r->status = 200;
}
