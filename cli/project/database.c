/*
 * compile_commands.json: what editors ask to understand a source.
 *
 * For single sources it is written here, with the very words of the compiler, beside the source;
 * sources that share a folder share the file. It is touched only when something in it changes, and
 * left alone where it is somebody else's: a link, no list, or one above that knows the source.
 */
#include "project/project.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#define NAME "compile_commands.json"

/* As a compile of one file: without what is only linked, and without colours. */
static json_t *arguments_of(const struct words *argv, const char *file)
{
    json_t *list = json_array();

    for (size_t i = 0; i < argv->count; i++) {
        const char *w = argv->list[i];

        if (strcmp(w, "-o") == 0 || strcmp(w, "-MF") == 0) {
            i++;
            continue;
        }
        if (strncmp(w, "-Wl,", 4) == 0 || strncmp(w, "-l", 2) == 0 || strncmp(w, "-L", 2) == 0 ||
            strcmp(w, "-MMD") == 0 || strcmp(w, "-c") == 0 ||
            strncmp(w, "-fdiagnostics-color", 19) == 0 || (i > 0 && is_source(w) && w[0] != '-'))
            continue;
        json_array_append_new(list, json_string(w));
    }
    json_array_append_new(list, json_string("-c"));
    json_array_append_new(list, json_string(file));
    return list;
}

static json_t *entry_of(const char *folder, const struct words *argv, const char *file)
{
    return json_pack("{s:s, s:s, s:o}", "directory", folder, "file", file, "arguments",
                     arguments_of(argv, file));
}

static bool same_place(json_t *a, json_t *b)
{
    return json_equal(json_object_get(a, "file"), json_object_get(b, "file")) &&
           json_equal(json_object_get(a, "directory"), json_object_get(b, "directory"));
}

/* Owns @p entry. True if the list is another one now. */
static bool merge(json_t *list, json_t *entry)
{
    size_t i;
    json_t *old;

    json_array_foreach(list, i, old)
    {
        if (!same_place(old, entry))
            continue;
        if (json_equal(old, entry)) {
            json_decref(entry);
            return false;
        }
        json_array_set_new(list, i, entry);
        return true;
    }
    json_array_append_new(list, entry);
    return true;
}

/* Entries whose source is gone. */
static bool prune(json_t *list)
{
    bool changed = false;

    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *entry = json_array_get(list, i);
        const char *folder = json_string_value(json_object_get(entry, "directory"));
        const char *file = json_string_value(json_object_get(entry, "file"));
        char path[2 * PATH_SIZE];

        if (!folder || !file)
            continue;
        snprintf(path, sizeof path, "%s%s%s", file[0] == '/' ? "" : folder,
                 file[0] == '/' ? "" : "/", file);
        if (access(path, F_OK) == 0)
            continue;
        json_array_remove(list, i);
        changed = true;
    }
    return changed;
}

/* A project above that has this source in its own list must not be hidden by one of ours. */
static bool known_above(const char *folder, const char *file)
{
    char path[PATH_SIZE], source[PATH_SIZE];
    size_t len;

    snprintf(path, sizeof path, "%s", folder);
    snprintf(source, sizeof source, "/%s\"", file);
    while ((len = strlen(path)) > 1) {
        char *text, *slash = strrchr(path, '/');

        slash[slash == path ? 1 : 0] = '\0';
        len = strlen(path);
        for (unsigned i = 0; i < 2; i++) {
            path[len] = '\0';
            if ((size_t)snprintf(path + len, sizeof path - len, "%s" NAME,
                                 i == 0 ? "/" : "/build/") >= sizeof path - len)
                break;
            text = read_text(path, NULL);
            if (text && strstr(text, source) && strstr(text, base_name(folder))) {
                free(text);
                return true;
            }
            free(text);
        }
        path[len] = '\0';
    }
    return false;
}

/* NULL: not ours to write. */
static json_t *read_list(void)
{
    struct stat st;
    json_t *list;

    if (lstat(NAME, &st) < 0)
        return json_array();
    if (!S_ISREG(st.st_mode))
        return NULL;
    list = json_load_file(NAME, 0, NULL);
    if (list && !json_is_array(list)) {
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* Where it cannot be written, editors have to do without: that is no reason to fail. */
static void write_list(json_t *list)
{
    static const char fresh[] = "." NAME ".new";

    unlink(fresh);
    if (json_dump_file(list, fresh, JSON_INDENT(2)) < 0 || rename(fresh, NAME) < 0)
        unlink(fresh);
}

static void write_entries(const struct words *argvs, const struct words *files, size_t commands,
                          const char *folder)
{
    json_t *list = read_list();
    bool changed;

    if (!list)
        return;
    changed = prune(list);
    for (size_t i = 0; i < files->count; i++)
        changed |= merge(list, entry_of(folder, &argvs[commands == 1 ? 0 : i], files->list[i]));
    if (changed)
        write_list(list);
    json_decref(list);
}

void database_write(const struct compilation *c, const struct words *argv)
{
    struct words files = {0};
    int r = words_add(&files, c->source);

    for (size_t i = 0; i < c->settings.sources.count && r == 0; i++)
        r = words_add(&files, c->settings.sources.list[i]);
    if (r == 0 && !known_above(c->folder, c->source))
        write_entries(argv, &files, 1, c->folder);
    words_free(&files);
}

void database_write_all(const char *folder, const struct words *argvs, const struct words *files)
{
    write_entries(argvs, files, files->count, folder);
}

void database_link(const char *made)
{
    struct stat st;

    if (lstat(NAME, &st) < 0 && symlink(made, NAME) < 0)
        return; /* in a folder that cannot be written */
}

bool database_is_there(void)
{
    struct stat st;

    return lstat(NAME, &st) == 0;
}
