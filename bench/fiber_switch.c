/*
 * What a fiber costs: start and finish, a wake and wait there and back, a task, and a wait with a
 * deadline, each alone on a warm pool. Prints nanoseconds for each.
 *
 *     cc -O2 -Isrc -Iinclude bench/fiber_switch.c LIBRARIES -o fiber_switch && ./fiber_switch
 */
#include <stdio.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/fiber.h"
#include "fiber/task.h"

#define ROUNDS 2000000L

static struct sl__fiber *waiter;
static long woken;
static bool stop;

static void nothing(void *arg)
{
    (void)arg;
}

static int no_task(void *arg)
{
    (void)arg;
    return 0;
}

static void wait_often(void *arg)
{
    int64_t deadline = *(int64_t *)arg;

    while (!stop) {
        sl__fiber_wait(deadline);
        woken++;
    }
}

static void report(const char *what, int64_t begun)
{
    printf("%-28s %6.1f ns\n", what, (double)(sl__sys_now() - begun) / ROUNDS);
}

static void measure_waits(struct sl__loop *l, const char *what, int64_t deadline)
{
    int64_t begun;

    stop = false;
    sl__fiber_start(&waiter, wait_often, &deadline);
    begun = sl__sys_now();
    for (long i = 0; i < ROUNDS; i++) {
        struct sl__link *link;

        sl__fiber_wake(waiter);
        while ((link = sl__list_take(&l->tasks))) { /* a tick without its system call */
            struct sl__task *t = SL__OWNER(link, struct sl__task, link);
            t->run(t);
        }
    }
    report(what, begun);
    stop = true;
    sl__fiber_wake(waiter);
    sl__loop_once(l, 0);
}

int main(void)
{
    struct sl__task_group g = {.running = 0};
    struct sl__loop l;
    int64_t begun;

    if (sl__loop_init(&l) < 0 || sl__fibers_init(&l, 100) < 0)
        return 1;
    sl__fiber_start(NULL, nothing, NULL);
    begun = sl__sys_now();
    for (long i = 0; i < ROUNDS; i++)
        sl__fiber_start(NULL, nothing, NULL);
    report("start and finish", begun);
    begun = sl__sys_now();
    for (long i = 0; i < ROUNDS; i++)
        sl_join(sl__task_start(&g, no_task, NULL));
    report("task started and joined", begun);
    measure_waits(&l, "wake, run, wait", SL__FOREVER);
    measure_waits(&l, "the same with a deadline", sl__sys_now() + 1000 * SL__SEC);
    sl__task_group_finish(&g);
    sl__fibers_finish();
    sl__loop_finish(&l);
    return 0;
}
