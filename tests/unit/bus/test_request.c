/* Requests: asking with a deadline, answering on fibers, and all the ways in which no reply comes.
 */
#include "fixture.h"

struct call {
    uint32_t target;
    const char *topic, *text;
    int64_t timeout_ns;
    bool done;
    int result;
    void *data;
    size_t len;
    struct sl__fiber *fiber;
};

static void calling(void *arg)
{
    struct call *c = arg;
    struct sl__bus_request q = {.target = c->target,
                                .topic = c->topic,
                                .data = c->text,
                                .len = c->text ? strlen(c->text) : 0,
                                .timeout_ns = c->timeout_ns,
                                .ret_data = &c->data,
                                .ret_len = &c->len};

    c->result = sl__bus_ask(the->bus, &q);
    c->done = true;
}

static void call(struct call *c)
{
    if (c->timeout_ns == 0)
        c->timeout_ns = 20 * SL__SEC;
    assert_int_equal(sl__fiber_start(&c->fiber, calling, c), 0);
}

static void expect_reply(struct call *c, const char *text)
{
    run_until(c->done);
    assert_int_equal(c->result, 0);
    assert_int_equal(c->len, strlen(text));
    assert_string_equal(c->data, text);
    free(c->data);
    c->data = NULL;
}

static void refusal(uint32_t number, int32_t error)
{
    say(SL__FRAME_REFUSAL, 3, number, "", &error, sizeof error);
}

static void test_ask(void **state)
{
    struct call a = {.target = 3, .topic = "t", .text = "what"}, b = a;

    start(1 << 20);
    call(&a);
    call(&b);
    run_until(the->got_count == 2);
    assert_int_equal(the->got[0].head.type, SL__FRAME_REQUEST);
    assert_int_equal(the->got[0].head.target, 3);
    assert_int_equal(the->got[0].head.from, 1);
    assert_int_equal(the->got[1].head.from, 2);
    assert_string_equal(the->got[0].topic, "t");
    assert_memory_equal(the->got[0].body, "what", 4);
    say(SL__FRAME_REPLY, 3, 99, "", "to nobody", 9);
    say(SL__FRAME_REPLY, 3, 2, "", "second", 6);
    say(SL__FRAME_REPLY, 3, 2, "", "twice", 5);
    say(SL__FRAME_REPLY, 3, 1, "", NULL, 0);
    expect_reply(&b, "second");
    expect_reply(&a, "");
}

static void test_refusals_and_the_deadline(void **state)
{
    struct call a = {.target = 3, .topic = "t"}, b = a, c = a, d = a;

    start(1 << 20);
    d.timeout_ns = 5 * SL__MS;
    call(&a);
    call(&b);
    call(&c);
    call(&d);
    refusal(1, -ECONNRESET);
    refusal(2, 17); /* no error at all */
    run_until(a.done && b.done && d.done);
    assert_int_equal(a.result, -ECONNRESET);
    assert_int_equal(b.result, -EBADMSG);
    assert_int_equal(d.result, -ETIMEDOUT);
    run_until(the->got_count == 5);
    assert_int_equal(the->got[4].head.type, SL__FRAME_FORGET);
    assert_int_equal(the->got[4].head.from, 4);
    say(SL__FRAME_REPLY, 3, 4, "", "late", 4);
    sl__fiber_cancel(c.fiber);
    run_until(c.done && the->got_count == 6);
    assert_int_equal(c.result, -ECANCELED);
    assert_int_equal(the->got[5].head.from, 3);
}

static void test_bad_requests(void **state)
{
    char topic[300];
    struct call good = {.target = 3, .topic = "t"}, c = good;

    memset(topic, 'x', sizeof topic);
    topic[256] = 0;
    calling(&c);
    assert_int_equal(c.result, -EINVAL); /* no time */
    c.timeout_ns = SL__SEC;
    calling(&c);
    assert_int_equal(c.result, -EPERM);
    start(1 << 20);
    calling(&c);
    assert_int_equal(c.result, -EDEADLK);
    c = good;
    c.topic = topic;
    call(&c);
    assert_int_equal(c.result, -EINVAL);
    c.topic = "";
    call(&c);
    assert_int_equal(c.result, -EINVAL);
    assert_int_equal(sl__bus_reply(&(sl_message){.topic = "t"}, NULL, 0), -EINVAL);
}

