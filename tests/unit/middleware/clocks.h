/*
 * Clocks of the test's: the linker puts these functions in the place of the C library's, see
 * meson.build.
 */
#ifndef TESTS_MIDDLEWARE_CLOCKS_H
#define TESTS_MIDDLEWARE_CLOCKS_H

#include <time.h>

static time_t clock_offset; /* seconds, of all clocks */
time_t __real_time(time_t *ret);
time_t __wrap_time(time_t *ret);
int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

time_t __wrap_time(time_t *ret)
{
    time_t t = __real_time(NULL) + clock_offset;

    if (ret)
        *ret = t;
    return t;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = __real_clock_gettime(id, ret);

    ret->tv_sec += clock_offset;
    return r;
}

#endif
