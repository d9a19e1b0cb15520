/*
 * Snapshots: the shared state of a worker as octets.
 *
 * The mailbox comes here with an ASK, to write the memory of sl_share() and what the give callbacks
 * of sl_on_join() say, and with a JOIN_STATE, to take what another worker wrote. The two workers
 * may run different code, so an entry names its memory and says its size, and what does not fit
 * begins afresh with a line for the log. A snapshot is checked as a whole before any of it is
 * taken: a broken one changes nothing.
 *
 * Layout, in native byte order as all frames: a magic number, then entries, each a struct entry, a
 * name padded to 8 octets, and the bytes padded to 8.
 */
#include <errno.h>
#include <stdio.h>

#include "bus/inside.h"

#define MAGIC UINT64_C(0x3130504e534c4853) /* "SHLSNP01" */

enum entry_kind { ENTRY_SHARE = 1, ENTRY_JOIN = 2 };

struct entry {
    uint32_t kind;
    uint32_t number;   /* ENTRY_JOIN: which sl_on_join(), in order of registration */
    uint64_t name_len; /* ENTRY_SHARE */
    uint64_t size;
};

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static void append(struct sl_snapshot *s, const void *bytes, size_t len)
{
    if (!s->error && len > 0)
        s->error = sl__buf_append(&s->buf, bytes, len);
}

static void pad(struct sl_snapshot *s)
{
    static const char zeros[8];
    size_t len = sl__buf_len(&s->buf);

    append(s, zeros, padded(len) - len);
}

static void give_share(struct sl_snapshot *s, const struct sl__bus_share *share)
{
    struct entry e = {ENTRY_SHARE, 0, strlen(share->name), share->size};

    append(s, &e, sizeof e);
    append(s, share->name, e.name_len);
    pad(s);
    append(s, share->ptr, share->size);
    pad(s);
}

/* The size is known only when the callback has written, and a failing callback leaves nothing
 * behind. */
static void give_join(struct sl__bus *b, struct sl_snapshot *s, const struct sl__bus_join *join,
                      uint32_t number)
{
    struct entry e = {ENTRY_JOIN, number, 0, 0};
    size_t at = sl__buf_len(&s->buf), body = at + sizeof e;
    int r;

    append(s, &e, sizeof e);
    if (s->error)
        return;
    r = join->give(b->app, s, join->self);
    if (r >= 0)
        r = s->error;
    if (r >= 0) {
        e.size = sl__buf_len(&s->buf) - body;
        memcpy(s->buf.data + s->buf.at + at, &e, sizeof e);
        pad(s);
        r = s->error;
    }
    if (r < 0) {
        sl__bus_notice(b, "sl_on_join() callback %u gave no state (error %d): left out", number + 1,
                       r);
        s->buf.end = s->buf.at + at;
        s->error = 0;
    }
}

int sl__snapshot_give(struct sl__bus *b, struct sl_snapshot *s)
{
    const uint64_t magic = MAGIC;
    uint32_t number = 0;

    append(s, &magic, sizeof magic);
    for (const struct sl__bus_share *share = b->shares; share; share = share->next)
        give_share(s, share);
    for (const struct sl__bus_join *join = b->joins; join; join = join->next)
        if (!s->error)
            give_join(b, s, join, number++);
    return s->error;
}

struct reader {
    const char *at, *end;
};

static const void *take(struct reader *r, uint64_t len)
{
    const char *p = r->at;

    if (len > (size_t)(r->end - r->at))
        return NULL;
    len = padded(len);
    r->at = len > (size_t)(r->end - p) ? r->end : p + len;
    return p;
}

/* 1: an entry; 0: the end; -EBADMSG. */
static int next_entry(struct reader *r, struct entry *e, const char **ret_name,
                      const void **ret_data)
{
    const void *head;

    if (r->at == r->end)
        return 0;
    head = take(r, sizeof *e);
    if (!head)
        return -EBADMSG;
    memcpy(e, head, sizeof *e);
    *ret_name = take(r, e->name_len);
    *ret_data = *ret_name ? take(r, e->size) : NULL;
    return *ret_data && e->name_len < 256 ? 1 : -EBADMSG;
}

static int check(struct reader r)
{
    const uint64_t magic = MAGIC;
    const void *head = take(&r, sizeof magic), *data;
    const char *name;
    struct entry e;
    int more;

    if (!head || memcmp(head, &magic, sizeof magic) != 0)
        return -EBADMSG;
    do
        more = next_entry(&r, &e, &name, &data);
    while (more > 0);
    return more;
}

static struct sl__bus_share *find_share(struct sl__bus *b, struct sl__str name)
{
    for (struct sl__bus_share *share = b->shares; share; share = share->next)
        if (sl__str_equal(sl__str_of(share->name), name))
            return share;
    return NULL;
}

static void take_share(struct sl__bus *b, const struct entry *e, struct sl__str name,
                       const void *data)
{
    struct sl__bus_share *share = find_share(b, name);

    if (!share) {
        sl__bus_notice(b, "shared state \"%.*s\" is not known to this code: ignored", (int)name.len,
                       name.ptr);
        return;
    }
    share->seen = true;
    if (share->size != e->size) {
        sl__bus_notice(b,
                       "shared state \"%s\" has %zu bytes here and %llu in the other workers: it "
                       "begins afresh",
                       share->name, share->size, (unsigned long long)e->size);
        return;
    }
    memcpy(share->ptr, data, share->size);
}

static int take_join(struct sl__bus *b, const struct entry *e, const void *data, char *ret_reason,
                     size_t reason_len)
{
    const struct sl__bus_join *join = b->joins;
    int r;

    for (uint32_t i = 0; join && i < e->number; i++)
        join = join->next;
    if (!join) {
        sl__bus_notice(b, "state of sl_on_join() callback %u is not known to this code: ignored",
                       e->number + 1);
        return 0;
    }
    r = join->take(b->app, data, e->size, join->self);
    if (r < 0)
        snprintf(ret_reason, reason_len,
                 "sl_on_join() callback %u did not take the state of the other workers (error %d)",
                 e->number + 1, r);
    return r;
}

int sl__snapshot_take(struct sl__bus *b, const void *data, size_t len, char *ret_reason,
                      size_t reason_len)
{
    struct reader r = {data, data};
    const void *bytes;
    const char *name;
    struct entry e;
    int result;

    if (len == 0)
        return 0; /* and data may be NULL */
    r.end += len;
    result = check(r);
    if (result < 0) {
        snprintf(ret_reason, reason_len, "the state of the other workers is not readable");
        return result;
    }
    for (struct sl__bus_share *share = b->shares; share; share = share->next)
        share->seen = false;
    take(&r, sizeof(uint64_t));
    while (result >= 0 && next_entry(&r, &e, &name, &bytes) > 0) {
        if (e.kind == ENTRY_SHARE)
            take_share(b, &e, (struct sl__str){name, e.name_len}, bytes);
        else if (e.kind == ENTRY_JOIN)
            result = take_join(b, &e, bytes, ret_reason, reason_len);
    }
    for (const struct sl__bus_share *share = b->shares; share; share = share->next)
        if (result >= 0 && !share->seen)
            sl__bus_notice(b, "shared state \"%s\" is not in the other workers: it begins afresh",
                           share->name);
    return result < 0 ? result : 0;
}

int sl_snapshot_write(sl_snapshot *s, const void *bytes, size_t len)
{
    append(s, bytes, len);
    return s->error;
}
