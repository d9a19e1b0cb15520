/*
 * What the rooms of `shallot verify` share: a program under test, traffic on it, faults, and a
 * verdict on each.
 *
 * Everything happens in one thread. A scenario is a plain function that does something to the
 * program and lets the traffic run meanwhile (traffic_run); the program's output and its end are
 * heard in the same loop.
 */
#ifndef SHALLOT_CLI_VERIFY_H
#define SHALLOT_CLI_VERIFY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#define MS INT64_C(1000000) /* in nanoseconds, as all times here */
#define SECOND (1000 * MS)

struct verify_options {
    char **command;         /* the program and its arguments */
    const char *path;       /* answered with 200 */
    const char *slow_path;  /* answered with 200 after a while; NULL */
    const char *large_path; /* an answer of megabytes; NULL */
    const char *crash_path; /* its handler crashes; NULL */
    const char *only[16];
    unsigned only_count;
    unsigned rate, workers, seconds, slow_clients;
    unsigned grace_ms; /* as the program has it */
    bool json, list, help;
};

/** 0, or an exit status after an error, which has been printed. */
int verify_options_read(int argc, char **argv, struct verify_options *ret);

/* answer.c: an HTTP/1 answer as it comes, of which only the outline matters. */

struct answer {
    enum answer_state {
        ANSWER_STATUS,
        ANSWER_FIELDS,
        ANSWER_LENGTH, /* a body of so many octets */
        ANSWER_REST,   /* a body until the end of the connection */
        ANSWER_CHUNK_SIZE,
        ANSWER_CHUNK,
        ANSWER_CHUNK_END,
        ANSWER_TRAILERS,
        ANSWER_DONE,
        ANSWER_WRONG, /* that is no HTTP */
    } state;
    int status;
    bool close; /* the server said that it closes */
    bool begun; /* at least one octet has come */
    bool chunked, has_length;
    uint64_t left; /* octets of the body, or of the chunk */
    unsigned len;  /* of the line so far; what does not fit is not needed */
    char line[120];
};

void answer_begin(struct answer *a);
/** Takes octets until the answer is whole. @return how many were used. */
size_t answer_take(struct answer *a, const char *data, size_t len);
/** The connection has ended. @return true if that makes the answer whole. */
bool answer_end(struct answer *a);

/* tally.c: what is counted. */

#define TALLY_BUCKETS (64 * 32) /* of latencies: 32 for each power of two */

struct tally {
    unsigned long requests, answered;
    unsigned long lost;    /* connection made, request sent, no whole answer */
    unsigned long excused; /* of these: in flight where a fault was just then made */
    unsigned long reset;   /* of the lost: by a reset */
    unsigned long
        races; /* of the lost: not excused, on a kept connection that was closed unannounced */
    unsigned long hung;    /* of the lost: no answer for PATIENCE */
    unsigned long refused; /* no connection */
    unsigned long errors;  /* answers of 500 and more */
    unsigned long busy;    /* of these: 503 */
    unsigned long wrong;   /* other answers that are not 200 */
    unsigned long flagged; /* requests that were in flight while a fault was made */
    int64_t gap;           /* longest time without an answer */
    int64_t longest_new;   /* slowest answer on a new connection, flagged requests left out */
    uint32_t latencies[TALLY_BUCKETS];
};

void tally_latency(struct tally *t, int64_t ns);
/** That @p part of the answers kept, in ns. */
int64_t tally_percentile(const struct tally *t, double part);

/* loop.c, client.c, traffic.c: clients. */

int64_t now_ns(void);

struct watch {
    int fd;
    void (*ready)(struct watch *w, unsigned events);
};

