/*
 * The relay, one behaviour at a time (IP1, IP2, IP4-IP6, IP8). How behaviours mix is tests/sim.
 */
#include "relay_fixture.h"

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
/* The one that was set longest ago goes; what once-tasks leave stays. */
static void retained_values_are_bounded(void **state)
{
    char large[701] = "";

    (void)state;
    join_plain(2);
    assert_int_equal(frame_from(1, SL__FRAME_ONCE_ASK, 0, "once", NULL), 0);
    assert_int_equal(frame_from(1, SL__FRAME_ONCE_DONE, 1, "once", NULL), 0);
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "a", large), 0);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "b", large), 0);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "a", "small"), 0);
    assert_string_equal(forgotten, "");
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "c", large), 0);
    assert_string_equal(forgotten, "");
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "d", large), 0);
    assert_string_equal(forgotten, "b");
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "c", ""), 0);
    assert_int_equal(frame_from(1, SL__FRAME_SEND, SL__TO_RETAINED, "d", ""), 0);
    forget();
    sl__relay_join(r, 3, false);
    expect(3, "m:once= m:a=small m:c= m:d= joined");
}

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
        TEST(sends_to_whom_it_is_meant),
        TEST(the_masters_answer_comes_after),
        TEST(refuses_nonsense),
        TEST(brings_a_joiner_to_the_present),
        TEST(asks_the_youngest_who_stays),
        TEST(asks_another_if_the_donor_dies_or_is_silent),
        TEST(remembers_what_nobody_alive_knows),
        TEST(asks_for_a_fresh_state_when_the_log_grows),
        TEST(counts_what_it_had_to_forget),
        TEST(gives_a_slow_donor_up),
        TEST(tells_the_count_of_a_gap),
        TEST(no_gap_without_loss),
        TEST(gives_the_state_after_a_gap),
        TEST(replays_a_gap_nobody_can_fill),
        TEST(a_large_state_is_no_gap),
        TEST(retained_values_come_first),
        TEST(retained_values_are_bounded),
        TEST(runs_a_task_once),
        TEST(a_broken_channel_is_left_alone),
        TEST(forgets_when_nobody_shares_any_more),
        TEST(large_bodies_stay_in_their_memfd),
        TEST(survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
