/*
 * What libraries leave with the app.
 */
#ifndef SL__APP_KEPT_H
#define SL__APP_KEPT_H

#include "shallot/app.h"

/** Frees the values of sl_set_app_state(). */
void sl__kept_free(sl_app *app);

#endif
