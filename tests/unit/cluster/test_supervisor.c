/*
 * The supervisor, one behaviour at a time, with the exact words and times (CL2-CL4, CL12, DV4). How
 * behaviours mix is tests/sim.
 *
 * Everything it does is written into one text, which the tests compare.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cluster/supervisor.h"
#include "shallot/cluster.h"

static char did[16384];
static int64_t now, wake;
static bool has_served;
static unsigned wanted_when_good;
static struct sl__supervisor *s;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
    size_t len = strlen(did);
    va_list args;

    va_start(args, fmt);
    vsnprintf(did + len, sizeof did - len, fmt, args);
    va_end(args);
    strncat(did, "\n", sizeof did - strlen(did) - 1);
}

static void do_spawn(void *self, uint32_t id, unsigned slot, unsigned generation, bool candidate)
{
    (void)self;
    note("spawn %u slot %u generation %u%s", id, slot, generation, candidate ? " candidate" : "");
}

static void do_drain(void *self, uint32_t id, enum sl__drain_kind kind, int64_t deadline_ns)
{
    (void)self;
    note("drain %u %s %lld ms", id, kind == SL__LEAVE_STOP ? "stop" : "hand over",
         (long long)(deadline_ns / SL__MS));
}

static void do_kill(void *self, uint32_t id, int sig)
{
    (void)self;
    note("kill %u SIG%s", id, sigabbrev_np(sig));
}

static void do_good(void *self, unsigned generation)
{
    (void)self;
    note("good %u", generation);
    if (wanted_when_good)
        sl__supervisor_set_instances(s, wanted_when_good, now);
}

static void do_failed(void *self, unsigned generation, const char *reason)
{
    (void)self;
    note("failed %u: %s", generation, reason);
}

static bool do_served(void *self, uint32_t id)
{
    (void)self;
    (void)id;
    return has_served;
}

static void do_wake_at(void *self, int64_t at)
{
    (void)self;
    wake = at;
}

static void do_finished(void *self, int status)
{
    (void)self;
    note("finished %d", status);
}

static void do_log(void *self, enum sl__level level, const char *line)
{
    (void)self;
    note("%s: %s",
         level == SL__DEBUG  ? "debug"
         : level == SL__INFO ? "info"
         : level == SL__WARN ? "warn"
                             : "error",
         line);
}

static void do_proven(void *self, unsigned generation)
{
    (void)self;
    note("proven %u", generation);
}

static const struct sl__supervisor_actions actions = {
    .spawn = do_spawn,
    .drain = do_drain,
    .kill = do_kill,
    .good = do_good,
    .proven = do_proven,
    .failed = do_failed,
    .served = do_served,
    .wake_at = do_wake_at,
    .finished = do_finished,
    .log = do_log,
};

static struct sl__supervisor_config config_of(unsigned instances)
{
    return (struct sl__supervisor_config){
        .instances = instances,
        .drain_ns = 30 * SL__SEC,
        .ready_ns = 10 * SL__SEC,
        .settle_ns = 100 * SL__MS,
        .healthy_ns = SL__SEC,
        .backoff_min_ns = 100 * SL__MS,
        .backoff_max_ns = 10 * SL__SEC,
        .crash_budget = 100,
        .seed = 1,
    };
}

static void begin(const struct sl__supervisor_config *config)
{
    did[0] = 0;
    now = 0;
    wake = INT64_MAX;
    has_served = false;
    wanted_when_good = 0;
    s = sl__supervisor_new(config, &actions);
    sl__supervisor_start(s, now);
}

static int end(void **state)
{
    (void)state;
    sl__supervisor_free(s);
    s = NULL;
    return 0;
}

/* Compares what was done since the last time. */
static void expect(const char *text)
{
    assert_string_equal(did, text);
    did[0] = 0;
}

static void forget(void)
{
    did[0] = 0;
}

static void become_ready(uint32_t id)
{
    sl__supervisor_hello(s, id, now);
    assert_int_equal(sl__supervisor_state(s, id), SL__WORKER_JOINING);
    sl__supervisor_ready(s, id, now);
    assert_int_equal(sl__supervisor_state(s, id), SL__WORKER_READY);
}

