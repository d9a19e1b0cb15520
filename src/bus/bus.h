/*
 * The bus as a worker sees it: topics with their callbacks, one mailbox fiber that calls them in
 * order, the state that is shared with joiners, and once-tasks. Its wire is the channel to the
 * master, or nothing: in a standalone process a message comes back to its sender through the same
 * mailbox.
 */
#ifndef SL__BUS_BUS_H
#define SL__BUS_BUS_H

#include "cluster/channel.h"
#include "loop/loop.h"
#include "shallot/message.h"

struct sl__bus;

struct sl__bus_events {
    /** At the present: JOINED came, all state and messages before it have been taken. Runs on the
     * mailbox fiber. A join without a wire comes at once. */
    void (*joined)(void *self);
    /** A take callback failed: the worker must not serve. */
    void (*failed)(void *self, const char *reason);
    void *self;
};

/** Made with the app, before any loop exists, so that main() can register. */
struct sl__bus *sl__bus_new(sl_app *app);
void sl__bus_free(struct sl__bus *b);

int sl__bus_on(struct sl__bus *b, const char *topic, sl_message_fn *fn, void *self);
int sl__bus_on_gap(struct sl__bus *b, void (*fn)(sl_app *app, uint64_t missed, void *self),
                   void *self);
int sl__bus_share(struct sl__bus *b, const char *name, void *ptr, size_t size);
int sl__bus_on_join(struct sl__bus *b, int (*give)(sl_app *, sl_snapshot *, void *),
                    int (*take)(sl_app *, const void *, size_t, void *), void *self);
int sl__bus_once(struct sl__bus *b, const char *name, int (*fn)(sl_app *app));
/** True if there is state to give or take. */
bool sl__bus_shares(const struct sl__bus *b);

/** Starts the mailbox. @p wire NULL: standalone, joined at once. @p limits as in the options. */
int sl__bus_start(struct sl__bus *b, struct sl__loop *l, struct sl__channel *wire, uint32_t worker,
                  size_t message_bytes, const struct sl__bus_events *events);
/** A frame from the master. frame->fd is taken. */
void sl__bus_frame(struct sl__bus *b, struct sl__frame *frame);
/** The wire has room again: senders that wait go on. */
void sl__bus_writable(struct sl__bus *b);
/** See sl_send(); @p target as in SL__FRAME_SEND. Suspends on a fiber while the wire is full. */
int sl__bus_send(struct sl__bus *b, uint32_t target, const char *topic, const void *data,
                 size_t len);
/** Calls @p idle (on the mailbox fiber) once every frame received so far has been handled. */
void sl__bus_when_idle(struct sl__bus *b, void (*idle)(void *self), void *self);
/** Ends the mailbox: messages that still wait are dropped. */
void sl__bus_stop(struct sl__bus *b);

#endif
