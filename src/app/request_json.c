/*
 * JSON requests: the body as a Jansson value.
 *
 * A handler comes here once it wants the value. The type is asked first, because a body that is not
 * read need not be sent; then the text is walked (json_scan.c), and only what is JSON within the
 * limits reaches Jansson's parser, which has the last word on strings, numbers and names that come
 * twice. The value is the request's: freed with it, given again when asked again.
 */
#include "app/request_json.h"

#include <errno.h>

#include "app/json_scan.h"
#include "app/media.h"
#include "shallot/ctx.h"
#include "shallot/error.h"
#include "shallot/json.h"
#include "shallot/limits.h"
#include "shallot/request.h"

#define BOM SL__STR("\xef\xbb\xbf") /* RFC 8259 §8.1 lets us ignore it, and some tools send it */

/* application/json, or a type whose name ends so (RFC 6839 §3.1). */
static bool is_json(struct sl__str type)
{
    static const struct sl__str suffix = {"+json", 5};

    if (sl__str_equal_nocase(type, SL__STR("application/json")))
        return true;
    return type.len > suffix.len &&
           sl__str_equal_nocase((struct sl__str){type.ptr + type.len - suffix.len, suffix.len},
                                suffix);
}

static int check_type(sl_ctx *c)
{
    const char *field = sl_header(c, "content-type");
    struct sl__str type = sl__media_type(field);

    if (!is_json(type))
        return sl_fail(c, 415, "application/json expected, not %s",
                       field ? field : "a body without a type");
    return sl__media_check_text(c, field);
}

/* Line and column, both from 1, the column in characters. */
static void find_place(struct sl__str text, size_t at, size_t *ret_line, size_t *ret_column)
{
    *ret_line = *ret_column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] == '\n') {
            ++*ret_line;
            *ret_column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            ++*ret_column;
        }
    }
}

static int refuse(sl_ctx *c, struct sl__str text, const struct sl__json_fault *fault)
{
    size_t line, column;
    int next = fault->at < text.len ? (unsigned char)text.ptr[fault->at] : -1;
    const char *found = "the end";

    find_place(text, fault->at, &line, &column);
    if (next > 0x20 && next < 0x7f)
        found = sl_format(c, "'%c'", next);
    else if (next >= 0)
        found = next >= 0x80 ? "another character" : "a control character";
    return sl_fail(c, 400, "not JSON: line %zu, column %zu: expected %s, found %s", line, column,
                   fault->expected, found ? found : "something else");
}

static int refuse_size(sl_ctx *c, struct sl__str text, const struct sl__json_fault *fault)
{
    size_t line, column;

    find_place(text, fault->at, &line, &column);
    if (fault->expected[0] == 'n')
        return sl_fail(c, 400, "JSON: line %zu, column %zu: expected no more than %u levels", line,
                       column, c->x->limits->json_depth);
    return sl_fail(c, 413, "JSON: line %zu, column %zu: expected no more than %zu values", line,
                   column, c->x->limits->json_values);
}

static int parse(sl_ctx *c, struct sl__str text, json_t **ret)
{
    json_error_t error = {0};

    *ret = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*ret)
        return 0;
    switch (json_error_code(&error)) {
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_duplicate_key:
    case json_error_numeric_overflow:
        break;
    default: /* of the grammar only the pairs of \ud800 are left to be wrong */
        if (!strstr(error.text, "invalid Unicode"))
            return sl__ctx_error(c, -ENOMEM);
    }
    return sl_fail(c, 400, "not JSON: line %d, column %d: %s", error.line, error.column,
                   error.text);
}

static void drop(void *json)
{
    json_decref(json);
}

static int read_json(sl_ctx *c, json_t **ret)
{
    struct sl__json_fault fault;
    struct sl__str text;
    const void *body;
    int r = sl_request_body(c, &body, &text.len);

    if (r < 0)
        return r;
    text.ptr = body;
    if (text.len >= BOM.len && memcmp(text.ptr, BOM.ptr, BOM.len) == 0)
        text = (struct sl__str){text.ptr + BOM.len, text.len - BOM.len};
    r = sl__json_scan(text, c->x->limits->json_depth, c->x->limits->json_values, &fault);
    if (r == -SL_ETOOBIG)
        return refuse_size(c, text, &fault);
    if (r < 0)
        return refuse(c, text, &fault);
    return parse(c, text, ret);
}

int sl_request_json(sl_ctx *c, json_t **ret)
{
    json_t *json = sl__request_json(c);
    int r = 0;

    if (!json) {
        r = check_type(c);
        if (r == 0)
            r = read_json(c, &json);
        if (r < 0)
            return r;
        r = sl_set_state(c, SL__JSON_KEY, json, drop);
        if (r < 0)
            return sl__ctx_error(c, r);
    }
    *ret = json;
    return 0;
}
