/*
 * Writing events: each field on its line, the data on as many as it has, an empty line behind.
 *
 * The app comes here with what the program said, and leaves with octets that a stream can send as
 * they are. They are written twice: once to see how many they are.
 */
#include "http/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *to; /* NULL: only counts */
    size_t len;
};

static void put(struct writer *w, const char *bytes, size_t len)
{
    if (w->to && len > 0)
        memcpy(w->to + w->len, bytes, len);
    w->len += len;
}

static void put_field(struct writer *w, const char *name, const char *value, size_t len)
{
    put(w, name, strlen(name));
    put(w, ": ", 2); /* the space is the client's to drop, so that one in the value stays */
    put(w, value, len);
    put(w, "\n", 1);
}

/* Octets up to the end of the line, which is CR LF, LF or CR (§9.2.5). */
static size_t line_len(const char *text, size_t len)
{
    const char *lf = memchr(text, '\n', len), *cr;

    if (lf)
        len = (size_t)(lf - text);
    cr = memchr(text, '\r', len);
    return cr ? (size_t)(cr - text) : len;
}

/* A line that ends is followed by another one, be it empty. */
static void put_data(struct writer *w, const char *data, size_t len)
{
    for (;;) {
        size_t line = len > 0 ? line_len(data, len) : 0, end = 1;

        put_field(w, "data", data, line);
        if (line == len)
            return;
        if (data[line] == '\r' && len > line + 1 && data[line + 1] == '\n')
            end = 2;
        data += line + end;
        len -= line + end;
    }
}

static void put_event(struct writer *w, const sl_sse_event *e)
{
    bool named = e->event && *e->event;
    char number[16];

    if (named)
        put_field(w, "event", e->event, strlen(e->event));
    if (e->id)
        put_field(w, "id", e->id, strlen(e->id));
    if (e->retry_ms > 0) {
        int n = snprintf(number, sizeof(number), "%u", e->retry_ms);

        put_field(w, "retry", number, (size_t)n);
    }
    if (e->data)
        put_data(w, e->data, e->len > 0 ? e->len : strlen(e->data));
    else if (named) /* without data nobody would be told */
        put_data(w, "", 0);
    put(w, "\n", 1);
}

bool sl__event_line_ok(const char *text)
{
    return !text || !text[strcspn(text, "\r\n")];
}

int sl__event_piece(const sl_sse_event *e, struct sl__piece **ret)
{
    struct writer count = {NULL, 0}, w;

    if (!sl__event_line_ok(e->event) || !sl__event_line_ok(e->id))
        return -EINVAL;
    put_event(&count, e);
    if (count.len == 1)
        return -EINVAL;
    *ret = sl__piece_new(count.len);
    if (!*ret)
        return -ENOMEM;
    w = (struct writer){(*ret)->bytes, 0};
    put_event(&w, e);
    return 0;
}

struct sl__piece *sl__event_heartbeat(void)
{
    struct sl__piece *p = sl__piece_new(3);

    if (p)
        memcpy(p->bytes, ":\n\n", 3);
    return p;
}
