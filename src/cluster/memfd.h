/*
 * Sealed memfds: a large body written once by its sender and never changed again, so that every
 * receiver can map the same pages without trusting anybody.
 */
#ifndef SL__CLUSTER_MEMFD_H
#define SL__CLUSTER_MEMFD_H

#include <stddef.h>
#include <stdint.h>

/** Creates an anonymous file, close-on-exec, that can be sealed. The descriptor or a negative
 * errno. */
int sl__memfd_create(const char *name);

/** Copies @p body into a new memfd and seals it against shrinking, growing and writing. The
 * descriptor (the caller's) or a negative errno. */
int sl__memfd_seal(const void *body, size_t len);

/** 0 if @p fd is a memfd sealed as above and holds exactly @p len octets; -EBADMSG if it is not. */
int sl__memfd_check(int fd, uint64_t len);

/** Maps a sealed memfd for reading; NULL on failure. Unmapped with munmap(2). */
void *sl__memfd_map(int fd, size_t len);

#endif
