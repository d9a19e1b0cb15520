/*
 * What constructors of middleware share: options, memory that goes with the middleware all at once,
 * and the way to refuse.
 *
 * The self of a middleware begins with a struct keeper. Everything its constructor takes hangs on
 * it, so that one function frees any of them, however far the constructor got.
 */
#ifndef MIDDLEWARE_KEEP_H
#define MIDDLEWARE_KEEP_H

#include <shallot/common.h>
#include <shallot/log.h>

#include <stdlib.h>
#include <string.h>

union kept {
    union kept *next;
    max_align_t aligned; /* as what comes behind it */
};

struct keeper {
    union kept *blocks;
    bool failed; /* some memory could not be had */
};

/** Copies options as far as the caller's version of the struct goes; zero beyond. */
#define TAKE_OPTIONS(to, given)                                                                    \
    do {                                                                                           \
        memset(&(to), 0, sizeof(to));                                                              \
        if (given)                                                                                 \
            memcpy(&(to), (given), (given)->size < sizeof(to) ? (given)->size : sizeof(to));       \
    } while (0)

/** Memory for the self; zeroed; NULL when out of memory. */
static inline void *keep_new(size_t size)
{
    return calloc(1, size);
}

/** Frees a self and what it keeps; NULL is fine. */
static inline void keep_free(void *self)
{
    struct keeper *k = self;

    while (k && k->blocks) {
        union kept *b = k->blocks;

        k->blocks = b->next;
        free(b);
    }
    free(self);
}

/** Zeroed; NULL when out of memory. */
static inline void *keep_alloc(struct keeper *k, size_t size)
{
    union kept *b = k->failed ? NULL : calloc(1, sizeof *b + size);

    if (!b) {
        k->failed = true;
        return NULL;
    }
    b->next = k->blocks;
    k->blocks = b;
    return b + 1;
}

/** A copy; NULL for NULL. */
static inline const char *keep_text(struct keeper *k, const char *text)
{
    char *copy = text ? keep_alloc(k, strlen(text) + 1) : NULL;

    return copy ? strcpy(copy, text) : NULL;
}

/** A copy of a list that ends with NULL; never NULL itself, unless out of memory. */
static inline const char *const *keep_list(struct keeper *k, const char *const *list)
{
    size_t count = 0;
    const char **copy;

    while (list && list[count])
        count++;
    copy = keep_alloc(k, (count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = keep_text(k, list[i]);
    return copy;
}

/** What a constructor returns that was asked for the impossible: the app does not serve then. */
static inline sl_middleware refuse(const char *what, const char *why)
{
    sl_log_error("%s: %s", what, why);
    return (sl_middleware){NULL, NULL, NULL};
}

/** The finished middleware, unless memory was short on the way. @p self is taken. */
static inline sl_middleware keep_done(void *self, int (*run)(sl_ctx *c, void *self),
                                      const char *what)
{
    const struct keeper *k = self;

    if (k && !k->failed)
        return (sl_middleware){run, self, keep_free};
    keep_free(self);
    return refuse(what, "out of memory");
}

#endif
