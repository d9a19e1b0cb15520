/*
 * Messages through the public API, callbacks included: GET /COUNT sends that many short messages
 * from one worker to the two others and answers when both have counted them, with what was
 * delivered and how many seconds it took. The same on Node's cluster is bench/peers/relay.js;
 * bench/run bus compares.
 */
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORKERS 3

static long received;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_short(sl_app *app, const sl_message *m, void *self)
{
    long value;

    memcpy(&value, m->data, sizeof value);
    received += value > 0;
}

/* In its place after the messages, so they have all been counted. */
static int on_count(sl_app *app, const sl_message *m, void *self)
{
    long count = received;

    received = 0;
    return sl_reply(m, &count, sizeof count);
}

static int ask_all(sl_app *app, long *ret_delivered)
{
    for (int id = 1; id <= WORKERS; id++) {
        void *reply;
        int r;

        if (id == sl_worker_id())
            continue;
        r = sl_request(app, id, "count", NULL, 0, 60000, &reply, NULL);
        if (r < 0)
            return r;
        *ret_delivered += *(long *)reply;
        free(reply);
    }
    return 0;
}

static int run(sl_ctx *c)
{
    sl_app *app = sl_app_of(c);
    long count = atol(sl_param(c, "count")), delivered = 0;
    double begin = now();
    int r = 0;

    for (long i = 1; i <= count && r == 0; i++)
        r = sl_send_others(app, "short", &i, sizeof i);
    if (r == 0)
        r = ask_all(app, &delivered);
    return r < 0 ? r : sl_text(c, "%ld %.6f", delivered, now() - begin);
}

static int ready(sl_ctx *c)
{
    return sl_text(c, "worker %d", sl_worker_id());
}

int main(void)
{
    sl_app *app = sl_new(.instances = WORKERS);

    sl_on_message(app, "short", on_short, NULL);
    sl_on_request(app, "count", on_count, NULL);
    sl_get(app, "/", ready);
    sl_get(app, "/:count", run);
    return sl_listen(app);
}
