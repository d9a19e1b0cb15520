/*
 * What is to be served, and how it is built.
 */
#ifndef SHALLOT_PROJECT_H
#define SHALLOT_PROJECT_H

#include "cli.h"

/* tools.c: compilers and build tools of this machine. */

/** True if a program of this name can be started. */
bool have_tool(const char *name);
/** 0, or 1 after one line that names the tool and the package to install. */
int need_tool(const char *name);
/** Lets pkg-config find the Shallot this program belongs to, if it is not where everybody looks: a
 * build tree, or a prefix of its own. */
void tools_find_shallot(void);
/** Folder to put into the program's run path; NULL: the system finds the library. */
const char *tools_run_path(void);
/** Runs a command as system(3) does. @return its exit status */
int run_command(const char *command);
/** What a program prints, its errors aside; to be freed. NULL if it fails. */
char *tools_answer(char *const *argv);
/** The compiler for a source of this name: CC or CXX, else cc or c++. */
const char *tools_compiler(const char *source);
/** True if pkg-config knows the package. */
bool tools_have_package(const char *package);
/** The package that this name may be meant to be. */
bool tools_closest_package(const char *name, char *ret, size_t size);
/** "sudo apt install PACKAGE", where packages are Debian's. */
bool tools_install_command(const char *package, char *ret, size_t size);
/** Why the library itself is not found, and what to do. */
const char *tools_no_shallot(void);
/** A shell command for one of our own: "exec /usr/bin/shallot NAME ". 0, or 1 with the error
 * printed. */
int tools_own_command(const char *name, char *ret, size_t size);

/* source.c */

enum compile_kind { COMPILE_DEV, COMPILE_RELEASE, COMPILE_SANITIZE };

/** True for the name of a C or C++ source. */
bool is_source(const char *name);
bool is_cpp(const char *source);
/** True if the source @p path defines the function, comments and strings aside. */
bool source_defines(const char *path, const char *function);
bool has_main(const char *path);
/**
 * How to build one source with the compiler alone. @p ret_program: where the program will lie; both
 * buffers have PATH_SIZE and COMMAND_SIZE.
 */
int source_build(const char *source, enum compile_kind kind, char *ret_program, char *ret_command);
#define COMMAND_SIZE (4 * PATH_SIZE)
/** Makes a folder of our own that version control does not see. False if it cannot be written. */
bool source_make_own_folder(const char *path);
/** The same: 0, or 1 with the error printed. */
int source_own_folder(const char *path);

/* settings.c */

/** The lines "// shallot: pkgs=..." of a source. */
struct settings {
    struct words pkgs, sources, cflags, libs;
};
/** 0, or 1 with the error printed. */
int settings_read(const char *source, struct settings *ret);
void settings_free(struct settings *s);

/* compile.c, source.c */

/** The build of one source. */
struct compilation {
    enum compile_kind kind;
    char folder[PATH_SIZE];    /* absolute; the build runs there */
    char source[NAME_MAX + 1]; /* in it */
    char word[NAME_MAX + 3];   /* the same for the compiler */
    char program[PATH_SIZE];
    struct settings settings;
};
/** Checks file and tools, and makes the folder of the program. 0, or 1 with the error printed. */
int compilation_begin(struct compilation *c, const char *source, enum compile_kind kind);

/* database.c: compile_commands.json in the current folder, written when that changes it. */

void database_write(const struct compilation *c, const struct words *argv);
/** Of a project: the command of each file. */
void database_write_all(const char *folder, const struct words *argvs, const struct words *files);
/** Links to the one a build system has made, if there is none. */
void database_link(const char *made);
bool database_is_there(void);

/* parts.c */

/** A library as it is known: by names separated by blanks, "PQ*" for all that begin so. */
struct part {
    const char *package; /* pkg-config's name */
    const char *debian;
    const char *headers, *functions, *libraries;
};
enum part_key { PART_HEADER, PART_FUNCTION, PART_LIBRARY, PART_PACKAGE };
/** The library that has this header, this function, ...; NULL. */
const struct part *part_find(enum part_key key, const char *name);
bool part_is_math(const char *function);

/* hints.c */

struct failed_build {
    const char *source;     /* the only one; NULL: a build system's */
    const char *build_file; /* Makefile, meson.build, ...; NULL */
};
/** Prints what the failure means, if that is known. @p output is taken apart. Runs in the folder of
 * the build. */
void hints_say(const struct failed_build *build, char *output);

/* deps.c */

/** True if @p program is newer than everything its dependency file (of -MMD) names. */
bool is_current(const char *program, const char *dependencies);

/* programs.c */

/** Adds the programs in @p folder, @p depth folders deep. 0, or 1 with the error printed. */
int find_programs(const char *folder, int depth, struct words *ret);
/** True if the program calls sl_listen() or sl_run(). */
bool is_server(const char *program);
/** True if it was built with AddressSanitizer or UBSan. */
bool is_sanitized(const char *program);

/* targets.c: which programs a project makes, as far as its build system tells beforehand. */

/** Each adds the paths of programs to be. 0, or 1 with the error printed. */
int targets_of_meson(const char *build_folder, struct words *ret);
/** CMake answers this question when it configures after it was asked. */
void targets_ask_cmake(const char *build_folder);
int targets_of_cmake(const char *build_folder, struct words *ret);
/** From what make would do; writes compile_commands.json on the way, if it is understood and @p
 * database. */
int targets_of_make(bool database, struct words *ret);

/* systems.c */

/** make, meson or cmake; the arrays are for each enum compile_kind. */
struct build_system {
    const char *file, *tool, *second_tool;
    int depth;                                              /* of programs below the output */
    const char *output[3], *configure[3], *build[3], *mark; /* of a folder that is configured */
};
/** The one of the current folder; NULL. */
const struct build_system *build_system_here(void);
/** Each: 0, or 1 with the error printed. */
int build_system_tools(const struct build_system *s);
int build_system_configure(const struct build_system *s, enum compile_kind kind);
int build_system_command(const struct build_system *s, enum compile_kind kind, char *ret,
                         size_t size);
/** The programs that it will make, as far as that is known beforehand. */
int build_system_targets(const struct build_system *s, enum compile_kind kind, struct words *ret);
/** compile_commands.json where editors look, or a line how. */
void build_system_database(const struct build_system *s, enum compile_kind kind);

/* project.c */

/** What is to be served, and how it is built. */
struct project {
    char title[256];
    char program[PATH_SIZE];
    char build[COMMAND_SIZE]; /* "": nothing to build */
    char watch[PATH_SIZE];    /* "": the current folder */
};

/** Finds out what the options mean. 0, or an exit status with the error printed. */
int project_find(const struct options *o, enum compile_kind kind, struct project *ret);

/** Prints why there is no such file, and which one may be meant. @return 1 */
int no_file(const char *what, const char *command);

#endif
