/*
 * Crash reports, taken apart: ours (cluster/crash_text.c, cluster/symbolise.c) and those of the
 * address and undefined-behaviour sanitizers. Pure; everything is a view of the text.
 */
#ifndef SL__DEVELOP_REPORT_H
#define SL__DEVELOP_REPORT_H

#include <stdbool.h>

#include "base/str.h"

#define SL__FRAMES_MAX 96u
#define SL__STACKS_MAX 4u

struct sl__report_frame {
    unsigned number;
    struct sl__str function; /* may be empty */
    struct sl__str file;     /* may be empty: then module says what there is to say */
    unsigned line, column;   /* 0: not known */
    struct sl__str module;   /* may be empty */
    struct sl__str note;     /* "and 3 times more"; may be empty */
};

struct sl__report_stack {
    struct sl__str heading; /* "freed by thread T0 here:"; may be empty */
    unsigned first, count;  /* of the frames */
};

struct sl__report {
    struct sl__str title;   /* "SIGSEGV, address 0x0 is not mapped" */
    struct sl__str about;   /* "GET /users/7, route /users/:id, ..."; may be empty */
    struct sl__str located; /* a sanitizer's word on the memory; may be empty */
    bool sanitizer;         /* it is one of theirs */
    struct sl__report_frame
        place;            /* where it says it happened, in case there is no stack; line 0: no */
    unsigned long number; /* for `shallot crashes N`; 0: it was not kept */
    unsigned worker;      /* 0: not known */
    struct sl__report_stack stacks[SL__STACKS_MAX];
    unsigned stack_count;
    struct sl__report_frame frames[SL__FRAMES_MAX];
    unsigned frame_count;
};

/** Takes what it knows; the rest of the text is for who reads it raw. */
void sl__report_parse(struct sl__str text, struct sl__report *ret);

#endif
