/*
 * The relay, one behaviour at a time (IP1, IP2, IP4-IP6, IP8). How behaviours mix is tests/sim.
 *
 * What each worker is sent is written into its own text: "m:topic=body" a message, "s=body" a
 * state, "g3" a gap, "ask1", "joined", "once:name". The bodies are strings.
 */
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
static char master[4096], gaps[256];
static struct sl__relay *r;
static uint32_t answer_with; /* to_master() sends a message itself */

static void add(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add(char *text, size_t size, const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list args;

    if (len > 0 && len + 1 < size)
        strcpy(text + len++, " ");
    va_start(args, fmt);
    vsnprintf(text + len, size - len, fmt, args);
    va_end(args);
}

static const char *body_text(const void *body, size_t len, int body_fd)
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

static int64_t do_send(void *self, uint32_t id, const struct sl__frame_head *head,
                       const char *topic, const void *body, int body_fd)
{
    char *got = worker[id].got;
    const char *text = body_text(body, (size_t)head->body_len, body_fd);
    uint64_t missed = 0;

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

static void do_to_master(void *self, const struct sl__frame *frame)
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

static void do_gap(void *self, uint32_t id, uint64_t missed)
{
    (void)self;
    add(gaps, sizeof gaps, "%u:%llu", id, (unsigned long long)missed);
}

static int begin(void **state)
{
    static const struct sl__relay_limits limits = {
        .queue_bytes = 1000, .message_bytes = 100000, .log_bytes = 1000};
    static const struct sl__relay_actions actions = {
        .send = do_send, .to_master = do_to_master, .gap = do_gap};

    (void)state;
    memset(worker, 0, sizeof worker);
    master[0] = gaps[0] = 0;
    answer_with = 0;
    r = sl__relay_new(&limits, &actions);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sl__relay_free(r);
    return 0;
}

/* Compares what the worker got since the last time. */
static void expect(uint32_t id, const char *text)
{
    assert_string_equal(worker[id].got, text);
    worker[id].got[0] = 0;
}

static void forget(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        worker[i].got[0] = 0;
    master[0] = 0;
}

static int frame_from(uint32_t id, enum sl__frame_type type, uint32_t target, const char *topic,
                      const char *body)
{
    struct sl__frame frame = {.topic = topic, .body = body, .fd = -1};

    frame.head.type = (uint8_t)type;
    frame.head.target = target;
    frame.head.body_len = body ? strlen(body) : 0;
    return sl__relay_frame(r, id, &frame);
}

static void say(uint32_t from, uint32_t target, const char *body)
{
    assert_int_equal(frame_from(from, SL__FRAME_SEND, target, "t", body), 0);
}

static void give(uint32_t from, uint32_t ask, const char *state)
{
    assert_int_equal(frame_from(from, SL__FRAME_STATE, ask, "", state), 0);
}

/* Workers 1..n, none of which shares. */
static void join_plain(uint32_t n)
{
    for (uint32_t id = 1; id <= n; id++)
        sl__relay_join(r, id, false);
    forget();
}

/* Workers 1..n, brought to the state "0"; the number of the last ask is n - 1. */
static void join_sharing(uint32_t n)
{
    for (uint32_t id = 1; id <= n; id++) {
        sl__relay_join(r, id, true);
        if (id > 1)
            give(sl__relay_awaited(r), sl__relay_ask_number(r), "0");
    }
    assert_int_equal(sl__relay_awaited(r), 0);
    forget();
}

static void sends_to_whom_it_is_meant(void **state)
{
    (void)state;
    join_plain(3);
    say(1, SL__TO_ALL, "all");
    say(1, SL__TO_OTHERS, "others");
    say(1, 3, "third");
    say(1, 1, "myself");
    say(1, 77, "nobody");
    say(2, SL__TO_MASTER, "up");
    say(2, SL__TO_RETAINED, "kept");
    assert_int_equal(sl__relay_send(r, SL__TO_ALL, "t", "down", 4), 0);
    expect(1, "m:t=all m:t=myself m:t=kept m:t=down");
    expect(2, "m:t=all m:t=others m:t=kept m:t=down");
    expect(3, "m:t=all m:t=others m:t=third m:t=kept m:t=down");
    assert_string_equal(master, "1:t=all 1:t=others 2:t=up 2:t=kept");
}

/* What the master answers comes after the message, for everybody. */
static void the_masters_answer_comes_after(void **state)
{
    (void)state;
    join_plain(2);
    answer_with = SL__TO_ALL;
    say(1, SL__TO_ALL, "question");
    expect(1, "m:t=question m:answer=!");
    expect(2, "m:t=question m:answer=!");
    assert_int_equal(sl__relay_send(r, SL__TO_MASTER, "t", "me", 2), 0);
    assert_string_equal(master, "1:t=question 0:t=me");
}

static void refuses_nonsense(void **state)
{
    char topic[300];
    struct sl__frame frame = {.topic = "t", .fd = -1};

    (void)state;
    memset(topic, 'x', sizeof topic);
    topic[299] = 0;
    join_plain(1);
    assert_int_equal(frame_from(9, SL__FRAME_SEND, SL__TO_ALL, "t", "x"), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_ALL, "", "x"), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_ALL, topic, "x"), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_MESSAGE, SL__TO_ALL, "t", "x"), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_STATE, 1, "", "x"), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_ONCE_DONE, 1, "o", NULL), -EBADMSG);
    assert_int_equal(frame_from(1, SL__FRAME_ONCE_ASK, 0, "", NULL), -EBADMSG);
    frame.head = (struct sl__frame_head){.type = SL__FRAME_SEND, .target = SL__TO_ALL};
    frame.head.body_len = 100001;
    assert_int_equal(sl__relay_frame(r, 1, &frame), -EBADMSG);
    frame.head.body_len = 0;
    frame.head.flags = SL__FRAME_HAS_FD;
    assert_int_equal(sl__relay_frame(r, 1, &frame), -EBADMSG);
    assert_int_equal(sl__relay_send(r, SL__TO_ALL, "", "", 0), -EINVAL);
    assert_int_equal(sl__relay_send(r, SL__TO_ALL, topic, "", 0), -EINVAL);
    assert_int_equal(sl__relay_send(r, SL__TO_ALL, "t", topic, 100001), -EMSGSIZE);
    sl__relay_join(r, 1, true);
    expect(1, "");
}

