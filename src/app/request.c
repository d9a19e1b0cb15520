/*
 * The request as handlers read it: method, target, path, fields.
 *
 * Most of this hands out pointers into the head, terminated in place. What must be made (a path in
 * front of a query, a header on several lines) is made when asked for, once, in the arena.
 */
#include "shallot/request.h"

#include "app/ctx.h"

const char *sl_method(const sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);

    return sl__request_text(r, r->method_name);
}

const char *sl_target(const sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);

    return sl__request_text(r, r->target);
}

/* Terminated without another copy: it is one, or a literal, or ends where the target ends. */
static bool terminated(const sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);

    if (c->path.decoded || r->asterisk || r->path.len == 0)
        return true;
    if (r->path.at + r->path.len != r->target.at + r->target.len)
        return false;
    sl__request_text(r, r->target);
    return true;
}

const char *sl_path(const sl_ctx *c)
{
    const struct sl__str *text = &c->path.text;
    const char *copy;

    if (c->path_text)
        return c->path_text;
    if (terminated(c))
        return text->ptr;
    copy = sl__arena_copy(&c->x->arena, text->ptr, text->len);
    c->me->path_text = copy;
    return copy ? copy : sl_target(c); /* out of memory: with its query is better than none */
}

/* All lines of a field as one value (RFC 9110 §5.3), except that cookies are joined as RFC 9113
 * §8.2.3 has it. */
static const char *join(sl_ctx *c, struct sl__str name)
{
    const struct sl__request *r = sl__ctx_request(c);
    const char *separator = sl__str_equal_nocase(name, SL__STR("cookie")) ? "; " : ", ";
    const struct sl__field *field;
    size_t room = 1;
    char *text, *out;

    for (uint32_t at = 0; (field = sl__request_field(r, name, &at));)
        room += field->value.len + 2;
    text = out = sl__arena_alloc(&c->x->arena, room);
    if (!text)
        return NULL;
    for (uint32_t at = 0; (field = sl__request_field(r, name, &at));) {
        if (out != text) {
            memcpy(out, separator, 2);
            out += 2;
        }
        memcpy(out, r->base + field->value.at, field->value.len);
        out += field->value.len;
    }
    *out = '\0';
    return text;
}

static const char *joined(sl_ctx *c, struct sl__str name, struct sl__str first_name)
{
    struct sl__joined *j;

    for (j = c->joined; j; j = j->next)
        if (sl__str_equal_nocase(j->name, name))
            return j->value;
    j = sl__arena_alloc(&c->x->arena, sizeof *j);
    if (!j)
        return NULL;
    *j = (struct sl__joined){c->joined, first_name, join(c, name)};
    if (j->value)
        c->joined = j;
    return j->value;
}

/* Host, and the target is absolute: its authority stands for whatever the field says, or would say
 * (RFC 9112 §3.2.2). */
static bool is_authority(const struct sl__request *r, struct sl__str wanted)
{
    return r->host.len > 0 && r->host.at < r->target.at + r->target.len &&
           sl__str_equal_nocase(wanted, SL__STR("host"));
}

const char *sl_header(sl_ctx *c, const char *name)
{
    const struct sl__request *r = sl__ctx_request(c);
    struct sl__str wanted = sl__str_of(name);
    const struct sl__field *first;
    uint32_t at = 0;

    if (is_authority(r, wanted))
        return sl__arena_copy(&c->x->arena, r->base + r->host.at, r->host.len);
    first = sl__request_field(r, wanted, &at);
    if (!first)
        return NULL;
    if (sl__request_field(r, wanted, &at))
        return joined(c, wanted, sl__request_str(r, first->name));
    return sl__request_text(r, first->value);
}

bool sl_header_at(const sl_ctx *c, size_t i, const char **ret_name, const char **ret_value)
{
    const struct sl__request *r = sl__ctx_request(c);

    if (i >= r->field_count)
        return false;
    *ret_name = sl__request_text(r, r->fields[i].name);
    *ret_value = sl__request_text(r, r->fields[i].value);
    return true;
}

const char *sl_trailer(const sl_ctx *c, const char *name)
{
    const struct sl__request *r = sl__ctx_request(c);
    struct sl__str wanted = sl__str_of(name);

    for (uint32_t i = 0; i < r->trailer_count; i++) {
        const struct sl__field *f = &r->trailers[i];

        if (sl__str_equal_nocase((struct sl__str){r->trailer_base + f->name.at, f->name.len},
                                 wanted))
            return sl__arena_copy(&c->x->arena, r->trailer_base + f->value.at, f->value.len);
    }
    return NULL;
}
