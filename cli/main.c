/*
 * The shallot program: finds the command and hands over.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include <shallot/common.h>

const struct command cli_commands[] = {
    {"dev", dev_main, dev_help},
    {"run", run_main, run_help},
    {"new", new_main, new_help},
    {"status", status_main, status_help},
    {"top", top_main, top_help},
    {"reload", reload_main, reload_help},
    {"stop", stop_main, stop_help},
    {"scale", scale_main, scale_help},
    {"restart", restart_main, restart_help},
    {"routes", routes_main, routes_help},
    {"crashes", crashes_main, crashes_help},
    {"upgrade", upgrade_main, upgrade_help},
    {"verify", verify_main, verify_help},
    {"compile", compile_main, compile_help},
    {"complete", complete_main, complete_help},
};
const size_t cli_commands_count = sizeof cli_commands / sizeof *cli_commands;

static const char *const names[] = {"dev",  "run",   "status",  "top",    "reload",  "upgrade",
                                    "stop", "scale", "restart", "routes", "crashes", "verify",
                                    "new",  "help",  "version", NULL};

const char general_help[] = "shallot " SL_VERSION ": HTTP services in C\n"
                            "\n"
                            "  shallot dev [FILE.c]      build, serve, and again on every "
                            "save\n"
                            "  shallot new NAME          a new project\n"
                            "  shallot run [FILE.c]      build for production and serve\n"
                            "\n"
                            "  shallot status            what runs, how it does\n"
                            "  shallot top               the same, live\n"
                            "  shallot reload            new code, no request lost\n"
                            "  shallot upgrade           the same for the master itself\n"
                            "  shallot scale N           so many workers\n"
                            "  shallot restart ID        a fresh process for one worker\n"
                            "  shallot stop              finish what was begun, and end\n"
                            "  shallot routes            what the program serves\n"
                            "  shallot crashes [N]       what crashed, and where\n"
                            "\n"
                            "  shallot verify -- ./app   kill, stop and reload it, and "
                            "see what clients notice\n"
                            "\n"
                            "  shallot help COMMAND      more about a command\n"
                            "  shallot --version\n"
                            "\n"
                            "The manual page shallot(1) says it all.\n";

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *meant = closest(name, names);

    if (meant)
        return say_usage_error("no such command: %s; did you mean %s?", name, meant);
    return say_usage_error("no such command: %s; see: shallot help", name);
}

static int help(const char *name)
{
    const struct command *c = name ? command_named(name) : NULL;

    if (name && !c && strcmp(name, "help") != 0 && strcmp(name, "version") != 0)
        return unknown(name);
    fputs(c ? c->help : general_help, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct command *c;

    if (!name) {
        fputs(general_help, stderr);
        return 2;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0) {
        puts("shallot " SL_VERSION);
        return 0;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argv[2]);
    c = command_named(name);
    if (c)
        return c->run(argc - 1, argv + 1);
    return unknown(name);
}
