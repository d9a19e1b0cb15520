/*
 * Options and endpoints: as given, with defaults, then as the environment wants them.
 */
#ifndef SL__APP_SETTINGS_H
#define SL__APP_SETTINGS_H

#include "app/app.h"

/** Fills app->options. What cannot be is logged and makes the app unfit. */
void sl__settings_init(sl_app *app, const sl_options *given);
void sl__settings_finish(sl_app *app);

#endif
