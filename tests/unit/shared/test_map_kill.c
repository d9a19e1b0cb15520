/*
 * No kill at any instruction leaves a lock held or an entry torn (IP7).
 *
 * A child does one operation on a map; it is single-stepped and killed after the n-th instruction,
 * for every n until it gets through. Each time another process, this one, must find the map as it
 * was before or as it is after, and its locks free. The same with a child that dies while it undoes
 * what another dead one had begun.
 *
 * On x86 the child steps itself, by the trap flag: its SIGTRAP handler counts, and kills.
 * Elsewhere, and in the long tests, a tracer does it, which is the same and slower. The two
 * operations that everything else is made of are killed at every instruction, the others at every
 * third; all at every one in the long tests. A sanitizer makes ten instructions of one: there fewer
 * will do.
 */
#include "maps.h"

#include <sys/ptrace.h>

#if defined __SANITIZE_ADDRESS__
#define STRIDE 499
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define STRIDE 499
#endif
#endif
#ifndef STRIDE
#define STRIDE 1
#endif

#define ENTRIES 4

typedef void operation_fn(sl_map *m);

static void replace(sl_map *m)
{
    sl_map_set(m, "k1", "after, and longer", 17, 0);
}

static void evict(sl_map *m)
{
    sl_map_set(m, "new", "after", 5, 0);
}

static void increment(sl_map *m)
{
    sl_map_increment(m, "n", 1, 0, NULL);
}

static int lengthen(sl_map_entry *e, void *self)
{
    memcpy(e->value, "updated, and longer", 19);
    e->len = 19;
    return 0;
}

static void update(sl_map *m)
{
    sl_map_update(m, "k1", lengthen, NULL);
}

static void delete_one(sl_map *m)
{
    sl_map_delete(m, "k2");
}

static void use(sl_map *m)
{
    char buf[32];

    sl_map_get(m, "k1", buf, sizeof buf);
}

static void replace_when_over(sl_map *m)
{
    sl_map_add(m, "short", "after", 5, 0);
}

static void fill(sl_map *m)
{
    int64_t n = 41;

    sl_map_delete(m, "new");
    sl_map_delete(m, "short");
    sl_map_set(m, "k0", "before 0", 8, 0); /* the eldest: "new" drops it */
    sl_map_set(m, "k1", "before 1", 8, 0);
    sl_map_set(m, "k2", "before 2", 8, 0);
    sl_map_set(m, "n", &n, sizeof n, 0);
}

static void fill_short(sl_map *m)
{
    fill(m);
    sl_map_delete(m, "k0");
    sl_map_set(m, "short", "before", 6, 1);
    map_clock += SL__SEC;
}

/* Everything a program can see of it, the order of uses too. */
static void picture(sl_map *m, char *buf, size_t size)
{
    struct sl__place p;
    size_t at = 0;

    sl__place_find(&p, m, 0);
    assert_int_equal(sl__shard_lock(&p, m), 0); /* and repairs what was begun */
    for (uint32_t i = sl__item_at(&p, 0)->newer; i != 0; i = sl__item_at(&p, i)->newer) {
        struct sl__item *it = sl__item_at(&p, i);

        at += (size_t)snprintf(buf + at, size - at, "%s=", sl__item_key(&p, it));
        for (uint32_t k = 0; k < it->value_len; k++)
            at +=
                (size_t)snprintf(buf + at, size - at, "%02x", (unsigned char)sl__item_value(it)[k]);
        at += (size_t)snprintf(buf + at, size - at, " ");
    }
    sl__shard_unlock(&p);
}

#if defined __x86_64__
static unsigned steps_left;

static void on_step(int signal)
{
    if (steps_left-- == 0)
        kill(getpid(), SIGKILL);
}

/* The flag is back in force when the handler returns. */
static void step_and_die(sl_map *m, operation_fn *operation, unsigned instructions)
{
    struct sigaction sa = {.sa_handler = on_step};

    sigaction(SIGTRAP, &sa, NULL);
    steps_left = instructions;
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    operation(m);
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}
#else
static void step_and_die(sl_map *m, operation_fn *operation, unsigned instructions)
{
}
#endif

/* False if it got through before. */
static bool kill_itself_after(sl_map *m, operation_fn *operation, unsigned instructions)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        step_and_die(m, operation, instructions);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
    return WIFSIGNALED(status);
}

