/*
 * The relay with workers made of text: what each is sent is written into its own, as "m:topic=body"
 * a message, "s=body" a state, "g3" a gap, "ask1", "joined", "once:name", "q7<3:topic=body" request
 * 7 of worker 3, "a7<3=body" the reply to request 7 from worker 3, "no7<3=-5" its refusal. The
 * bodies are strings.
 */
#ifndef TEST_RELAY_FIXTURE_H
#define TEST_RELAY_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "cluster/relay.h"

#define WORKERS 8

static struct {
    char got[4096];
    size_t waiting; /* octets in its queue, as send() returns them */
    bool clogged;   /* nothing of it is read */
    bool broken;
} worker[WORKERS];
static char master[4096], gaps[256], forgotten[256];
static struct sl__relay *r;
static uint32_t answer_with; /* to_master() sends a message itself */

static inline void add(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline void add(char *text, size_t size, const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list args;

    if (len > 0 && len + 1 < size)
        strcpy(text + len++, " ");
    va_start(args, fmt);
    vsnprintf(text + len, size - len, fmt, args);
    va_end(args);
}

static inline const char *body_text(const void *body, size_t len, int body_fd)
{
    static char text[64];
    size_t shown = len < sizeof text - 1 ? len : sizeof text - 1;

    memset(text, 0, sizeof text);
    if (body_fd >= 0)
        assert_int_equal(pread(body_fd, text, shown, 0), shown);
    else if (shown > 0)
        memcpy(text, body, shown);
    return text;
}

static inline int64_t do_send(void *self, uint32_t id, const struct sl__frame_head *head,
                              const char *topic, const void *body, int body_fd)
{
    char *got = worker[id].got;
    const char *text = body_text(body, (size_t)head->body_len, body_fd);
    uint64_t missed = 0;
    int32_t error;

    (void)self;
    assert_true(id < WORKERS);
    assert_int_equal(!!(head->flags & SL__FRAME_BODY_FD), body_fd >= 0);
    if (worker[id].broken)
        return -EPIPE;
    if (head->type == SL__FRAME_GAP)
        memcpy(&missed, body, sizeof missed);
    switch (head->type) {
    case SL__FRAME_MESSAGE:
        add(got, sizeof worker[id].got, "m:%s=%s", topic, text);
        break;
    case SL__FRAME_JOIN_STATE:
        add(got, sizeof worker[id].got, "s=%s", text);
        break;
    case SL__FRAME_GAP:
        add(got, sizeof worker[id].got, "g%llu", (unsigned long long)missed);
        break;
    case SL__FRAME_ASK:
        add(got, sizeof worker[id].got, "ask%u", head->target);
        break;
    case SL__FRAME_JOINED:
        add(got, sizeof worker[id].got, "joined");
        break;
    case SL__FRAME_REQUEST:
        add(got, sizeof worker[id].got, "q%u<%u:%s=%s", head->target, head->from, topic, text);
        break;
    case SL__FRAME_REPLY:
        add(got, sizeof worker[id].got, "a%u<%u=%s", head->target, head->from, text);
        break;
    case SL__FRAME_REFUSAL:
        memcpy(&error, body, sizeof error);
        add(got, sizeof worker[id].got, "no%u<%u=%d", head->target, head->from, error);
        break;
    case SL__FRAME_ONCE_GRANT:
        add(got, sizeof worker[id].got, "once:%s", topic);
        break;
    default:
        fail_msg("frame %u", head->type);
    }
    if (worker[id].clogged)
        worker[id].waiting += sl__frame_size(strlen(topic), (size_t)head->body_len);
    return (int64_t)worker[id].waiting;
}

static inline void do_to_master(void *self, const struct sl__frame *frame)
{
    (void)self;
    add(master, sizeof master, "%u:%s=%s", frame->head.from, frame->topic,
        body_text(frame->body, (size_t)frame->head.body_len,
                  frame->head.flags & SL__FRAME_BODY_FD ? frame->fd : -1));
    if (answer_with) {
        uint32_t target = answer_with;

        answer_with = 0;
        sl__relay_send(r, target, "answer", "!", 1);
    }
}

static inline void do_gap(void *self, uint32_t id, uint64_t missed)
{
    (void)self;
    add(gaps, sizeof gaps, "%u:%llu", id, (unsigned long long)missed);
}

static inline void do_forgotten(void *self, const char *topic)
{
    (void)self;
    add(forgotten, sizeof forgotten, "%s", topic);
}

static inline int begin(void **state)
{
    static const struct sl__relay_limits limits = {
        .queue_bytes = 1000, .message_bytes = 100000, .log_bytes = 1000, .retained_bytes = 2000};
    static const struct sl__relay_actions actions = {
        .send = do_send, .to_master = do_to_master, .gap = do_gap, .forgotten = do_forgotten};

    (void)state;
    memset(worker, 0, sizeof worker);
    master[0] = gaps[0] = forgotten[0] = 0;
    answer_with = 0;
    r = sl__relay_new(&limits, &actions);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    sl__relay_free(r);
    return 0;
}

/* Compares what the worker got since the last time. */
static inline void expect(uint32_t id, const char *text)
{
    assert_string_equal(worker[id].got, text);
    worker[id].got[0] = 0;
}

static inline void forget(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        worker[i].got[0] = 0;
    master[0] = 0;
}

static inline int frame_from(uint32_t id, enum sl__frame_type type, uint32_t target,
                             const char *topic, const char *body)
{
    struct sl__frame frame = {.topic = topic, .body = body, .fd = -1};

    frame.head.type = (uint8_t)type;
    frame.head.target = target;
    frame.head.body_len = body ? strlen(body) : 0;
    return sl__relay_frame(r, id, &frame);
}

static inline void say(uint32_t from, uint32_t target, const char *body)
{
    assert_int_equal(frame_from(from, SL__FRAME_SEND, target, "t", body), 0);
}

static inline void give(uint32_t from, uint32_t ask, const char *state)
{
    assert_int_equal(frame_from(from, SL__FRAME_STATE, ask, "", state), 0);
}

/* Workers 1..n, none of which shares. */
static inline void join_plain(uint32_t n)
{
    for (uint32_t id = 1; id <= n; id++)
        sl__relay_join(r, id, false);
    forget();
}

/* Workers 1..n, brought to the state "0"; the number of the last ask is n - 1. */
static inline void join_sharing(uint32_t n)
{
    for (uint32_t id = 1; id <= n; id++) {
        sl__relay_join(r, id, true);
        if (id > 1)
            give(sl__relay_awaited(r), sl__relay_ask_number(r), "0");
    }
    assert_int_equal(sl__relay_awaited(r), 0);
    forget();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
