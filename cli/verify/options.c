/*
 * The arguments of `shallot verify`.
 */
#include "cli.h"
#include "verify.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char verify_help[] =
    "shallot verify [options] -- PROGRAM [arguments]\n"
    "\n"
    "Starts the program, puts load on it, does to it what befalls services (workers killed and\n"
    "stopped, reloads, broken executables, slow clients, a killed master), and reports what the\n"
    "clients saw of it. It takes about two minutes and wants a machine with nothing else to do.\n"
    "Exit status: 0 if everything holds, 1 if not.\n"
    "\n"
    "  --rate N           requests a second, half of them on new connections (500)\n"
    "  --workers N        workers the program shall have (2)\n"
    "  --seconds N        how long all is quiet at first (3)\n"
    "  --path PATH        what to ask for; answered with 200 (/)\n"
    "  --slow-path PATH   a path that answers after 300 ms or so, for `term`\n"
    "  --large-path PATH  a path that answers with 10 MB, for `slow`\n"
    "  --crash-path PATH  a path whose handler crashes, for `crash`\n"
    "  --clients N        slow clients, for `slow` (10000, or what the limit of files allows)\n"
    "  --grace MS         what idle connections get in a stop: .grace_ms (1000)\n"
    "  --only NAME        only this scenario; may be repeated\n"
    "  --list             name the scenarios and end\n"
    "  --json             the report as JSON\n";

enum { OPT_SLOW = 1, OPT_LARGE, OPT_CRASH, OPT_CLIENTS, OPT_GRACE, OPT_ONLY, OPT_LIST, OPT_JSON };

static const struct option known[] = {
    {"rate", required_argument, NULL, 'r'},
    {"workers", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 's'},
    {"path", required_argument, NULL, 'p'},
    {"slow-path", required_argument, NULL, OPT_SLOW},
    {"large-path", required_argument, NULL, OPT_LARGE},
    {"crash-path", required_argument, NULL, OPT_CRASH},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"only", required_argument, NULL, OPT_ONLY},
    {"list", no_argument, NULL, OPT_LIST},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int number(const char *name, const char *text, unsigned least, unsigned most, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || n < least || n > most)
        return say_usage_error("verify: --%s is a number from %u to %u, not %s", name, least, most,
                               text);
    *ret = (unsigned)n;
    return 0;
}

static int path(const char *name, const char *text, const char **ret)
{
    if (text[0] != '/' || strpbrk(text, " \r\n"))
        return say_usage_error("verify: --%s begins with a slash: %s", name, text);
    *ret = text;
    return 0;
}

static int only(const char *name, struct verify_options *o)
{
    const char *names[32] = {NULL}, *meant;

    for (unsigned i = 0; i < scenario_count; i++) {
        names[i] = scenarios[i].name;
        if (strcmp(name, names[i]) != 0)
            continue;
        if (o->only_count < sizeof o->only / sizeof *o->only)
            o->only[o->only_count++] = name;
        return 0;
    }
    meant = closest(name, names);
    if (meant)
        return say_usage_error("verify: no scenario %s; did you mean %s?", name, meant);
    return say_usage_error("verify: no scenario %s; see: shallot verify --list", name);
}

static int unknown(const char *typed)
{
    const char *names[sizeof known / sizeof *known], *meant;
    size_t i = 0;

    for (; known[i].name; i++)
        names[i] = known[i].name;
    names[i] = NULL;
    meant = closest(typed + strspn(typed, "-"), names);
    if (meant)
        return say_usage_error("verify: no such option %s; did you mean --%s?", typed, meant);
    return say_usage_error("verify: no such option %s; see: shallot help verify", typed);
}

static int take(int option, struct verify_options *o, const char *typed)
{
    switch (option) {
    case 'r':
        return number("rate", optarg, 1, 100000, &o->rate);
    case 'w':
        return number("workers", optarg, 1, WORKERS_MAX / 2, &o->workers);
    case 's':
        return number("seconds", optarg, 1, 3600, &o->seconds);
    case 'p':
        return path("path", optarg, &o->path);
    case OPT_SLOW:
        return path("slow-path", optarg, &o->slow_path);
    case OPT_LARGE:
        return path("large-path", optarg, &o->large_path);
    case OPT_CRASH:
        return path("crash-path", optarg, &o->crash_path);
    case OPT_CLIENTS:
        return number("clients", optarg, 1, 200000, &o->slow_clients);
    case OPT_GRACE:
        return number("grace", optarg, 0, 3600000, &o->grace_ms);
    case OPT_ONLY:
        return only(optarg, o);
    case ':':
        return say_usage_error("verify: %s needs a value", typed);
    default:
        return unknown(typed);
    }
}

int verify_options_read(int argc, char **argv, struct verify_options *o)
{
    int option, r = 0;

    *o = (struct verify_options){.path = "/",
                                 .rate = 500,
                                 .workers = 2,
                                 .seconds = 3,
                                 .slow_clients = 10000,
                                 .grace_ms = 1000};
    opterr = 0;
    while (r == 0 && (option = getopt_long(argc, argv, "+:h", known, NULL)) != -1) {
        if (option == 'h')
            o->help = true;
        else if (option == OPT_LIST)
            o->list = true;
        else if (option == OPT_JSON)
            o->json = true;
        else
            r = take(option, o, argv[optind - 1]);
    }
    if (r != 0 || o->help || o->list)
        return r;
    o->command = argv + optind;
    if (optind == argc)
        return say_usage_error("verify: which program? shallot verify -- ./app");
    return 0;
}
