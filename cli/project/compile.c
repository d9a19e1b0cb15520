/*
 * shallot compile: one build, as dev and run do it.
 *
 * dev and run come here by the command they give to the shell (SHALLOT_BUILD): a single source is
 * compiled and linked by one call of the compiler, and moved into its place when it is whole;
 * any other command is only run. What is printed goes on as it comes, and its end is kept, because
 * hints.c may know what a failure means.
 */
#include "project/project.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP ((size_t)131072) /* of the output: half of it, when it was more */

const char compile_help[] =
    "shallot compile [--release | --sanitize] FILE.c\n"
    "shallot compile [--file NAME] --command COMMAND\n"
    "\n"
    "What dev and run call to build: the compiler for one source, or a command; and behind\n"
    "the words of a failure what it may mean. The program of FILE.c goes to .shallot/ beside\n"
    "it (.shallot/release/, .shallot/sanitize/).\n"
    "\n"
    "  --release         as run: optimised\n"
    "  --sanitize        as dev --sanitize: with ASan and UBSan; with a command: looks whether\n"
    "                    what it made in .shallot/sanitize is\n"
    "  --command COMMAND for the shell, in this folder\n"
    "  --file NAME       the file that the command follows, to be named in hints\n";

struct output {
    char text[KEEP + 1];
    size_t len;
};

static void pass_on(const char *octets, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, octets, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody reads it any more */
        octets += n;
        len -= (size_t)n;
    }
}

static void keep(struct output *o, const char *octets, size_t len)
{
    if (o->len + len > KEEP) {
        memmove(o->text, o->text + o->len - KEEP / 2, KEEP / 2);
        o->len = KEEP / 2;
    }
    memcpy(o->text + o->len, octets, len);
    o->len += len;
    o->text[o->len] = '\0';
}