/* IP5: cut at one position; what was said meanwhile comes after the state, in order. */
static void brings_a_joiner_to_the_present(void **state)
{
    (void)state;
    sl__relay_join(r, 1, true);
    expect(1, "joined");
    say(1, SL__TO_ALL, "a");
    sl__relay_join(r, 2, true);
    expect(1, "m:t=a ask1");
    assert_int_equal(sl__relay_awaited(r), 1);
    assert_int_equal(sl__relay_ask_number(r), 1);
    say(1, SL__TO_ALL, "b");
    say(1, 2, "for you");
    say(1, SL__TO_OTHERS, "c");
    say(1, 1, "not for you");
    sl__relay_join(r, 3, true); /* the same ask serves it */
    say(1, SL__TO_ALL, "d");
    expect(2, "");
    give(1, 1, "A");
    expect(2, "s=A m:t=b m:t=for you m:t=c m:t=d joined");
    expect(3, "s=A m:t=b m:t=c m:t=d joined");
    expect(1, "m:t=b m:t=not for you m:t=d");
    say(2, SL__TO_ALL, "e");
    expect(3, "m:t=e");
}

static void asks_the_youngest_who_stays(void **state)
{
    (void)state;
    join_sharing(3);
    sl__relay_join(r, 4, true);
    expect(3, "ask3");
    sl__relay_leave(r, 4);
    give(3, 3, "x");
    sl__relay_leaving(r, 3);
    sl__relay_join(r, 5, true);
    expect(2, "ask4");
    sl__relay_leaving(r, 2);
    sl__relay_leave(r, 2);
    expect(1, "ask5");
    sl__relay_leave(r, 1);
    expect(3, "ask6"); /* better one that is leaving than nobody */
    give(3, 6, "y");
    expect(5, "s=y joined");
}