static void die_by(uint32_t id, int sig, bool served)
{
    struct sl__exit how = {.code = -1, .signal = sig, .served = served, .pid = 4000 + (int)id};

    sl__supervisor_exited(s, id, &how, now);
}

static void die_with(uint32_t id, int code, const char *reason)
{
    struct sl__exit how = {.code = code, .pid = 4000 + (int)id, .reason = reason};

    sl__supervisor_exited(s, id, &how, now);
}

/* To the next wish to be woken, which is in the future. */
static void sleep_until_wake(void)
{
    assert_true(wake >= now && wake != INT64_MAX);
    now = wake;
    wake = INT64_MAX;
    sl__supervisor_tick(s, now);
}

static void begin_ready(unsigned instances)
{
    struct sl__supervisor_config config = config_of(instances);

    begin(&config);
    for (uint32_t id = 1; id <= instances; id++)
        become_ready(id);
    forget();
}

static void starts_and_is_silent(void **state)
{
    struct sl__supervisor_config config = config_of(3);

    (void)state;
    begin(&config);
    expect("spawn 1 slot 0 generation 1\nspawn 2 slot 1 generation 1\n"
           "spawn 3 slot 2 generation 1\n");
    assert_int_equal(wake, 10 * SL__SEC);
    for (uint32_t id = 1; id <= 3; id++)
        become_ready(id);
    assert_int_equal(sl__supervisor_ready_count(s), 3);
    assert_int_equal(wake, INT64_MAX);
    assert_int_equal(sl__supervisor_state(s, 4), SL__WORKER_GONE);
    assert_int_equal(sl__supervisor_state(s, 0), SL__WORKER_GONE);
    expect("");
}

/* CL3: the seed's line, exactly. */
static void says_who_died_and_respawns(void **state)
{
    (void)state;
    begin_ready(2);
    die_by(1, SIGKILL, false);
    expect("warn: worker 4001 died (SIGKILL). restarting...\nspawn 3 slot 0 generation 1\n");
    now += SL__SEC;
    die_with(2, 3, "cannot open the database");
    expect("warn: worker 4002 died (exit code 3). restarting...\n"
           "warn: worker 4002: cannot open the database\nspawn 4 slot 1 generation 1\n");
    become_ready(3);
    die_by(3, 40, false);
    assert_non_null(strstr(did, "warn: worker 4003 died (signal 40). restarting... in 0.1 s\n"));
}

/* CL4: at once, then 0.1 s doubling to 10 s, shortened by up to a quarter; afresh after health. */
static void backs_off(void **state)
{
    int64_t delay = 100 * SL__MS;
    uint32_t id = 1;

    (void)state;
    begin_ready(1);
    die_by(id++, SIGSEGV, false);
    assert_non_null(strstr(did, "restarting...\nspawn 2"));
    for (unsigned i = 0; i < 12; i++) {
        forget();
        become_ready(id);
        die_by(id++, SIGSEGV, false);
        assert_null(strstr(did, "spawn"));
        assert_non_null(strstr(did, "restarting... in "));
        assert_in_range(wake - now, delay * 3 / 4, delay);
        sleep_until_wake();
        assert_non_null(strstr(did, "spawn"));
        delay = delay * 2 > 10 * SL__SEC ? 10 * SL__SEC : delay * 2;
    }
    become_ready(id);
    now += SL__SEC; /* long enough, but nobody was served */
    forget();
    die_by(id++, SIGSEGV, false);
    assert_null(strstr(did, "spawn"));
    sleep_until_wake();
    become_ready(id);
    now += SL__SEC - 1; /* served, but not long enough */
    forget();
    die_by(id++, SIGSEGV, true);
    assert_null(strstr(did, "spawn"));
    sleep_until_wake();
    become_ready(id);
    now += SL__SEC;
    forget();
    die_by(id++, SIGSEGV, true);
    assert_non_null(strstr(did, "restarting...\nspawn"));
}

/* Somebody keeps killing a service that works: no position stays empty for longer than its worker
 * lived (but 0.1 s), and the crash budget is not for such deaths. */
