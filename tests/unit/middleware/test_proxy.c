/* The pure parts of the proxy: which fields end here, Forwarded, and whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "middleware/proxy_fields.h"
#include "middleware/proxy_upstreams.h"

static void hop_by_hop(void **state)
{
    static const struct {
        const char *name, *connection;
        bool ends;
    } cases[] = {
        {"Connection", NULL, true},
        {"keep-alive", NULL, true},
        {"TE", NULL, true},
        {"Trailer", NULL, true},
        {"transfer-encoding", "", true},
        {"Upgrade", NULL, true},
        {"Proxy-Connection", NULL, true},
        {"Proxy-Authorization", NULL, true},
        {"Accept", NULL, false},
        {"T", NULL, false},
        {"TEX", NULL, false},
        {"X-A", "X-A", true},
        {"x-a", "close, X-A", true},
        {"X-A", "close,\tX-A ,x", true},
        {"X-A", "X-AB", false},
        {"X-AB", "X-A", false},
        {"X-A", "X -A", false},
        {"X-A", ",,, ,X-A", true},
        {"X-A", ",", false},
        {"X-A", "close", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(proxy__is_hop_by_hop(cases[i].name, cases[i].connection), cases[i].ends);
    assert_false(proxy__lists(NULL, "a"));
    assert_false(proxy__lists("a", ""));
}

static void forwarded(void **state)
{
    static const struct {
        const char *remote, *host, *address, *element;
    } cases[] = {
        {"192.0.2.1:80", "a", "192.0.2.1", "for=192.0.2.1;host=a;proto=http"},
        {"192.0.2.1", "a:80", "192.0.2.1", "for=192.0.2.1;host=\"a:80\";proto=http"},
        {"[2001:db8::1]:80", "", "2001:db8::1", "for=\"[2001:db8::1]\";proto=http"},
        {"[2001:db8::1]", "[::1]", "2001:db8::1",
         "for=\"[2001:db8::1]\";host=\"[::1]\";proto=http"},
        {"2001:db8::1", "", "2001:db8::1", "for=\"[2001:db8::1]\";proto=http"},
        {"::1", "", "::1", "for=\"[::1]\";proto=http"},
        {"unix", "a", "unknown", "for=unknown;host=a;proto=http"},
        {"", "a", "unknown", "for=unknown;host=a;proto=http"},
        {"_hidden, for=evil", "a", "unknown", "for=unknown;host=a;proto=http"},
        {"1.2.3.4,5.6.7.8", "a", "unknown", "for=unknown;host=a;proto=http"},
        {"[::1", "a", "::1", "for=\"[::1]\";host=a;proto=http"},
        {"256.1.1.1:5", "a\"b\\c;d", "unknown", "for=unknown;host=\"a\\\"b\\\\c;d\";proto=http"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", "unknown",
         "for=unknown;proto=http"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char address[64], element[256];

        proxy__address(cases[i].remote, address, sizeof address);
        assert_string_equal(address, cases[i].address);
        assert_true(
            proxy__forwarded(cases[i].remote, cases[i].host, "http", element, sizeof element));
        assert_string_equal(element, cases[i].element);
        for (size_t room = 1; room <= strlen(element); room++) { /* not beyond it, at any size */
            char *small = malloc(room);

            proxy__forwarded(cases[i].remote, cases[i].host, "http", small, room);
            free(small);
        }
    }
}

