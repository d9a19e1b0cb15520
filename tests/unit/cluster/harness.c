/*
 * The harness as the tests see it, and its master.
 */
#include "harness.h"

#include "base/log.h"
#include "cluster/master.h"
#include "cluster/role.h"
#include "harness_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

void harness_say(const char *fmt, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

void harness_read_code(char *buf, size_t size)
{
    char path[128];
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, "%s/code", getenv("TEST_FOLDER"));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, buf, size - 1);
    buf[n > 0 ? n : 0] = 0;
    if (fd >= 0)
        close(fd);
}

static void on_up(void *self, const sl_worker_info *i)
{
    harness_say("hook up %d generation %u", i->id, i->generation);
}

static void on_exit_hook(void *self, const sl_worker_info *i)
{
    harness_say("hook exit %d code %d signal %d expected %d", i->id, i->code, i->signal,
                i->expected);
}

static void on_message(void *self, const char *topic, const void *data, size_t len, int from)
{
    harness_say("hook message %s of %zu from %d", topic, len, from);
    if (strcmp(topic, "hello") == 0)
        harness_say("hook sends %d", sl__master_send(SL__TO_ALL, "greeting", data, len));
}

int harness_master(void)
{
    struct sl__endpoint endpoint = {.host = "127.0.0.1", .port = atoi(getenv("TEST_PORT"))};
    struct sl__master_config config = {
        .name = "harness",
        .instances = (unsigned)atoi(getenv("TEST_INSTANCES")),
        .instances_reason = "because",
        .development = getenv("TEST_DEVELOPMENT") != NULL,
        .drain_ms = 400,
        .grace_ms = 80,
        .ready_ms = 10000,
        .message_bytes = 1 << 20,
        .queue_bytes = 4 << 20,
        .endpoints = &endpoint,
        .endpoint_count = 1,
        .build = getenv("TEST_BUILD"),
        .watch = getenv("TEST_WATCH"),
        .hooks = {.worker_up = on_up, .worker_exit = on_exit_hook, .message = on_message},
    };
    int status;

    if (getenv("TEST_SUBREAPER"))
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (sl__master_send(SL__TO_ALL, "early", NULL, 0) != -EPERM)
        return 99;
    sl__log_set_level(SL__DEBUG);
    status = sl__master_run(&config);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        harness_say("CHILDREN LEFT");
    return status;
}

bool harness_role(int argc, char **argv, int *ret_status)
{
    if (sl__role()->worker) {
        *ret_status = harness_worker();
        return true;
    }
    if (argc > 1 && strcmp(argv[1], "master") == 0) {
        *ret_status = harness_master();
        return true;
    }
    return false;
}

const char *cluster_path(struct cluster *c, const char *name)
{
    static char path[4][160];
    static unsigned next;
    char *p = path[next++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", c->folder, name);
    return p;
}

static void copy_self(const char *to)
{
    static char buf[1 << 16];
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof buf)) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

/* By rename, so that a watcher sees one change. */
void cluster_code(struct cluster *c, const char *code)
{
    FILE *f = fopen(cluster_path(c, ".code"), "w");

    fputs(code, f);
    fclose(f);
    assert_int_equal(rename(cluster_path(c, ".code"), cluster_path(c, "code")), 0);
}

static void set_number(const char *name, long long number)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", number);
    setenv(name, text, 1);
}

static void set_environment(struct cluster *c, const struct cluster_options *o)
{
    setenv("TEST_FOLDER", c->folder, 1);
    setenv("TEST_WATCH", cluster_path(c, o->watch ? o->watch : "."), 1);
    set_number("TEST_INSTANCES", o->instances);
    set_number("TEST_PORT", o->port);
    if (o->development)
        setenv("TEST_DEVELOPMENT", "1", 1);
    if (o->build)
        setenv("TEST_BUILD", o->build, 1);
    if (o->subreaper)
        setenv("TEST_SUBREAPER", "1", 1);
    setenv("NO_COLOR", "1", 1);
}

void cluster_start(struct cluster *c, const struct cluster_options *o)
{
    const char *program = cluster_path(c, "program");
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    if (c->lines > 0)
        close(c->lines);
    c->lines = ends[0];
    c->len = 0;
    c->terminal = -1;
    c->master = o->on_terminal ? forkpty(&c->terminal, NULL, NULL, NULL) : fork();
    assert_true(c->master >= 0);
    if (c->master == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDERR_FILENO);
        set_environment(c, o);
        execl(program, program, "master", (char *)NULL);
        _exit(126);
    }
    close(ends[1]);
}

