/*
 * Events as they are written into a stream (WHATWG HTML §9.2.5, §9.2.6): pure but for the memory.
 */
#ifndef SL__HTTP_EVENT_H
#define SL__HTTP_EVENT_H

#include "http/detached.h"
#include "shallot/sse.h"

/** True if @p text may stand behind "event: " or "id: ". */
bool sl__event_line_ok(const char *text);
/** The event as a piece of its own. 0; -EINVAL if there is nothing in it, or what has to be a line
 * is none; -ENOMEM. */
int sl__event_piece(const sl_sse_event *e, struct sl__piece **ret);
/** A comment, which says nothing to the client's program. NULL when out of memory. */
struct sl__piece *sl__event_heartbeat(void);

#endif
