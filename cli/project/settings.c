/*
 * What a source says of its own build, in lines of its own:
 *
 *     // shallot: pkgs=libpq,zlib          pkg-config packages
 *     // shallot: sources=util.c,db.c      more files, compiled and linked with this one
 *     // shallot: cflags=-DDEBUG -Iinclude for the compiler
 *     // shallot: libs=-lcrypt             for the linker
 *
 * Read anew for every build, so that a line added brings its package with the next save.
 */
#include "project/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"pkgs", "sources", "cflags", "libs", NULL};

static struct words *place_of(struct settings *s, const char *key)
{
    struct words *const places[] = {&s->pkgs, &s->sources, &s->cflags, &s->libs};

    for (size_t i = 0; keys[i]; i++)
        if (strcmp(keys[i], key) == 0)
            return places[i];
    return NULL;
}

static int complain(const char *source, unsigned line, const char *key)
{
    const char *meant = closest(key, keys);

    if (meant)
        return say_failure("%s:%u: no such setting: %s=; did you mean %s=?", source, line, key,
                           meant);
    return say_failure("%s:%u: no such setting: %s=; there are pkgs=, sources=, cflags= and libs=",
                       source, line, key);
}

/* Names are separated by commas or blanks, flags as a shell does. */
static int read_value(struct settings *s, struct words *to, char *value)
{
    char *rest = NULL;
    int r = 0;

    if (to == &s->cflags || to == &s->libs)
        return words_split(to, value, false);
    for (char *name = strtok_r(value, ", \t", &rest); name && r == 0;
         name = strtok_r(NULL, ", \t", &rest))
        r = words_add(to, name);
    return r;
}

static int read_line(const char *source, unsigned number, char *line, struct settings *s)
{
    char *key = line + strspn(line, " \t"), *value;
    struct words *to;
    int r;

    if (strncmp(key, "//", 2) != 0)
        return 0;
    key += 2;
    key += strspn(key, "/ \t");
    if (strncmp(key, "shallot:", 8) != 0)
        return 0;
    key += 8;
    key += strspn(key, " \t");
    key[strcspn(key, "\r\n")] = '\0';
    value = strchr(key, '=');
    if (!value || strcspn(key, " \t") < (size_t)(value - key))
        return 0; /* prose that begins so */
    *value++ = '\0';
    to = place_of(s, key);
    if (!to)
        return complain(source, number, key);
    r = read_value(s, to, value);
    return r < 0 ? say_failure("%s:%u: %s= is not understood; quotes must be closed, and no shell "
                               "commands are run here",
                               source, number, key)
                 : r;
}

int settings_read(const char *source, struct settings *ret)
{
    FILE *f = fopen(source, "re");
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    int r = 0;

    *ret = (struct settings){0};
    if (!f)
        return 0; /* the compiler will say why */
    while (r == 0 && getline(&line, &size, f) > 0)
        r = read_line(source, ++number, line, ret);
    free(line);
    fclose(f);
    return r;
}

void settings_free(struct settings *s)
{
    words_free(&s->pkgs);
    words_free(&s->sources);
    words_free(&s->cflags);
    words_free(&s->libs);
}
