/* JSON that comes in: types, mistakes in words, limits, members in variables; memory runs out. */
#include "memory_exchange.h"
#include "starving.h"

#include <shallot/json.h>

#include "base/mem.h"

static void post(struct memory *m, sl_app *app, const char *path, const char *type,
                 const char *body)
{
    static char text[20000];

    snprintf(text, sizeof text,
             "POST %s HTTP/1.1\r\nHost: a\r\n%s%s%sContent-Length: %zu\r\n\r\n%s", path,
             type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", strlen(body),
             body);
    memory_request(m, app, text);
}

static void expect_typed(sl_app *app, const char *path, const char *type, const char *body,
                         int status, const char *answer)
{
    struct memory m;

    post(&m, app, path, type, body);
    if (m.status != status || (answer && strcmp(memory_body(&m), answer) != 0))
        fail_msg("%s: %d %s", body, m.status, memory_body(&m));
    memory_finish(&m);
}

static void expect(sl_app *app, const char *path, const char *body, int status, const char *answer)
{
    expect_typed(app, path, "application/json", body, status, answer);
}

static int echo(sl_ctx *c)
{
    json_t *json, *again;
    int r = sl_request_json(c, &json);

    if (r < 0)
        return r;
    assert_int_equal(sl_request_json(c, &again), 0);
    assert_ptr_equal(json, again);
    return sl_json(c, json); /* it stays the request's */
}

static void types(void **state)
{
    sl_app *app = sl_new();

    sl_post(app, "/", echo);
    expect_typed(app, "/", "application/json", "[1]", 200, "[1]");
    expect_typed(app, "/", " Application/JSON ; Charset=\"UTF-8\"", "[1]", 200, "[1]");
    expect_typed(app, "/", "application/problem+json", "{}", 200, "{}");
    expect_typed(app, "/", "application/json;charset=utf8;", "{}", 200, NULL);
    expect_typed(app, "/", "application/json; charset=latin1", "{}", 415,
                 "a body in UTF-8 expected, not in latin1\n");
    expect_typed(app, "/", "application/json; charset", "{}", 400, NULL);
    expect_typed(app, "/", "text/json", "{}", 415, "application/json expected, not text/json\n");
    expect_typed(app, "/", "+json", "{}", 415, NULL);
    expect_typed(app, "/", "application/x-www-form-urlencoded", "{}", 415, NULL);
    expect_typed(app, "/", NULL, "{}", 415,
                 "application/json expected, not a body without a type\n");
    expect_typed(app, "/", "application/json\r\nContent-Encoding: gzip", "{}", 415, NULL);
    expect_typed(app, "/", "application/json\r\nContent-Encoding: identity", "{}", 200, NULL);
    sl_free(app);
}

static void mistakes(void **state)
{
    static const struct {
        const char *body, *answer;
    } cases[] = {
        {"", "not JSON: line 1, column 1: expected a value, found the end\n"},
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "not JSON: line 3, column 7: expected ':', found '2'\n"},
        {"[\"\xc3\xa9\", }", "not JSON: line 1, column 7: expected a value, found '}'\n"},
        {"[1 \xc3\xa9]",
         "not JSON: line 1, column 4: expected ',' or ']', found another character\n"},
        {"\"a\tb\"",
         "not JSON: line 1, column 3: expected an escape (\\n, \\t, \\u....), found a control "
         "character\n"},
        {"[99999999999999999999]",
         "not JSON: line 1, column 21: too big integer near '99999999999999999999'\n"},
        {"1e999", "not JSON: line 1, column 5: real number overflow near '1e999'\n"},
        {"{\"a\":1,\n \"a\":2}", "not JSON: line 2, column 4: duplicate object key near '\"a\"'\n"},
        {"\"\\u0000\"", NULL},
        {"\"\\ud800\"", NULL},
        {"\"\xff\"", NULL},
        {"[[[[]]]]", "JSON: line 1, column 4: expected no more than 3 levels\n"},
    };
    sl_app *app = sl_new(.limits = {.json_depth = 3, .json_values = 5});

    sl_post(app, "/", echo);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(app, "/", cases[i].body, 400, cases[i].answer);
    expect(app, "/", "[1,2,3,4,5]", 413,
           "JSON: line 1, column 10: expected no more than 5 values\n");
    expect(app, "/", "[1,2,3,4]", 200, "[1,2,3,4]");
    expect(app, "/", "\xef\xbb\xbf[[[]]]", 200, "[[[]]]");
    expect(app, "/", " true ", 200, "true");
    sl_free(app);
}

