/*
 * The way through the onion: going on, failing, and what lives as long as the request.
 */
#ifndef SHALLOT_CTX_H
#define SHALLOT_CTX_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/**
 * Runs everything below this layer, and returns when it is done, however long that waited.
 *
 * @return 0; or the negative error of a layer below, which the caller handles or returns in turn;
 *         -SL_ENEXTTWICE when called a second time from one layer
 */
SL_SUSPENDS SL_API int sl_next(sl_ctx *c);

/**
 * What a layer calls that looked for an answer and had none: sl_next(), and what nobody below
 * answers either is 404 (or 405), even in an app without routes, which says 200 otherwise. An
 * answer is a status, a body, or a route that ran.
 *
 * @return 0; 1 if nobody answered, in case the layer has something for that too; negative as
 * sl_next()
 */
SL_SUSPENDS SL_API int sl_pass(sl_ctx *c);

/**
 * The C form of throw: `return sl_fail(c, 404, "no user %s", id);`
 *
 * @param status  400 to 599: what the client gets unless a layer above handles the error
 * @param fmt     message: shown to the client below 500, and always in development; copied into the
 * request's arena
 * @return        -SL_EFAIL, to be returned by the handler
 */
SL_API int sl_fail(sl_ctx *c, int status, const char *fmt, ...) SL_PRINTF(3, 4);

/**
 * The same with an error number of the caller's choice, by which layers above tell it from others.
 *
 * @param error  negative: what is returned
 */
SL_API int sl_fail_as(sl_ctx *c, int error, int status, const char *fmt, ...) SL_PRINTF(4, 5);

/** What the macros of these names call, so that in development a page can say where it was.
 *
 * @param file, function  literals, as `__FILE__` and `__func__` are, which are kept as pointers;
 * may be NULL
 * @param error           0: as sl_fail()
 */
SL_API int sl_fail_at(sl_ctx *c, const char *file, const char *function, int line, int error,
                      int status, const char *fmt, ...) SL_PRINTF(7, 8);

#define sl_fail(c, ...) sl_fail_at(c, __FILE__, __func__, __LINE__, 0, __VA_ARGS__)
#define sl_fail_as(c, ...) sl_fail_at(c, __FILE__, __func__, __LINE__, __VA_ARGS__)

/** Calls @p fn when the request has ended, whatever way it ended; last deferred, first called. It
 * runs on the request's fiber. 0 or -ENOMEM (then @p fn has been called). */
SL_API int sl_defer(sl_ctx *c, void (*fn)(void *arg), void *arg);

/** Memory in the request's arena, aligned for any type, not cleared, freed with the request. NULL
 * when out of memory. */
SL_API void *sl_alloc(sl_ctx *c, size_t size);
SL_API char *sl_strdup(sl_ctx *c, const char *text);
SL_API char *sl_format(sl_ctx *c, const char *fmt, ...) SL_PRINTF(2, 3);

/**
 * Keeps a value under a key for the layers of this request. An earlier value of the key is freed.
 *
 * @param key    copied
 * @param free   called with the old value when it is replaced or the request ends; may be NULL
 * @return       0 or -ENOMEM (then @p value has been freed)
 */
SL_API int sl_set_state(sl_ctx *c, const char *key, void *value, void (*free)(void *value));

/** The value kept under @p key, or NULL. */
SL_API void *sl_state(const sl_ctx *c, const char *key);

/** The app that serves this request. */
SL_API sl_app *sl_app_of(const sl_ctx *c);

SL_END_DECLS

#endif
