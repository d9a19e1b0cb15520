/*
 * Memory from the C library, behind one seam.
 *
 * The plain forms never come back without memory: a worker that cannot have a hundred bytes is
 * better restarted by its master than taught to limp. The try_ forms do come back, and ask
 * sl__mem_fault first, so that a test can let the n-th of them fail.
 */
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool (*sl__mem_fault)(size_t size);

static void *or_die(void *p)
{
    static const char text[] = "shallot: out of memory\n";

    if (p)
        return p;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        abort(); /* nothing can be said, and the outcome is the same */
    abort();
}

static bool refused(size_t size)
{
    return __builtin_expect(sl__mem_fault != NULL, 0) && sl__mem_fault(size);
}

/* malloc(0) may be NULL, which would look like a failure. */
static size_t at_least_one(size_t size)
{
    return size > 0 ? size : 1;
}

void *sl__alloc(size_t size)
{
    return or_die(malloc(at_least_one(size)));
}

void *sl__alloc_zeroed(size_t size)
{
    return or_die(calloc(1, at_least_one(size)));
}

void *sl__realloc(void *old, size_t size)
{
    return or_die(realloc(old, at_least_one(size)));
}

char *sl__strdup(const char *text)
{
    return or_die(strdup(text));
}

void *sl__try_alloc(size_t size)
{
    return refused(size) ? NULL : malloc(at_least_one(size));
}

void *sl__try_alloc_zeroed(size_t size)
{
    return refused(size) ? NULL : calloc(1, at_least_one(size));
}

char *sl__try_strdup(const char *text)
{
    return refused(strlen(text) + 1) ? NULL : strdup(text);
}

void *sl__try_realloc(void *old, size_t size)
{
    return refused(size) ? NULL : realloc(old, at_least_one(size));
}

void sl__free(void *p)
{
    free(p);
}

/* What /proc says of a process, terminated. False: nothing. */
static bool ask_proc(pid_t pid, const char *what, char *text, size_t size)
{
    char path[48];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    return true;
}

uint64_t sl__resident(pid_t pid)
{
    unsigned long long size, pages;
    char text[64];

    return ask_proc(pid, "statm", text, sizeof text) &&
                   sscanf(text, "%llu %llu", &size, &pages) == 2
               ? pages * (unsigned long long)sysconf(_SC_PAGESIZE)
               : 0;
}

/* A thread's account; that of the process is its first thread's. */
double sl__cpu_time(pid_t pid)
{
    unsigned long long ns;
    char text[96];

    return ask_proc(pid, "schedstat", text, sizeof text) && sscanf(text, "%llu", &ns) == 1
               ? (double)ns / 1e9
               : 0;
}
