/*
 * Build systems: make, meson and cmake, as they are used here.
 *
 * Each is a command for the shell that configures what has not been configured and builds. What is
 * for development lies where the project's own users would put it (build/, or beside the sources
 * with make); what is made for `run` and with --sanitize has folders of its own in .shallot/, so
 * that objects of one kind are never linked with those of another.
 */
#include "project/project.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SANITIZE "-fsanitize=address,undefined -fno-omit-frame-pointer"

/* A Makefile builds where it is, so it gets copies of the sources, with their times, but not of
 * what it has built; what is gone from the project goes from the copies too. Lines of errors and of
 * debuggers name the originals. */
#define MIRROR                                                                                     \
    "find . \\( -name '.?*' -o -name build \\) -prune -o -type f ! -name '*.[oad]' ! -name "       \
    "'*.so' \\( ! -perm /111 -o ! -exec grep -qam1 '^.ELF' {} \\; \\) -print0 | xargs -0r cp -pu " \
    "--parents -t .shallot/sanitize && (cd .shallot/sanitize && find . -type f -name '*.[ch]*' | " \
    "while read -r f; do [ -e \"../../$f\" ] || rm -f \"$f\"; done) && "
#define MAP " -ffile-prefix-map=$PWD/.shallot/sanitize=$PWD"

static const struct build_system systems[] = {
    {"meson.build",
     "meson",
     "ninja",
     4,
     {"build", ".shallot/release", ".shallot/sanitize"},
     {"meson setup build", "meson setup --buildtype=release .shallot/release",
      "meson setup --buildtype=debug -Db_sanitize=address,undefined -Db_lundef=false "
      ".shallot/sanitize"},
     {"ninja -C build", "ninja -C .shallot/release", "ninja -C .shallot/sanitize"},
     "build.ninja"},
    {"CMakeLists.txt",
     "cmake",
     NULL,
     4,
     {"build", ".shallot/release", ".shallot/sanitize"},
     {"cmake -B build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
      "cmake -B .shallot/release -DCMAKE_BUILD_TYPE=Release",
      "cmake -B .shallot/sanitize -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS='" SANITIZE
      "' -DCMAKE_CXX_FLAGS='" SANITIZE "'"},
     {"cmake --build build", "cmake --build .shallot/release", "cmake --build .shallot/sanitize"},
     "CMakeCache.txt"},
#define MAKE(file)                                                                                 \
    {                                                                                              \
        file, "make", NULL, 1, {".", ".", ".shallot/sanitize"}, {NULL, NULL, NULL},                \
            {"make", "make",                                                                       \
             MIRROR "make --no-print-directory -C .shallot/sanitize CC=\"${CC:-cc} " SANITIZE MAP  \
                    "\" CXX=\"${CXX:-c++} " SANITIZE MAP "\""},                                    \
            NULL                                                                                   \
    }
    MAKE("GNUmakefile"),
    MAKE("Makefile"),
    MAKE("makefile"),
};

const struct build_system *build_system_here(void)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (is_file(systems[i].file))
            return &systems[i];
    return NULL;
}

int build_system_tools(const struct build_system *s)
{
    int r = need_tool(s->tool);

    return r == 0 && s->second_tool ? need_tool(s->second_tool) : r;
}

static bool is_configured(const struct build_system *s, enum compile_kind kind)
{
    char mark[PATH_SIZE];

    return !s->mark || (path_format(mark, sizeof mark, "%s/%s", s->output[kind], s->mark) == 0 &&
                        is_file(mark));
}

int build_system_configure(const struct build_system *s, enum compile_kind kind)
{
    if (s->output[kind][0] == '.' && s->output[kind][1] && source_own_folder(".shallot") != 0)
        return 1;
    if (strcmp(s->tool, "make") == 0 && kind == COMPILE_SANITIZE)
        mkdir(s->output[kind], 0777);
    if (is_configured(s, kind))
        return 0;
    if (strcmp(s->tool, "cmake") == 0)
        targets_ask_cmake(s->output[kind]);
    say_line(TONE_PLAIN, "build", "%s", s->configure[kind]);
    if (run_command(s->configure[kind]) != 0)
        return say_failure("%s could not configure this project, and has said above why; mend %s "
                           "and start again",
                           s->tool, s->file);
    return 0;
}

int build_system_command(const struct build_system *s, enum compile_kind kind, char *ret,
                         size_t size)
{
    const char *mark = s->mark;
    char command[PATH_SIZE], line[PATH_SIZE + 64];
    int r;

    if (mark) /* the folder may be removed while we develop */
        r = path_format(command, sizeof command, "{ [ -f %s/%s ] || %s; } && %s", s->output[kind],
                        mark, s->configure[kind], s->build[kind]);
    else
        r = path_format(command, sizeof command, "%s", s->build[kind]);
    r = r != 0 ? r
               : path_format(line, sizeof line, "compile %s--file %s --command",
                             kind == COMPILE_SANITIZE && !mark ? "--sanitize " : "", s->file);
    r = r != 0 ? r : tools_own_command(line, ret, size);
    return r != 0 ? r : append_quoted(ret, size, command);
}

int build_system_targets(const struct build_system *s, enum compile_kind kind, struct words *ret)
{
    char path[PATH_SIZE];
    size_t count;
    int r;

    if (strcmp(s->tool, "meson") == 0)
        return targets_of_meson(s->output[kind], ret);
    if (strcmp(s->tool, "cmake") == 0)
        return targets_of_cmake(s->output[kind], ret);
    r = targets_of_make(kind == COMPILE_DEV, ret);
    count = ret->count;
    for (size_t i = 0; i < count && r == 0 && kind == COMPILE_SANITIZE; i++) {
        r = path_format(path, sizeof path, "%s/%s", s->output[kind], ret->list[i]);
        r = r != 0 ? r : words_set(ret, i, path);
    }
    return r;
}

void build_system_database(const struct build_system *s, enum compile_kind kind)
{
    char made[PATH_SIZE];

    if (s->mark && kind == COMPILE_DEV) {
        if (path_format(made, sizeof made, "%s/compile_commands.json", s->output[kind]) == 0 &&
            is_file(made))
            database_link(made);
    } else if (kind == COMPILE_DEV && !database_is_there()) {
        say_line(TONE_QUIET, "note",
                 "what %s compiles is not to be seen from outside; for editors: bear -- make -B",
                 s->file);
    }
}
