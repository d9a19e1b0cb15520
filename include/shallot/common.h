/*
 * What every other public header needs: visibility, attributes and the names of the main types.
 */
#ifndef SHALLOT_COMMON_H
#define SHALLOT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The version of these headers. */
#define SL_VERSION_MAJOR 0
#define SL_VERSION_MINOR 1
#define SL_VERSION_PATCH 0
#define SL_VERSION "0.1.0"

#ifdef __cplusplus
#define SL_BEGIN_DECLS extern "C" {
#define SL_END_DECLS }
#else
#define SL_BEGIN_DECLS
#define SL_END_DECLS
#endif

/** Exported from the shared library; everything else is hidden. */
#define SL_API __attribute__((visibility("default")))

/** Marks a function that may wait. It suspends the calling fiber, never the worker. */
#define SL_SUSPENDS

/** printf-like: argument @p fmt_at is the format, @p args_at the first value (both counted from 1).
 */
#define SL_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/** The program: middleware, routes, listeners, message handlers. One per process. */
typedef struct sl_app sl_app;

/** One request and its response on their way through the onion. Valid until the request ends. */
typedef struct sl_ctx sl_ctx;

/** A table of routes that can be mounted under a prefix. */
typedef struct sl_router sl_router;

/** Handler: returns 0, or a negative error that travels up the onion as the value of sl_next(). */
typedef int sl_handler(sl_ctx *c);

/**
 * A middleware with state.
 *
 * @c run is called for each request that reaches this layer; @c free (may be NULL) once, with the
 * app or the router that took the middleware.
 */
typedef struct sl_middleware {
    int (*run)(sl_ctx *c, void *self);
    void *self;
    void (*free)(void *self);
} sl_middleware;

#endif
