/*
 * The crew on its way through an exec of the master: who they are, what they have said, and what
 * has not been said to them yet.
 *
 * Comes from master_upgrade.c. The workers notice nothing: their channel, and the descriptor that
 * tells of their death, are inherited. Reading does not touch a descriptor, so that it can be
 * rehearsed; sl__crew_resume() does.
 */
#include "cluster/crew.h"

#include "base/mem.h"
#include "cluster/batch.h"
#include "cluster/master_state.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MEMBERS_MAX ((size_t)4096)

/* What cannot be used before the descriptors are. */
struct sl__saved_member {
    int channel, process;
    int64_t patience; /* INT64_MAX: nobody is waiting for its end */
    struct sl__link batches;
};

static int32_t place_of(const struct sl__master *m, const struct sl__listener *l)
{
    int32_t n = 0;

    for (struct sl__link *at = m->listeners.all.next; at != &m->listeners.all; at = at->next, n++)
        if (SL__OWNER(at, struct sl__listener, link) == l)
            return n;
    return -1;
}

static struct sl__listener *listener_at(const struct sl__master *m, int32_t place)
{
    for (struct sl__link *at = m->listeners.all.next; at != &m->listeners.all; at = at->next)
        if (place-- == 0)
            return SL__OWNER(at, struct sl__listener, link);
    return NULL;
}

static void archive_listeners(struct sl__member *w, struct sl__archive *a)
{
    size_t count = w->listener_count;

    sl__archive_size(a, &count, SL__LISTENERS_MAX);
    w->listener_count = (unsigned)count;
    for (unsigned i = 0; i < w->listener_count; i++) {
        int32_t place = a->reading ? -1 : place_of(w->master, w->listeners[i]);

        sl__archive_bytes(a, &place, sizeof place);
        w->listeners[i] = listener_at(w->master, place);
    }
}

static void archive_flags(struct sl__member *w, struct sl__archive *a)
{
    sl__archive_bool(a, &w->given_up);
    sl__archive_bool(a, &w->greeted);
    sl__archive_bool(a, &w->ready);
    sl__archive_bool(a, &w->leaving);
    sl__archive_bool(a, &w->aborted);
    sl__archive_bool(a, &w->refused);
    sl__archive_bool(a, &w->dying);
    sl__archive_i64(a, &w->stuck_tick);
    sl__archive_u32(a, &w->stuck_ms);
    sl__archive_u32(a, &w->left.culprits);
    sl__archive_u32(a, &w->left.bystanders);
    sl__archive_u32(a, &w->left.idle);
}

/* The part that needs no descriptor, and then those with what waits for them. */
static void archive_member(struct sl__member *w, struct sl__archive *a, int *channel, int *process,
                           int64_t *patience, struct sl__link *batches)
{
    sl__archive_bytes(a, &w->pid, sizeof w->pid);
    sl__archive_u32(a, &w->slot);
    sl__archive_u32(a, &w->generation);
    archive_flags(w, a);
    archive_listeners(w, a);
    sl__archive_u32(a, &w->instances);
    sl__archive_u32(a, &w->drain_ms);
    sl__archive_u32(a, &w->grace_ms);
    sl__archive_u32(a, &w->ready_ms);
    sl__archive_text(a, w->reason, sizeof w->reason);
    sl__archive_fd(a, process);
    sl__archive_fd(a, channel);
    sl__archive_i64(a, patience);
    sl__batches_archive(batches, a);
    if (a->reading && a->error == 0 && (w->slot >= SL__SLOTS || w->pid <= 0))
        a->error = -EBADMSG;
}

static void write_member(struct sl__member *w, struct sl__archive *a)
{
    struct sl__link none;
    int channel = w->channel ? sl__channel_fd(w->channel) : -1, process = w->process.fd;
    int64_t patience = sl__timer_running(&w->patience) ? w->patience.at : INT64_MAX;

    sl__list_init(&none);
    sl__archive_u32(a, &w->id);
    archive_member(w, a, &channel, &process, &patience,
                   channel >= 0 ? sl__channel_waiting(w->channel) : &none);
}

static void read_member(struct sl__master *m, struct sl__archive *a)
{
    struct sl__saved_member *saved;
    struct sl__member *w;
    uint32_t id;

    sl__archive_u32(a, &id);
    if (a->error != 0)
        return;
    saved = sl__alloc_zeroed(sizeof *saved);
    sl__list_init(&saved->batches);
    w = sl__crew_add(m, id);
    w->saved = saved;
    archive_member(w, a, &saved->channel, &saved->process, &saved->patience, &saved->batches);
}

void sl__crew_archive(struct sl__master *m, struct sl__archive *a)
{
    size_t count = 0;

    sl__archive_mark(a, "CREW");
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next)
        count++;
    sl__archive_size(a, &count, MEMBERS_MAX);
    if (!a->reading)
        for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next)
            write_member(SL__OWNER(at, struct sl__member, link), a);
    for (; a->reading && count > 0 && a->error == 0; count--)
        read_member(m, a);
}

/* With copies: what was inherited must be left if anything fails, for the program that we would
 * return to. */
static int resume(struct sl__member *w, struct sl__saved_member *saved)
{
    struct sl__master *m = w->master;
    int channel = -1, r;

    w->process.fd = fcntl(saved->process, F_DUPFD_CLOEXEC, 3);
    if (w->process.fd < 0)
        return -errno;
    if (saved->channel >= 0) {
        channel = fcntl(saved->channel, F_DUPFD_CLOEXEC, 3);
        if (channel < 0)
            return -errno;
        r = sl__crew_attach(w, channel);
    } else { /* it had hung up: only its end is waited for */
        r = sl__loop_add(&m->loop, &w->process);
    }
    if (r < 0)
        return r;
    if (saved->patience != INT64_MAX)
        sl__timer_start(&m->loop, &w->patience, saved->patience);
    return 0;
}

static void forget_saved(struct sl__member *w)
{
    struct sl__saved_member *saved = w->saved;

    if (w->channel)
        sl__channel_resume(w->channel, &saved->batches);
    close(saved->process);
    if (saved->channel >= 0)
        close(saved->channel);
    sl__free(saved);
    w->saved = NULL;
}

int sl__crew_resume(struct sl__master *m)
{
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);
        int r = resume(w, w->saved);

        if (r < 0)
            return r;
    }
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next)
        forget_saved(SL__OWNER(at, struct sl__member, link));
    return 0;
}
