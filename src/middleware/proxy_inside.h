/*
 * Inside of the proxy: the proxy, and a request on its way through it.
 */
#ifndef MIDDLEWARE_PROXY_INSIDE_H
#define MIDDLEWARE_PROXY_INSIDE_H

#include <shallot/fetch.h>

#include "proxy_upstreams.h"

struct proxy__self {
    struct proxy__upstreams upstreams;
    bool append, upstream_host, probing;
    unsigned connect_ms, idle_ms, probe_ms;
    char *probe, *name, *ca_file;
};

/* A request on its way through. In its arena. */
struct proxy__passage {
    sl_ctx *c;
    struct proxy__self *proxy;
    struct proxy__upstream *upstream;
    const char *method, *target;
    sl_fetch_header *headers;
    size_t host;      /* index of Host among them */
    bool has_body;    /* one that is to be read */
    int64_t body_len; /* 0: not known */
    sl_fetched answer;
};

/** Makes target and headers of the request to an upstream, whichever it will be. 0; -ENOMEM
 * (proxy_request.c). */
int proxy__prepare(struct proxy__passage *p);
/** Asks the upstream: sl_fetch_open(). */
int proxy__ask(struct proxy__passage *p);

/** Starts asking the upstreams how they are, if the proxy does that and has not begun
 * (proxy_probe.c). */
void proxy__start_probing(sl_app *app, struct proxy__self *proxy);

#endif