static void is_patient_with_who_served(void **state)
{
    struct sl__supervisor_config config = config_of(1);

    (void)state;
    config.crash_budget = 3;
    begin(&config);
    for (uint32_t id = 1; id <= 50; id++) {
        int64_t lived = id % 2 ? 10 * SL__MS : 300 * SL__MS;

        become_ready(id);
        now += lived;
        forget();
        die_by(id, SIGKILL, true);
        assert_non_null(strstr(did, "restarting..."));
        if (id > 1)
            assert_true(wake - now <= (lived > 100 * SL__MS ? lived : 100 * SL__MS));
        if (id > 1)
            sleep_until_wake();
        assert_non_null(strstr(did, "spawn"));
        assert_null(strstr(did, "in a row"));
    }
}

/* One position's bad luck does not slow down another's first respawn. */
static void backs_off_by_position(void **state)
{
    (void)state;
    begin_ready(2);
    die_by(1, SIGKILL, false);
    die_by(3, SIGKILL, false);
    forget();
    die_by(2, SIGKILL, false);
    expect("warn: worker 4002 died (SIGKILL). restarting...\nspawn 4 slot 0 generation 1\n");
}

static void keeps_one_slow_retry(void **state)
{
    struct sl__supervisor_config config = config_of(3);

    (void)state;
    config.crash_budget = 3;
    begin(&config);
    die_with(1, 1, NULL);
    die_with(2, 1, NULL);
    forget();
    die_with(3, 1, NULL);
    expect("error: 3 deaths in a row: only one worker is tried every 10.0 s until one stays up\n"
           "warn: worker 4003 died (exit code 1). restarting... in 10.0 s\n");
    die_with(4, 1, NULL);
    expect("warn: worker 4004 died (exit code 1). waiting for another to stay up\n");
    die_with(5, 1, NULL);
    forget();
    assert_int_equal(wake, now + 10 * SL__SEC);
    sleep_until_wake();
    expect("spawn 6 slot 0 generation 1\n");
    die_with(6, 1, NULL); /* the next try is another position's, 10 s after this one */
    expect("warn: worker 4006 died (exit code 1). waiting for another to stay up\n");
    assert_int_equal(wake, now + 10 * SL__SEC);
    sleep_until_wake();
    expect("spawn 7 slot 0 generation 1\n");
    become_ready(7);
    sleep_until_wake(); /* healthy_ns: nobody was served */
    expect("");
    has_served = true;
    sleep_until_wake();
    expect("info: a worker stays up: all are started again\n"
           "spawn 8 slot 1 generation 1\nspawn 9 slot 2 generation 1\n");
}

static void budget_counts_no_deaths_beside_a_healthy_worker(void **state)
{
    struct sl__supervisor_config config = config_of(2);
    uint32_t id = 2;

    (void)state;
    config.crash_budget = 3;
    begin(&config);
    become_ready(1);
    now += SL__SEC;
    has_served = true;
    for (unsigned i = 0; i < 10; i++) {
        die_with(id, 1, NULL);
        id = id == 2 ? 3 : id + 1;
        while (sl__supervisor_state(s, id) == SL__WORKER_GONE)
            sleep_until_wake();
    }
    assert_null(strstr(did, "in a row"));
}

static void does_not_start_who_asks_not_to_be(void **state)
{
    begin_ready(2);
    die_with(1, SL_EXIT_STAY_DOWN, NULL);
    expect("warn: worker 4001 ended (exit code 86): it asks not to be started again\n");
    assert_true(wake == INT64_MAX);
    die_by(2, SIGKILL, true); /* the other is started as ever */
    forget();
    become_ready(3);
    sl__supervisor_reload(s, now); /* new code may be of use */
    forget();
    become_ready(4);
    become_ready(5);
    sleep_until_wake();
    forget();
    die_with(3, 0, NULL);
    forget();
    die_with(4, SL_EXIT_STAY_DOWN, NULL);
    forget();
    die_with(5, SL_EXIT_STAY_DOWN, NULL);
    expect("warn: worker 4005 ended (exit code 86): it asks not to be started again\n"
           "error: no worker is left that wants to be started\n"
           "finished 86\n");
}

