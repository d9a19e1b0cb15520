/*
 * Crash reports for the dashboard: the newest of this program, and the text of one.
 *
 * Runs on a thread (sl_offload()), because a folder may lie on a slow disk. The master says where
 * the reports are; they are plain text, named NUMBER-PROGRAM.txt, whose first line says when, the
 * second how, the third whose request it was, and whose frames follow.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dashboard.h"

#define HEAD 8192 /* octets of a report that are looked at for the list */

/* The number of a file that is a report of @p name; 0: it is none. */
static unsigned long number_of(const char *file, const char *name)
{
    size_t len = strlen(name);
    char *rest;
    unsigned long n;

    if (*file < '0' || *file > '9')
        return 0;
    n = strtoul(file, &rest, 10);
    if (*rest != '-' || strncmp(rest + 1, name, len) != 0)
        return 0;
    return strcmp(rest + 1 + len, ".txt") == 0 ? n : 0;
}

/* Into a list that is kept in order, the newest first. */
static void keep_number(unsigned long *list, size_t *count, unsigned long n)
{
    size_t at = 0;

    while (at < *count && list[at] > n)
        at++;
    if (at == DASH_CRASHES)
        return;
    if (*count < DASH_CRASHES)
        ++*count;
    memmove(list + at + 1, list + at, (*count - at - 1) * sizeof *list);
    list[at] = n;
}

static size_t newest(const char *folder, const char *name, unsigned long *list)
{
    DIR *d = *folder ? opendir(folder) : NULL;
    const struct dirent *e;
    size_t count = 0;

    while (d && (e = readdir(d))) {
        unsigned long n = number_of(e->d_name, name);

        if (n)
            keep_number(list, &count, n);
    }
    if (d)
        closedir(d);
    return count;
}

/* The line at @p text without what ends it. @return where the next one begins */
static const char *take_line(const char *text, char *buf, size_t size)
{
    size_t len = strcspn(text, "\n"), kept = len < size ? len : size - 1;

    memcpy(buf, text, kept);
    buf[kept] = '\0';
    return text[len] ? text + len + 1 : text + len;
}

/* "  #0  0x00005581 handler at app.c:17": from the function on, of the first frame that has a line.
 */
static void find_place(const char *text, char *buf, size_t size)
{
    char line[512];

    buf[0] = '\0';
    while (*text) {
        const char *at, *function, *file, *slash;

        text = take_line(text, line, sizeof line);
        at = strncmp(line, "  #", 3) == 0 ? strstr(line, " 0x") : NULL;
        function = at ? strchr(at + 1, ' ') : NULL;
        file = function ? strstr(function, " at ") : NULL;
        if (!file)
            continue;
        slash = strrchr(file, '/');
        snprintf(buf, size, "%.*s at %s", (int)(file - function - 1), function + 1,
                 slash ? slash + 1 : file + 4);
        return;
    }
}

void dash__crash_parse(const char *text, struct dash__crash *ret)
{
    char line[512];
    const char *cause, *request;

    text = take_line(text, line, sizeof line);
    snprintf(ret->when, sizeof ret->when, "%.19s", line);
    text = take_line(text, line, sizeof line);
    cause = strstr(line, "): ");
    snprintf(ret->what, sizeof ret->what, "%s", cause ? cause + 3 : line);
    text = take_line(text, line, sizeof line);
    request = line + strspn(line, " ");
    snprintf(ret->request, sizeof ret->request, "%s", request);
    find_place(text, ret->place, sizeof ret->place);
}

static ssize_t read_file(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    size_t len = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -ENOENT;
    }
    while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (n < 0)
        return -EIO;
    buf[len] = '\0';
    return (ssize_t)len;
}

ssize_t dash__crash_read(const char *folder, const char *name, unsigned long number, char *buf,
                         size_t size)
{
    DIR *d = *folder ? opendir(folder) : NULL;
    const struct dirent *e;
    ssize_t r = -ENOENT;

    /* By looking for it, so that no name is made of what a client has written. */
    while (d && r == -ENOENT && (e = readdir(d))) {
        char path[1400];

        if (number == 0 || number_of(e->d_name, name) != number)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        r = read_file(path, buf, size);
    }
    if (d)
        closedir(d);
    return r;
}

void dash__crashes_find(const char *folder, const char *name, struct dash__crashes *ret)
{
    unsigned long numbers[DASH_CRASHES + 1];
    size_t count = newest(folder, name, numbers);
    char text[HEAD];

    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < count; i++) {
        struct dash__crash *to = &ret->list[ret->count];

        if (dash__crash_read(folder, name, numbers[i], text, sizeof text) < 0)
            continue;
        dash__crash_parse(text, to);
        to->number = numbers[i];
        ret->count++;
    }
}
