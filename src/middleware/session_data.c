/*
 * What is in a session, as octets: a version, when it was made and saved, then for each key its
 * length, that of the value, both.
 *
 * session.c comes here. The octets come out of a seal or of shared memory, so nobody strange wrote
 * them; but memory can be spoiled and versions differ, and what does not fit is no session.
 */
#include "session_data.h"

#include <shallot/ctx.h>

#include <errno.h>
#include <string.h>

#define VERSION 1
#define HEAD ((size_t)SESSION_DATA_EMPTY)
#define AROUND 5u /* of an entry: the lengths */

/* An entry among octets. */
struct piece {
    const char *key, *bytes;
    size_t key_len, len;
};

static uint8_t *put_number(uint8_t *at, uint64_t n, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        *at++ = (uint8_t)(n >> (8 * i));
    return at;
}

static uint64_t get_number(const uint8_t *at, unsigned octets)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < octets; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return n;
}

/* Takes the next entry; 0 at the end, -EINVAL for what is none. */
static int next_piece(const uint8_t **at, const uint8_t *end, struct piece *ret)
{
    size_t left = (size_t)(end - *at);

    if (left == 0)
        return 0;
    if (left < AROUND)
        return -EINVAL;
    ret->key_len = **at;
    ret->len = (size_t)get_number(*at + 1, 4);
    if (ret->key_len == 0 || left - AROUND < ret->key_len ||
        left - AROUND - ret->key_len < ret->len)
        return -EINVAL;
    ret->key = (const char *)*at + AROUND;
    ret->bytes = ret->key + ret->key_len;
    *at += AROUND + ret->key_len + ret->len;
    return 1;
}

struct session_entry *session_data_find(const struct session_data *d, const char *key)
{
    struct session_entry *e = d->entries;

    while (e && strcmp(e->key, key) != 0)
        e = e->next;
    return e;
}

bool session_data_any(const struct session_data *d)
{
    const struct session_entry *e = d->entries;

    while (e && !e->bytes)
        e = e->next;
    return e != NULL;
}

size_t session_data_size(const struct session_data *d)
{
    size_t size = HEAD;

    for (const struct session_entry *e = d->entries; e; e = e->next)
        if (e->bytes)
            size += AROUND + strlen(e->key) + e->len;
    return size;
}

static uint8_t *write_head(const struct session_data *d, uint8_t *to)
{
    *to++ = VERSION;
    to = put_number(to, (uint64_t)d->created, 8);
    return put_number(to, (uint64_t)d->saved, 8);
}

static uint8_t *write_piece(uint8_t *to, const struct piece *p)
{
    *to++ = (uint8_t)p->key_len;
    to = put_number(to, p->len, 4);
    memcpy(to, p->key, p->key_len);
    to += p->key_len;
    if (p->len > 0)
        memcpy(to, p->bytes, p->len);
    return to + p->len;
}

static struct piece piece_of(const struct session_entry *e)
{
    return (struct piece){e->key, e->bytes, strlen(e->key), e->len};
}

uint8_t *session_data_write(const struct session_data *d, uint8_t *to)
{
    to = write_head(d, to);
    for (const struct session_entry *e = d->entries; e; e = e->next) {
        struct piece p = piece_of(e);

        if (e->bytes)
            to = write_piece(to, &p);
    }
    return to;
}

static struct session_entry *entry_of(sl_ctx *c, const struct piece *p)
{
    struct session_entry *e = sl_alloc(c, sizeof *e + p->key_len + p->len + 2);
    char *text;

    if (!e)
        return NULL;
    text = (char *)(e + 1);
    *e = (struct session_entry){.key = text, .bytes = text + p->key_len + 1, .len = p->len};
    memcpy(text, p->key, p->key_len);
    text[p->key_len] = '\0';
    if (p->len > 0)
        memcpy(text + p->key_len + 1, p->bytes, p->len);
    text[p->key_len + 1 + p->len] = '\0';
    return e;
}

int session_data_read(sl_ctx *c, struct session_data *ret, const void *octets, size_t len)
{
    const uint8_t *at = octets, *end = at + len;
    struct session_entry **last = &ret->entries;
    struct piece p;
    int r;

    if (len < HEAD || *at != VERSION)
        return -EINVAL;
    *ret = (struct session_data){.created = (int64_t)get_number(at + 1, 8),
                                 .saved = (int64_t)get_number(at + 9, 8)};
    for (at += HEAD; (r = next_piece(&at, end, &p)) > 0; last = &(*last)->next) {
        *last = entry_of(c, &p);
        if (!*last)
            return -ENOMEM;
    }
    return r;
}

/* This request has set or deleted the key, so what others say about it does not count. */
static bool is_mine(const struct session_data *mine, const struct piece *p)
{
    for (const struct session_entry *e = mine->entries; e; e = e->next)
        if (e->changed && strlen(e->key) == p->key_len && memcmp(e->key, p->key, p->key_len) == 0)
            return true;
    return false;
}

ssize_t session_data_merge(const struct session_data *mine, const void *theirs, size_t len,
                           uint8_t *to, size_t room)
{
    const uint8_t *at = theirs, *end = at + len;
    uint8_t *out = to, *limit = to + room;
    struct piece p;
    int r = 0;

    if ((len > 0 && (len < HEAD || *at != VERSION)) || room < HEAD)
        return -EINVAL;
    out = write_head(mine, out);
    for (at += len > 0 ? HEAD : 0; (r = next_piece(&at, end, &p)) > 0;) {
        if (is_mine(mine, &p))
            continue;
        if ((size_t)(limit - out) < AROUND + p.key_len + p.len)
            return -EMSGSIZE;
        out = write_piece(out, &p);
    }
    for (const struct session_entry *e = mine->entries; e && r == 0; e = e->next) {
        p = piece_of(e);
        if (!e->changed || !e->bytes)
            continue;
        if ((size_t)(limit - out) < AROUND + p.key_len + p.len)
            return -EMSGSIZE;
        out = write_piece(out, &p);
    }
    return r < 0 ? r : out - to;
}
