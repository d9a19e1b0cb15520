/*
 * Hosts that a router answers to.
 */
#ifndef SL__APP_VHOST_H
#define SL__APP_VHOST_H

#include "base/str.h"

/** True for "host" or "*.host", without a port. */
bool sl__vhost_valid(const char *pattern);
/** True if @p host, perhaps with a port and a dot at its end, is what @p pattern means. */
bool sl__vhost_matches(const char *pattern, struct sl__str host);

#endif