struct client {
    struct watch watch;          /* the first member */
    struct client *next, **link; /* among all */
    struct client *idle_next;    /* among the idle ones */
    struct traffic *traffic;
    struct tally *tally;
    const char *request; /* what to send */
    enum { CLIENT_CONNECTING, CLIENT_WAITING, CLIENT_IDLE, CLIENT_DEAD } state;
    bool kept;    /* it may be used again */
    bool reused;  /* it is used again */
    bool flagged; /* see tally.flagged */
    int *outcome; /* the status, or -1: for who has asked apart from the traffic; NULL */
    int64_t began;
    struct answer answer;
};

struct traffic {
    int epoll;
    struct sockaddr_in address;
    unsigned rate;
    bool on, no_new, no_kept;
    bool fault;                /* one is being made: requests are flagged */
    bool refused_ends_new;     /* the first refusal ends new connections: the port is closed */
    volatile int *interrupted; /* a signal number: everything ends */
    struct client *clients, *idle, **idle_last, *dead;
    unsigned in_flight, idle_count;
    int64_t due;         /* of the next request */
    int64_t last_answer; /* or the beginning of the measurement */
    int64_t awake;       /* the loop was last here */
    unsigned long turn;
    char *keep, *close; /* requests */
    struct tally tally;
};

/** 0 or -1. */
int traffic_init(struct traffic *t, const struct verify_options *o, volatile int *interrupted);
void traffic_finish(struct traffic *t);
int traffic_watch(struct traffic *t, struct watch *w, unsigned events);
/** Nothing is heard of it any more, also if a process just forked holds the descriptor, too. */
void watch_close(struct traffic *t, struct watch *w);
/** Where the program listens now. */
void traffic_target(struct traffic *t, const struct sockaddr_in *address);
/** Counts from zero, and begins to ask. */
void traffic_start(struct traffic *t);
/** Asks no more, and waits for what is in flight. */
void traffic_stop(struct traffic *t);
/** Closes all connections. */
void traffic_drop(struct traffic *t);
/** Lets time pass until @p done says true (NULL: never) or @p until. False if that time was reached
 * first, or the tool was interrupted. */
bool traffic_run(struct traffic *t, int64_t until, bool (*done)(void *arg), void *arg);
/** From now on a fault is being made (or no more): whoever is in flight may lose. */
void traffic_fault(struct traffic *t, bool on);
/** One request apart from the traffic, counted in @p tally, on a connection of its own. @p outcome:
 * see above. */
void traffic_ask(struct traffic *t, const char *request, struct tally *tally, int *outcome);
/** "GET path ...", to be freed. */
char *request_text(const char *path, bool keep);

/* client.c */
struct client *client_open(struct traffic *t, const char *request, bool kept, struct tally *tally);
/** Sends the request on a connection that is idle. */
void client_again(struct client *c);
void client_close(struct client *c);
/** No answer for too long. */
void client_hung(struct client *c);
/** The idle ones, oldest first. */
struct client *idle_take(struct traffic *t);

/* app.c: the program under test. */

#define LINES_KEPT 12
#define WORKERS_MAX 256

struct app {
    struct watch output, end; /* end: a pidfd */
    struct traffic *traffic;
    char **argv;
    char *program; /* a name of the executable of our own, so that it can be replaced */
    char *spare;   /* where a file waits for being renamed to it */
    char *original;
    unsigned workers;
    unsigned files; /* limit of descriptors; 0: as it is */
    pid_t pid;      /* 0: it does not run */
    int status;     /* of waitpid, once it has ended */
    uint16_t port;  /* 0: not known yet */
    struct sockaddr_in address;
    unsigned listening; /* lines that said so */
    int64_t listening_at;
    unsigned named; /* lines that named a source file and line */
    unsigned failed_reloads;
    char line[1024];
    size_t len;
    char kept[LINES_KEPT][200];
    unsigned lines;
};

