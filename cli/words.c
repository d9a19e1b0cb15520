/*
 * Lists of words: the arguments of a command that is put together, and words split as a shell
 * splits them, because CFLAGS and the answers of pkg-config are written for a shell.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

int words_add(struct words *w, const char *word)
{
    char *copy = strdup(word);
    char **list = realloc(w->list, (w->count + 2) * sizeof *list);

    if (list)
        w->list = list;
    if (!list || !copy) {
        free(copy);
        return say_failure("out of memory");
    }
    w->list[w->count++] = copy;
    w->list[w->count] = NULL;
    return 0;
}

int words_set(struct words *w, size_t at, const char *word)
{
    char *copy = strdup(word);

    if (!copy)
        return say_failure("out of memory");
    free(w->list[at]);
    w->list[at] = copy;
    return 0;
}

int words_split(struct words *w, const char *text, bool run_commands)
{
    wordexp_t found;
    int r = 0;

    switch (wordexp(text, &found, run_commands ? 0 : WRDE_NOCMD)) {
    case 0:
        for (size_t i = 0; i < found.we_wordc && r == 0; i++)
            r = words_add(w, found.we_wordv[i]);
        wordfree(&found);
        return r;
    case WRDE_NOSPACE:
        wordfree(&found);
        return say_failure("out of memory");
    default:
        return -1;
    }
}

void words_free(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->list[i]);
    free(w->list);
    *w = (struct words){0};
}

bool words_have(const struct words *w, const char *word)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->list[i], word) == 0)
            return true;
    return false;
}