/* While there is a candidate it may still come right. */
static void who_asks_not_to_be_started_waits_for_the_candidate(void **state)
{
    begin_ready(1);
    sl__supervisor_reload(s, now);
    die_with(1, SL_EXIT_STAY_DOWN, NULL);
    forget();
    die_with(2, SL_EXIT_STAY_DOWN, NULL);
    assert_non_null(strstr(did, "failed 2: worker 4002 died (exit code 86)"));
    assert_non_null(strstr(did, "finished 86"));
}

static void aborts_who_is_not_ready(void **state)
{
    struct sl__supervisor_config config = config_of(1);

    (void)state;
    begin(&config);
    sl__supervisor_hello(s, 1, now);
    forget();
    sleep_until_wake();
    assert_int_equal(now, 10 * SL__SEC);
    expect("kill 1 SIGABRT\nwarn: worker 1 was not ready within 10.0 s: aborting it\n");
    sl__supervisor_ready(s, 1, now); /* too late */
    assert_int_equal(sl__supervisor_ready_count(s), 0);
    sleep_until_wake();
    assert_int_equal(now, 15 * SL__SEC);
    expect("kill 1 SIGKILL\n");
    assert_int_equal(wake, INT64_MAX);
    die_by(1, SIGKILL, false);
    expect("warn: worker 4001 died (SIGKILL). restarting...\nspawn 2 slot 0 generation 1\n");
}

static void reloads(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_reload(s, now);
    expect("spawn 3 slot 2 generation 2 candidate\nspawn 4 slot 3 generation 2 candidate\n");
    become_ready(3);
    become_ready(4);
    expect("");
    assert_int_equal(sl__supervisor_generation(s), 1);
    die_by(1, SIGSEGV, false); /* the old generation is kept whole from the held executable */
    expect("warn: worker 4001 died (SIGSEGV). restarting...\nspawn 5 slot 0 generation 1\n");
    sleep_until_wake();
    assert_int_equal(now, 100 * SL__MS);
    expect("info: generation 2 serves, generation 1 leaves\ngood 2\n"
           "kill 5 SIGTERM\ndrain 2 hand over 30000 ms\n");
    assert_int_equal(sl__supervisor_generation(s), 2);
    assert_int_equal(sl__supervisor_state(s, 2), SL__WORKER_DRAINING);
    die_with(2, 0, NULL);
    die_by(5, SIGTERM, false);
    expect("debug: worker 4002 left\ndebug: worker 4005 left\n");
    assert_int_equal(wake, INT64_MAX);
    die_by(3, SIGKILL, false); /* from now on the new one is held */
    expect("warn: worker 4003 died (SIGKILL). restarting...\nspawn 6 slot 0 generation 2\n");
}

static void keeps_the_old_generation_when_the_new_one_dies(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_reload(s, now);
    become_ready(4);
    forget();
    die_with(3, 1, "no such table");
    expect("drain 4 hand over 30000 ms\n"
           "warn: generation 2 failed: worker 4003 died (exit code 1): no such table; "
           "generation 1 stays\n"
           "failed 2: worker 4003 died (exit code 1): no such table\n");
    die_with(4, 0, NULL);
    expect("debug: worker 4004 left\n");
    assert_int_equal(sl__supervisor_ready_count(s), 2);
    assert_int_equal(wake, INT64_MAX);
}

static void keeps_the_old_generation_when_the_new_one_is_late(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_reload(s, now);
    forget();
    sleep_until_wake();
    expect("kill 3 SIGABRT\nkill 4 SIGTERM\n"
           "warn: generation 2 failed: worker 3 was not ready within 10.0 s; generation 1 stays\n"
           "failed 2: worker 3 was not ready within 10.0 s\n");
    sleep_until_wake();
    expect("warn: worker 4 did not leave in time: killing it\nkill 4 SIGKILL\n");
    sleep_until_wake();
    expect("kill 3 SIGKILL\n");
    die_by(3, SIGKILL, false);
    die_by(4, SIGKILL, false);
    expect("debug: worker 4003 left\ndebug: worker 4004 left\n");
}

static void dying_while_settling_is_failing(void **state)
{
    (void)state;
    begin_ready(1);
    sl__supervisor_reload(s, now);
    become_ready(2);
    forget();
    now += 50 * SL__MS;
    die_by(2, SIGSEGV, true);
    assert_non_null(strstr(did, "failed 2: worker 4002 died (SIGSEGV)\n"));
    assert_int_equal(wake, INT64_MAX);
}

