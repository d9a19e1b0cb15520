/*
 * shallot run: build for production if needed, and become the program.
 */
#include "project/project.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char run_help[] =
    "shallot run [FILE.c | PROGRAM] [options] [-- arguments]\n"
    "\n"
    "Serves in production mode: one worker per CPU unless the program says otherwise.\n"
    "\n"
    "  FILE.c      is built first with -O2, into .shallot/release/ beside it, if it or what\n"
    "              it includes has changed\n"
    "  PROGRAM     is run as it is\n"
    "  nothing     what the Makefile, meson.build or CMakeLists.txt of this folder builds, or\n"
    "              its only source with a main()\n"
    "\n"
    "  --port N          listen on this port (PORT; 0: any free one)\n"
    "  --host ADDRESS    listen on this address (HOST)\n";

static const char *const allowed[] = {"port", "host", NULL};

static int build(const struct project *p)
{
    char dependencies[PATH_SIZE];
    int r = path_format(dependencies, sizeof dependencies, "%s.d", p->program);

    if (r != 0 || (is_source(p->title) && is_current(p->program, dependencies)))
        return r;
    r = run_command(p->build);
    return r == 0 ? 0 : say_failure("%s was not built", p->title);
}

static int become(const struct options *o, const struct project *p)
{
    size_t count = 0;
    char **argv;
    int r;

    while (o->args[count])
        count++;
    argv = calloc(count + 2, sizeof *argv);
    if (!argv)
        return say_failure("out of memory");
    argv[0] = (char *)(size_t)p->program;
    memcpy(argv + 1, o->args, count * sizeof *argv);
    setenv("SHALLOT_MODE", "production", 1);
    execv(p->program, argv);
    r = errno;
    free(argv);
    return say_failure("cannot run %s: %s%s%s", p->program, strerror(r),
                       r == EACCES    ? "; if it is a program: chmod +x "
                       : r == ENOEXEC ? "; it is no program of this machine, and no source: "
                                        "shallot run FILE.c"
                                      : "",
                       r == EACCES ? p->program : "");
}

/* `run` takes a program as it is, whatever build system lies beside it. */
static int find(const struct options *o, struct project *p)
{
    if (!o->what || is_source(o->what) || is_folder(o->what))
        return project_find(o, COMPILE_RELEASE, p);
    if (!is_file(o->what))
        return no_file(o->what, "run");
    return path_format(p->program, sizeof p->program, strchr(o->what, '/') ? "%s" : "./%s",
                       o->what);
}

int run_main(int argc, char **argv)
{
    static struct project project; /* too large for the stack */
    struct options o;
    int r = options_read(argc, argv, "run", allowed, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(run_help, stdout);
        return 0;
    }
    r = find(&o, &project);
    if (r == 0 && project.build[0])
        r = build(&project);
    if (r != 0)
        return r;
    options_export(&o);
    return become(&o, &project);
}
