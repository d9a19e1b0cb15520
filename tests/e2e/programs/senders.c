/*
 * Several workers send numbered messages of all sizes, each with a checksum, while others die and
 * join. What every worker has seen of each sender is shared state, so a joiner goes on exactly
 * where the others are, and any loss, doubling, change of order or torn message shows in whoever
 * lives.
 */
#include <shallot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENDERS 256 /* ids */

struct head {
    uint64_t sum;
    uint64_t number;
};

static struct {
    uint64_t next[SENDERS], count, hash;
} seen;
static long torn, disorder;

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

static uint64_t sum_of(const void *data, size_t len, uint64_t number)
{
    const char *p = data;
    uint64_t h = mix(len, number), word;

    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = mix(h, word);
    }
    return h;
}

static void on_number(sl_app *app, const sl_message *m, void *self)
{
    const struct head *head = m->data;

    if (m->len < sizeof *head || m->from >= SENDERS ||
        head->sum != sum_of(head + 1, m->len - sizeof *head, head->number)) {
        torn++;
        return;
    }
    disorder += head->number != seen.next[m->from];
    seen.next[m->from] = head->number + 1;
    seen.count++;
    seen.hash = mix(seen.hash, head->number * SENDERS + (uint64_t)m->from);
}

static void on_gap(sl_app *app, uint64_t missed, void *self)
{
    printf("GAP of %llu in worker %d\n", (unsigned long long)missed, sl_worker_id());
}

static int on_report(sl_app *app, const sl_message *m, void *self)
{
    char text[200];

    snprintf(text, sizeof text, "%llu %llu %ld %ld", (unsigned long long)seen.count,
             (unsigned long long)seen.hash, torn, disorder);
    return sl_reply(m, text, strlen(text) + 1);
}

static int on_present(sl_app *app, const sl_message *m, void *self)
{
    return 0;
}

/* 99 % up to 1 KB, 0.9 % up to 64 KB, 0.1 % of 1 MB. */
static size_t draw_size(uint64_t random)
{
    unsigned kind = (unsigned)(random % 1000);

    random >>= 20;
    return kind == 0 ? 1 << 20 : kind < 10 ? random % (64 << 10) : random % 1024;
}

/* Sends, and now and then waits until somebody has handled what it sent: so nobody is flooded. */
static int send_all(sl_ctx *c)
{
    long count = atol(sl_param(c, "count"));
    char *bytes = malloc(sizeof(struct head) + (1 << 20));
    uint64_t random = (uint64_t)sl_worker_id() * UINT64_C(0x123456789);
    int r = 0;

    for (size_t i = 0; i < 1 << 20; i++)
        bytes[sizeof(struct head) + i] = (char)(i * 131 + (i >> 9));
    for (long i = 0; i < count && r == 0; i++) {
        size_t len = draw_size(random = mix(random, (uint64_t)i));
        struct head head = {.number = (uint64_t)i};

        memcpy(bytes + sizeof head, &random, sizeof random);
        head.sum = sum_of(bytes + sizeof head, len, head.number);
        memcpy(bytes, &head, sizeof head);
        r = sl_send(sl_app_of(c), "number", bytes, sizeof head + len);
        if (i % 200 == 199) /* whoever is asked may die */
            sl_request(sl_app_of(c), SL_ANY_WORKER, "present", NULL, 0, 20000, NULL, NULL);
    }
    free(bytes);
    return r < 0 ? r : sl_text(c, "sent");
}

static int who(sl_ctx *c)
{
    return sl_text(c, "%d %d", sl_worker_id(), (int)getpid());
}

static int report(sl_ctx *c)
{
    void *text;
    int r =
        sl_request(sl_app_of(c), atoi(sl_param(c, "id")), "report", NULL, 0, 60000, &text, NULL);

    if (r < 0)
        return sl_text(c, "none");
    r = sl_text(c, "%s", (char *)text);
    free(text);
    return r;
}

int main(void)
{
    sl_app *app = sl_new(.instances = 6, .drain_ms = 600000);

    sl_on_message(app, "number", on_number, NULL);
    sl_share(app, "seen", &seen, sizeof seen);
    sl_on_gap(app, on_gap, NULL);
    sl_on_request(app, "report", on_report, NULL);
    sl_on_request(app, "present", on_present, NULL);
    sl_get(app, "/who", who);
    sl_get(app, "/send/:count", send_all);
    sl_get(app, "/report/:id", report);
    return sl_listen(app);
}
