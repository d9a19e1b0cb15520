/*
 * Values of a request, read into variables: from parameters of the path, the query, a form or JSON.
 *
 *     int page = 1;
 *     const char *sort = "name";
 *     int r = sl_query_fields(c, SL_FIELD("page", &page, .optional = true, SL_AT_LEAST(1)),
 *                             SL_FIELD("sort", &sort, .optional = true));
 *     if (r < 0)
 *         return r; // 400: query page: expected an integer, 1 or more, got "x"
 *
 * The variable's type says what is expected: int, unsigned, long, long long, unsigned long, double,
 * bool or const char *; of JSON json_t * too. What does not fit makes the request fail in words the
 * client can use, and no variable behind the one that failed is touched.
 */
#ifndef SHALLOT_FIELD_H
#define SHALLOT_FIELD_H

#include <shallot/common.h>
#ifdef __cplusplus
#include <initializer_list>
#endif

SL_BEGIN_DECLS

struct json_t;

/** What a variable is, and so what is expected. */
typedef enum sl_field_kind {
    SL_FIELD_TEXT = 1, /**< const char * */
    SL_FIELD_INT,
    SL_FIELD_UNSIGNED,
    SL_FIELD_LONG,
    SL_FIELD_LONG_LONG,
    SL_FIELD_UNSIGNED_LONG, /**< to 2^63 - 1 */
    SL_FIELD_DOUBLE,
    SL_FIELD_BOOL, /**< true or false; of text also 1, 0, on, off, yes, no */
    SL_FIELD_JSON, /**< json_t *, borrowed; only sl_json_fields() */
} sl_field_kind;

/** For sl_field.json. */
typedef enum sl_field_json { SL_JSON_ANY = 0, SL_JSON_ARRAY, SL_JSON_OBJECT } sl_field_json;

/** One value to read. In C made by SL_FIELD(name, &variable, ...). */
typedef struct sl_field {
    const char *name; /**< of JSON with points for members of members: "address.city" */
    sl_field_kind kind;
    void *into;           /**< variable of that kind; text lives as long as the request */
    bool optional;        /**< may be missing (of JSON also null): the variable keeps its value */
    unsigned bounds;      /**< 1: min counts, 2: max counts. See SL_AT_LEAST() */
    double min, max;      /**< of a number; characters of a text; items of an array or object */
    sl_field_json json;   /**< for json_t *: what it has to be. Default: anything */
    unsigned char unused; /**< so that the macro has something to end with */
} sl_field;

/** Parameters of the matched path. 0; 400 that names the parameter, what was expected and what
 * came; -ENOMEM. In C use sl_param_fields(c, SL_FIELD(...), ...). */
SL_API int sl_read_params(sl_ctx *c, const sl_field *fields, size_t count);

/** First values of the query, likewise. */
SL_API int sl_read_query(sl_ctx *c, const sl_field *fields, size_t count);

SL_END_DECLS

#ifndef __cplusplus
/** SL_FIELD(name, &variable), with .optional = true and one of the three below if wanted. */
#define SL_FIELD(...) SL_FIELD_(__VA_ARGS__, .unused = 0)
#define SL_FIELD_(name_, into_, ...)                                                               \
    {                                                                                              \
        name_, SL_FIELD_KIND_(into_), into_, __VA_ARGS__                                           \
    }
#define SL_FIELD_KIND_(into_)                                                                      \
    _Generic((into_), const char ** : SL_FIELD_TEXT, int * : SL_FIELD_INT, unsigned * : SL_FIELD_UNSIGNED,    \
             long * : SL_FIELD_LONG, long long * : SL_FIELD_LONG_LONG,                             \
             unsigned long * : SL_FIELD_UNSIGNED_LONG, double * : SL_FIELD_DOUBLE,                 \
             bool * : SL_FIELD_BOOL, struct json_t ** : SL_FIELD_JSON)
#define SL_AT_LEAST(low) .bounds = 1, .min = (double)(low)
#define SL_AT_MOST(high) .bounds = 2, .max = (double)(high)
#define SL_BETWEEN(low, high) .bounds = 3, .min = (double)(low), .max = (double)(high)
#define SL_FIELDS_(...)                                                                            \
    (const sl_field[]){__VA_ARGS__}, sizeof((const sl_field[]){__VA_ARGS__}) / sizeof(sl_field)

