/*
 * The scoreboard: what every worker lets the others know, without asking anybody.
 *
 * The master creates it and says whose slot is whose; workers attach to the inherited descriptor,
 * write their own slot and read all of them for the gate. Nothing is locked: a number that is a
 * moment old only makes the gate a little less exact.
 */
#include "cluster/scoreboard.h"

#include "base/sys.h"
#include "base/time.h"
#include "cluster/memfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STUCK_NS (50 * SL__MS) /* one tick for longer than this: cannot accept at present */

struct board {
    struct sl__slot slots[SL__SLOTS];
    _Alignas(128) _Atomic uint32_t used; /* slots from here on were never assigned */
    _Alignas(128) struct sl__totals totals;
    _Alignas(128) struct sl__board_events events;
    struct sl__board_routes routes; /* its lanes come last: see sl__scoreboard_count_routes() */
};

/* What is there from the beginning. Everybody maps it all, and does not touch what is not there. */
#define BASIC_SIZE offsetof(struct board, routes.lanes)

static int map_board(struct sl__scoreboard *b)
{
    struct board *board = sl__sys_mmap(sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd);

    if (!board)
        return -ENOMEM;
    b->slots = board->slots;
    b->used = &board->used;
    b->totals = &board->totals;
    b->events = &board->events;
    b->routes = &board->routes;
    return 0;
}

/* A mean without those who cannot accept now: their share has to be borne by the others. */
static bool counts(const struct sl__slot *s, int64_t now)
{
    int64_t tick;

    if (!atomic_load_explicit(&s->worker, memory_order_relaxed) ||
        !atomic_load_explicit(&s->accepting, memory_order_relaxed) ||
        atomic_load_explicit(&s->stopped, memory_order_relaxed))
        return false;
    tick = atomic_load_explicit(&s->tick, memory_order_relaxed);
    return tick == 0 || now - tick <= STUCK_NS;
}

