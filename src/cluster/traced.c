/*
 * Does a debugger look at this process? Asked by those who would otherwise end it for being slow,
 * and by a crashed one that waits for it; so it may be called in a signal handler.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cluster/aftermath.h"

/* snprintf() would do, but this is called where nothing works for certain. */
static void path_of(pid_t pid, char *buf)
{
    char digits[16];
    int at = 0, n = 0;

    for (; pid > 0; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    memcpy(buf, "/proc/", 6);
    at = 6;
    while (n > 0)
        buf[at++] = digits[--n];
    memcpy(buf + at, "/status", 8);
}

bool sl__is_traced(pid_t pid)
{
    static const char key[] = "\nTracerPid:\t";
    char path[40], text[2048];
    const char *at;
    ssize_t n;
    int fd;

    path_of(pid, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strstr(text, key);
    return at && at[sizeof key - 1] != '0';
}
