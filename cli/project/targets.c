/*
 * Which programs will this project make? Asked before anything is built, so that a first build that
 * fails can be waited for.
 *
 * Meson and CMake write down what they are going to make; make is asked for what it would do
 * (make -n -B), where the calls of compilers are read as a shell reads them. From those comes
 * compile_commands.json too.
 */
#include "project/project.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

/* The same path without the folder we are in. */
static int add_program(struct words *ret, const char *path)
{
    char here[PATH_SIZE];
    size_t len;

    if (!getcwd(here, sizeof here))
        here[0] = '\0';
    len = strlen(here);
    if (len > 0 && strncmp(path, here, len) == 0 && path[len] == '/')
        path += len + 1;
    return words_have(ret, path) ? 0 : words_add(ret, path);
}

int targets_of_meson(const char *build_folder, struct words *ret)
{
    char path[PATH_SIZE];
    json_t *list, *target;
    size_t i;
    int r = path_format(path, sizeof path, "%s/meson-info/intro-targets.json", build_folder);

    if (r != 0)
        return r;
    list = json_load_file(path, 0, NULL);
    json_array_foreach(list, i, target)
    {
        const char *type = json_string_value(json_object_get(target, "type"));
        const char *file =
            json_string_value(json_array_get(json_object_get(target, "filename"), 0));

        if (r == 0 && type && file && strcmp(type, "executable") == 0 &&
            json_is_true(json_object_get(target, "build_by_default")))
            r = add_program(ret, file);
    }
    json_decref(list);
    return r;
}

void targets_ask_cmake(const char *build_folder)
{
    static const char *const folders[] = {"", "/.cmake", "/.cmake/api", "/.cmake/api/v1",
                                          "/.cmake/api/v1/query"};
    char path[PATH_SIZE];
    int fd;

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (path_format(path, sizeof path, "%s%s", build_folder, folders[i]) != 0 ||
            (mkdir(path, 0777) < 0 && errno != EEXIST))
            return; /* then there is no answer, and the build shows what it makes */
    }
    if (path_format(path, sizeof path, "%s/.cmake/api/v1/query/codemodel-v2", build_folder) != 0)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
}

static int target_of_cmake(const char *build_folder, const char *reply, struct words *ret)
{
    json_t *target = json_load_file(reply, 0, NULL);
    const char *type = json_string_value(json_object_get(target, "type"));
    const char *file = json_string_value(
        json_object_get(json_array_get(json_object_get(target, "artifacts"), 0), "path"));
    char path[PATH_SIZE];
    int r = 0;

    if (type && file && strcmp(type, "EXECUTABLE") == 0) {
        r = path_format(path, sizeof path, file[0] == '/' ? "%s%s" : "%s/%s",
                        file[0] == '/' ? "" : build_folder, file);
        r = r != 0 ? r : add_program(ret, path);
    }
    json_decref(target);
    return r;
}

int targets_of_cmake(const char *build_folder, struct words *ret)
{
    char folder[PATH_SIZE], path[PATH_SIZE];
    struct dirent *e;
    DIR *dir;
    int r = path_format(folder, sizeof folder, "%s/.cmake/api/v1/reply", build_folder);

    dir = r == 0 ? opendir(folder) : NULL;
    while (dir && r == 0 && (e = readdir(dir))) {
        if (strncmp(e->d_name, "target-", 7) != 0)
            continue;
        r = path_format(path, sizeof path, "%s/%s", folder, e->d_name);
        r = r != 0 ? r : target_of_cmake(build_folder, path, ret);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* make */

#define CALLS_MAX 4096 /* compilers called by one Makefile; more are not remembered */

struct calls {
    struct words *argvs; /* of each file */
    struct words files;
    struct words *programs;
};

static bool ends_in(const char *name, const char *const *ends)
{
    const char *dot = strrchr(base_name(name), '.');

    for (; dot && *ends; ends++)
        if (strcmp(dot, *ends) == 0)
            return true;
    return false;
}

/* The first word, read without a shell: whatever else stands there is not to be expanded. */
static const char *first_word(const char *line, char *buf, size_t size)
{
    line += strspn(line, " \t");
    snprintf(buf, size, "%.*s", (int)strcspn(line, " \t"), line);
    return line + strcspn(line, " \t");
}

/* cc, gcc-12, clang++, x86_64-linux-gnu-gcc, behind "ccache" perhaps. */
static bool calls_compiler(const char *line)
{
    static const char *const names[] = {"cc", "gcc", "clang", "c++", "g++", "clang++", "tcc"};
    char word[PATH_SIZE], name[64];
    const char *rest = first_word(line, word, sizeof word);
    size_t len;

    if (strcmp(base_name(word), "ccache") == 0)
        first_word(rest, word, sizeof word);
    snprintf(name, sizeof name, "%.63s", base_name(word));
    len = strlen(name);
    while (len > 0 && strchr("0123456789.-", name[len - 1])) /* gcc-12 */
        name[--len] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);

        if (len >= n && strcmp(name + len - n, names[i]) == 0 &&
            (len == n || name[len - n - 1] == '-'))
            return true;
    }
    return false;
}