static void a_newer_reload_replaces_the_candidate(void **state)
{
    (void)state;
    begin_ready(1);
    sl__supervisor_reload(s, now);
    forget();
    sl__supervisor_reload(s, now);
    expect("debug: generation 2 is given up for a newer one\nkill 2 SIGTERM\n"
           "spawn 3 slot 2 generation 3 candidate\n");
    die_by(2, SIGTERM, false);
    expect("debug: worker 4002 left\n");
    become_ready(3);
    sleep_until_wake();
    expect("info: generation 3 serves, generation 1 leaves\ngood 3\ndrain 1 hand over 30000 ms\n");
}

static void kills_who_does_not_leave(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_scale(s, -1, now);
    expect("info: 1 worker wanted\ndrain 2 hand over 30000 ms\n");
    sleep_until_wake();
    assert_int_equal(now, 31 * SL__SEC);
    expect("warn: worker 2 did not leave in time: killing it\nkill 2 SIGKILL\n");
    die_by(2, SIGKILL, false);
    expect("debug: worker 4002 left\n");
    assert_int_equal(wake, INT64_MAX);
}

static void says_who_crashed_while_leaving(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_scale(s, -1, now);
    forget();
    die_by(2, SIGSEGV, false);
    expect("warn: worker 4002 died (SIGSEGV) while it was leaving\n");
}

static void stops(void **state)
{
    (void)state;
    begin_ready(2);
    die_by(2, SIGKILL, false); /* 3 is STARTING */
    forget();
    sl__supervisor_stop(s, false, now);
    expect("drain 1 stop 30000 ms\nkill 3 SIGTERM\n");
    sleep_until_wake();
    assert_int_equal(now, SL__SEC);
    expect("warn: worker 3 did not leave in time: killing it\nkill 3 SIGKILL\n");
    die_by(3, SIGKILL, false);
    die_with(1, 0, NULL);
    expect("debug: worker 4003 left\ndebug: worker 4001 left\nfinished 0\n");
    assert_int_equal(wake, INT64_MAX);
    sl__supervisor_reload(s, now);
    sl__supervisor_stop(s, false, now);
    expect("");
}

static void a_second_stop_kills(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_reload(s, now);
    forget();
    sl__supervisor_stop(s, false, now);
    expect("drain 1 stop 30000 ms\ndrain 2 stop 30000 ms\nkill 3 SIGTERM\nkill 4 SIGTERM\n");
    sl__supervisor_stop(s, false, now);
    expect("kill 1 SIGKILL\nkill 2 SIGKILL\nkill 3 SIGKILL\nkill 4 SIGKILL\n");
    for (uint32_t id = 1; id <= 4; id++)
        die_by(id, SIGKILL, false);
    assert_non_null(strstr(did, "left\nfinished 0\n"));
}

static void a_fast_stop_kills(void **state)
{
    (void)state;
    begin_ready(1);
    sl__supervisor_stop(s, true, now);
    expect("kill 1 SIGKILL\n");
    die_by(1, SIGKILL, false);
    expect("debug: worker 4001 left\nfinished 0\n");
}

static void stopping_nobody_is_finished(void **state)
{
    struct sl__supervisor_config config = config_of(1);

    (void)state;
    config.development = true;
    begin(&config);
    die_with(1, 1, NULL);
    forget();
    sl__supervisor_stop(s, false, now);
    expect("finished 0\n");
}

/* DV4 */
static void development_waits_for_the_next_change(void **state)
{
    struct sl__supervisor_config config = config_of(8);

    (void)state;
    config.development = true;
    config.crash_budget = 1;
    begin(&config);
    expect("spawn 1 slot 0 generation 1\n");
    die_with(1, 1, "syntax");
    expect("warn: worker 4001 died (exit code 1). waiting for the next change\n"
           "warn: worker 4001: syntax\n");
    assert_int_equal(wake, INT64_MAX);
    sl__supervisor_scale(s, 1, now);
    expect("");
    sl__supervisor_reload(s, now);
    expect("spawn 2 slot 0 generation 2 candidate\n");
    die_with(2, 1, NULL);
    expect("warn: generation 2 failed: worker 4002 died (exit code 1); generation 1 stays, "
           "waiting for the next change\nfailed 2: worker 4002 died (exit code 1)\n");
    sl__supervisor_reload(s, now);
    become_ready(3);
    forget();
    sleep_until_wake();
    expect("info: generation 3 serves, generation 1 leaves\ngood 3\n");
    die_by(3, SIGSEGV, false); /* it had served: respawned */
    expect("warn: worker 4003 died (SIGSEGV). restarting...\nspawn 4 slot 0 generation 3\n");
    die_with(4, 1, NULL);
    expect("warn: worker 4004 died (exit code 1). waiting for the next change\n");
    assert_int_equal(wake, INT64_MAX);
}

