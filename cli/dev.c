/*
 * shallot dev: build, serve in development mode, and again on every save.
 *
 * The loop is the library's, sl_develop(): here it is only told what to build, and its events are
 * shown.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include <shallot/develop.h>

const char dev_help[] =
    "shallot dev [FILE.c | PROGRAM | FOLDER] [options] [-- arguments]\n"
    "\n"
    "Builds the program, serves it with one worker, and on every save builds it again and\n"
    "swaps the worker; requests in flight are finished by the code they began with. While a\n"
    "build fails the old worker serves on.\n"
    "\n"
    "  FILE.c      is built with the compiler alone, into .shallot/ beside it. Lines in it\n"
    "              // shallot: pkgs=libpq,zlib   add pkg-config packages,\n"
    "              // shallot: sources=util.c    further files; also cflags= and libs=\n"
    "  PROGRAM     is built with the make, meson or cmake files of this folder, if any\n"
    "  nothing     the build system's only program that serves, or the only source with a\n"
    "              main(), here or in src/\n"
    "\n"
    "  --build COMMAND   build with this shell command instead\n"
    "  --port N          listen on this port (PORT; 0: any free one)\n"
    "  --host ADDRESS    listen on this address (HOST)\n"
    "  --watch FOLDER    watch this folder instead of the program's own\n"
    "\n"
    "CC, CFLAGS and LDFLAGS (CXX and CXXFLAGS for C++) are used for FILE.c.\n";

static const char *const allowed[] = {"build", "port", "host", "watch", "sanitize", NULL};

static void say_news(void *self, const sl_development_news *news)
{
    static const struct {
        enum tone tone;
        const char *word;
    } lines[] = {
        [SL_DEV_CHANGED] = {TONE_PLAIN, "changed"}, [SL_DEV_BUILDING] = {TONE_QUIET, "building"},
        [SL_DEV_BUILT] = {TONE_GOOD, "built"},      [SL_DEV_FAILED] = {TONE_BAD, "failed"},
        [SL_DEV_WAITING] = {TONE_QUIET, "waiting"}, [SL_DEV_LISTENING] = {TONE_GOOD, "serving"},
        [SL_DEV_SWAPPED] = {TONE_GOOD, "swapped"},  [SL_DEV_KEPT] = {TONE_BAD, "kept"},
        [SL_DEV_CRASHED] = {TONE_BAD, "crashed"},   [SL_DEV_REQUEST] = {TONE_PLAIN, "request"},
        [SL_DEV_TROUBLE] = {TONE_BAD, "trouble"},
    };

    if (news->event == SL_DEV_BUILDING)
        return;
    if (news->output[0])
        fprintf(stderr, "%s", news->output);
    say_line(lines[news->event].tone, lines[news->event].word, "%s", news->text);
}

static int develop(const struct options *o, const struct project *p)
{
    sl_development d = {.size = sizeof d, .say = say_news};
    char *program = realpath(p->program, NULL);
    size_t count = 0;
    int status;

    while (o->args[count])
        count++;
    d.argv = calloc(count + 2, sizeof *d.argv);
    if (!d.argv)
        return say_failure("out of memory");
    d.argv[0] = program ? program : (char *)(size_t)p->program; /* not built yet */
    for (size_t i = 0; i < count; i++)
        d.argv[i + 1] = o->args[i];
    d.build = p->build[0] ? p->build : NULL;
    d.watch = p->watch[0] ? p->watch : ".";
    status = sl_develop(&d);
    free(d.argv);
    free(program);
    return status;
}

int dev_main(int argc, char **argv)
{
    static struct project project; /* too large for the stack */
    struct options o;
    int r = options_read(argc, argv, "dev", allowed, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(dev_help, stdout);
        return 0;
    }
    r = project_find(&o, o.sanitize ? COMPILE_SANITIZE : COMPILE_DEV, &project);
    if (r != 0)
        return r;
    options_export(&o);
    say_line(TONE_PLAIN, "shallot", "dev · %s", project.title);
    return develop(&o, &project);
}