static void too_large(void **state)
{
    sl_app *app = sl_new(.limits = {.body_bytes = 10});

    sl_post(app, "/", echo);
    expect(app, "/", "[12345678]", 200, "[12345678]");
    expect(app, "/", "[123456789]", 413, NULL);
    sl_free(app);
}

static int person(sl_ctx *c)
{
    const char *name, *city = "nowhere";
    int age = 18;
    double height = 1.5;
    bool admin = false;
    json_t *json, *tags = NULL;
    int r = sl_request_json(c, &json);

    if (r == 0)
        r = sl_json_fields(
            c, json, SL_FIELD("name", &name, SL_BETWEEN(1, 5)),
            SL_FIELD("age", &age, .optional = true, SL_BETWEEN(0, 150)),
            SL_FIELD("height", &height, .optional = true),
            SL_FIELD("admin", &admin, .optional = true),
            SL_FIELD("address.city", &city, .optional = true),
            SL_FIELD("tags", &tags, .optional = true, .json = SL_JSON_ARRAY, SL_AT_MOST(2)));
    if (r < 0)
        return r;
    return sl_json_pack(c, "[s,i,f,b,s,i]", name, age, height, admin, city,
                        (int)json_array_size(tags));
}

static void members(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *answer;
    } cases[] = {
        {"{\"name\":\"Ann\"}", 200, "[\"Ann\",18,1.5,false,\"nowhere\",0]"},
        {"{\"name\":\"Ann\",\"age\":30,\"height\":2,\"admin\":true,\"address\":{\"city\":\"Rome\"},"
         "\"tags\":[1,2],\"more\":0}",
         200, "[\"Ann\",30,2.0,true,\"Rome\",2]"},
        {"{\"name\":\"Ann\",\"age\":null,\"address\":null,\"tags\":null}", 200, NULL},
        {"{\"name\":\"Ann\",\"age\":30.0}", 200, NULL},
        {"{}", 422, "name: expected a text of 1 to 5 characters, got nothing\n"},
        {"{\"name\":null}", 422, "name: expected a text of 1 to 5 characters, got null\n"},
        {"{\"name\":\"\"}", 422, "name: expected a text of 1 to 5 characters, got \"\"\n"},
        {"{\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", 200, NULL},
        {"{\"name\":\"123456\"}", 422,
         "name: expected a text of 1 to 5 characters, got \"123456\"\n"},
        {"{\"name\":[1]}", 422, "name: expected a text of 1 to 5 characters, got an array of 1\n"},
        {"{\"name\":\"Ann\",\"age\":\"30\"}", 422,
         "age: expected an integer from 0 to 150, got \"30\"\n"},
        {"{\"name\":\"Ann\",\"age\":151}", 422,
         "age: expected an integer from 0 to 150, got 151\n"},
        {"{\"name\":\"Ann\",\"age\":1.5}", 422,
         "age: expected an integer from 0 to 150, got 1.5\n"},
        {"{\"name\":\"Ann\",\"height\":false}", 422, "height: expected a number, got false\n"},
        {"{\"name\":\"Ann\",\"admin\":1}", 422, "admin: expected true or false, got 1\n"},
        {"{\"name\":\"Ann\",\"address\":{\"city\":{}}}", 422,
         "address.city: expected a text, got an object of 0\n"},
        {"{\"name\":\"Ann\",\"tags\":[1,2,3]}", 422,
         "tags: expected an array of 2 items at most, got an array of 3\n"},
        {"{\"name\":\"Ann\",\"tags\":{}}", 422,
         "tags: expected an array of 2 items at most, got an object of 0\n"},
        {"[]", 422, "expected an object, got an array of 0\n"},
        {"\"x\"", 422, "expected an object, got \"x\"\n"},
    };
    sl_app *app = sl_new();

    sl_post(app, "/", person);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(app, "/", cases[i].body, cases[i].status, cases[i].answer);
    sl_free(app);
}

