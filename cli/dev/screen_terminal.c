/*
 * The terminal: single keys without Enter, a terminal of the program's own, and the way back.
 *
 * screen.c takes it at the beginning and whenever we come to the foreground, and gives it back at
 * the end and before we stop. Signals become octets in a pipe, so that they are heard between two
 * things and not in the midst of one. Whatever ends us by a signal that can be caught, the terminal
 * is as it was found: SIGINT, SIGTERM and SIGHUP end sl_develop() gently, the others come here.
 *
 * What the program prints goes through a pseudo-terminal: it has colours and lines as on ours, but
 * cannot write across the live line.
 */
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LEAVE "\r\033[J\033[?25h" /* without the live line, with a cursor */

static struct {
    struct termios found;
    volatile sig_atomic_t taken;
    int pipe[2]; /* of signals */
} ours = {.pipe = {-1, -1}};

static const int heard[] = {SIGWINCH, SIGTSTP, SIGCONT};
static const int fatal[] = {SIGQUIT, SIGABRT};

/* Only what may be done in a signal handler. */
static void restore(void)
{
    if (!ours.taken)
        return;
    ours.taken = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &ours.found);
    if (write(STDERR_FILENO, LEAVE, sizeof LEAVE - 1) < 0)
        return;
}

static void on_heard(int signal)
{
    int saved = errno;
    unsigned char octet = (unsigned char)signal;
    ssize_t n = write(ours.pipe[1], &octet, 1); /* a full pipe is full of the same */

    (void)n;
    errno = saved;
}

static void on_fatal(int sig)
{
    restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void handle(const int *signals, size_t count, void (*handler)(int))
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < count; i++)
        sigaction(signals[i], &sa, NULL);
}

bool terminal_is_there(void)
{
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && term && term[0] &&
           strcmp(term, "dumb") != 0;
}

bool terminal_take(void)
{
    struct termios keys;

    if (ours.taken)
        return true;
    if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &ours.found) < 0)
        return false;
    keys = ours.found;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &keys) < 0)
        return false;
    ours.taken = 1;
    return true;
}

/* By the signal that asked for it, so that the shell sees what it expects. */
void terminal_stop(void)
{
    static const int stop = SIGTSTP;

    restore();
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    handle(&stop, 1, on_heard);
}

unsigned terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

void terminal_tell_size(const struct terminal *t)
{
    struct winsize size;

    if (t->output >= 0 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
        ioctl(t->output, TIOCSWINSZ, &size);
}

static int open_pseudo(struct terminal *t)
{
    struct termios plain;
    char name[128];

    t->output = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (t->output < 0 || grantpt(t->output) < 0 || unlockpt(t->output) < 0 ||
        ptsname_r(t->output, name, sizeof name) != 0)
        return -errno;
    t->program = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (t->program < 0 || tcgetattr(t->program, &plain) < 0)
        return -errno;
    cfmakeraw(&plain);
    tcsetattr(t->program, TCSANOW, &plain);
    terminal_tell_size(t);
    return 0;
}

int terminal_open(struct terminal *t)
{
    int r;

    *t = (struct terminal){-1, -1, -1, -1};
    t->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r = t->null < 0 ? -errno : open_pseudo(t);
    if (r == 0 && pipe2(ours.pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        r = -errno;
    if (r < 0) {
        terminal_close(t);
        return r;
    }
    t->signals = ours.pipe[0];
    handle(heard, sizeof heard / sizeof *heard, on_heard);
    handle(fatal, sizeof fatal / sizeof *fatal, on_fatal);
    return 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void terminal_close(struct terminal *t)
{
    restore();
    if (t->signals >= 0) {
        handle(heard, sizeof heard / sizeof *heard, SIG_DFL);
        handle(fatal, sizeof fatal / sizeof *fatal, SIG_DFL);
    }
    close_one(&t->program);
    close_one(&t->output);
    close_one(&t->null);
    close_one(&ours.pipe[0]);
    close_one(&ours.pipe[1]);
    t->signals = -1;
}
