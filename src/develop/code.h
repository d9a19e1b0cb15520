/*
 * How it stands with the new code, as a worker knows it from the master's announcements.
 */
#ifndef SL__DEVELOP_CODE_H
#define SL__DEVELOP_CODE_H

#include "cluster/feed.h"
#include "shallot/common.h"

#define SL__CODE_EVENT_MAX 96

/** Begins to listen to the master. 0 or -ENOMEM. */
int sl__code_attach(sl_app *app);

/** The data of the event "build" (live.h). False if nothing was announced yet. */
bool sl__code_event(sl_app *app, char to[SL__CODE_EVENT_MAX]);

/** The stand-in (standin_app.c), which no master tells anything: what the tool says, in the same
 * form, and "crashed" besides. From the first one on this process says that it stands in. What is
 * wrong stays known while somebody builds. */
void sl__code_tell(sl_app *app, const char *record, size_t len);
bool sl__code_stands_in(sl_app *app);
/** What was told last and is no "building": kind "" before. */
const struct sl__feed_record *sl__code_known(sl_app *app);

/** Calls @p fn with each announcement from now on. 0 or -ENOMEM. */
int sl__code_follow(sl_app *app, void (*fn)(sl_app *app, void *self), void *self);

/** `GET /_shallot/build`: what is wrong, as a piece of HTML, or as a page for who goes there; 204
 * if nothing is. */
int sl__code_page(sl_ctx *c);
/** The whole page, whatever was asked for. */
int sl__code_whole_page(sl_ctx *c);

#endif