/* IP3: the deadline counts while the wire is full, too; nothing is sent then. */
static void test_a_full_wire(void **state)
{
    char large[20000] = "";
    struct call c = {.target = 3, .topic = "t", .timeout_ns = 5 * SL__MS};

    start(10000);
    sl__channel_pause(the->master, true);
    while (sl__bus_send(the->bus, SL__TO_ALL, "t", large, sizeof large) == 0)
        tick();
    call(&c);
    run_until(c.done);
    assert_int_equal(c.result, -ETIMEDOUT);
    sl__channel_pause(the->master, false);
    run_until(sl__bus_send(the->bus, SL__TO_ALL, "end", NULL, 0) == 0);
    run_until(strcmp(the->got[the->got_count ? the->got_count - 1 : 0].topic, "end") == 0);
    for (unsigned i = 0; i < the->got_count; i++)
        assert_int_equal(the->got[i].head.type, SL__FRAME_SEND);
}

static int on_request(sl_app *app, const sl_message *m, void *self)
{
    assert_ptr_equal(app, APP);
    note("%s=%.*s/%d ", m->topic, (int)m->len, (const char *)m->data, m->from);
    if (m->len == 4 && memcmp(m->data, "slow", 4) == 0 && sl__wait_time(5 * SL__MS) < 0)
        return -ECANCELED;
    if (m->len == 4 && memcmp(m->data, "fail", 4) == 0)
        return -77;
    if (m->len == 5 && memcmp(m->data, "empty", 5) == 0)
        return 0;
    assert_int_equal(sl__bus_reply(m, "x", (64 << 20) + 1), -EMSGSIZE);
    assert_int_equal(sl__bus_reply(m, NULL, 1), -EINVAL);
    assert_int_equal(sl__bus_reply(m, m->data, m->len), 0);
    assert_int_equal(sl__bus_reply(m, m->data, m->len), -EALREADY);
    return 0;
}

static void on_text(sl_app *app, const sl_message *m, void *self)
{
    note("%.*s ", (int)m->len, (const char *)m->data);
}

static void request(uint32_t number, const char *text)
{
    say(SL__FRAME_REQUEST, 5, number, "t", text, strlen(text));
}

static void expect_got(unsigned i, uint8_t type, uint32_t number, const char *body)
{
    assert_int_equal(the->got[i].head.type, type);
    assert_int_equal(the->got[i].head.target, 5);
    assert_int_equal(the->got[i].head.from, number);
    assert_int_equal(the->got[i].head.body_len, strlen(body));
    assert_memory_equal(the->got[i].body ? the->got[i].body : "", body, strlen(body));
}

static void test_answers(void **state)
{
    int32_t error;

    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), 0);
    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), -EEXIST);
    assert_int_equal(sl__bus_on_request(the->bus, "", on_request, NULL), -EINVAL);
    assert_int_equal(sl__bus_on_request(the->bus, "u", NULL, NULL), -EINVAL);
    start(1 << 20);
    request(9, "echo");
    request(10, "fail");
    request(11, "empty");
    say(SL__FRAME_REQUEST, 5, 12, "other", "x", 1);
    run_until(the->got_count == 4);
    assert_string_equal(the->log, "t=echo/5 t=fail/5 t=empty/5 ");
    assert_int_equal(the->got[0].head.type, SL__FRAME_REFUSAL); /* nobody's topic: at once */
    assert_int_equal(the->got[0].head.from, 12);
    memcpy(&error, the->got[0].body, sizeof error);
    assert_int_equal(error, -ENOENT);
    expect_got(1, SL__FRAME_REPLY, 9, "echo");
    assert_int_equal(the->got[2].head.type, SL__FRAME_REFUSAL);
    memcpy(&error, the->got[2].body, sizeof error);
    assert_int_equal(error, -77);
    expect_got(3, SL__FRAME_REPLY, 11, "");
}

/* One that waits holds up neither messages nor other requests, but does hold up the end. */
static void test_a_slow_answer(void **state)
{
    sl__bus_on(the->bus, "m", on_text, NULL);
    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), 0);
    start(1 << 20);
    request(1, "slow");
    message("m", "message");
    request(2, "quick");
    run_until(strstr(the->log, "quick"));
    assert_non_null(strstr(the->log, "message"));
    sl__bus_when_idle(the->bus, was_idle, NULL);
    run_until(the->got_count == 1);
    expect_got(0, SL__FRAME_REPLY, 2, "quick");
    assert_int_equal(the->idle, 0);
    run_until(the->idle == 1);
    run_until(the->got_count == 2);
    expect_got(1, SL__FRAME_REPLY, 1, "slow");
}

