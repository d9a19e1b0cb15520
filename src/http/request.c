/*
 * What a request can be asked: its method by number, its fields by name.
 *
 * The parser comes here once for each method; handlers come for fields, through the context.
 * Looking a field up walks the list: a real head has ten to forty fields, and comparing lengths
 * settles nearly all of them.
 */
#include "http/request.h"

enum sl__method sl__method_of(struct sl__str name)
{
    const char *p = name.ptr;

    switch (name.len) { /* comparisons of constant length are a load and a compare each */
    case 3:
        return memcmp(p, "GET", 3) == 0   ? SL__METHOD_GET
               : memcmp(p, "PUT", 3) == 0 ? SL__METHOD_PUT
                                          : SL__METHOD_OTHER;
    case 4:
        return memcmp(p, "POST", 4) == 0   ? SL__METHOD_POST
               : memcmp(p, "HEAD", 4) == 0 ? SL__METHOD_HEAD
                                           : SL__METHOD_OTHER;
    case 5:
        return memcmp(p, "PATCH", 5) == 0 ? SL__METHOD_PATCH : SL__METHOD_OTHER;
    case 6:
        return memcmp(p, "DELETE", 6) == 0 ? SL__METHOD_DELETE : SL__METHOD_OTHER;
    case 7:
        return memcmp(p, "OPTIONS", 7) == 0 ? SL__METHOD_OPTIONS : SL__METHOD_OTHER;
    default:
        return SL__METHOD_OTHER;
    }
}

const char *sl__method_name(enum sl__method method)
{
    static const char *const names[SL__METHOD_COUNT] = {
        "", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
    };

    return (unsigned)method < SL__METHOD_COUNT ? names[method] : "";
}

const struct sl__field *sl__request_field(const struct sl__request *r, struct sl__str name,
                                          uint32_t *at)
{
    for (uint32_t i = *at; i < r->field_count; i++) {
        const struct sl__field *field = &r->fields[i];

        if (field->name.len != name.len ||
            !sl__str_equal_nocase(sl__request_str(r, field->name), name))
            continue;
        *at = i + 1;
        return field;
    }
    *at = r->field_count;
    return NULL;
}