/* A child that does it, stopped where it begins. */
static pid_t stopped_child(sl_map *m, operation_fn *operation)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(77);
        raise(SIGSTOP);
        operation(m);
        raise(SIGSTOP);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* a sandbox without ptrace */
    assert_true(WIFSTOPPED(status));
    return pid;
}

/* False if it got through before. The child is dead in any case. */
static bool kill_after(pid_t pid, unsigned instructions)
{
    bool inside = true;
    int status;

    while (instructions-- > 0 && inside) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        inside = WSTOPSIG(status) == SIGTRAP;
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return inside;
}

static bool die_after(sl_map *m, operation_fn *operation, unsigned instructions)
{
#if defined __x86_64__
    if (!getenv("SHALLOT_LONG"))
        return kill_itself_after(m, operation, instructions);
#endif
    return kill_after(stopped_child(m, operation), instructions);
}

/* Which instructions, so that over many runs it is all of them. */
static unsigned first_of(unsigned stride)
{
    return (unsigned)getpid() % stride;
}

/* Instructions in all; those before the operation (the rest of raise()) cost nothing but time. */
static unsigned at_every_instruction(operation_fn *prepare, operation_fn *operation,
                                     unsigned stride)
{
    char before[512] = "", after[512] = "", now[512];
    sl_map *m = map_new(ENTRIES, 24, 8);
    unsigned n = 0, was_before = 0, was_after = 0;
    bool inside = true;

    prepare(m);
    picture(m, before, sizeof before);
    operation(m);
    picture(m, after, sizeof after);
    for (n = first_of(stride); inside; n += stride) {
        prepare(m);
        inside = die_after(m, operation, n);
        memset(now, 0, sizeof now);
        picture(m, now, sizeof now);
        if (strcmp(now, before) != 0 && strcmp(now, after) != 0)
            fail_msg("after %u instructions: %s\nbefore: %s\nafter: %s", n, now, before, after);
        /* Once it has happened it stays so: the two do not alternate. */
        if (strcmp(before, after) != 0)
            assert_false(was_after > 0 && strcmp(now, after) != 0);
        was_before += strcmp(now, before) == 0;
        was_after += strcmp(now, after) == 0;
        map_check(m);
    }
    assert_true(was_before > 0 && was_after > 0);
    map_free(m);
    return n;
}

static void test_operations(void **state)
{
    static const struct {
        const char *name;
        operation_fn *prepare, *operation;
        unsigned stride;
    } cases[] = {
        {"evict", fill, evict, 1},
        {"increment", fill, increment, 1},
        {"replace", fill, replace, 3},
        {"update", fill, update, 3},
        {"delete", fill, delete_one, 3},
        {"use", fill, use, 3},
        {"add when the time is over", fill_short, replace_when_over, 3},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        print_message("%s: killed within %u instructions\n", cases[i].name,
                      at_every_instruction(cases[i].prepare, cases[i].operation,
                                           getenv("SHALLOT_LONG") ? 1 : cases[i].stride * STRIDE));
}

/* Leaves a change in the middle: as many words as it can, then dies with the lock. */
static void leave_unfinished(sl_map *m)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct sl__place p;

        sl__place_find(&p, m, 0);
        sl__shard_lock(&p, m);
        sl__shard_drop(&p, sl__item_at(&p, 0)->newer);
        sl__shard_link(&p, sl__shard_take(&p));
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

static void prepare_unfinished(sl_map *m)
{
    fill(m);
    leave_unfinished(m);
}

static void test_repair(void **state)
{
    char before[512] = "", after[512] = "", now[512];
    sl_map *m = map_new(ENTRIES, 24, 8);
    unsigned stride = getenv("SHALLOT_LONG") ? 1 : 3 * STRIDE, n;
    bool inside = true;

    fill(m);
    picture(m, before, sizeof before);
    use(m);
    picture(m, after, sizeof after);
    for (n = first_of(stride); inside; n += stride) {
        prepare_unfinished(m);
        inside = die_after(m, use, n); /* it repairs first */
        memset(now, 0, sizeof now);
        picture(m, now, sizeof now);
        if (strcmp(now, before) != 0)
            assert_string_equal(now, after);
        map_check(m);
    }
    print_message("repair: killed within %u instructions\n", n);
    map_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_repair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
