/*
 * Where the program under development is found, and the socket there.
 *
 * sl_develop() comes here before the first build: the port is the tool's before there is a program,
 * and remains so between one program and the next, so that nobody is ever refused. The program gets
 * the socket lent (cluster/activation.c). If it wants another address it lets go of ours and opens
 * its own, says so on the feed, and we remember it: `.shallot/address` has a line for each program
 * of the folder, its name and its URL.
 */
#include "develop/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cluster/activation.h"
#include "net/door.h"

#define DEFAULT_PORT 9090
#define LISTEN_FD 3
#define FILE_MAX 16384 /* what is longer is not ours */

/* What was asked for */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static bool read_port(const char *text, int32_t *ret)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || n > 65535)
        return false;
    *ret = (int32_t)n;
    return true;
}

bool sl__address_parse(const char *url, struct sl__endpoint *ret)
{
    const char *host, *colon;
    size_t len;

    *ret = (struct sl__endpoint){.port = 0};
    if (strncmp(url, "unix:", 5) == 0) {
        len = strlen(url + 5);
        if (len == 0 || len >= sizeof ret->unix_path)
            return false;
        memcpy(ret->unix_path, url + 5, len + 1);
        return true;
    }
    host = strncmp(url, "http://", 7) == 0 ? url + 7 : url;
    host = strncmp(url, "https://", 8) == 0 ? url + 8 : host;
    colon = strrchr(host, ':');
    if (host == url || !colon || !read_port(colon + 1, &ret->port) || ret->port == 0)
        return false;
    len = (size_t)(colon - host);
    if (len == 0 || len >= sizeof ret->host)
        return false;
    memcpy(ret->host, host, len);
    return true;
}

/* What is remembered */

static void path_of(const struct sl__address *a, const char *suffix, char *to, size_t size)
{
    snprintf(to, size, "%s/.shallot/address%s", a->root, suffix);
}

/* The whole file, NUL-terminated; the caller frees it. NULL: there is none. */
static char *read_file(const struct sl__address *a)
{
    char path[PATH_MAX], *text = sl__alloc(FILE_MAX);
    ssize_t n = -1;
    int fd;

    path_of(a, "", path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        n = read(fd, text, FILE_MAX - 1);
        close(fd);
    }
    if (n < 0) {
        sl__free(text);
        return NULL;
    }
    text[n] = 0;
    return text;
}

/* Whether a line is this program's; its URL then begins at *ret. */
static bool is_line_of(const struct sl__address *a, const char *line, const char **ret)
{
    size_t len = strlen(a->program);

    *ret = line + len + 1;
    return strncmp(line, a->program, len) == 0 && line[len] == '\t';
}

static bool recall(const struct sl__address *a, struct sl__endpoint *ret)
{
    char *text = read_file(a), *rest = NULL;
    const char *url;
    bool found = false;

    if (!text)
        return false;
    for (char *line = strtok_r(text, "\n", &rest); line && !found;
         line = strtok_r(NULL, "\n", &rest))
        found = is_line_of(a, line, &url) && sl__address_parse(url, ret);
    sl__free(text);
    return found;
}

static void write_lines(const struct sl__address *a, char *text, const char *url, FILE *to)
{
    char *rest = NULL;
    const char *other;

    fprintf(to, "%s\t%s\n", a->program, url);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        if (!is_line_of(a, line, &other))
            fprintf(to, "%s\n", line);
}

/* Nobody is told if it cannot be: then nothing is remembered. */
static void remember(const struct sl__address *a, const char *url)
{
    char path[PATH_MAX], fresh[PATH_MAX], folder[PATH_MAX];
    char *text = read_file(a);
    bool good = false;
    FILE *to;

    snprintf(folder, sizeof folder, "%s/.shallot", a->root);
    mkdir(folder, 0777);
    path_of(a, "", path, sizeof path);
    path_of(a, ".new", fresh, sizeof fresh);
    to = fopen(fresh, "we");
    if (to) {
        write_lines(a, text, url, to);
        good = !ferror(to);
        good = fclose(to) == 0 && good;
    }
    if (!good || rename(fresh, path) < 0)
        unlink(fresh);
    sl__free(text);
}

