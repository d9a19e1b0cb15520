/*
 * Is a program newer than its sources? Answered from the dependency file the compiler wrote
 * ("hello: hello.c util.h \" and so on). Doubt means no: building costs half a second, serving old
 * code costs an evening.
 */
#include "project/project.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* The next word of the file: "\ " is a space in a name, "\" before a newline nothing. */
static bool next_word(FILE *f, char *buf, size_t size)
{
    size_t len = 0;
    int c;

    while ((c = getc(f)) != EOF) {
        if (c == '\\') {
            c = getc(f);
            if (c == '\n')
                c = ' ';
            else if (c == ' ')
                goto letter;
        }
        if (c == ' ' || c == '\n' || c == EOF) {
            if (len > 0)
                break;
            continue;
        }
    letter:
        if (len + 1 < size)
            buf[len++] = (char)c;
    }
    buf[len] = 0;
    return len > 0;
}

bool is_current(const char *program, const char *dependencies)
{
    char folder[PATH_SIZE], word[PATH_MAX], path[2 * PATH_MAX];
    struct stat built, source;
    bool current = false;
    unsigned words = 0;
    FILE *f;

    if (stat(program, &built) < 0)
        return false;
    f = fopen(dependencies, "re");
    if (!f)
        return false;
    folder_of(program, folder, sizeof folder); /* FOLDER/.shallot/release: names begin two above */
    while (next_word(f, word, sizeof word)) {
        if (words++ == 0)
            continue; /* the target and its colon */
        snprintf(path, sizeof path, word[0] == '/' ? "%s%s" : "%s/../../%s",
                 word[0] == '/' ? "" : folder, word);
        current = stat(path, &source) == 0 && newer(&built.st_mtim, &source.st_mtim);
        if (!current)
            break;
    }
    fclose(f);
    return current;
}
