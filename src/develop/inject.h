/*
 * The script in HTML answers.
 */
#ifndef SL__DEVELOP_INJECT_H
#define SL__DEVELOP_INJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "shallot/common.h"

enum sl__inject_state {
    SL__INJECT_TEXT,
    SL__INJECT_NAME, /* behind '<': what it begins is not known yet */
    SL__INJECT_TAG,
    SL__INJECT_QUOTED, /* a value in a tag */
    SL__INJECT_COMMENT,
    SL__INJECT_RAW,      /* in an element whose content is no markup */
    SL__INJECT_RAW_NAME, /* in it, behind '<' */
    SL__INJECT_DONE,
};

/** Octets go through here, and one piece of markup is put in among them: in front of `</body>`, or
 * at the end. Zeroed memory, but for the piece, is the beginning of a document. */
struct sl__inject {
    const char *piece;
    int (*out)(void *self, const void *bytes, size_t len); /* 0 or a negative error */
    void *self;
    enum sl__inject_state state;
    char quote;     /* SL__INJECT_QUOTED */
    unsigned dash;  /* SL__INJECT_COMMENT: dashes in a row */
    unsigned count; /* of what is held */
    char held[12];  /* '<' and what came behind it */
    char raw[12];   /* the name of the element */
};

/** What @p out returned, when it was negative; else 0. However the octets are cut, the outcome is
 * the same; at most a dozen are kept back. */
int sl__inject_pass(struct sl__inject *i, const void *bytes, size_t len);
/** No more octets come. */
int sl__inject_end(struct sl__inject *i);

/** The rest of the onion, with the script put into what is a page: as sl_next(). */
int sl__inject_next(sl_ctx *c);

#endif
