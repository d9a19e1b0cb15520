/* The onion: ON1 to ON3, sl_fail, and how layers, tables and routers follow each other. */
#include "memory_exchange.h"

static char trace[512];

static void note(const char *what)
{
    strncat(trace, what, sizeof trace - strlen(trace) - 1);
    strncat(trace, " ", sizeof trace - strlen(trace) - 1);
}

static int a(sl_ctx *c)
{
    int r;

    note("a+");
    r = sl_next(c);
    note("a-");
    return r;
}

static int b(sl_ctx *c)
{
    int r;

    note("b+");
    r = sl_next(c);
    note("b-");
    return r;
}

static int handler(sl_ctx *c)
{
    note("c");
    return sl_body(c, "done");
}

static int failing(sl_ctx *c)
{
    note("fail");
    return sl_fail(c, 418, "no coffee for %s", sl_param(c, "who") ? sl_param(c, "who") : "you");
}

static sl_app *fresh(void)
{
    trace[0] = '\0';
    memory_log_start();
    return sl_new();
}

static void on1_order(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, b);
    sl_use(app, handler);
    memory_expect(app, "GET", "/", 200, "done");
    assert_string_equal(trace, "a+ b+ c b- a- ");
    sl_free(app);
}

static void on1_any_number(void **state)
{
    for (int count = 0; count <= 300; count += 100) {
        sl_app *app = fresh();

        for (int i = 0; i < count; i++)
            sl_use(app, a);
        memory_expect(app, "GET", "/", 200, "200 OK"); /* past the innermost: no error */
        sl_free(app);
    }
}

static int twice_result;

static int twice(sl_ctx *c)
{
    assert_int_equal(sl_next(c), 0);
    twice_result = sl_next(c);
    assert_string_equal(sl_error(c), "next() called multiple times");
    return twice_result;
}

static void on2_next_twice(void **state)
{
    sl_app *app = fresh();

    sl_use(app, twice);
    sl_use(app, handler);
    memory_expect(app, "GET", "/", 500, "500 Internal Server Error\n");
    assert_int_equal(twice_result, -SL_ENEXTTWICE);
    assert_string_equal(trace, "c ");
    assert_int_equal(memory_log_lines, 1);
    assert_non_null(strstr(memory_log, "GET /: 500 next() called multiple times"));
    sl_free(app);
}

static int twice_quietly(sl_ctx *c)
{
    sl_next(c);
    sl_next(c);
    return 0;
}

/* Each layer may call it once, whatever the others did. */
static void on2_is_per_layer(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, twice_quietly);
    sl_get(app, "/", a, b, twice_quietly);
    sl_get(app, "/", b, handler);
    memory_expect(app, "GET", "/", 200, "done");
    assert_string_equal(trace, "a+ a+ b+ b+ c b- b- a- a- ");
    sl_free(app);
}

static int handles(sl_ctx *c)
{
    int r = sl_next(c);

    if (r < 0) {
        note(sl_error(c));
        assert_int_equal(sl_status(c), 418);
        sl_set_status(c, 503);
        assert_int_equal(sl_status(c), 503);
        return sl_text(c, "handled %d", r);
    }
    return r;
}

static void on3_error_travels_up_to_who_handles_it(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, handles);
    sl_use(app, b);
    sl_get(app, "/:who", failing);
    memory_expect(app, "GET", "/bob", 503, "handled -4097");
    assert_string_equal(trace, "a+ b+ fail b- no coffee for bob a- ");
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static void on3_unhandled_is_the_response(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, b);
    sl_use(app, failing);
    memory_expect(app, "GET", "/", 418, "no coffee for you\n");
    assert_string_equal(trace, "a+ b+ fail b- a- ");
    sl_free(app);
}

static int fails_500(sl_ctx *c)
{
    return sl_fail(c, 500, "disk on fire");
}

static void on3_reported_once(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, b);
    sl_use(app, fails_500);
    memory_expect(app, "PUT", "/x?y=1", 500, "500 Internal Server Error\n");
    assert_int_equal(memory_log_lines, 1);
    assert_non_null(strstr(memory_log, "PUT /x?y=1: 500 disk on fire"));
    sl_free(app);
}

static int fails_as(sl_ctx *c)
{
    int r = sl_fail_as(c, -ETIMEDOUT, 504, "the oven took %d minutes", 90);

    assert_int_equal(r, -ETIMEDOUT);
    return r;
}

static int fails_as_below_500(sl_ctx *c)
{
    return sl_fail_as(c, -ENOENT, 410, "eaten");
}

static int tells(sl_ctx *c)
{
    int r = sl_next(c);

    assert_string_equal(sl_error(c), "the oven took 90 minutes");
    assert_int_equal(sl_status(c), 504);
    return r;
}

static int another(sl_ctx *c)
{
    return sl_next(c) == -ETIMEDOUT ? -ENOENT : 0; /* what was said is not said of this one */
}