/** Finds the executable and gives it a name of its own. 0, or 1 with the error printed. */
int app_init(struct app *a, struct traffic *t, const struct verify_options *o);
void app_finish(struct app *a);
/** Starts it on @p port (0: any) and waits until all workers serve. 0, or 1: app_explain(). */
int app_start(struct app *a, uint16_t port);
/** The same, without waiting. */
int app_launch(struct app *a, uint16_t port);
bool app_serves(void *app);
/** Kills whatever is left. */
void app_end(struct app *a);
/** Why it does not run, in a line, and its last lines below. */
void app_explain(struct app *a, const char *what);
/** Its workers. @return how many */
unsigned app_workers(const struct app *a, pid_t *ret);
/** As many workers as there should be, all of them serving. */
bool app_complete(void *app);
/** Puts the file @p from in place of the executable, by rename. 0 or 1 with the error printed. */
int app_replace(struct app *a, const char *from);

/* process.c */

/** True while the process exists and is no zombie. */
bool process_lives(pid_t pid);
bool process_is_stopped(pid_t pid);
/** CPU time of its main thread in ns. */
int64_t process_cpu(pid_t pid);
/** User-space memory of its own, in octets. */
int64_t process_memory(pid_t pid);
/** Its living children. @return how many, @p most at most */
unsigned process_children(pid_t pid, pid_t *ret, unsigned most);
/** True if its title, or command line, begins so. */
bool process_is_called(pid_t pid, const char *title);

/* held.c: connections that somebody holds. */

struct held {
    struct watch watch; /* the first member; fd -1: ended, by either side */
    struct traffic *traffic;
    struct answer answer;
    int64_t opened, ended;
};

/** Opens @p count connections that say @p text. @p receive: size of their receive buffers, and
 * nobody reads them but held_sip(); 0: they are read as it comes. NULL if that is impossible. */
struct held *held_open(struct traffic *t, unsigned count, const char *text, int receive);
void held_free(struct held *all, unsigned count);
void held_end(struct held *h);
void held_say(struct held *h, const char *text);
/** Reads @p most octets, or finds that the connection has ended. */
void held_sip(struct held *h, size_t most);
unsigned held_left(const struct held *all, unsigned count);
unsigned held_answered(const struct held *all, unsigned count, int status);

/* scenarios.c, endings.c, slow.c */

struct result {
    struct tally tally;
    bool skipped;
    char note[256];
    char why[400]; /* what does not hold; "": all does */
};

struct verify {
    struct verify_options options;
    struct traffic traffic;
    struct app app;
    int64_t quiet_p99;
    unsigned next;     /* worker to be hit */
    unsigned reported; /* scenarios so far */
};

struct scenario {
    const char *name, *what;
    /** The traffic runs already. Judges what is special about it; the rest is judged in verify.c.
     */
    void (*run)(struct verify *v, struct result *r);
    bool refuses;    /* connections may be refused */
    bool apologises; /* answers of 503 are right */
    bool ends;       /* the program has ended afterwards */
    unsigned files;  /* descriptors the program may have; 0: as many as usual */
};

extern const struct scenario scenarios[];
extern const unsigned scenario_count;

void scenario_slow(struct verify *v, struct result *r);
void scenario_files(struct verify *v, struct result *r);
void scenario_term(struct verify *v, struct result *r);
void scenario_master(struct verify *v, struct result *r);

/** Notes that something does not hold, unless @p holds. */
void require(struct result *r, bool holds, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void note(struct result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Lets the traffic run. False when the tool was interrupted. */
bool pass(struct verify *v, int64_t ns);
bool pass_until(struct verify *v, int64_t ns, bool (*done)(void *arg), void *arg);
/** True once the process (a pid_t) is gone. */
bool is_gone(void *pid);
/** Some worker, another one each time. 0 if there is none. */
pid_t some_worker(struct verify *v);

/** No gap, and p99 as when all was quiet, or nearly. */
void require_calm(struct verify *v, struct result *r);

/* report.c */
void report_head(const struct verify *v);
void report_line(const struct verify *v, const struct scenario *s, const struct result *r);
void report_end(const struct verify *v, unsigned failed, unsigned run);

#endif
