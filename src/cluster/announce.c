/*
 * What the master announces to the workers in development.
 *
 * Comes from development.c with a build's end, and from those who hear that new code did not come
 * up. Leaves as a retained message, so that a worker that joins later knows it before it serves.
 */
#include "cluster/announce.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/time.h"
#include "cluster/feed.h"
#include "cluster/frame.h"
#include "cluster/master.h"

#define LESS_TEXT ((size_t)8192) /* where messages may not be larger */

/* Another one each time, also for the next master. */
static int64_t next_number(void)
{
    static int64_t last;
    struct timespec now;
    int64_t ms;

    clock_gettime(CLOCK_REALTIME, &now);
    ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    last = ms > last ? ms : last + 1;
    return last;
}

static int put(const struct sl__feed_line *line, const char *text, size_t len)
{
    struct sl__buf message = {0};
    int r = sl__buf_append(&message, line->octets, line->len);

    if (r == 0)
        r = sl__buf_append(&message, "\n", 1);
    if (r == 0)
        r = sl__buf_append(&message, text, len);
    if (r == 0)
        r = sl__master_send(SL__TO_RETAINED, SL__TOPIC_CODE, message.data + message.at,
                            sl__buf_len(&message));
    sl__buf_finish(&message);
    return r;
}

void sl__announce(const char *state, int status, int64_t ns, const char *why, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    struct sl__feed_line line;

    sl__feed_begin(&line, state);
    sl__feed_add_number(&line, "number", next_number());
    sl__feed_add_number(&line, "status", status > 128 ? 0 : status);
    sl__feed_add_number(&line, "signal", status > 128 ? status - 128 : 0);
    sl__feed_add_number(&line, "ms", ns / SL__MS);
    if (why)
        sl__feed_add_text(&line, "why", why);
    if (put(&line, text ? text : "", len) < 0 && len > LESS_TEXT)
        put(&line, text, LESS_TEXT);
}
