/*
 * The channel: order, batches, descriptors, limits, the end, and what a mad peer can do.
 */
#include "base/mem.h"
#include "base/sys.h"
#include "cluster/batch.h"
#include "cluster/channel.h"
#include "cluster/memfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct end {
    struct sl__channel *channel;
    unsigned frames, closed, writable;
    uint32_t expected; /* target of the next frame */
    int last_fd;
    size_t last_len;
    unsigned free_at; /* frees the channel inside this frame */
    bool free_when_closed, free_when_writable;
};

struct pair {
    struct sl__loop loop;
    struct end a, b;
    int fds[2];
    unsigned descriptors; /* open before */
};

static unsigned open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void check_body(const struct sl__frame *f)
{
    const unsigned char *body = f->body;

    if (f->head.flags & SL__FRAME_BODY_FD) {
        body = sl__memfd_map(f->fd, (size_t)f->head.body_len);
        assert_non_null(body);
    }
    for (uint64_t i = 0; i < f->head.body_len; i += i < 16 ? 1 : 997)
        assert_int_equal(body[i], (unsigned char)(f->head.target + i));
    if (f->head.flags & SL__FRAME_BODY_FD)
        munmap((void *)(uintptr_t)body, (size_t)f->head.body_len);
}

static void on_frame(void *self, struct sl__frame *f)
{
    struct end *e = self;

    assert_int_equal(f->head.target, e->expected++);
    assert_int_equal((uintptr_t)f->body % 8, 0);
    check_body(f);
    e->last_len = (size_t)f->head.body_len;
    if (e->last_fd >= 0)
        close(e->last_fd);
    e->last_fd = f->fd;
    if (++e->frames == e->free_at) {
        sl__channel_free(e->channel);
        e->channel = NULL;
    }
}

static void on_closed(void *self)
{
    struct end *e = self;

    e->closed++;
    if (e->free_when_closed) {
        sl__channel_free(e->channel);
        e->channel = NULL;
    }
}

static void on_writable(void *self)
{
    struct end *e = self;

    e->writable++;
    if (e->free_when_writable) {
        sl__channel_free(e->channel);
        e->channel = NULL;
    }
}

static void open_end(struct pair *p, struct end *e, int fd, size_t limit)
{
    const struct sl__channel_events events = {on_frame, on_closed, on_writable, e};

    *e = (struct end){.last_fd = -1};
    e->channel = sl__channel_new(&p->loop, fd, limit, &events);
    assert_non_null(e->channel);
}

/* b is left a bare descriptor if @p only_a. */
static void open_pair(struct pair *p, size_t limit, bool only_a)
{
    memset(p, 0, sizeof *p);
    p->descriptors = open_descriptors();
    assert_int_equal(sl__loop_init(&p->loop), 0);
    assert_int_equal(sl__channel_pair(p->fds), 0);
    open_end(p, &p->a, p->fds[0], limit);
    p->b.last_fd = -1;
    if (!only_a)
        open_end(p, &p->b, p->fds[1], limit);
}

static void close_end(struct end *e)
{
    sl__channel_free(e->channel);
    if (e->last_fd >= 0)
        close(e->last_fd);
    *e = (struct end){.last_fd = -1};
}

static void close_pair(struct pair *p)
{
    close_end(&p->a);
    close_end(&p->b);
    sl__loop_finish(&p->loop);
    assert_int_equal(open_descriptors(), p->descriptors); /* every descriptor found its end */
}

static int send_frame(struct end *e, uint32_t number, size_t len, int fd)
{
    struct sl__frame_head head = {.type = SL__FRAME_SEND, .target = number, .body_len = len};
    unsigned char *body = malloc(len + 1);
    int r;

    for (size_t i = 0; i < len; i++)
        body[i] = (unsigned char)(number + i);
    r = sl__channel_send(e->channel, &head, number % 3 ? "topic" : NULL, body, fd);
    free(body);
    return r;
}

static void run(struct pair *p)
{
    for (int quiet = 0; quiet < 3;) {
        unsigned before = p->a.frames + p->b.frames + p->a.closed + p->b.closed;

        assert_int_equal(sl__loop_once(&p->loop, 0), 0);
        quiet = before == p->a.frames + p->b.frames + p->a.closed + p->b.closed ? quiet + 1 : 0;
    }
}

