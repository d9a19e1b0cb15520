/* src/loop/offload.c: many jobs, cancelling, jobs submitted from done(), and the end with work
 * left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/sys.h"
#include "loop/offload.h"

#define JOBS 5000

struct work {
    struct sl__job job;
    int number;
    unsigned done;
    pthread_t thread;
    sem_t *gate, *begun;
};

static struct sl__loop loop;
static unsigned total_done;
static pthread_t loop_thread;
static struct sl__offload *pool;

static int setup(void **state)
{
    total_done = 0;
    loop_thread = pthread_self();
    if (sl__loop_init(&loop) < 0)
        return -1;
    pool = sl__offload_new(&loop, 4);
    return pool ? 0 : -1;
}

static int teardown(void **state)
{
    sl__offload_free(pool);
    sl__loop_finish(&loop);
    return 0;
}

static int twice(void *arg)
{
    struct work *w = arg;

    w->thread = pthread_self();
    return 2 * w->number;
}

static void on_done(struct sl__job *job)
{
    struct work *w = SL__OWNER(job, struct work, job);

    assert_true(pthread_equal(pthread_self(), loop_thread));
    w->done++;
    total_done++;
}

static void wait_for(unsigned n)
{
    while (total_done < n)
        assert_int_equal(sl__loop_once(&loop, -1), 0);
}

static void test_many_jobs(void **state)
{
    static struct work works[JOBS];

    for (int i = 0; i < JOBS; i++) {
        works[i] =
            (struct work){.job = {.run = twice, .arg = &works[i], .done = on_done}, .number = i};
        assert_int_equal(sl__offload_submit(pool, &works[i].job), 0);
    }
    wait_for(JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(works[i].done, 1);
        assert_int_equal(works[i].job.result, 2 * i);
        assert_false(pthread_equal(works[i].thread, loop_thread));
    }
    assert_int_equal(sl__loop_once(&loop, 0), 0); /* and the eventfd is silent */
    assert_int_equal(total_done, JOBS);
}

static int wait_at_gate(void *arg)
{
    struct work *w = arg;

    sem_post(w->begun);
    while (sem_wait(w->gate) < 0)
        ;
    return 7;
}

/* Lets all four threads begin and stand at the gate. */
static void occupy(struct work works[4], sem_t *gate, sem_t *begun)
{
    sem_init(gate, 0, 0);
    sem_init(begun, 0, 0);
    for (int i = 0; i < 4; i++) {
        works[i] = (struct work){.job = {.run = wait_at_gate, .arg = &works[i], .done = on_done},
                                 .gate = gate,
                                 .begun = begun};
        assert_int_equal(sl__offload_submit(pool, &works[i].job), 0);
    }
    for (int i = 0; i < 4; i++) /* four at once: the pool really has four threads */
        assert_int_equal(sem_wait(begun), 0);
}

static void test_cancel(void **state)
{
    struct work busy[4], waiting[3];
    sem_t gate, begun;

    occupy(busy, &gate, &begun);
    for (int i = 0; i < 3; i++) {
        waiting[i] =
            (struct work){.job = {.run = twice, .arg = &waiting[i], .done = on_done}, .number = i};
        assert_int_equal(sl__offload_submit(pool, &waiting[i].job), 0);
    }
    assert_true(sl__offload_cancel(pool, &waiting[1].job)); /* not begun */
    assert_false(sl__offload_cancel(pool, &waiting[1].job));
    assert_false(sl__offload_cancel(pool, &busy[0].job)); /* too late */
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    wait_for(6);
    assert_int_equal(waiting[0].done, 1);
    assert_int_equal(waiting[1].done, 0);
    assert_int_equal(waiting[2].done, 1);
    assert_int_equal(busy[0].job.result, 7);
    assert_false(sl__offload_cancel(pool, &busy[0].job));
    assert_int_equal(sl__offload_submit(pool, &waiting[1].job),
                     0); /* a cancelled job can be used again */
    wait_for(7);
    assert_int_equal(waiting[1].job.result, 2);
    sem_destroy(&gate);
    sem_destroy(&begun);
}

static void submit_again(struct sl__job *job)
{
    struct work *w = SL__OWNER(job, struct work, job);

    total_done++;
    w->done++;
    if (w->done < 100)
        assert_int_equal(sl__offload_submit(pool, job), 0);
}

static void test_submitted_again_in_done(void **state)
{
    struct work w = {.job = {.run = twice, .arg = &w, .done = submit_again}};

    assert_int_equal(sl__offload_submit(pool, &w.job), 0);
    wait_for(100);
    assert_int_equal(w.done, 100);
}

static void *open_gate(void *arg)
{
    for (int i = 0; i < 4; i++)
        sem_post(arg);
    return NULL;
}

static void test_free_waits_for_what_runs(void **state)
{
    struct work busy[4], waiting;
    sem_t gate, begun;
    pthread_t opener;

    occupy(busy, &gate, &begun);
    waiting = (struct work){.job = {.run = twice, .arg = &waiting, .done = on_done}};
    assert_int_equal(sl__offload_submit(pool, &waiting.job), 0);
    assert_int_equal(pthread_create(&opener, NULL, open_gate, &gate), 0);
    sl__offload_free(pool);
    pool = NULL;
    pthread_join(opener, NULL);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(total_done, 0);
    sem_destroy(&gate); /* would be trouble if a thread still waited */
    sem_destroy(&begun);
}

static int all_blocked(void *arg)
{
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1) &&
           sigismember(&mask, SIGCHLD);
}

static void test_threads_take_no_signals(void **state)
{
    struct work w = {.job = {.run = all_blocked, .done = on_done}};
    sigset_t mask;

    assert_int_equal(sl__offload_submit(pool, &w.job), 0);
    wait_for(1);
    assert_int_equal(w.job.result, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM)); /* ours is as it was */
}

static bool refuse(size_t size)
{
    return true;
}

static ssize_t fail_control(enum sl__sys_call call)
{
    return call == SL__SYS_EPOLL_CTL ? -ENOMEM : 0;
}

static void test_new_can_fail(void **state)
{
    sl__mem_fault = refuse;
    assert_null(sl__offload_new(&loop, 4));
    sl__mem_fault = NULL;
    sl__sys_fault = fail_control;
    assert_null(sl__offload_new(&loop, 4));
    sl__sys_fault = NULL;
    sl__offload_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_submitted_again_in_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_waits_for_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_take_no_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_can_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
