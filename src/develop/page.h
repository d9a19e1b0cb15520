/*
 * The frame that every page of development shares. Each is one file: styles come with it, and the
 * one script is ours.
 */
#ifndef SL__DEVELOP_PAGE_H
#define SL__DEVELOP_PAGE_H

#include "develop/html.h"

/** What a page allows itself, for Content-Security-Policy: styles of its own, our script, and
 * nothing else; a second wall behind the escaping. */
#define SL__PAGE_POLICY                                                                            \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "       \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

struct sl__page {
    const char *title;  /* of the window */
    const char *name;   /* of the program; may be NULL */
    const char *method; /* of the request it answers; NULL: GET */
    const char *from;   /* the code that answers (live.h); NULL: the page is not live */
    long long number;   /* it is what there is to show of this build, and is exchanged when another
                           one fails; 0: it is another page */
};

void sl__page_begin(struct sl__html *h, const struct sl__page *p);
void sl__page_end(struct sl__html *h, const struct sl__page *p);

/** A command to be copied. @p id: of the element, one of a kind in the page. */
void sl__page_command(struct sl__html *h, const char *id, struct sl__str command);
/** Text as it came, folded. Nothing if it is empty. */
void sl__page_raw(struct sl__html *h, const char *title, struct sl__str text);

#endif