int sl__scoreboard_create(struct sl__scoreboard *b)
{
    int r;

    *b = (struct sl__scoreboard){.fd = sl__memfd_create("shallot-scoreboard")};
    if (b->fd < 0)
        return b->fd;
    r = ftruncate(b->fd, BASIC_SIZE) < 0 ? -errno : map_board(b);
    if (r == 0 && fcntl(b->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r < 0)
        sl__scoreboard_finish(b);
    return r;
}

int sl__scoreboard_attach(struct sl__scoreboard *b, int fd)
{
    struct stat st;
    int r;

    *b = (struct sl__scoreboard){.fd = fd};
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (st.st_size != BASIC_SIZE && st.st_size != sizeof(struct board))
        r = -EBADMSG; /* another layout: another version of the master */
    else
        r = map_board(b);
    if (r < 0)
        b->fd = -1; /* stays the caller's */
    return r;
}

/* Two processes that do so at once do the same; it cannot become smaller again. */
int sl__scoreboard_count_routes(struct sl__scoreboard *b)
{
    if (ftruncate(b->fd, sizeof(struct board)) < 0)
        return -errno;
    atomic_store_explicit(&b->routes->counting, 1, memory_order_release);
    return 0;
}

void sl__scoreboard_finish(struct sl__scoreboard *b)
{
    if (b->slots) {
        munmap(b->slots, sizeof(struct board));
        if (b->fd >= 0)
            close(b->fd);
    } else if (b->fd > 0) { /* created, but not mapped; zeroed memory has no descriptor */
        close(b->fd);
    }
    *b = (struct sl__scoreboard){.fd = -1};
}

/* So that a slot counts for nothing while it changes hands, and is whole once it has an owner. */
static void clear(struct sl__slot *s)
{
    atomic_store(&s->worker, 0);
    atomic_store(&s->accepting, 0);
    atomic_store(&s->connections, 0);
    atomic_store(&s->accepted, 0);
    atomic_store(&s->open, 0);
    atomic_store(&s->stopped, 0);
    atomic_store(&s->leaving, 0);
    atomic_store(&s->requests, 0);
    atomic_store(&s->turn, 0);
    atomic_store(&s->tick, 0);
    atomic_store(&s->lag, 0);
    atomic_store(&s->lag_at, 0);
    atomic_store(&s->earlier_lag, 0);
    atomic_store(&s->started, 0);
    atomic_store(&s->pid, 0);
    atomic_store(&s->generation, 0);
    atomic_store(&s->served, 0);
    memset(&s->tally, 0, sizeof s->tally);
}

void sl__scoreboard_assign(struct sl__scoreboard *b, unsigned slot, uint32_t worker)
{
    struct sl__slot *s = &b->slots[slot];

    assert(slot < SL__SLOTS);
    clear(s);
    atomic_store(&s->worker, worker);
    if (slot >= atomic_load(b->used))
        atomic_store(b->used, slot + 1);
}

void sl__scoreboard_introduce(struct sl__scoreboard *b, unsigned slot, pid_t pid,
                              unsigned generation, int64_t now)
{
    struct sl__slot *s = &b->slots[slot];

    atomic_store(&s->pid, (uint32_t)pid);
    atomic_store(&s->generation, generation);
    atomic_store(&s->started, now);
    if (!atomic_load(&b->totals->since))
        atomic_store(&b->totals->since, now);
    sl__tally_add(&b->totals->started, 1);
}

static void add(struct sl__tally *to, const struct sl__tally *from)
{
    _Static_assert(sizeof *to % sizeof to->sent == 0, "a tally is nothing but numbers");
    _Atomic uint64_t *a = (_Atomic uint64_t *)to;
    const _Atomic uint64_t *b = (const _Atomic uint64_t *)from;

    for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
        sl__tally_add(&a[i], atomic_load_explicit(&b[i], memory_order_relaxed));
}

void sl__scoreboard_bury(struct sl__scoreboard *b, unsigned slot, bool restart)
{
    struct sl__slot *s = &b->slots[slot];
    struct sl__totals *t = b->totals;
    uint32_t turn = atomic_load(&t->turn);

    atomic_store(&t->turn, turn + 1);
    add(&t->tally, &s->tally);
    sl__tally_add(&t->served, atomic_load(&s->served));
    clear(s);
    if (restart) {
        atomic_fetch_add(&s->restarts, 1);
        sl__tally_add(&t->restarts, 1);
    }
    atomic_store(&t->turn, turn + 2);
}

void sl__scoreboard_answered(struct sl__scoreboard *b)
{
    struct sl__totals *t = b->totals;
    uint32_t turn = atomic_load(&t->turn);

    atomic_store(&t->turn, turn + 1);
    sl__tally_add(&t->tally.others[5], 1);
    sl__tally_add(&t->served, 1);
    atomic_store(&t->turn, turn + 2);
}

enum sl__crowding sl__scoreboard_crowding(const struct sl__scoreboard *b, unsigned slot,
                                          unsigned mine, int64_t now)
{
    unsigned used = atomic_load_explicit(b->used, memory_order_relaxed);
    uint64_t sum = mine, workers = 1;

    if (used > SL__SLOTS)
        used = SL__SLOTS;
    for (unsigned i = 0; i < used; i++) {
        const struct sl__slot *s = &b->slots[i];

        if (i == slot || !counts(s, now))
            continue;
        sum += atomic_load_explicit(&s->connections, memory_order_relaxed);
        workers++;
    }
    if (16 * workers * mine > 17 * sum + 16 * workers) /* mine > mean + mean / 16 + 1 */
        return SL__TOO_MANY;
    return workers * mine > sum ? SL__ABOVE_MEAN : SL__FEW;
}

bool sl__scoreboard_others_open(const struct sl__scoreboard *b, unsigned slot, int64_t now)
{
    unsigned used = atomic_load_explicit(b->used, memory_order_relaxed);

    for (unsigned i = 0; i < used && i < SL__SLOTS; i++)
        if (i != slot && counts(&b->slots[i], now) &&
            atomic_load_explicit(&b->slots[i].open, memory_order_relaxed))
            return true;
    return false;
}

uint32_t sl__scoreboard_accepted(const struct sl__scoreboard *b, unsigned slot)
{
    unsigned used = atomic_load_explicit(b->used, memory_order_relaxed);
    uint32_t sum = 0;

    for (unsigned i = 0; i < used && i < SL__SLOTS; i++)
        if (i != slot)
            sum += atomic_load_explicit(&b->slots[i].accepted, memory_order_relaxed);
    return sum;
}