/* The socket */

static int find(struct sl__address *a)
{
    const char *host = environment("HOST"), *port = environment("PORT");
    bool known = recall(a, &a->endpoint);

    a->asked = host || port;
    a->guessed = !known && !port;
    if (!known)
        a->endpoint = (struct sl__endpoint){.host = "0.0.0.0", .port = DEFAULT_PORT};
    if (!a->asked)
        return 0;
    if (a->endpoint.unix_path[0]) /* they are of no use to it, as the program thinks, too */
        a->asked = false;
    else if (port && !read_port(port, &a->endpoint.port))
        return -EINVAL;
    if (host && !a->endpoint.unix_path[0])
        snprintf(a->endpoint.host, sizeof a->endpoint.host, "%s", host);
    return 0;
}

/* A port that was chosen for us is ours from now on. */
static void keep_port(struct sl__address *a)
{
    struct sl__endpoint got;
    char url[160];

    sl__endpoint_url(a->fd, url, sizeof url);
    if (sl__address_parse(url, &got))
        a->endpoint.port = got.port;
}

static int listen_there(struct sl__address *a, char *ret_error, size_t error_len)
{
    if (a->endpoint.unix_path[0]) { /* its file comes and goes with the program */
        snprintf(ret_error, error_len,
                 "the program listens on unix:%s: there is no page while it does not run",
                 a->endpoint.unix_path);
        return -EOPNOTSUPP;
    }
    a->fd = sl__endpoint_open(&a->endpoint, ret_error, error_len);
    if (a->fd < 0) {
        int r = a->fd;

        a->fd = -1;
        return r;
    }
    if (a->endpoint.port == 0)
        keep_port(a);
    return 0;
}

int sl__address_open(struct sl__address *a, const char *root, const char *program, char *ret_error,
                     size_t error_len)
{
    const char *name = strrchr(program, '/');
    int r;

    *a = (struct sl__address){.fd = -1};
    snprintf(a->root, sizeof a->root, "%s", root);
    snprintf(a->program, sizeof a->program, "%s", name ? name + 1 : program);
    r = find(a);
    if (r < 0) {
        snprintf(ret_error, error_len, "cannot listen: PORT=%s is not a number from 0 to 65535",
                 environment("PORT"));
        return r;
    }
    r = listen_there(a, ret_error, error_len);
    return a->asked ? r : 0;
}

bool sl__address_ensure(struct sl__address *a, char *ret_error, size_t error_len)
{
    return a->fd >= 0 || listen_there(a, ret_error, error_len) == 0;
}

void sl__address_lend(const struct sl__address *a)
{
    char text[16];

    if (a->fd < 0)
        return;
    if (a->fd == LISTEN_FD)
        fcntl(a->fd, F_SETFD, 0);
    else if (dup2(a->fd, LISTEN_FD) < 0)
        return;
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", a->guessed ? SL__LENT_GUESS : SL__LENT, 1);
    if (environment("PORT")) {
        snprintf(text, sizeof text, "%d", (int)a->endpoint.port);
        setenv("PORT", text, 1);
    }
}

void sl__address_serves(struct sl__address *a, const char *url)
{
    struct sl__endpoint there;

    if (!sl__address_parse(url, &there))
        return;
    if (a->fd >= 0 && !sl__endpoint_names(&there, a->fd))
        sl__address_close(a);
    if (a->fd < 0)
        a->endpoint = there;
    a->guessed = false;
    if (!a->asked)
        remember(a, url);
}

void sl__address_shut(const struct sl__address *a)
{
    if (a->fd >= 0)
        sl__door_shut(a->fd);
}

void sl__address_close(struct sl__address *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}
