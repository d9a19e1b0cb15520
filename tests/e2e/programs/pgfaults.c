/*
 * Preloaded by test_pg.py: what libpq does with its socket (port FAULTS_PORT) goes wrong now and
 * then. One call in FAULTS_ONE_IN fails with ECONNRESET, as many are interrupted, and half of all
 * send or receive one octet only.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static unsigned long long seed = 1;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % sides;
}

static int is_database(int fd)
{
    static int port = -1;
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;

    if (port < 0)
        port = getenv("FAULTS_PORT") ? atoi(getenv("FAULTS_PORT")) : 0;
    return port && getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
           peer.sin_family == AF_INET && ntohs(peer.sin_port) == port;
}

/* Sets errno and says so, or makes the call short. */
static int goes_wrong(int fd, size_t *len)
{
    static unsigned one_in;

    if (!is_database(fd))
        return 0;
    if (!one_in)
        one_in = (unsigned)atoi(getenv("FAULTS_ONE_IN"));
    if (dice(2) && *len > 1)
        *len = 1;
    if (dice(one_in) == 0) {
        shutdown(fd, SHUT_RDWR); /* from now on it is broken for both */
        errno = ECONNRESET;
        return 1;
    }
    if (dice(one_in) == 0) {
        errno = EINTR;
        return 1;
    }
    return 0;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    static ssize_t (*real)(int, void *, size_t, int);

    if (!real)
        real = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    return goes_wrong(fd, &len) ? -1 : real(fd, buf, len, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);

    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    return goes_wrong(fd, &len) ? -1 : real(fd, buf, len, flags);
}
