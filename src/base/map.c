/*
 * Hash map from byte strings to pointers: FNV-1a, linear probing, grows at three quarters.
 *
 * The hash starts from a seed of this process (the kernel hands 16 random bytes to each), so that
 * nobody outside can choose keys that collide. A removed entry leaves a mark, because the chain
 * behind it must stay reachable; marks are swept when the table is rebuilt.
 */
#include "base/map.h"

#include <errno.h>
#include <stdint.h>
#include <sys/auxv.h>

#include "base/mem.h"

struct sl__map_entry {
    char *key; /* NULL: free or removed */
    size_t len;
    uint64_t hash;
    void *value;
    bool removed;
};

#define SMALLEST ((size_t)8)

static uint64_t seed(void)
{
    static uint64_t value;

    if (value == 0) {
        uintptr_t address = (uintptr_t)getauxval(AT_RANDOM);

        if (address)
            memcpy(&value, (const char *)address + 8,
                   sizeof(value)); /* the first 8 are the stack protector's */
        value |= 1;
    }
    return value;
}

static uint64_t hash_of(struct sl__str key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed();

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * UINT64_C(0x100000001b3);
    return h ^ (h >> 32); /* the table looks at the low bits only */
}

static struct sl__map_entry *find(const struct sl__map *m, struct sl__str key, uint64_t hash)
{
    if (m->size == 0)
        return NULL;
    for (size_t i = hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
        struct sl__map_entry *e = &m->entries[i];

        if (!e->key && !e->removed)
            return NULL;
        if (e->key && e->hash == hash && sl__str_equal((struct sl__str){e->key, e->len}, key))
            return e;
    }
}

/* The key is known not to be there. */
static struct sl__map_entry *free_place(struct sl__map_entry *entries, size_t size, uint64_t hash)
{
    size_t i = hash & (size - 1);

    while (entries[i].key)
        i = (i + 1) & (size - 1);
    return &entries[i];
}

static int make_room(struct sl__map *m)
{
    size_t size = m->size > 0 ? m->size : SMALLEST;
    struct sl__map_entry *entries;

    if (m->filled + 1 <= m->size / 4 * 3)
        return 0;
    while (m->used + 1 > size / 2) /* many marks: the same size may do */
        size *= 2;
    entries = sl__try_alloc_zeroed(size * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < m->size; i++)
        if (m->entries[i].key)
            *free_place(entries, size, m->entries[i].hash) = m->entries[i];
    sl__free(m->entries);
    m->entries = entries;
    m->size = size;
    m->filled = m->used;
    return 0;
}

void *sl__map_get(const struct sl__map *m, struct sl__str key)
{
    struct sl__map_entry *e = find(m, key, hash_of(key));

    return e ? e->value : NULL;
}

int sl__map_set(struct sl__map *m, struct sl__str key, void *value, void **ret_old)
{
    uint64_t hash = hash_of(key);
    struct sl__map_entry *e = find(m, key, hash);
    char *copy;
    int r;

    if (ret_old)
        *ret_old = e ? e->value : NULL;
    if (e) {
        e->value = value;
        return 0;
    }
    r = make_room(m);
    if (r < 0)
        return r;
    copy = sl__try_alloc(key.len);
    if (!copy)
        return -ENOMEM;
    if (key.len > 0)
        memcpy(copy, key.ptr, key.len);
    e = free_place(m->entries, m->size, hash);
    if (!e->removed)
        m->filled++;
    m->used++;
    *e = (struct sl__map_entry){.key = copy, .len = key.len, .hash = hash, .value = value};
    return 0;
}

void *sl__map_remove(struct sl__map *m, struct sl__str key)
{
    struct sl__map_entry *e = find(m, key, hash_of(key));
    void *value;

    if (!e)
        return NULL;
    value = e->value;
    sl__free(e->key);
    *e = (struct sl__map_entry){.removed = true};
    m->used--;
    return value;
}

bool sl__map_next(const struct sl__map *m, size_t *at, struct sl__str *ret_key, void **ret_value)
{
    while (*at < m->size) {
        const struct sl__map_entry *e = &m->entries[(*at)++];

        if (!e->key)
            continue;
        *ret_key = (struct sl__str){e->key, e->len};
        *ret_value = e->value;
        return true;
    }
    return false;
}

void sl__map_finish(struct sl__map *m)
{
    for (size_t i = 0; i < m->size; i++)
        sl__free(m->entries[i].key);
    sl__free(m->entries);
    *m = (struct sl__map){0};
}
