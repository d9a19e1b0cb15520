/*
 * Speaking to a running program: one line asked, lines heard until the one that ends the answer.
 */
#include "operate/operate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)

static bool known(const char *name, const char *const *flags)
{
    for (; *flags; flags++)
        if (strcmp(*flags, name) == 0)
            return true;
    return false;
}

static int read_flag(const char *command, const char *typed, const char *const *flags,
                     struct talk_options *ret)
{
    const char *name = typed + (typed[1] == '-' ? 2 : 1), *meant;

    if (typed[1] == '-' && known(name, flags)) {
        if (strcmp(name, "json") == 0)
            ret->json = true;
        else
            ret->now = true;
        return 0;
    }
    meant = closest(name, flags);
    if (!meant && closest(name, (const char *const[]){"socket", NULL}))
        meant = "socket";
    if (meant)
        return say_usage_error("%s: no such option %s; did you mean --%s?", command, typed, meant);
    return say_usage_error("%s: no such option %s; see: shallot help %s", command, typed, command);
}

static int read_argument(char **argv, int *i, unsigned most, const char *const *flags,
                         struct talk_options *ret)
{
    const char *a = argv[*i];

    if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
        ret->help = true;
        return 0;
    }
    if (strncmp(a, "--socket=", 9) == 0) {
        ret->socket = a + 9;
        return 0;
    }
    if (strcmp(a, "--socket") == 0) {
        if (!argv[*i + 1])
            return say_usage_error("%s: --socket needs a path", argv[0]);
        ret->socket = argv[++*i];
        return 0;
    }
    /* -1 is a word: scale -1. */
    if (a[0] == '-' && a[1] && (a[1] < '0' || a[1] > '9'))
        return read_flag(argv[0], a, flags, ret);
    if (ret->count == most)
        return say_usage_error("%s: too many arguments; see: shallot help %s", argv[0], argv[0]);
    ret->words[ret->count++] = a;
    return 0;
}

int talk_read(int argc, char **argv, unsigned least, unsigned most, const char *const *flags,
              struct talk_options *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc && !ret->help; i++) {
        int r = read_argument(argv, &i, most, flags, ret);

        if (r != 0)
            return r;
    }
    if (ret->count < least && !ret->help)
        return say_usage_error("%s: what? see: shallot help %s", argv[0], argv[0]);
    return 0;
}

int talk_open(struct talk *t, const struct talk_options *o, const char *which)
{
    memset(t, 0, sizeof *t);
    t->fd = o->socket ? running_connect_to(o->socket) : running_connect(which);
    return t->fd < 0;
}

void talk_close(struct talk *t)
{
    if (t->fd >= 0)
        close(t->fd);
    free(t->text);
    memset(t, 0, sizeof *t);
    t->fd = -1;
}

int talk_ask(struct talk *t, const char *fmt, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof line - 1)
        return say_failure("the command is too long");
    line[n++] = '\n';
    for (int at = 0; at < n;) {
        ssize_t sent = send(t->fd, line + at, (size_t)(n - at), MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return say_failure("the program does not listen any more: %s", strerror(errno));
        at += (int)sent;
    }
    return 0;
}

/* False: nothing more comes. */
static bool receive(struct talk *t)
{
    ssize_t n;

    if (t->at > 0) {
        memmove(t->text, t->text + t->at, t->len - t->at);
        t->len -= t->at;
        t->at = 0;
    }
    if (t->len == t->size) {
        size_t size = t->size ? 2 * t->size : 65536;
        char *more = size <= ANSWER_MAX ? realloc(t->text, size) : NULL;

        if (!more)
            return false;
        t->text = more;
        t->size = size;
    }
    do
        n = recv(t->fd, t->text + t->len, t->size - t->len, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    t->len += (size_t)n;
    return true;
}

char talk_hear(struct talk *t, char **ret)
{
    for (;;) {
        char *line = t->text ? t->text + t->at : NULL;
        char *end = line ? memchr(line, '\n', t->len - t->at) : NULL;

        if (end) {
            *end = 0;
            t->at += (size_t)(end + 1 - line);
            *ret = end - line >= 2 ? line + 2 : end;
            return line[0];
        }
        if (!receive(t))
            return 0;
    }
}

static int keep(char **text, size_t *len, const char *line)
{
    size_t n = strlen(line) + 1;
    char *more = realloc(*text, *len + n + 1);

    if (!more)
        return say_failure("out of memory");
    memcpy(more + *len, line, n);
    *text = more;
    *len += n;
    more[*len] = 0;
    return 0;
}

char *talk_fetch(struct talk *t, const char *command)
{
    char *text = calloc(1, 1), *line;
    size_t len = 0;

    if (!text || talk_ask(t, "%s", command) != 0)
        goto fail;
    for (;;) {
        char kind = talk_hear(t, &line);

        if (kind == '.')
            return text;
        if (kind == '+' && keep(&text, &len, line) != 0)
            goto fail;
        if (kind == '~')
            say_line(TONE_QUIET, "", "%s", line);
        if (kind == '!') {
            say_failure("%s", line);
            goto fail;
        }
        if (kind == 0) {
            say_failure("the program has ended before it answered");
            goto fail;
        }
    }
fail:
    free(text);
    return NULL;
}
