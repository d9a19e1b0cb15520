/* src/loop/loop.c: watches, tasks, the order of a tick, sleeping, and system calls that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "loop/loop.h"

#define MANY 300 /* more than a batch */

struct probe {
    struct sl__watch watch;
    struct sl__timer timer;
    struct sl__task task;
    unsigned called;
    uint32_t events; /* of the last call */
    struct probe *victim;
};

static struct sl__loop loop;
static char order[16]; /* who ran, a letter each */
static unsigned before, after;
static int asked_timeout;

static void note(char who)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof(order))
        order[n] = who;
}

static int setup(void **state)
{
    memset(order, 0, sizeof(order));
    before = after = 0;
    return sl__loop_init(&loop);
}

static int teardown(void **state)
{
    sl__loop_finish(&loop);
    sl__sys_fault = NULL;
    sl__sys_clock_fn = NULL;
    return 0;
}

static void on_ready(struct sl__watch *w, uint32_t events)
{
    struct probe *p = SL__OWNER(w, struct probe, watch);

    p->called++;
    p->events = events;
    note('w');
    if (p->victim) {
        sl__loop_remove(&loop, &p->victim->watch);
        close(p->victim->watch.fd);
        p->victim->watch.ready = NULL; /* a call would crash */
    }
}

static void open_probe(struct probe *p, uint64_t count, uint32_t events)
{
    *p = (struct probe){.watch = {.events = events, .ready = on_ready}};
    p->watch.fd = eventfd((unsigned)count, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(p->watch.fd >= 0);
    assert_int_equal(sl__loop_add(&loop, &p->watch), 0);
}

static void close_probe(struct probe *p)
{
    sl__loop_remove(&loop, &p->watch);
    close(p->watch.fd);
}

static void test_ready_events(void **state)
{
    struct probe in, out;

    open_probe(&in, 0, EPOLLIN);
    open_probe(&out, 0, EPOLLOUT);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(in.called, 0);
    assert_int_equal(out.called, 1);
    assert_int_equal(out.events, EPOLLOUT);
    assert_int_equal(sl__loop_modify(&loop, &out.watch, EPOLLIN), 0);
    assert_int_equal(sl__loop_modify(&loop, &in.watch, EPOLLIN | EPOLLOUT), 0);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(out.called, 1);
    assert_int_equal(in.called, 1);
    close_probe(&in);
    close_probe(&out);
}

static void test_more_than_a_batch(void **state)
{
    static struct probe probes[MANY];
    struct rlimit files;
    unsigned ticks = 0, served = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    for (int i = 0; i < MANY; i++)
        open_probe(&probes[i], 1, EPOLLIN | EPOLLET);
    while (ticks++ < 2)
        assert_int_equal(sl__loop_once(&loop, 0), 0);
    for (int i = 0; i < MANY; i++) {
        served += probes[i].called;
        close_probe(&probes[i]);
    }
    assert_int_equal(served, MANY);
}

static void test_removed_in_the_batch_is_not_called(void **state)
{
    struct probe a, b;

    open_probe(&a, 1, EPOLLIN);
    open_probe(&b, 1, EPOLLIN);
    a.victim = &b;
    b.victim = &a; /* whichever comes first removes the other */
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.called + b.called, 1);
    a.victim = b.victim = NULL;
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.called + b.called, 2); /* the one that is left */
    close_probe(a.called ? &a : &b);
}

static void replace(struct sl__watch *w, uint32_t events)
{
    static struct probe fresh;
    struct probe *p = SL__OWNER(w, struct probe, watch);

    p->called++;
    if (!p->victim)
        return;
    close_probe(p->victim); /* and its number is at once somebody else's */
    open_probe(&fresh, 0, EPOLLIN);
    assert_int_equal(fresh.watch.fd, p->victim->watch.fd);
    fresh.watch.ready = NULL; /* must not get the event of its predecessor */
    p->victim->victim = NULL;
    p->victim = &fresh;
}

