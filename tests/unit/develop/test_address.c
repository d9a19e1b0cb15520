/* Where the tool listens: what is asked for, what is remembered, what a program says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/activation.h"
#include "develop/address.h"

struct fixture {
    char dir[64];
    struct sl__address a;
    char error[512];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    strcpy(f->dir, "/tmp/shallot-address-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->a.fd = -1;
    unsetenv("HOST");
    unsetenv("PORT");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char line[128];

    sl__address_close(&f->a);
    snprintf(line, sizeof line, "rm -rf %s", f->dir);
    if (system(line) != 0)
        return -1;
    free(f);
    return 0;
}

static void open_at(struct fixture *f, const char *program)
{
    assert_int_equal(sl__address_open(&f->a, f->dir, program, f->error, sizeof f->error), 0);
}

static void write_memory(struct fixture *f, const char *text)
{
    char path[128];
    FILE *to;

    snprintf(path, sizeof path, "mkdir -p %s/.shallot", f->dir);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/.shallot/address", f->dir);
    to = fopen(path, "we");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void assert_memory(struct fixture *f, const char *text)
{
    char path[128], got[512] = "";
    FILE *from;

    snprintf(path, sizeof path, "%s/.shallot/address", f->dir);
    from = fopen(path, "re");
    if (from) {
        got[fread(got, 1, sizeof got - 1, from)] = 0;
        fclose(from);
    }
    assert_string_equal(got, text);
}

static void test_parse(void **state)
{
    static const struct {
        const char *url, *host, *path;
        int port;
    } good[] = {
        {"http://127.0.0.1:9090", "127.0.0.1", "", 9090},
        {"http://[::1]:80", "[::1]", "", 80},
        {"https://0.0.0.0:443", "0.0.0.0", "", 443},
        {"unix:/run/app.sock", "", "/run/app.sock", 0},
        {"unix:@app", "", "@app", 0},
    };
    static const char *const bad[] = {"",           "http://",          "http://host",
                                      "http://:80", "http://host:",     "http://host:0",
                                      "ftp://h:1",  "http://h:65536",   "unix:",
                                      "h:80",       "http://h:80/path", "http://h:+80"};
    struct sl__endpoint e;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sl__address_parse(good[i].url, &e));
        assert_string_equal(e.host, good[i].host);
        assert_string_equal(e.unix_path, good[i].path);
        assert_int_equal(e.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl__address_parse(bad[i], &e));
}

static void test_asked_for(void **state)
{
    struct fixture *f = *state;
    struct sl__address other = {.fd = -1};
    char port[16];

    setenv("HOST", "127.0.0.1", 1);
    setenv("PORT", "0", 1);
    open_at(f, "/somewhere/app");
    assert_true(f->a.fd >= 0 && f->a.asked && !f->a.guessed);
    assert_true(f->a.endpoint.port > 0); /* chosen once */
    snprintf(port, sizeof port, "%d", f->a.endpoint.port);
    setenv("PORT", port, 1);
    assert_int_equal(sl__address_open(&other, f->dir, "app", f->error, sizeof f->error),
                     -EADDRINUSE);
    assert_non_null(strstr(f->error, "in use by"));
    assert_null(strchr(f->error, '\n'));
    setenv("PORT", "many", 1);
    assert_int_equal(sl__address_open(&other, f->dir, "app", f->error, sizeof f->error), -EINVAL);
}

static void test_what_was_asked_for_is_not_remembered(void **state)
{
    struct fixture *f = *state;
    char url[64];

    setenv("HOST", "127.0.0.1", 1);
    setenv("PORT", "0", 1);
    open_at(f, "app");
    snprintf(url, sizeof url, "http://127.0.0.1:%d", f->a.endpoint.port);
    sl__address_serves(&f->a, url);
    assert_true(f->a.fd >= 0);
    assert_memory(f, "");
}

