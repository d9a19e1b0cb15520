/*
 * Messages: the public calls, on the bus in a worker, through shallot.c in the master.
 *
 * main() runs in both, so registering for workers is harmless in the master, and the other way
 * round.
 */
#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "base/mem.h"
#include "base/time.h"
#include "shallot/message.h"

int sl_on_message(sl_app *app, const char *topic, sl_message_fn *fn, void *self)
{
    return sl__bus_on(app->bus, topic, fn, self);
}

int sl_on_gap(sl_app *app, void (*fn)(sl_app *app, uint64_t missed, void *self), void *self)
{
    return sl__bus_on_gap(app->bus, fn, self);
}

int sl_share(sl_app *app, const char *name, void *ptr, size_t size)
{
    return sl__bus_share(app->bus, name, ptr, size);
}

int sl_on_join(sl_app *app, int (*give)(sl_app *app, sl_snapshot *s, void *self),
               int (*take)(sl_app *app, const void *data, size_t len, void *self), void *self)
{
    return sl__bus_on_join(app->bus, give, take, self);
}

int sl_once(sl_app *app, const char *name, int (*fn)(sl_app *app))
{
    return sl__bus_once(app->bus, name, fn);
}

static int send(sl_app *app, uint32_t target, const char *topic, const void *data, size_t len)
{
    if (app->master_send)
        return app->master_send(app, target, topic, data, len);
    return sl_is_master() ? -EPIPE : sl__bus_send(app->bus, target, topic, data, len);
}

int sl_send(sl_app *app, const char *topic, const void *data, size_t len)
{
    return send(app, SL__TO_ALL, topic, data, len);
}

int sl_send_others(sl_app *app, const char *topic, const void *data, size_t len)
{
    return send(app, SL__TO_OTHERS, topic, data, len);
}

int sl_send_worker(sl_app *app, int worker_id, const char *topic, const void *data, size_t len)
{
    if (worker_id < 1) /* 0 is the master on the wire, and this is not the way to it */
        return -EINVAL;
    return send(app, (uint32_t)worker_id, topic, data, len);
}

int sl_send_master(sl_app *app, const char *topic, const void *data, size_t len)
{
    return send(app, SL__TO_MASTER, topic, data, len);
}

int sl_send_retained(sl_app *app, const char *topic, const void *data, size_t len)
{
    return send(app, SL__TO_RETAINED, topic, data, len);
}

int sl_request(sl_app *app, int worker_id, const char *topic, const void *data, size_t len,
               unsigned timeout_ms, void **ret_data, size_t *ret_len)
{
    struct sl__bus_request request = {
        .target = worker_id == SL_ANY_WORKER ? SL__TO_ANY : (uint32_t)worker_id,
        .topic = topic,
        .data = data,
        .len = len,
        .timeout_ns = timeout_ms * SL__MS,
        .ret_data = ret_data,
        .ret_len = ret_len,
    };

    if (worker_id < 1 && worker_id != SL_ANY_WORKER)
        return -EINVAL;
    return sl_is_master() ? -EPERM : sl__bus_ask(app->bus, &request);
}

int sl_on_request(sl_app *app, const char *topic, sl_request_fn *fn, void *self)
{
    return sl__bus_on_request(app->bus, topic, fn, self);
}

int sl_reply(const sl_message *m, const void *data, size_t len)
{
    return sl__bus_reply(m, data, len);
}

int sl_on_master_message(sl_app *app, const char *topic, sl_message_fn *fn, void *self)
{
    struct sl__app_topic *t, **end = &app->master_topics;

    if (!topic || !fn || !*topic || strlen(topic) > SL__TOPIC_MAX)
        return -EINVAL;
    t = sl__try_alloc_zeroed(sizeof *t);
    if (!t)
        return -ENOMEM;
    t->topic = sl__try_strdup(topic);
    if (!t->topic) {
        sl__free(t);
        return -ENOMEM;
    }
    t->fn = fn;
    t->self = self;
    while (*end)
        end = &(*end)->next;
    *end = t;
    return 0;
}

void sl__app_master_message(sl_app *app, const sl_message *m)
{
    for (const struct sl__app_topic *t = app->master_topics; t; t = t->next)
        if (strcmp(t->topic, "*") == 0 || strcmp(t->topic, m->topic) == 0)
            t->fn(app, m, t->self);
}
