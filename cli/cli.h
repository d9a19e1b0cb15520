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

/* The commands: main() of each, and what `shallot help` prints. */

int status_main(int argc, char **argv);
int top_main(int argc, char **argv);
int reload_main(int argc, char **argv);
int upgrade_main(int argc, char **argv);
int stop_main(int argc, char **argv);
int scale_main(int argc, char **argv);
int restart_main(int argc, char **argv);
int routes_main(int argc, char **argv);
extern const char status_help[], top_help[], reload_help[], upgrade_help[], stop_help[],
    scale_help[], restart_help[], routes_help[];
int complete_main(int argc, char **argv);
extern const char complete_help[];
int new_main(int argc, char **argv);
extern const char new_help[];
int compile_main(int argc, char **argv);
int dev_main(int argc, char **argv);
int run_main(int argc, char **argv);
int crashes_main(int argc, char **argv);
extern const char compile_help[], dev_help[], run_help[], crashes_help[];
int verify_main(int argc, char **argv);
extern const char verify_help[];

#endif
