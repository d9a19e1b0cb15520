/*
 * How it stands with the new code, as a worker knows it from the master's announcements.
 */
#ifndef SL__DEVELOP_CODE_H
#define SL__DEVELOP_CODE_H

#include "shallot/common.h"

#define SL__CODE_EVENT_MAX 96

/** Begins to listen to the master. 0 or -ENOMEM. */
int sl__code_attach(sl_app *app);

/** The data of the event "build" (live.h). False if nothing was announced yet. */
bool sl__code_event(sl_app *app, char to[SL__CODE_EVENT_MAX]);

/** Calls @p fn with each announcement from now on. 0 or -ENOMEM. */
int sl__code_follow(sl_app *app, void (*fn)(sl_app *app, void *self), void *self);

/** `GET /_shallot/build`: what is wrong, as a piece of HTML, or as a page for who goes there; 204
 * if nothing is. */
int sl__code_page(sl_ctx *c);

#endif
