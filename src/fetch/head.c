/*
 * The head of an answer: status and header lines, bounded, copied out of libcurl's hands.
 *
 * libcurl gives every line of every head it sees, those of interim answers and of redirects too,
 * and the trailer section, which the caller keeps away from here. Each line is one allocation: the
 * name, and behind its NUL the value.
 */
#include "head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static size_t without_end(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r' || is_space(line[len - 1])))
        len--;
    return len;
}

static int take_status(struct fetch__head *h, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    int status = 0;

    fetch__head_finish(h);
    h->length = -1;
    if (!space || line + len - space < 4)
        return -EPROTO;
    for (int i = 1; i <= 3; i++) {
        if (space[i] < '0' || space[i] > '9')
            return -EPROTO;
        status = status * 10 + space[i] - '0';
    }
    h->status = status;
    return FETCH__LINE;
}

static int make_room(struct fetch__head *h, size_t more)
{
    size_t room = h->room > 0 ? h->room * 2 : 16;
    sl_fetch_header *list;

    h->bytes += more;
    if (h->bytes > FETCH__HEAD_BYTES || h->count == FETCH__HEAD_LINES)
        return -EPROTO;
    if (h->count < h->room)
        return 0;
    list = realloc(h->list, room * sizeof *list);
    if (!list)
        return -ENOMEM;
    h->list = list;
    h->room = room;
    return 0;
}

static char *owned(const sl_fetch_header *line)
{
    return (char *)(uintptr_t)line->name;
}

/* A folded line (RFC 9112 §5.2) belongs to the one before, behind a space. */
static int unfold(struct fetch__head *h, const char *more, size_t len)
{
    sl_fetch_header *last = h->count > 0 ? &h->list[h->count - 1] : NULL;
    size_t name, value;
    char *text;

    if (!last || h->bytes + len > FETCH__HEAD_BYTES)
        return -EPROTO;
    h->bytes += len;
    name = strlen(last->name) + 1;
    value = strlen(last->value);
    text = realloc(owned(last), name + value + 1 + len + 1);
    if (!text)
        return -ENOMEM;
    text[name + value] = ' ';
    memcpy(text + name + value + 1, more, len);
    text[name + value + 1 + len] = '\0';
    *last = (sl_fetch_header){text, text + name};
    return FETCH__LINE;
}

static void note_length(struct fetch__head *h, const sl_fetch_header *line)
{
    char *end;
    long long n;

    if (strcasecmp(line->name, "Content-Length") != 0)
        return;
    n = strtoll(line->value, &end, 10);
    if (end != line->value && *end == '\0' && n >= 0)
        h->length = n;
}

static int add(struct fetch__head *h, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len), *value;
    size_t name_len = colon ? (size_t)(colon - line) : 0, value_len;
    char *text;
    int r;

    if (name_len == 0 || memchr(line, '\0', len))
        return -EPROTO;
    r = make_room(h, len);
    if (r < 0)
        return r;
    value = colon + 1;
    while (value < line + len && is_space(*value))
        value++;
    value_len = (size_t)(line + len - value);
    text = malloc(name_len + value_len + 2);
    if (!text)
        return -ENOMEM;
    memcpy(text, line, name_len);
    text[name_len] = '\0';
    memcpy(text + name_len + 1, value, value_len);
    text[name_len + 1 + value_len] = '\0';
    h->list[h->count] = (sl_fetch_header){text, text + name_len + 1};
    note_length(h, &h->list[h->count]);
    h->count++;
    return FETCH__LINE;
}

int fetch__head_line(struct fetch__head *h, const char *line, size_t len)
{
    size_t text = without_end(line, len);

    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
        return take_status(h, line, text);
    if (len > 0 && is_space(*line)) {
        while (text > 0 && is_space(*line))
            line++, text--;
        return unfold(h, line, text);
    }
    if (text > 0)
        return add(h, line, text);
    if (h->status == 101) /* nobody asked for another protocol */
        return -EPROTO;
    return h->status >= 200 ? FETCH__LINE_END : FETCH__LINE;
}

const char *fetch__head_find(const sl_fetch_header *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i].name, name) == 0)
            return list[i].value;
    return NULL;
}

void fetch__head_finish(struct fetch__head *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(owned(&h->list[i]));
    free(h->list);
    *h = (struct fetch__head){0};
}
