/*
 * What the service manager is told (sd_notify(3)): READY, RELOADING, STOPPING, STATUS, WATCHDOG.
 */
#ifndef SL__CLUSTER_NOTIFY_H
#define SL__CLUSTER_NOTIFY_H

#include "cluster/archive.h"
#include "loop/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

struct sl__master;

struct sl__notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_len;
    bool ready;          /* READY has been said */
    bool reloading;      /* RELOADING has been said, and READY not since */
    int64_t watchdog_ns; /* 0: none */
    struct sl__timer watchdog;
};

/** Takes the socket's name and the watchdog's time out of the environment. */
void sl__notify_start(struct sl__master *m);
void sl__notify_stop(struct sl__master *m);
/** Writes what the environment no longer tells, or reads it; then goes on with it. */
void sl__notify_archive(struct sl__master *m, struct sl__archive *a);
void sl__notify_resume(struct sl__master *m);
/** A worker is ready or gone: the status, and READY when all are for the first time. */
void sl__notify_workers(struct sl__master *m);
void sl__notify_reloading(struct sl__master *m);
/** The reload is over; @p error: why it failed, NULL if it did not. */
void sl__notify_reloaded(struct sl__master *m, const char *error);
void sl__notify_stopping(struct sl__master *m);

#endif
