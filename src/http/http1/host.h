/*
 * The grammar of host and port (RFC 3986 §3.2.2, §3.2.3), as in Host and in the authority of a
 * target.
 */
#ifndef SL__HTTP1_HOST_H
#define SL__HTTP1_HOST_H

#include <stdbool.h>

#include "base/str.h"

/** True for "host" and "host:port" with a host that is not empty; the port may be empty, and is at
 * most 65535. No userinfo. */
bool sl__host_valid(struct sl__str host);

#endif
