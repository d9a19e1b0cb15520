/*
 * The upstreams of a proxy: whose turn it is, and who is out. Knows no network; time comes in.
 */
#ifndef MIDDLEWARE_PROXY_UPSTREAMS_H
#define MIDDLEWARE_PROXY_UPSTREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY__UPSTREAMS_MAX 64

struct proxy__upstream {
    char *name;            /* as given, for reports */
    char *url;             /* without a path */
    char *host;            /* its authority */
    const char *unix_path; /* of the name; NULL: none */
    unsigned busy;         /* requests of this worker */
    unsigned fails;        /* in a row */
    int64_t out_until;     /* monotonic ms */
    bool down;             /* says the probe */
};

struct proxy__upstreams {
    struct proxy__upstream *list;
    unsigned count, next; /* next: whose turn it is */
    unsigned fails_max;
    int64_t out_ms;
    bool least_busy;
};

/** Reads the list of URLs. 0; -EINVAL with the piece that is none in @p ret_bad, to be freed;
 * -ENOMEM. */
int proxy__upstreams_init(struct proxy__upstreams *u, const char *text, char **ret_bad);
void proxy__upstreams_finish(struct proxy__upstreams *u);

/** Whose turn it is among those that are neither out nor in @p tried (bit i: the i-th); NULL. */
struct proxy__upstream *proxy__choose(struct proxy__upstreams *u, int64_t now, uint64_t tried);

/** True if it takes requests. */
bool proxy__is_in(const struct proxy__upstreams *u, const struct proxy__upstream *one, int64_t now);

/** It has failed. True if it is out from now on, and was not before. */
bool proxy__failed(struct proxy__upstreams *u, struct proxy__upstream *one, int64_t now);
/** It has answered. True if it had been out. */
bool proxy__answered(struct proxy__upstreams *u, struct proxy__upstream *one);

#endif
