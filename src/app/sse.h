/*
 * Event streams inside: what the files of server-sent events share. One struct for each stream,
 * which is the owner of a detached answer; per worker the topics that streams have joined, and the
 * heartbeats.
 */
#ifndef SL__APP_SSE_H
#define SL__APP_SSE_H

#include "base/map.h"
#include "fiber/fiber.h"
#include "http/detached.h"
#include "shallot/sse.h"

struct sl__sse_join;

/** Streams with the same heartbeat, longest silence first. Lives while there is one. */
struct sl__sse_pulse {
    struct sl__sse_pulse *next;
    struct sl__loop *loop;
    struct sl__timer timer; /* runs while there is a stream */
    struct sl__link streams;
    struct sl__piece *beat;
    unsigned every_ms;
};

struct sl_sse {
    struct sl__detached answer;
    sl_app *app;
    struct sl__sse_join *joins;
    struct sl__sse_pulse *pulse; /* NULL: no heartbeat */
    struct sl__link beat;        /* in its pulse */
    int64_t spoke;               /* loop time of the last event or heartbeat */
    size_t queue_bytes;
    uint32_t refs;
    sl_sse_overflow overflow;
    int why; /* for on_close */
    void (*on_close)(sl_sse *s, int why, void *self);
    void *self;
};

/** What the streams of a worker share; made with the first of them. */
struct sl__sse {
    struct sl__map feeds; /* topic -> struct sl__sse_feed */
    bool listening;       /* to the bus */
    struct sl__sse_pulse *pulses;
    uint64_t random;
};

/** Frees an app's. No stream is open. NULL is fine. */
void sl__sse_free(struct sl__sse *shared);

/** Queues a piece within the stream's bounds. Errors as sl_sse_send_event(). */
int sl__sse_push(sl_sse *s, struct sl__piece *p);

/* sse_pulse.c */
/** From now on the stream is never silent for longer. 0 or -ENOMEM. */
int sl__sse_pulse_start(struct sl__sse *shared, sl_sse *s, unsigned every_ms);
/** The stream has said something. */
void sl__sse_pulse_spoke(sl_sse *s);
void sl__sse_pulse_stop(struct sl__sse *shared, sl_sse *s);

/* sse_feed.c */
/** Leaves every topic. */
void sl__sse_leave(struct sl__sse *shared, sl_sse *s);

#endif
