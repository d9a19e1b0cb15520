/*
 * JSON in and out, with Jansson. Compile with: pkg-config --cflags --libs shallot jansson
 *
 *     static int add(sl_ctx *c)
 *     {
 *         const char *name;
 *         int age = 0;
 *         json_t *json;
 *         int r = sl_request_json(c, &json);
 *
 *         if (r == 0)
 *             r = sl_json_fields(c, json, SL_FIELD("name", &name, SL_BETWEEN(1, 80)),
 *                                SL_FIELD("age", &age, .optional = true, SL_BETWEEN(0, 150)));
 *         return r < 0 ? r : sl_json_pack(c, "{s:s, s:i}", "name", name, "age", age);
 *     }
 */
#ifndef SHALLOT_JSON_H
#define SHALLOT_JSON_H

#include <jansson.h>

#include <shallot/common.h>
#include <shallot/field.h>

SL_BEGIN_DECLS

/**
 * Waits for the request's body and parses it (RFC 8259). A second call gives the same value.
 *
 * The value belongs to the request and is freed with it: no json_decref(), whatever way the handler
 * ends. json_incref() keeps it, or a part of it, for longer.
 *
 * @return 0; 415 if the type is not application/json or one that ends in +json, or the characters
 * are not UTF-8; 400 with line, column and what was expected there, also for a name that comes
 * twice in an object, a number that fits neither 64 bits nor a double, \u0000, and more than
 * limits.json_depth levels; 413 over limits.json_values; and the errors of sl_request_body()
 */
SL_SUSPENDS SL_API int sl_request_json(sl_ctx *c, json_t **ret);

/**
 * Body from a JSON value, serialised at once, as application/json unless another type was set.
 *
 * @param json  the reference is taken, on failure too; NULL (json_pack() failed) is a failure. What
 * sl_request_json() gave may be given as it is: it stays the request's
 * @return      0; -EINVAL for NULL and for a value deeper than 512; -ENOMEM
 */
SL_API int sl_json(sl_ctx *c, json_t *json);

/** Body from values, by json_pack()'s format: sl_json_pack(c, "{s:s}", "name", name). 0; 500 for a
 * bad format or a NULL or bad string, which is logged; -ENOMEM. */
SL_API int sl_json_pack(sl_ctx *c, const char *fmt, ...);

/**
 * Members of an object, into variables. In C use sl_json_fields(c, json, SL_FIELD(...), ...).
 *
 * Texts live as long as @p json. Members that nobody asked for are no error.
 *
 * @return 0; 422 that names the member, as "items[2].name", what was expected and what came
 */
SL_API int sl_read_json(sl_ctx *c, const json_t *json, const sl_field *fields, size_t count);

SL_END_DECLS

#ifndef __cplusplus
#define sl_json_fields(c, json, ...) sl_read_json(c, json, SL_FIELDS_(__VA_ARGS__))
#else
inline int sl_json_fields(sl_ctx *c, const json_t *json, std::initializer_list<sl_field> fields)
{
    return sl_read_json(c, json, fields.begin(), fields.size());
}
#endif

#endif
