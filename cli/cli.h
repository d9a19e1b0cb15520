/*
 * What the files of the shallot program share.
 */
#ifndef SHALLOT_CLI_H
#define SHALLOT_CLI_H

#include <stdbool.h>
#include <stddef.h>

#define PATH_SIZE 4096

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

/* options.c */

struct options {
    const char *what;                        /* FILE.c, program or folder; NULL: not given */
    const char *build, *port, *host, *watch; /* NULL: not given */
    char **args;                             /* after "--", NULL-terminated; may be empty */
    bool help;
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

/* source.c */

/** True for the name of a C or C++ source. */
bool is_source(const char *name);
/** True if the text of the file @p path defines main(), comments and strings aside. */
bool has_main(const char *path);
/**
 * How to build one source with the compiler alone. @p ret_program: where the program will lie; both
 * buffers have PATH_SIZE and COMMAND_SIZE.
 */
int source_build(const char *source, bool release, char *ret_program, char *ret_command);
#define COMMAND_SIZE (4 * PATH_SIZE)

/* deps.c */

/** True if @p program is newer than everything its dependency file (of -MMD) names. */
bool is_current(const char *program, const char *dependencies);

/* programs.c */

/** Looks for programs in @p folder, @p depth folders deep. @return how many; the first in @p
 * ret_path */
unsigned find_programs(const char *folder, int depth, char *ret_path, size_t size);

/* project.c */

/** What is to be served, and how it is built. */
struct project {
    char title[256];
    char program[PATH_SIZE];
    char build[COMMAND_SIZE]; /* "": nothing to build */
    char watch[PATH_SIZE];    /* "": the current folder */
};

/** Finds out what the options mean. @p release: for `run`, which builds single sources only. 0, or
 * an exit status with the error printed. */
int project_find(const struct options *o, bool release, struct project *ret);

/* running.c */

#define SOCKET_PATH_SIZE 108 /* sun_path */
/** Finds the control socket of the program meant by @p which: its name or PID; NULL: the only one
 * that runs. A connected socket, or -1 with the error printed. */
int running_connect(const char *which);
/** Connects to the socket at @p path. */
int running_connect_to(const char *path);

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

/* new.c */
int new_main(int argc, char **argv);
extern const char new_help[];

/* dev.c, run.c, crashes.c */
int dev_main(int argc, char **argv);
int run_main(int argc, char **argv);
int crashes_main(int argc, char **argv);
extern const char dev_help[], run_help[], crashes_help[];

/* verify/ */
int verify_main(int argc, char **argv);
extern const char verify_help[];

#endif
