/*
 * The master's listening sockets, by endpoint. A socket is shared by all workers whose code names
 * its endpoint, and outlives every one of them.
 */
#ifndef SL__CLUSTER_LISTENERS_H
#define SL__CLUSTER_LISTENERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"
#include "cluster/archive.h"
#include "net/endpoint.h"

struct sl__listener {
    struct sl__link link;
    struct sl__endpoint endpoint;
    int fd;
    bool ours;      /* opened by us: nobody else listens there when we are gone */
    bool lent;      /* by `shallot dev`, which listens on when we are gone */
    bool good;      /* named by the generation that serves */
    bool candidate; /* named by the one that is being tried */
    dev_t device;   /* of a unix socket's file: only that very file is removed */
    ino_t inode;
};

struct sl__listeners {
    struct sl__link all;
};

void sl__listeners_init(struct sl__listeners *ls);
/** Closes all, and removes the files of unix sockets. */
void sl__listeners_finish(struct sl__listeners *ls);

/** For the endpoints of main(), in their order, before any is opened: takes the sockets that the
 * service manager has opened, or `shallot dev` (activation.h). @return how many from the manager */
unsigned sl__listeners_inherit(struct sl__listeners *ls, const struct sl__endpoint *endpoints,
                               unsigned count);
/** Finds the socket of this endpoint or opens it. 0, or a negative errno and one line in @p
 * ret_error. */
int sl__listeners_open(struct sl__listeners *ls, const struct sl__endpoint *e,
                       struct sl__listener **ret, char *ret_error, size_t error_len);
/** The candidate serves: closes what it does not name. @p closing is called before each. */
void sl__listeners_promote(struct sl__listeners *ls,
                           void (*closing)(struct sl__listener *l, void *self), void *self);
/** The candidate is given up: closes what only it named. */
void sl__listeners_demote(struct sl__listeners *ls,
                          void (*closing)(struct sl__listener *l, void *self), void *self);

/** Writes all, or reads them into an empty list. */
void sl__listeners_archive(struct sl__listeners *ls, struct sl__archive *a);

/** No connection begins on those that are ours: to be called before anybody who accepts is told to
 * close them. */
void sl__listeners_shut(struct sl__listeners *ls);
/** Closes all, telling @p closing first. */
void sl__listeners_close(struct sl__listeners *ls,
                         void (*closing)(struct sl__listener *l, void *self), void *self);

#endif
