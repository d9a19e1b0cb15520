/*
 * Batches: the packets of the channel, with the pool they come from.
 */
#ifndef SL__CLUSTER_BATCH_H
#define SL__CLUSTER_BATCH_H

#include "base/list.h"
#include "cluster/archive.h"
#include "cluster/frame.h"

struct sl__batch {
    struct sl__link link; /* its user's */
    size_t len;           /* octets of data filled */
    size_t cost;          /* what it counts against a limit: its user's */
    unsigned fd_count;
    int fds[SL__BATCH_FDS]; /* owned by the batch; -1: taken out */
    _Alignas(8) unsigned char data[SL__BATCH_MAX];
};

/** An empty batch, NULL when out of memory. Data is not cleared. */
struct sl__batch *sl__batch_take(void);
/** Closes the descriptors that are left in it. */
void sl__batch_give(struct sl__batch *b);

/** Sends the batch as one packet. The descriptors stay the batch's: the kernel has its own by then.
 * 0 or a negative errno. */
int sl__batch_send(const struct sl__batch *b, int fd);
/**
 * Reads one packet into a batch, closing what descriptors are in it.
 *
 * @return 1; 0: nothing there now; -EPIPE: the end; -EMFILE: this process had no room for the
 * descriptors; -EBADMSG: octets are missing; or the socket's error
 */
int sl__batch_receive(struct sl__batch *b, int fd);

/** Writes a list of batches that wait, or reads them into an empty list. */
void sl__batches_archive(struct sl__link *list, struct sl__archive *a);

/** The pool of this thread keeps spare batches while it has users. */
void sl__batch_pool_enter(void);
void sl__batch_pool_leave(void);

#endif
