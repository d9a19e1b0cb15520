/*
 * Looking for what a build has made: files that are programs, told by their first octets,
 * and whether they serve, told by what they call.
 */
#include "project/project.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    char magic[4] = "";
    size_t n = 0;
    FILE *f;

    if (!is_file(path) || access(path, X_OK) != 0 || strstr(base_name(path), ".so"))
        return false;
    f = fopen(path, "re");
    if (f) {
        n = fread(magic, 1, sizeof magic, f);
        fclose(f);
    }
    return n == sizeof magic && memcmp(magic, "\177ELF", sizeof magic) == 0;
}

/* Folders in which build systems try out compilers and keep objects. */
static bool is_backstage(const char *name)
{
    return name[0] == '.' || strcmp(name, "CMakeFiles") == 0 || fnmatch("meson-*", name, 0) == 0 ||
           fnmatch("*.p", name, 0) == 0;
}

int find_programs(const char *folder, int depth, struct words *ret)
{
    char path[PATH_SIZE];
    struct dirent *e;
    DIR *dir = opendir(folder);
    int r = 0;

    while (dir && r == 0 && (e = readdir(dir))) {
        if (is_backstage(e->d_name) ||
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path)
            continue;
        if (is_program(path))
            r = words_add(ret, path);
        else if (depth > 0 && is_folder(path))
            r = find_programs(path, depth - 1, ret);
    }
    if (dir)
        closedir(dir);
    return r;
}

#define WORD_MOST 32

/* By names in its table of symbols, or in its strings for the dynamic linker. */
static bool has_word(const char *program, const char *one, size_t one_len, const char *other,
                     size_t other_len)
{
    FILE *f = fopen(program, "re");
    char octets[65536];
    size_t have = 0, n;
    bool found = false;

    while (f && !found && (n = fread(octets + have, 1, sizeof octets - have, f)) > 0) {
        have += n;
        found = memmem(octets, have, one, one_len) || memmem(octets, have, other, other_len);
        if (have > WORD_MOST) {
            memmove(octets, octets + have - WORD_MOST, WORD_MOST);
            have = WORD_MOST;
        }
    }
    if (f)
        fclose(f);
    return found;
}

bool is_server(const char *program)
{
    return has_word(program, "sl_listen_on", 12, "\0sl_run\0", 8);
}

bool is_sanitized(const char *program)
{
    return has_word(program, "__asan_init", 11, "__ubsan_handle", 14);
}
