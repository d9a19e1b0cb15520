/* A worker's bus on a real channel, with a master made of a list of frames at the other end. */
#ifndef TEST_BUS_FIXTURE_H
#define TEST_BUS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "bus/bus.h"
#include "fiber/fiber.h"
#include "fiber/wait.h"

#define APP ((sl_app *)(void *)&the_app)
#define FRAMES_MAX 4096
#define WORKER 7

static int the_app;

struct got {
    struct sl__frame_head head;
    char topic[256];
    void *body;
};

struct fixture {
    struct sl__loop loop;
    struct sl__channel *master, *worker; /* NULL: standalone */
    struct sl__bus *bus;
    struct got got[FRAMES_MAX]; /* what the master received */
    unsigned got_count;
    bool master_reads;
    unsigned joined, idle;
    char failed[256], notices[1024], log[8192];
    unsigned to_master;
};

static struct fixture *the;

/* What callbacks saw, in order, as words. */
static inline void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void note(const char *fmt, ...)
{
    size_t len = strlen(the->log);
    va_list args;

    va_start(args, fmt);
    vsnprintf(the->log + len, sizeof the->log - len, fmt, args);
    va_end(args);
}

static inline void master_frame(void *self, struct sl__frame *frame)
{
    struct got *g = &the->got[the->got_count++];

    assert_true(the->got_count < FRAMES_MAX);
    g->head = frame->head;
    strcpy(g->topic, frame->topic);
    if (frame->head.body_len > 0) {
        g->body = malloc(frame->head.body_len);
        if (frame->body)
            memcpy(g->body, frame->body, frame->head.body_len);
        else
            assert_int_equal(pread(frame->fd, g->body, frame->head.body_len, 0),
                             frame->head.body_len);
    }
    if (frame->fd >= 0)
        close(frame->fd);
}

static inline void worker_frame(void *self, struct sl__frame *frame)
{
    sl__bus_frame(the->bus, frame);
}

static inline void writable(void *self)
{
    sl__bus_writable(the->bus);
}

static inline void closed(void *self)
{
}

static inline void on_joined(void *self)
{
    the->joined++;
    note("joined ");
}

static inline void on_failed(void *self, const char *reason)
{
    snprintf(the->failed, sizeof the->failed, "%s", reason);
}

static inline void on_notice(void *self, const char *line)
{
    size_t len = strlen(the->notices);

    snprintf(the->notices + len, sizeof the->notices - len, "%s\n", line);
}

static inline void on_to_master(void *self, const char *topic, const void *data, size_t len)
{
    the->to_master++;
}

static inline int setup(void **state)
{
    the = calloc(1, sizeof *the);
    if (sl__loop_init(&the->loop) < 0 || sl__fibers_init(&the->loop, 1000) < 0)
        return -1;
    the->bus = sl__bus_new(APP);
    *state = the;
    return 0;
}

static inline void tick(void)
{
    assert_int_equal(sl__loop_once(&the->loop, 0), 0);
}

/* Runs the loop until @p done or 20 s are over. */
#define run_until(done)                                                                            \
    do {                                                                                           \
        int64_t limit_ = sl__sys_now() + 20 * SL__SEC;                                             \
        while (!(done) && sl__sys_now() < limit_)                                                  \
            assert_int_equal(sl__loop_once(&the->loop, 20), 0);                                    \
        assert_true(done);                                                                         \
    } while (0)

/* With @p queue 0: standalone. */
static inline void start(size_t queue)
{
    const struct sl__bus_events events = {
        .joined = on_joined, .failed = on_failed, .notice = on_notice, .to_master = on_to_master};
    const struct sl__channel_events to_master = {.frame = master_frame, .closed = closed};
    const struct sl__channel_events to_worker = {
        .frame = worker_frame, .closed = closed, .writable = writable};
    int ends[2];

    if (queue > 0) {
        assert_int_equal(sl__channel_pair(ends), 0);
        the->master = sl__channel_new(&the->loop, ends[0], SIZE_MAX, &to_master);
        the->worker = sl__channel_new(&the->loop, ends[1], queue, &to_worker);
        assert_non_null(the->master);
        assert_non_null(the->worker);
    }
    assert_int_equal(sl__bus_start(the->bus, &the->loop, the->worker, WORKER, 64 << 20, &events),
                     0);
    assert_string_equal(the->log, "");
}

/* The master sends. */
static inline void say(uint8_t type, uint32_t from, uint32_t target, const char *topic,
                       const void *body, size_t len)
{
    struct sl__frame_head head = {.type = type, .from = from, .target = target, .body_len = len};

    head.topic_len = (uint16_t)strlen(topic);
    assert_int_equal(sl__channel_send(the->master, &head, topic, body, -1), 0);
}

static inline void message(const char *topic, const char *text)
{
    say(SL__FRAME_MESSAGE, 3, 0, topic, text, strlen(text));
}

static inline void was_idle(void *self)
{
    the->idle++;
}

static inline int teardown(void **state)
{
    sl__bus_stop(the->bus);
    run_until(sl__fibers_live() == 0);
    sl__bus_free(the->bus);
    sl__channel_free(the->worker);
    sl__channel_free(the->master);
    sl__fibers_finish();
    sl__loop_finish(&the->loop);
    for (unsigned i = 0; i < the->got_count; i++)
        free(the->got[i].body);
    free(the);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
