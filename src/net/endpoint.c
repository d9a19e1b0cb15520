/*
 * Endpoints: from what the program asked for to a listening socket, and from a socket to its name.
 *
 * The master comes in at start, at a reload and when a new address is wanted; a standalone process
 * at start. What goes wrong here is mostly the user's first meeting with us (the port is taken, the
 * name is wrong), so every failure becomes one line that names the address, the reason and a way
 * out. The caller prints it.
 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/occupant.h"
#include "shallot/error.h"

#define ANYWHERE "0.0.0.0"
#define NAME_MAX_LEN (SL__HOST_MAX + 16)

/* What one attempt to open knows: whom to name in the message, and where to write it. */
struct attempt {
    char name[NAME_MAX_LEN];
    char *error;
    size_t error_len;
};

__attribute__((format(printf, 3, 4))) static int fail(struct attempt *a, int r, const char *fmt,
                                                      ...)
{
    char reason[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    if (a->error_len > 0)
        snprintf(a->error, a->error_len, "cannot listen on %s: %s", a->name, reason);
    return r;
}

static const char *host_of(const struct sl__endpoint *e)
{
    return e->host[0] ? e->host : ANYWHERE;
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int start_listening(int fd, int backlog)
{
    /* The kernel lowers what is beyond net.core.somaxconn to it. */
    return listen(fd, backlog > 0 ? backlog : INT_MAX) < 0 ? -errno : 0;
}

static int set_tcp_options(int fd, const struct sockaddr *address)
{
    const struct sockaddr_in6 *v6 = (const void *)address;
    int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (r == 0)
        r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0 && address->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
        r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0); /* "::" is every address, IPv4 too */
    return r;
}

static int open_tcp_address(const struct addrinfo *ai, int backlog)
{
    int r, fd = sl__sys_socket(ai->ai_family, SOCK_STREAM, 0);

    if (fd < 0)
        return fd;
    r = set_tcp_options(fd, ai->ai_addr);
    if (r < 0)
        goto close_it;
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
        r = -errno;
        goto close_it;
    }
    r = start_listening(fd, backlog);
    if (r < 0)
        goto close_it;
    return fd;

close_it:
    close(fd);
    return r;
}

static int resolve_error(struct attempt *a, const char *host, int code)
{
    int r = code == EAI_SYSTEM   ? -errno
            : code == EAI_MEMORY ? -ENOMEM
            : code == EAI_AGAIN  ? -EAGAIN
                                 : -EADDRNOTAVAIL;

    return fail(a, r, "the host \"%s\" has no address (%s)", host,
                code == EAI_SYSTEM ? sl_strerror(r) : gai_strerror(code));
}

static int resolve(struct attempt *a, const struct sl__endpoint *e, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    char host[SL__HOST_MAX], port[16];
    size_t len = strlen(host_of(e));
    int code;

    snprintf(host, sizeof(host), "%s", host_of(e));
    if (host[0] == '[' && host[len - 1] == ']') { /* as it stands in a URL */
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    }
    snprintf(port, sizeof(port), "%d", (int)e->port);
    code = getaddrinfo(host, port, &hints, ret);
    if (code == EAI_NONAME) { /* no number: only now is a resolver asked, which may take its time */
        hints.ai_flags &= ~AI_NUMERICHOST;
        code = getaddrinfo(host, port, &hints, ret);
    }
    return code == 0 ? 0 : resolve_error(a, host, code);
}

static int tcp_error(struct attempt *a, int r, int port)
{
    char who[96];
    int other = port < 65535 ? port + 1 : port - 1;

    switch (-r) {
    case EADDRINUSE:
        if (sl__port_occupant(port, who, sizeof(who)))
            return fail(a, r, "in use by %s; stop it, or try another port (PORT=%d)", who, other);
        return fail(a, r,
                    "the port is in use; is another program listening? Try another port (PORT=%d)",
                    other);
    case EACCES:
        if (port < 1024)
            return fail(a, r,
                        "ports below 1024 need the right CAP_NET_BIND_SERVICE; try another port "
                        "(PORT=8080)");
        break;
    case EADDRNOTAVAIL:
        return fail(a, r, "this machine has no such address; try 0.0.0.0, which is all it has");
    case EAFNOSUPPORT:
        return fail(a, r, "this machine does not speak that family of addresses; try 0.0.0.0");
    }
    return fail(a, r, "%s", sl_strerror(r));
}

