/*
 * The seam between the composition root and what development adds to an app.
 */
#ifndef SL__DEVELOP_ATTACH_H
#define SL__DEVELOP_ATTACH_H

#include "app/app.h"

/**
 * Puts what development mode has to offer in front of all layers of the app: the names below
 * `/_shallot/`, which no other layer hears of. In a worker or a standalone process, before it
 * serves. 0 or -ENOMEM, and the app is as it was.
 */
int sl__develop_attach(sl_app *app);

#endif
