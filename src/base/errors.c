/*
 * Texts for error numbers, ours and the system's. The one table is SL_ERRORS in <shallot/error.h>;
 * for errno values the C library is asked, in its thread-safe form and untranslated, so that logs
 * read the same everywhere.
 */
#include <shallot/error.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char *system_text(int number)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    return strerrordesc_np(number);
#else
    return strerror(number);
#endif
}

const char *sl_strerror(int error)
{
    const char *text = NULL;
    int number = error < 0 && error != INT_MIN ? -error : error;

    switch (number) {
#define TEXT_OF(name, value, status, words)                                                        \
    case value:                                                                                    \
        return words;
        SL_ERRORS(TEXT_OF)
#undef TEXT_OF
    default:
        text = system_text(number);
        return text ? text : "unknown error";
    }
}