static void asks_another_if_the_donor_dies_or_is_silent(void **state)
{
    (void)state;
    join_sharing(4);
    sl__relay_join(r, 5, true);
    expect(4, "ask4");
    say(1, SL__TO_ALL, "a");
    sl__relay_leave(r, 4);
    expect(3, "m:t=a ask5");
    say(1, SL__TO_ALL, "b");
    sl__relay_donor_timeout(r, 1); /* a late timer */
    assert_int_equal(sl__relay_awaited(r), 3);
    sl__relay_donor_timeout(r, 3);
    expect(2, "m:t=a m:t=b ask6");
    give(3, 5, "late");
    expect(5, "");
    say(1, SL__TO_ALL, "c");
    give(2, 6, "ab");
    expect(5, "s=ab m:t=c joined");
}

/* Even the only worker's death loses no count that had reached the master. */
static void remembers_what_nobody_alive_knows(void **state)
{
    (void)state;
    sl__relay_join(r, 1, true);
    say(1, SL__TO_ALL, "a");
    say(1, 1, "private");
    say(1, SL__TO_ALL, "b");
    sl__relay_leave(r, 1);
    sl__relay_join(r, 2, true);
    expect(2, "m:t=a m:t=b joined");
    sl__relay_join(r, 3, true);
    expect(2, "ask1");
    give(2, 1, "ab");
    say(3, SL__TO_ALL, "c");
    sl__relay_leave(r, 2);
    sl__relay_leave(r, 3);
    sl__relay_join(r, 4, true);
    expect(4, "s=ab m:t=c joined");
}

static void asks_for_a_fresh_state_when_the_log_grows(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    sl__relay_join(r, 1, true);
    say(1, SL__TO_ALL, text);
    say(1, SL__TO_ALL, text);
    forget();
    say(1, SL__TO_ALL, text);
    assert_int_equal(sl__relay_awaited(r), 1);
    say(1, SL__TO_ALL, "later");
    give(1, 1, "xxx");
    sl__relay_leave(r, 1);
    sl__relay_join(r, 2, true);
    expect(2, "s=xxx m:t=later joined");
}

/* Nobody answers: the log is bounded, and what fell out of it is told. */
static void counts_what_it_had_to_forget(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    sl__relay_join(r, 1, true);
    for (unsigned i = 0; i < 5; i++)
        say(1, SL__TO_ALL, text);
    sl__relay_leave(r, 1);
    sl__relay_join(r, 2, true);
    assert_memory_equal(worker[2].got, "g", 1);
    assert_string_equal(gaps, "2:3");
    worker[2].got[0] = 0;
    assert_int_equal(sl__relay_awaited(r), 2); /* what it has is the truth now */
    say(2, SL__TO_ALL, "now");
    expect(2, "m:t=now");
}

/* Faster than the donor can answer, again and again: it is asked no more until it has answered. */
static void gives_a_slow_donor_up(void **state)
{
    char text[400];
    uint32_t asked = 0;

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    join_sharing(2);
    for (unsigned i = 0; i < 60; i++) {
        say(1, SL__TO_ALL, text);
        asked = sl__relay_awaited(r) ? sl__relay_ask_number(r) : asked;
    }
    assert_int_equal(asked, 9); /* one join, then four times each of two */
    assert_int_equal(sl__relay_awaited(r), 0);
    give(1, 9, "late");
    assert_int_equal(sl__relay_awaited(r), 1);
    give(1, 10, "in time");
    assert_int_equal(sl__relay_awaited(r), 0);
}

