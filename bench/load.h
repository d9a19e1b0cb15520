/*
 * The load generator's small parts: options, the first look at an answer, clock, figures.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LOAD_PATH_MAX 1024
#define LOAD_HEADER_MAX 256
#define LOAD_WATCHED_MAX 64
#define LOAD_BEGIN "HTTP/1.1 200" /* of every answer */
#define LOAD_BEGIN_LEN (sizeof(LOAD_BEGIN) - 1)
#define LOAD_BUCKETS (64 * 32) /* of latencies: 32 for each power of two */

enum load_mode {
    LOAD_KEEP,  /* connections are kept */
    LOAD_NEW,   /* a new one for each request, closed by the client after the answer */
    LOAD_CLOSE, /* a new one for each request, which asks the server to close it */
};

struct load_options {
    const char *path;
    const char *header; /* a line of the request; "" for none */
    uint16_t port;
    enum load_mode mode;
    int connections, pipeline, warm_ms;
    int sources; /* loopback addresses that connections come from in turn */
    double seconds;
    long requests; /* if not 0: so many instead of the time */
    bool hold;     /* open, ask once, then idle until standard input ends */
    int watched[LOAD_WATCHED_MAX], watched_count; /* processes of the server */
};

struct load_figures {
    long requests, errors, octets;
    const char *error;       /* the last */
    int64_t begin, end, cpu; /* ns */
    uint32_t latencies[LOAD_BUCKETS];
};

struct load_answer {
    size_t total;      /* octets of head and body */
    const char *wrong; /* what is, if something is */
};

/* Ends the program with one line. */
_Noreturn void load_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Fills @o from the command line; ends the program when that is wrong. */
void load_options(struct load_options *o, int argc, char **argv);

/* Monotonic time in ns. */
int64_t load_now(void);

/* CPU time in ns that the watched processes have used, from the scheduler's accounts. */
int64_t load_cpu(const struct load_options *o);

/* Looks at the first answer in @text (terminated). 1: @ret is filled; 0: the head is not complete;
 * -1: no answer to count with, ret->wrong says why. */
int load_look(const char *text, size_t len, struct load_answer *ret);

/* One more answer. */
static inline void load_count(struct load_figures *f, int64_t ns)
{
    uint64_t v = ns > 32 ? (uint64_t)ns : 32;
    unsigned e = 63 - (unsigned)__builtin_clzll(v); /* 2^e <= v, and the next five bits */

    f->requests++;
    f->latencies[e * 32 + ((v >> (e - 5)) & 31)]++;
}

/* Prints @f as a line of JSON. */
void load_report(const struct load_figures *f, int still_open, size_t answer_octets);

#endif
