/*
 * Which files of a tree do not count: asked by watch.c for every name it meets.
 *
 * The tables hold what editors, compilers, build systems and running programs leave behind. A name
 * too many here is a save that goes unnoticed, one too few is a build for nothing; programs that
 * write logs or databases beside their source would otherwise be swapped by their own requests.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/watch.h"

static const char *const folders[] = {
    "build",          "build-*",      "build_*",      "build.*",     "builddir",
    "_build*",        "cmake-build*", "CMakeFiles",   "target",      "out",
    "dist",           "obj",          "node_modules", "__pycache__", "venv",
    "autom4te.cache", "*.dSYM",
};

static const char *const files[] = {
    /* compilers and linkers */
    "*.o",
    "*.a",
    "*.so",
    "*.so.*",
    "*.lo",
    "*.la",
    "*.d",
    "*.gch",
    "*.pch",
    "*.obj",
    "*.pyc",
    "*.gcda",
    "*.gcno",
    "compile_commands.json",
    /* editors and tools that write a file beside the one that is meant */
    "*~",
    "#*#",
    "4913",
    "*.swp",
    "*.swo",
    "*.swx",
    "*.tmp",
    "*.orig",
    "*.rej",
    "*.part",
    "*___jb_tmp___",
    "*___jb_old___",
    /* what running programs write */
    "*.log",
    "*.pid",
    "*.sock",
    "*.lock",
    "*.db",
    "*.db-*",
    "*.sqlite",
    "*.sqlite-*",
    "*.sqlite3",
    "*.sqlite3-*",
    "core",
    "core.[0-9]*",
    "vgcore.*",
};

static bool matches(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fnmatch(list[i], name, 0) == 0)
            return true;
    return false;
}

bool sl__tree_ignores(const char *name, bool is_dir)
{
    if (name[0] == '.')
        return true;
    if (is_dir)
        return matches(name, folders, sizeof folders / sizeof *folders);
    return matches(name, files, sizeof files / sizeof *files);
}

bool sl__tree_is_product(const char *root, const char *name)
{
    char path[PATH_MAX], magic[8] = "";
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "%s/%s", root, name);
    fd = sl__sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return false;
    n = read(fd, magic, sizeof magic);
    close(fd);
    return (n >= 4 && memcmp(magic, "\177ELF", 4) == 0) ||
           (n == 8 && memcmp(magic, "!<arch>\n", 8) == 0);
}
