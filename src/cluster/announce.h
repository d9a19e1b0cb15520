/*
 * What the master announces to the workers in development: how it stands with the new code. It is
 * for the pages that are open at them (docs/design/development.md).
 */
#ifndef SL__CLUSTER_ANNOUNCE_H
#define SL__CLUSTER_ANNOUNCE_H

#include <stdint.h>

/** The topic: an inside one, of which "*" hears nothing. A message is a record as the feed has it,
 * state⇥number=..⇥..., with the words of the compiler or a crash report as its text. */
#define SL__TOPIC_CODE "_shallot/code"

/**
 * Tells all workers, and those that come later.
 *
 * @param state   "building"; "good", the build; "failed", the build; "kept", the new code did not
 *                become ready and the old one serves on
 * @param status  of the build: exit status, or 128 and a signal's number
 * @param why     one line; may be NULL
 * @param text    may be NULL
 */
void sl__announce(const char *state, int status, int64_t ns, const char *why, const char *text);

#endif
