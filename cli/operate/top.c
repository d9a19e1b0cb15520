/*
 * shallot top: the status, live. Once a second the numbers are fetched, and what has been counted
 * since the last time is shown as rates.
 *
 * The screen is the terminal's second one, so that what was there before is there again afterwards,
 * however this ends; each frame leaves in one write, over the one before, so that nothing flickers.
 */
#include "operate/operate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <shallot/stats.h>

#define WORKERS_MAX 512

const char top_help[] = "shallot top [PROGRAM] [--socket PATH]\n"
                        "\n"
                        "Shows a running program live: requests per second, latencies of the last\n"
                        "second, and each worker. q quits.\n";

struct sample {
    int id;
    double requests, bytes_out;
};

struct view {
    struct talk talk;
    struct termios before;
    bool colour;
    double at, earlier_at; /* seconds, of the samples */
    struct sample total, workers[WORKERS_MAX], earlier_total, earlier[WORKERS_MAX];
    unsigned count, earlier_count;
    sl_counts latencies, earlier_latencies;
    char *status; /* as fetched last */
};

static volatile sig_atomic_t ended, resized;

static void on_signal(int signal)
{
    if (signal == SIGWINCH)
        resized = 1;
    else
        ended = 1;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct sample *earlier(const struct view *v, int id)
{
    for (unsigned i = 0; i < v->earlier_count; i++)
        if (v->earlier[i].id == id)
            return &v->earlier[i];
    return NULL;
}

static double rate(const struct view *v, double now, double before)
{
    double passed = v->at - v->earlier_at;

    return v->earlier_at > 0 && passed > 0 && now >= before ? (now - before) / passed : 0;
}

static void take_latencies(struct view *v, char *text)
{
    char *at = strchr(text, '\t'); /* more pairs than a row holds */

    v->earlier_latencies = v->latencies;
    memset(&v->latencies, 0, sizeof v->latencies);
    while (at) {
        unsigned long i = strtoul(at + 1, &at, 10);

        if (*at != '=')
            break;
        if (i < SL_LATENCY_BUCKETS)
            v->latencies.latency[i] = strtoull(at + 1, &at, 10);
        at = strchr(at, '\t');
    }
}

static int fetch(struct view *v)
{
    char *latencies, *status = talk_fetch(&v->talk, "status");

    if (!status)
        return 1;
    latencies = talk_fetch(&v->talk, "latencies");
    if (!latencies) {
        free(status);
        return 1;
    }
    take_latencies(v, latencies);
    free(latencies);
    free(v->status);
    v->status = status;
    memcpy(v->earlier, v->workers, sizeof v->workers);
    v->earlier_count = v->count;
    v->earlier_total = v->total;
    v->earlier_at = v->at;
    v->at = seconds();
    v->count = 0;
    return 0;
}

/* Of what was answered since the last sample. */
static double recent_quantile(const struct view *v, double q)
{
    sl_counts n = v->latencies;

    if (v->earlier_at > 0)
        for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++)
            n.latency[i] -= n.latency[i] >= v->earlier_latencies.latency[i]
                                ? v->earlier_latencies.latency[i]
                                : n.latency[i];
    return sl_latency_quantile(&n, q) * 1e3;
}

static const char *tone(const struct view *v, const char *state)
{
    if (!v->colour)
        return "";
    if (strcmp(state, "serving") == 0 || strcmp(state, "ready") == 0)
        return "\033[32m";
    return strcmp(state, "crashing") == 0 ? "\033[31m" : "\033[33m";
}

static void draw_program(struct view *v, FILE *to, const struct row *r)
{
    char uptime[32];

    short_time(row_number(r, "uptime"), uptime, sizeof uptime);
    fprintf(to, "%s  %s%s%s  up %s, generation %s, %s of %s workers ready, %s restarted\n",
            row_text(r, "name"), tone(v, row_text(r, "state")), row_text(r, "state"),
            v->colour ? "\033[0m" : "", uptime, row_text(r, "generation"), row_text(r, "ready"),
            row_text(r, "wanted"), row_text(r, "restarts"));
}

static void draw_total(struct view *v, FILE *to, const struct row *r)
{
    char requests[16], bytes[16];

    v->total = (struct sample){0, row_number(r, "requests"), row_number(r, "bytes_out")};
    short_number(rate(v, v->total.requests, v->earlier_total.requests), requests, sizeof requests);
    short_number(rate(v, v->total.bytes_out, v->earlier_total.bytes_out), bytes, sizeof bytes);
    fprintf(to, "%6s req/s  %6sB/s   p50 %8.3f ms   p99 %8.3f ms   p99.9 %8.3f ms\n\n", requests,
            bytes, recent_quantile(v, 0.5), recent_quantile(v, 0.99), recent_quantile(v, 0.999));
    fprintf(to,
            "%s  id     pid state     gen  up        conns  busy    req/s   lag ms   memory     "
            "4xx     5xx%s\n",
            v->colour ? "\033[2m" : "", v->colour ? "\033[0m" : "");
}

