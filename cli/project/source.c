/*
 * One source file, built with the compiler alone: no build system, no configuration.
 *
 * The command is a line for the shell that works from any folder, because the program's own master
 * runs it again on every save; it is this tool once more (compile.c), which reads what the source
 * asks for each time.
 */
#include "project/project.h"

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

bool is_cpp(const char *name)
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

/* Behind the bracket that closes the one at @p p; NULL if there is none. */
static const char *behind_brackets(const char *p)
{
    unsigned depth = 0;

    while (*p) {
        const char *after = skip_quoted(p);

        if (after != p) {
            p = after;
            continue;
        }
        depth += *p == '(';
        depth -= *p == ')';
        p++;
        if (depth == 0)
            return p;
    }
    return NULL;
}

/* True if a word's brackets are followed by a body. */
static bool begins_body(const char *bracket)
{
    const char *p = behind_brackets(bracket);

    while (p && *p) {
        const char *after = skip_quoted(p);

        if (*p == '{')
            return true;
        if (after == p && !isspace((unsigned char)*p))
            return false;
        p = after == p ? p + 1 : after;
    }
    return false;
}

/* True if the text has a function of this name with its body, comments and strings aside. */
static bool defines(const char *text, const char *name)
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
            after = p + len + strspn(p + len, " \t\r\n");
            if (len == strlen(name) && strncmp(p, name, len) == 0 && *after == '(' &&
                begins_body(after))
                return true;
            p += len;
        } else {
            p++;
        }
    }
    return false;
}

char *read_text(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(SOURCE_MAX + 1) : NULL;
    size_t len = 0;

    if (text) {
        len = fread(text, 1, SOURCE_MAX, f);
        text[len] = '\0';
    }
    if (f)
        fclose(f);
    if (ret_len)
        *ret_len = len;
    return text;
}

bool source_defines(const char *path, const char *function)
{
    char *text = read_text(path, NULL);
    bool found = text && defines(text, function);

    free(text);
    return found;
}

bool has_main(const char *path)
{
    return source_defines(path, "main");
}

/* A folder of our own, which version control does not see. */
bool source_make_own_folder(const char *path)
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

int source_own_folder(const char *path)
{
    return source_make_own_folder(path)
               ? 0
               : say_failure("cannot write in %s: %s; it is needed for what is built", path,
                             strerror(errno));
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
static int output_folder(const char *source_folder, enum compile_kind kind, char *ret)
{
    static const char *const below[] = {"", "/release", "/sanitize"};
    char own[PATH_SIZE];
    int r = path_format(own, sizeof own, "%s/.shallot", source_folder);

    if (r == 0 && !source_make_own_folder(own))
        r = cache_folder(source_folder, own);
    if (r == 0)
        r = path_format(ret, PATH_SIZE, "%s%s", own, below[kind]);
    if (r == 0 && mkdir(ret, 0777) < 0 && errno != EEXIST)
        r = say_failure("cannot make %s: %s", ret, strerror(errno));
    return r;
}

int compilation_begin(struct compilation *c, const char *source, enum compile_kind kind)
{
    char real[PATH_MAX], out[PATH_SIZE], name[NAME_MAX + 1];
    int r;

    memset(c, 0, sizeof *c);
    c->kind = kind;
    if (!realpath(source, real) || access(real, R_OK) != 0)
        return say_failure("cannot read %s: %s", source, strerror(errno));
    if (need_tool(tools_compiler(source)) != 0 || need_tool("pkg-config") != 0)
        return 1;
    folder_of(real, c->folder, sizeof c->folder);
    snprintf(c->source, sizeof c->source, "%s", base_name(real));
    snprintf(c->word, sizeof c->word, c->source[0] == '-' ? "./%s" : "%s", c->source);
    snprintf(name, sizeof name, "%s", c->source);
    *strrchr(name, '.') = 0;
    r = output_folder(c->folder, kind, out);
    return r == 0 ? path_format(c->program, sizeof c->program, "%s/%s", out, name) : r;
}

int source_build(const char *source, enum compile_kind kind, char *ret_program, char *ret_command)
{
    static const char *const options[] = {"", "--release ", "--sanitize "};
    static struct compilation c; /* too large for the stack */
    char path[2 * PATH_SIZE];
    int r = compilation_begin(&c, source, kind);

    if (r == 0)
        r = path_format(ret_program, PATH_SIZE, "%s", c.program);
    if (r == 0)
        r = tools_own_command("compile", ret_command, COMMAND_SIZE);
    if (r == 0)
        r = path_format(path, sizeof path, "%s/%s", c.folder, c.source);
    if (r == 0) {
        strcat(ret_command, options[kind]); /* there is room: COMMAND_SIZE is four paths */
        r = append_quoted(ret_command, COMMAND_SIZE, path);
    }
    return r;
}
