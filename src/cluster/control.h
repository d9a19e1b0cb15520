/*
 * The control socket: what an operator says to the master, and hears from it
 * (docs/design/control.md).
 *
 * One line in: a command and its words. Out: "+ payload" and "~ progress" lines, and at last ".
 * done" or "! why not".
 */
#ifndef SL__CLUSTER_CONTROL_H
#define SL__CLUSTER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "cluster/archive.h"
#include "loop/loop.h"

#define SL__CONTROL_LINE 1024 /* octets of a command */
#define SL__CONTROL_WORDS 8
#define SL__CONTROL_PATH 108 /* sun_path */

struct sl__master;

/** What a client waits for. */
enum sl__control_wait {
    SL__CONTROL_IDLE,
    SL__CONTROL_RELOAD,
    SL__CONTROL_UPGRADE,
    SL__CONTROL_RESTART, /* wait_id: the worker that is to go */
    SL__CONTROL_ROUTES,  /* wait_id: the number of the question */
    SL__CONTROL_OTHER,   /* commands of other rooms: they know themselves */
};

struct sl__control_client {
    struct sl__link link;
    struct sl__master *master;
    struct sl__watch watch;
    struct sl__buf out;
    char in[SL__CONTROL_LINE];
    size_t in_len;
    enum sl__control_wait wait;
    uint32_t wait_id;
    struct sl__timer patience; /* whoever lets a client wait may use it, and sets fire */
    int64_t seen;              /* loop time of the last line */
    bool ended;                /* it sends nothing more; it may still be waiting for its answer */
    bool broken;               /* to be closed at the end of the tick */
    struct sl__task task;
};

struct sl__control {
    struct sl__watch watch; /* the listening socket; -1 */
    struct sl__link clients;
    unsigned count;
    uint32_t last_question;
    char path[SL__CONTROL_PATH]; /* "": none */
    ino_t inode;
};

/** A row of the table of commands (control_commands.c). */
struct sl__control_command {
    const char *name;
    const char *usage; /* its words, for the complaint */
    unsigned least, most;
    void (*run)(struct sl__control_client *c, char **words, unsigned count);
};

/* control.c */

/** Opens the socket at @p path (NULL: where it belongs; "off": not at all). A failure is a line in
 * the log. */
void sl__control_start(struct sl__master *m, const char *path);
/** Closes everything and removes the socket's file. Also of zeroed memory. */
void sl__control_stop(struct sl__master *m);
/** A line of payload ('+') or of what happens meanwhile ('~'); control characters but TAB are
 * replaced. */
void sl__control_say(struct sl__control_client *c, char kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** The same for a text of any length. */
void sl__control_put(struct sl__control_client *c, char kind, const char *text, size_t len);
/** The last line: '.' or '!'. The client may send its next command. */
void sl__control_done(struct sl__control_client *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void sl__control_fail(struct sl__control_client *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/** Ends the wait of all clients that wait for this (@p id 0: whatever their wait_id), with '!' and
 * @p error, or with '.' and @p done if that is NULL. */
void sl__control_over(struct sl__master *m, enum sl__control_wait wait, uint32_t id,
                      const char *error, const char *done);
/** What happens meanwhile, to all clients that wait for a reload or a restart. */
void sl__control_progress(struct sl__master *m, const char *line);

/** A client on @p fd that is not watched yet. NULL when out of memory. */
struct sl__control_client *sl__control_add(struct sl__master *m, int fd);
/** Hears those who knock at the socket. 0 or a negative errno. */
int sl__control_listen(struct sl__master *m);

/* control_archive.c */
/** Writes socket and clients, or reads them; read ones do nothing before sl__control_resume(). */
void sl__control_archive(struct sl__master *m, struct sl__archive *a);
/** 0 or a negative errno. */
int sl__control_resume(struct sl__master *m);

/* control_commands.c */
/** Runs a line. */
void sl__control_run(struct sl__control_client *c, char *line, size_t len);
/** A worker has answered question @p number. */
void sl__control_answer(struct sl__master *m, uint32_t number, const char *text, size_t len);
/** Worker @p id is gone, or serves. */
void sl__control_gone(struct sl__master *m, uint32_t id);

/* control_status.c */
void sl__control_status(struct sl__control_client *c, bool json);
/** The counts of all workers with their latencies, for whoever computes rates: `shallot top`. */
void sl__control_latencies(struct sl__control_client *c);

/* control_line.c: pure */

/** Splits a line (without its newline) into words, in place. @return how many; -EINVAL for anything
 * but printable ASCII and spaces, -E2BIG for too many words */
int sl__control_split(char *line, size_t len, char *words[SL__CONTROL_WORDS]);
/** Appends "K text\n", with what is no text replaced. 0 or -ENOMEM. */
int sl__control_compose(struct sl__buf *out, char kind, const char *text, size_t len);
/** A decimal number from @p low to @p high. */
bool sl__control_number(const char *word, uint32_t low, uint32_t high, uint32_t *ret);

/* control_path.c */

/** Where the socket belongs, and makes the folder. 0, or a negative errno; @p ret_path is filled as
 * far as it is known. */
int sl__control_place(const char *name, pid_t pid, char ret_path[SL__CONTROL_PATH]);
/** Removes sockets in the folder of @p path whose process is gone. */
void sl__control_sweep(const char *path);

#endif