static int order(sl_ctx *c)
{
    json_t *json, *items, *item;
    double total = 0;
    size_t i;
    int r = sl_request_json(c, &json);

    if (r == 0)
        r = sl_json_fields(c, json, SL_FIELD("order.items", &items, .json = SL_JSON_ARRAY));
    if (r < 0)
        return r;
    json_array_foreach(items, i, item)
    {
        double price;

        r = sl_json_fields(c, item, SL_FIELD("price", &price, SL_AT_LEAST(0)));
        if (r < 0)
            return r;
        total += price;
    }
    return sl_json_pack(c, "{s:f}", "total", total);
}

/* Where it is, is said from the root. */
static void places(void **state)
{
    sl_app *app = sl_new();

    sl_post(app, "/", order);
    expect(app, "/", "{\"order\":{\"items\":[{\"price\":1},{\"price\":2.5}]}}", 200,
           "{\"total\":3.5}");
    expect(app, "/", "{\"order\":{\"x\":[{}],\"items\":[{\"price\":1},{\"price\":-1}]}}", 422,
           "order.items[1].price: expected a number, 0 or more, got -1\n");
    expect(app, "/", "{\"order\":{\"items\":[[]]}}", 422,
           "order.items[0]: expected an object, got an array of 0\n");
    expect(app, "/", "{\"order\":5}", 422, "order.items: expected an array, got nothing\n");
    sl_free(app);
}

static int bad_pack(sl_ctx *c)
{
    return sl_json_pack(c, "{s:s}", "name", NULL);
}

static int typed(sl_ctx *c)
{
    sl_type(c, "application/problem+json");
    return sl_json_pack(c, "{s:s}", "title", "no");
}

static void packs(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    memory_log_start();
    sl_post(app, "/bad", bad_pack);
    sl_post(app, "/typed", typed);
    expect(app, "/bad", "", 500, NULL);
    assert_non_null(strstr(memory_log, "sl_json_pack(\"{s:s}\"): NULL string"));
    post(&m, app, "/typed", NULL, "");
    assert_true(memory_has_header(&m, "Content-Type: application/problem+json"));
    assert_string_equal(memory_body(&m), "{\"title\":\"no\"}");
    memory_finish(&m);
    sl_free(app);
}

static void *alloc(size_t size)
{
    return fault(size) ? NULL : malloc(size);
}

static void without_memory(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    json_set_alloc_funcs(alloc, free);
    left = -1;
    sl_post(app, "/", person);
    sl_post(app, "/echo", echo);
    for (int bad = 0; bad < 3; bad++) {
        long n;

        for (n = 0, failed = true; failed; n++) {
            struct memory m = {0};
            char text[500];
            const char *body =
                bad == 2 ? "{\"name\":\"123456\"}" : "{\"name\":\"Ann\",\"tags\":[{\"a\":[1.5]}]}";

            snprintf(text, sizeof text,
                     "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     bad == 1 ? "echo" : "", strlen(body), body);
            memory_begin(&m, app, text);
            failed = false;
            left = n;
            sl__mem_fault = fault;
            memory_serve(&m);
            sl__mem_fault = NULL;
            if (m.status != 503 && m.status != (bad == 2 ? 422 : 200))
                fail_msg("allocation %ld: %d %s", n, m.status,
                         memory_log + strlen(memory_log) - 200);
            left = -1;
            memory_finish(&m);
        }
        assert_true(n > 4);
    }
    json_set_alloc_funcs(malloc, free);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),          cmocka_unit_test(mistakes), cmocka_unit_test(too_large),
        cmocka_unit_test(members),        cmocka_unit_test(places),   cmocka_unit_test(packs),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
