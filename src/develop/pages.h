/*
 * The pages that need no program to be alive: a failed build, and a crash. Pure functions of what
 * is known; for workers, for the master, and for what stands in for a program that does not start.
 *
 * Each writes a whole page, or with `.piece` only what is inside of <main>, which is what
 * `GET /_shallot/build` answers for the overlay (live.h).
 */
#ifndef SL__DEVELOP_PAGES_H
#define SL__DEVELOP_PAGES_H

#include "base/str.h"
#include "develop/html.h"

/** What both have in common. Strings may be NULL unless something else is said. */
struct sl__page_told {
    const char *name; /* of the program */
    const char *root; /* the project's folder: relative names begin there, and what lies in it is
                         the program's own; NULL: the current one */
    const char *from; /* the code, or the stand-in, that answers (live.h); NULL: not live */
    long long number; /* of the build (live.h): the page is exchanged when another one fails */
    bool piece;
};

struct sl__build_told {
    struct sl__page_told page;
    const char *command; /* that failed */
    struct sl__str output;
    int status; /* exit status; 0: ended by signal */
    int signal;
    long long ms; /* how long it took; 0: not known */
};

/** A build that has failed. */
void sl__page_of_build(struct sl__html *h, const struct sl__build_told *b);

enum sl__crash_scene {
    SL__CRASH_IN_REQUEST, /* the page is the answer to it */
    SL__CRASH_KEPT,       /* new code, which did not become ready; the old one serves on */
    SL__CRASH_AT_START,   /* and there is no old one */
};

struct sl__crash_told {
    struct sl__page_told page;
    enum sl__crash_scene scene;
    const char *why;       /* "did not become ready"; what there is to say without a report */
    struct sl__str report; /* ours or a sanitizer's, with the backtrace; may be empty */
    struct sl__str output; /* the last that the program has written; may be empty */
    struct sl__str head;   /* of the request, line by line; may be empty */
};

/** A program, or a worker, that has crashed or did not start. */
void sl__page_of_crash(struct sl__html *h, const struct sl__crash_told *c);

#endif
