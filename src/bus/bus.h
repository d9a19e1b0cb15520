/*
 * The bus as a worker sees it: topics with their callbacks, one mailbox fiber that calls them in
 * order, requests, the state that is shared with joiners, and once-tasks. Its wire is the channel
 * to the master, or nothing: in a standalone process a message comes back to its sender through the
 * same mailbox.
 */
#ifndef SL__BUS_BUS_H
#define SL__BUS_BUS_H

#include "cluster/channel.h"
#include "loop/loop.h"
#include "shallot/message.h"

/** How the library's own topics begin: who listens to every topic does not hear of them. */
#define SL__INSIDE "_shallot/"

struct sl__bus;

struct sl__bus_events {
    /** At the present: JOINED came, all state and messages before it have been taken. Runs on the
     * mailbox fiber. A join without a wire comes at once. */
    void (*joined)(void *self);
    /** A take callback failed: the worker must not serve. Nothing is delivered any more. On the
     * mailbox fiber. */
    void (*failed)(void *self, const char *reason);
    /** One line for the log: state that does not fit this code, a once-task that failed. May be
     * NULL. */
    void (*notice)(void *self, const char *line);
    /** Standalone: a message to the master, who is nobody else. May be NULL. */
    void (*to_master)(void *self, const char *topic, const void *data, size_t len);
    void *self;
};

/** Made with the app, before any loop exists, so that main() can register. */
struct sl__bus *sl__bus_new(sl_app *app);
/** Not while fibers of the bus live (mailbox, once-tasks, waiting senders). NULL is fine. */
void sl__bus_free(struct sl__bus *b);

/** These six: 0; -ENOMEM; -EINVAL for a bad name (1 to 255 octets). Also while it runs. */
int sl__bus_on(struct sl__bus *b, const char *topic, sl_message_fn *fn, void *self);
int sl__bus_on_gap(struct sl__bus *b, void (*fn)(sl_app *app, uint64_t missed, void *self),
                   void *self);
int sl__bus_share(struct sl__bus *b, const char *name, void *ptr, size_t size);
int sl__bus_on_join(struct sl__bus *b, int (*give)(sl_app *, sl_snapshot *, void *),
                    int (*take)(sl_app *, const void *, size_t, void *), void *self);
int sl__bus_once(struct sl__bus *b, const char *name, int (*fn)(sl_app *app));
/** Also -EEXIST: a topic's requests are answered once. */
int sl__bus_on_request(struct sl__bus *b, const char *topic, sl_request_fn *fn, void *self);
/** True if there is state to give or take. */
bool sl__bus_shares(const struct sl__bus *b);

/**
 * Starts the mailbox; no callback runs before this returns. @p wire NULL: standalone, joined in the
 * loop's next tick. @p message_bytes: largest message (limits.message_bytes). 0 or a negative errno
 * from sl__fiber_start().
 */
int sl__bus_start(struct sl__bus *b, struct sl__loop *l, struct sl__channel *wire, uint32_t worker,
                  size_t message_bytes, const struct sl__bus_events *events);
/** A frame from the master, copied; frame->fd is taken. */
void sl__bus_frame(struct sl__bus *b, struct sl__frame *frame);
/** The wire has room again: senders that wait go on. */
void sl__bus_writable(struct sl__bus *b);
/** See sl_send(); @p target as in SL__FRAME_SEND. Suspends on a fiber while the wire is full.
 * -EPERM before the start, -EPIPE after the stop. */
int sl__bus_send(struct sl__bus *b, uint32_t target, const char *topic, const void *data,
                 size_t len);
/** What sl_request() is asked for; see there. */
struct sl__bus_request {
    uint32_t target; /* a worker or SL__TO_ANY */
    const char *topic;
    const void *data;
    size_t len;
    int64_t timeout_ns;
    void **ret_data;
    size_t *ret_len;
};
/** See sl_request(). */
int sl__bus_ask(struct sl__bus *b, const struct sl__bus_request *request);
/** See sl_reply(). */
int sl__bus_reply(const sl_message *m, const void *data, size_t len);
/** The master is gone: nobody replies any more. */
void sl__bus_orphaned(struct sl__bus *b);
/** Calls @p idle (on a fiber of the bus) once every frame received so far has been handled, and
 * every request answered. Without a running mailbox: at once. */
void sl__bus_when_idle(struct sl__bus *b, void (*idle)(void *self), void *self);
/** Ends the mailbox: messages that still wait are dropped, its fiber and those of once-tasks are
 * cancelled and end in the ticks to come, and the wire is not touched any more. */
void sl__bus_stop(struct sl__bus *b);

#endif
