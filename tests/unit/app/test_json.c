/* BO2: JSON values. */
#include "memory_exchange.h"

#include <shallot/json.h>

static int small(sl_ctx *c)
{
    return sl_json(c, json_pack("{s:i,s:[s,n]}", "a", 1, "b", "\xc3\xa9"));
}

static int scalar(sl_ctx *c)
{
    sl_type(c, "application/problem+json");
    return sl_json(c, json_string("x"));
}

static int big(sl_ctx *c)
{
    json_t *list = json_array();

    for (int i = 0; i < 5000; i++)
        json_array_append_new(list, json_integer(i));
    return sl_json(c, list);
}

static int bad(sl_ctx *c)
{
    assert_int_equal(sl_json(c, json_pack("{s:s}", "a", "\xff")), -EINVAL);
    return sl_json(c, NULL);
}

static void bo2_json(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    memory_log_start();
    sl_get(app, "/small", small);
    sl_get(app, "/scalar", scalar);
    sl_get(app, "/big", big);
    sl_get(app, "/bad", bad);
    memory_request(&m, app, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(memory_body(&m), "{\"a\":1,\"b\":[\"\xc3\xa9\",null]}");
    assert_true(memory_has_header(&m, "Content-Type: application/json"));
    memory_finish(&m);
    memory_request(&m, app, "GET /scalar HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(memory_body(&m), "\"x\"");
    assert_true(memory_has_header(&m, "Content-Type: application/problem+json"));
    memory_finish(&m);
    memory_request(&m, app, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sl__buf_len(&m.body), 10 + 2 * 90 + 3 * 900 + 4 * 4000 + 4999 + 2);
    assert_memory_equal(memory_body(&m) + sl__buf_len(&m.body) - 6, ",4999]", 6);
    memory_finish(&m);
    memory_expect(app, "GET", "/bad", 500, NULL);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bo2_json)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
