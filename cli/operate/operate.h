/*
 * How the tool finds running programs and speaks to them.
 */
#ifndef SHALLOT_OPERATE_H
#define SHALLOT_OPERATE_H

#include "cli.h"

/* running.c */

#define SOCKET_PATH_SIZE 108 /* sun_path */
/** Finds the control socket of the program meant by @p which: its name or PID; NULL: the only one
 * that runs. A connected socket, or -1 with the error printed. */
int running_connect(const char *which);
/** Connects to the socket at @p path. */
int running_connect_to(const char *path);

/** Calls @p each for every program of this user that runs; @c alone: no other has its name. */
void running_each(void (*each)(void *self, const char *name, const char *pid, bool alone),
                  void *self);

/* talk.c: commands that speak to a running program. */

/** What such a command was given. */
struct talk_options {
    const char *socket; /* --socket PATH; NULL */
    bool json, now, help;
    const char *words[4];
    unsigned count;
};
/** 0, or an exit status after an error, which has been printed. @p most: words it takes. @p flags:
 * the options without value that it knows, NULL-terminated. */
int talk_read(int argc, char **argv, unsigned least, unsigned most, const char *const *flags,
              struct talk_options *ret);

/** A conversation with a running program. */
struct talk {
    int fd;
    char *text; /* what was received; lines are NUL-terminated in it once they have been read */
    size_t at, len, size;
};
/** @p which: as running_connect(). 0 or 1 with the error printed. */
int talk_open(struct talk *t, const struct talk_options *o, const char *which);
void talk_close(struct talk *t);
/** Sends a command. 0, or 1 with the error printed. */
int talk_ask(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The next line of the answer: its kind ('+', '~', '.' or '!'), text in *ret, valid until the next
 * call. 0 when the program has gone. */
char talk_hear(struct talk *t, char **ret);
/** Asks, prints what happens meanwhile, and returns the payload, lines separated by NUL, ended by
 * an empty one. NULL with the error printed; else owned by the caller. */
char *talk_fetch(struct talk *t, const char *command);

/* status.c, top.c */

/** One line "what\tname=value\t...": */
struct row {
    char *what;
    struct {
        char *name, *value;
    } pairs[40];
    unsigned count;
};
/** Takes a line apart, in place. */
void row_read(char *line, struct row *ret);
/** "" if there is none of this name. */
const char *row_text(const struct row *r, const char *name);
double row_number(const struct row *r, const char *name);
/** "12.3M": for octets and other large numbers. */
void short_number(double n, char *buf, size_t size);
/** "3d 4h", "12m 5s": for a time in seconds. */
void short_time(double seconds, char *buf, size_t size);

/* crashes.c */
/** Calls @p each for every report, the last first, with its number and one line about it. */
void crashes_each(void (*each)(void *self, const char *number, const char *what), void *self);

#endif