static void on3_error_with_a_number(void **state)
{
    sl_app *app = fresh();

    sl_get(app, "/a", sl_layer_of_handler(tells), fails_as);
    sl_get(app, "/b", sl_layer_of_handler(another), fails_as);
    sl_get(app, "/c", fails_as_below_500);
    memory_expect(app, "GET", "/a", 504, "504 Gateway Timeout\n");
    assert_non_null(strstr(memory_log, "GET /a: 504 the oven took 90 minutes"));
    memory_expect(app, "GET", "/b", 404, "No such file or directory\n");
    memory_log_start();
    memory_expect(app, "GET", "/c", 410, "eaten\n");
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static int swallows(sl_ctx *c)
{
    sl_set_status(c, 202);
    sl_next(c);
    return 0;
}

static void on3_handled_by_silence(void **state)
{
    sl_app *app = fresh();

    sl_use(app, swallows);
    sl_use(app, fails_500);
    memory_expect(app, "GET", "/", 202, "202 Accepted");
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static int sees_the_outcome(sl_ctx *c)
{
    int r = sl_next(c);
    size_t len;

    assert_int_equal(sl_status(c), 200);
    assert_int_equal(sl_response_length(c), 4);
    assert_memory_equal(sl_response_bytes(c, &len), "done", 4);
    assert_int_equal(len, 4);
    assert_string_equal(sl_response_header(c, "content-type"), "text/plain; charset=utf-8");
    assert_null(sl_error(c));
    sl_body(c, "<p>replaced");
    return r;
}

static void on4_outcome_is_seen_and_changed(void **state)
{
    sl_app *app = fresh();

    sl_use(app, sees_the_outcome);
    sl_use(app, a);
    sl_get(app, "/", handler);
    memory_expect(app, "GET", "/", 200, "<p>replaced");
    sl_free(app);
}

static int sees_404(sl_ctx *c)
{
    size_t len;
    int r = sl_next(c);

    assert_int_equal(r, 0);
    assert_int_equal(sl_status(c), 404);
    assert_memory_equal(sl_response_bytes(c, &len), "404 Not Found\n", 14);
    assert_int_equal(sl_response_length(c), 14);
    return r;
}

static void on4_not_found_is_a_status(void **state)
{
    sl_app *app = fresh();

    sl_use(app, sees_404);
    sl_get(app, "/x", handler);
    memory_expect(app, "GET", "/", 404, "404 Not Found\n");
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static int positive(sl_ctx *c)
{
    return 7;
}

static void positive_results_are_no_errors(void **state)
{
    sl_app *app = fresh();

    sl_use(app, a);
    sl_use(app, positive);
    memory_expect(app, "GET", "/", 200, "200 OK");
    sl_free(app);
}

static int middle(sl_ctx *c)
{
    note("use");
    return sl_next(c);
}

static int first(sl_ctx *c)
{
    note("first");
    return sl_next(c);
}

static int second(sl_ctx *c)
{
    note("second");
    return sl_next(c);
}

/* RO1 across middleware: routes, a middleware, routes again. */
static void order_across_use_and_routes(void **state)
{
    sl_app *app = fresh();

    sl_get(app, "/", first);
    sl_get(app, "/", second);
    sl_use(app, middle);
    sl_get(app, "/", first, handler);
    sl_get(app, "/never", handler);
    memory_expect(app, "GET", "/", 200, "done");
    assert_string_equal(trace, "first second use first c ");
    sl_free(app);
}

/* A table or router whose run is called by a middleware that wraps it. */
static sl_middleware wrapped;

static int wrapper(sl_ctx *c)
{
    int r = wrapped.run(c, wrapped.self);

    note("wrapped");
    assert_int_equal(sl_next(c), -SL_ENEXTTWICE); /* the router has gone all the way */
    return r;
}

static void a_wrapped_router(void **state)
{
    sl_app *app = fresh();
    sl_router *router = sl_router_new();

    sl_get(router, "/", first);
    wrapped = sl_routes(router);
    sl_use(app, wrapper);
    sl_get(app, "/", handler);
    memory_expect(app, "GET", "/", 200, "done");
    assert_string_equal(trace, "first c wrapped ");
    sl_free(app);
    sl_router_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on1_order),
        cmocka_unit_test(on1_any_number),
        cmocka_unit_test(on2_next_twice),
        cmocka_unit_test(on2_is_per_layer),
        cmocka_unit_test(on3_error_travels_up_to_who_handles_it),
        cmocka_unit_test(on3_unhandled_is_the_response),
        cmocka_unit_test(on3_reported_once),
        cmocka_unit_test(on3_error_with_a_number),
        cmocka_unit_test(on3_handled_by_silence),
        cmocka_unit_test(on4_outcome_is_seen_and_changed),
        cmocka_unit_test(on4_not_found_is_a_status),
        cmocka_unit_test(positive_results_are_no_errors),
        cmocka_unit_test(order_across_use_and_routes),
        cmocka_unit_test(a_wrapped_router),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
