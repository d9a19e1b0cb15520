/*
 * Commands that change a running program: reload, upgrade, stop, scale, restart; and routes, which
 * only asks.
 */
#include "operate/operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char reload_help[] =
    "shallot reload [PROGRAM] [--socket PATH]\n"
    "\n"
    "Starts the program's file anew beside the code that runs, and lets it take over once all its\n"
    "workers are ready. If it fails at any point the old code serves on, the reason is printed, "
    "and\n"
    "the exit status is 1. As SIGHUP to the master.\n"
    "\n"
    "PROGRAM: its name or the PID of its master; not needed if only one runs.\n";
const char upgrade_help[] =
    "shallot upgrade [PROGRAM] [--socket PATH]\n"
    "\n"
    "As reload, and then the master itself becomes the new program: the same process id, sockets,\n"
    "workers, messages and shared state, no request lost. If the new program fails at any point\n"
    "nothing has changed, the reason is printed, and the exit status is 1. As SIGUSR2 to the\n"
    "master.\n";
const char stop_help[] =
    "shallot stop [PROGRAM] [--now] [--socket PATH]\n"
    "\n"
    "Finishes the requests in flight and ends the program; waits until it is gone.\n"
    "\n"
    "  --now    finishes nothing\n";
const char scale_help[] =
    "shallot scale N|+N|-N [PROGRAM] [--socket PATH]\n"
    "\n"
    "So many workers from now on, until the code itself wants another number.\n"
    "As SIGTTIN (one more) and SIGTTOU (one less) to the master.\n";
const char restart_help[] = "shallot restart ID [PROGRAM] [--socket PATH]\n"
                            "\n"
                            "Starts a worker in the place of worker ID, which finishes its "
                            "requests and leaves once the new\n"
                            "one is ready. The ids are in shallot status.\n";
const char routes_help[] =
    "shallot routes [PROGRAM] [--socket PATH]\n"
    "\n"
    "Prints what the running code serves, in the order in which it is tried:\n"
    "method and pattern; ~ marks a regular expression.\n";

static const char *const no_flags[] = {NULL};

/* Hears to the end; '+' lines go to standard output. 0 or 1, printed. */
static int conclude(struct talk *t, const char *word)
{
    char *line;

    for (;;) {
        switch (talk_hear(t, &line)) {
        case '+':
            puts(line);
            break;
        case '~':
            say_line(TONE_QUIET, "", "%s", line);
            break;
        case '.':
            if (line[0])
                say_line(TONE_GOOD, word, "%s", line);
            return 0;
        case '!':
            return say_failure("%s", line);
        case 0:
            return say_failure("the program has ended before it answered");
        default: /* of a newer version */
            break;
        }
    }
}

/* @p at: which word names the program. */
static int command(int argc, char **argv, const char *name, unsigned at, const char *help,
                   const char *word)
{
    struct talk_options o;
    struct talk t;
    int r = talk_read(argc, argv, at, at + 1, no_flags, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(help, stdout);
        return 0;
    }
    if (talk_open(&t, &o, o.count > at ? o.words[at] : NULL) != 0)
        return 1;
    r = talk_ask(&t, at ? "%s %s" : "%s", name, at ? o.words[0] : "");
    if (r == 0)
        r = conclude(&t, word);
    talk_close(&t);
    return r;
}

int reload_main(int argc, char **argv)
{
    return command(argc, argv, "reload", 0, reload_help, "reloaded");
}

int upgrade_main(int argc, char **argv)
{
    return command(argc, argv, "upgrade", 0, upgrade_help, "upgraded");
}

int scale_main(int argc, char **argv)
{
    return command(argc, argv, "scale", 1, scale_help, "scaled");
}

int restart_main(int argc, char **argv)
{
    return command(argc, argv, "restart", 1, restart_help, "restarted");
}

int routes_main(int argc, char **argv)
{
    return command(argc, argv, "routes", 0, routes_help, "");
}

int stop_main(int argc, char **argv)
{
    static const char *const flags[] = {"now", NULL};
    struct talk_options o;
    struct talk t;
    char *line;
    int r = talk_read(argc, argv, 0, 1, flags, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(stop_help, stdout);
        return 0;
    }
    if (talk_open(&t, &o, o.words[0]) != 0)
        return 1;
    r = talk_ask(&t, o.now ? "stop now" : "stop");
    if (r == 0)
        r = conclude(&t, "stopping");
    while (r == 0 && talk_hear(&t, &line)) /* until the master is gone */
        ;
    if (r == 0)
        say_line(TONE_GOOD, "stopped", "%s", "");
    talk_close(&t);
    return r;
}
