/*
 * What has happened of late, in the scoreboard's memory: the master writes it down, everybody may
 * read. Also where its crash reports lie, which a worker cannot know by itself (the master may have
 * had another user, and another home).
 */
#ifndef SL__CLUSTER_BOARD_EVENTS_H
#define SL__CLUSTER_BOARD_EVENTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "shallot/stats.h"

#define SL__EVENTS 64u
#define SL__EVENT_TEXT 240

struct sl__board_event {
    _Atomic uint64_t number; /* 0: none, or being written */
    int64_t at_ms;
    uint32_t kind, generation;
    int32_t worker, pid, code, signal;
    char text[SL__EVENT_TEXT];
};

/** Zeroed memory knows of nothing. */
struct sl__board_events {
    _Atomic uint64_t last; /* number of the newest */
    struct sl__board_event ring[SL__EVENTS];
    /* Written once, before there is a worker. */
    pid_t pid; /* of the master */
    char name[128], crash_dir[1024];
};

/** In the master: who it is. */
void sl__board_introduce(struct sl__board_events *e, const char *name, const char *crash_dir);

/** In the master. Number and time are given here; text may be NULL, and what is no text in it is
 * replaced. */
void sl__board_event(struct sl__board_events *e, const sl_event *event);

/** Copies those that are there, oldest first. @return how many */
unsigned sl__board_events_read(const struct sl__board_events *e, sl_event ret[SL__EVENTS],
                               char texts[SL__EVENTS][SL__EVENT_TEXT]);

#endif