static void draw_worker(struct view *v, FILE *to, const struct row *r)
{
    struct sample now = {(int)row_number(r, "id"), row_number(r, "requests"), 0};
    const struct sample *then = earlier(v, now.id);
    char uptime[32], requests[16], memory[16], bad[16], worse[16];

    if (v->count < WORKERS_MAX)
        v->workers[v->count++] = now;
    short_time(row_number(r, "uptime"), uptime, sizeof uptime);
    short_number(rate(v, now.requests, then ? then->requests : 0), requests, sizeof requests);
    short_number(row_number(r, "memory"), memory, sizeof memory);
    short_number(row_number(r, "4xx"), bad, sizeof bad);
    short_number(row_number(r, "5xx"), worse, sizeof worse);
    fprintf(to, "%4d %7s %s%-9s%s %3s  %-8s %6s %5s %8s %8.3f %8s %7s %7s\n", now.id,
            row_text(r, "pid"), tone(v, row_text(r, "state")), row_text(r, "state"),
            v->colour ? "\033[0m" : "", row_text(r, "generation"), uptime,
            row_text(r, "connections"), row_text(r, "in_flight"), requests, row_number(r, "lag_ms"),
            memory, bad, worse);
}

/* All lines of the status, taken apart; a copy, for a resize draws it again. */
static void draw_lines(struct view *v, FILE *to)
{
    for (const char *line = v->status; *line; line += strlen(line) + 1) {
        char copy[4096];
        struct row r;

        snprintf(copy, sizeof copy, "%s", line);
        row_read(copy, &r);
        if (strcmp(r.what, "program") == 0)
            draw_program(v, to, &r);
        else if (strcmp(r.what, "total") == 0)
            draw_total(v, to, &r);
        else if (strcmp(r.what, "worker") == 0)
            draw_worker(v, to, &r);
    }
}

/* Cut to the screen: a line must not wrap, nor the last one scroll. */
static void put_frame(const char *text)
{
    struct winsize w = {.ws_row = 24, .ws_col = 80};
    FILE *to;
    char *frame = NULL;
    size_t size = 0;
    int rows = 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_row == 0)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    to = open_memstream(&frame, &size);
    if (!to)
        return;
    fputs("\033[H", to);
    while (*text && rows + 1 < w.ws_row) {
        int column = 0;

        for (; *text && *text != '\n'; text++) {
            if (*text == '\033') { /* takes no room */
                while (*text && *text != 'm')
                    putc(*text++, to);
                if (!*text)
                    break;
                putc('m', to);
            } else if (column < w.ws_col) {
                putc(*text, to);
                column++;
            }
        }
        if (*text)
            text++;
        fputs("\033[K\r\n", to);
        rows++;
    }
    fputs("\033[J", to);
    fclose(to);
    for (size_t at = 0; at < size;) {
        ssize_t n = write(STDOUT_FILENO, frame + at, size - at);

        if (n < 0 && errno != EINTR)
            break;
        at += n > 0 ? (size_t)n : 0;
    }
    free(frame);
}

static void draw(struct view *v)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return;
    v->count = 0;
    draw_lines(v, to);
    fclose(to);
    put_frame(text);
    free(text);
}

/* Until a second has passed or it is to end. False: q. */
static bool wait_a_second(struct view *v)
{
    double until = seconds() + 1;
    double left;

    while (!ended && (left = until - seconds()) > 0) {
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        int n = poll(&keys, 1, (int)(left * 1000) + 1);
        char key;

        if (resized) {
            resized = 0;
            draw(v);
        }
        if (n > 0 && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
            return false;
    }
    return !ended;
}

static void enter_screen(struct view *v)
{
    struct termios raw = v->before;
    struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    sigaction(SIGWINCH, &sa, NULL);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l", stdout);
    fflush(stdout);
}

static void leave_screen(struct view *v)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &v->before);
}

static int watch(struct view *v)
{
    bool on_screen = false;
    int r = fetch(v);

    while (r == 0) {
        if (!on_screen)
            enter_screen(v);
        on_screen = true;
        draw(v);
        if (!wait_a_second(v))
            break;
        /* Complaints belong on the screen that stays. */
        if (recv(v->talk.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            leave_screen(v);
            say_line(TONE_QUIET, "ended", "the program is gone");
            return 0;
        }
        r = fetch(v);
    }
    if (on_screen)
        leave_screen(v);
    return r;
}

int top_main(int argc, char **argv)
{
    static const char *const no_flags[] = {NULL};
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    struct talk_options o;
    static struct view v;
    int r = talk_read(argc, argv, 0, 1, no_flags, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(top_help, stdout);
        return 0;
    }
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &v.before) < 0)
        return say_usage_error("top: needs a terminal; elsewhere: shallot status");
    v.colour = !(none && none[0]) && !(term && strcmp(term, "dumb") == 0);
    if (talk_open(&v.talk, &o, o.words[0]) != 0)
        return 1;
    r = watch(&v);
    talk_close(&v.talk);
    free(v.status);
    return r;
}