/* Until its end; what a command left running in the background keeps open is not waited for. */
static void read_all(int fd, pid_t pid, struct output *o, int *ret_status)
{
    char octets[8192];
    ssize_t n;

    *ret_status = -1;
    while ((n = read(fd, octets, sizeof octets)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        pass_on(octets, (size_t)n);
        keep(o, octets, (size_t)n);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
}

/* The exit status as a shell has it. */
static int run(char *const *argv, struct output *o)
{
    int ends[2], status;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return say_failure("cannot start %s: %s", argv[0], strerror(errno));
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(argv[0], argv);
        fprintf(stderr, "shallot: cannot start %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return say_failure("cannot start %s: %s", argv[0], strerror(errno));
    }
    read_all(ends[0], pid, o, &status);
    close(ends[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One source */

/* Of the packages the first that is missing is named, with what to do. */
static int complain_of_packages(const struct compilation *c)
{
    char install[PATH_SIZE], near[PATH_SIZE];
    const struct words *pkgs = &c->settings.pkgs;

    if (!tools_have_package("shallot"))
        return say_failure("%s", tools_no_shallot());
    for (size_t i = 0; i < pkgs->count; i++) {
        const char *name = pkgs->list[i];
        const struct part *p = part_find(PART_PACKAGE, name);

        if (tools_have_package(name))
            continue;
        if (p && tools_install_command(p->debian, install, sizeof install))
            return say_failure("%s is not installed, which %s asks for (pkgs=): %s", name,
                               c->source, install);
        if (tools_closest_package(name, near, sizeof near))
            return say_failure("there is no pkg-config package %s, which %s asks for (pkgs=); did "
                               "you mean %s?",
                               name, c->source, near);
        return say_failure("there is no pkg-config package %s, which %s asks for (pkgs=): install "
                           "the development files of that library",
                           name, c->source);
    }
    return say_failure("pkg-config does not answer for %s", c->source);
}

static int add_all(struct words *to, const struct words *from)
{
    int r = 0;

    for (size_t i = 0; i < from->count && r == 0; i++)
        r = words_add(to, from->list[i]);
    return r;
}

static int add_environment(struct words *to, const char *name)
{
    const char *text = getenv(name);
    int r = text ? words_split(to, text, false) : 0;

    return r < 0 ? say_failure("%s is not understood: %s", name, text) : r;
}

static int add_flags(struct words *to, const struct compilation *c)
{
    static const char *const flags[][6] = {
        [COMPILE_DEV] = {"-O1", "-g", "-Wall"},
        [COMPILE_RELEASE] = {"-O2", "-g", "-Wall"},
        [COMPILE_SANITIZE] = {"-O1", "-g", "-Wall", "-fno-omit-frame-pointer",
                              "-fsanitize=address,undefined"},
    };
    int r = 0;

    for (size_t i = 0; i < 6 && flags[c->kind][i] && r == 0; i++)
        r = words_add(to, flags[c->kind][i]);
    return r;
}

/* Compiler, flags, what to compile; the libraries come behind it. */
static int compose(const struct compilation *c, const char *packages, const char *fresh,
                   struct words *argv)
{
    char deps[PATH_SIZE + 8], rpath[PATH_SIZE];
    const char *run_path = tools_run_path();
    int r = words_split(argv, tools_compiler(c->source), false);

    if (r != 0)
        return say_failure("%s is not understood: %s", is_cpp(c->source) ? "CXX" : "CC",
                           tools_compiler(c->source));
    r = add_flags(argv, c);
    if (r == 0 && say_in_colour(STDERR_FILENO))
        r = words_add(argv, "-fdiagnostics-color=always");
    if (r == 0 && c->settings.sources.count == 0) { /* it says of one source only */
        snprintf(deps, sizeof deps, "%s.d", c->program);
        r = words_add(argv, "-MMD") || words_add(argv, "-MF") || words_add(argv, deps);
    }
    r = r != 0 ? r : add_environment(argv, is_cpp(c->source) ? "CXXFLAGS" : "CFLAGS");
    r = r != 0 ? r : add_all(argv, &c->settings.cflags);
    r = r != 0 ? r : words_add(argv, c->word);
    r = r != 0 ? r : add_all(argv, &c->settings.sources);
    r = r != 0 ? r : words_add(argv, "-o") || words_add(argv, fresh);
    r = r != 0 ? r : words_split(argv, packages, false);
    r = r != 0 ? r : add_all(argv, &c->settings.libs);
    r = r != 0 ? r : add_environment(argv, "LDFLAGS");
    if (r == 0) /* what costs nothing unless it is used */
        r = words_add(argv, "-Wl,--as-needed") || words_add(argv, "-lm");
    if (r == 0 && run_path) {
        r = path_format(rpath, sizeof rpath, "-Wl,-rpath,%s", run_path);
        r = r != 0 ? r : words_add(argv, rpath);
    }
    return r;
}

/* The answer of pkg-config. NULL if a package is missing, or with *ret_r set. */
static char *ask_packages(const struct compilation *c)
{
    struct words argv = {0};
    char *answer = NULL;

    if (words_add(&argv, "pkg-config") == 0 && words_add(&argv, "--cflags") == 0 &&
        words_add(&argv, "--libs") == 0 && words_add(&argv, "shallot") == 0 &&
        add_all(&argv, &c->settings.pkgs) == 0)
        answer = tools_answer(argv.list);
    words_free(&argv);
    return answer;
}

static int build_source(struct compilation *c, struct output *o)
{
    char folder[PATH_SIZE], fresh[PATH_SIZE];
    struct words argv = {0};
    char *packages;
    int r;

    packages = ask_packages(c);
    if (!packages)
        return complain_of_packages(c);
    folder_of(c->program, folder, sizeof folder);
    r = path_format(fresh, sizeof fresh, "%s/.%s.new", folder, base_name(c->program));
    r = r != 0 ? r : compose(c, packages, fresh, &argv);
    if (r == 0 && c->kind != COMPILE_RELEASE)
        database_write(c, &argv);
    if (r == 0)
        r = run(argv.list, o);
    if (r == 0 && rename(fresh, c->program) < 0)
        r = say_failure("cannot move the program to %s: %s", c->program, strerror(errno));
    else if (r != 0)
        unlink(fresh);
    words_free(&argv);
    free(packages);
    return r;
}

static int compile_source(const char *source, enum compile_kind kind)
{
    static struct compilation c;
    static struct output output;
    struct failed_build failed = {0};
    int r = compilation_begin(&c, source, kind);

    if (r != 0)
        return r;
    if (chdir(c.folder) < 0)
        return say_failure("%s: %s", c.folder, strerror(errno));
    r = settings_read(c.source, &c.settings);
    r = r != 0 ? r : build_source(&c, &output);
    failed.source = c.source;
    if (r != 0 && output.len > 0)
        hints_say(&failed, output.text);
    settings_free(&c.settings);
    return r;
}

/* A Makefile that names its compiler does not hear of ours. */
static void check_sanitized(const char *file)
{
    struct words programs = {0};
    bool any = false;

    if (find_programs(".shallot/sanitize", 1, &programs) == 0) {
        for (size_t i = 0; i < programs.count; i++)
            any = any || is_sanitized(programs.list[i]);
        if (programs.count > 0 && !any)
            say_failure("nothing was built with sanitizers: let %s call the compiler by $(CC)",
                        file);
    }
    words_free(&programs);
}

static int run_build_command(const char *command, const char *file, bool sanitized)
{
    static struct output output;
    const struct failed_build failed = {.build_file = file};
    char *const argv[] = {(char *)(size_t) "/bin/sh", (char *)(size_t) "-c",
                          (char *)(size_t)command, NULL};
    int r = run(argv, &output);

    if (r != 0)
        hints_say(&failed, output.text);
    else if (sanitized && file)
        check_sanitized(file);
    return r;
}

int compile_main(int argc, char **argv)
{
    const char *source = NULL, *command = NULL, *file = NULL;
    enum compile_kind kind = COMPILE_DEV;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(compile_help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--release") == 0)
            kind = COMPILE_RELEASE;
        else if (strcmp(argv[i], "--sanitize") == 0)
            kind = COMPILE_SANITIZE;
        else if (strcmp(argv[i], "--command") == 0 && i + 1 < argc)
            command = argv[++i];
        else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc)
            file = argv[++i];
        else if (!source && is_source(argv[i]))
            source = argv[i];
        else
            return say_usage_error("compile: not understood: %s; see: shallot help compile",
                                   argv[i]);
    }
    tools_find_shallot();
    if (command)
        return run_build_command(command, file, kind == COMPILE_SANITIZE);
    if (!source)
        return say_usage_error("compile: which source? see: shallot help compile");
    return compile_source(source, kind);
}
