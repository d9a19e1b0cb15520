/*
 * src/net/endpoint.c: opening, the one line that says why not, unix sockets stale and alive, and
 * names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/endpoint.h"

static char folder[64];
static char error[512];

static int make_folder(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/sl-endpoint-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

static int setup(void **state)
{
    memset(error, 0, sizeof(error));
    return 0;
}

static int teardown(void **state)
{
    sl__sys_fault = NULL;
    return 0;
}

static struct sl__endpoint tcp(const char *host, int port)
{
    struct sl__endpoint e = {.port = port};

    snprintf(e.host, sizeof(e.host), "%s", host);
    return e;
}

static struct sl__endpoint local(const char *name)
{
    struct sl__endpoint e = {0};

    snprintf(e.unix_path, sizeof(e.unix_path), "%s/%s", folder, name);
    return e;
}

static int open_it(struct sl__endpoint e)
{
    return sl__endpoint_open(&e, error, sizeof(error));
}

static int port_of(int fd)
{
    char url[160];

    sl__endpoint_url(fd, url, sizeof(url));
    return atoi(strrchr(url, ':') + 1);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static int option(int fd, int level, int name)
{
    socklen_t len = sizeof(int);
    int value = -1;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* Connects to what listens on fd; the caller closes both. */
static void connect_to(int fd, int *ret_client, int *ret_accepted)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_client = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*ret_client, (struct sockaddr *)&address, len), 0);
    *ret_accepted = sl__sys_accept(fd, NULL, NULL);
    assert_true(*ret_accepted >= 0);
}

static void test_tcp(void **state)
{
    int fd = open_it(tcp("127.0.0.1", 0)), client, accepted;
    char url[160], expected[160], peer[64];
    struct sockaddr_in own;
    socklen_t len = sizeof(own);

    assert_true(fd >= 0);
    assert_true(port_of(fd) > 0);
    snprintf(expected, sizeof(expected), "http://127.0.0.1:%d", port_of(fd));
    sl__endpoint_url(fd, url, sizeof(url));
    assert_string_equal(url, expected);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    connect_to(fd, &client, &accepted);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1); /* inherited */
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &len), 0);
    snprintf(expected, sizeof(expected), "127.0.0.1:%d", ntohs(own.sin_port));
    sl__peer_name(accepted, peer, sizeof(peer));
    assert_string_equal(peer, expected);
    close(accepted);
    close(client);
    close(fd);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host, *url;
        bool v6;
    } table[] = {
        {"", "http://0.0.0.0:", false},
        {"0.0.0.0", "http://0.0.0.0:", false},
        {"127.0.0.1", "http://127.0.0.1:", false},
        {"::1", "http://[::1]:", true},
        {"[::1]", "http://[::1]:", true},
        {"::", "http://[::]:", true},
        {"localhost", "http://", false},
    };
    char url[160];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int fd;

        if (table[i].v6 && !has_ipv6())
            continue;
        if (strcmp(table[i].host, "localhost") == 0 && access("/etc/hosts", R_OK) < 0)
            continue; /* a bare root of debootstrap knows no names */
        fd = open_it(tcp(table[i].host, 0));
        assert_true(fd >= 0);
        sl__endpoint_url(fd, url, sizeof(url));
        assert_int_equal(strncmp(url, table[i].url, strlen(table[i].url)), 0);
        close(fd);
    }
}

static void test_every_address_of_both_families(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd, client, accepted;
    char peer[64];

    if (!has_ipv6())
        skip();
    fd = open_it(tcp("::", 0));
    assert_true(fd >= 0);
    v4.sin_port = htons((uint16_t)port_of(fd));
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&v4, sizeof(v4)), 0);
    accepted = sl__sys_accept(fd, NULL, NULL);
    sl__peer_name(accepted, peer, sizeof(peer));
    assert_int_equal(strncmp(peer, "127.0.0.1:", 10), 0); /* not ::ffff:127.0.0.1 */
    close(accepted);
    close(client);
    close(fd);
}

static void test_port_in_use(void **state)
{
    int fd = open_it(tcp("127.0.0.1", 0)), port = port_of(fd);
    char expected[64];

    assert_int_equal(open_it(tcp("127.0.0.1", port)), -EADDRINUSE);
    snprintf(expected, sizeof(expected), "cannot listen on 127.0.0.1:%d: ", port);
    assert_int_equal(strncmp(error, expected, strlen(expected)), 0);
    snprintf(expected, sizeof(expected), "(pid %d); stop it", (int)getpid());
    assert_non_null(strstr(error, expected));
    snprintf(expected, sizeof(expected), "PORT=%d", port == 65535 ? 65534 : port + 1);
    assert_non_null(strstr(error, expected));
    assert_null(strchr(error, '\n'));
    close(fd);
    fd = open_it(tcp("127.0.0.1", port)); /* free again at once */
    assert_true(fd >= 0);
    close(fd);
}

