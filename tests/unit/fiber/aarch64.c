/*
 * The fiber floor on 64-bit ARM, built and run by tests/fiber-aarch64 under qemu: registers and
 * floating-point control, backtraces that end, many fibers, sleeping, offload, overflow. Without
 * cmocka, which is not there for the other processor; the thorough tests are beside this file.
 *
 * Prints a line for each failure, and last "N passed, N failed, N skipped".
 */
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "fiber/fiber.h"
#include "fiber/task.h"
#include "fiber/wait.h"
#include "registers.h"

#define MANY 1000

static struct sl__loop loop;
static int survived, left, depth[2];
static bool kept;
static const uint64_t seeds[3] = {0x1111111100000000, 0x2222222200000000, 0x3333333300000000};

static void wait_a_tick(void *arg)
{
    (void)arg;
    sl__fiber_wait(0);
}

static void keep_registers(void *arg)
{
    uint64_t seed = seeds[*(int *)arg];

    for (int i = 0; i < 20; i++)
        survived += registers_survive(wait_a_tick, NULL, seed + (uint64_t)i);
}

static void run_until_ended(void *arg)
{
    (void)arg;
    while (sl__fibers_live() > 0)
        sl__loop_once(&loop, -1);
}

static bool registers_are_kept(void)
{
    static int which[3] = {0, 1, 2};

    for (int i = 0; i < 3; i++)
        sl__fiber_start(NULL, keep_registers, &which[i]);
    return registers_survive(run_until_ended, NULL, 0x4444444400000000) && survived == 60;
}

static void round_up(void *arg)
{
    uint64_t mine = CONTROL_ROUND_UP(read_control());

    (void)arg;
    write_control(mine);
    sl__fiber_wait(0);
    kept = read_control() == mine;
}

static bool control_is_kept(void)
{
    uint64_t plain = read_control();

    sl__fiber_start(NULL, round_up, NULL);
    if (read_control() != plain)
        return false;
    run_until_ended(NULL);
    return kept && read_control() == plain;
}

static void trace_back(void *arg)
{
    void *frames[64];

    (void)arg;
    depth[0] = backtrace(frames, 64);
    sl__fiber_wait(0);
    depth[1] = backtrace(frames, 64);
}

static bool backtraces_end(void)
{
    sl__fiber_start(NULL, trace_back, NULL);
    run_until_ended(NULL);
    return depth[0] >= 1 && depth[0] < 10 && depth[1] >= 1 && depth[1] < 10;
}

static void count_down(void *arg)
{
    (void)arg;
    if (sl__wait_time(1) == 0 && sl__wait_time(SL__MS) == 0)
        left--;
}

static bool many_run(void)
{
    left = 2 * MANY;
    for (int i = 0; i < 2 * MANY; i++) {
        if (i == MANY) /* the second half on stacks used before */
            run_until_ended(NULL);
        if (sl__fiber_start(NULL, count_down, NULL) < 0)
            return false;
    }
    run_until_ended(NULL);
    return left == 0;
}

static int on_a_thread(void *arg)
{
    return *(int *)arg + 1;
}

static void offload(void *arg)
{
    int value = 41;

    *(int *)arg = sl__wait_offload(on_a_thread, &value);
}

static bool offload_returns(void)
{
    int result = 0;

    sl__fiber_start(NULL, offload, &result);
    run_until_ended(NULL);
    return result == 42;
}

static int sleep_long(void *arg)
{
    (void)arg;
    return sl_sleep(1000000);
}

static void finish_a_group(void *arg)
{
    struct sl__task_group g = {.keep = true};
    sl_task *t = sl__task_start(&g, sleep_long, NULL);

    sl_sleep(0);
    sl_cancel(t);
    *(int *)arg = sl_join(t);
    sl__task_start(&g, sleep_long, NULL);
    sl__task_group_finish(&g);
}

static bool tasks_end(void)
{
    int result = 0;

    sl__fiber_start(NULL, finish_a_group, &result);
    run_until_ended(NULL);
    return result == -ECANCELED;
}

static volatile bool enough; /* never: but the compiler must not know */

static __attribute__((noinline)) int recurse(const volatile char *above)
{
    volatile char frame[1024];

    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = above[0];
    return enough ? 0 : recurse(frame) + frame[1];
}

static void overflow(void *arg)
{
    volatile char first = 'x';

    (void)arg;
    sl__fiber_set_label(sl__fiber_current(), "/deep");
    recurse(&first);
}

static bool overflow_is_told(void)
{
    static const char line[] = "stack overflow in handler of /deep\n";
    char said[200] = "";
    int out[2], status;
    pid_t pid;

    if (pipe(out) < 0)
        return false;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        dup2(out[1], STDERR_FILENO);
        if (sl__fiber_install_overflow_handler() == 0)
            sl__fiber_start(NULL, overflow, NULL);
        _exit(4);
    }
    close(out[1]);
    if (read(out[0], said, sizeof(said) - 1) < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    close(out[0]);
    return strncmp(said, line, strlen(line)) == 0 && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGSEGV;
}

int main(void)
{
    static const struct {
        const char *name;
        bool (*run)(void);
    } tests[] = {
        {"registers are kept", registers_are_kept}, {"control is kept", control_is_kept},
        {"backtraces end", backtraces_end},         {"many run", many_run},
        {"offload returns", offload_returns},       {"tasks end", tasks_end},
        {"overflow is told", overflow_is_told},
    };
    int passed = 0, failed = 0;

    if (sl__loop_init(&loop) < 0 || sl__fibers_init(&loop, 10000) < 0)
        return 1;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        bool ok = tests[i].run();

        passed += ok;
        failed += !ok;
        if (!ok)
            printf("FAILED: %s\n", tests[i].name);
    }
    sl__fibers_finish();
    sl__loop_finish(&loop);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed > 0;
}