static int open_tcp(struct attempt *a, const struct sl__endpoint *e)
{
    struct addrinfo *list = NULL;
    int r;

    if (e->port < 0 || e->port > 65535)
        return fail(a, -EINVAL, "%d is no port; ports are 1 to 65535", (int)e->port);
    r = resolve(a, e, &list);
    if (r < 0)
        return r;
    r = -EADDRNOTAVAIL;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        r = open_tcp_address(ai, e->backlog);
        if (r != -EADDRNOTAVAIL && r != -EAFNOSUPPORT)
            break; /* localhost may stand for ::1 on a machine without IPv6; only then is the next
                      one tried */
    }
    freeaddrinfo(list);
    return r < 0 ? tcp_error(a, r, (int)e->port) : r;
}

static socklen_t unix_address(const struct sl__endpoint *e, struct sockaddr_un *ret)
{
    size_t len = strlen(e->unix_path);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, e->unix_path, len);
    if (e->unix_path[0] != '@')
        return (socklen_t)sizeof(*ret);
    ret->sun_path[0] = '\0'; /* a name in the abstract namespace: no file, exact length */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Whether somebody listens on the path, and who; the kernel refuses when the file is all that is
 * left. 1, 0, or a negative errno when there is no way to tell. */
static int is_alive(const struct sockaddr_un *un, socklen_t len, char *who, size_t who_len)
{
    struct ucred peer = {0};
    socklen_t peer_len = sizeof(peer);
    int fd = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);
    bool alive;

    if (fd < 0)
        return fd;
    alive = connect(fd, (const struct sockaddr *)un, len) == 0 ||
            (errno != ECONNREFUSED && errno != ENOENT);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) < 0 ||
        !sl__process_name(peer.pid, who, who_len))
        snprintf(who, who_len, "another program");
    close(fd);
    return alive;
}

static int replace_stale(struct attempt *a, int fd, const struct sockaddr_un *un, socklen_t len)
{
    char who[96];
    struct stat st;
    int r;

    if (un->sun_path[0] == '\0')
        return fail(a, -EADDRINUSE, "in use by another program; stop it, or try another name");
    if (lstat(un->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return fail(a, -EADDRINUSE, "the file is no socket, and is left alone; try another path");
    r = is_alive(un, len, who, sizeof(who));
    if (r < 0)
        return fail(a, r, "the file exists, and whether it is in use cannot be told (%s)",
                    sl_strerror(r));
    if (r > 0)
        return fail(a, -EADDRINUSE, "in use by %s; stop it, or try another path", who);
    if (unlink(un->sun_path) < 0 && errno != ENOENT) {
        r = -errno;
        return fail(a, r, "the stale socket cannot be removed (%s)", sl_strerror(r));
    }
    if (bind(fd, (const struct sockaddr *)un, len) < 0) {
        r = -errno;
        return fail(a, r, "%s", sl_strerror(r));
    }
    return 0;
}

static int unix_error(struct attempt *a, int r)
{
    if (r == -ENOENT)
        return fail(a, r, "the folder does not exist; make it first");
    if (r == -EACCES)
        return fail(a, r, "this user may not write to the folder");
    return fail(a, r, "%s", sl_strerror(r));
}

static int open_unix(struct attempt *a, const struct sl__endpoint *e)
{
    struct sockaddr_un un;
    socklen_t len = unix_address(e, &un);
    int r, fd = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0)
        return unix_error(a, fd);
    r = bind(fd, (const struct sockaddr *)&un, len) < 0 ? -errno : 0;
    if (r == -EADDRINUSE)
        r = replace_stale(a, fd, &un, len);
    else if (r < 0)
        r = unix_error(a, r);
    if (r < 0)
        goto close_it;
    r = start_listening(fd, e->backlog);
    if (r < 0) {
        unix_error(a, r);
        goto close_it;
    }
    return fd;

close_it:
    close(fd);
    return r;
}

int sl__endpoint_open(const struct sl__endpoint *e, char *ret_error, size_t error_len)
{
    struct attempt a = {.error = ret_error, .error_len = error_len};

    /* It may have come in a HELLO: only what is terminated is read as a string. */
    if (!memchr(e->host, '\0', sizeof(e->host)) ||
        !memchr(e->unix_path, '\0', sizeof(e->unix_path))) {
        snprintf(a.name, sizeof(a.name), "%.40s...", e->unix_path[0] ? e->unix_path : e->host);
        return fail(&a, -ENAMETOOLONG, "the name is too long");
    }
    if (e->unix_path[0]) {
        snprintf(a.name, sizeof(a.name), "unix:%s", e->unix_path);
        return open_unix(&a, e);
    }
    snprintf(a.name, sizeof(a.name),
             strchr(e->host, ':') && e->host[0] != '[' ? "[%s]:%d" : "%s:%d", host_of(e),
             (int)e->port);
    return open_tcp(&a, e);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* "127.0.0.1:80" or "[::1]:80"; an IPv4 address that comes by way of an IPv6 socket is shown as
 * what it is. */
static void ip_name(const union address *address, char *buf, size_t len)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof(text));
        snprintf(buf, len, "%s:%u", text, ntohs(address->v4.sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
        inet_ntop(AF_INET, &address->v6.sin6_addr.s6_addr[12], text, sizeof(text));
        snprintf(buf, len, "%s:%u", text, ntohs(address->v6.sin6_port));
    } else {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof(text));
        snprintf(buf, len, "[%s]:%u", text, ntohs(address->v6.sin6_port));
    }
}

