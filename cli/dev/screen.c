/*
 * The screen while a program is being developed.
 *
 * The library comes in with news, the terminal with keys, signals and what the program prints. Out
 * go lines, in one piece each, and below them, on a terminal, one live line.
 *
 * Without a terminal there are only lines: the same words without colours, nothing cut, nothing
 * held back, and the program writes for itself.
 */
#include "cli.h"
#include "screen_state.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void output_line(struct screen *s, const char *text, size_t len)
{
    paper_print(&s->paper, "  ");
    paper_colour(&s->paper, COLOUR_QUIET);
    paper_print(&s->paper, s->paper.unicode ? "│ " : "| ");
    paper_colour(&s->paper, COLOUR_NONE);
    paper_add_output(&s->paper, text, len);
    paper_print(&s->paper, "\n");
}

static void take_output(struct screen *s, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool full = s->output_len == sizeof s->output;

        if (text[i] == '\n' || full) {
            output_line(s, s->output, s->output_len);
            s->output_len = 0;
        }
        if (text[i] != '\n')
            s->output[s->output_len++] = text[i];
    }
}

static bool read_output(struct screen *s)
{
    char text[8192];
    ssize_t n = read(s->terminal.output, text, sizeof text);

    if (n > 0)
        take_output(s, text, (size_t)n);
    return n > 0;
}

static void output_ready(void *self, int fd)
{
    struct screen *s = self;

    if (read_output(s))
        screen_flush(s);
}

/* Keys and signals */

static void clear(struct screen *s)
{
    static const char all[] = "\033[H\033[2J\033[3J";

    screen_write(all, sizeof all - 1);
    s->shown = false;
    if (s->url[0])
        screen_line(s, COLOUR_GREEN, "listening", "on %s", s->url);
}

static void key(struct screen *s, char c)
{
    switch (c) {
    case 'r':
        screen_line(s, COLOUR_CYAN, "reload", "by hand");
        sl_developing_reload(s->developing);
        break;
    case 'o':
        screen_open_browser(s);
        break;
    case 'c':
    case '\f':
        clear(s);
        break;
    case 'q':
    case 4: /* Ctrl-D */
        screen_set_state(s, STATE_ENDING);
        sl_developing_stop(s->developing);
        break;
    case '\n':
    case '\r':
        paper_print(&s->paper, "\n"); /* some air between before and after */
        break;
    default:
        break;
    }
}

/* Octets that one key has sent: arrows and the like send several. */
static ssize_t key_length(const char *typed, size_t n)
{
    size_t len = 2;

    if (typed[0] != '\033' || n < 2)
        return 1;
    if (typed[1] != '[' && typed[1] != 'O')
        return 2;
    while (len < n && (typed[len] < 0x40 || typed[len] > 0x7e))
        len++;
    return (ssize_t)(len < n ? len + 1 : n);
}

static void keys_ready(void *self, int fd)
{
    struct screen *s = self;
    char typed[64];
    ssize_t n;

    if (!terminal_take()) {
        screen_hear_keys(s, false);
        return;
    }
    n = read(fd, typed, sizeof typed);
    s->deaf = n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN));
    for (ssize_t i = 0; i < n; i += key_length(typed + i, (size_t)(n - i)))
        key(s, typed[i]);
    screen_flush(s);
}

void screen_hear_keys(struct screen *s, bool on)
{
    on = on && !s->deaf && s->developing;
    if (on == s->hears)
        return;
    if (on)
        sl_developing_watch(s->developing, STDIN_FILENO, keys_ready, s);
    else
        sl_developing_unwatch(s->developing, STDIN_FILENO);
    s->hears = on;
}

static void resized(struct screen *s)
{
    screen_take_live_line_away(s);
    s->paper.columns = s->live.columns = terminal_columns();
    terminal_tell_size(&s->terminal);
    screen_flush(s);
}

/* Back again when somebody says SIGCONT, which is heard too. */
static void stop_for_a_while(struct screen *s)
{
    screen_take_live_line_away(s);
    terminal_stop();
}

static void signals_ready(void *self, int fd)
{
    struct screen *s = self;
    unsigned char signals[64];
    ssize_t n = read(fd, signals, sizeof signals);

    for (ssize_t i = 0; i < n; i++) {
        if (signals[i] == SIGTSTP)
            stop_for_a_while(s);
        else /* resized meanwhile, perhaps */
            resized(s);
    }
}

static void timer_ready(void *self, int fd)
{
    struct screen *s = self;
    uint64_t times;

    if (read(fd, &times, sizeof times) < 0)
        return;
    if ((int64_t)time(NULL) != s->second && s->held) {
        screen_add_held(s);
        screen_tick_while(s, s->state == STATE_BUILDING);
    }
    screen_flush(s);
}

/* Its life */

struct screen *screen_new(const char *title)
{
    struct screen *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    setlocale(LC_CTYPE, "");
    s->title = title;
    s->terminal = (struct terminal){-1, -1, -1, -1};
    s->timer = -1;
    s->state = STATE_BUILDING;
    s->is_live = terminal_is_there() && terminal_open(&s->terminal) == 0;
    s->paper.colours = say_in_colour(STDERR_FILENO);
    s->paper.unicode = isatty(STDERR_FILENO) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    s->paper.columns = s->is_live ? terminal_columns() : 0;
    s->live = s->paper;
    clock_gettime(CLOCK_MONOTONIC, &s->since);
    if (s->is_live)
        s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    paper_print(&s->paper, s->is_live ? "\n  " : "  ");
    paper_colour(&s->paper, COLOUR_BOLD);
    paper_print(&s->paper, "shallot");
    paper_colour(&s->paper, COLOUR_NONE);
    paper_print(&s->paper, " dev %s ", s->paper.unicode ? "·" : "-");
    paper_add_foreign(&s->paper, title, 0);
    paper_print(&s->paper, s->is_live ? "\n\n" : "\n");
    return s;
}

void screen_prepare(struct screen *s, sl_development *d)
{
    if (!s->is_live)
        return;
    d->input = s->terminal.null;
    d->error = s->terminal.program;
    d->output = isatty(STDOUT_FILENO) ? s->terminal.program : 0;
}

void screen_begin(struct screen *s, sl_developing *d, bool open)
{
    s->developing = d;
    s->open = open;
    if (s->is_live) {
        sl_developing_watch(d, s->terminal.output, output_ready, s);
        sl_developing_watch(d, s->terminal.signals, signals_ready, s);
    }
    if (s->timer >= 0)
        sl_developing_watch(d, s->timer, timer_ready, s);
    screen_set_state(s, STATE_BUILDING);
    screen_flush(s);
}

void screen_free(struct screen *s)
{
    if (!s)
        return;
    s->developing = NULL; /* it is over */
    s->hears = false;
    while (s->terminal.output >= 0 && read_output(s))
        ;
    if (s->output_len)
        output_line(s, s->output, s->output_len);
    screen_add_held(s);
    screen_take_live_line_away(s);
    terminal_close(&s->terminal);
    s->is_live = false;
    screen_flush(s);
    if (s->timer >= 0)
        close(s->timer);
    paper_free(&s->paper);
    paper_free(&s->live);
    free(s);
}
