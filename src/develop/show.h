/*
 * Pages in place of plain text: what app/ hands over when nobody has answered, or nobody has
 * handled an error.
 */
#ifndef SL__DEVELOP_SHOW_H
#define SL__DEVELOP_SHOW_H

#include "app/app.h"
#include "develop/html.h"
#include "develop/request_text.h"

/** sl_app.show: exchanges the text for a page if the client is one that shows pages. */
void sl__show(sl_ctx *c, int error);

/** True if the client would rather have HTML than anything else: a browser that goes to a page. */
bool sl__wants_page(sl_ctx *c);

/** The request, as a page writes it. */
void sl__asked_of(sl_ctx *c, struct sl__asked *ret);

/** The project's folder. */
const char *sl__project_root(const sl_app *app);

/** What is inside of the page: an error nobody handled; a status that nobody gave a body to. */
void sl__write_error(struct sl__html *h, sl_ctx *c, int error);
void sl__write_status(struct sl__html *h, sl_ctx *c);

/** How far two texts are apart, in characters put in, taken out or exchanged; both are cut at 255
 * octets. */
unsigned sl__distance(struct sl__str a, struct sl__str b);

/** A route's pattern with the parameters as @p path has them, as far as it goes: in @p buf. */
void sl__pattern_filled(const char *pattern, const char *path, char *buf, size_t size);

#endif