static void tells_the_count_of_a_gap(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    join_plain(2);
    worker[2].clogged = true;
    for (unsigned i = 0; i < 3; i++)
        say(1, SL__TO_ALL, text);
    worker[2].got[0] = 0;
    say(1, SL__TO_ALL, "lost 1");
    say(1, SL__TO_OTHERS, "lost 2");
    say(1, 1, "not for it");
    say(1, 2, "lost 3");
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "kept", "1"), 0);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "kept", "2"), 0);
    expect(2, "");
    worker[2].clogged = false;
    worker[2].waiting = 0;
    sl__relay_writable(r, 2);
    sl__relay_writable(r, 2);
    say(1, SL__TO_ALL, "on");
    expect(2, "g4 m:kept=2 m:t=on"); /* a last value is not lost */
    assert_string_equal(gaps, "2:4");
}

static void no_gap_without_loss(void **state)
{
    char text[1200];

    (void)state;
    memset(text, 'x', sizeof text);
    text[1199] = 0;
    join_plain(2);
    worker[2].clogged = true;
    say(1, SL__TO_ALL, text); /* larger than the queue, but alone in it */
    forget();
    say(1, SL__TO_ALL, "fits"); /* this one finds the queue over its limit, and is the last */
    expect(2, "m:t=fits");
    say(1, 1, "not for it");
    worker[2].clogged = false;
    worker[2].waiting = 0;
    sl__relay_writable(r, 2);
    say(1, SL__TO_ALL, "on");
    expect(2, "m:t=on");
    assert_string_equal(gaps, "");
}

static void gives_the_state_after_a_gap(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    join_sharing(2);
    worker[1].clogged = true;
    for (unsigned i = 0; i < 3; i++)
        say(2, SL__TO_ALL, text);
    give(2, sl__relay_ask_number(r), "3"); /* the log had grown */
    forget();
    say(2, SL__TO_ALL, "lost");
    worker[1].clogged = false;
    worker[1].waiting = 0;
    sl__relay_writable(r, 1);
    assert_non_null(strstr(worker[2].got, "ask"));
    say(2, SL__TO_ALL, "after");
    expect(1, "");
    give(2, sl__relay_ask_number(r), "4");
    expect(1, "g1 s=4 m:t=after");
    sl__relay_leave(r, 2);
    say(1, SL__TO_ALL, "on");
    expect(1, "m:t=on");
}

/* Alone, it gets from the log what it missed. */
static void replays_a_gap_nobody_can_fill(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    text[399] = 0;
    join_sharing(1);
    worker[1].clogged = true;
    for (unsigned i = 0; i < 3; i++)
        say(1, SL__TO_ALL, text);
    forget();
    say(1, SL__TO_ALL, "a");
    say(1, SL__TO_ALL, "b");
    worker[1].clogged = false;
    worker[1].waiting = 0;
    sl__relay_writable(r, 1);
    expect(1, "m:t=a m:t=b ask1"); /* the log is long, and now somebody can be asked */
    assert_string_equal(gaps, "");
}

/* The state itself may be larger than the queue: that is not the joiner's fault. */
static void a_large_state_is_no_gap(void **state)
{
    char large[3000];

    (void)state;
    memset(large, 's', sizeof large);
    large[2999] = 0;
    join_sharing(1);
    worker[2].clogged = true;
    sl__relay_join(r, 2, true);
    give(1, 1, large);
    forget();
    say(1, SL__TO_ALL, "a");
    say(1, SL__TO_ALL, "b");
    expect(2, "m:t=a m:t=b");
    worker[2].waiting = 0; /* from now on it has no excuse */
    say(1, SL__TO_ALL, "c");
    worker[2].waiting = 1200;
    say(1, SL__TO_ALL, "d");
    say(1, SL__TO_ALL, "lost");
    expect(2, "m:t=c m:t=d");
}

