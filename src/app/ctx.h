/*
 * The context: one request on its way through the onion. Lives in the exchange's arena; every field
 * says when it is valid.
 */
#ifndef SL__APP_CTX_H
#define SL__APP_CTX_H

#include <stdarg.h>

#include "app/app.h"
#include "app/path.h"
#include "app/table.h"

struct sl__params;
struct sl__opened;

/**
 * A list of layers on the request's way: the app's own, and inside it a table's routes or a
 * router's list. Lives on the C stack of whoever opened it, which is below every layer that sees
 * it.
 */
struct sl__opened {
    struct sl__opened *outer;    /* the list around it; NULL for the app's own */
    const sl_middleware *behind; /* where the outer one goes on when this is exhausted */
    struct sl__params *params;   /* of the present route and the prefixes around it */
    uint32_t base;               /* segments of the path that prefixes have taken */
    struct sl__table *table;     /* NULL: no routes to look for, the list is all there is */
    struct sl__search search;    /* in the table */
};

struct sl__deferred {
    struct sl__deferred *next; /* newest first */
    void (*fn)(void *arg);
    void *arg;
};

struct sl__state {
    struct sl__state *next; /* newest first */
    char *key;
    void *value;
    void (*free)(void *value);
};

/** Names and values: of the query, or of the cookies. Decoded and terminated. */
struct sl__pairs {
    uint32_t count;
    struct {
        const char *name, *value;
    } pair[];
};

/** A request header that came on several lines, joined. */
struct sl__joined {
    struct sl__joined *next;
    struct sl__str name;
    const char *value;
};

/** What the tables that were passed would have taken instead; for 405, 501 and OPTIONS. */
struct sl__allowed {
    struct sl__other_name *more; /* methods without a number */
    uint32_t methods;            /* bits of enum sl__method */
    bool passed;                 /* a table was asked and had no route for the request */
    bool known;                  /* a method without a number that some route takes somewhere */
};

/** What is known of the request beyond its head: asked of the connection, or told by a layer. */
struct sl__told {
    const char *peer;                   /* the connection's; NULL until asked for */
    const char *remote, *scheme, *host; /* a layer's; NULL: none has said anything */
    const char *id;                     /* of the request: a layer's, or made when asked for */
    bool named;                         /* by a layer: then the log says it too */
    bool bounded;                       /* the body, by sl_set_body_limit() */
    bool exceeded;                      /* and it is larger */
    uint64_t body_left;                 /* octets it may still have */
};

enum sl__type_rank {
    SL__TYPE_NONE,    /* not set; a body of bytes gets none */
    SL__TYPE_GUESSED, /* from the body; another body replaces it */
    SL__TYPE_GIVEN,   /* by the program, NULL for none at all */
};

enum sl__body_use { SL__BODY_UNTOUCHED, SL__BODY_WHOLE, SL__BODY_PIECES };

struct sl_ctx {
    struct sl__exchange *x;
    sl_app *app;
    sl_ctx *me; /* itself: accessors that take a const context cache behind it */
    /* Where sl_next() goes on. */
    const sl_middleware *layer; /* NULL: the layer that runs has called it already */
    struct sl__opened *frame;   /* whose list the layer is in */
    /* Zero at first, from here to allowed; see clear() in service.c. */
    uint32_t routes_ran;
    uint8_t type_rank;
    uint8_t body_use;
    uint8_t asks;   /* of a file: see selection.h */
    bool head_open; /* committed, and a writer may still change the head: see writers.c */
    int error;      /* on its way up; 0: none. See sl_error_of() */
    int failing;    /* the same, until something is set on the response: then it is being handled */
    int fail_error; /* sl_fail_as(): the error that the next two are said of; 0: none */
    int fail_status;
    const char *fail_message; /* NULL: the status says it all */
    struct sl__trace *trace;  /* where sl_fail() was called; development only */
    struct sl__deferred *deferred;
    struct sl__state *states;
    const struct sl__pairs *query, *cookies; /* NULL until asked for */
    struct sl__joined *joined;
    struct sl__told *told;        /* NULL until there is something */
    const char *path_text;        /* terminated; NULL until a copy was needed */
    struct sl__task_group *tasks; /* sl_spawn_in_request(); NULL until the first */
    struct sl__allowed allowed;
    /* Never read before it was written. */
    struct sl__opened own; /* the app's own list */
    struct sl__path path;
    const void *body; /* SL__BODY_WHOLE */
    size_t body_len;
    int body_error; /* SL__BODY_WHOLE: a failure stays one */
};

/** Remembers an error and gives it back, so that it can be returned at once. */
static inline int sl__ctx_error(sl_ctx *c, int error)
{
    c->error = c->failing = error;
    return error;
}

static inline struct sl__request *sl__ctx_request(const sl_ctx *c)
{
    return &c->x->request;
}

/** printf into the arena; NULL when out of memory. */
char *sl__ctx_vformat(sl_ctx *c, size_t *ret_len, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/** Zeroed at first; NULL when out of memory. */
struct sl__told *sl__ctx_told(sl_ctx *c);

/** The name that a layer has given the request; NULL: none. */
const char *sl__ctx_name(const sl_ctx *c);

/** Calls what was deferred, the last first, then frees the states. */
void sl__ctx_finish(sl_ctx *c);
void sl__state_finish(sl_ctx *c);

#endif
