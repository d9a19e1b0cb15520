/*
 * Which process this is, found out before main() runs.
 *
 * The C library calls the constructor below with the arguments and the environment of the process
 * (glibc does; the C standard says nothing). What the master put there for a worker is read,
 * checked and taken out of the environment, so that nothing started from here believes it. Garbage
 * in these variables, or descriptors that are not what they should be, make an ordinary process of
 * it.
 *
 * The strings of argv and environ lie side by side in one piece of the stack, which is what ps
 * shows. They are copied, and everybody is pointed at the copies, so that a title may overwrite
 * them.
 */
#include "cluster/role.h"

#include "base/mem.h"
#include "cluster/scoreboard.h"
#include "cluster/symbolise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sl__role role = {.channel = -1,
                               .scoreboard = -1,
                               .crash_memory = -1,
                               .crash_socket = -1,
                               .state = -1,
                               .rehearsal = -1,
                               .feed = -1};

static struct {
    char *start; /* of the original argv strings; NULL: not known */
    size_t size; /* together with the environ strings behind them */
} title;

static char *copies; /* one block: strings of argv, then of environ */
static char **copied_environ;

static size_t count_strings(char **list)
{
    size_t n = 0;

    while (list[n])
        n++;
    return n;
}

/* Follows the strings as long as each begins where the one before ended. */
static char *end_of_row(char **list, char *end)
{
    for (size_t i = 0; list[i] && list[i] == end; i++)
        end += strlen(end) + 1;
    return end;
}

static size_t total_size(char **list)
{
    size_t size = 0;

    for (size_t i = 0; list[i]; i++)
        size += strlen(list[i]) + 1;
    return size;
}

static char *copy_strings(char **to, char **list, char *at)
{
    size_t i;

    for (i = 0; list[i]; i++) {
        size_t size = strlen(list[i]) + 1;

        memcpy(at, list[i], size);
        to[i] = at;
        at += size;
    }
    to[i] = NULL;
    return at;
}

/* One block for all strings and static pointers to it: the program may unset what it likes without
 * a leak checker taking the rest for lost. */
static void copy_arguments(char **argv, char **envp)
{
    char *at = sl__try_alloc(total_size(argv) + total_size(envp));
    char **copied_argv = sl__try_alloc(sizeof(char *) * (count_strings(argv) + 1));

    copied_environ = sl__try_alloc(sizeof(char *) * (count_strings(envp) + 1));
    if (!at || !copied_argv || !copied_environ || !argv[0]) {
        sl__free(at);
        sl__free(copied_argv);
        sl__free(copied_environ);
        copied_environ = NULL;
        role.argv = argv; /* no titles then */
        return;
    }
    title.start = argv[0];
    title.size = (size_t)(end_of_row(envp, end_of_row(argv, argv[0])) - argv[0]);
    copies = at;
    at = copy_strings(copied_argv, argv, at);
    copy_strings(copied_environ, envp, at);
    memcpy(argv, copied_argv, sizeof(char *) * count_strings(copied_argv)); /* what main() gets */
    role.argv = copied_argv;
    environ = copied_environ;
    program_invocation_name = copied_argv[0];
    program_invocation_short_name = strrchr(copied_argv[0], '/');
    if (program_invocation_short_name)
        program_invocation_short_name++;
    else
        program_invocation_short_name = copied_argv[0];
}

/* Takes a decimal number out of the environment. */
static bool take_number(const char *name, unsigned long max, unsigned long *ret)
{
    const char *text = getenv(name);
    char *end = NULL;
    bool good = false;

    if (text && text[0] >= '0' && text[0] <= '9') {
        errno = 0;
        *ret = strtoul(text, &end, 10);
        good = errno == 0 && *end == 0 && *ret <= max;
    }
    unsetenv(name);
    return good;
}

static bool is_socket(int fd, int wanted)
{
    int type = 0;
    socklen_t len = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == wanted;
}

static bool is_memory(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fcntl(fd, F_GET_SEALS) > 0;
}