static void test_a_number_used_again_gets_no_old_event(void **state)
{
    struct probe a, b;

    open_probe(&a, 1, EPOLLIN);
    open_probe(&b, 1, EPOLLIN);
    a.victim = &b;
    b.victim = &a;
    a.watch.ready = b.watch.ready = replace;
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.called + b.called, 1);
    close_probe(a.called ? &a : &b);
    close_probe(a.called ? a.victim : b.victim);
}

static void want_nothing(struct sl__watch *w, uint32_t events)
{
    struct probe *p = SL__OWNER(w, struct probe, watch);

    p->called++;
    assert_int_equal(sl__loop_modify(&loop, &p->victim->watch, 0), 0);
}

static void test_modified_in_the_batch_is_not_called(void **state)
{
    struct probe a, b;

    open_probe(&a, 1, EPOLLIN);
    open_probe(&b, 1, EPOLLIN);
    a.victim = &b;
    b.victim = &a;
    a.watch.ready = b.watch.ready = want_nothing;
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.called + b.called, 1);
    close_probe(&a);
    close_probe(&b);
}

static void run_t(struct sl__task *t)
{
    note('t');
}

static void run_u(struct sl__task *t)
{
    note('u');
    sl__loop_defer(&loop, &SL__OWNER(t, struct probe, task)->victim->task);
    sl__loop_defer(&loop, &SL__OWNER(t, struct probe, task)->victim->task); /* once is enough */
}

static void fire_f(struct sl__timer *t)
{
    note('f');
}

static void count_before(void *self)
{
    assert_ptr_equal(self, &loop);
    before++;
    note('b');
}

static void count_after(void *self)
{
    after++;
    note('a');
}

static void test_order_of_a_tick(void **state)
{
    struct probe w, u = {.task.run = run_u}, t = {.task.run = run_t, .timer.fire = fire_f};

    open_probe(&w, 1, EPOLLIN);
    u.victim = &t;
    loop.tick.before = count_before;
    loop.tick.after = count_after;
    loop.tick.self = &loop;
    sl__loop_defer(&loop, &u.task);
    sl__timer_start(&loop, &t.timer, sl__sys_now());
    assert_int_equal(sl__loop_once(&loop, -1), 0); /* does not sleep with a task in hand */
    assert_string_equal(order, "bafwut");
    assert_int_equal(before + after, 2);
    close_probe(&w);
}

static void stop_task(struct sl__task *t)
{
    SL__OWNER(t, struct probe, task)->called++;
    sl__loop_stop(&loop);
}

static void test_run_and_stop(void **state)
{
    struct probe p = {.task.run = stop_task};

    sl__loop_stop(&loop);
    assert_int_equal(sl__loop_run(&loop), 0); /* stopped before it began */
    sl__loop_defer(&loop, &p.task);
    assert_int_equal(sl__loop_run(&loop), 0);
    assert_int_equal(p.called, 1);
    sl__loop_defer(&loop, &p.task); /* and can run again */
    assert_int_equal(sl__loop_run(&loop), 0);
    assert_int_equal(p.called, 2);
}

static unsigned clock_reads;
static int64_t clock_now;

static int64_t counted_clock(void)
{
    clock_reads++;
    return clock_now;
}

static void stop_third(struct sl__watch *w, uint32_t events)
{
    if (++SL__OWNER(w, struct probe, watch)->called == 3)
        sl__loop_stop(&loop);
}

static void test_one_clock_read_per_tick(void **state)
{
    struct probe w, far = {.timer.fire = fire_f};

    sl__sys_clock_fn = counted_clock;
    clock_now = 5 * SL__SEC;
    open_probe(&w, 1, EPOLLIN);
    w.watch.ready = stop_third;
    sl__timer_start(&loop, &far.timer, clock_now + 60 * SL__SEC);
    clock_reads = 0;
    assert_int_equal(sl__loop_run(&loop), 0);
    assert_int_equal(w.called, 3);
    assert_int_equal(clock_reads, 1 + 3); /* one at the beginning */
    assert_int_equal(loop.now, clock_now);
    sl__timer_stop(&loop, &far.timer);
    close_probe(&w);
}

static ssize_t fail_wait(enum sl__sys_call call)
{
    return call == SL__SYS_EPOLL_WAIT ? asked_timeout : 0;
}

