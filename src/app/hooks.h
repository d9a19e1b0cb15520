/*
 * Callbacks registered with the app.
 */
#ifndef SL__APP_HOOKS_H
#define SL__APP_HOOKS_H

#include "app/app.h"

/** Copies the hook to the end of the list, or to its front. 0; -EINVAL without a function;
 * -ENOMEM. */
int sl__hook_add(struct sl__app_hook **list, struct sl__app_hook hook, bool in_front);
void sl__hooks_free(struct sl__app_hook **list);

#endif