/* IP6: last values first, oldest first, then the state, then what is newer. */
static void retained_values_come_first(void **state)
{
    (void)state;
    join_sharing(1);
    frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "k1", "old");
    frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "k2", "two");
    frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "k1", "one");
    sl__relay_join(r, 2, true);
    frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "k2", "newer");
    frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "k3", "three");
    give(1, 1, "S");
    expect(2, "m:k1=one s=S m:k2=newer m:k3=three joined");
    sl__relay_join(r, 3, false);
    expect(3, "m:k1=one m:k2=newer m:k3=three joined");
}

/* IP8 */
static void runs_a_task_once(void **state)
{
    (void)state;
    join_plain(4);
    for (uint32_t id = 1; id <= 4; id++) {
        assert_int_equal(frame_from(id, SL__FRAME_ONCE_ASK, 0, "seed", NULL), 0);
        assert_int_equal(frame_from(id, SL__FRAME_ONCE_ASK, 0, "seed", NULL), 0);
    }
    expect(1, "once:seed");
    expect(2, "");
    assert_int_equal(frame_from(2, SL__FRAME_ONCE_DONE, 1, "seed", NULL), -EBADMSG);
    sl__relay_leave(r, 1); /* before it was done */
    expect(2, "once:seed");
    sl__relay_leaving(r, 3);
    assert_int_equal(frame_from(2, SL__FRAME_ONCE_DONE, 0, "seed", NULL), 0);
    expect(4, "once:seed"); /* 3 is about to go */
    worker[3].broken = true;
    sl__relay_leave(r, 4);
    expect(2, ""); /* it has failed, and has not asked again */
    assert_int_equal(frame_from(2, SL__FRAME_ONCE_ASK, 0, "seed", NULL), 0);
    expect(2, "once:seed");
    assert_int_equal(frame_from(2, SL__FRAME_ONCE_DONE, 1, "seed", NULL), 0);
    expect(2, "m:seed=");
    assert_int_equal(frame_from(2, SL__FRAME_ONCE_DONE, 1, "seed", NULL), -EBADMSG);
    sl__relay_join(r, 5, false);
    expect(5, "m:seed= joined");
    assert_int_equal(frame_from(5, SL__FRAME_ONCE_ASK, 0, "seed", NULL), 0);
    assert_int_equal(frame_from(5, SL__FRAME_ONCE_ASK, 0, "other", NULL), 0);
    expect(5, "once:other");
}

static void a_broken_channel_is_left_alone(void **state)
{
    (void)state;
    join_sharing(3);
    worker[3].broken = true;
    sl__relay_join(r, 4, true); /* the first choice is broken, as is found now */
    expect(2, "ask4");
    worker[3].broken = false;
    say(1, SL__TO_ALL, "a");
    expect(3, "");
    sl__relay_leave(r, 3);
    sl__relay_leave(r, 3);
    give(2, 4, "S");
    expect(4, "s=S m:t=a joined");
}

/* Sharing ended with the code: nothing is kept for nobody. */
static void forgets_when_nobody_shares_any_more(void **state)
{
    (void)state;
    join_sharing(1);
    say(1, SL__TO_ALL, "a");
    sl__relay_join(r, 2, false);
    sl__relay_leave(r, 1);
    sl__relay_join(r, 3, true);
    expect(3, "joined");
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void large_bodies_stay_in_their_memfd(void **state)
{
    struct sl__frame frame = {.topic = "big"};
    unsigned before = open_descriptors();
    int fd = memfd_create("test", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "large body", 10), 10);
    frame.fd = fd;
    frame.head = (struct sl__frame_head){.type = SL__FRAME_SEND,
                                         .flags = SL__FRAME_HAS_FD | SL__FRAME_BODY_FD,
                                         .target = SL__TO_RETAINED,
                                         .body_len = 10};
    join_sharing(1);
    assert_int_equal(sl__relay_frame(r, 1, &frame), 0);
    expect(1, "m:big=large body");
    assert_string_equal(master, "1:big=large body");
    frame.head.type = SL__FRAME_STATE;
    sl__relay_join(r, 2, true);
    frame.head.target = sl__relay_ask_number(r);
    assert_int_equal(sl__relay_frame(r, 1, &frame), 0);
    close(fd);
    expect(2, "m:big=large body s=large body joined");
    sl__relay_join(r, 3, false);
    expect(3, "m:big=large body joined");
    sl__relay_free(r);
    r = NULL;
    assert_int_equal(open_descriptors(), before);
}

