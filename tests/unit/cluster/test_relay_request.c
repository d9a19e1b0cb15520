/* Requests through the relay: who is asked, what comes back, and what when nothing can. */
#include "relay_fixture.h"

static int about(uint32_t id, enum sl__frame_type type, uint32_t target, uint32_t number,
                 const char *topic, const char *body)
{
    struct sl__frame frame = {.topic = topic, .body = body, .fd = -1};

    frame.head.type = (uint8_t)type;
    frame.head.target = target;
    frame.head.from = number;
    frame.head.body_len = body ? strlen(body) : 0;
    return sl__relay_frame(r, id, &frame);
}

static void ask(uint32_t id, uint32_t target, uint32_t number)
{
    assert_int_equal(about(id, SL__FRAME_REQUEST, target, number, "t", "what"), 0);
}

static void reply(uint32_t id, uint32_t asker, uint32_t number)
{
    assert_int_equal(about(id, SL__FRAME_REPLY, asker, number, "", "that"), 0);
}

static void a_request_and_its_reply(void **state)
{
    (void)state;
    join_plain(2);
    say(1, SL__TO_ALL, "before");
    ask(1, 2, 7);
    say(1, SL__TO_ALL, "after");
    expect(2, "m:t=before q7<1:t=what m:t=after");
    forget();
    reply(2, 1, 7);
    expect(1, "a7<2=that");
    reply(2, 1, 7); /* once only */
    expect(1, "");
    ask(1, 1, 8);
    expect(1, "q8<1:t=what");
    reply(1, 1, 8);
    expect(1, "a8<1=that");
    ask(1, 2, 9);
    assert_int_equal(about(2, SL__FRAME_REFUSAL, 1, 9, "", "\xff\xff\xff\xff"), 0);
    expect(1, "no9<2=-1");
}

/* Two askers may use the same number, and only who was asked may reply. */
static void numbers_are_the_askers_own(void **state)
{
    (void)state;
    join_plain(3);
    ask(1, 3, 1);
    ask(2, 3, 1);
    expect(3, "q1<1:t=what q1<2:t=what");
    reply(2, 1, 1);
    reply(3, 1, 2);
    reply(3, 9, 1);
    expect(1, "");
    reply(3, 2, 1);
    reply(3, 1, 1);
    expect(1, "a1<3=that");
    expect(2, "a1<3=that");
}

static void any_goes_round(void **state)
{
    (void)state;
    join_plain(4);
    sl__relay_leaving(r, 3);
    worker[2].clogged = true;
    for (uint32_t number = 1; number <= 4; number++)
        ask(1, SL__TO_ANY, number);
    expect(2, "q1<1:t=what q3<1:t=what");
    expect(4, "q2<1:t=what q4<1:t=what");
    for (int i = 0; i < 60; i++)
        say(1, 2, "a message that fills its queue"); /* now it is behind */
    forget();
    ask(1, SL__TO_ANY, 5);
    ask(1, SL__TO_ANY, 6);
    expect(4, "q5<1:t=what q6<1:t=what");
    sl__relay_leave(r, 4);
    forget();
    ask(1, SL__TO_ANY, 7); /* nobody else */
    expect(1, "q7<1:t=what");
    ask(1, 2, 8);
    expect(1, "no8<2=-11");
}

static void nobody_to_ask(void **state)
{
    (void)state;
    join_plain(2);
    ask(1, 9, 1);
    expect(1, "no1<0=-3");
    worker[2].broken = true;
    ask(1, 2, 2);
    expect(1, "no2<2=-3");
    ask(1, 2, 3);
    expect(1, "no3<2=-3");
    sl__relay_leave(r, 2);
    expect(1, "");
}

/* Nobody knows yet that it is dead; it has not got the request, so another may. */
static void any_is_not_the_dead(void **state)
{
    (void)state;
    join_plain(3);
    worker[2].broken = true;
    ask(1, SL__TO_ANY, 1);
    expect(3, "q1<1:t=what");
    worker[3].broken = true;
    ask(1, SL__TO_ANY, 2);
    expect(1, "q2<1:t=what");
}

