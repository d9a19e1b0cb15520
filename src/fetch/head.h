/*
 * The head of an answer, collected line by line as libcurl hands it out.
 */
#ifndef FETCH_HEAD_H
#define FETCH_HEAD_H

#include <shallot/fetch.h>

#define FETCH__HEAD_LINES ((size_t)256)
#define FETCH__HEAD_BYTES ((size_t)262144)

/** Zeroed memory is an empty head. */
struct fetch__head {
    int status;
    int64_t length; /* Content-Length; -1: none */
    sl_fetch_header *list;
    size_t count, room, bytes;
};

enum fetch__line {
    FETCH__LINE,     /* goes on */
    FETCH__LINE_END, /* the head of a final status is complete */
};

/**
 * Takes one line with its end. A status line begins anew, so that of several heads (100, 103,
 * redirects) the last one stays.
 *
 * @return enum fetch__line; -EPROTO for what is no header line, or beyond the bounds above; -ENOMEM
 */
int fetch__head_line(struct fetch__head *h, const char *line, size_t len);

/** Value of the first line of that name, in any case; NULL. */
const char *fetch__head_find(const sl_fetch_header *list, size_t count, const char *name);

/** Frees the lines; the head is empty and usable again. */
void fetch__head_finish(struct fetch__head *h);

#endif
