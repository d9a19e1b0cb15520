/*
 * Writing HTML, in which whatever comes from outside is text and nothing else.
 *
 * There is one way for text into a page, which escapes it: for elements and for attributes in
 * double quotes alike. Markup comes from literals of this folder only.
 */
#ifndef SL__DEVELOP_HTML_H
#define SL__DEVELOP_HTML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/** Zeroed memory is an empty page. */
struct sl__html {
    struct sl__buf buf;
    bool failed; /* out of memory: what is there is not whole */
};

/** Markup, as it is. */
void sl__html_put(struct sl__html *h, const char *markup);
/** Text: `& < > " '` are escaped, control characters other than tab and line feed are shown as
 * pictures of themselves, and what is no UTF-8 becomes U+FFFD. */
void sl__html_text(struct sl__html *h, struct sl__str text);
/** Markup with places for values: %s (a string, escaped), %.*s (likewise), %d, %u, %zu, %lld, %llu
 * and %%; nothing else. */
void sl__html_format(struct sl__html *h, const char *markup, ...)
    __attribute__((format(printf, 2, 3)));

#endif
