/*
 * Server-sent events (WHATWG HTML §9.2): a stream of events to a browser's EventSource.
 *
 *     static int events(sl_ctx *c)
 *     {
 *         return sl_sse_join(sl_sse_open(c), "chat");
 *     }
 *
 * The handler opens the stream and returns. When the onion has unwound the request is over: its
 * fiber, its stack and its memory are gone, and the stream goes on, at less than 1 KiB each, until
 * the client leaves, somebody closes it, or the worker is replaced. The browser then comes back by
 * itself and says which event it had last.
 *
 * A stream belongs to the worker that opened it. Everything here may be called from any of its
 * fibers and callbacks, not from other threads, and never suspends.
 *
 * An sl_sse pointer is valid until the request has ended, and until its on_close callback has
 * returned. Whoever may hold it for longer, or has no such callback, takes a
 * reference with sl_sse_ref(): then it is valid until sl_sse_unref(), and sending to it after its
 * end is a plain -EPIPE.
 */
#ifndef SHALLOT_SSE_H
#define SHALLOT_SSE_H

#include <shallot/common.h>
#include <shallot/message.h>

SL_BEGIN_DECLS

/** A stream of events, open until its client goes, sl_sse_close(), or the worker leaves. */
typedef struct sl_sse sl_sse;

/** For heartbeat_ms and retry_ms: none. */
#define SL_SSE_NEVER ((unsigned)-1)

/** What becomes of a stream whose client takes less than it is sent. */
typedef enum sl_sse_overflow {
    SL_SSE_CLOSE, /**< it is cut, and the client comes back with the id of what it had last */
    SL_SSE_DROP,  /**< events are left out until there is room */
} sl_sse_overflow;

/** Options of sl_sse_open(); a field left zero takes its default. */
typedef struct sl_sse_options {
    size_t size;           /**< sizeof(sl_sse_options), set by the macro */
    unsigned heartbeat_ms; /**< a comment goes out after so long a silence, or up to a sixteenth
                              sooner; it keeps proxies from closing the connection and finds clients
                              that are gone without a word. Default 15,000 */
    unsigned retry_ms;     /**< after how long browsers come back; each is told another time between
                              half and one and a half of it, so that they do not all come at once.
                              Default 2,000. SL_SSE_NEVER: they are told nothing */
    size_t queue_bytes; /**< events that wait because the client is slow; each counts 64 more than
                           its octets. Default 64 KiB */
    sl_sse_overflow overflow; /**< over it. Default: SL_SSE_CLOSE */
    /**
     * Called once when the stream is over, on a fiber of its own: it may wait.
     *
     * @param why  0 after sl_sse_close(), and for HEAD; -ECONNRESET: the client is gone;
     * -ESHUTDOWN: the worker is leaving; -ETIMEDOUT: the client takes nothing; -ENOBUFS: it is too
     * slow; -ECANCELED: the handler failed, or gave another answer; -ENOMEM
     */
    void (*on_close)(sl_sse *s, int why, void *self);
    void *self; /**< for on_close */
} sl_sse_options;

/**
 * Makes the answer a stream of events: status 200 unless set, text/event-stream, Cache-Control:
 * no-store and X-Accel-Buffering: no (nginx). What is sent before the handler returns waits until
 * then. To HEAD only the head is answered, and the stream closes. In C use the macro
 * sl_sse_open(c, .on_close = gone).
 *
 * Events leave in the tick they are sent in, never held back: they bypass the writers of other
 * layers, such as sl_compress() (an event is formatted once for all streams; compressed streams
 * would each need their own, and 256 KiB of memory).
 *
 * @return NULL when out of memory, or if the answer has begun already (which is logged). The other
 * functions take NULL, too, and say -ENOMEM, so that a handler may return what they return
 */
SL_API sl_sse *sl_sse_open_with(sl_ctx *c, const sl_sse_options *options);

/** What the client says it had last (Last-Event-ID); NULL if it comes for the first time. Valid as
 * the request is. */
SL_API const char *sl_sse_last_id(sl_ctx *c);

