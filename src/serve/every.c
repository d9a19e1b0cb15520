/*
 * sl_every(): a timer for each callback of this process, and a fiber for each run.
 *
 * Comes from begin() in life.c once connections are accepted; stops when the process drains: a run
 * that is going on then is cancelled.
 */
#include "base/mem.h"
#include "base/time.h"
#include "fiber/fiber.h"
#include "serve/serving.h"

struct sl__beat {
    struct sl__beat *next;
    struct sl__serving *serving;
    const struct sl__app_hook *hook;
    struct sl__timer timer;
    struct sl__fiber *fiber; /* of the run that is going on; NULL: none */
};

static void run_beat(void *arg)
{
    struct sl__beat *b = arg;

    b->fiber = sl__fiber_current();
    b->hook->fn.every(b->serving->app, b->hook->self);
    b->fiber = NULL;
}

static void beat_is_due(struct sl__timer *t)
{
    struct sl__beat *b = SL__OWNER(t, struct sl__beat, timer);

    sl__timer_start(&b->serving->loop, t, b->serving->loop.now + b->hook->every_ms * SL__MS);
    if (!b->fiber) /* without a fiber to be had, this run is left out */
        sl__fiber_start(NULL, run_beat, b);
}

void sl__beats_start(struct sl__serving *s)
{
    for (const struct sl__app_hook *h = s->app->every; h; h = h->next) {
        struct sl__beat *b = sl__alloc_zeroed(sizeof *b);

        b->serving = s;
        b->hook = h;
        b->next = s->beats;
        b->timer.fire = beat_is_due;
        s->beats = b;
        sl__timer_start(&s->loop, &b->timer, s->loop.now + h->every_ms * SL__MS);
    }
}

void sl__beats_stop(struct sl__serving *s)
{
    for (struct sl__beat *b = s->beats; b; b = b->next) {
        sl__timer_stop(&s->loop, &b->timer);
        if (b->fiber)
            sl__fiber_cancel(b->fiber);
    }
}

void sl__beats_free(struct sl__serving *s)
{
    while (s->beats) {
        struct sl__beat *b = s->beats;

        s->beats = b->next;
        sl__free(b);
    }
}
