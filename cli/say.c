/*
 * Everything the program says, so that it sounds like one voice: errors in one line, status in two
 * columns, colour only on a terminal that wants it.
 */
#include "cli.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define WORD_MAX 24

bool say_in_colour(int fd)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fd) && !(none && none[0]) && !(term && strcmp(term, "dumb") == 0);
}

__attribute__((format(printf, 1, 0))) static void say_error(const char *fmt, va_list args)
{
    char text[2 * PATH_SIZE];

    vsnprintf(text, sizeof text, fmt, args);
    fprintf(stderr, "shallot: %s\n", text);
}

int say_usage_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_error(fmt, args);
    va_end(args);
    return 2;
}

int say_failure(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_error(fmt, args);
    va_end(args);
    return 1;
}

void say_line(enum tone tone, const char *word, const char *fmt, ...)
{
    static const char *const colours[] = {
        [TONE_PLAIN] = "\033[1m",
        [TONE_GOOD] = "\033[32m",
        [TONE_BAD] = "\033[31m",
        [TONE_QUIET] = "\033[2m",
    };
    bool colour = say_in_colour(STDERR_FILENO);
    char text[2 * PATH_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "  %s%-8s%s %s\n", colour ? colours[tone] : "", word, colour ? "\033[0m" : "",
            text);
}

static int least(int a, int b, int c)
{
    int ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* How many letters differ: Levenshtein's distance, a row at a time. */
static int distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        int above_left = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            int above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, above_left + (a[i - 1] != b[j - 1]));
            above_left = above;
        }
    }
    return row[lb];
}

const char *closest(const char *typed, const char *const *names)
{
    const char *best = NULL;
    int least_so_far = 3; /* more than two letters apart is another word */

    for (; *names; names++) {
        int d = distance(typed, *names);

        if (typed[0] && strncmp(typed, *names, strlen(typed)) == 0)
            d = 1; /* the beginning of it */
        if (d < least_so_far && d < (int)strlen(*names)) {
            least_so_far = d;
            best = *names;
        }
    }
    return best;
}

/* Of the names in a folder: as with typed ones, and the same in other case or with another ending.
 */
bool closest_file(const char *folder, const char *typed, char *ret)
{
    char name[NAME_MAX + 1];
    const char *const two[] = {name, NULL};
    const char *wanted = base_name(typed);
    char path[PATH_SIZE];
    struct dirent *e;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof path, "%s/%.*s", folder, (int)(wanted - typed), typed);
    dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        snprintf(name, sizeof name, "%s", e->d_name);
        found = name[0] != '.' && strcmp(name, wanted) != 0 &&
                (strcasecmp(name, wanted) == 0 || closest(wanted, two));
    }
    if (found)
        snprintf(ret, NAME_MAX + 1, "%.*s%s", (int)(wanted - typed), typed, name);
    if (dir)
        closedir(dir);
    return found;
}
