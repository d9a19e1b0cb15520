/* src/net/door.c: who is in comes through, nobody else gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/door.h"

static int listen_on(int domain, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(ret, 0, sizeof *ret);
    ret->ss_family = (sa_family_t)domain;
    *ret_len = domain == AF_UNIX ? sizeof(sa_family_t) : sizeof *ret; /* unix: any name */
    if (domain == AF_INET)
        ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (domain == AF_INET6)
        ((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_loopback;
    if (bind(fd, (struct sockaddr *)ret, *ret_len) < 0) { /* no IPv6 here */
        close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, 16), 0);
    *ret_len = sizeof *ret;
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, ret_len), 0);
    return fd;
}

/* 0: connected; else the error, EINPROGRESS when there is no answer for 200 ms. */
static int knock(const struct sockaddr_storage *to, socklen_t len, int *ret)
{
    struct pollfd p = {.events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;

    *ret = p.fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(*ret, (const struct sockaddr *)to, len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (poll(&p, 1, 200) == 0)
        return EINPROGRESS;
    getsockopt(*ret, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void check(int domain)
{
    struct sockaddr_storage address;
    socklen_t len;
    char text[8] = "";
    int listener = listen_on(domain, &address, &len), early, late, in;

    if (listener < 0)
        return;
    assert_int_equal(knock(&address, len, &early), 0);
    assert_int_equal(send(early, "hello", 5, 0), 5);
    sl__door_shut(listener);
    assert_int_equal(knock(&address, len, &late), EINPROGRESS);
    in = accept(listener, NULL, NULL); /* who was there before has noticed nothing */
    assert_true(in >= 0);
    assert_int_equal(recv(in, text, sizeof text, 0), 5);
    assert_int_equal(send(early, "again", 5, 0), 5);
    assert_int_equal(recv(in, text, sizeof text, 0), 5);
    assert_string_equal(text, "again");
    assert_int_equal(send(in, "yes", 3, 0), 3);
    assert_int_equal(recv(early, text, sizeof text, 0), 3);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    close(in);
    close(early);
    close(late);
    close(listener);
}

static void test_tcp(void **state)
{
    check(AF_INET);
    check(AF_INET6);
}

static void test_what_is_no_tcp_socket(void **state)
{
    struct sockaddr_storage address;
    socklen_t len;
    int listener = listen_on(AF_UNIX, &address, &len), client;

    sl__door_shut(listener);
    assert_int_equal(knock(&address, len, &client), 0);
    close(client);
    close(listener);
    sl__door_shut(-1);
    sl__door_shut(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_what_is_no_tcp_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