static bool is_ip(const union address *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

static void unix_url(const union address *address, socklen_t address_len, char *buf, size_t len)
{
    const char *path = address->un.sun_path;
    size_t path_len = address_len - offsetof(struct sockaddr_un, sun_path);

    if (path_len > 0 && path[0] == '\0')
        snprintf(buf, len, "unix:@%.*s", (int)path_len - 1, path + 1);
    else
        snprintf(buf, len, "unix:%.*s", (int)path_len, path);
}

void sl__endpoint_url(int fd, char *buf, size_t len)
{
    union address address = {0};
    socklen_t address_len = sizeof(address);
    char name[INET6_ADDRSTRLEN + 16];

    if (getsockname(fd, &address.any, &address_len) < 0) {
        snprintf(buf, len, "unknown");
    } else if (is_ip(&address)) {
        ip_name(&address, name, sizeof(name));
        snprintf(buf, len, "http://%s", name);
    } else {
        unix_url(&address, address_len, buf, len);
    }
}

void sl__peer_name(int fd, char *buf, size_t len)
{
    union address address = {0};
    socklen_t address_len = sizeof(address);

    if (getpeername(fd, &address.any, &address_len) < 0)
        snprintf(buf, len, "unknown");
    else if (is_ip(&address))
        ip_name(&address, buf, len);
    else
        snprintf(buf, len, "unix");
}

bool sl__endpoint_equal(const struct sl__endpoint *a, const struct sl__endpoint *b)
{
    if (a->unix_path[0] || b->unix_path[0])
        return strncmp(a->unix_path, b->unix_path, sizeof(a->unix_path)) == 0;
    return a->port == b->port && (a->port != 0 || a->nth == b->nth) &&
           strncmp(host_of(a), host_of(b), sizeof(a->host)) == 0;
}

static bool same_address(const struct sockaddr *wanted, const union address *has, bool any_port)
{
    const struct sockaddr_in *v4 = (const void *)wanted;
    const struct sockaddr_in6 *v6 = (const void *)wanted;

    if (wanted->sa_family != has->any.sa_family)
        return false;
    if (wanted->sa_family == AF_INET)
        return v4->sin_addr.s_addr == has->v4.sin_addr.s_addr &&
               (any_port || v4->sin_port == has->v4.sin_port);
    return IN6_ARE_ADDR_EQUAL(&v6->sin6_addr, &has->v6.sin6_addr) &&
           (any_port || v6->sin6_port == has->v6.sin6_port);
}

bool sl__endpoint_names(const struct sl__endpoint *e, int fd)
{
    struct attempt nobody_asks = {.error_len = 0};
    union address has = {0};
    socklen_t len = sizeof(has);
    struct addrinfo *list = NULL;
    bool same = false;

    if (e->unix_path[0] || getsockname(fd, &has.any, &len) < 0 || !is_ip(&has) ||
        resolve(&nobody_asks, e, &list) < 0)
        return false;
    for (const struct addrinfo *ai = list; ai && !same; ai = ai->ai_next)
        same = same_address(ai->ai_addr, &has, e->port == 0);
    freeaddrinfo(list);
    return same;
}
