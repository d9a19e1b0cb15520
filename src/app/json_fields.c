/*
 * Members of JSON, read into variables.
 *
 * Handlers come here through sl_json_fields(). A member that is missing or wrong is a 422 that says
 * where it is, from the root of what the client sent: for an item of an array that the handler goes
 * through, its place is looked for in the request's value, once it is needed.
 */
#include <stdarg.h>
#include <stdio.h>

#include "app/field.h"
#include "app/json_scan.h"
#include "app/request_json.h"
#include "shallot/ctx.h"
#include "shallot/json.h"

/* A path as far as there is room for it: names are the client's and may be long. */
struct search {
    const json_t *wanted;
    size_t len;
    char path[200];
};

static void say(struct search *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct search *s, const char *fmt, ...)
{
    size_t room = sizeof s->path - s->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(s->path + s->len, room, fmt, args);
    va_end(args);
    if (n > 0)
        s->len += (size_t)n < room ? (size_t)n : room - 1;
}

static bool find_place(struct search *s, const json_t *json, unsigned depth);

/* True if it is there; otherwise the path is again what it was. */
static bool find_below(struct search *s, size_t len, const json_t *item, unsigned depth)
{
    if (item == s->wanted || find_place(s, item, depth + 1))
        return true;
    s->len = len;
    return false;
}

/* True if the wanted value is in there: its path is then "a.b[2]". */
static bool find_place(struct search *s, const json_t *json, unsigned depth)
{
    json_t *object = (json_t *)(uintptr_t)json; /* which is only read */
    size_t len = s->len;

    if (depth > SL__JSON_DEPTH_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(json); i++) {
        say(s, "[%zu]", i);
        if (find_below(s, len, json_array_get(json, i), depth))
            return true;
    }
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        say(s, "%s%s", len > 0 ? "." : "", json_object_iter_key(at));
        if (find_below(s, len, json_object_iter_value(at), depth))
            return true;
    }
    return false;
}

/* The place of @p json in what the client sent, and @p behind it; "" for the root and for a value
 * from elsewhere. */
static const char *prefix_of(sl_ctx *c, const json_t *json, const char *behind)
{
    struct search s = {.wanted = json};
    const json_t *root = sl__request_json(c);
    const char *text = NULL;

    if (root && json && root != json && find_place(&s, root, 0))
        text = sl_format(c, "%s%s", s.path, behind);
    return text ? text : "";
}

/* The member at a path with points; NULL if there is none. */
static json_t *find(const json_t *json, const char *path)
{
    char name[128];
    size_t len;

    while (json && path[len = strcspn(path, ".")] == '.') {
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        json = json_object_get(json, name);
        path += len + 1;
    }
    return json_object_get(json, path);
}

static bool take(const sl_field *f, json_t *value)
{
    size_t count = json_is_array(value) ? json_array_size(value) : json_object_size(value);

    if (f->kind == SL_FIELD_JSON) {
        if ((f->json == SL_JSON_ARRAY && !json_is_array(value)) ||
            (f->json == SL_JSON_OBJECT && !json_is_object(value)) ||
            (f->bounds && !sl__field_within(f, (double)count)))
            return false;
        *(json_t **)f->into = value;
        return true;
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return sl__field_text(f, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return sl__field_integer(f, json_integer_value(value));
    case JSON_REAL:
        return sl__field_real(f, json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return sl__field_flag(f, json_is_true(value));
    default:
        return false;
    }
}

static const char *describe(sl_ctx *c, const json_t *value)
{
    const char *text = NULL;

    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        text = sl_format(c, "an object of %zu", json_object_size(value));
        break;
    case JSON_ARRAY:
        text = sl_format(c, "an array of %zu", json_array_size(value));
        break;
    case JSON_STRING:
        return sl__field_quote(c, json_string_value(value));
    case JSON_INTEGER:
        text = sl_format(c, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        text = sl_format(c, "%.15g", json_real_value(value));
        break;
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
    return text ? text : "something else";
}

int sl_read_json(sl_ctx *c, const json_t *json, const sl_field *fields, size_t count)
{
    if (!json_is_object(json)) {
        return sl_fail(c, 422, "%sexpected an object, got %s", prefix_of(c, json, ": "),
                       describe(c, json));
    }
    for (size_t i = 0; i < count; i++) {
        const sl_field *f = &fields[i];
        json_t *value = find(json, f->name);

        if (f->optional && (!value || json_is_null(value)))
            continue;
        if (!value || !take(f, value))
            return sl_fail(c, 422, "%s%s: expected %s, got %s", prefix_of(c, json, "."), f->name,
                           sl__field_expected(c, f), describe(c, value));
    }
    return 0;
}