static void test_port_held_by_nobody_we_see(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but does not listen */
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
    assert_int_equal(open_it(tcp("127.0.0.1", port_of(fd))), -EADDRINUSE);
    assert_non_null(strstr(error, "is another program listening?"));
    close(fd);
}

static void test_impossible_addresses(void **state)
{
    static const struct {
        const char *host;
        int port, error;
        const char *text;
    } table[] = {
        {"127.0.0.1", -1, -EINVAL, "cannot listen on 127.0.0.1:-1: -1 is no port"},
        {"127.0.0.1", 65536, -EINVAL, "65536 is no port"},
        {"192.0.2.1", 0, -EADDRNOTAVAIL, "192.0.2.1:0: this machine has no such address"},
        {"256.1.1.1..", 0, 0, "the host \"256.1.1.1..\" has no address ("},
        {"not a host", 0, 0, "the host \"not a host\" has no address ("},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int r = open_it(tcp(table[i].host, table[i].port));

        assert_true(table[i].error ? r == table[i].error : r < 0);
        assert_non_null(strstr(error, table[i].text));
        assert_null(strchr(error, '\n'));
    }
}

static void test_the_error_is_cut_to_the_buffer(void **state)
{
    struct sl__endpoint e = tcp("127.0.0.1", -1);
    char small[10] = "untouched";

    assert_int_equal(sl__endpoint_open(&e, NULL, 0), -EINVAL);
    assert_int_equal(sl__endpoint_open(&e, small, sizeof(small)), -EINVAL);
    assert_string_equal(small, "cannot li");
}

static void test_names_without_an_end(void **state)
{
    struct sl__endpoint e = {0};

    memset(e.host, 'x', sizeof(e.host));
    assert_int_equal(open_it(e), -ENAMETOOLONG);
    memset(&e, 0, sizeof(e));
    memset(e.unix_path, 'x', sizeof(e.unix_path));
    assert_int_equal(open_it(e), -ENAMETOOLONG);
    assert_non_null(strstr(error, "the name is too long"));
}

static void test_unix(void **state)
{
    struct sl__endpoint e = local("socket");
    int fd = open_it(e), client, accepted;
    char name[160], expected[160];

    assert_true(fd >= 0);
    snprintf(expected, sizeof(expected), "unix:%s", e.unix_path);
    sl__endpoint_url(fd, name, sizeof(name));
    assert_string_equal(name, expected);
    connect_to(fd, &client, &accepted);
    sl__peer_name(accepted, name, sizeof(name));
    assert_string_equal(name, "unix");
    close(accepted);
    close(client);
    assert_int_equal(open_it(e), -EADDRINUSE); /* alive */
    snprintf(expected, sizeof(expected), "cannot listen on unix:%s: ", e.unix_path);
    assert_int_equal(strncmp(error, expected, strlen(expected)), 0);
    snprintf(expected, sizeof(expected), "(pid %d); stop it", (int)getpid());
    assert_non_null(strstr(error, expected));
    connect_to(fd, &client, &accepted); /* the attempt was no harm; its probe was closed */
    close(accepted);
    close(client);
    close(fd);
    fd = open_it(e); /* stale now */
    assert_true(fd >= 0);
    connect_to(fd, &client, &accepted);
    close(accepted);
    close(client);
    close(fd);
    unlink(e.unix_path);
}

static void test_unix_alive_with_a_full_queue(void **state)
{
    struct sl__endpoint e = local("full");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd, clients[16];

    e.backlog = 1;
    fd = open_it(e);
    assert_true(fd >= 0);
    memcpy(un.sun_path, e.unix_path, sizeof(un.sun_path));
    for (int i = 0; i < 16; i++) {
        clients[i] = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);
        (void)!connect(clients[i], (struct sockaddr *)&un, sizeof(un)); /* EAGAIN in the end */
    }
    assert_int_equal(open_it(e), -EADDRINUSE);
    for (int i = 0; i < 16; i++)
        close(clients[i]);
    close(fd);
    unlink(e.unix_path);
}

