/*
 * The arguments of a command: options anywhere before "--", one thing to work on, and what belongs
 * to the program behind it.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char **place_of(struct options *o, const char *name)
{
    if (strcmp(name, "build") == 0)
        return &o->build;
    if (strcmp(name, "port") == 0)
        return &o->port;
    if (strcmp(name, "host") == 0)
        return &o->host;
    if (strcmp(name, "watch") == 0)
        return &o->watch;
    return NULL;
}

/* Of an option without a value. */
static bool *flag_of(struct options *o, const char *name)
{
    if (strcmp(name, "sanitize") == 0)
        return &o->sanitize;
    if (strcmp(name, "open") == 0)
        return &o->open;
    if (strcmp(name, "debug") == 0)
        return &o->debug;
    return NULL;
}

static bool allowed_here(const char *name, const char *const *allowed)
{
    for (; *allowed; allowed++)
        if (strcmp(name, *allowed) == 0)
            return true;
    return false;
}

static int unknown(const char *command, const char *typed, const char *name,
                   const char *const *allowed)
{
    const char *meant = closest(name, allowed);

    if (meant)
        return say_usage_error("%s: no such option %s; did you mean --%s?", command, typed, meant);
    return say_usage_error("%s: no such option %s; see: shallot help %s", command, typed, command);
}

/* "--name value" or "--name=value". @return arguments used, 0 after an error */
static int read_option(char **argv, const char *command, const char *const *allowed,
                       struct options *ret)
{
    char name[32] = "";
    const char *typed = argv[0], *equals = strchr(typed, '=');
    const char *start = typed + (typed[1] == '-' ? 2 : 1);
    size_t len = equals ? (size_t)(equals - start) : strlen(start);
    const char **place;

    if (len < sizeof name)
        memcpy(name, start, len);
    if (typed[1] != '-' || !allowed_here(name, allowed)) {
        unknown(command, typed, name, allowed);
        return 0;
    }
    if (flag_of(ret, name)) {
        *flag_of(ret, name) = true;
        if (equals)
            say_usage_error("%s: --%s takes no value", command, name);
        return equals ? 0 : 1;
    }
    place = place_of(ret, name);
    if (equals) {
        *place = equals + 1;
        return 1;
    }
    if (!argv[1]) {
        say_usage_error("%s: --%s needs a value", command, name);
        return 0;
    }
    *place = argv[1];
    return 2;
}

static int check_port(const char *command, const char *port)
{
    char *end;
    long n;

    if (!port)
        return 0;
    n = strtol(port, &end, 10);
    if (port[0] < '0' || port[0] > '9' || *end || n > 65535)
        return say_usage_error("%s: %s is no port: 1 to 65535, or 0 for any free one", command,
                               port);
    return 0;
}

int options_read(int argc, char **argv, const char *command, const char *const *allowed,
                 struct options *ret)
{
    int i = 1;

    memset(ret, 0, sizeof *ret);
    ret->args = argv + argc;
    while (i < argc) {
        const char *a = argv[i];

        if (strcmp(a, "--") == 0) {
            ret->args = argv + i + 1;
            break;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            ret->help = true;
            return 0;
        }
        if (a[0] == '-' && a[1]) {
            int used = read_option(argv + i, command, allowed, ret);

            if (used == 0)
                return 2;
            i += used;
            continue;
        }
        if (ret->what)
            return say_usage_error("%s: %s and %s: only one at a time; the program's own arguments "
                                   "come after --",
                                   command, ret->what, a);
        ret->what = a;
        i++;
    }
    return check_port(command, ret->port);
}

void options_export(const struct options *o)
{
    if (o->port)
        setenv("PORT", o->port, 1);
    if (o->host)
        setenv("HOST", o->host, 1);
}