static int take_call(struct calls *c, const struct words *argv)
{
    static const char *const no_program[] = {".o", ".so", ".a", ".d", ".s", ".i", ".gch", NULL};
    const char *output = "a.out";
    bool links = true;
    int r = 0;

    for (size_t i = 1; i < argv->count && r == 0; i++) {
        const char *w = argv->list[i];

        if (strcmp(w, "-c") == 0 || strcmp(w, "-S") == 0 || strcmp(w, "-E") == 0 ||
            strcmp(w, "-M") == 0 || strcmp(w, "-MM") == 0 || strcmp(w, "-shared") == 0)
            links = false;
        else if (strcmp(w, "-o") == 0 && i + 1 < argv->count)
            output = argv->list[++i];
        else if (w[0] != '-' && is_source(w) && c->files.count < CALLS_MAX &&
                 !words_have(&c->files, w)) {
            struct words copy = {0};

            for (size_t j = 0; j < argv->count && r == 0; j++)
                r = words_add(&copy, argv->list[j]);
            c->argvs[c->files.count] = copy;
            r = r != 0 ? r : words_add(&c->files, w);
        }
    }
    if (r == 0 && links && !ends_in(output, no_program) && strncmp(output, "/dev/", 5) != 0)
        r = add_program(c->programs, output);
    return r;
}

/* One line of what make would do; several commands may be joined. What is not understood is not
 * about compilers, or more clever than a Makefile should be. */
static int take_line(struct calls *c, char *line)
{
    char *rest = line;
    int r = 0;

    while (rest && r == 0) {
        char *command = rest, *joined = strstr(rest, "&&"), *semicolon = strchr(rest, ';');
        struct words argv = {0};

        if (!joined || (semicolon && semicolon < joined))
            joined = semicolon;
        rest = joined ? joined + (*joined == ';' ? 1 : 2) : NULL;
        if (joined)
            *joined = '\0';
        /* $(pkg-config ...) is answered as make's shell would. */
        if (calls_compiler(command) && words_split(&argv, command, true) == 0 && argv.count > 0)
            r = take_call(c, &argv);
        words_free(&argv);
    }
    return r;
}

static void free_calls(struct calls *c)
{
    for (size_t i = 0; i < c->files.count; i++)
        words_free(&c->argvs[i]);
    words_free(&c->files);
    free(c->argvs);
}

/* A line may go on behind "\" and a newline. */
static void join_lines(char *text)
{
    for (char *at = text; (at = strstr(at, "\\\n")); at += 2)
        at[0] = at[1] = ' ';
}

int targets_of_make(bool database, struct words *ret)
{
    char tool[] = "make", dry[] = "-nB", quiet[] = "--no-print-directory", here[PATH_SIZE];
    char *const argv[] = {tool, dry, quiet, NULL};
    char *text = tools_answer(argv), *rest = NULL;
    struct calls c = {.programs = ret, .argvs = calloc(CALLS_MAX, sizeof *c.argvs)};
    int r = 0;

    if (!c.argvs) {
        free(text);
        return say_failure("out of memory");
    }
    if (text)
        join_lines(text);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && r == 0;
         line = strtok_r(NULL, "\n", &rest))
        r = take_line(&c, line);
    if (r == 0 && database && c.files.count > 0 && getcwd(here, sizeof here))
        database_write_all(here, c.argvs, &c.files);
    free_calls(&c);
    free(text);
    return r;
}
