/*
 * One source file, built with the compiler alone: no build system, no configuration.
 *
 * The command is a line for the shell that works from any folder, because the program's own master
 * runs it again on every save. It reads the packages the source asks for ("// shallot: pkgs=libpq")
 * each time, and moves the program into its place when it is whole.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_MAX ((size_t)4 << 20) /* read of a source to look for main() */

bool is_source(const char *name)
{
    const char *dot = strrchr(base_name(name), '.');

    return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".cc") == 0 || strcmp(dot, ".cpp") == 0);
}

static bool is_cpp(const char *name)
{
    return strcmp(strrchr(name, '.'), ".c") != 0;
}

/* Steps over a comment, a string or a character constant; the same place if there is none. */
static const char *skip_quoted(const char *p)
{
    const char *end;

    if (p[0] == '/' && p[1] == '/') {
        return p + strcspn(p, "\n");
    } else if (p[0] == '/' && p[1] == '*') {
        end = strstr(p + 2, "*/");
        return end ? end + 2 : p + strlen(p);
    } else if (p[0] == '"' || p[0] == '\'') {
        for (end = p + 1; *end && *end != *p && *end != '\n'; end++)
            if (*end == '\\' && end[1])
                end++;
        return *end ? end + 1 : end;
    }
    return p;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool defines_main(const char *text)
{
    const char *p = text;

    while (*p) {
        const char *after = skip_quoted(p);

        if (after != p) {
            p = after;
        } else if (is_word(*p)) {
            size_t len = 1;

            while (is_word(p[len]))
                len++;
            after = p + len + strspn(p + len, " \t\n");
            if (len == 4 && strncmp(p, "main", 4) == 0 && *after == '(')
                return true;
            p += len;
        } else {
            p++;
        }
    }
    return false;
}

bool has_main(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(SOURCE_MAX + 1) : NULL;
    bool found = false;

    if (text) {
        text[fread(text, 1, SOURCE_MAX, f)] = 0;
        found = defines_main(text);
    }
    free(text);
    if (f)
        fclose(f);
    return found;
}

/* A folder of our own, which version control does not see. */
static bool own_folder(const char *path)
{
    char ignore[PATH_SIZE + 16];
    int fd;

    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return false;
    snprintf(ignore, sizeof ignore, "%s/.gitignore", path);
    fd = open(ignore, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (write(fd, "*\n", 2) != 2)
            unlink(ignore);
        close(fd);
    }
    return access(path, W_OK | X_OK) == 0;
}

/* Makes a folder and those above it, as far as may be; whether it worked is seen by using it. */
static void make_all(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        mkdir(path, 0777);
        *p = '/';
    }
    mkdir(path, 0700);
}

/* Where the source's own folder cannot be written: a folder of the user's cache, one for each
 * source folder (FNV-1a of its path). */
static int cache_folder(const char *source_folder, char *ret)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *p = source_folder; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    if (cache && cache[0] == '/') {
        if (path_format(ret, PATH_SIZE, "%s/shallot/%016llx", cache, (unsigned long long)hash))
            return 1;
    } else if (home && home[0] == '/') {
        if (path_format(ret, PATH_SIZE, "%s/.cache/shallot/%016llx", home,
                        (unsigned long long)hash))
            return 1;
    } else {
        return say_failure("cannot write in %s, and HOME is not set", source_folder);
    }
    make_all(ret);
    if (access(ret, W_OK | X_OK) != 0)
        return say_failure("cannot write in %s, nor in %s: %s", source_folder, ret,
                           strerror(errno));
    return 0;
}

/* The folder for the program, in @p ret: absolute. */
static int output_folder(const char *source_folder, bool release, char *ret)
{
    char own[PATH_SIZE];
    int r = path_format(own, sizeof own, "%s/.shallot", source_folder);

    if (r != 0)
        return r;
    if (!own_folder(own)) {
        r = cache_folder(source_folder, own);
        if (r != 0)
            return r;
    }
    r = path_format(ret, PATH_SIZE, release ? "%s/release" : "%s", own);
    if (r == 0 && release && mkdir(ret, 0777) < 0 && errno != EEXIST)
        r = say_failure("cannot make %s: %s", ret, strerror(errno));
    return r;
}

/* A piece of shell and, behind it, a word to be quoted; NULL: none. */
struct piece {
    const char *shell, *word;
};

static int assemble(char *command, const struct piece *pieces, size_t count)
{
    int r = 0;

    command[0] = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        size_t at = strlen(command);

        r = path_format(command + at, COMMAND_SIZE - at, "%s", pieces[i].shell);
        if (r == 0 && pieces[i].word)
            r = append_quoted(command, COMMAND_SIZE, pieces[i].word);
    }
    return r;
}

/* -MMD writes down what the source includes, for is_current(). */
static int compose(const char *folder, const char *source, bool release, const char *program,
                   char *command)
{
    char fresh[PATH_SIZE], deps[PATH_SIZE], out[PATH_SIZE], rpath[PATH_SIZE];
    const char *run_path = tools_run_path();
    bool cpp = is_cpp(source);
    size_t len = strlen(folder);
    int r = 0;

    if (strncmp(program, folder, len) == 0 && program[len] == '/')
        program += len + 1; /* shorter to read */
    folder_of(program, out, sizeof out);
    r |= path_format(fresh, sizeof fresh, "%s/.%s.new", out, base_name(program));
    r |= path_format(deps, sizeof deps, "%s.d", program);
    r |= path_format(rpath, sizeof rpath, "-Wl,-rpath,%s", run_path ? run_path : "");
    if (r != 0)
        return r;
    {
        const struct piece pieces[] = {
            {"cd ", folder},
            {" && pkgs=$(sed -n 's|^//[[:space:]]*shallot:[[:space:]]*pkgs=||p' ", source},
            {" | tr ',\\r' '  ') && flags=$(pkg-config --cflags --libs shallot $pkgs) && ", NULL},
            {cpp ? "${CXX:-c++}" : "${CC:-cc}", NULL},
            {release ? " -O2 -g -Wall -MMD -MF " : " -O1 -g -Wall -MMD -MF ", deps},
            {cpp ? " ${CXXFLAGS-} " : " ${CFLAGS-} ", source},
            {" -o ", fresh},
            {" $flags ${LDFLAGS-} ", run_path ? rpath : NULL},
            {" && mv -f ", fresh},
            {" ", program},
        };

        return assemble(command, pieces, sizeof pieces / sizeof *pieces);
    }
}

int source_build(const char *source, bool release, char *ret_program, char *ret_command)
{
    char real[PATH_MAX], folder[PATH_MAX], out[PATH_SIZE], name[NAME_MAX + 1], word[NAME_MAX + 3];
    const char *compiler = getenv(is_cpp(source) ? "CXX" : "CC");
    int r;

    if (!realpath(source, real))
        return say_failure("%s: %s", source, strerror(errno));
    if (access(real, R_OK) != 0)
        return say_failure("%s: %s", source, strerror(errno));
    if (!compiler || !*compiler)
        compiler = is_cpp(source) ? "c++" : "cc";
    if (need_tool(compiler) != 0 || need_tool("pkg-config") != 0)
        return 1;
    folder_of(real, folder, sizeof folder);
    snprintf(name, sizeof name, "%s", base_name(real));
    snprintf(word, sizeof word, name[0] == '-' ? "./%s" : "%s", name);
    *strrchr(name, '.') = 0;
    r = output_folder(folder, release, out);
    if (r == 0)
        r = path_format(ret_program, PATH_SIZE, "%s/%s", out, name);
    if (r == 0)
        r = compose(folder, word, release, ret_program, ret_command);
    return r;
}
