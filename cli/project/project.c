/*
 * What does the user mean? From what was typed and what lies in the folder to a program and the
 * command that builds it.
 *
 * A named source is built by the compiler alone. Otherwise the folder's build system decides, if
 * there is one; else its only source with a main(), or src/'s. What is ambiguous is asked for in
 * one line that names the candidates.
 */
#include "project/project.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_SIZE 1024

static void set_title(struct project *p, const char *what)
{
    snprintf(p->title, sizeof p->title, "%.255s", base_name(what));
}

/* "a.c, b.c and c.c", or as many as there is room for. */
static const char *list(const struct words *w, char *buf, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < w->count && at < size; i++) {
        const char *join = i == 0 ? "" : i + 1 == w->count ? " and " : ", ";

        at += (size_t)snprintf(buf + at, size - at, "%s%s", join, w->list[i]);
    }
    return buf;
}

/* Those of the list that pass, if any does; else all of them. */
static int prefer(struct words *w, bool (*passes)(const char *path))
{
    struct words good = {0};
    int r = 0;

    for (size_t i = 0; i < w->count && r == 0; i++)
        if (passes(w->list[i]))
            r = words_add(&good, w->list[i]);
    if (good.count == 0) {
        words_free(&good);
        return r;
    }
    words_free(w);
    *w = good;
    return r;
}

/* Sources */

int no_file(const char *what, const char *command)
{
    char near[NAME_MAX + 1];

    if (is_folder(what))
        return say_failure("%s: %s", what, strerror(EISDIR));
    if (access(what, F_OK) < 0 && errno != ENOENT && errno != ENOTDIR)
        return say_failure("%s: %s", what, strerror(errno));
    if (what[0] != '/' && closest_file(".", what, near))
        return say_failure("%s: no such file; did you mean: shallot %s %s?", what, command, near);
    return say_failure("%s: no such file in %s", what,
                       what[0] == '/' ? "its folder" : "this folder");
}

static int use_source(const char *source, enum compile_kind kind, struct project *p)
{
    char real[PATH_MAX];
    int r = source_build(source, kind, p->program, p->build);

    if (r != 0)
        return r;
    if (!realpath(source, real))
        return say_failure("%s: %s", source, strerror(errno));
    folder_of(real, p->watch, sizeof p->watch);
    set_title(p, source);
    return 0;
}

