/*
 * What a failed build means, for those who have not seen it often: at most three lines behind the
 * compiler's own words, each with what to do.
 *
 * compile.c comes here with the last of what was printed. Only what is sure is said; a hint that
 * is wrong costs more than none.
 */
#include "project/project.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HINTS_MAX 3
#define NAME_SIZE 256
#define DEPTH 3 /* folders looked into for a header */

/* The hints of one build; the same is not said twice. */
struct hints {
    const struct failed_build *build;
    const char *output; /* whole */
    struct words said;
};

static void hint(struct hints *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void hint(struct hints *h, const char *fmt, ...)
{
    char text[2 * PATH_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (h->said.count >= HINTS_MAX || words_have(&h->said, text))
        return;
    if (words_add(&h->said, text) == 0)
        say_failure("%s", text);
}

/* What has to be written where, for this package to be used. */
static const char *use_of(const struct hints *h, const char *package, char *buf, size_t size)
{
    const char *file = h->build->build_file;

    if (h->build->source)
        snprintf(buf, size, "add this line to %s: // shallot: pkgs=%s", h->build->source, package);
    else if (file && strcmp(file, "meson.build") == 0)
        snprintf(buf, size, "add dependency('%s') to the program's dependencies in %s", package,
                 file);
    else if (file && strcmp(file, "CMakeLists.txt") == 0)
        snprintf(buf, size,
                 "add pkg_check_modules(NAME REQUIRED IMPORTED_TARGET %s) to %s and link "
                 "PkgConfig::NAME",
                 package, file);
    else
        snprintf(buf, size, "add $$(pkg-config --cflags --libs %s) to the compiler's line%s%s",
                 package, file ? " in " : "", file ? file : "");
    return buf;
}

/* "sudo apt install zlib1g-dev", as far as is known. */
static const char *how_to_install(const struct part *p, char *buf, size_t size)
{
    char package[NAME_SIZE];

    snprintf(package, sizeof package, "%s", p->debian);
    if (!tools_install_command(package, buf, size))
        snprintf(buf, size, "install the development files of %s", p->package);
    return buf;
}

static void hint_part(struct hints *h, const char *what, const struct part *p)
{
    char install[NAME_SIZE + 64], use[PATH_SIZE];
    bool there = tools_have_package(p->package);

    use_of(h, p->package, use, sizeof use);
    if (there)
        hint(h, "%s belongs to %s, which is installed: %s", what, p->package, use);
    else
        hint(h, "%s belongs to %s, which is not installed: %s, and then %s", what, p->package,
             how_to_install(p, install, sizeof install), use);
}

/* Headers */

/* Looks for a file that ends in @p name below @p folder. @return the folder to be named by -I */
static bool find_header(const char *folder, const char *name, int depth, char *ret, size_t size)
{
    char path[PATH_SIZE];
    struct dirent *e;
    bool found = false;
    DIR *dir;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path && is_file(path)) {
        snprintf(ret, size, "%s", folder);
        return true;
    }
    dir = depth > 0 ? opendir(folder) : NULL;
    while (dir && !found && (e = readdir(dir))) {
        if (e->d_name[0] == '.' ||
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path)
            continue;
        found = is_folder(path) && find_header(path, name, depth - 1, ret, size);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* The compiler shows the line of the source. */
static bool is_own_header(const struct hints *h, const char *name)
{
    char line[NAME_SIZE + 16];

    snprintf(line, sizeof line, "include \"%s\"", name);
    return strstr(h->output, line);
}

static void hint_header(struct hints *h, const char *name)
{
    char what[NAME_SIZE + 16], folder[PATH_SIZE], near[NAME_MAX + 1];
    const struct part *p = part_find(PART_HEADER, name);

    snprintf(what, sizeof what, "<%s>", name);
    if (p && (strcmp(p->package, "shallot") != 0 || !h->build->source)) {
        hint_part(h, what, p);
    } else if (find_header(".", name, DEPTH, folder, sizeof folder)) {
        if (h->build->source)
            hint(h, "%s lies in %s: add this line to %s: // shallot: cflags=-I%s", name,
                 folder[1] ? folder + 2 : "this folder", h->build->source,
                 folder[1] ? folder + 2 : folder);
        else
            hint(h, "%s lies in %s: tell the compiler with -I%s", name, folder, folder);
    } else if (closest_file(".", name, near)) {
        hint(h, "there is no %s; did you mean %s?", name, near);
    } else if (is_own_header(h, name)) {
        hint(h, "there is no %s beside the file that includes it, nor in a folder below", name);
    } else if (have_tool("apt-file")) {
        hint(h, "which package has %s says: apt-file search -x '/%s$'", name, name);
    } else if (have_tool("apt-get")) {
        hint(h,
             "%s is not here: if it is a library's, install its -dev package (which one says: "
             "sudo apt install apt-file && sudo apt-file update && apt-file search %s)",
             name, name);
    } else {
        hint(h, "%s is not here: if it is a library's, install its development files", name);
    }
}

/* Functions */

static bool defined_in(const struct hints *h, const char *folder, const char *function, char *ret)
{
    char path[PATH_SIZE];
    bool found = false;
    struct dirent *e;
    DIR *dir = opendir(folder);

    while (dir && !found && (e = readdir(dir))) {
        if (e->d_name[0] == '.' || !is_source(e->d_name) ||
            (size_t)snprintf(path, sizeof path, "%s%s%s", folder[0] == '.' ? "" : folder,
                             folder[0] == '.' ? "" : "/", e->d_name) >= sizeof path)
            continue;
        found = (!h->build->source || strcmp(path, h->build->source) != 0) &&
                source_defines(path, function);
    }
    if (dir)
        closedir(dir);
    if (found)
        snprintf(ret, PATH_SIZE, "%s", path);
    return found;
}

static void hint_main(struct hints *h)
{
    const char *source = h->build->source;
    char other[PATH_SIZE];

    if (!source)
        hint(h, "no file of this program has a main(): it begins there");
    else if (defined_in(h, ".", "main", other) || defined_in(h, "src", "main", other))
        hint(h, "%s has no main(), %s has: shallot dev %s", source, other, other);
    else
        hint(h, "%s has no main(): a program begins there; shallot new makes one to start from",
             source);
}

static void hint_function(struct hints *h, const char *name)
{
    char what[NAME_SIZE + 16], file[PATH_SIZE];
    const struct part *p = part_find(PART_FUNCTION, name);

    snprintf(what, sizeof what, "%s()", name);
    if (strcmp(name, "main") == 0) {
        hint_main(h);
    } else if (defined_in(h, ".", name, file) || defined_in(h, "src", name, file)) {
        if (h->build->source)
            hint(h,
                 "%s is in %s, which is not part of the program: add this line to %s: // "
                 "shallot: sources=%s",
                 what, file, h->build->source, file);
        else
            hint(h, "%s is in %s, which is not part of the program: add it in %s", what, file,
                 h->build->build_file ? h->build->build_file : "the build command");
    } else if (p && (strcmp(p->package, "shallot") != 0 || !h->build->source)) {
        hint_part(h, what, p);
    } else if (!p && !h->build->source && part_is_math(name)) {
        hint(h, "%s belongs to the mathematical library: link with -lm", what);
    }
}

static void hint_library(struct hints *h, const char *name)
{
    const struct part *p = part_find(PART_LIBRARY, name);
    char install[NAME_SIZE + 64], package[NAME_SIZE];

    if (p) {
        hint(h, "the library %s is not installed: %s", name,
             how_to_install(p, install, sizeof install));
        return;
    }
    snprintf(package, sizeof package, "lib%s-dev", name);
    if (tools_install_command(package, install, sizeof install))
        hint(h, "the library %s is not here; its package may be: %s", name, install);
}

/* Other things */

static void hint_full(struct hints *h)
{
    struct statvfs disk;
    char here[PATH_MAX] = ".";

    if (!getcwd(here, sizeof here) || statvfs(".", &disk) < 0)
        return;
    if ((unsigned long long)disk.f_bavail * disk.f_frsize < 16u << 20)
        hint(h, "the disk that holds %s is full: free some space (df -h %s)", here, here);
    else
        hint(h, "a disk is full; the compiler writes to %s too: df -h",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
}

static void hint_package(struct hints *h, const char *name)
{
    const struct part *p = part_find(PART_PACKAGE, name);
    char install[NAME_SIZE + 64];

    if (strcmp(name, "shallot") == 0)
        hint(h, "%s", tools_no_shallot());
    else if (p)
        hint(h, "%s is not installed: %s", name, how_to_install(p, install, sizeof install));
}

/* The name behind @p mark in the line, up to one of @p ends. False if there is none. */
static bool name_behind(const char *line, const char *mark, const char *ends, char *ret)
{
    const char *at = strstr(line, mark);
    size_t len;

    if (!at)
        return false;
    at += strlen(mark);
    at += strspn(at, "`'\" ");
    len = strcspn(at, ends);
    if (len == 0 || len >= NAME_SIZE)
        return false;
    snprintf(ret, NAME_SIZE, "%.*s", (int)len, at);
    return true;
}

/* gcc: "a.c:1:10: fatal error: x.h: No such file or directory"; clang: "'x.h' file not found". */
static bool missing_header(const char *line, char *ret)
{
    return (strstr(line, ": No such file or directory") &&
            name_behind(line, "fatal error: ", ":'\" ", ret)) ||
           (strstr(line, "file not found") && name_behind(line, "fatal error: ", "'", ret));
}

static void look_at(struct hints *h, const char *line)
{
    char name[NAME_SIZE];

    if (missing_header(line, name))
        hint_header(h, name);
    else if (name_behind(line, "undefined reference to ", "'(@", name) ||
             name_behind(line, "undefined symbol: ", "'(@ ", name))
        hint_function(h, name);
    else if (name_behind(line, "cannot find -l", ": ", name) ||
             name_behind(line, "unable to find library -l", ": ", name))
        hint_library(h, name);
    else if (strstr(line, "No space left on device"))
        hint_full(h);
    else if (strstr(line, "not found") && (name_behind(line, "Package '", "'", name) ||
                                           name_behind(line, "Package ", " ", name)))
        hint_package(h, name);
    else if (strstr(line, "not found") && name_behind(line, "Dependency \"", "\"", name))
        hint_package(h, name); /* meson */
    else if (strstr(line, "missing separator"))
        hint(h, "a command in a Makefile begins with a tab, not with blanks");
}

void hints_say(const struct failed_build *build, char *output)
{
    char *whole = strdup(output), *rest = NULL;
    struct hints h = {.build = build, .output = whole ? whole : ""};

    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        look_at(&h, line);
    words_free(&h.said);
    free(whole);
}
