/*
 * State that all workers share without messages: counters and maps in memory that the master owns.
 *
 * Make them in main(), before sl_listen(). All workers that name the same one have the same one; it
 * outlives every worker, reloads and upgrades. Until the worker has joined (in main() itself) a
 * handle works on memory of its own process, which is dropped then: begin in sl_on_start(). When
 * new code gives a name another kind or other sizes, its generation begins afresh and the log says
 * so, while the old one keeps what it has.
 *
 * Everything here may be called from any thread of a worker, never suspends, and makes no system
 * call unless two processes meet in the same part of a map.
 */
#ifndef SHALLOT_SHARED_H
#define SHALLOT_SHARED_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** A number of 64 bits that every worker adds to in a place of its own. Belongs to the app. */
typedef struct sl_counter sl_counter;

/**
 * The counter of this name, 0 at first.
 *
 * @param name  1 to 255 bytes, copied
 * @return      NULL for a bad name, or one that is a map's; the app then does not serve
 */
SL_API sl_counter *sl_counter_new(sl_app *app, const char *name);

/** Adds, wrapping around. Atomic: a worker killed here has added all of it or nothing. */
SL_API void sl_counter_add(sl_counter *c, int64_t n);

/** The sum. What others add at the same moment may be in it or not; what they had added before is.
 */
SL_API int64_t sl_counter_read(const sl_counter *c);

/** Makes it @p value; what others add meanwhile counts on top. Of two that set at once the last
 * wins. Atomic, as sl_counter_add() is. */
SL_API void sl_counter_set(sl_counter *c, int64_t value);

/** Makes it 0 and returns what it was: every number added is in exactly one such result, or still
 * in the counter. */
SL_API int64_t sl_counter_reset(sl_counter *c);

/**
 * A map of fixed size: strings to bytes, each entry with its time to live; when full, whatever was
 * used longest ago makes room. Belongs to the app.
 *
 * A process killed in the middle of a call leaves the entry as before or after it. One that is
 * stopped there keeps a part of the map (one in 16 of a large one) from the others: their calls
 * then fail with -EBUSY, the first after 20 ms, the next at once.
 */
typedef struct sl_map sl_map;

/** Options of sl_map_new(); a field left zero takes its default. */
typedef struct sl_map_options {
    size_t size;        /**< sizeof(sl_map_options), set by the macro */
    size_t capacity;    /**< entries it holds at least, to 16,777,216. Default 1,024 */
    size_t value_bytes; /**< largest value, to 1 MiB. Default 256 */
    size_t key_bytes;   /**< longest key, to 4,096. Default 64 */
} sl_map_options;

/**
 * The map of this name, empty at first. Memory is taken as entries are used: about capacity times
 * (value_bytes + key_bytes + 48) when full. In C use the macro sl_map_new(app, "name", .capacity =
 * 5000).
 *
 * @return NULL for a bad name or impossible sizes, which are logged; the app then does not serve
 */
SL_API sl_map *sl_map_new_with(sl_app *app, const char *name, const sl_map_options *options);

/* All of these: -EINVAL for a key that is empty or too long; -EBUSY as said above. */

/**
 * Copies the value out, at most @p len bytes. Counts as a use.
 *
 * @return its whole length, which may be more than @p len; -ENOENT
 */
SL_API ssize_t sl_map_get(sl_map *m, const char *key, void *buf, size_t len);

/** Stores a value. @p ttl_ms from now it is gone; 0: never. 0; -EMSGSIZE over value_bytes. */
SL_API int sl_map_set(sl_map *m, const char *key, const void *value, size_t len, unsigned ttl_ms);

/** The same, only if there is none: of several that try at once exactly one gets 0. -EEXIST. */
SL_API int sl_map_add(sl_map *m, const char *key, const void *value, size_t len, unsigned ttl_ms);

/**
 * Adds @p by to a value that is an int64_t; one that is not there is made, 0 before, and @p ttl_ms
 * counts from then on.
 *
 * @param ret  receives the sum; may be NULL
 * @return     0; -EINVAL too if the value has another size than 8; -ERANGE, and no change, if the
 * sum would not fit
 */
SL_API int sl_map_increment(sl_map *m, const char *key, int64_t by, unsigned ttl_ms, int64_t *ret);

/** An entry in the hands of sl_map_update()'s function. */
typedef struct sl_map_entry {
    void *value;     /**< room for value_bytes octets, aligned to 8: what is there, to be changed in
                        place */
    ssize_t len;     /**< of what is there; -1: there is none. Likewise of what shall be there */
    unsigned ttl_ms; /**< what is left of its time, 0: for ever; another number counts from now */
} sl_map_entry;

/**
 * Reads and changes a value in one step: whatever others do to it happens before or after.
 *
 * @param fn  called once, under the lock of a part of the map: it must be quick, must not wait, and
 *            must not use the map. If it returns less than 0 nothing changes. A process killed in
 *            it has changed nothing
 * @return    0; what @p fn returned; -EMSGSIZE over value_bytes, and nothing has changed
 */
SL_API int sl_map_update(sl_map *m, const char *key, int (*fn)(sl_map_entry *e, void *self),
                         void *self);

/** 0 or -ENOENT. */
SL_API int sl_map_delete(sl_map *m, const char *key);

/** Entries it holds, among them those whose time is over and that nobody has asked for since.
 * -EBUSY */
SL_API ssize_t sl_map_count(sl_map *m);

/**
 * Calls @p fn with copies of the entries, in no order. One that is there all the time is shown
 * exactly once. @p fn may wait and may use the map; what it returns, if not 0, ends the walk.
 *
 * @return 0; what @p fn returned; -ENOMEM; -EBUSY
 */
SL_API int sl_map_each(sl_map *m,
                       int (*fn)(const char *key, const void *value, size_t len, void *self),
                       void *self);

SL_END_DECLS

#ifndef __cplusplus
#define sl_map_new(...) SL_MAP_CALL_(__VA_ARGS__, .size = sizeof(sl_map_options))
#define SL_MAP_CALL_(app, name, ...) sl_map_new_with(app, name, &(sl_map_options){__VA_ARGS__})
#else
inline sl_map *sl_map_new(sl_app *app, const char *name, sl_map_options o = {})
{
    o.size = sizeof o;
    return sl_map_new_with(app, name, &o);
}
#endif

#endif
