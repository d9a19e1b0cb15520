/* What development puts in front of an app: the names below /_shallot, and nothing else. */
#include "../app/memory_exchange.h"

#include "develop/attach.h"

static int seen;

static int counting(sl_ctx *c)
{
    seen++;
    return sl_next(c);
}

static int hello(sl_ctx *c)
{
    return sl_body(c, "hello");
}

static sl_app *fresh(void)
{
    sl_app *app = sl_new(.mode = SL_DEVELOPMENT);

    seen = 0;
    sl_use(app, counting);
    return app;
}

static void names_of_ours_are_answered_before_all_layers(void **state)
{
    sl_app *app = fresh();
    struct memory m;

    sl_all(app, ".*", hello);
    assert_int_equal(sl__develop_attach(app), 0);
    memory_request(&m, app, "GET /_shallot/live.js HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_non_null(strstr(m.headers, "Content-Type: text/javascript"));
    assert_non_null(strstr(m.headers, "Cache-Control: no-store"));
    assert_int_equal(seen, 0);
    memory_finish(&m);
    memory_expect(app, "GET", "/_shallot/none", 404,
                  "There is nothing of this name below /_shallot.\n");
    memory_expect(app, "POST", "/_shallot/live.js", 404,
                  "There is nothing of this name below /_shallot.\n");
    assert_int_equal(seen, 0);
    sl_free(app);
}

static void every_other_name_is_the_programs(void **state)
{
    sl_app *app = fresh();

    sl_all(app, ".*", hello);
    assert_int_equal(sl__develop_attach(app), 0);
    memory_expect(app, "GET", "/", 200, "hello");
    memory_expect(app, "GET", "/_shallots", 200, "hello");
    memory_expect(app, "GET", "/a/_shallot/live.js", 200, "hello");
    assert_int_equal(seen, 3);
    sl_free(app);
}

/* An app without routes says 200 to everything, also when ours are in front of it. */
static void an_app_without_routes_stays_one(void **state)
{
    sl_app *app = fresh();

    assert_int_equal(sl__develop_attach(app), 0);
    memory_expect(app, "GET", "/what", 200, "200 OK");
    sl_free(app);
    app = sl_new(.mode = SL_DEVELOPMENT);
    assert_int_equal(sl__develop_attach(app), 0);
    memory_expect(app, "GET", "/what", 200, "200 OK");
    sl_free(app);
}

/* The list of layers is moved while it may be full. */
static void however_many_layers_there_are(void **state)
{
    for (int count = 0; count < 20; count++) {
        sl_app *app = sl_new(.mode = SL_DEVELOPMENT);

        seen = 0;
        for (int i = 0; i < count; i++)
            sl_use(app, counting);
        sl_get(app, "/", hello);
        assert_int_equal(sl__develop_attach(app), 0);
        memory_expect(app, "GET", "/", 200, "hello");
        assert_int_equal(seen, count);
        memory_expect(app, "GET", "/_shallot/", 404,
                      "There is nothing of this name below /_shallot.\n");
        sl_get(app, "/later", hello);
        memory_expect(app, "GET", "/later", 200, "hello");
        sl_free(app);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_ours_are_answered_before_all_layers),
        cmocka_unit_test(every_other_name_is_the_programs),
        cmocka_unit_test(an_app_without_routes_stays_one),
        cmocka_unit_test(however_many_layers_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
