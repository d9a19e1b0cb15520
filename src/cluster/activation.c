/*
 * Socket activation: the manager listens first and starts us with the sockets, so that no
 * connection is refused while we are not there, and a port below 1024 needs no root.
 *
 * Comes from whoever opens listeners, the master or a standalone process. Sockets are matched to
 * endpoints by address; those that match none go, in order, to the endpoints of main() that are
 * left, because what an administrator writes into a .socket file counts more than a default in the
 * code.
 *
 * `shallot dev` uses the same way to lend its socket, but knows no better than the code where the
 * program shall be found: so what it lends is told apart by its name, and is taken only by an
 * endpoint of exactly that address.
 */
#include "cluster/activation.h"

#include "net/door.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define FDS_MAX 64

enum kind { GIVEN, LENT, GUESSED };

static struct given {
    int fd;
    enum kind kind;
} given[FDS_MAX];
static unsigned count;

static bool listens(int fd)
{
    int on = 0, type = 0;
    socklen_t len = sizeof on;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0 || !on)
        return false;
    len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static void prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* What the next of the names, which are separated by colons, says. */
static enum kind kind_of(const char **names)
{
    const char *name = *names;
    size_t len = strcspn(name, ":");

    *names = name[len] ? name + len + 1 : name + len;
    if (len == strlen(SL__LENT) && memcmp(name, SL__LENT, len) == 0)
        return LENT;
    if (len == strlen(SL__LENT_GUESS) && memcmp(name, SL__LENT_GUESS, len) == 0)
        return GUESSED;
    return GIVEN;
}

void sl__activation_read(void)
{
    const char *pid = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    long n = number ? strtol(number, NULL, 10) : 0;

    count = 0;
    names = names ? names : "";
    if (pid && strtol(pid, NULL, 10) == getpid() && n > 0 && n <= FDS_MAX) {
        for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++) {
            enum kind kind = kind_of(&names);

            if (!listens(fd))
                continue;
            prepare(fd);
            given[count++] = (struct given){fd, kind};
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

static bool same_unix(const struct sockaddr_un *a, socklen_t len, const char *path)
{
    size_t n = len - offsetof(struct sockaddr_un, sun_path);

    if (path[0] == '@')
        return a->sun_path[0] == 0 && n == strlen(path) &&
               memcmp(a->sun_path + 1, path + 1, n - 1) == 0;
    return strncmp(a->sun_path, path, sizeof a->sun_path) == 0;
}

/* Any address of the socket's, or the endpoint's own, is near enough if the port is the same. */
static bool same_host(const struct sockaddr_storage *a, const char *host)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
    char text[INET6_ADDRSTRLEN] = "", bare[SL__HOST_MAX];
    size_t len;

    if (a->ss_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr)
                                 : four->sin_addr.s_addr == htonl(INADDR_ANY))
        return true;
    if (host[0] == '[') {
        snprintf(bare, sizeof bare, "%s", host + 1);
        len = strlen(bare);
        if (len > 0)
            bare[len - 1] = 0;
        host = bare;
    }
    if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    else
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
    return host[0] == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ||
           strcmp(text, host) == 0 || strcmp(host, "localhost") == 0;
}

static bool fits(int fd, const struct sl__endpoint *e)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;

    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return false;
    if (e->unix_path[0])
        return a.ss_family == AF_UNIX &&
               same_unix((const struct sockaddr_un *)&a, len, e->unix_path);
    if ((a.ss_family != AF_INET && a.ss_family != AF_INET6) || e->port == 0)
        return false;
    return ntohs(a.ss_family == AF_INET
                     ? ((const struct sockaddr_in *)&a)->sin_port
                     : ((const struct sockaddr_in6 *)&a)->sin6_port) == e->port &&
           same_host(&a, e->host);
}

static int take(unsigned i)
{
    int fd = given[i].fd;

    count--;
    memmove(given + i, given + i + 1, (count - i) * sizeof *given);
    return fd;
}

int sl__activation_take(const struct sl__endpoint *e)
{
    for (unsigned i = 0; i < count; i++)
        if (given[i].kind == GIVEN && fits(given[i].fd, e))
            return take(i);
    return -1;
}

int sl__activation_take_any(void)
{
    for (unsigned i = 0; i < count; i++)
        if (given[i].kind == GIVEN)
            return take(i);
    return -1;
}

int sl__activation_take_lent(const struct sl__endpoint *e)
{
    for (unsigned i = 0; i < count; i++)
        if ((given[i].kind == LENT || (given[i].kind == GUESSED && e->port != 0)) &&
            sl__endpoint_names(e, given[i].fd))
            return take(i);
    return -1;
}

void sl__activation_let_go(void)
{
    for (unsigned i = 0; i < count;) {
        int fd = given[i].kind != GIVEN ? take(i) : -1;

        if (fd < 0) {
            i++;
        } else {
            sl__door_give_up(fd);
            close(fd);
        }
    }
}
