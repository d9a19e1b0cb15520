/*
 * A session on its way: found by the request's cookie, saved with the response's.
 */
#ifndef MIDDLEWARE_SESSION_STORE_H
#define MIDDLEWARE_SESSION_STORE_H

#include <shallot/crypto.h>
#include <shallot/response.h>
#include <shallot/session.h>
#include <shallot/shared.h>

#include "session_data.h"

#define SESSION_HASH 32u /* octets */

struct session_conf {
    sl_session_options o; /* filled in; the strings are ours, NULL for no domain */
    bool named;           /* by the program */
    sl_map *map;          /* NULL: the cookie is the store */
};

/** Lives in the request's arena. */
struct session {
    sl_ctx *c;
    const struct session_conf *conf;
    sl_writer writer; /* there once the session was looked at */
    struct session_data data;
    const char *value;                              /* of the cookie that came */
    char place[SL_BASE64URL_LEN(SESSION_HASH) + 1]; /* in the map, of the one that came */
    bool looked, came, changed, renewed, ended;
    bool broken; /* the store did not answer: what there is nobody knows */
    bool saved;  /* the head is on its way, or about to be */
};

/** Seconds of the clock that the store goes by. */
int64_t session_now(const struct session_conf *conf);
/** Of the cookie, for this request. */
const char *session_cookie_name(const struct session *s);

/** Looks for it; there is an empty one then if none came. */
void session_find(struct session *s);
/** Saves what is to be saved, once. 0 or a negative error, for the client's eyes. */
int session_save(struct session *s);
/** Out of the shared store with it, at once. Likewise. */
int session_end(struct session *s);

#endif
