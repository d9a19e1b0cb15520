/*
 * The access log: one line for each request, when its onion has unwound.
 *
 * Use it first, so that it sees what the client gets: an error that nobody handled comes by as the
 * value of sl_next(), and sl_status() tells what it will become.
 */
#include <shallot/ctx.h>
#include <shallot/log.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

static double milliseconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static int run(sl_ctx *c, void *self)
{
    char length[24] = "-"; /* a stream's is not known */
    struct timespec start;
    int64_t len;
    int r;

    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &start);
    r = sl_next(c);
    if (r == -ECANCELED) {
        sl_info("%s %s canceled - %.1f ms", sl_method(c), sl_target(c), milliseconds_since(&start));
        return r;
    }
    len = sl_response_length(c);
    if (len >= 0)
        snprintf(length, sizeof length, "%lld", (long long)len);
    sl_info("%s %s %d %s %.1f ms", sl_method(c), sl_target(c), sl_status(c), length,
            milliseconds_since(&start));
    return r;
}

sl_middleware sl_logger(void)
{
    return (sl_middleware){run, NULL, NULL};
}
