/*
 * Sanitizers: what AddressSanitizer says becomes part of the crash.
 *
 * A program may be built with it although the library is not; then its functions are there at run
 * time, and are NULL otherwise. Its report comes here while the error is being dealt with, goes
 * into the area of crash.c, and its end of the process, which would be a plain exit, becomes
 * SIGABRT: so clients are answered, and the master finds a record.
 */
#include <string.h>

#include "cluster/crash_state.h"

#define WEAK __attribute__((weak, visibility("default")))

WEAK void __asan_set_error_report_callback(void (*callback)(const char *text));
WEAK int __asan_report_present(void);
WEAK void __sanitizer_set_death_callback(void (*callback)(void));

/* "==17==ERROR: AddressSanitizer: heap-use-after-free on address ...": what it is, in short. */
static void summarise(const char *text)
{
    struct sl__crash_record *r = &sl__crash_here.record;
    const char *at = strstr(text, "ERROR: "), *end;
    size_t len;

    if (!at || r->said[0])
        return;
    at += strlen("ERROR: ");
    end = strstr(at, " on ");
    len = strcspn(at, "\n(");
    if (end && (size_t)(end - at) < len)
        len = (size_t)(end - at);
    for (size_t i = 0; i < len && i + 1 < sizeof(r->said); i++)
        r->said[i] = at[i];
}

bool sl__crash_sanitizer_speaks(void)
{
    return __asan_report_present && __asan_report_present();
}

/* With halt_on_error=0 there may be several. */
static void on_report(const char *text)
{
    struct sl__crash_record *r = &sl__crash_here.record;
    const char *shadow =
        strstr(text, "\nShadow bytes around"); /* of use to nobody but its makers */
    size_t len = shadow ? (size_t)(shadow + 1 - text) : strlen(text);

    if (sl__crash_here.memory < 0)
        return;
    if (len > SL__CRASH_SAID_MAX - r->said_len)
        len = SL__CRASH_SAID_MAX - r->said_len;
    sl__crash_write_at(text, len, SL__CRASH_SAID_AT + r->said_len);
    r->said_len += (uint32_t)len;
    summarise(text);
    if (r->kind == SL__CRASH_DEATH) /* a fault, whose record is there already */
        sl__crash_write();
}

void sl__crash_hear_sanitizer(void)
{
    if (__asan_set_error_report_callback)
        __asan_set_error_report_callback(on_report);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(sl__crash_end);
}
