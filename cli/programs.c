/*
 * Looking for what a build has made: files that are programs, told by their first bytes.
 */
#include "cli.h"

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

unsigned find_programs(const char *folder, int depth, char *ret_path, size_t size)
{
    char path[PATH_SIZE];
    unsigned found = 0;
    struct dirent *e;
    DIR *dir = opendir(folder);

    while (dir && (e = readdir(dir))) {
        if (is_backstage(e->d_name) ||
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path)
            continue;
        if (is_program(path)) {
            if (found++ == 0)
                snprintf(ret_path, size, "%s", path);
        } else if (depth > 0 && is_folder(path)) {
            char inner[PATH_SIZE];
            unsigned more = find_programs(path, depth - 1, inner, sizeof inner);

            if (found == 0 && more > 0)
                snprintf(ret_path, size, "%s", inner);
            found += more;
        }
    }
    if (dir)
        closedir(dir);
    return found;
}