static void scales(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_scale(s, 1, now);
    expect("info: 3 workers wanted\nspawn 3 slot 2 generation 1\n");
    die_by(1, SIGKILL, false);
    die_by(4, SIGKILL, false); /* its position waits, and is the first to go */
    forget();
    sl__supervisor_scale(s, -1, now);
    expect("info: 2 workers wanted\n");
    sl__supervisor_scale(s, -1, now); /* then the youngest, which was never READY */
    expect("info: 1 worker wanted\nkill 3 SIGTERM\n");
    sl__supervisor_scale(s, -1, now);
    expect("");
    assert_int_equal(sl__supervisor_state(s, 2), SL__WORKER_READY);
}

/* Connections can be handed over only to somebody who serves. */
static void whoever_serves_stays(void **state)
{
    struct sl__supervisor_config config = config_of(2);

    (void)state;
    begin(&config);
    become_ready(2);
    forget();
    sl__supervisor_scale(s, -1, now);
    expect("info: 1 worker wanted\nkill 1 SIGTERM\n");
    sl__supervisor_scale(s, 1, now);
    forget();
    assert_int_equal(sl__supervisor_retire(s, 2, now), 0);
    become_ready(3);
    become_ready(4);
    assert_non_null(strstr(did, "drain 2 hand over 30000 ms\n"));
}

static void the_last_one_keeps_its_connections(void **state)
{
    struct sl__supervisor_config config = config_of(2);

    (void)state;
    begin(&config);
    become_ready(1);
    die_by(2, SIGKILL, false);
    die_by(1, SIGKILL, false); /* 3 and 4 are STARTING */
    become_ready(4);
    sl__supervisor_reload(s, now);
    become_ready(5);
    die_by(4, SIGKILL, false);
    forget();
    sl__supervisor_reload(s, now);
    assert_non_null(strstr(did, "drain 5 stop 30000 ms\n"));
}

static void the_code_says_how_many(void **state)
{
    (void)state;
    begin_ready(2);
    sl__supervisor_reload(s, now);
    become_ready(3);
    become_ready(4);
    forget();
    wanted_when_good = 1;
    sleep_until_wake();
    expect("info: generation 2 serves, generation 1 leaves\ngood 2\n"
           "drain 1 hand over 30000 ms\ndrain 2 hand over 30000 ms\n"
           "drain 4 hand over 30000 ms\n");
    sl__supervisor_set_instances(s, 3, now);
    expect("spawn 5 slot 4 generation 2\nspawn 6 slot 5 generation 2\n");
    sl__supervisor_set_times(s, 2 * SL__SEC, SL__SEC);
    sl__supervisor_scale(s, -1, now);
    sl__supervisor_stop(s, false, now);
    assert_non_null(strstr(did, "drain 3 stop 2000 ms\n"));
}

/* Three generations do not fit in the scoreboard: the third waits until the first has left. */
static void waits_for_slots(void **state)
{
    struct sl__supervisor_config config = config_of(1000);

    (void)state;
    begin(&config);
    for (uint32_t id = 1; id <= 256; id++)
        become_ready(id);
    sl__supervisor_reload(s, now);
    for (uint32_t id = 257; id <= 512; id++)
        become_ready(id);
    sleep_until_wake();
    forget();
    sl__supervisor_reload(s, now);
    expect("");
    assert_true(wake > now);
    die_with(7, 0, NULL);
    expect("debug: worker 4007 left\nspawn 513 slot 6 generation 3 candidate\n");
}

