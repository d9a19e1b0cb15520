/*
 * What tests of middleware share: one request through an app with a layer and a handler, its answer
 * header by header, and allocations that fail, in the constructor and while a request is served.
 *
 * Before the middleware's own file, which is included to reach what is static in it.
 */
#ifndef TEST_LAYERS_H
#define TEST_LAYERS_H

#include "../app/memory_exchange.h"

#include "base/mem.h"

static long callocs_left = -1; /* until one fails; negative: none does */

static inline void *faulty_calloc(size_t count, size_t size)
{
    if (callocs_left >= 0 && callocs_left-- == 0)
        return NULL;
    return calloc(count, size);
}

#define calloc faulty_calloc

/* A request with header lines ("Name: value\r\n"...); Host is a, unless they begin with one. */
static inline void ask(struct memory *m, sl_app *app, const char *method, const char *target,
                       const char *lines)
{
    static char text[20000];

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%s%s\r\n", method, target,
             strncmp(lines, "Host:", 5) == 0 ? "" : "Host: a\r\n", lines);
    memory_request(m, app, text);
}

/* Value of the n-th header of that name, from 0; NULL. */
static inline const char *nth_header(const struct memory *m, const char *name, int n)
{
    static char value[1000];
    size_t len = strlen(name);

    for (const char *at = m->headers; *at; at = strchr(at, '\n') + 1) {
        if (strncasecmp(at, name, len) != 0 || at[len] != ':' || n-- > 0)
            continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at + len + 2, "\n"), at + len + 2);
        return value;
    }
    return NULL;
}

static inline void expect_header_at(const struct memory *m, const char *name, const char *value,
                                    const char *file, int line)
{
    const char *got = nth_header(m, name, 0);

    if (got && value ? strcmp(got, value) != 0 : got != value) {
        print_error("%s: %s, not %s\n", name, got ? got : "(none)", value ? value : "(none)");
        _fail(file, line);
    }
    if (got && nth_header(m, name, 1)) {
        print_error("%s twice\n", name);
        _fail(file, line);
    }
}

#define expect_header(m, name, value) expect_header_at(m, name, value, __FILE__, __LINE__)

/* A constructor leaves nothing behind, and says so, whichever of its allocations fails. */
static inline void each_part_of_making_fails(sl_middleware (*make)(sl_app *app))
{
    bool made = false;
    long n;

    memory_log_start();
    for (n = 0; !made; n++) {
        sl_app *app = sl_new();
        sl_middleware m;

        callocs_left = n;
        m = make(app);
        made = callocs_left >= 0;
        callocs_left = -1;
        memory_log[0] = '\0';
        assert_int_equal(sl_use(app, m), made ? 0 : -EINVAL);
        assert_int_equal(sl__app_fit(app), made);
        assert_int_equal(memory_log[0] != '\0', !made);
        sl_free(app);
    }
    assert_true(n > 1);
}

static long allocations_left;
static bool allocation_failed;

static inline bool fail_one(size_t size)
{
    if (allocations_left < 0 || allocations_left-- > 0)
        return false;
    allocations_left = -1;
    return allocation_failed = true;
}

/* The answer is the one there should be, or says that there was no memory. */
static inline void each_part_of_serving_fails(sl_app *app, const char *request, int status)
{
    long n;

    memory_log_start();
    for (n = 0, allocation_failed = true; allocation_failed; n++) {
        struct memory m = {0};

        memory_begin(&m, app, request);
        assert_int_equal(sl__buf_reserve(&m.body, 4096), 0); /* the test's own */
        allocation_failed = false;
        allocations_left = n;
        sl__mem_fault = fail_one;
        memory_serve(&m);
        sl__mem_fault = NULL;
        if (m.status != status)
            assert_true(allocation_failed && (m.status == 503 || m.status == 500));
        memory_finish(&m);
    }
    assert_true(n > 1);
}

/* A mistake in the options is said, and the app does not serve. */
static inline void expect_refusal(sl_middleware m, const char *words)
{
    sl_app *app = sl_new();

    assert_null(m.run);
    if (!strstr(memory_log, words))
        fail_msg("not said: %s\n%s", words, memory_log);
    sl_use(app, m);
    assert_false(sl__app_fit(app));
    sl_free(app);
}

#endif
