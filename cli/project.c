/*
 * What does the user mean? From what was typed and what lies in the folder to a program and the
 * command that builds it.
 *
 * A named source is built by the compiler alone. Otherwise the folder's build system decides, if
 * there is one; else its only source with a main(). What is ambiguous is asked for in one line.
 */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct build_system {
    const char *file, *tool, *second_tool;
    const char *command;
    const char *output; /* folder the programs appear in */
    int depth;          /* and how far below */
} build_systems[] = {
    {"meson.build", "meson", "ninja",
     "{ [ -f build/build.ninja ] || meson setup build; } && ninja -C build", "build", 4},
    {"CMakeLists.txt", "cmake", NULL, "cmake -B build && cmake --build build", "build", 4},
    {"GNUmakefile", "make", NULL, "make", ".", 0},
    {"Makefile", "make", NULL, "make", ".", 0},
    {"makefile", "make", NULL, "make", ".", 0},
};

static const struct build_system *build_system_here(void)
{
    for (size_t i = 0; i < sizeof build_systems / sizeof *build_systems; i++)
        if (is_file(build_systems[i].file))
            return &build_systems[i];
    return NULL;
}

static void set_title(struct project *p, const char *what)
{
    snprintf(p->title, sizeof p->title, "%.255s", base_name(what));
}

static int use_source(const char *source, bool release, struct project *p)
{
    char real[PATH_MAX];
    int r = source_build(source, release, p->program, p->build);

    if (r != 0)
        return r;
    if (!has_main(source))
        say_line(TONE_BAD, "note", "%s has no main(): it will not link", source);
    if (!realpath(source, real))
        return say_failure("%s: %s", source, strerror(errno));
    folder_of(real, p->watch, sizeof p->watch);
    set_title(p, source);
    return 0;
}

/* The folder's only source with a main(). Several are named in the complaint. */
static int use_only_source(const char *command, bool release, struct project *p)
{
    char only[NAME_MAX + 1] = "", all[512] = "";
    unsigned found = 0;
    struct dirent *e;
    DIR *dir = opendir(".");

    if (!dir)
        return say_failure("cannot read this folder: %s", strerror(errno));
    while ((e = readdir(dir))) {
        size_t at = strlen(all);

        if (e->d_name[0] == '.' || !is_source(e->d_name) || !has_main(e->d_name))
            continue;
        snprintf(all + at, sizeof all - at, "%s%s", found ? ", " : "", e->d_name);
        snprintf(only, sizeof only, "%s", e->d_name);
        found++;
    }
    closedir(dir);
    if (found == 0)
        return say_failure("no source with a main() in this folder; name one: shallot %s hello.c",
                           command);
    if (found > 1)
        return say_failure("several programs in this folder (%s); name one: shallot %s %s", all,
                           command, only);
    return use_source(only, release, p);
}

static int need_build_tools(const struct build_system *s)
{
    int r = need_tool(s->tool);

    if (r == 0 && s->second_tool)
        r = need_tool(s->second_tool);
    return r;
}

/* With a build system but no program named: it must show which programs there are. */
static int find_program(const struct build_system *s, struct project *p)
{
    unsigned found = find_programs(s->output, s->depth, p->program, sizeof p->program);
    char file[PATH_SIZE];

    if (found == 0) {
        say_line(TONE_PLAIN, "build", "%s", p->build);
        if (run_command(p->build) != 0)
            return say_failure("the build failed; to wait for it to succeed name the program: "
                               "shallot dev %s/NAME",
                               s->output);
        found = find_programs(s->output, s->depth, p->program, sizeof p->program);
    }
    if (found == 0)
        return say_failure("%s made no program in %s; name it: shallot dev PATH/TO/PROGRAM",
                           s->tool, s->output);
    snprintf(file, sizeof file, "%s", p->program);
    if (found > 1)
        return say_failure("%s makes %u programs; name one: shallot dev %s", s->tool, found, file);
    set_title(p, file);
    return 0;
}

static int use_build_system(const struct build_system *s, const char *program, struct project *p)
{
    int r = need_build_tools(s);

    if (r != 0)
        return r;
    snprintf(p->build, sizeof p->build, "%s", s->command);
    return program ? 0 : find_program(s, p);
}

/* A program that is not there may be made by the build of this folder only if it will lie in it: a
 * path elsewhere is a mistyped one, and no reason to start a build. */
static bool is_below_here(const char *what)
{
    char here[PATH_MAX];
    size_t len;

    if (strncmp(what, "../", 3) == 0 || strstr(what, "/../"))
        return false;
    if (what[0] != '/')
        return true;
    if (!getcwd(here, sizeof here))
        return false;
    len = strlen(here);
    return strncmp(what, here, len) == 0 && what[len] == '/';
}

static int use_program(const struct options *o, const char *what, struct project *p)
{
    const struct build_system *s = build_system_here();
    bool there = is_file(what);
    int r = path_format(p->program, sizeof p->program, strchr(what, '/') ? "%s" : "./%s", what);

    set_title(p, what);
    if (r != 0)
        return r;
    if (o->build)
        return path_format(p->build, sizeof p->build, "%s", o->build);
    if (s && (there || is_below_here(what)))
        return use_build_system(s, what, p);
    if (!there)
        return say_failure("%s: %s", what, strerror(ENOENT));
    if (access(what, X_OK) != 0)
        return say_failure("%s is neither a source (.c, .cc, .cpp) nor a program", what);
    return 0;
}

static int use_folder(const struct options *o, bool release, struct project *p)
{
    const struct build_system *s = build_system_here();

    if (o->build)
        return say_usage_error(
            "with --build, name the program too: shallot dev ./NAME --build '%s'", o->build);
    if (s && release)
        return say_usage_error("run: name the program that %s makes: shallot run ./NAME", s->tool);
    if (s)
        return use_build_system(s, NULL, p);
    return use_only_source(release ? "run" : "dev", release, p);
}

static int use_what(const struct options *o, bool release, struct project *p)
{
    char program[PATH_SIZE];

    if (is_source(o->what)) {
        if (!is_file(o->what))
            return say_failure("%s: %s", o->what, strerror(is_folder(o->what) ? EISDIR : ENOENT));
        if (!o->build)
            return use_source(o->what, release, p);
        snprintf(program, sizeof program, "%s", o->what);
        *strrchr(program, '.') = 0; /* a build command usually makes hello of hello.c */
        return use_program(o, program, p);
    }
    return use_program(o, o->what, p);
}

int project_find(const struct options *o, bool release, struct project *ret)
{
    int r;

    memset(ret, 0, sizeof *ret);
    tools_find_shallot();
    if (o->what && is_folder(o->what)) {
        if (chdir(o->what) < 0)
            return say_failure("%s: %s", o->what, strerror(errno));
        r = use_folder(o, release, ret);
    } else {
        r = o->what ? use_what(o, release, ret) : use_folder(o, release, ret);
    }
    if (r == 0 && o->watch) {
        if (!is_folder(o->watch))
            return say_failure("--watch %s: no such folder", o->watch);
        r = path_format(ret->watch, sizeof ret->watch, "%s", o->watch);
    }
    return r;
}