static void test_unix_in_the_way(void **state)
{
    struct sl__endpoint e = local("file"), nowhere = local("no/such/folder");
    int fd = open(e.unix_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    assert_int_equal(open_it(e), -EADDRINUSE);
    assert_non_null(strstr(error, "is no socket, and is left alone"));
    assert_int_equal(access(e.unix_path, F_OK), 0);
    unlink(e.unix_path);
    assert_int_equal(symlink("/nowhere", e.unix_path), 0); /* nor is a link followed */
    assert_int_equal(open_it(e), -EADDRINUSE);
    unlink(e.unix_path);
    assert_int_equal(open_it(nowhere), -ENOENT);
    assert_non_null(strstr(error, "the folder does not exist"));
}

static void test_abstract(void **state)
{
    struct sl__endpoint e = {0};
    int fd, client, accepted;
    char name[160], expected[160];

    snprintf(e.unix_path, sizeof(e.unix_path), "@sl-test-%d", (int)getpid());
    fd = open_it(e);
    assert_true(fd >= 0);
    snprintf(expected, sizeof(expected), "unix:%s", e.unix_path);
    sl__endpoint_url(fd, name, sizeof(name));
    assert_string_equal(name, expected);
    connect_to(fd, &client, &accepted);
    assert_int_equal(open_it(e), -EADDRINUSE);
    close(accepted);
    close(client);
    close(fd);
}

static ssize_t no_socket(enum sl__sys_call call)
{
    return call == SL__SYS_SOCKET ? -EMFILE : 0;
}

static unsigned countdown;

static ssize_t no_second_socket(enum sl__sys_call call)
{
    return call == SL__SYS_SOCKET && ++countdown == 2 ? -EMFILE : 0;
}

static void test_no_descriptors_left(void **state)
{
    struct sl__endpoint e = local("stale");
    int fd = open_it(e);

    close(fd);
    sl__sys_fault = no_socket;
    assert_int_equal(open_it(tcp("127.0.0.1", 0)), -EMFILE);
    assert_non_null(strstr(error, "Too many open files"));
    assert_int_equal(open_it(e), -EMFILE);
    sl__sys_fault = no_second_socket; /* the probe: in doubt nothing is replaced */
    assert_int_equal(open_it(e), -EMFILE);
    assert_non_null(strstr(error, "whether it is in use cannot be told (Too many open files)"));
    sl__sys_fault = NULL;
    fd = open_it(e);
    assert_true(fd >= 0);
    close(fd);
    unlink(e.unix_path);
}

static void test_backlog(void **state)
{
    struct sl__endpoint e = tcp("127.0.0.1", 0);

    for (int backlog = 0; backlog < 3; backlog++) {
        struct tcp_info info;
        socklen_t len = sizeof(info);
        int fd;

        e.backlog = backlog;
        fd = open_it(e);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
        if (backlog > 0)
            assert_int_equal(info.tcpi_sacked, backlog); /* of a listening socket: its limit */
        else
            assert_true(info.tcpi_sacked >= 128);
        close(fd);
    }
}

static void test_names_of_what_is_none(void **state)
{
    char name[160];

    sl__endpoint_url(-1, name, sizeof(name));
    assert_string_equal(name, "unknown");
    sl__peer_name(-1, name, sizeof(name));
    assert_string_equal(name, "unknown");
}

static void test_equal(void **state)
{
    struct sl__endpoint a = tcp("127.0.0.1", 80), b = a;

    assert_true(sl__endpoint_equal(&a, &b));
    b.backlog = 5;
    b.nth = 1;
    assert_true(sl__endpoint_equal(&a, &b));
    a.port = b.port = 0;
    assert_false(sl__endpoint_equal(&a, &b));
    b.nth = 0;
    assert_true(sl__endpoint_equal(&a, &b));
    b = tcp("127.0.0.2", 0);
    assert_false(sl__endpoint_equal(&a, &b));
    a = tcp("", 80);
    b = tcp("0.0.0.0", 80);
    assert_true(sl__endpoint_equal(&a, &b));
    b.port = 81;
    assert_false(sl__endpoint_equal(&a, &b));
    a = local("x");
    assert_false(sl__endpoint_equal(&a, &b));
    assert_false(sl__endpoint_equal(&b, &a));
    b = local("x");
    b.port = 99;
    assert_true(sl__endpoint_equal(&a, &b));
    b = local("y");
    assert_false(sl__endpoint_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tcp, setup),
        cmocka_unit_test_setup(test_hosts, setup),
        cmocka_unit_test_setup(test_every_address_of_both_families, setup),
        cmocka_unit_test_setup(test_port_in_use, setup),
        cmocka_unit_test_setup(test_port_held_by_nobody_we_see, setup),
        cmocka_unit_test_setup(test_impossible_addresses, setup),
        cmocka_unit_test_setup(test_the_error_is_cut_to_the_buffer, setup),
        cmocka_unit_test_setup(test_names_without_an_end, setup),
        cmocka_unit_test_setup(test_unix, setup),
        cmocka_unit_test_setup(test_unix_alive_with_a_full_queue, setup),
        cmocka_unit_test_setup(test_unix_in_the_way, setup),
        cmocka_unit_test_setup(test_abstract, setup),
        cmocka_unit_test_setup_teardown(test_no_descriptors_left, setup, teardown),
        cmocka_unit_test_setup(test_backlog, setup),
        cmocka_unit_test_setup(test_names_of_what_is_none, setup),
        cmocka_unit_test_setup(test_equal, setup),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
