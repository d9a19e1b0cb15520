/* W3C Trace Context: what is gone on with, what is begun, what is passed on. */
#include "layers.h"

#include "../../../src/middleware/trace.c"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static char parent[100], passed_on[600];

static int handler(sl_ctx *c)
{
    snprintf(parent, sizeof parent, "%s", sl_trace_parent(c));
    snprintf(passed_on, sizeof passed_on, "%s", sl_trace_state(c) ? sl_trace_state(c) : "(none)");
    return sl_body(c, "hello");
}

static sl_middleware tracing(sl_app *app)
{
    return sl_trace();
}

static sl_middleware distrusting(sl_app *app)
{
    return sl_trace(.distrust = true, .unsampled = true);
}

struct row {
    const char *parent, *state;
    const char *flags; /* NULL: a new trace */
    const char *passed_on;
};

static const struct row rows[] = {
    {"00-" TRACE "-" SPAN "-01", NULL, "01", "(none)"},
    {"00-" TRACE "-" SPAN "-00", "a=1,b=2", "00", "a=1,b=2"},
    {"00-" TRACE "-" SPAN "-ff", NULL, "03", "(none)"},
    {"00-" TRACE "-" SPAN "-02", NULL, "02", "(none)"},
    {"cc-" TRACE "-" SPAN "-01", "a=1", "01", "a=1"},
    {"cc-" TRACE "-" SPAN "-01-what-the-future-holds", "a=1", "01", "a=1"},
    {NULL, NULL, NULL, "(none)"},
    {NULL, "a=1", NULL, "(none)"},
    {"00-" TRACE "-" SPAN "-01-more", "a=1", NULL, "(none)"},
    {"cc-" TRACE "-" SPAN "-01.more", "a=1", NULL, "(none)"},
    {"cc-" TRACE "-" SPAN "-010", "a=1", NULL, "(none)"},
    {"ff-" TRACE "-" SPAN "-01", "a=1", NULL, "(none)"},
    {"00-00000000000000000000000000000000-" SPAN "-01", "a=1", NULL, "(none)"},
    {"00-" TRACE "-0000000000000000-01", "a=1", NULL, "(none)"},
    {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", "a=1", NULL, "(none)"},
    {"00-" TRACE "-" SPAN "-0", "a=1", NULL, "(none)"},
    {"00-" TRACE "-" SPAN "-0x", "a=1", NULL, "(none)"},
    {"00_" TRACE "-" SPAN "-01", "a=1", NULL, "(none)"},
    {"00-" TRACE "_" SPAN "-01", "a=1", NULL, "(none)"},
    {"00-" TRACE "-" SPAN "_01", "a=1", NULL, "(none)"},
    {"0g-" TRACE "-" SPAN "-01", "a=1", NULL, "(none)"},
    {"00", "a=1", NULL, "(none)"},
    {"", "a=1", NULL, "(none)"},
};

static void ask_with(sl_middleware (*make)(sl_app *app), const char *given, const char *tracestate)
{
    sl_app *app = sl_new();
    char lines[3000] = "";
    struct memory m;

    if (given)
        snprintf(lines, sizeof lines, "Traceparent: %s\r\n", given);
    if (tracestate)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "tracestate: %s\r\n",
                 tracestate);
    sl_use(app, make(app));
    sl_use(app, handler);
    ask(&m, app, "GET", "/", lines);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
    sl_free(app);
    assert_int_equal(strlen(parent), PARENT_LEN);
    assert_true(is_parent(parent));
}

static void table(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask_with(tracing, rows[i].parent, rows[i].state);
        if ((strncmp(parent + 3, TRACE, 32) == 0) != (rows[i].flags != NULL))
            fail_msg("row %zu: %s", i, parent);
        assert_string_equal(parent + 53, rows[i].flags ? rows[i].flags : "01");
        assert_int_not_equal(strncmp(parent + 36, SPAN, 16), 0); /* a span of its own */
        assert_string_equal(passed_on, rows[i].passed_on);
    }
    ask_with(distrusting, rows[0].parent, "a=1");
    assert_int_not_equal(strncmp(parent + 3, TRACE, 32), 0);
    assert_string_equal(parent + 53, "00");
    assert_string_equal(passed_on, "(none)");
}

static void states(void **state)
{
    char text[600];

    memset(text, 'a', sizeof text);
    text[512] = '\0';
    ask_with(tracing, rows[0].parent, text);
    assert_string_equal(passed_on, text);
    text[512] = 'a';
    text[513] = '\0';
    ask_with(tracing, rows[0].parent, text);
    assert_string_equal(passed_on, "(none)");
    for (size_t i = 0; i < 64; i++)
        text[i] = i % 2 ? ',' : 'a';
    text[63] = '\0'; /* 32 members */
    ask_with(tracing, rows[0].parent, text);
    assert_string_equal(passed_on, text);
    strcpy(text + 63, ",a");
    ask_with(tracing, rows[0].parent, text);
    assert_string_equal(passed_on, "(none)");
}

static int without(sl_ctx *c)
{
    assert_null(sl_trace_parent(c));
    assert_null(sl_trace_state(c));
    return 0;
}

static void memory(void **state)
{
    sl_app *app = sl_new(), *none = sl_new();

    sl_use(none, without);
    memory_expect(none, "GET", "/", 200, NULL);
    sl_free(none);
    each_part_of_making_fails(tracing);
    sl_use(app, tracing(app));
    sl_use(app, handler);
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(states),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
