/*
 * Where to connect to: the parameters for libpq, with every name resolved.
 *
 * libpq looks names up with getaddrinfo(), which blocks. So they are looked up on a thread first
 * and handed over as hostaddr, one entry for each address; the name stays beside it, because
 * certificates are checked against it. Left alone: unix sockets, addresses given as such, and what
 * only a service file knows.
 */
#include <errno.h>
#include <netdb.h>
#include <shallot/fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define ADDRESSES 16 /* of all hosts together */
#define HOSTS 16

struct lookup {
    const char *host;
    struct addrinfo *found;
    int code; /* getaddrinfo()'s, which is no errno */
};

/* As libpq tells a conninfo from the name of a database. */
static bool is_conninfo(const char *text)
{
    return strchr(text, '=') || strncmp(text, "postgres://", 11) == 0 ||
           strncmp(text, "postgresql://", 13) == 0;
}

bool slpg_conninfo_good(const char *conninfo, char *why, size_t size)
{
    PQconninfoOption *options;
    char *said = NULL;

    if (!is_conninfo(conninfo))
        return true;
    options = PQconninfoParse(conninfo, &said);
    if (!options)
        snprintf(why, size, "%.*s", said ? (int)strcspn(said, "\n") : 0, said ? said : "");
    PQfreemem(said);
    PQconninfoFree(options);
    return options != NULL;
}

/* Copies host, hostaddr and port as they will be in force; NULL where nobody says. */
static int read_options(const PQconninfoOption *o, char **host, char **addresses, char **ports)
{
    for (; o && o->keyword; o++) {
        char **to = strcmp(o->keyword, "host") == 0       ? host
                    : strcmp(o->keyword, "hostaddr") == 0 ? addresses
                    : strcmp(o->keyword, "port") == 0     ? ports
                                                          : NULL;

        if (!to || !o->val || !*o->val)
            continue;
        free(*to);
        *to = strdup(o->val);
        if (!*to)
            return -ENOMEM;
    }
    return 0;
}

static int read_all(const char *conninfo, char **host, char **addresses, char **ports)
{
    PQconninfoOption *defaults = PQconndefaults(), *own = NULL;
    int r = defaults ? 0 : -ENOMEM;

    if (r == 0 && is_conninfo(conninfo)) {
        own = PQconninfoParse(conninfo, NULL);
        r = own ? 0 : -ENOMEM; /* it has been checked */
    }
    if (r == 0)
        r = read_options(defaults, host, addresses, ports);
    if (r == 0)
        r = read_options(own, host, addresses, ports);
    PQconninfoFree(defaults);
    PQconninfoFree(own);
    return r;
}

static int look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    l->code = getaddrinfo(l->host, NULL, &hints, &l->found);
    return 0;
}

static bool needs_lookup(const char *host)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found;

    if (*host == '\0' || *host == '/' || *host == '@')
        return false;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return true;
    freeaddrinfo(found);
    return false;
}

/* The three lists that libpq wants, entry by entry. */
struct lists {
    FILE *host, *address, *port;
    unsigned count;
};

static void add(struct lists *l, const char *host, const char *address, const char *port)
{
    const char *comma = l->count++ ? "," : "";

    fprintf(l->host, "%s%s", comma, host);
    fprintf(l->address, "%s%s", comma, address);
    fprintf(l->port, "%s%s", comma, port);
}

static int add_host(struct lists *l, const char *host, const char *port, char *why, size_t size)
{
    struct lookup found = {.host = host};
    char address[NI_MAXHOST];
    int r;

    if (!needs_lookup(host)) {
        add(l, host, "", port);
        return 0;
    }
    r = sl_offload(look_up, &found);
    if (r < 0)
        return r;
    if (found.code != 0) {
        snprintf(why, size, "no address for \"%s\": %s", host, gai_strerror(found.code));
        return -ENOENT;
    }
    for (struct addrinfo *a = found.found; a && l->count < ADDRESSES; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST) == 0)
            add(l, host, address, port);
    freeaddrinfo(found.found);
    return 0;
}

/* Up to the next comma, which is replaced; the last one again and again if there is one only. */
static char *next_of(char **list, bool repeat)
{
    char *item = *list, *comma = item ? strchr(item, ',') : NULL;

    if (comma) {
        *comma = '\0';
        *list = comma + 1;
    } else if (!repeat) {
        *list = NULL;
    }
    return item;
}

static int resolve_all(struct lists *l, char *hosts, char *ports, char *why, size_t size)
{
    bool one_port = !ports || !strchr(ports, ',');

    for (int i = 0; hosts && i < HOSTS; i++) {
        char *host = next_of(&hosts, false), *port = next_of(&ports, one_port);
        int r = add_host(l, host, port ? port : "", why, size);

        if (r < 0 && r != -ENOENT) /* a host that is not there leaves the others */
            return r;
    }
    return l->count > 0 ? 0 : -ENOENT;
}

static int write_lists(struct slpg_address *ret, char *hosts, char *ports, char *why, size_t size)
{
    size_t sizes[3];
    struct lists l = {.host = open_memstream(&ret->hosts, &sizes[0]),
                      .address = open_memstream(&ret->addresses, &sizes[1]),
                      .port = open_memstream(&ret->ports, &sizes[2])};
    int r = -ENOMEM;
    bool whole = true;

    if (l.host && l.address && l.port)
        r = resolve_all(&l, hosts, ports, why, size);
    whole &= !l.host || fclose(l.host) == 0;
    whole &= !l.address || fclose(l.address) == 0;
    whole &= !l.port || fclose(l.port) == 0;
    return r == 0 && !whole ? -ENOMEM : r;
}

static void set(struct slpg_address *a, unsigned *at, const char *keyword, const char *value)
{
    if (!value)
        return;
    a->keywords[*at] = keyword;
    a->values[(*at)++] = value;
}

/* What stands before dbname is a default that the conninfo may change, what stands behind it is
 * not. A server that has vanished without a word is noticed in half a minute, not in hours. */
static void fill(struct slpg_address *a, const char *conninfo)
{
    unsigned at = 0;

    set(a, &at, "keepalives_idle", "15");
    set(a, &at, "keepalives_interval", "5");
    set(a, &at, "keepalives_count", "3");
    set(a, &at, "tcp_user_timeout", "20000");
    set(a, &at, "fallback_application_name", program_invocation_short_name);
    set(a, &at, "dbname", *conninfo ? conninfo : NULL);
    set(a, &at, "host", a->hosts);
    set(a, &at, "hostaddr", a->addresses);
    set(a, &at, "port", a->ports);
    set(a, &at, "client_encoding", "UTF8");
    a->keywords[at] = a->values[at] = NULL;
}

int slpg_resolve(const char *conninfo, struct slpg_address *ret, char *why, size_t size)
{
    char *hosts = NULL, *addresses = NULL, *ports = NULL;
    int r = read_all(conninfo, &hosts, &addresses, &ports);

    *ret = (struct slpg_address){.hosts = NULL};
    if (r == 0 && hosts && !addresses)
        r = write_lists(ret, hosts, ports, why, size);
    if (r == 0)
        fill(ret, conninfo);
    free(hosts);
    free(addresses);
    free(ports);
    return r;
}

void slpg_address_free(struct slpg_address *a)
{
    free(a->hosts);
    free(a->addresses);
    free(a->ports);
    *a = (struct slpg_address){.hosts = NULL};
}
