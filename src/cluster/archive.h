/*
 * The state of a master on its way through an exec: what the old program writes and the new one
 * reads, octet by octet the same because one function does both.
 *
 * In a memfd: a head that every version can read, the descriptors that are inherited, then the
 * sections. Each part of the master archives itself in a function that takes a struct sl__archive;
 * whoever adds a part, or changes one, raises SL__STATE_VERSION.
 */
#ifndef SL__CLUSTER_ARCHIVE_H
#define SL__CLUSTER_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SL__STATE_VERSION 3u

struct sl__archive {
    bool reading;
    int error; /* the first one; everything after it does nothing, and reads zeroes */
    struct sl__buf out;
    struct sl__buf fds;   /* of int: every descriptor named, as it stands in the head */
    const char *mapped;   /* reading */
    size_t size, at, end; /* reading: of the mapping; in the sections */
};

/** Begins to write. */
void sl__archive_write(struct sl__archive *a);
/** Begins to read what is in @p fd. 0; -SL_EPROTOCOL for another version (told in *ret_version);
 * -EBADMSG for anything that is no state, or not all of it. */
int sl__archive_read(struct sl__archive *a, int fd, uint32_t *ret_version);
void sl__archive_finish(struct sl__archive *a);

/** Writes all of it into a new memfd; @p fallback: the executable to return to. The descriptor
 * (close-on-exec) or a negative errno. */
int sl__archive_seal(struct sl__archive *a, int fallback);
/** From the head of a state of any version: the executable to return to, -1. */
int sl__archive_fallback(int fd);
/** The descriptors of a state of any version are inherited through the next exec, or not. 0, or
 * -EBADF if one of them is not open. */
int sl__archive_inherit(int fd, bool inherit);

/* Writes the value, or reads it. */
void sl__archive_bytes(struct sl__archive *a, void *bytes, size_t len);
void sl__archive_u32(struct sl__archive *a, uint32_t *value);
void sl__archive_u64(struct sl__archive *a, uint64_t *value);
void sl__archive_i64(struct sl__archive *a, int64_t *value);
void sl__archive_bool(struct sl__archive *a, bool *value);
/** A size, or a number of things, that must not be over @p most. */
void sl__archive_size(struct sl__archive *a, size_t *value, size_t most);
/** NUL-terminated, in an array of @p size. */
void sl__archive_text(struct sl__archive *a, char *text, size_t size);
/** A descriptor that is inherited; -1: none. */
void sl__archive_fd(struct sl__archive *a, int *fd);
/** A mark of four letters, so that parts that do not fit together are found out. */
void sl__archive_mark(struct sl__archive *a, const char *letters);

#endif
