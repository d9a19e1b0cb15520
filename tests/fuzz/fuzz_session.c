/*
 * What is in a session, as octets: whatever they are, reading takes them or not, reads what it
 * writes, and merging two gives what a list of keys says. The first octet cuts the input in two:
 * what the map has, and what a request has made of its own.
 */
#include <string.h>

#include "fuzz.h"

#include "../../src/middleware/session_data.c"

/* The request's arena, of which nothing else is needed. */
static struct {
    void *blocks[5000];
    size_t count;
} arena;

void *sl_alloc(sl_ctx *c, size_t size)
{
    void *block = malloc(size);

    (void)c;
    CHECK(block && arena.count < 5000);
    arena.blocks[arena.count++] = block;
    return block;
}

static void free_all(void)
{
    while (arena.count > 0)
        free(arena.blocks[--arena.count]);
}

/* The last of a key counts nowhere: octets of ours never have it twice. */
static bool has_twice(const struct session_data *d)
{
    for (struct session_entry *e = d->entries; e; e = e->next)
        for (struct session_entry *f = e->next; f; f = f->next)
            if (strcmp(e->key, f->key) == 0)
                return true;
    return false;
}

static bool has_nul(const struct session_data *d, const uint8_t *octets, size_t len)
{
    uint8_t *again = sl_alloc(NULL, session_data_size(d) + 1);

    return (size_t)(session_data_write(d, again) - again) != len || memcmp(again, octets, len) != 0;
}

static bool same(const struct session_entry *a, const struct session_entry *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static void check_merged(const struct session_data *theirs, const struct session_data *mine,
                         const struct session_data *both)
{
    size_t count = 0, wanted = 0;

    for (struct session_entry *e = both->entries; e; e = e->next) {
        struct session_entry *a = session_data_find(theirs, e->key);
        struct session_entry *b = session_data_find(mine, e->key);

        count++;
        CHECK(b && b->changed ? b->bytes && same(e, b) : a && same(e, a));
    }
    for (struct session_entry *e = theirs->entries; e; e = e->next) {
        struct session_entry *b = session_data_find(mine, e->key);

        wanted += !b || !b->changed;
    }
    for (struct session_entry *e = mine->entries; e; e = e->next)
        wanted += e->changed && e->bytes;
    CHECK(count == wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_data theirs, mine, both;
    size_t cut, room, nth = 0;
    uint8_t *merged;
    ssize_t n;

    if (size < 2 || size > 4096)
        return 0;
    cut = data[0] < size - 1 ? data[0] : size - 1;
    data++;
    size--;
    merged = sl_alloc(NULL, 2 * size + 64);
    if (session_data_read(NULL, &theirs, data, cut) == 0 &&
        session_data_read(NULL, &mine, data + cut, size - cut) == 0 && !has_twice(&theirs) &&
        !has_twice(&mine) && !has_nul(&theirs, data, cut) &&
        !has_nul(&mine, data + cut, size - cut)) {
        for (struct session_entry *e = mine.entries; e; e = e->next, nth++) {
            e->changed = e->len % 3 != 0;
            if (e->len % 3 == 1)
                e->bytes = NULL;
        }
        n = session_data_merge(&mine, data, cut, merged, 2 * size + 64);
        CHECK(n >= SESSION_DATA_EMPTY);
        CHECK(session_data_read(NULL, &both, merged, (size_t)n) == 0);
        check_merged(&theirs, &mine, &both);
        for (room = 0; room < (size_t)n; room++) { /* never beyond its room */
            uint8_t *narrow = sl_alloc(NULL, room + 1);

            CHECK(session_data_merge(&mine, data, cut, narrow, room) < 0);
            free(arena.blocks[--arena.count]);
        }
    }
    free_all();
    return 0;
}