#define sl_param_fields(c, ...) sl_read_params(c, SL_FIELDS_(__VA_ARGS__))
#define sl_query_fields(c, ...) sl_read_query(c, SL_FIELDS_(__VA_ARGS__))

/** One value alone: sl_param_int(c, "id", &id), with bounds if wanted. A parameter is required, a
 * value of the query optional: the variable keeps its default. */
#define sl_param_int(c, ...) sl_param_fields(c, SL_FIELD(__VA_ARGS__))
#define sl_param_double(c, ...) sl_param_fields(c, SL_FIELD(__VA_ARGS__))
#define sl_query_int(c, ...) sl_query_fields(c, SL_FIELD(__VA_ARGS__, .optional = true))
#define sl_query_double(c, ...) sl_query_fields(c, SL_FIELD(__VA_ARGS__, .optional = true))
#define sl_query_bool(c, ...) sl_query_fields(c, SL_FIELD(__VA_ARGS__, .optional = true))
#else
inline sl_field sl_field_of(const char *name, sl_field_kind kind, void *into, bool optional = false)
{
    sl_field f = {};
    f.name = name;
    f.kind = kind;
    f.into = into;
    f.optional = optional;
    return f;
}
#define SL_FIELD_OVERLOAD_(type, kind)                                                             \
    inline sl_field SL_FIELD(const char *name, type *into, bool optional = false)                  \
    {                                                                                              \
        return sl_field_of(name, kind, into, optional);                                            \
    }
SL_FIELD_OVERLOAD_(const char *, SL_FIELD_TEXT)
SL_FIELD_OVERLOAD_(int, SL_FIELD_INT)
SL_FIELD_OVERLOAD_(unsigned, SL_FIELD_UNSIGNED)
SL_FIELD_OVERLOAD_(long, SL_FIELD_LONG)
SL_FIELD_OVERLOAD_(long long, SL_FIELD_LONG_LONG)
SL_FIELD_OVERLOAD_(unsigned long, SL_FIELD_UNSIGNED_LONG)
SL_FIELD_OVERLOAD_(double, SL_FIELD_DOUBLE)
SL_FIELD_OVERLOAD_(bool, SL_FIELD_BOOL)
SL_FIELD_OVERLOAD_(struct json_t *, SL_FIELD_JSON)
#undef SL_FIELD_OVERLOAD_
/** The field with bounds: SL_BETWEEN(SL_FIELD("age", &age), 0, 150). */
inline sl_field SL_BETWEEN(sl_field f, double low, double high)
{
    f.bounds = 3;
    f.min = low;
    f.max = high;
    return f;
}
inline sl_field SL_AT_LEAST(sl_field f, double low)
{
    f.bounds = 1;
    f.min = low;
    return f;
}
inline sl_field SL_AT_MOST(sl_field f, double high)
{
    f.bounds = 2;
    f.max = high;
    return f;
}
inline int sl_param_fields(sl_ctx *c, std::initializer_list<sl_field> fields)
{
    return sl_read_params(c, fields.begin(), fields.size());
}
inline int sl_query_fields(sl_ctx *c, std::initializer_list<sl_field> fields)
{
    return sl_read_query(c, fields.begin(), fields.size());
}
template <typename T> inline int sl_param_int(sl_ctx *c, const char *name, T *into)
{
    return sl_param_fields(c, {SL_FIELD(name, into)});
}
template <typename T> inline int sl_query_int(sl_ctx *c, const char *name, T *into)
{
    return sl_query_fields(c, {SL_FIELD(name, into, true)});
}
inline int sl_param_double(sl_ctx *c, const char *name, double *into)
{
    return sl_param_fields(c, {SL_FIELD(name, into)});
}
inline int sl_query_double(sl_ctx *c, const char *name, double *into)
{
    return sl_query_fields(c, {SL_FIELD(name, into, true)});
}
inline int sl_query_bool(sl_ctx *c, const char *name, bool *into)
{
    return sl_query_fields(c, {SL_FIELD(name, into, true)});
}
#endif

#endif
