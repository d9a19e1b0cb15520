/*
 * What a proxy does to the fields of a message. Pure: text in, text out.
 */
#ifndef MIDDLEWARE_PROXY_FIELDS_H
#define MIDDLEWARE_PROXY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/** True if the field belongs to the connection and not to the message: by its name, or because
 * Connection, whose value is @p connection (NULL: none), lists it (RFC 9110 §7.6.1). */
bool proxy__is_hop_by_hop(const char *name, const char *connection);

/** True if a list of tokens has this one, in any case. */
bool proxy__lists(const char *list, const char *token);

/** The address in "192.0.2.1:80", "[2001:db8::1]:80" or without a port, for X-Forwarded-For;
 * "unknown" for what is none. */
void proxy__address(const char *remote, char *ret, size_t room);

/**
 * One element of Forwarded (RFC 7239 §4), with what has to be quoted quoted.
 *
 * @param host  "" is left out
 * @return      false if it does not fit
 */
bool proxy__forwarded(const char *remote, const char *host, const char *scheme, char *ret,
                      size_t room);

/**
 * Where the path begins in a request target: behind scheme and authority of an absolute one
 * (RFC 9112 §3.2.2). What it points to may be empty, or begin with '?'.
 */
const char *proxy__path(const char *target);

#endif
