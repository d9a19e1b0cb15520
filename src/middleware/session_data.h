/*
 * What is in a session: keys and bytes, as a list while a request works on them, as octets while
 * they wait for the next one.
 */
#ifndef MIDDLEWARE_SESSION_DATA_H
#define MIDDLEWARE_SESSION_DATA_H

#include <shallot/common.h>

#define SESSION_KEY_MAX 255
#define SESSION_DATA_EMPTY 17 /* octets of one without any entry */

/** Lives in the request's arena, as do its key and bytes. */
struct session_entry {
    struct session_entry *next;
    const char *key;
    const char *bytes; /* a NUL behind them; NULL: it has been deleted */
    size_t len;
    bool changed; /* by this request */
};

struct session_data {
    int64_t created, saved; /* seconds, of whichever clock the store has */
    struct session_entry *entries;
};

/** The entry of this key, deleted or not; NULL. */
struct session_entry *session_data_find(const struct session_data *d, const char *key);
/** True if there is anything in it. */
bool session_data_any(const struct session_data *d);
/** Octets that session_data_write() writes. */
size_t session_data_size(const struct session_data *d);
/** Returns the end. */
uint8_t *session_data_write(const struct session_data *d, uint8_t *to);

/** Reads what session_data_write() wrote. 0; -EINVAL for anything else; -ENOMEM. */
int session_data_read(sl_ctx *c, struct session_data *ret, const void *octets, size_t len);

/**
 * Writes what @p mine makes of the octets of somebody else: theirs, but for the keys that were
 * changed in mine. Allocates nothing.
 *
 * @return octets written; -EMSGSIZE if they do not fit into @p room; -EINVAL
 */
ssize_t session_data_merge(const struct session_data *mine, const void *theirs, size_t len,
                           uint8_t *to, size_t room);

#endif
