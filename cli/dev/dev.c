/*
 * shallot dev: build, serve in development mode, and again on every save.
 *
 * The loop is the library's, sl_develop(): here it is only told what to build, and its events are
 * shown.
 */
#include "dev/debug.h"
#include "project/project.h"
#include "screen.h"

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
    "  --open            open the browser ($BROWSER or xdg-open) once the program serves\n"
    "  --sanitize        build with AddressSanitizer and UBSan: a memory error is a crash with\n"
    "                    a report (ASAN_OPTIONS, UBSAN_OPTIONS)\n"
    "  --debug           a worker that crashes stops in gdb, here; quit goes on\n"
    "\n"
    "Keys, on a terminal: r build again and swap, o open the browser, c clear, q quit.\n"
    "Without a terminal the same is said in plain lines. NO_COLOR is honoured.\n"
    "\n"
    "CC, CFLAGS and LDFLAGS (CXX and CXXFLAGS for C++) are used for FILE.c.\n";

static const char *const allowed[] = {"build", "port",     "host",  "watch",
                                      "open",  "sanitize", "debug", NULL};

struct session {
    struct screen *screen;
    bool open;
};

static void say_news(void *self, const sl_development_news *news)
{
    struct session *session = self;

    screen_news(session->screen, news);
    if (news->event == SL_DEV_STOPPED)
        debug_worker(news->pid);
}

static void begin(void *self, sl_developing *developing)
{
    struct session *session = self;

    screen_begin(session->screen, developing, session->open);
}

static int develop(const struct options *o, const struct project *p)
{
    struct session session = {.screen = screen_new(p->title), .open = o->open};
    sl_development d = {.size = sizeof d, .say = say_news, .begin = begin, .self = &session};
    char *program = realpath(p->program, NULL);
    size_t count = 0;
    int status;

    while (o->args[count])
        count++;
    d.argv = calloc(count + 2, sizeof *d.argv);
    if (!d.argv || !session.screen)
        return say_failure("out of memory");
    d.argv[0] = program ? program : (char *)(size_t)p->program; /* not built yet */
    for (size_t i = 0; i < count; i++)
        d.argv[i + 1] = o->args[i];
    d.build = p->build[0] ? p->build : NULL;
    d.watch = p->watch[0] ? p->watch : ".";
    screen_prepare(session.screen, &d);
    d.debug = o->debug;
    status = sl_develop(&d);
    screen_free(session.screen);
    free(d.argv);
    free(program);
    return status;
}

/* A swap is no time to wait for a list of leaks, and undefined behaviour is a line with its stack;
 * who wants it otherwise says so. */
static void set_sanitizers(void)
{
    setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
    setenv("UBSAN_OPTIONS", "print_stacktrace=1", 0);
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
    if (o.debug && debug_check() != 0)
        return 1;
    if (o.debug)
        debug_prepare();
    r = project_find(&o, o.sanitize ? COMPILE_SANITIZE : COMPILE_DEV, &project);
    if (r != 0)
        return r;
    options_export(&o);
    if (o.sanitize)
        set_sanitizers();
    say_line(TONE_PLAIN, "shallot", "dev · %s", project.title);
    return develop(&o, &project);
}
