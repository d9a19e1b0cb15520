/*
 * The parts of understanding what a compiler has written: what kind of line this is.
 */
#ifndef SL__DEVELOP_DIAGNOSTICS_H
#define SL__DEVELOP_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "shallot/develop.h"

/** A complaint in one line, in place: strings point into the line, whose delimiters have become
 * NULs. */
struct sl__complaint {
    sl_severity severity;
    char *file, *message, *option; /* never NULL */
    unsigned line, column;
};

/** "app.c:3:7: error: ...", "ld: cannot find -lx", "make: *** No rule ...". False: it is none, and
 * the line is as it was. */
bool sl__complaint_read(char *line, struct sl__complaint *ret);
/** Commands that make echoes, progress, summaries: of no interest beside what they are about. */
bool sl__line_is_noise(const char *line);
/** "   11 |     return x;" or "      |     ^~~". @p ret_number 0: the second. @p ret_text: behind
 * the bar and a space. */
bool sl__line_is_excerpt(char *line, unsigned *ret_number, char **ret_text);
/** "     ~~~^~~": blanks, tildes, and at least one caret or tilde. */
bool sl__line_is_marks(const char *line);
/** "app.c: In function 'main':", with what stands between the quotes, terminated; "" at top level.
 * The linker's "app.o: in function `main':" too. @p ret_file: "" is any file. */
bool sl__line_is_function(char *line, char **ret_file, char **ret_name);
/** "In file included from app.h:3," and its continuations, with "app.h:3", terminated. */
bool sl__line_is_include(char *line, bool *ret_first, char **ret_from);
/** "make[1]: Entering directory '/x'", with the folder, terminated; NULL when it is left. */
bool sl__line_is_folder(char *line, char **ret_folder);
/** Takes colours and links of terminals away, and carriage returns, in place. */
void sl__strip_escapes(char *text);

#endif