static ssize_t fail_control(enum sl__sys_call call)
{
    return call == SL__SYS_EPOLL_CTL ? -ENOSPC : 0;
}

static void test_failing_calls(void **state)
{
    struct probe p, t = {.task.run = run_t};

    open_probe(&p, 1, EPOLLIN);
    sl__sys_fault = fail_wait;
    asked_timeout = -EINTR; /* is nothing but an empty tick */
    sl__loop_defer(&loop, &t.task);
    assert_int_equal(sl__loop_once(&loop, -1), 0);
    assert_string_equal(order, "t");
    asked_timeout = -EBADF;
    assert_int_equal(sl__loop_once(&loop, -1), -EBADF);
    assert_int_equal(sl__loop_run(&loop), -EBADF);
    sl__sys_fault = fail_control;
    assert_int_equal(sl__loop_modify(&loop, &p.watch, EPOLLOUT), -ENOSPC);
    assert_int_equal(p.watch.events, EPOLLIN);
    assert_int_equal(sl__loop_add(&loop, &t.watch), -ENOSPC);
    sl__sys_fault = NULL;
    assert_int_equal(sl__loop_add(&loop, &p.watch), -EEXIST);
    close_probe(&p);
}

static void test_an_early_timer_shortens_the_sleep(void **state)
{
    struct probe t = {.timer.fire = fire_f};
    int64_t start = sl__sys_now();

    sl__timer_start(&loop, &t.timer, start + 5 * SL__MS);
    assert_int_equal(sl__loop_once(&loop, 60000), 0);
    assert_string_equal(order, "f");
    assert_true(sl__sys_now() - start < 30 * SL__SEC);
}

static void work_long(struct sl__task *t)
{
    struct probe *p = SL__OWNER(t, struct probe, task);

    sl__timer_start(&loop, &p->timer, clock_now + 9 * SL__SEC / 10);
    clock_now += SL__SEC;
}

static void fire_stop(struct sl__timer *t)
{
    note('f');
    sl__loop_stop(&loop);
}

static void test_a_long_tick_does_not_delay_a_near_timer(void **state)
{
    struct probe p = {.task.run = work_long, .timer.fire = fire_stop};
    int64_t start = sl__sys_now();

    sl__sys_clock_fn = counted_clock;
    clock_now = 5 * SL__SEC;
    sl__loop_defer(&loop, &p.task);
    assert_int_equal(sl__loop_run(&loop), 0);
    assert_string_equal(order, "f");
    sl__sys_clock_fn = NULL;
    assert_true(sl__sys_now() - start <
                8 * SL__SEC / 10); /* by the time of the last waking: 0.9 s */
}

static void on_first(struct sl__watch *w, uint32_t events)
{
    note('f');
}

/* A handler that does not come back must not keep new connections, for which nobody else was woken.
 */
static void test_exclusive_watches_go_first(void **state)
{
    struct probe plain[3], first[2];

    for (int i = 0; i < 3; i++)
        open_probe(&plain[i], 1, EPOLLIN);
    for (int i = 0; i < 2; i++) {
        open_probe(&first[i], 1, EPOLLIN | EPOLLEXCLUSIVE);
        first[i].watch.ready = on_first;
    }
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_string_equal(order, "ffwww");
    for (int i = 0; i < 3; i++)
        close_probe(&plain[i]);
    for (int i = 0; i < 2; i++)
        close_probe(&first[i]);
}

static void test_finish_accepts_zeroed_memory(void **state)
{
    struct sl__loop zeroed = {0};
    int before_it = fcntl(0, F_GETFD);

    sl__loop_finish(&zeroed);
    assert_int_equal(fcntl(0, F_GETFD), before_it); /* 0 was not its descriptor */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ready_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_in_the_batch_is_not_called, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_number_used_again_gets_no_old_event, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_modified_in_the_batch_is_not_called, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_of_a_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run_and_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_clock_read_per_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_early_timer_shortens_the_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_tick_does_not_delay_a_near_timer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_exclusive_watches_go_first, setup, teardown),
        cmocka_unit_test(test_finish_accepts_zeroed_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
