/*
 * The app as a service of the http floor.
 */
#ifndef SL__APP_SERVICE_H
#define SL__APP_SERVICE_H

#include "shallot/common.h"

void sl__service_init(sl_app *app);

/** Asks the protocol to come back when the request has ended: something is to be cleaned up. */
void sl__service_clean_up_later(sl_ctx *c);

#endif
