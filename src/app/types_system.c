/*
 * Media types as the system knows them: /etc/mime.types, or else the list of shared-mime-info.
 *
 * types.c comes here with an extension that is not in its own table, which has everything that web
 * pages are made of. The list is read once in the life of a process, when first needed; whatever is
 * wrong with it only makes it shorter.
 */
#include "app/types_system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/chars.h"

#define LIST_MAX ((size_t)1 << 20)
#define EXTENSION_MAX ((size_t)32) /* with NUL */

static const char *const lists[] = {"/etc/mime.types", "/usr/share/mime/globs2"};

struct entry {
    const char *extension; /* in lower case */
    const char *type;
    uint32_t order; /* the first of an extension counts */
};

static struct {
    bool read;
    char *text; /* the list; extensions and types are pieces of it */
    struct entry *entries;
    size_t count, size;
    char **made; /* types with a charset; NULL: not asked for yet */
} known;

static char *read_all(const char *path)
{
    char *text = sl__try_alloc(LIST_MAX + 1);
    size_t len = 0;
    ssize_t n = 1;
    int fd = sl__sys_open(path, O_RDONLY, 0);

    while (text && fd >= 0 && len < LIST_MAX && n > 0) {
        n = read(fd, text + len, LIST_MAX - len);
        len += n > 0 ? (size_t)n : 0;
        if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (fd >= 0)
        close(fd);
    if (text && len > 0) {
        text[len] = '\0';
        return text;
    }
    sl__free(text);
    return NULL;
}

/* A token on both sides of one '/'. */
static bool is_type(const char *text)
{
    const char *slash = strchr(text, '/');

    if (!slash || slash == text || !slash[1])
        return false;
    for (const char *p = text; *p; p++)
        if (p != slash && !sl__char_is(*p, SL__CHAR_TOKEN))
            return false;
    return true;
}

static void add(const char *type, char *extension)
{
    size_t len = strlen(extension);
    struct entry *more;

    if (len == 0 || len >= EXTENSION_MAX || !is_type(type))
        return;
    if (known.count == known.size) {
        size_t size = known.size > 0 ? known.size * 2 : 1024;

        more = sl__try_realloc(known.entries, size * sizeof *more);
        if (!more)
            return;
        known.entries = more;
        known.size = size;
    }
    for (char *p = extension; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    known.entries[known.count] = (struct entry){extension, type, (uint32_t)known.count};
    known.count++;
}

/* type/subtype  one two three */
static void read_plain(char *line)
{
    char *rest, *type = strtok_r(line, " \t\r", &rest), *extension;

    while (type && (extension = strtok_r(NULL, " \t\r", &rest)))
        add(type, extension);
}

/* 50:type/subtype:*.one[:flags], of which "cs" means that case matters */
static void read_glob(char *line)
{
    char *type = strchr(line, ':'), *glob = type ? strchr(type + 1, ':') : NULL, *flags;

    if (!glob || strncmp(glob, ":*.", 3) != 0)
        return;
    *glob = '\0';
    glob += 3;
    flags = strchr(glob, ':');
    if (flags)
        *flags = '\0';
    if (strpbrk(glob, "*?[") || (flags && strstr(flags + 1, "cs")))
        return;
    add(type + 1, glob);
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->extension, y->extension);

    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

void sl__system_types_finish(void)
{
    for (size_t i = 0; known.made && i < known.count; i++)
        sl__free(known.made[i]);
    sl__free(known.made);
    sl__free(known.entries);
    sl__free(known.text);
    memset(&known, 0, sizeof known);
}

void sl__system_types_load(const char *path)
{
    char *line, *rest;

    sl__system_types_finish();
    known.read = true;
    known.text = read_all(path);
    if (!known.text)
        return;
    for (line = strtok_r(known.text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (*line >= '0' && *line <= '9')
            read_glob(line);
        else if (*line != '#')
            read_plain(line);
    }
    if (known.count > 0)
        qsort(known.entries, known.count, sizeof *known.entries, compare);
    known.made = sl__try_alloc_zeroed((known.count + 1) * sizeof *known.made);
}

static void load_one_of(const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count && known.count == 0; i++)
        sl__system_types_load(paths[i]);
}

/* Text is UTF-8 these days. */
static const char *full_type(size_t i)
{
    const char *type = known.entries[i].type;
    char text[256];

    if (strncmp(type, "text/", 5) != 0 || !known.made)
        return type;
    if (!known.made[i]) {
        snprintf(text, sizeof text, "%.200s; charset=utf-8", type);
        known.made[i] = sl__try_strdup(text);
    }
    return known.made[i] ? known.made[i] : type;
}

/* The first entry that is not before @p extension. */
static size_t place_of(const char *extension)
{
    size_t low = 0, high = known.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(known.entries[middle].extension, extension) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const char *sl__system_type(struct sl__str extension)
{
    char key[EXTENSION_MAX];
    size_t i;

    if (extension.len == 0 || extension.len >= sizeof key)
        return NULL;
    for (i = 0; i < extension.len; i++) {
        char c = extension.ptr[i];

        key[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    key[i] = '\0';
    if (!known.read)
        load_one_of(lists, sizeof lists / sizeof *lists);
    i = place_of(key);
    return i < known.count && strcmp(known.entries[i].extension, key) == 0 ? full_type(i) : NULL;
}
