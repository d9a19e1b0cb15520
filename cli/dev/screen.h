/*
 * The screen of `shallot dev`: a calm log that flows, and on a terminal one live line at its
 * bottom.
 */
#ifndef SHALLOT_SCREEN_H
#define SHALLOT_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shallot/develop.h>

/* screen_text.c: pure */

enum colour {
    COLOUR_NONE,
    COLOUR_BOLD,
    COLOUR_QUIET,
    COLOUR_GREEN,
    COLOUR_CYAN,
    COLOUR_YELLOW,
    COLOUR_RED,
};

/** Text that is being put together for a terminal of so many columns. Zeroed and with columns set
 * it is empty; memory is its own. */
struct paper {
    char *text;
    size_t len, size;
    unsigned columns; /* 0: no terminal, nothing is cut */
    bool colours;
    bool unicode; /* marks and lines beyond ASCII */
};

void paper_free(struct paper *p);
void paper_clear(struct paper *p);
void paper_add(struct paper *p, const char *text, size_t len);
void paper_print(struct paper *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Switches the colour on or off, if there are any. */
void paper_colour(struct paper *p, enum colour colour);
/** Somebody else's text: control octets and what is no UTF-8 become '?'; cut in the middle to fit
 * @p room columns (0: whole). @return columns it takes */
unsigned paper_add_foreign(struct paper *p, const char *text, unsigned room);
/** The same for a line of a program's output, whose colours stay. */
void paper_add_output(struct paper *p, const char *text, size_t len);
/** "  14:22:05  built     ": the beginning of a line. @p clock: seconds since the epoch */
void paper_begin(struct paper *p, int64_t clock, enum colour colour, const char *word);
/** The line of a request. */
void paper_request(struct paper *p, int64_t clock, const sl_development_news *n);
/** "0.1 ms", "1.24 s". */
void paper_time(int64_t ns, char *buf, size_t size);
/** Columns that @p text takes on a terminal. */
unsigned text_width(const char *text);
/** Octets and columns of the character @p text begins with; what is no UTF-8 counts as one each. */
size_t text_step(const char *text, unsigned *ret_width);

/* screen_words.c */

/** The complaints of a build. @p most: so many of each severity. */
void paper_diagnostics(struct paper *p, const sl_diagnostics *d, unsigned most);
/** "2 errors, 1 warning"; "" if there are none. */
void paper_counts(const sl_diagnostics *d, char *buf, size_t size);
/** A crash report: what matters of it. */
void paper_crash(struct paper *p, const sl_development_news *n);

/* screen_terminal.c */

/** The terminal while the tool has it: single keys, the program's output, signals. */
struct terminal {
    int program; /* what the program gets as its output; -1 */
    int output;  /* where that is read from; -1 */
    int null;    /* its input; -1 */
    int signals; /* octets: SIGWINCH, SIGTSTP and SIGCONT that have come; -1 */
};

/** True if keys and a live line make sense here. */
bool terminal_is_there(void);
/** 0 or a negative errno. */
int terminal_open(struct terminal *t);
/** Everything is as it was found. Does nothing to one that is not open. */
void terminal_close(struct terminal *t);
/** Single keys, if we are in the foreground. False: we are not. */
bool terminal_take(void);
/** What Ctrl-Z asks for: the terminal is as it was found, and we stop, until we are continued. */
void terminal_stop(void);
unsigned terminal_columns(void);
/** The program's terminal is as wide as ours. */
void terminal_tell_size(const struct terminal *t);

/* screen.c */

struct screen;

/** For the project called @p title. NULL: out of memory. */
struct screen *screen_new(const char *title);
/** The terminal is as it was found. NULL is fine. */
void screen_free(struct screen *s);
/** What the program is to be given: input, output and error of sl_development. */
void screen_prepare(struct screen *s, sl_development *d);
/** The development has begun: from now on keys are heard. @p open: the browser, once there is
 * something to see. */
void screen_begin(struct screen *s, sl_developing *d, bool open);
void screen_news(struct screen *s, const sl_development_news *n);

/* browser.c */

/** Opens @p url by $BROWSER or xdg-open, without waiting for it. 0, or 1 with one line why not. */
int browser_open(const char *url, char *why, size_t size);

#endif