static void test_large_bodies(void **state)
{
    size_t len = 3 << 20;
    char *large = malloc(len + 1);
    struct call c = {.target = 3, .topic = "t"};

    for (size_t i = 0; i < len; i++)
        large[i] = (char)('a' + i % 23);
    large[len] = 0;
    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), 0);
    the->log[0] = 0;
    start(8 << 20);
    c.text = large;
    call(&c);
    run_until(the->got_count == 1);
    say(SL__FRAME_REPLY, 3, 1, "", the->got[0].body, len);
    expect_reply(&c, large);
    free(large);
}

/* The mailbox is full and its own fiber waits for a reply that comes behind all that. */
static void asks_in_callback(sl_app *app, const sl_message *m, void *self)
{
    struct call *c = self;

    if (!c->done)
        calling(c);
    note("%d ", c->result);
}

static void test_a_reply_behind_a_full_mailbox(void **state)
{
    static char large[30000];
    struct call c = {.target = 3, .topic = "t", .timeout_ns = 20 * SL__SEC};

    sl__bus_on(the->bus, "m", asks_in_callback, &c);
    start(1 << 20);
    message("m", "");
    run_until(the->got_count == 1);
    for (int i = 0; i < 100; i++)
        say(SL__FRAME_MESSAGE, 3, 0, "unheard", large, sizeof large);
    say(SL__FRAME_REPLY, 3, 1, "", "there", 5);
    expect_reply(&c, "there");
    run_until(the->log[0]);
}

/* A message callback that asks its own worker would wait for itself. */
static void test_a_callback_that_asks_its_own_worker(void **state)
{
    struct call own = {.target = WORKER, .topic = "t", .timeout_ns = SL__SEC}, any = own;

    any.target = SL__TO_ANY;
    sl__bus_on(the->bus, "own", asks_in_callback, &own);
    sl__bus_on(the->bus, "any", asks_in_callback, &any);
    start(1 << 20);
    message("own", "");
    run_until(own.done);
    assert_int_equal(own.result, -EDEADLK);
    message("any", "");
    run_until(the->got_count == 1);
    say(SL__FRAME_REQUEST, WORKER, the->got[0].head.from, "t", "", 0);
    run_until(any.done);
    assert_int_equal(any.result, -EDEADLK);
}

static void test_the_master_dies(void **state)
{
    struct call c = {.target = 3, .topic = "t"};

    start(1 << 20);
    call(&c);
    sl__bus_orphaned(the->bus);
    run_until(c.done);
    assert_int_equal(c.result, -EPIPE);
}

static void test_stop(void **state)
{
    struct call c = {.target = 3, .topic = "t"};

    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), 0);
    start(1 << 20);
    call(&c);
    request(1, "slow");
    run_until(the->log[0]);
    sl__bus_stop(the->bus);
    run_until(c.done && sl__fibers_live() == 0);
    assert_int_equal(c.result, -EPIPE);
}

static void test_standalone(void **state)
{
    struct call own = {.target = WORKER, .topic = "t", .text = "me"};
    struct call any = {.target = SL__TO_ANY, .topic = "t", .text = "any"};
    struct call fail = {.target = WORKER, .topic = "t", .text = "fail"};
    struct call other = {.target = 3, .topic = "t"}, unknown = {.target = WORKER, .topic = "u"};

    assert_int_equal(sl__bus_on_request(the->bus, "t", on_request, NULL), 0);
    start(0);
    call(&own);
    call(&any);
    call(&fail);
    call(&other);
    call(&unknown);
    expect_reply(&own, "me");
    expect_reply(&any, "any");
    run_until(fail.done && other.done && unknown.done);
    assert_int_equal(fail.result, -77);
    assert_int_equal(other.result, -ESRCH);
    assert_int_equal(unknown.result, -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ask),
        TEST(test_refusals_and_the_deadline),
        TEST(test_bad_requests),
        TEST(test_a_full_wire),
        TEST(test_answers),
        TEST(test_a_slow_answer),
        TEST(test_large_bodies),
        TEST(test_a_reply_behind_a_full_mailbox),
        TEST(test_a_callback_that_asks_its_own_worker),
        TEST(test_the_master_dies),
        TEST(test_stop),
        TEST(test_standalone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
