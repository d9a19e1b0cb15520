/*
 * An HTTP/1 answer as it comes, piece by piece: where it ends, its status, and whether the server
 * closes.
 *
 * Octets come in from client.c; nothing is kept but the line that is being read, of which the
 * beginning is enough. Trust is not a question here: the server is the user's own program, and what
 * it sends wrong is to be counted, not to be understood.
 */
#include "verify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool field_is(const char *line, const char *name, const char **ret_value)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return false;
    *ret_value = line + len + 1 + strspn(line + len + 1, " \t");
    return true;
}

static void take_field(struct answer *a)
{
    const char *value;

    if (field_is(a->line, "content-length", &value)) {
        a->left = strtoull(value, NULL, 10);
        a->has_length = true;
    } else if (field_is(a->line, "transfer-encoding", &value)) {
        a->chunked = strcasestr(value, "chunked") != NULL;
    } else if (field_is(a->line, "connection", &value)) {
        a->close = strcasestr(value, "close") != NULL;
    }
}

static enum answer_state after_head(const struct answer *a)
{
    if (a->status < 200)
        return ANSWER_STATUS; /* the real one follows */
    if (a->status == 204 || a->status == 304)
        return ANSWER_DONE;
    if (a->chunked)
        return ANSWER_CHUNK_SIZE;
    if (a->has_length)
        return a->left > 0 ? ANSWER_LENGTH : ANSWER_DONE;
    return ANSWER_REST;
}

static enum answer_state take_status(struct answer *a)
{
    if (strncmp(a->line, "HTTP/1.", 7) != 0 || a->len < 12)
        return ANSWER_WRONG;
    a->status = atoi(a->line + 9);
    a->close = a->line[7] == '0';
    a->chunked = a->has_length = false;
    return a->status >= 100 ? ANSWER_FIELDS : ANSWER_WRONG;
}

/* A whole line is there, without its end. */
static enum answer_state take_line(struct answer *a)
{
    char *end;

    switch (a->state) {
    case ANSWER_STATUS:
        return take_status(a);
    case ANSWER_FIELDS:
        if (a->len == 0)
            return after_head(a);
        take_field(a);
        return ANSWER_FIELDS;
    case ANSWER_CHUNK_SIZE:
        a->left = strtoull(a->line, &end, 16);
        if (end == a->line)
            return ANSWER_WRONG;
        return a->left > 0 ? ANSWER_CHUNK : ANSWER_TRAILERS;
    case ANSWER_CHUNK_END:
        return a->len == 0 ? ANSWER_CHUNK_SIZE : ANSWER_WRONG;
    default:
        return a->len == 0 ? ANSWER_DONE : ANSWER_TRAILERS;
    }
}

static size_t take_text(struct answer *a, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    size_t used = end ? (size_t)(end - data) + 1 : len, room = sizeof a->line - 1 - a->len;
    size_t more = end ? used - 1 : used;

    memcpy(a->line + a->len, data, more < room ? more : room);
    a->len += (unsigned)(more < room ? more : room);
    if (!end)
        return used;
    if (a->len > 0 && a->line[a->len - 1] == '\r')
        a->len--;
    a->line[a->len] = 0;
    a->state = take_line(a);
    a->len = 0;
    return used;
}

static size_t take_body(struct answer *a, size_t len)
{
    size_t used = len < a->left ? len : (size_t)a->left;

    if (a->state == ANSWER_REST)
        return len;
    a->left -= used;
    if (a->left == 0)
        a->state = a->state == ANSWER_CHUNK ? ANSWER_CHUNK_END : ANSWER_DONE;
    return used;
}

void answer_begin(struct answer *a)
{
    a->state = ANSWER_STATUS;
    a->status = 0;
    a->len = 0;
    a->left = 0;
    a->close = a->begun = a->chunked = a->has_length = false;
}

size_t answer_take(struct answer *a, const char *data, size_t len)
{
    size_t at = 0;

    a->begun = a->begun || len > 0;
    while (at < len && a->state != ANSWER_DONE && a->state != ANSWER_WRONG) {
        if (a->state == ANSWER_LENGTH || a->state == ANSWER_REST || a->state == ANSWER_CHUNK)
            at += take_body(a, len - at);
        else
            at += take_text(a, data + at, len - at);
    }
    return at;
}

bool answer_end(struct answer *a)
{
    if (a->state == ANSWER_REST)
        a->state = ANSWER_DONE;
    return a->state == ANSWER_DONE;
}