/* The program's own address, in the line of its name. */
static void test_remembers(void **state)
{
    struct fixture *f = *state;
    char text[256], url[64];
    int port;

    setenv("HOST", "127.0.0.1", 1);
    setenv("PORT", "0", 1);
    open_at(f, "app"); /* a free port */
    port = f->a.endpoint.port;
    sl__address_close(&f->a);
    unsetenv("HOST");
    unsetenv("PORT");
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    snprintf(text, sizeof text, "apple\thttp://127.0.0.1:1\napp\t%s\nother\tunix:/x\n", url);
    write_memory(f, text);
    open_at(f, "app");
    assert_true(f->a.fd >= 0 && !f->a.asked && !f->a.guessed);
    assert_int_equal(f->a.endpoint.port, port);
    assert_string_equal(f->a.endpoint.host, "127.0.0.1");

    sl__address_serves(&f->a, "http://127.0.0.1:9"); /* the code says something else now */
    assert_int_equal(f->a.fd, -1);
    assert_memory(f, "app\thttp://127.0.0.1:9\napple\thttp://127.0.0.1:1\nother\tunix:/x\n");
    sl__address_serves(&f->a, url);
    assert_true(sl__address_ensure(&f->a, f->error, sizeof f->error));
    assert_int_equal(f->a.endpoint.port, port);
}

static void test_unix_path_has_no_page(void **state)
{
    struct fixture *f = *state;

    write_memory(f, "app\tunix:/run/app.sock\n");
    setenv("PORT", "0", 1); /* says nothing to such a program */
    open_at(f, "app");
    assert_int_equal(f->a.fd, -1);
    assert_false(sl__address_ensure(&f->a, f->error, sizeof f->error));
    assert_non_null(strstr(f->error, "unix:/run/app.sock"));
}

/* Remembered, but somebody else is there now: the program will say so, or listen elsewhere. */
static void test_taken_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct sl__address other;
    char text[128];

    setenv("HOST", "127.0.0.1", 1);
    setenv("PORT", "0", 1);
    assert_int_equal(sl__address_open(&other, f->dir, "other", f->error, sizeof f->error), 0);
    unsetenv("HOST");
    unsetenv("PORT");
    snprintf(text, sizeof text, "app\thttp://127.0.0.1:%d\n", other.endpoint.port);
    write_memory(f, text);
    open_at(f, "app");
    assert_int_equal(f->a.fd, -1);
    assert_non_null(strstr(f->error, "in use by"));
    sl__address_close(&other);
    assert_true(sl__address_ensure(&f->a, f->error, sizeof f->error));
}

static int lent_to(struct sl__address *a, const char *host, int port)
{
    struct sl__endpoint e = {.port = port};
    int status;
    pid_t pid = fork();

    snprintf(e.host, sizeof e.host, "%s", host);
    if (pid == 0) {
        int fd;

        sl__address_lend(a);
        sl__activation_read();
        if (getenv("LISTEN_FDS") || sl__activation_take(&e) >= 0 || sl__activation_take_any() >= 0)
            _exit(2);
        fd = sl__activation_take_lent(&e);
        sl__activation_let_go();
        _exit(fd >= 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static bool listens(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* Only what is exactly right is taken; what is not wanted listens no more, here neither. */
static void test_lending(void **state)
{
    struct fixture *f = *state;
    struct sl__address again;
    int port;

    setenv("HOST", "127.0.0.1", 1);
    setenv("PORT", "0", 1);
    open_at(f, "app");
    port = f->a.endpoint.port;
    assert_int_equal(lent_to(&f->a, "127.0.0.1", port), 0);
    assert_int_equal(lent_to(&f->a, "localhost", port), 0);
    assert_int_equal(lent_to(&f->a, "127.0.0.1", 0), 0); /* any port */
    f->a.guessed = true;
    assert_int_equal(lent_to(&f->a, "127.0.0.1", port), 0);
    assert_true(listens(f->a.fd));
    assert_int_equal(lent_to(&f->a, "127.0.0.1", 0), 1); /* but not a guess */
    assert_false(listens(f->a.fd));
    sl__address_close(&f->a);
    open_at(f, "app");
    assert_int_equal(lent_to(&f->a, "0.0.0.0", f->a.endpoint.port), 1);
    assert_false(listens(f->a.fd));
    /* The right one can be opened beside what is left of the wrong one. */
    setenv("HOST", "0.0.0.0", 1);
    setenv("PORT", (snprintf(f->error, 16, "%d", f->a.endpoint.port), f->error), 1);
    assert_int_equal(sl__address_open(&again, f->dir, "app", f->error, sizeof f->error), 0);
    sl__address_close(&again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parse),
        TEST(test_asked_for),
        TEST(test_what_was_asked_for_is_not_remembered),
        TEST(test_remembers),
        TEST(test_unix_path_has_no_page),
        TEST(test_taken_meanwhile),
        TEST(test_lending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
