/*
 * Excerpts of source files, with the line marked that something is about.
 */
#ifndef SL__DEVELOP_SOURCE_H
#define SL__DEVELOP_SOURCE_H

#include "develop/html.h"

/** Which lines, and what to say at one of them. */
struct sl__excerpt {
    const char *file;
    unsigned line;             /* from 1: the one that is marked */
    unsigned column, width;    /* octets from 1; column 0: none is pointed at */
    unsigned around;           /* so many lines before and after it */
    const char *root;          /* where a relative name begins; NULL: here */
    struct sl__str annotation; /* below the marked line; may be empty */
};

/** Writes a table of lines. False, and nothing is written, if there is no such file, no such line,
 * or it is no text. */
bool sl__excerpt_write(struct sl__html *h, const struct sl__excerpt *e);

/** A line of C and what goes on from one line to the next. */
enum sl__c_state { SL__C_PLAIN, SL__C_COMMENT };

/** Writes one line of C with its comments, strings, numbers and words marked. */
enum sl__c_state sl__c_line_write(struct sl__html *h, struct sl__str line, enum sl__c_state state);

#endif
