/*
 * The onion: a layer runs before and after everything below it. Here one measures, and one turns
 * errors into pages.
 *
 * Run:  shallot dev middleware.c
 * Try:  curl -i localhost:9090/           X-Response-Time tells how long everything below took
 *       curl -i localhost:9090/missing    the error page of this program
 *       curl -i localhost:9090/broken
 */
#include <shallot.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int timing(sl_ctx *c)
{
    double began = now_ms();
    int r = sl_next(c); /* however long that waits */

    sl_set_header(c, "X-Response-Time", sl_format(c, "%.2f ms", now_ms() - began));
    return r;
}

static int error_page(sl_ctx *c)
{
    int r = sl_next(c);

    if (r == 0)
        return 0;
    sl_warn("%s %s: %s", sl_method(c), sl_target(c), sl_error(c));
    sl_set_status(c, sl_status(c)); /* what the error would have become: keep it */
    sl_type(c, "html");
    return sl_body(c, sl_format(c, "<h1>%d</h1><p>%s</p>\n", sl_status(c), sl_error(c)));
}

static int home(sl_ctx *c)
{
    return sl_body(c, "<p>All is well</p>\n");
}

static int broken(sl_ctx *c)
{
    return sl_fail(c, 500, "the coffee machine is out of beans");
}

static int missing(sl_ctx *c)
{
    return sl_fail(c, 404, "there is no %s here", sl_path(c));
}

int main(void)
{
    sl_app *app = sl_new();

    sl_use(app, timing);
    sl_use(app, error_page);
    sl_get(app, "/", home);
    sl_get(app, "/broken", broken);
    sl_all(app, ".*", missing);
    return sl_listen(app, .port = 9090);
}
