/*
 * Shallot: an onion that grows in clusters. HTTP services in C for Linux.
 *
 * This is the whole API except what needs a third-party header: <shallot/json.h> (Jansson) is
 * included by name. Prefixes: sl_ functions and types, SL_ macros and constants.
 */
#ifndef SHALLOT_H
#define SHALLOT_H

#include <stdio.h> /* printf and getpid, so that a small program needs one include */
#include <unistd.h>

#include <shallot/accept.h>
#include <shallot/app.h>
#include <shallot/cluster.h>
#include <shallot/common.h>
#include <shallot/compress.h>
#include <shallot/cookie.h>
#include <shallot/crypto.h>
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/fetch.h>
#include <shallot/fiber.h>
#include <shallot/field.h>
#include <shallot/folder.h>
#include <shallot/form.h>
#include <shallot/limits.h>
#include <shallot/log.h>
#include <shallot/loop.h>
#include <shallot/message.h>
#include <shallot/middleware.h>
#include <shallot/pg.h>
#include <shallot/proxy.h>
#include <shallot/request.h>
#include <shallot/response.h>
#include <shallot/router.h>
#include <shallot/session.h>
#include <shallot/shared.h>
#include <shallot/sse.h>
#include <shallot/static.h>
#include <shallot/stats.h>

#endif