/** One event. Nothing of it is kept. */
typedef struct sl_sse_event {
    size_t size;       /**< sizeof(sl_sse_event), set by the macro */
    const char *event; /**< its name, for addEventListener(); NULL: it is a "message" */
    const char *id;    /**< what the client will say it had last; "": it forgets. NULL: none */
    const char *data;  /**< text in UTF-8, of any number of lines. NULL: nothing, and the browser's
                          program hears of the event only if it has a name */
    size_t len;        /**< of data; 0: up to its NUL */
    unsigned retry_ms; /**< after how long the client comes back, from now on; 0: as before */
} sl_sse_event;

/**
 * Sends an event. In C use the macro: sl_sse_send(s, .event = "price", .data = text).
 *
 * @return 0 when queued; -EPIPE once the stream is closed; -ENOBUFS if the queue is full (see
 * sl_sse_overflow); -EMSGSIZE for an event larger than the whole queue, and nothing happens;
 * -EINVAL if there is nothing in it, or a CR, LF or NUL in its name or id; -ENOMEM, and the stream
 * goes on without it
 */
SL_API int sl_sse_send_event(sl_sse *s, const sl_sse_event *e);

/**
 * Makes an event of a message.
 *
 * @param e  filled in as it would be without: event is the topic, data and len are the message's.
 * What it points to has to be valid only until the next event
 * @return   false if nothing is to be sent
 */
typedef bool sl_sse_format_fn(const sl_message *m, sl_sse_event *e, void *self);

/** Options of sl_sse_join(). */
typedef struct sl_sse_join_options {
    size_t size;              /**< sizeof(sl_sse_join_options), set by the macro */
    sl_sse_format_fn *format; /**< must not wait. Default: event is the topic, data the message */
    void *self;               /**< for format */
} sl_sse_join_options;

/**
 * Joins the stream to a topic of the bus: from now on each message of it, sent by sl_send() and its
 * sisters in any worker, is an event, after the sl_on_message() callbacks of the topic here have
 * returned. It is formatted once for all streams of this worker that have joined with the same
 * format and self. "*" is every topic. The stream leaves by closing. In C use the macro
 * sl_sse_join(s, "chat") or sl_sse_join(s, "chat", .format = numbered).
 *
 * @return 0, also if it had joined already; -EPIPE; -EINVAL for a bad topic; -ENOMEM
 */
SL_API int sl_sse_join_with(sl_sse *s, const char *topic, const sl_sse_join_options *options);

/** Octets that wait in the queue, as queue_bytes counts them. For whoever would rather say nothing
 * than something old. */
SL_API size_t sl_sse_pending(const sl_sse *s);

/** Ends the stream when what is queued has been sent. The browser comes back, unless it is answered
 * with 204 then. Closing again, or NULL, does nothing. */
SL_API void sl_sse_close(sl_sse *s);

/** Keeps the pointer valid. @return @p s */
SL_API sl_sse *sl_sse_ref(sl_sse *s);
/** Gives back a reference of sl_sse_ref(). NULL is fine. */
SL_API void sl_sse_unref(sl_sse *s);

SL_END_DECLS

#ifndef __cplusplus
#define sl_sse_open(...) SL_SSE_OPEN_(__VA_ARGS__, .size = sizeof(sl_sse_options))
#define SL_SSE_OPEN_(c, ...) sl_sse_open_with(c, &(sl_sse_options){__VA_ARGS__})
#define sl_sse_send(...) SL_SSE_SEND_(__VA_ARGS__, .size = sizeof(sl_sse_event))
#define SL_SSE_SEND_(s, ...) sl_sse_send_event(s, &(sl_sse_event){__VA_ARGS__})
#define sl_sse_join(...) SL_SSE_JOIN_(__VA_ARGS__, .size = sizeof(sl_sse_join_options))
#define SL_SSE_JOIN_(s, topic, ...) sl_sse_join_with(s, topic, &(sl_sse_join_options){__VA_ARGS__})
#else
inline sl_sse *sl_sse_open(sl_ctx *c, sl_sse_options o = {})
{
    o.size = sizeof o;
    return sl_sse_open_with(c, &o);
}
inline int sl_sse_send(sl_sse *s, sl_sse_event e)
{
    e.size = sizeof e;
    return sl_sse_send_event(s, &e);
}
inline int sl_sse_join(sl_sse *s, const char *topic, sl_sse_join_options o = {})
{
    o.size = sizeof o;
    return sl_sse_join_with(s, topic, &o);
}
#endif

#endif
