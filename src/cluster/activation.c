/*
 * Socket activation: the manager listens first and starts us with the sockets, so that no
 * connection is refused while we are not there, and a port below 1024 needs no root.
 *
 * Comes from whoever opens listeners, the master or a standalone process. Sockets are matched to
 * endpoints by address; those that match none go, in order, to the endpoints of main() that are
 * left, because what an administrator writes into a .socket file counts more than a default in the
 * code.
 */
#include "cluster/activation.h"

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

static int fds[FDS_MAX];
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

void sl__activation_read(void)
{
    const char *pid = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS");
    long n = number ? strtol(number, NULL, 10) : 0;

    count = 0;
    if (pid && strtol(pid, NULL, 10) == getpid() && n > 0 && n <= FDS_MAX) {
        for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++) {
            if (!listens(fd))
                continue;
            prepare(fd);
            fds[count++] = fd;
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
    int fd = fds[i];

    count--;
    memmove(fds + i, fds + i + 1, (count - i) * sizeof *fds);
    return fd;
}

int sl__activation_take(const struct sl__endpoint *e)
{
    for (unsigned i = 0; i < count; i++)
        if (fits(fds[i], e))
            return take(i);
    return -1;
}

int sl__activation_take_any(void)
{
    return count > 0 ? take(0) : -1;
}
