/*
 * Small files that are asked for often, held in memory.
 *
 * A file here is one version of a regular file: bytes and the stamp that tells this version from
 * others. It never changes and is counted; whoever has it may keep it after the cache has dropped
 * it, or is gone. Knows paths and bytes, nothing of HTTP but the words of the stamp. The rules are
 * in docs/design/files.md.
 */
#ifndef SL__HTTP_FILE_CACHE_H
#define SL__HTTP_FILE_CACHE_H

#include <sys/types.h>

#include "base/list.h"
#include "base/map.h"
#include "http/beneath.h"
#include "http/response.h"

#define SL__FILE_SMALL ((size_t)32768) /* more is not cheaper from memory than by sendfile(2) */

/** What tells one version of a file from the next. */
struct sl__file_version {
    dev_t device;
    ino_t inode;
    int64_t size, modified, changed; /* octets; nanoseconds since the epoch */
};

struct sl__file {
    struct sl__lender lender; /* for a response that borrows the bytes: see sl__file_lend() */
    unsigned holders;
    struct sl__link link; /* of cache->files */
    int64_t checked;      /* loop time at which it was this version */
    int64_t read;         /* loop time at which the bytes were read */
    struct sl__file_version version;
    struct sl__stamp stamp;
    const char *type;     /* the media type, static; set by who knows it, NULL at first */
    int64_t siblings_due; /* what is beside it: for whoever asks, until then; 0 at first */
    unsigned siblings;
    struct sl__str path, bytes;
    char text[]; /* of both, each with a NUL behind */
};

struct sl__file_cache {
    struct sl__map map;     /* by path */
    struct sl__link files;  /* the one used last is first */
    size_t bytes, capacity; /* memory of all files; those only others hold do not count */
    const struct sl__beneath *beneath; /* paths are names beneath it; NULL: the program's own */
};

/** What was found: a file that is the caller's to let go, or else a descriptor that is its own. */
struct sl__found {
    struct sl__file *file;
    int fd; /* -1 if there is a file */
    int64_t len;
    struct sl__file_version version;
    struct sl__stamp stamp; /* if there is none */
};

/** @param capacity  octets; 0: nothing is kept */
void sl__file_cache_init(struct sl__file_cache *cache, size_t capacity);
/** Lets go of all files; it is empty and usable then. Zeroed memory is fine. */
void sl__file_cache_finish(struct sl__file_cache *cache);

/**
 * Finds a regular file, from memory if it is there and has not changed. Reads what is small and
 * keeps it if that is safe. Without memory for it the descriptor is given.
 *
 * @param now  the loop's time: a file is looked at once for each
 * @return     0; -EISDIR for what is not a regular file; a negative errno of opening or reading
 */
int sl__file_cache_find(struct sl__file_cache *cache, const char *path, int64_t now,
                        struct sl__found *ret);

/** Looks whether there is a regular file, on the disk, without opening it. 0; -EISDIR for what is
 * not a regular file; a negative errno. */
int sl__file_cache_look(const struct sl__file_cache *cache, const char *path,
                        struct sl__file_version *ret);

void sl__file_let_go(struct sl__file *file);

/** Makes the file's bytes the payload of @p r, which lets go of it in the end. */
static inline void sl__file_lend(struct sl__file *file, struct sl__response *r)
{
    sl__response_set_lent(r, file->bytes, &file->lender);
    r->stamp = &file->stamp;
}

#endif
