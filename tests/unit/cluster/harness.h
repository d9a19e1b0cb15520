/*
 * A whole cluster for tests: this very program, copied into a folder of its own, run as master, and
 * by the master as workers. Everything they log or say comes back through one pipe, line by line,
 * and a test waits for the lines it expects.
 *
 * What a worker does is written in the file "code" of the folder when it starts, so changing that
 * file is new code. Words in it: "die" (before READY, with a reason), "exit" (before READY,
 * silently), "mute" (never READY), "stuck" (once READY, never returns to its loop), "slow" (drains
 * never), "second" (names a second listener), "three" (wants three workers), "unix", "taken",
 * "child".
 */
#ifndef TESTS_CLUSTER_HARNESS_H
#define TESTS_CLUSTER_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** In main(), first: true if this process is a master or a worker, with its exit status. */
bool harness_role(int argc, char **argv, int *ret_status);

struct cluster {
    char folder[64];
    pid_t master; /* 0: not running */
    int lines;    /* read end of the pipe */
    char buf[65536];
    size_t len;
    pid_t pid; /* of the worker that expect_ready() met last, and what it said */
    int port, second_port;
    unsigned count;
    int terminal;   /* our end of its terminal; -1 */
    char last[512]; /* the line that expect() found */
};

struct cluster_options {
    unsigned instances;
    bool development, on_terminal, subreaper, no_start;
    int port;          /* 0: any */
    const char *build; /* development */
    const char *watch; /* below the folder; NULL: the folder */
};

void cluster_open(struct cluster *c, const char *code, const struct cluster_options *options);
/** As cluster_open(), from the folder as it is. */
void cluster_start(struct cluster *c, const struct cluster_options *options);
/** Stops it if it still runs, and checks that nothing is left. */
void cluster_close(struct cluster *c);

/** Waits for a line that contains @p text; fails the test after 30 s. */
void expect(struct cluster *c, const char *text);
/** Waits until worker @p id is READY and the master knows it; tells its pid, ports and count. */
void expect_ready(struct cluster *c, unsigned id);
/** True if such a line is among what has been read, but not expected, so far. */
bool seen(struct cluster *c, const char *text);
/** Waits for the end of the master. @return its exit status, or -signal */
int cluster_wait(struct cluster *c);

void cluster_code(struct cluster *c, const char *code);
const char *cluster_path(struct cluster *c, const char *name);
void cluster_signal(struct cluster *c, int signal);

/** A connection; -1 if it is refused. */
int cluster_connect(int port);
/** As cluster_ask(); NULL if the connection was closed instead: a worker that leaves may have had
 * it. */
const char *cluster_try(int fd, const char *line);
/** Sends a line and reads one; the connection stays open. */
const char *cluster_ask(int fd, const char *line);
/** Waits for the end of the file or a reset. */
void cluster_expect_end(int fd);

#endif