/* An upgrade: what has settled waits beside the old one. */
static void begin_trial(void)
{
    begin_ready(1);
    sl__supervisor_try(s, now);
    expect("spawn 2 slot 1 generation 2 candidate\n");
    sl__supervisor_accept(s, now); /* too early */
    become_ready(2);
    sleep_until_wake();
    expect("proven 2\n");
    assert_true(sl__supervisor_reloading(s));
    assert_int_equal(sl__supervisor_generation(s), 1);
}

static void a_trial_that_is_accepted_takes_over(void **state)
{
    begin_trial();
    sl__supervisor_accept(s, now);
    expect("info: generation 2 serves, generation 1 leaves\ngood 2\ndrain 1 hand over 30000 ms\n");
    sl__supervisor_accept(s, now);
    sl__supervisor_reject(s, "too late", now);
    expect("");
}

static void a_trial_that_is_rejected_leaves(void **state)
{
    begin_trial();
    sl__supervisor_reject(s, "as a master it died", now);
    expect(
        "drain 2 hand over 30000 ms\nwarn: generation 2 failed: as a master it died; generation 1 "
        "stays\nfailed 2: as a master it died\n");
    assert_false(sl__supervisor_reloading(s));
    sl__supervisor_accept(s, now);
    expect("");
    sl__supervisor_reload(s, now); /* a reload takes over by itself again */
    become_ready(3);
    forget();
    sleep_until_wake();
    assert_int_equal(sl__supervisor_generation(s), 3);
}

static void a_trial_whose_worker_dies_has_failed(void **state)
{
    begin_trial();
    die_by(2, SIGSEGV, false);
    expect("warn: generation 2 failed: worker 4002 died (SIGSEGV); generation 1 stays\n"
           "failed 2: worker 4002 died (SIGSEGV)\n");
    sl__supervisor_accept(s, now);
    assert_int_equal(sl__supervisor_generation(s), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(starts_and_is_silent, end),
        cmocka_unit_test_teardown(says_who_died_and_respawns, end),
        cmocka_unit_test_teardown(backs_off, end),
        cmocka_unit_test_teardown(is_patient_with_who_served, end),
        cmocka_unit_test_teardown(backs_off_by_position, end),
        cmocka_unit_test_teardown(keeps_one_slow_retry, end),
        cmocka_unit_test_teardown(budget_counts_no_deaths_beside_a_healthy_worker, end),
        cmocka_unit_test_teardown(does_not_start_who_asks_not_to_be, end),
        cmocka_unit_test_teardown(who_asks_not_to_be_started_waits_for_the_candidate, end),
        cmocka_unit_test_teardown(aborts_who_is_not_ready, end),
        cmocka_unit_test_teardown(reloads, end),
        cmocka_unit_test_teardown(keeps_the_old_generation_when_the_new_one_dies, end),
        cmocka_unit_test_teardown(keeps_the_old_generation_when_the_new_one_is_late, end),
        cmocka_unit_test_teardown(dying_while_settling_is_failing, end),
        cmocka_unit_test_teardown(a_newer_reload_replaces_the_candidate, end),
        cmocka_unit_test_teardown(kills_who_does_not_leave, end),
        cmocka_unit_test_teardown(says_who_crashed_while_leaving, end),
        cmocka_unit_test_teardown(stops, end),
        cmocka_unit_test_teardown(a_second_stop_kills, end),
        cmocka_unit_test_teardown(a_fast_stop_kills, end),
        cmocka_unit_test_teardown(stopping_nobody_is_finished, end),
        cmocka_unit_test_teardown(development_waits_for_the_next_change, end),
        cmocka_unit_test_teardown(scales, end),
        cmocka_unit_test_teardown(whoever_serves_stays, end),
        cmocka_unit_test_teardown(the_last_one_keeps_its_connections, end),
        cmocka_unit_test_teardown(the_code_says_how_many, end),
        cmocka_unit_test_teardown(waits_for_slots, end),
        cmocka_unit_test_teardown(a_trial_that_is_accepted_takes_over, end),
        cmocka_unit_test_teardown(a_trial_that_is_rejected_leaves, end),
        cmocka_unit_test_teardown(a_trial_whose_worker_dies_has_failed, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