static void test_order_and_sizes(void **state)
{
    static const size_t sizes[] = {0,     1,     7,     8,     9,      100,     4000, 32000,
                                   32767, 32768, 32769, 65536, 100000, 1 << 20, 0,    3};
    struct pair p;
    uint32_t n = 0;

    open_pair(&p, SIZE_MAX, false);
    for (unsigned round = 0; round < 40; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            assert_int_equal(send_frame(&p.a, n++, sizes[i], -1), 0);
        if (round % 7 == 0)
            sl__loop_once(&p.loop, 0);
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(send_frame(&p.b, i, i % 50, -1), 0);
    run(&p);
    assert_int_equal(p.b.frames, n);
    assert_int_equal(p.a.frames, 1000);
    assert_int_equal(sl__channel_queued(p.a.channel), 0);
    close_pair(&p);
}

static void test_one_tick_is_one_packet(void **state)
{
    struct sl__batch *packet;
    struct pair p;

    open_pair(&p, SIZE_MAX, true);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(send_frame(&p.a, i, 16, -1), 0);
    packet = sl__batch_take();
    assert_int_equal(sl__batch_receive(packet, p.fds[1]), 0); /* not before the end of the tick */
    sl__loop_once(&p.loop, 0);
    assert_int_equal(sl__batch_receive(packet, p.fds[1]), 1);
    assert_true(packet->len > 100 * 16);
    assert_int_equal(sl__batch_receive(packet, p.fds[1]), 0);
    sl__batch_give(packet);
    close(p.fds[1]);
    close_pair(&p);
}

static void test_descriptors_in_order(void **state)
{
    struct pair p;
    struct stat st;
    int pipes[100][2];

    open_pair(&p, SIZE_MAX, false);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(send_frame(&p.a, i * 2, 10, -1), 0);
        assert_int_equal(send_frame(&p.a, i * 2 + 1, 10, pipes[i][1]), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        char c = 0;

        p.b.free_at = 0;
        while (p.b.frames < 200)
            sl__loop_once(&p.loop, 0);
        if (i == 99) { /* the last one is kept open by on_frame() */
            assert_true(p.b.last_fd >= 0);
            assert_int_equal(fcntl(p.b.last_fd, F_GETFD), FD_CLOEXEC);
            assert_int_equal(fstat(p.b.last_fd, &st), 0);
            assert_int_equal(write(p.b.last_fd, "x", 1), 1);
            assert_int_equal(read(pipes[i][0], &c, 1), 1);
        } else { /* no copy was left open anywhere: the end of file */
            assert_int_equal(read(pipes[i][0], &c, 1), 0);
        }
        close(pipes[i][0]);
    }
    close_pair(&p);
}

static void test_descriptor_is_owned_on_failure(void **state)
{
    struct pair p;

    open_pair(&p, SIZE_MAX, true);
    assert_int_equal(send_frame(&p.a, 0, 40000, open("/dev/null", O_RDONLY)), -EMSGSIZE);
    close(p.fds[1]);
    run(&p);
    assert_int_equal(p.a.closed, 1);
    assert_int_equal(send_frame(&p.a, 0, 1, open("/dev/null", O_RDONLY)), -EPIPE);
    assert_int_equal(send_frame(&p.a, 0, 50000, -1), -EPIPE);
    assert_int_equal(sl__channel_flush(p.a.channel), -EPIPE);
    close_pair(&p);
}

static void test_topic_over_the_limit(void **state)
{
    char topic[SL__TOPIC_MAX + 2];
    struct sl__frame_head head = {.type = SL__FRAME_SEND};
    struct pair p;

    memset(topic, 'x', sizeof topic);
    topic[SL__TOPIC_MAX + 1] = 0;
    open_pair(&p, SIZE_MAX, false);
    assert_int_equal(sl__channel_send(p.a.channel, &head, topic, NULL, -1), -EMSGSIZE);
    topic[SL__TOPIC_MAX] = 0;
    assert_int_equal(sl__channel_send(p.a.channel, &head, topic, NULL, -1), 0);
    run(&p);
    assert_int_equal(p.b.frames, 1);
    close_pair(&p);
}

static void test_relayed_memfd(void **state)
{
    struct sl__frame_head head = {.type = SL__FRAME_MESSAGE, .body_len = 100000};
    unsigned char *body = malloc(100000);
    struct pair p;
    int fd;

    for (size_t i = 0; i < 100000; i++)
        body[i] = (unsigned char)i;
    open_pair(&p, SIZE_MAX, false);
    fd = sl__memfd_seal(body, 100000);
    free(body);
    assert_int_equal(sl__channel_send_memfd(p.a.channel, &head, "big", fd), 0);
    assert_true(sl__channel_queued(p.a.channel) >= 100000);
    close(fd); /* the channel has its own */
    run(&p);
    assert_int_equal(p.b.last_len, 100000);
    assert_int_equal(sl__channel_queued(p.a.channel), 0);
    assert_int_equal(sl__channel_send_memfd(p.a.channel, &head, "big", -1), -EBADF);
    close_pair(&p);
}

static void test_limit(void **state)
{
    struct sl__frame_head ready = {.type = SL__FRAME_READY};
    struct pair p;
    uint32_t n = 0;

    open_pair(&p, 1 << 20, true);
    assert_int_equal(send_frame(&p.a, n++, 4 << 20, -1), 0); /* an empty queue takes anything */
    assert_int_equal(send_frame(&p.a, n, 1, -1), -EAGAIN);
    run(&p);
    assert_int_equal(p.a.writable, 1);
    for (;;) { /* nobody reads: first the socket fills up, then the queue */
        int r = send_frame(&p.a, n, 30000, -1);

        if (r == -EAGAIN)
            break;
        assert_int_equal(r, 0);
        n++;
        assert_true(sl__channel_queued(p.a.channel) <= (1 << 20) + 65536);
        sl__loop_once(&p.loop, 0);
    }
    p.a.writable = 0;
    run(&p);
    assert_int_equal(p.a.writable, 0);
    ready.target = n++;
    assert_int_equal(sl__channel_send(p.a.channel, &ready, NULL, NULL, -1), 0); /* no message */
    open_end(&p, &p.b, p.fds[1], SIZE_MAX);
    run(&p);
    assert_int_equal(p.b.frames, n);
    assert_int_equal(p.a.writable, 1);
    assert_int_equal(sl__channel_queued(p.a.channel), 0);
    close_pair(&p);
}

static void test_waiting_costs_octets_not_ticks(void **state)
{
    struct pair p;
    uint32_t n = 0;

    open_pair(&p, SIZE_MAX, true);
    do { /* until the socket refuses */
        assert_int_equal(send_frame(&p.a, n++, 30000, -1), 0);
        sl__loop_once(&p.loop, 0);
    } while (sl__channel_queued(p.a.channel) == 0);
    for (unsigned i = 0; i < 20000; i++) { /* as many ticks; a batch each would be 1.3 GB */
        assert_int_equal(send_frame(&p.a, n++, 1, -1), 0);
        sl__loop_once(&p.loop, 0);
    }
    open_end(&p, &p.b, p.fds[1], SIZE_MAX);
    run(&p);
    assert_int_equal(p.b.frames, n);
    close_pair(&p);
}

static void test_low_mark(void **state)
{
    struct pair p;
    uint32_t n = 0;

    open_pair(&p, SIZE_MAX, true);
    sl__channel_set_low(p.a.channel, 10000);
    while (sl__channel_queued(p.a.channel) < 200000) {
        assert_int_equal(send_frame(&p.a, n++, 30000, -1), 0);
        sl__loop_once(&p.loop, 0);
    }
    p.a.writable = 0;
    open_end(&p, &p.b, p.fds[1], SIZE_MAX);
    run(&p);
    assert_int_equal(p.b.frames, n);
    assert_int_equal(p.a.writable, 1);
    close_pair(&p);
}

static void test_frames_before_the_end(void **state)
{
    struct pair p;

    /* b leaves with something unread: a's socket says "reset" before what had arrived. */
    open_pair(&p, SIZE_MAX, false);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(send_frame(&p.b, i, 200, -1), 0);
    assert_int_equal(send_frame(&p.a, 0, 10, -1), 0);
    assert_int_equal(sl__channel_flush(p.a.channel), 0);
    assert_int_equal(sl__channel_flush(p.b.channel), 0);
    sl__channel_free(p.b.channel);
    p.b.channel = NULL;
    assert_int_equal(send_frame(&p.a, 0, 10, -1), 0);
    run(&p);
    assert_int_equal(p.a.frames, 5000);
    assert_int_equal(p.a.closed, 1);
    close_pair(&p);
}

static void test_pump(void **state)
{
    struct pair p;

    open_pair(&p, SIZE_MAX, false);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(send_frame(&p.b, i, 30000, -1), 0);
    sl__channel_flush(p.b.channel);
    sl__channel_free(p.b.channel);
    p.b.channel = NULL;
    sl__channel_pump(p.a.channel); /* more than a wake-up would read, and the end */
    assert_int_equal(p.a.frames, 100);
    assert_int_equal(p.a.closed, 1);
    sl__channel_pump(p.a.channel);
    assert_int_equal(p.a.closed, 1);
    close_pair(&p);
}

static void test_free_inside(void **state)
{
    struct pair p;

    open_pair(&p, SIZE_MAX, false); /* in a frame, with descriptors still to come in that batch */
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(send_frame(&p.a, i, 8, open("/dev/null", O_RDONLY)), 0);
    p.b.free_at = 10;
    run(&p);
    assert_int_equal(p.b.frames, 10);
    assert_int_equal(p.b.closed, 0);
    assert_int_equal(p.a.closed, 1);
    close_pair(&p);

    open_pair(&p, SIZE_MAX, false); /* when closed */
    p.b.free_when_closed = true;
    close_end(&p.a);
    run(&p);
    assert_int_equal(p.b.closed, 1);
    assert_null(p.b.channel);
    close_pair(&p);

    open_pair(&p, 1000, false); /* when writable */
    p.a.free_when_writable = true;
    assert_int_equal(send_frame(&p.a, 0, 2000, -1), 0);
    run(&p);
    assert_null(p.a.channel);
    assert_int_equal(p.b.frames, 1);
    assert_int_equal(p.b.closed, 1);
    close_pair(&p);
}

static void expect_closed_by(const void *packet, size_t len, int fd)
{
    struct sl__batch *b = sl__batch_take();
    struct pair p;

    open_pair(&p, SIZE_MAX, true);
    memcpy(b->data, packet, len);
    b->len = len;
    if (fd >= 0)
        b->fds[b->fd_count++] = dup(fd);
    assert_int_equal(sl__batch_send(b, p.fds[1]), 0);
    sl__batch_give(b);
    run(&p);
    assert_int_equal(p.a.frames, 0);
    assert_int_equal(p.a.closed, 1);
    close(p.fds[1]);
    close_pair(&p);
}

static void test_mad_peer(void **state)
{
    struct sl__frame_head head = {
        .type = SL__FRAME_SEND, .flags = SL__FRAME_HAS_FD | SL__FRAME_BODY_FD, .body_len = 8};
    char frame[256];
    size_t size = sl__frame_write(frame, &head, "x", NULL);
    int sealed = sl__memfd_seal("12345678", 8), longer = sl__memfd_seal("123456789", 9);
    int open_memfd = sl__memfd_create("test"), null = open("/dev/null", O_RDONLY);

    assert_int_equal(ftruncate(open_memfd, 8), 0);
    expect_closed_by("garbage", 7, -1);
    expect_closed_by("a packet of nonsense that is longer than a head is", 48, sealed);
    expect_closed_by(frame, size, -1); /* names a descriptor that is not there */
    expect_closed_by(frame, size, open_memfd);
    expect_closed_by(frame, size, null);
    expect_closed_by(frame, size, longer);
    close(sealed);
    close(longer);
    close(open_memfd);
    close(null);
}

static void test_packet_too_large(void **state)
{
    char *packet = calloc(1, SL__BATCH_MAX + 8);
    struct pair p;

    open_pair(&p, SIZE_MAX, true);
    assert_int_equal(send(p.fds[1], packet, SL__BATCH_MAX + 8, 0), SL__BATCH_MAX + 8);
    run(&p);
    assert_int_equal(p.a.closed, 1);
    close(p.fds[1]);
    close_pair(&p);
    free(packet);
}

static struct {
    enum sl__sys_call call;
    ssize_t error;
    unsigned after, times;
} fault;

static ssize_t inject(enum sl__sys_call call)
{
    if (call != fault.call)
        return 0;
    if (fault.after > 0) {
        fault.after--;
        return 0;
    }
    if (fault.times == 0)
        return 0;
    fault.times--;
    return fault.error;
}

static void test_send_failures_that_pass(void **state)
{
    static const int errors[] = {EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS};

    for (size_t e = 0; e < 4; e++) {
        for (unsigned after = 0; after < 5; after++) {
            struct pair p;

            open_pair(&p, SIZE_MAX, false);
            fault.call = SL__SYS_SENDMSG;
            fault.error = -errors[e];
            fault.after = after;
            fault.times = 2;
            sl__sys_fault = inject;
            for (uint32_t i = 0; i < 50; i++)
                assert_int_equal(send_frame(&p.a, i, 10000, -1), 0);
            while (p.b.frames < 50)
                assert_int_equal(sl__loop_once(&p.loop, 1000), 0);
            sl__sys_fault = NULL;
            close_pair(&p);
        }
    }
}

static void test_receive_failures(void **state)
{
    for (unsigned after = 0; after < 3; after++) {
        struct pair p;

        open_pair(&p, SIZE_MAX, false);
        fault.call = SL__SYS_RECVMSG;
        fault.error = -EIO;
        fault.after = after;
        fault.times = 1000;
        sl__sys_fault = inject;
        for (uint32_t i = 0; i < 50; i++)
            assert_int_equal(send_frame(&p.a, i, 10000, -1), 0);
        run(&p);
        sl__sys_fault = NULL;
        assert_int_equal(p.b.closed, 1);
        close_pair(&p);
    }
}

static unsigned allocations_left;

static bool out_of_memory(size_t size)
{
    return allocations_left == 0 || --allocations_left == 0;
}

static void test_out_of_memory(void **state)
{
    struct pair p;
    int null = open("/dev/null", O_RDONLY);

    open_pair(&p, SIZE_MAX, false);
    allocations_left = 0;
    sl__mem_fault = out_of_memory;
    assert_int_equal(send_frame(&p.a, 0, 10, dup(null)), -ENOMEM);
    sl__mem_fault = NULL;
    assert_int_equal(send_frame(&p.a, 0, 10, dup(null)), 0);
    sl__loop_once(&p.loop, 0);
    run(&p);
    assert_int_equal(p.b.frames, 1);
    close_pair(&p);
    close(null);
}

/* Many small frames: no pace is demanded, but a sanitizer looks on. */
static void test_many(void **state)
{
    struct pair p;
    uint32_t n = 0;

    open_pair(&p, SIZE_MAX, false);
    for (unsigned tick = 0; tick < 200; tick++) {
        struct sl__frame_head head = {.type = SL__FRAME_SEND, .body_len = 8};
        unsigned char body[8];

        for (unsigned i = 0; i < 1000; i++) {
            head.target = n++;
            for (unsigned at = 0; at < 8; at++)
                body[at] = (unsigned char)(head.target + at);
            assert_int_equal(sl__channel_send(p.a.channel, &head, "count", body, -1), 0);
        }
        sl__loop_once(&p.loop, 0);
    }
    run(&p);
    assert_int_equal(p.b.frames, n);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_sizes),
        cmocka_unit_test(test_one_tick_is_one_packet),
        cmocka_unit_test(test_descriptors_in_order),
        cmocka_unit_test(test_descriptor_is_owned_on_failure),
        cmocka_unit_test(test_topic_over_the_limit),
        cmocka_unit_test(test_relayed_memfd),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_waiting_costs_octets_not_ticks),
        cmocka_unit_test(test_low_mark),
        cmocka_unit_test(test_frames_before_the_end),
        cmocka_unit_test(test_pump),
        cmocka_unit_test(test_free_inside),
        cmocka_unit_test(test_mad_peer),
        cmocka_unit_test(test_packet_too_large),
        cmocka_unit_test(test_send_failures_that_pass),
        cmocka_unit_test(test_receive_failures),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