static void paths(void **state)
{
    static const char *const cases[][2] = {
        {"/", "/"},
        {"/a?b://c", "/a?b://c"},
        {"*", "*"},
        {"http://h/x", "/x"},
        {"http://h", ""},
        {"http://h?q", "?q"},
        {"https://h:1/", "/"},
        {"http://[::1]:80/x", "/x"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(proxy__path(cases[i][0]), cases[i][1]);
}

static struct proxy__upstreams make(const char *text)
{
    struct proxy__upstreams u = {.fails_max = 2, .out_ms = 100};
    char *bad;

    assert_int_equal(proxy__upstreams_init(&u, text, &bad), 0);
    assert_null(bad);
    return u;
}

static void reading(void **state)
{
    static const char *const bad[] = {
        "",
        "  ",
        "a",
        "http:/a",
        "http://",
        "http:///",
        "http://a/b",
        "http://a?b",
        "http://u@a",
        "http://:80",
        "https://a#b",
        "unix:",
        "unix:a",
        "http://a http://b/x",
        "http://a\"b",
    };
    struct proxy__upstreams u = make("http://a:1  https://B/,unix:/run/x.sock\n");
    char *piece;

    assert_int_equal(u.count, 3);
    assert_string_equal(u.list[0].url, "http://a:1");
    assert_string_equal(u.list[0].host, "a:1");
    assert_null(u.list[0].unix_path);
    assert_string_equal(u.list[1].url, "https://B");
    assert_string_equal(u.list[1].name, "https://B/");
    assert_string_equal(u.list[2].unix_path, "/run/x.sock");
    assert_string_equal(u.list[2].host, "localhost");
    proxy__upstreams_finish(&u);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(proxy__upstreams_init(&u, bad[i], &piece), -EINVAL);
        free(piece);
        proxy__upstreams_finish(&u);
    }
}

static int choose(struct proxy__upstreams *u, int64_t now, uint64_t tried)
{
    struct proxy__upstream *one = proxy__choose(u, now, tried);

    return one ? (int)(one - u->list) : -1;
}

static void in_turn(void **state)
{
    struct proxy__upstreams u = make("http://a http://b http://c");

    for (int i = 0; i < 7; i++)
        assert_int_equal(choose(&u, 0, 0), i % 3);
    assert_int_equal(choose(&u, 0, 2), 2);
    assert_int_equal(choose(&u, 0, 1), 1);
    assert_int_equal(choose(&u, 0, 7), -1);
    proxy__upstreams_finish(&u);
}

static void least_busy(void **state)
{
    struct proxy__upstreams u = make("http://a http://b http://c");

    u.least_busy = true;
    u.list[0].busy = 2;
    u.list[1].busy = u.list[2].busy = 1;
    assert_int_equal(choose(&u, 0, 0), 1);
    assert_int_equal(choose(&u, 0, 0), 2);
    assert_int_equal(choose(&u, 0, 0), 1);
    assert_int_equal(choose(&u, 0, 6), 0);
    u.list[0].busy = 0;
    assert_int_equal(choose(&u, 0, 0), 0);
    proxy__upstreams_finish(&u);
}

static void out_and_back(void **state)
{
    struct proxy__upstreams u = make("http://a http://b");

    assert_false(proxy__failed(&u, &u.list[0], 1000));
    assert_true(proxy__failed(&u, &u.list[0], 1000));  /* two in a row */
    assert_false(proxy__failed(&u, &u.list[0], 1000)); /* was asked meanwhile: no news */
    for (int i = 0; i < 4; i++)
        assert_int_equal(choose(&u, 1099, 0), 1);
    assert_true(proxy__is_in(&u, &u.list[0], 1100));
    assert_true(proxy__failed(&u, &u.list[0], 1100)); /* on probation: one is enough */
    assert_false(proxy__is_in(&u, &u.list[0], 1199));
    assert_true(proxy__answered(&u, &u.list[0]));
    assert_false(proxy__answered(&u, &u.list[0]));
    assert_false(proxy__failed(&u, &u.list[0], 1200)); /* begins anew */
    assert_false(proxy__answered(&u, &u.list[0]));
    u.list[0].down = u.list[1].down = true;
    assert_int_equal(choose(&u, 5000, 0), -1);
    proxy__upstreams_finish(&u);
    u = make("http://only");
    for (int i = 0; i < 5; i++)
        assert_false(proxy__failed(&u, &u.list[0], 0));
    assert_int_equal(choose(&u, 0, 0), 0); /* nothing better is known */
    u.list[0].down = true;
    assert_int_equal(choose(&u, 0, 0), -1);
    proxy__upstreams_finish(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hop_by_hop),   cmocka_unit_test(forwarded), cmocka_unit_test(paths),
        cmocka_unit_test(reading),      cmocka_unit_test(in_turn),   cmocka_unit_test(least_busy),
        cmocka_unit_test(out_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