static void become_worker(uint32_t worker, unsigned slot, int channel, int scoreboard)
{
    char name[16];

    role.worker = worker;
    role.slot = slot;
    role.channel = channel;
    role.scoreboard = scoreboard;
    fcntl(channel, F_SETFD, FD_CLOEXEC);
    fcntl(scoreboard, F_SETFD, FD_CLOEXEC);
    /* By execveat() from a descriptor the name would be the descriptor's number. */
    snprintf(name, sizeof name, "shallot-w%u", worker);
    prctl(PR_SET_NAME, name);
    /* As in a terminal, also when it is a file or a pipe: the workers' lines share it. */
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* The name is otherwise that of the descriptor it was started from. */
static void take_over(int state, int rehearsal, bool returned)
{
    role.state = state;
    role.rehearsal = rehearsal;
    role.returned = returned;
    fcntl(state, F_SETFD, FD_CLOEXEC);
    if (rehearsal >= 0)
        fcntl(rehearsal, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, program_invocation_short_name);
}

static void read_takeover(void)
{
    unsigned long state, rehearsal, returned = 0;
    bool good = take_number("SHALLOT_STATE", INT32_MAX, &state);
    bool rehearsed = take_number("SHALLOT_REHEARSAL", INT32_MAX, &rehearsal);

    take_number("SHALLOT_RETURNED", 1, &returned);
    if (good && role.worker == 0 && is_memory((int)state))
        take_over((int)state, rehearsed ? (int)rehearsal : -1, returned == 1);
}

/* Without them it serves all the same, and dies in silence. */
static void take_crash_descriptors(void)
{
    unsigned long memory, socket;
    bool good = take_number("SHALLOT_CRASH_MEMORY", INT32_MAX, &memory);

    good = take_number("SHALLOT_CRASH_SOCKET", INT32_MAX, &socket) && good;
    if (!good || !role.worker || !is_memory((int)memory) || !is_socket((int)socket, SOCK_DGRAM))
        return;
    role.crash_memory = (int)memory;
    role.crash_socket = (int)socket;
    fcntl(role.crash_memory, F_SETFD, FD_CLOEXEC);
    fcntl(role.crash_socket, F_SETFD, FD_CLOEXEC);
}

/* The tool's, in master and worker alike. */
static void take_feed(void)
{
    unsigned long feed;

    if (!take_number("SHALLOT_FEED", INT32_MAX, &feed) || !is_socket((int)feed, SOCK_SEQPACKET))
        return;
    role.feed = (int)feed;
    fcntl(role.feed, F_SETFD, FD_CLOEXEC);
}

/* Early: the composition root's own constructor asks for the role. */
__attribute__((constructor(101))) static void read_role(int argc, char **argv, char **envp)
{
    unsigned long worker = 0, slot, channel, scoreboard, order;
    bool good;

    copy_arguments(argv, envp);
    good = take_number("SHALLOT_WORKER_ID", UINT32_MAX, &worker);
    good = take_number("SHALLOT_SLOT", SL__SLOTS - 1, &slot) && good;
    good = take_number("SHALLOT_CHANNEL", INT32_MAX, &channel) && good;
    good = take_number("SHALLOT_SCOREBOARD", INT32_MAX, &scoreboard) && good;
    if (good && worker > 0 && is_socket((int)channel, SOCK_SEQPACKET) && is_memory((int)scoreboard))
        become_worker((uint32_t)worker, (unsigned)slot, (int)channel, (int)scoreboard);
    take_crash_descriptors();
    take_feed();
    read_takeover();
    if (take_number("SHALLOT_SYMBOLISE", INT32_MAX, &order) && is_memory((int)order))
        sl__symbolise((int)order);
}

const struct sl__role *sl__role(void)
{
    return &role;
}

void sl__keep_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void sl__set_process_title(const char *fmt, ...)
{
    va_list args;
    int len;

    if (!title.start)
        return;
    va_start(args, fmt);
    len = vsnprintf(title.start, title.size, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < title.size)
        memset(title.start + len, 0, title.size - (size_t)len);
}
