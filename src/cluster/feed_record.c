/*
 * Taking a record of the feed apart. Pure.
 *
 * develop_feed.c comes here with what a program has sent, which may be another version of Shallot,
 * or none at all: whatever the octets are, the outcome is a kind, some fields and a text.
 */
#include "cluster/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void take_field(struct sl__feed_record *r, char *field)
{
    char *equals = strchr(field, '=');

    if (!equals || equals == field || r->count == SL__FEED_FIELDS)
        return;
    *equals = '\0';
    r->fields[r->count].name = field;
    r->fields[r->count].value = equals + 1;
    r->count++;
}

void sl__feed_parse(char *octets, struct sl__feed_record *ret)
{
    char *newline = strchr(octets, '\n'), *rest = octets;

    *ret = (struct sl__feed_record){.text = newline ? newline + 1 : ""};
    if (newline)
        *newline = '\0';
    ret->kind = strsep(&rest, "\t");
    while (rest)
        take_field(ret, strsep(&rest, "\t"));
}

const char *sl__feed_value(const struct sl__feed_record *r, const char *name)
{
    for (unsigned i = 0; i < r->count; i++)
        if (strcmp(r->fields[i].name, name) == 0)
            return r->fields[i].value;
    return "";
}

int64_t sl__feed_number(const struct sl__feed_record *r, const char *name)
{
    const char *value = sl__feed_value(r, name);
    char *end;
    int64_t n;

    errno = 0;
    n = strtoll(value, &end, 10);
    return errno || end == value || *end ? 0 : n;
}
