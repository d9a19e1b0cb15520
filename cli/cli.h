/*
 * What the files of the shallot program share.
 */
#ifndef SHALLOT_CLI_H
#define SHALLOT_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PATH_SIZE 4096

/* main.c */

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};
extern const struct command cli_commands[]; /* inside ones too, which general_help does not name */
extern const size_t cli_commands_count;
extern const char general_help[];
/** NULL if there is none. */
const struct command *command_named(const char *name);

/* say.c: everything the program prints. Status lines go to standard error, as the service's own log
 * does; help goes to standard output. */

/** "shallot: ..." and a newline. @return 2, the exit status of a usage error, or 1 for
 * say_failure().
 */
int say_usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int say_failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** "  built     0.41 s": a word in a column of its own, and the rest. */
enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_QUIET };
void say_line(enum tone tone, const char *word, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** True if what is written to @p fd is seen on a terminal that wants colours. */
bool say_in_colour(int fd);
/** Of @p names (NULL-terminated) the one that @p typed may have been meant to be, or NULL. */
const char *closest(const char *typed, const char *const *names);
/** The same among the files of @p folder, with those of its folders when @p typed has a slash.
 * @p ret: NAME_MAX + 1. False if there is none. */
bool closest_file(const char *folder, const char *typed, char *ret);

/* words.c */

/** A list of words, NULL at its end once there is one. {0} is empty. */
struct words {
    char **list;
    size_t count;
};
/** Adds a copy. 0, or 1 with the error printed. */
int words_add(struct words *w, const char *word);
/** Adds the words of a line, split and expanded as a shell does. 0; 1 with the error printed; -1 if
 * the line is not understood, or would run a command and @p run_commands is false. */
int words_split(struct words *w, const char *text, bool run_commands);
/** Puts a copy in the place of the word @p at. */
int words_set(struct words *w, size_t at, const char *word);
bool words_have(const struct words *w, const char *word);
void words_free(struct words *w);

/* options.c */

struct options {
    const char *what;                        /* FILE.c, program or folder; NULL: not given */
    const char *build, *port, *host, *watch; /* NULL: not given */
    char **args;                             /* after "--", NULL-terminated; may be empty */
    bool help, sanitize, debug, open;
};

/** Reads the arguments behind the command's name. @p allowed: the options it knows, without "--".
 * 0, or an exit status after an error, which has been printed. */
int options_read(int argc, char **argv, const char *command, const char *const *allowed,
                 struct options *ret);
/** PORT and HOST for the program, from the options. */
void options_export(const struct options *o);

/* path.c */

/** snprintf that says when it did not fit: 0, or 1 with the error printed. */
int path_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool is_folder(const char *path);
/** A regular file. */
bool is_file(const char *path);
/** The part behind the last slash. */
const char *base_name(const char *path);
/** Folder of @p path, "." if it names none. */
void folder_of(const char *path, char *buf, size_t size);
/** Appends @p text to a command as one word for the shell. 0 or 1 as path_format(). */
int append_quoted(char *command, size_t size, const char *text);
/** The file's text, at most 4 MiB, NUL-terminated; to be freed. NULL: it cannot be read. */
char *read_text(const char *path, size_t *ret_len);

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

/* debug.c */

/** Whether there is all that --debug needs. 0, or 1 with the error printed. */
int debug_check(void);
/** Builds without optimisation, by the environment. */
void debug_prepare(void);
/** Runs gdb on the terminal and waits for its end. */
void debug_worker(int pid);

/* running.c */

#define SOCKET_PATH_SIZE 108 /* sun_path */
/** Finds the control socket of the program meant by @p which: its name or PID; NULL: the only one
 * that runs. A connected socket, or -1 with the error printed. */
int running_connect(const char *which);
/** Connects to the socket at @p path. */
int running_connect_to(const char *path);

/** Calls @p each for every program of this user that runs; @c alone: no other has its name. */
void running_each(void (*each)(void *self, const char *name, const char *pid, bool alone),
                  void *self);

/* talk.c: commands that speak to a running program. */

/** What such a command was given. */
struct talk_options {
    const char *socket; /* --socket PATH; NULL */
    bool json, now, help;
    const char *words[4];
    unsigned count;
};
/** 0, or an exit status after an error, which has been printed. @p most: words it takes. @p flags:
 * the options without value that it knows, NULL-terminated. */
int talk_read(int argc, char **argv, unsigned least, unsigned most, const char *const *flags,
              struct talk_options *ret);

/** A conversation with a running program. */
struct talk {
    int fd;
    char *text; /* what was received; lines are NUL-terminated in it once they have been read */
    size_t at, len, size;
};
/** @p which: as running_connect(). 0 or 1 with the error printed. */
int talk_open(struct talk *t, const struct talk_options *o, const char *which);
void talk_close(struct talk *t);
/** Sends a command. 0, or 1 with the error printed. */
int talk_ask(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The next line of the answer: its kind ('+', '~', '.' or '!'), text in *ret, valid until the next
 * call. 0 when the program has gone. */
char talk_hear(struct talk *t, char **ret);
/** Asks, prints what happens meanwhile, and returns the payload, lines separated by NUL, ended by
 * an empty one. NULL with the error printed; else owned by the caller. */
char *talk_fetch(struct talk *t, const char *command);

/* status.c, top.c */

/** One line "what\tname=value\t...": */
struct row {
    char *what;
    struct {
        char *name, *value;
    } pairs[40];
    unsigned count;
};
/** Takes a line apart, in place. */
void row_read(char *line, struct row *ret);
/** "" if there is none of this name. */
const char *row_text(const struct row *r, const char *name);
double row_number(const struct row *r, const char *name);
/** "12.3M": for octets and other large numbers. */
void short_number(double n, char *buf, size_t size);
/** "3d 4h", "12m 5s": for a time in seconds. */
void short_time(double seconds, char *buf, size_t size);

int status_main(int argc, char **argv);
int top_main(int argc, char **argv);
/* operate.c */
int reload_main(int argc, char **argv);
int upgrade_main(int argc, char **argv);
int stop_main(int argc, char **argv);
int scale_main(int argc, char **argv);
int restart_main(int argc, char **argv);
int routes_main(int argc, char **argv);
extern const char status_help[], top_help[], reload_help[], upgrade_help[], stop_help[],
    scale_help[], restart_help[], routes_help[];

/* crashes.c */
/** Calls @p each for every report, the last first, with its number and one line about it. */
void crashes_each(void (*each)(void *self, const char *number, const char *what), void *self);

/* complete.c */
int complete_main(int argc, char **argv);
extern const char complete_help[];

/* new.c */
int new_main(int argc, char **argv);
extern const char new_help[];

/* dev.c, run.c, compile.c, crashes.c */
int compile_main(int argc, char **argv);
int dev_main(int argc, char **argv);
int run_main(int argc, char **argv);
int crashes_main(int argc, char **argv);
extern const char compile_help[], dev_help[], run_help[], crashes_help[];

/* verify/ */
int verify_main(int argc, char **argv);
extern const char verify_help[];

#endif
