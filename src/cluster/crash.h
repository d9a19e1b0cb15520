/*
 * A worker's last moment: what its signal handler leaves behind for the master.
 *
 * The master owns a memfd with one area for each scoreboard slot (a record, then the modules, then
 * a copy of the stack) and one end of a datagram pair, by which sockets and notices come. Both are
 * inherited by every worker.
 */
#ifndef SL__CLUSTER_CRASH_H
#define SL__CLUSTER_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SL__CRASH_MAGIC 0x53684c32u /* changes with the layout of the record or of the messages */
#define SL__CRASH_REGISTERS 34

/* Places in an area. */
#define SL__CRASH_MAPS_AT 8192u
#define SL__CRASH_MAPS_MAX 57344u
#define SL__CRASH_STACK_AT 65536u
#define SL__CRASH_STACK_MAX 524288u /* all of a fiber's; most crashes need a few KiB of it */
#define SL__CRASH_SAID_AT 589824u   /* what a sanitizer has said */
#define SL__CRASH_SAID_MAX 49152u
#define SL__CRASH_AREA 1048576u /* of which only what was written takes memory */

enum sl__crash_kind {
    SL__CRASH_DEATH = 1,
    SL__CRASH_BLOCKED = 2, /* alive, but one tick takes long */
};

/** The numbers of the registers are DWARF's; the program counter is the last one. */
struct sl__crash_record {
    uint32_t magic;
    uint32_t kind; /* enum sl__crash_kind; 0: none */
    uint32_t worker;
    int32_t pid, tid;
    int32_t signal, code;
    int32_t sender; /* of a signal that was sent: its pid */
    uint64_t address;
    int64_t wall;   /* seconds since the epoch */
    int64_t age_ns; /* of the request; with SL__CRASH_BLOCKED of the tick */
    uint32_t overflow;
    uint32_t in_thread; /* of the offload pool, or the program's own */
    uint32_t has_request;
    uint32_t register_count;
    uint32_t maps_len, stack_len;
    uint64_t stack_at; /* address of the copy's first octet */
    uint64_t registers[SL__CRASH_REGISTERS];
    uint64_t number; /* of the request in this worker */
    char method[32], path[1024];
    uint32_t said_len;
    char said[128];  /* "AddressSanitizer: heap-use-after-free"; "" */
    char label[512]; /* the fiber's: the route, or what else it does; "" */
    /* The master's, once the worker is dead. */
    uint32_t stuck_ms; /* the watchdog's doing; 0: not */
    uint32_t culprits, bystanders, idle;
};

_Static_assert(sizeof(struct sl__crash_record) <= SL__CRASH_MAPS_AT, "an area's first part");

/** What a message says of one descriptor; the kinds are http's, in its order. */
enum sl__crash_fate {
    SL__FATE_CULPRIT,
    SL__FATE_BYSTANDER,
    SL__FATE_ANSWERED,
    SL__FATE_IDLE,
    SL__FATE_COUNT,
};

#define SL__CRASH_BATCH 200u /* descriptors in a message; the kernel takes 253 */

struct sl__crash_note {
    uint8_t fate, head;
    uint16_t listener;
};

/** A message: this, with as many descriptors as notes. None at all: a record of SL__CRASH_BLOCKED
 * is there. */
struct sl__crash_message {
    uint32_t magic, worker, count;
    struct sl__crash_note notes[SL__CRASH_BATCH];
};

/** Whose work was going on. */
struct sl__crash_blame {
    bool known; /* a request; else label only */
    struct sl__str method, path;
    const char *label; /* may be NULL */
    uint64_t number;
    int64_t since; /* monotonic ns */
};

/** What the floors above know; all of it is called from the signal handler. Each may be NULL. */
struct sl__crash_hooks {
    void (*blame)(void *self, struct sl__crash_blame *ret);
    bool (*is_overflow)(const void *address, const char **ret_label);
    /** Calls sl__crash_tell() for every connection, the culprit's first. */
    void (*last_words)(void *self);
    void *self;
};

/**
 * In a worker whose role has the descriptors: from now on a fatal signal leaves a record, hands the
 * connections over, and goes on to whatever handled it before. Call it in the thread of the loop,
 * which needs an alternate stack. 0; -ENOTSUP without the descriptors; or a negative errno.
 */
int sl__crash_install(const struct sl__crash_hooks *hooks);
/** Takes the reports of a sanitizer that is in this process, and makes its ends signals: so they
 * are crashes like others. By sl__crash_install(). */
void sl__crash_hear_sanitizer(void);
/** Puts back what sl__crash_install() has replaced, unless somebody else has come since. */
void sl__crash_uninstall(void);
/** The loop is gone: nobody is told of any more. */
void sl__crash_retire(void);

/** From last_words(): a connection and what is to become of it. */
void sl__crash_tell(int fd, enum sl__crash_fate fate, unsigned listener, bool head);

/**
 * Development: a tick that takes longer than @p ms leaves a record too, and the master is told;
 * one route at most every ten seconds. The timer has to be wound up when a tick begins, and stopped
 * when it has ended. 0 or a negative errno.
 */
int sl__crash_watch_ticks(unsigned ms);
void sl__crash_tick_begins(void);
void sl__crash_tick_ends(void);

#endif