static unsigned fail_at, allocation;

static bool fault(size_t size)
{
    (void)size;
    return ++allocation == fail_at;
}

/* Whatever allocation fails: workers are equal, or told what they missed. */
static void survives_any_failing_allocation(void **state)
{
    (void)state;
    for (fail_at = 1; fail_at < 40; fail_at++) {
        end(NULL);
        begin(NULL);
        allocation = 0;
        sl__mem_fault = fault;
        sl__relay_join(r, 1, true);
        say(1, SL__TO_ALL, "a");
        sl__relay_join(r, 2, true);
        say(1, SL__TO_ALL, "b");
        if (sl__relay_awaited(r))
            give(sl__relay_awaited(r), sl__relay_ask_number(r), "S");
        frame_from(1, SL__FRAME_ONCE_ASK, 0, "o", NULL);
        frame_from(2, SL__FRAME_ONCE_ASK, 0, "o", NULL);
        frame_from(1, SL__FRAME_ONCE_DONE, 1, "o", NULL);
        frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "kept", "1");
        frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "kept", "2");
        if (sl__relay_awaited(r))
            give(sl__relay_awaited(r), sl__relay_ask_number(r), "S");
        sl__relay_leave(r, 1);
        say(2, SL__TO_ALL, "c");
        sl__relay_leave(r, 2);
        sl__relay_join(r, 3, true);
        sl__mem_fault = NULL;
        assert_non_null(strstr(worker[2].got, "joined"));
        assert_non_null(strstr(worker[3].got, "joined"));
        assert_true(strstr(worker[3].got, "m:t=c") || strstr(worker[3].got, "g"));
    }
    assert_true(allocation < 39); /* the last rounds went without a failure */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_to_whom_it_is_meant, begin, end),
        cmocka_unit_test_setup_teardown(the_masters_answer_comes_after, begin, end),
        cmocka_unit_test_setup_teardown(refuses_nonsense, begin, end),
        cmocka_unit_test_setup_teardown(brings_a_joiner_to_the_present, begin, end),
        cmocka_unit_test_setup_teardown(asks_the_youngest_who_stays, begin, end),
        cmocka_unit_test_setup_teardown(asks_another_if_the_donor_dies_or_is_silent, begin, end),
        cmocka_unit_test_setup_teardown(remembers_what_nobody_alive_knows, begin, end),
        cmocka_unit_test_setup_teardown(asks_for_a_fresh_state_when_the_log_grows, begin, end),
        cmocka_unit_test_setup_teardown(counts_what_it_had_to_forget, begin, end),
        cmocka_unit_test_setup_teardown(gives_a_slow_donor_up, begin, end),
        cmocka_unit_test_setup_teardown(tells_the_count_of_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(no_gap_without_loss, begin, end),
        cmocka_unit_test_setup_teardown(gives_the_state_after_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(replays_a_gap_nobody_can_fill, begin, end),
        cmocka_unit_test_setup_teardown(a_large_state_is_no_gap, begin, end),
        cmocka_unit_test_setup_teardown(retained_values_come_first, begin, end),
        cmocka_unit_test_setup_teardown(runs_a_task_once, begin, end),
        cmocka_unit_test_setup_teardown(a_broken_channel_is_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(forgets_when_nobody_shares_any_more, begin, end),
        cmocka_unit_test_setup_teardown(large_bodies_stay_in_their_memfd, begin, end),
        cmocka_unit_test_setup_teardown(survives_any_failing_allocation, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