static bool serves(const char *source)
{
    char *text = read_text(source, NULL);
    bool found = text && (strstr(text, "sl_listen") || strstr(text, "sl_run"));

    free(text);
    return found;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sources of a folder that have a main(). */
static int find_sources(const char *folder, struct words *ret)
{
    char path[PATH_SIZE];
    DIR *dir = opendir(folder);
    struct dirent *e;
    int r = 0;

    if (!dir && folder[0] == '.')
        return say_failure("cannot read this folder: %s; ls -ld . says who may", strerror(errno));
    while (dir && r == 0 && (e = readdir(dir))) {
        if (e->d_name[0] == '.' || !is_source(e->d_name))
            continue;
        r = path_format(path, sizeof path, "%s%s%s", folder[0] == '.' ? "" : folder,
                        folder[0] == '.' ? "" : "/", e->d_name);
        if (r == 0 && has_main(path))
            r = words_add(ret, path);
    }
    if (dir)
        closedir(dir);
    if (ret->count > 1)
        qsort(ret->list, ret->count, sizeof *ret->list, by_name);
    return r;
}

/* The folder's only source with a main(), or src/'s; the only one that serves, if there are more.
 */
static int use_only_source(const char *command, enum compile_kind kind, struct project *p)
{
    struct words found = {0};
    char all[LIST_SIZE] = "";
    int r = find_sources(".", &found);

    if (r == 0 && found.count == 0)
        r = find_sources("src", &found);
    if (r == 0 && found.count > 1)
        r = prefer(&found, serves);
    if (r == 0 && found.count == 0)
        r = say_failure("no source with a main() in this folder; name one: shallot %s hello.c, or "
                        "begin with: shallot new hello",
                        command);
    else if (r == 0 && found.count > 1)
        r = say_failure("several programs in this folder (%s); name one: shallot %s %s",
                        list(&found, all, sizeof all), command, found.list[0]);
    else if (r == 0)
        r = use_source(found.list[0], kind, p);
    words_free(&found);
    return r;
}

/* Build systems */

static bool is_server_or_not_built(const char *program)
{
    return !is_file(program) || is_server(program);
}

/* Nobody knows beforehand which it will be: they are built, and looked at. */
static int build_and_look(const struct build_system *s, const char *command, enum compile_kind kind,
                          struct project *p, struct words *targets)
{
    int r;

    say_line(TONE_PLAIN, "build", "%s", s->build[kind]);
    if (run_command(p->build) != 0)
        return say_failure("the build failed; to wait for it to succeed name the program: "
                           "shallot %s %s/NAME",
                           command, s->output[kind]);
    r = targets->count == 0 ? find_programs(s->output[kind], s->depth, targets) : 0;
    return r != 0 ? r : prefer(targets, is_server_or_not_built);
}

static int use_only_target(const struct build_system *s, const char *command,
                           enum compile_kind kind, struct project *p, struct words *targets)
{
    char all[LIST_SIZE] = "";
    int r = 0;

    if (targets->count != 1)
        r = build_and_look(s, command, kind, p, targets);
    if (r != 0)
        return r;
    if (targets->count > 1)
        qsort(targets->list, targets->count, sizeof *targets->list, by_name);
    if (targets->count == 0)
        return say_failure("%s made no program in %s; name it: shallot %s PATH/TO/PROGRAM", s->tool,
                           s->output[kind], command);
    if (targets->count > 1)
        return say_failure("%s makes several programs (%s); name one: shallot %s %s", s->tool,
                           list(targets, all, sizeof all), command, base_name(targets->list[0]));
    set_title(p, targets->list[0]);
    return path_format(p->program, sizeof p->program, strchr(targets->list[0], '/') ? "%s" : "./%s",
                       targets->list[0]);
}

/* "chat" is build/src/chat, if that will be made. */
static int use_named_target(const struct build_system *s, const char *command, const char *what,
                            struct words *targets, struct project *p)
{
    char all[LIST_SIZE] = "";

    for (size_t i = 0; i < targets->count; i++)
        if (strcmp(base_name(targets->list[i]), base_name(what)) == 0)
            return path_format(p->program, sizeof p->program,
                               strchr(targets->list[i], '/') ? "%s" : "./%s", targets->list[i]);
    if (targets->count == 0)
        return 0; /* as it was typed: we cannot know better */
    return say_failure("%s makes no program %s, but %s; shallot %s %s", s->tool, what,
                       list(targets, all, sizeof all), command, base_name(targets->list[0]));
}

static int use_build_system(const struct build_system *s, const char *command, const char *what,
                            enum compile_kind kind, struct project *p)
{
    struct words targets = {0};
    int r = build_system_tools(s);

    source_make_own_folder(".shallot"); /* for what is remembered, if it can be */
    r = r != 0 ? r : build_system_configure(s, kind);
    r = r != 0 ? r : build_system_command(s, kind, p->build, sizeof p->build);
    r = r != 0 ? r : build_system_targets(s, kind, &targets);
    if (r == 0 && !what)
        r = use_only_target(s, command, kind, p, &targets);
    else if (r == 0 && (!strchr(what, '/') || kind == COMPILE_SANITIZE) &&
             (kind != COMPILE_DEV || !is_file(what)))
        r = use_named_target(s, command, what, &targets, p);
    if (r == 0)
        build_system_database(s, kind);
    words_free(&targets);
    return r;
}

/* Programs */

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

static int use_command(const char *command, struct project *p)
{
    int r = tools_own_command("compile --command", p->build, sizeof p->build);

    return r != 0 ? r : append_quoted(p->build, sizeof p->build, command);
}

static int use_program(const struct options *o, const char *what, enum compile_kind kind,
                       struct project *p)
{
    const struct build_system *s = build_system_here();
    bool there = is_file(what);
    int r = path_format(p->program, sizeof p->program, strchr(what, '/') ? "%s" : "./%s", what);

    set_title(p, what);
    if (r != 0)
        return r;
    if (o->build)
        return use_command(o->build, p);
    if (s && (there || is_below_here(what)))
        return use_build_system(s, "dev", what, kind, p);
    if (!there)
        return no_file(what, "dev");
    if (kind == COMPILE_SANITIZE)
        return say_failure("--sanitize needs something to build: name the source of %s", what);
    if (access(what, X_OK) != 0)
        return say_failure("%s is neither a source (.c, .cc, .cpp) nor a program; if it is one: "
                           "chmod +x %s",
                           what, what);
    return 0;
}

static int use_folder(const struct options *o, enum compile_kind kind, struct project *p)
{
    const struct build_system *s = build_system_here();
    const char *command = kind == COMPILE_RELEASE ? "run" : "dev";

    if (o->build)
        return say_usage_error(
            "with --build, name the program too: shallot dev ./NAME --build '%s'", o->build);
    if (s)
        return use_build_system(s, command, NULL, kind, p);
    return use_only_source(command, kind, p);
}

static int use_what(const struct options *o, enum compile_kind kind, struct project *p)
{
    char program[PATH_SIZE];

    if (is_source(o->what)) {
        if (!is_file(o->what))
            return no_file(o->what, kind == COMPILE_RELEASE ? "run" : "dev");
        if (!o->build)
            return use_source(o->what, kind, p);
        snprintf(program, sizeof program, "%s", o->what);
        *strrchr(program, '.') = 0; /* a build command usually makes hello of hello.c */
        return use_program(o, program, kind, p);
    }
    return use_program(o, o->what, kind, p);
}

int project_find(const struct options *o, enum compile_kind kind, struct project *ret)
{
    int r;

    memset(ret, 0, sizeof *ret);
    tools_find_shallot();
    if (o->what && is_folder(o->what)) {
        if (chdir(o->what) < 0)
            return say_failure("%s: %s", o->what, strerror(errno));
        r = use_folder(o, kind, ret);
    } else {
        r = o->what ? use_what(o, kind, ret) : use_folder(o, kind, ret);
    }
    if (r == 0 && o->watch) {
        if (!is_folder(o->watch))
            return say_failure("--watch %s: no such folder", o->watch);
        r = path_format(ret->watch, sizeof ret->watch, "%s", o->watch);
    }
    return r;
}