void cluster_open(struct cluster *c, const char *code, const struct cluster_options *o)
{
    memset(c, 0, sizeof *c);
    strcpy(c->folder, "/tmp/shallot-cluster-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    copy_self(cluster_path(c, "program"));
    cluster_code(c, code);
    if (!o->no_start)
        cluster_start(c, o);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Reads more lines; false at the end, which is when the last process has ended. */
static bool read_more(struct cluster *c, int64_t deadline)
{
    struct pollfd p = {.fd = c->lines, .events = POLLIN};
    int64_t left = deadline - now_ms();
    ssize_t n;

    if (left <= 0 || poll(&p, 1, (int)left) <= 0)
        fail_msg("nothing more came. So far:\n%.*s", (int)c->len, c->buf);
    assert_true(c->len < sizeof c->buf);
    n = read(c->lines, c->buf + c->len, sizeof c->buf - c->len);
    if (getenv("HARNESS_VERBOSE") && n > 0)
        fprintf(stdout, "%.*s", (int)n, c->buf + c->len);
    if (n > 0)
        c->len += (size_t)n;
    return n > 0;
}

/* Takes the first whole line that contains the text out of the buffer. */
static bool take_line(struct cluster *c, const char *text)
{
    char *at = c->buf, *end;

    while ((end = memchr(at, '\n', c->len - (size_t)(at - c->buf)))) {
        size_t len = (size_t)(end - at);

        if (memmem(at, len, text, strlen(text))) {
            snprintf(c->last, sizeof c->last, "%.*s", (int)len, at);
            memmove(at, end + 1, c->len - (size_t)(end + 1 - c->buf));
            c->len -= len + 1;
            return true;
        }
        at = end + 1;
    }
    return false;
}

void expect(struct cluster *c, const char *text)
{
    int64_t deadline = now_ms() + PATIENCE_MS;

    while (!take_line(c, text))
        if (!read_more(c, deadline))
            fail_msg("the cluster has ended without saying \"%s\". Said:\n%.*s", text, (int)c->len,
                     c->buf);
}

bool seen(struct cluster *c, const char *text)
{
    return memmem(c->buf, c->len, text, strlen(text)) != NULL;
}

void expect_ready(struct cluster *c, unsigned id)
{
    char text[64];
    const char *at;

    snprintf(text, sizeof text, "worker %u ready ", id);
    expect(c, text);
    at = strstr(c->last, " pid ");
    assert_non_null(at);
    assert_int_equal(
        sscanf(at, " pid %d ports %d %d count %u", &c->pid, &c->port, &c->second_port, &c->count),
        4);
    snprintf(text, sizeof text, "hook up %u ", id);
    expect(c, text);
}

void cluster_signal(struct cluster *c, int signal)
{
    assert_int_equal(kill(c->master, signal), 0);
}

int cluster_wait(struct cluster *c)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    int status;

    while (read_more(c, deadline)) /* the pipe ends with the last process that holds it */
        ;
    assert_int_equal(waitpid(c->master, &status, 0), c->master);
    c->master = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void cluster_close(struct cluster *c)
{
    char command[96];

    if (c->master) {
        cluster_signal(c, SIGTERM);
        if (cluster_wait(c) != 0)
            fail_msg("the master failed:\n%.*s", (int)c->len, c->buf);
    }
    assert_false(seen(c, "CHILDREN LEFT"));
    assert_false(seen(c, "Sanitizer"));
    assert_false(seen(c, "runtime error"));
    close(c->lines);
    if (c->terminal >= 0)
        close(c->terminal);
    snprintf(command, sizeof command, "rm -r %s", c->folder);
    assert_int_equal(system(command), 0);
}

int cluster_connect(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {30, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

const char *cluster_try(int fd, const char *line)
{
    static char answer[256];
    char text[64];
    size_t len = 0;
    ssize_t n;
    int size = snprintf(text, sizeof text, "%s\n", line);

    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        return NULL;
    do {
        n = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        if (n <= 0)
            return NULL;
        len += (size_t)n;
    } while (answer[len - 1] != '\n');
    answer[len - 1] = 0;
    return answer;
}

const char *cluster_ask(int fd, const char *line)
{
    const char *answer = cluster_try(fd, line);

    if (!answer)
        fail_msg("no answer to \"%s\"", line);
    return answer;
}

void cluster_expect_end(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
}
