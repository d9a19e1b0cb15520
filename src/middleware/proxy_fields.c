/*
 * The fields of a message on its way through a proxy: which end here, and what the next one is told
 * about where the message came from.
 */
#include "proxy_fields.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " \t,"

bool proxy__lists(const char *list, const char *token)
{
    size_t len = strlen(token);

    while (list && *list) {
        size_t n;

        list += strspn(list, SEPARATORS);
        n = strcspn(list, SEPARATORS);
        if (n == len && n > 0 && strncasecmp(list, token, n) == 0)
            return true;
        list += n;
    }
    return false;
}

bool proxy__is_hop_by_hop(const char *name, const char *connection)
{
    static const char *const names[] = {
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return proxy__lists(connection, name);
}

/* Four or six; 0 for what is no address. */
static int family_of(const char *text)
{
    unsigned char raw[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, text, raw) == 1)
        return 4;
    return inet_pton(AF_INET6, text, raw) == 1 ? 6 : 0;
}

void proxy__address(const char *remote, char *ret, size_t room)
{
    bool bracket = *remote == '[';
    const char *at = remote + bracket;
    size_t len = bracket ? strcspn(at, "]") : strcspn(at, ":");
    char text[INET6_ADDRSTRLEN];

    if (!bracket && strchr(at + len + (at[len] == ':'), ':')) /* an IPv6 address by itself */
        len = strlen(at);
    snprintf(text, sizeof text, "%.*s", len < sizeof text ? (int)len : 0, at);
    snprintf(ret, room, "%s", family_of(text) ? text : "unknown");
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A token as it is, everything else quoted (RFC 9110 §5.6.4). Returns what is behind it; NULL if it
 * does not fit. */
static char *put_value(char *at, const char *end, const char *value)
{
    bool token = *value != '\0';

    for (const char *p = value; *p; p++)
        token = token && is_token_char(*p);
    if ((size_t)(end - at) < 2 * strlen(value) + 3)
        return NULL;
    if (!token)
        *at++ = '"';
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            *at++ = '\\';
        *at++ = *value;
    }
    if (!token)
        *at++ = '"';
    *at = '\0';
    return at;
}

static char *put_pair(char *at, const char *end, const char *name, const char *value)
{
    int n = at ? snprintf(at, (size_t)(end - at), "%s=", name) : -1;

    return n > 0 && n < end - at ? put_value(at + n, end, value) : NULL;
}

bool proxy__forwarded(const char *remote, const char *host, const char *scheme, char *ret,
                      size_t room)
{
    char address[INET6_ADDRSTRLEN + 2], node[INET6_ADDRSTRLEN + 4];
    const char *end = ret + room;
    char *at;

    proxy__address(remote, address, sizeof address);
    snprintf(node, sizeof node, family_of(address) == 6 ? "[%s]" : "%s", address);
    at = put_pair(ret, end, "for", node);
    if (*host)
        at = put_pair(at, end, ";host", host);
    return put_pair(at, end, ";proto", scheme) != NULL;
}

const char *proxy__path(const char *target)
{
    const char *behind;

    if (*target == '/' || *target == '*')
        return target;
    behind = strstr(target, "://");
    return behind ? behind + 3 + strcspn(behind + 3, "/?#") : target;
}
