/*
 * Waiting without holding anybody up: sleep, a blocking call on a thread, two things at once.
 *
 * Run:  shallot dev wait.c
 * Try:  time curl localhost:9090/sleep/1000 & time curl localhost:9090/sleep/10
 *       curl localhost:9090/resolve/localhost
 *       time curl localhost:9090/both                 as long as the slower one, not the sum
 */
#include <netdb.h>
#include <shallot.h>
#include <stdlib.h>

static int sleepy(sl_ctx *c)
{
    int r = sl_sleep((unsigned)atoi(sl_param(c, "ms"))); /* suspends this fiber, never the worker */

    return r < 0 ? r : sl_text(c, "slept %s ms\n", sl_param(c, "ms"));
}

struct lookup {
    const char *name;
    struct addrinfo *found;
};

static int look_up(void *arg) /* on a thread: may block, must not call Shallot */
{
    struct lookup *l = arg;

    return getaddrinfo(l->name, NULL, NULL, &l->found) == 0 ? 0 : -1;
}

static int resolve(sl_ctx *c)
{
    struct lookup l = {.name = sl_param(c, "name")};
    char host[NI_MAXHOST];

    if (sl_offload(look_up, &l) != 0)
        return sl_fail(c, 404, "no address for %s", l.name);
    getnameinfo(l.found->ai_addr, l.found->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(l.found);
    return sl_text(c, "%s\n", host);
}

static int nap(void *arg)
{
    return sl_sleep(*(unsigned *)arg);
}

static int both(sl_ctx *c)
{
    unsigned ms[] = {200, 300};
    sl_task *one = sl_spawn(c, nap, &ms[0]), *two = sl_spawn(c, nap, &ms[1]);

    if (!one || !two)
        return sl_fail(c, 503, "too much going on");
    if (sl_join(one) < 0 || sl_join(two) < 0)
        return sl_fail(c, 500, "woken up");
    return sl_body(c, "slept 200 and 300 ms at once\n");
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/sleep/:ms", sleepy);
    sl_get(app, "/resolve/:name", resolve);
    sl_get(app, "/both", both);
    return sl_listen(app, .port = 9090);
}
