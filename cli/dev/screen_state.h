/*
 * What the screen remembers, shared by its files: screen.c (life, keys, output), screen_live.c (the
 * live line) and screen_news.c (lines about what happens).
 */
#ifndef SHALLOT_SCREEN_STATE_H
#define SHALLOT_SCREEN_STATE_H

#include <time.h>

#include "screen.h"

#define OUTPUT_LINE 4096

enum state { STATE_BUILDING, STATE_SERVING, STATE_BROKEN, STATE_WAITING, STATE_ENDING };

struct screen {
    struct paper paper, live;
    struct terminal terminal;
    sl_developing *developing;
    const char *title;
    bool hears, deaf;    /* keys are watched; nobody will press one any more */
    bool is_live, shown; /* the live line makes sense; it is drawn */
    unsigned shown_width;
    bool open; /* the browser, as soon as there is an address */
    enum state state;
    bool serves;    /* the program, be it the code before */
    bool reachable; /* the address: the program, or a page that says why it is not there */
    char url[300], why[80];
    uint64_t requests;
    int timer;
    struct timespec since; /* of the build */
    time_t second;         /* requests of it: */
    unsigned lines, held;
    char output[OUTPUT_LINE];
    size_t output_len;
};

/* screen.c */
/** Keys are watched in the foreground only: elsewhere they are somebody else's. */
void screen_hear_keys(struct screen *s, bool on);

/* screen_live.c */
/** Prints what has been put on the paper, above the live line. */
void screen_flush(struct screen *s);
void screen_take_live_line_away(struct screen *s);
void screen_write(const char *text, size_t len);
void screen_set_state(struct screen *s, enum state state);
/** The timer runs while there is something that changes by itself. */
void screen_tick_while(struct screen *s, bool on);

/* screen_news.c */
void screen_line(struct screen *s, enum colour colour, const char *word, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** How many requests were not shown one by one, if there are any. */
void screen_add_held(struct screen *s);
void screen_open_browser(struct screen *s);

#endif
