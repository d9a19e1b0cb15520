/*
 * Paths and words for the shell.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int path_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(buf, size, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= size)
        return say_failure("the path is too long");
    return 0;
}

bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void folder_of(const char *path, char *buf, size_t size)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        snprintf(buf, size, ".");
    else if (slash == path)
        snprintf(buf, size, "/");
    else
        snprintf(buf, size, "%.*s", (int)(slash - path), path);
}

static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._/+,:@%=-";

    return text[0] && text[0] != '-' && text[strspn(text, plain)] == 0;
}

int append_quoted(char *command, size_t size, const char *text)
{
    size_t at = strlen(command);
    bool plain = is_plain(text);

    if (at + 4 * strlen(text) + 3 > size)
        return say_failure("the path is too long");
    if (plain) {
        strcpy(command + at, text);
        return 0;
    }
    command[at++] = '\'';
    for (; *text; text++) {
        if (*text == '\'') {
            memcpy(command + at, "'\\''", 4);
            at += 4;
        } else {
            command[at++] = *text;
        }
    }
    command[at++] = '\'';
    command[at] = 0;
    return 0;
}
