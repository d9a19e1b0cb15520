/*
 * What the files of the dashboard share: dashboard.c (who may see it, and what it answers),
 * dashboard_past.c (the last minutes), dashboard_live.c (its viewers), dashboard_text.c (JSON), and
 * dashboard_crashes.c (reports).
 */
#ifndef MIDDLEWARE_DASHBOARD_H
#define MIDDLEWARE_DASHBOARD_H

#include <shallot/app.h>
#include <shallot/shared.h>
#include <shallot/sse.h>
#include <shallot/stats.h>

#define DASH_NAME "sl_dashboard"
#define DASH_SECONDS 300 /* of the past that are kept */
#define DASH_OCTAVES 22  /* of latencies: below 65 us, and each next up to twice as far */
#define DASH_VIEWERS 64  /* for one worker */
#define DASH_CRASHES 20  /* reports that are listed */

/** What happened in the cluster from one look at it to the next. */
struct dash__point {
    int64_t second; /* monotonic, of the look: a second has one */
    int64_t at_ms;  /* the same on the wall's clock */
    int64_t span_us;
    uint64_t requests, client_errors, server_errors;
    uint64_t bytes_in, bytes_out;
    uint64_t messages_in, messages_out;
    uint32_t p50_us, p99_us;
    uint32_t connections, in_flight, workers, lag_us; /* at the look */
    uint32_t latency[DASH_OCTAVES];
};

/** Text that grows. Zeroed memory is empty. */
struct dash__text {
    char *data; /* terminated, unless there is nothing */
    size_t len, size;
    bool failed; /* out of memory: what is there is not whole */
};

/** A crash report, as its first lines have it. */
struct dash__crash {
    unsigned long number;
    char when[32];
    char what[400]; /* signal and cause */
    char request[400];
    char place[400];
};

struct dash__crashes {
    size_t count; /* newest first */
    struct dash__crash list[DASH_CRASHES];
};

struct dash__viewer {
    struct dash__viewer *next;
    struct dash__feed *feed;
    sl_sse *sse;
};

/** One for each app, however many dashboards it has. */
struct dash__feed {
    sl_app *app;
    sl_map *points, *last;
    struct dash__viewer *viewers;
    unsigned viewer_count;
    bool watching;             /* a fiber does, while there are viewers */
    uint64_t crew[4];          /* what it knows of the workers */
    uint64_t told_event;       /* number of the newest event that viewers know */
    unsigned crash_looks;      /* so many times more it is worth to look for new reports */
    struct dash__text crashes; /* what viewers know of them */
};

/* dashboard_text.c: pure */
void dash__add(struct dash__text *t, const char *fmt, ...) SL_PRINTF(2, 3);
/** A string with its quotes. What is no UTF-8 becomes U+FFFD; at most @p most octets are looked at.
 */
void dash__add_string(struct dash__text *t, const char *text, size_t most);
void dash__add_point(struct dash__text *t, const struct dash__point *p);
/** The object of an event "now"; @p points is a list of points, or empty. */
void dash__add_now(struct dash__text *t, const sl_stats *s, int64_t at_ms, int me,
                   const struct dash__text *points);
void dash__add_events(struct dash__text *t, const sl_stats *s);
void dash__add_crashes(struct dash__text *t, const struct dash__crashes *c);
void dash__text_finish(struct dash__text *t);

/* dashboard_past.c */
/** Makes the maps. 0 or a negative error, which has been said. */
int dash__past_open(struct dash__feed *f);
/** Looks at the cluster, unless another worker has done so in this second. */
void dash__past_look(struct dash__feed *f);
/** What was between two looks. */
void dash__point_make(struct dash__point *p, const sl_counts *before, const sl_stats *now);
/** Calls @p fn for each point from second @p from on, in order. @return the last one's second, or
 * @p from - 1 */
int64_t dash__past_each(struct dash__feed *f, int64_t from,
                        void (*fn)(const struct dash__point *p, void *self), void *self);
int64_t dash__second(void);
int64_t dash__wall_ms(void);

/* dashboard_live.c */
/** The handler of the stream. */
int dash__live(sl_ctx *c, struct dash__feed *f);
/** Once a second. */
void dash__live_beat(sl_app *app, void *self);

/* dashboard_crashes.c */
/** Finds the newest reports of @p name. Reads files: on a thread. */
void dash__crashes_find(const char *folder, const char *name, struct dash__crashes *ret);
/** Reads report @p number of @p name. Reads a file: on a thread. @return octets; -ENOENT */
ssize_t dash__crash_read(const char *folder, const char *name, unsigned long number, char *buf,
                         size_t size);
/** What a report's first lines say. */
void dash__crash_parse(const char *text, struct dash__crash *ret);

#endif
