/*
 * Pushing through a stack of writers, with no protocol below.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/exchange.h"
#include "shallot/error.h"

static char log_text[256];
static int fail_with;

static int bottom_begin(struct sl__writer *w, struct sl__exchange *x)
{
    strcat(log_text, "begin ");
    return fail_with;
}

static int bottom_write(struct sl__writer *w, struct sl__exchange *x, const void *bytes, size_t len)
{
    strncat(log_text, bytes, len);
    strcat(log_text, " ");
    return fail_with;
}

static int bottom_end(struct sl__writer *w, struct sl__exchange *x)
{
    strcat(log_text, "end");
    return fail_with;
}

/* One that doubles what it passes on, as a compressor changes lengths. */
static int double_begin(struct sl__writer *w, struct sl__exchange *x)
{
    sl__response_set_header(&x->response, &x->arena, SL__STR("Content-Length"), NULL, false);
    return w->below->begin(w->below, x);
}

static int double_write(struct sl__writer *w, struct sl__exchange *x, const void *bytes, size_t len)
{
    int r = w->below->write(w->below, x, bytes, len);

    return r < 0 ? r : w->below->write(w->below, x, bytes, len);
}

static int double_end(struct sl__writer *w, struct sl__exchange *x)
{
    return w->below->end(w->below, x);
}

static struct sl__writer bottom = {bottom_begin, bottom_write, bottom_end, NULL};
static struct sl__writer twice = {double_begin, double_write, double_end, &bottom};

static void begin(struct sl__exchange *x, struct sl__writer *w, const char *length)
{
    struct sl__str value = {length, length ? strlen(length) : 0};

    *x = (struct sl__exchange){.writer = w};
    sl__response_init(&x->response);
    if (length)
        assert_int_equal(sl__response_set_header(&x->response, &x->arena, SL__STR("Content-Length"),
                                                 &value, false),
                         0);
    log_text[0] = '\0';
    fail_with = 0;
}

static void end(struct sl__exchange *x)
{
    sl__response_clear(&x->response);
    sl__arena_reset(&x->arena);
}

static void test_order(void **state)
{
    struct sl__exchange x;

    begin(&x, &bottom, NULL);
    assert_int_equal(sl__exchange_write(&x, "a", 1), 0);
    assert_true(x.committed);
    assert_int_equal(x.response.status, 200);
    assert_int_equal(sl__exchange_write(&x, "", 0), 0);
    assert_int_equal(sl__exchange_write(&x, "bc", 2), 0);
    assert_int_equal(sl__exchange_end(&x), 0);
    assert_string_equal(log_text, "begin a bc end");
    end(&x);
}

static void test_stack(void **state)
{
    struct sl__exchange x;

    begin(&x, &twice, "1");
    assert_int_equal(sl__exchange_write(&x, "a", 1), 0);
    assert_int_equal(sl__exchange_write(&x, "b", 1), -SL_ETOOBIG); /* what the handler announced */
    assert_int_equal(sl__exchange_end(&x), 0);
    assert_string_equal(log_text, "begin a a end");
    end(&x);
}

static void test_length(void **state)
{
    struct sl__exchange x;

    begin(&x, &bottom, "3");
    assert_int_equal(sl__exchange_write(&x, "ab", 2), 0);
    assert_int_equal(sl__exchange_write(&x, "cd", 2), -SL_ETOOBIG);
    assert_true(sl__exchange_end(&x) < 0); /* one is missing */
    assert_string_equal(log_text, "begin ab ");
    end(&x);
}

static void test_head(void **state)
{
    struct sl__exchange x;

    begin(&x, &bottom, "3");
    x.request.method = SL__METHOD_HEAD;
    assert_int_equal(sl__exchange_write(&x, "ab", 2), 0);
    assert_int_equal(sl__exchange_end(&x), 0);
    assert_string_equal(log_text, "begin end");
    end(&x);
}

static void test_no_body(void **state)
{
    static const int statuses[] = {204, 304, 101};
    struct sl__exchange x;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        begin(&x, &bottom, NULL);
        x.response.status = statuses[i];
        assert_int_equal(sl__exchange_write(&x, "a", 1), -EINVAL);
        assert_false(x.committed);
        assert_string_equal(log_text, "");
        end(&x);
    }
}

static void test_failures(void **state)
{
    struct sl__exchange x;

    begin(&x, &bottom, NULL);
    fail_with = -ECANCELED;
    assert_int_equal(sl__exchange_write(&x, "a", 1), -ECANCELED);
    assert_true(x.aborted);
    fail_with = 0;
    assert_int_equal(sl__exchange_write(&x, "a", 1), -ECANCELED);
    assert_true(sl__exchange_end(&x) < 0);
    assert_string_equal(log_text, "begin ");
    end(&x);

    begin(&x, &bottom, NULL);
    assert_int_equal(sl__exchange_write(&x, "a", 1), 0);
    fail_with = -ENOMEM;
    assert_int_equal(sl__exchange_write(&x, "b", 1), -ENOMEM);
    assert_true(x.aborted);
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_stack),
        cmocka_unit_test(test_length),  cmocka_unit_test(test_head),
        cmocka_unit_test(test_no_body), cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
