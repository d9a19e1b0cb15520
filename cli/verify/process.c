/*
 * What /proc says of processes: whether they live, whose children they are, what they cost.
 */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a small file in /proc, terminated; "" if it is not there. */
static void read_text(char *text, size_t size, pid_t pid, const char *name)
{
    char path[64];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    f = fopen(path, "re");
    if (f) {
        n = fread(text, 1, size - 1, f);
        fclose(f);
    }
    text[n] = 0;
}

static char state_of(pid_t pid)
{
    char text[512];
    const char *end;

    read_text(text, sizeof text, pid, "stat");
    end = strrchr(text, ')'); /* behind the name, which may hold anything */
    return end && end[1] == ' ' ? end[2] : 'X';
}

bool process_lives(pid_t pid)
{
    char state = state_of(pid);

    return state != 'X' && state != 'Z';
}

bool process_is_stopped(pid_t pid)
{
    return state_of(pid) == 'T';
}

int64_t process_cpu(pid_t pid)
{
    char text[128];

    read_text(text, sizeof text, pid, "schedstat");
    return strtoll(text, NULL, 10);
}

int64_t process_memory(pid_t pid)
{
    char text[4096];
    const char *line;

    read_text(text, sizeof text, pid, "smaps_rollup");
    line = strstr(text, "\nAnonymous:");
    return line ? strtol(line + strlen("\nAnonymous:"), NULL, 10) << 10 : 0;
}

unsigned process_children(pid_t pid, pid_t *ret, unsigned most)
{
    char name[64], text[8192], *at = text, *end;
    unsigned count = 0;

    snprintf(name, sizeof name, "task/%d/children", (int)pid);
    read_text(text, sizeof text, pid, name);
    for (; count < most; at = end) {
        long child = strtol(at, &end, 10);

        if (end == at)
            break;
        if (process_lives((pid_t)child))
            ret[count++] = (pid_t)child;
    }
    return count;
}

bool process_is_called(pid_t pid, const char *title)
{
    char text[256];

    read_text(text, sizeof text, pid, "cmdline");
    return strncmp(text, title, strlen(title)) == 0;
}