static void the_answerer_dies(void **state)
{
    (void)state;
    join_plain(3);
    ask(1, 3, 1);
    ask(2, 3, 1);
    ask(1, 2, 2);
    ask(3, 1, 1);
    ask(3, 3, 2);
    forget();
    sl__relay_leave(r, 3);
    expect(1, "no1<3=-104");
    expect(2, "no1<3=-104");
    reply(1, 3, 1); /* the asker is gone */
    reply(2, 1, 2);
    expect(1, "a2<2=that");
    expect(3, "");
}

static void a_reply_after_the_deadline(void **state)
{
    (void)state;
    join_plain(2);
    ask(1, 2, 1);
    assert_int_equal(about(1, SL__FRAME_FORGET, 2, 1, "", NULL), 0);
    assert_int_equal(about(1, SL__FRAME_FORGET, 2, 1, "", NULL), 0);
    reply(2, 1, 1);
    sl__relay_leave(r, 2);
    expect(1, "");
}

/* The asker's queue is bounded for replies, too. */
static void the_asker_is_behind(void **state)
{
    (void)state;
    join_plain(2);
    ask(1, 2, 1);
    ask(1, 2, 2);
    worker[1].clogged = true;
    for (int i = 0; i < 60; i++)
        say(2, 1, "a message that fills its queue");
    forget();
    reply(2, 1, 1);
    expect(1, "no1<2=-105");
    worker[1].waiting = 0;
    worker[1].clogged = false;
    sl__relay_writable(r, 1);
    forget();
    reply(2, 1, 2);
    expect(1, "a2<2=that");
}

static void refuses_nonsense(void **state)
{
    struct sl__frame frame = {.topic = "t", .fd = -1};
    char topic[300];

    (void)state;
    memset(topic, 'x', sizeof topic);
    topic[299] = 0;
    join_plain(2);
    assert_int_equal(about(1, SL__FRAME_REQUEST, 2, 1, "", "x"), -EBADMSG);
    assert_int_equal(about(1, SL__FRAME_REQUEST, 2, 1, topic, "x"), -EBADMSG);
    assert_int_equal(about(9, SL__FRAME_REQUEST, 2, 1, "t", "x"), -EBADMSG);
    assert_int_equal(about(1, SL__FRAME_REFUSAL, 2, 1, "", "x"), -EBADMSG);
    ask(1, 2, 1);
    assert_int_equal(about(1, SL__FRAME_REQUEST, 2, 1, "t", "x"), -EBADMSG);
    frame.head = (struct sl__frame_head){.type = SL__FRAME_REQUEST, .target = 2};
    frame.head.body_len = 100001;
    assert_int_equal(sl__relay_frame(r, 1, &frame), -EBADMSG);
    frame.head.body_len = 0;
    frame.head.flags = SL__FRAME_HAS_FD;
    assert_int_equal(sl__relay_frame(r, 1, &frame), -EBADMSG);
}

static int allocation, fail_at;

static bool fault(size_t size)
{
    (void)size;
    return ++allocation == fail_at;
}

/* Whatever fails, each request ends: with its reply or its refusal. */
static void survives_any_failing_allocation(void **state)
{
    (void)state;
    for (fail_at = 1; fail_at < 20; fail_at++) {
        end(NULL);
        begin(NULL);
        join_plain(2);
        allocation = 0;
        sl__mem_fault = fault;
        ask(1, 2, 1);
        ask(1, 2, 2);
        sl__mem_fault = NULL;
        assert_true(!strstr(worker[2].got, "q1") == !!strstr(worker[1].got, "no1<2=-12"));
        assert_true(!strstr(worker[2].got, "q2") == !!strstr(worker[1].got, "no2<2=-12"));
        forget();
        sl__relay_leave(r, 2);
    }
    assert_true(allocation < 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_and_its_reply),
        TEST(numbers_are_the_askers_own),
        TEST(any_goes_round),
        TEST(nobody_to_ask),
        TEST(any_is_not_the_dead),
        TEST(the_answerer_dies),
        TEST(a_reply_after_the_deadline),
        TEST(the_asker_is_behind),
        TEST(refuses_nonsense),
        TEST(survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
