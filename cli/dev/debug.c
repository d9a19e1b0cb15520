/*
 * dev --debug: gdb on the terminal, for a worker that has stopped at its crash.
 *
 * dev.c comes here in the midst of its callback and gets control back when gdb has ended; until
 * then the terminal is gdb's, with its signals. The worker stands in its signal handler: once it
 * goes on, its fault repeats itself where it happened, and there gdb takes over.
 */
#include "dev/debug.h"
#include "project/project.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int debug_check(void)
{
    if (need_tool("gdb") != 0)
        return 1;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return say_failure("--debug needs a terminal, where gdb can ask what to do; without one: "
                           "gdb -p PID by hand");
    return 0;
}

static void add_flag(const char *name)
{
    const char *flags = getenv(name);
    char text[PATH_SIZE];

    if (path_format(text, sizeof text, "%s%s-O0", flags ? flags : "", flags ? " " : "") == 0)
        setenv(name, text, 1);
}

void debug_prepare(void)
{
    add_flag("CFLAGS"); /* every variable can be looked at */
    add_flag("CXXFLAGS");
}

/* A terminal as programs expect it, whatever keys the tool listens to. */
static void take_terminal(struct termios *ret_before)
{
    struct termios plain;

    if (tcgetattr(STDIN_FILENO, ret_before) < 0)
        return;
    plain = *ret_before;
    plain.c_lflag |= ICANON | ECHO | ISIG | IEXTEN;
    plain.c_iflag |= ICRNL;
    plain.c_oflag |= OPOST;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &plain);
    fputs("\r\033[J\033[?25h", stderr);
}

/* In the child. */
__attribute__((noreturn)) static void become_gdb(int pid)
{
    char number[16];
    sigset_t none;

    snprintf(number, sizeof number, "%d", pid);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    /* On from the handler to the fault. */
    execlp("gdb", "gdb", "-q", "-iex", "set confirm off", "-iex", "set pagination off", "-iex",
           "set debuginfod enabled off", "-iex", "set print symbol-loading off", "-p", number,
           "-ex", "continue", "-ex", "backtrace 12", (char *)NULL);
    _exit(127);
}

/* One that is stopped (Ctrl-Z) cannot be continued by the shell, which knows us only. */
static void await(pid_t gdb)
{
    int status;

    for (;;) {
        if (waitpid(gdb, &status, WUNTRACED) < 0) {
            if (errno != EINTR)
                return;
        } else if (WIFSTOPPED(status)) {
            kill(gdb, SIGCONT);
        } else {
            return;
        }
    }
}

/* Ctrl-C was meant for gdb. */
static void forget_interrupts(void)
{
    const struct timespec now = {0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    while (sigtimedwait(&set, NULL, &now) > 0)
        ;
}

void debug_worker(int pid)
{
    struct termios before = {0};
    pid_t gdb;

    take_terminal(&before);
    fflush(stderr);
    gdb = fork();
    if (gdb == 0)
        become_gdb(pid);
    if (gdb < 0)
        say_failure("cannot start gdb: %s", strerror(errno));
    else
        await(gdb);
    forget_interrupts();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}
