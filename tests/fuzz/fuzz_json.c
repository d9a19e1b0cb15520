/*
 * The walk before the parser and the parser agree on what JSON is, and no text that the walk lets
 * through is deeper than it said; what is parsed is written, and parsed again, without a change.
 */
#include <jansson.h>
#include <string.h>

#include "app/json_scan.h"
#include "app/json_write.h"
#include "fuzz.h"
#include "shallot/error.h"

#define DEEPEST 8

static unsigned depth_of(const json_t *json)
{
    json_t *object = (json_t *)(uintptr_t)json;
    unsigned most = 0, d;

    for (size_t i = 0; i < json_array_size(json); i++)
        most = (d = depth_of(json_array_get(json, i))) > most ? d : most;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        most = (d = depth_of(json_object_iter_value(at))) > most ? d : most;
    return most + (json_is_array(json) || json_is_object(json));
}

static bool parser_alone(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_duplicate_key:
    case json_error_numeric_overflow:
        return true;
    default:
        return strstr(e->text, "invalid Unicode");
    }
}

static void write_and_read(const json_t *json)
{
    struct sl__arena a = {0};
    struct sl__str text;
    json_t *again;

    CHECK(sl__json_write(&a, json, &text) == 0);
    again = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    CHECK(again && json_equal(json, again));
    json_decref(again);
    sl__arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl__str text = {(const char *)data, size};
    struct sl__json_fault fault;
    json_error_t e;
    json_t *json;
    int r = sl__json_scan(text, DEEPEST, 1000, &fault);

    CHECK(r == 0 || (fault.at <= size && fault.expected));
    if (r == -SL_ETOOBIG)
        return 0;
    json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!json) {
        CHECK(r < 0 || parser_alone(&e));
        return 0;
    }
    if (r == 0) {
        CHECK(depth_of(json) <= DEEPEST);
        write_and_read(json);
    } else {
        CHECK(memchr(data, 0, size)); /* Jansson overlooks one behind a number */
    }
    json_decref(json);
    return 0;
}
