/*
 * What a record becomes in words.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/aftermath.h"

static char said[8192];

static void line(void *self, const char *text)
{
    (void)self;
    strcat(strcat(said, text), "\n");
}

static void expect(const struct sl__crash_record *r, const char *text)
{
    said[0] = '\0';
    sl__crash_describe(r, line, NULL);
    assert_string_equal(said, text);
}

static void test_requests(void **state)
{
    struct sl__crash_record r = {.kind = SL__CRASH_DEATH,
                                 .worker = 3,
                                 .pid = 77,
                                 .signal = SIGSEGV,
                                 .code = SEGV_MAPERR,
                                 .address = 0x10,
                                 .has_request = 1,
                                 .number = 12,
                                 .age_ns = 2100000,
                                 .method = "GET",
                                 .path = "/a/b",
                                 .label = "/a/:x"};

    expect(&r, "crash of worker 3 (pid 77): SIGSEGV, address 0x10 is not mapped\n"
               "  GET /a/b, route /a/:x, request 3-12, 2.1 ms old\n");
    r.label[0] = '\0';
    r.in_thread = 1;
    r.culprits = 1;
    r.bystanders = 20;
    r.idle = 1;
    expect(&r, "crash of worker 3 (pid 77): SIGSEGV, address 0x10 is not mapped\n"
               "  GET /a/b, route none, request 3-12, 2.1 ms old (on a thread)\n"
               "  answered for it: 1 with 500, 20 with 503; 1 idle connection passed on\n");
}

static void test_causes(void **state)
{
    static const struct {
        struct sl__crash_record r;
        const char *text;
    } rows[] = {
        {{.signal = SIGSEGV, .code = SEGV_ACCERR, .address = 255},
         "SIGSEGV, address 0xff may not be accessed so"},
        {{.signal = SIGSEGV, .code = SEGV_ACCERR, .overflow = 1}, "SIGSEGV, stack overflow"},
        {{.signal = SIGSEGV, .code = SI_KERNEL}, "SIGSEGV, an address that cannot be"},
        {{.signal = SIGBUS, .code = BUS_ADRERR, .address = 16},
         "SIGBUS, address 0x10 lies behind the end of its file"},
        {{.signal = SIGFPE, .code = FPE_INTDIV, .address = 9}, "SIGFPE, integer division by zero"},
        {{.signal = SIGILL, .code = ILL_ILLOPN}, "SIGILL, illegal operand"},
        {{.signal = SIGILL, .code = 12345}, "SIGILL"},
        {{.signal = SIGABRT, .code = SI_TKILL, .said = "AddressSanitizer: heap-use-after-free"},
         "SIGABRT, AddressSanitizer: heap-use-after-free"},
        {{.signal = SIGSEGV, .code = SEGV_ACCERR, .address = 255, .said = "AddressSanitizer: SEGV"},
         "SIGSEGV, address 0xff may not be accessed so"},
        {{.signal = SIGABRT, .code = SI_TKILL, .sender = 5, .pid = 5},
         "SIGABRT, raised by the program itself"},
        {{.signal = SIGABRT, .code = SI_USER, .sender = 6, .pid = 5}, "SIGABRT, sent by process 6"},
        {{.signal = SIGABRT, .code = SI_TKILL, .sender = 6, .pid = 5, .stuck_ms = 30000},
         "SIGABRT by the watchdog: one tick took longer than 30000 ms"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sl__crash_record r = rows[i].r;
        char text[256];

        r.kind = SL__CRASH_DEATH;
        snprintf(text, sizeof text, "crash of worker 0 (pid %d): %s\n  no request: mailbox\n",
                 r.pid, rows[i].text);
        strcpy(r.label, "mailbox");
        expect(&r, text);
    }
}

static void test_blocked(void **state)
{
    struct sl__crash_record r = {.kind = SL__CRASH_BLOCKED,
                                 .worker = 1,
                                 .age_ns = 100000000,
                                 .has_request = 1,
                                 .method = "POST",
                                 .path = "/slow",
                                 .label = "/slow"};

    expect(&r, "worker 1: POST /slow blocks the loop for more than 100 ms (route /slow)\n");
    r.has_request = 0;
    r.path[0] = r.label[0] = '\0';
    expect(&r, "worker 1: something blocks the loop for more than 100 ms (route none)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_blocked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
