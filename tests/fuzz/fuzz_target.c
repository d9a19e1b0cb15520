/*
 * Decoding. The three ways refuse the same inputs, never grow them, give the same in place, and
 * agree with each other where they should; queries are taken apart without losing or finding
 * octets.
 */
#include <string.h>

#include "fuzz.h"
#include "http/http1/host.h"
#include "http/target.h"

typedef ssize_t decode_fn(struct sl__str in, char *out);

static ssize_t decode_twice(decode_fn *decode, struct sl__str in, char *out)
{
    char *place = malloc(in.len + 1);
    ssize_t n = decode(in, out);

    CHECK(place);
    memcpy(place, in.ptr, in.len);
    CHECK(decode((struct sl__str){place, in.len}, place) == n);
    CHECK(n <= (ssize_t)in.len);
    if (n >= 0) {
        CHECK(memcmp(place, out, (size_t)n + 1) == 0);
        CHECK(strlen(out) == (size_t)n || memchr(in.ptr, '\0', in.len));
    }
    free(place);
    return n;
}

static void check_query(struct sl__str in)
{
    struct sl__str rest = in, key, value;
    size_t pairs = 0;

    while (sl__query_next(&rest, &key, &value)) {
        char *plain = malloc(key.len + 1);
        ssize_t n;

        CHECK(plain);
        CHECK(key.ptr >= in.ptr && value.ptr + value.len <= in.ptr + in.len);
        CHECK(!memchr(key.ptr, '=', key.len) && !memchr(value.ptr, '&', value.len));
        n = sl__decode_form(key, plain);
        if (n >= 0)
            CHECK(sl__form_equal(key, (struct sl__str){plain, (size_t)n}));
        free(plain);
        CHECK(++pairs <= in.len);
    }
    CHECK(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl__str in = {(const char *)data, size};
    char *path = malloc(size + 1), *component = malloc(size + 1), *form = malloc(size + 1);
    ssize_t paths, components, forms;

    CHECK(path && component && form);
    paths = decode_twice(sl__decode_path, in, path);
    components = decode_twice(sl__decode_component, in, component);
    forms = decode_twice(sl__decode_form, in, form);
    CHECK((paths < 0) == (components < 0) && components == forms);
    if (paths >= 0) {
        CHECK((paths - components) % 2 == 0);
        for (ssize_t i = 0; i < forms; i++)
            CHECK(form[i] == component[i] || (form[i] == ' ' && component[i] == '+'));
    }
    check_query(in);
    sl__host_valid(in);
    free(path);
    free(component);
    free(form);
    return 0;
}
