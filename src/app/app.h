/*
 * The app's own seam: what shallot.c (the composition root) and tests need of it. Everything that
 * runs is in onion, router, reply.
 */
#ifndef SL__APP_APP_H
#define SL__APP_APP_H

#include "bus/bus.h"
#include "http/exchange.h"
#include "shallot/app.h"
#include "shallot/cluster.h"
#include "shallot/ctx.h"

/** A callback registered with the app, in order of registration. */
struct sl__app_hook {
    struct sl__app_hook *next;
    union {
        int (*start)(sl_app *app, void *self);
        void (*stop)(sl_app *app, void *self);
        void (*every)(sl_app *app, void *self);
        sl_worker_fn *worker;
    } fn;
    unsigned every_ms;
    void *self;
};

/** The app as a service: set serve to run requests through its onion. Valid as long as the app. */
struct sl__service *sl__app_service(sl_app *app);

#endif
