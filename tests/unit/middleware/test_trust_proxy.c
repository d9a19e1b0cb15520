/* Where requests come from behind proxies: who is believed, how far back, and who is not. */
#include "layers.h"

#include "../../../src/middleware/trust_proxy.c"

static const char *peer;
static char remote[300], scheme[50], host[300];

static int by(sl_ctx *c)
{
    assert_int_equal(sl_set_remote(c, peer), 0);
    return sl_next(c);
}

static int handler(sl_ctx *c)
{
    snprintf(remote, sizeof remote, "%s", sl_remote(c));
    snprintf(scheme, sizeof scheme, "%s", sl_scheme(c));
    snprintf(host, sizeof host, "%s", sl_host(c));
    return sl_body(c, "hello");
}

static const char *const tens[] = {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", NULL};
static const char *const groups_of[] = {"loopback", "private", "linklocal", NULL};

static sl_middleware usual(sl_app *app)
{
    return sl_trust_proxy();
}

static sl_middleware listed(sl_app *app)
{
    return sl_trust_proxy(.trusted = tens, .host = true);
}

static sl_middleware forwarded(sl_app *app)
{
    return sl_trust_proxy(.trusted = tens, .forwarded = true, .host = true);
}

static sl_middleware grouped(sl_app *app)
{
    return sl_trust_proxy(.trusted = groups_of);
}

struct row {
    sl_middleware (*make)(sl_app *app);
    const char *peer, *lines;
    const char *remote, *scheme, *host;
};

#define FOR(value) "X-Forwarded-For: " value "\r\n"
#define PROTO(value) "X-Forwarded-Proto: " value "\r\n"
#define HOST(value) "X-Forwarded-Host: " value "\r\n"
#define FORWARDED(value) "Forwarded: " value "\r\n"
#define ALL                                                                                        \
    FOR("203.0.113.7")                                                                             \
    PROTO("https") HOST("h.example") FORWARDED("for=203.0.113.8;proto=https;host=f.example")

static const struct row rows[] = {
    /* strangers are not believed */
    {usual, "203.0.113.9:5", ALL, "203.0.113.9:5", "http", "a"},
    {listed, "127.0.0.1:5", ALL, "127.0.0.1:5", "http", "a"},
    {listed, "11.0.0.1:5", ALL, "11.0.0.1:5", "http", "a"},
    {listed, "192.0.2.2:5", ALL, "192.0.2.2:5", "http", "a"},
    {listed, "[2001:db9::1]:5", ALL, "[2001:db9::1]:5", "http", "a"},
    {listed, "unix", ALL, "unix", "http", "a"},
    {grouped, "172.32.0.1:5", ALL, "172.32.0.1:5", "http", "a"},
    {grouped, "unix", ALL, "unix", "http", "a"},
    {usual, "unknown", ALL, "unknown", "http", "a"},
    /* those who are trusted are, but for what nobody said they set */
    {usual, "127.0.0.1:5", ALL, "203.0.113.7", "https", "a"},
    {usual, "127.255.0.1:5", ALL, "203.0.113.7", "https", "a"},
    {usual, "[::1]:5", ALL, "203.0.113.7", "https", "a"},
    {usual, "unix", ALL, "203.0.113.7", "https", "a"},
    {usual, "[::ffff:127.0.0.1]:5", ALL, "203.0.113.7", "https", "a"},
    {usual, "10.0.0.1:5", ALL, "10.0.0.1:5", "http", "a"},
    {grouped, "10.0.0.1:5", ALL, "203.0.113.7", "https", "a"},
    {grouped, "172.16.0.1:5", ALL, "203.0.113.7", "https", "a"},
    {grouped, "192.168.0.1:5", ALL, "203.0.113.7", "https", "a"},
    {grouped, "169.254.1.1:5", ALL, "203.0.113.7", "https", "a"},
    {grouped, "[fe80::1]:5", ALL, "203.0.113.7", "https", "a"},
    {grouped, "[fd00::1]:5", ALL, "203.0.113.7", "https", "a"},
    {listed, "10.1.2.3:5", ALL, "203.0.113.7", "https", "h.example"},
    {listed, "192.0.2.1:5", ALL, "203.0.113.7", "https", "h.example"},
    {listed, "[2001:db8::9]:5", ALL, "203.0.113.7", "https", "h.example"},
    {forwarded, "10.1.2.3:5", ALL, "203.0.113.8", "https", "f.example"},
    /* nothing said */
    {usual, "127.0.0.1:5", "", "127.0.0.1:5", "http", "a"},
    {forwarded, "10.0.0.1:5", "", "10.0.0.1:5", "http", "a"},
    {usual, "127.0.0.1:5", FOR(""), "127.0.0.1:5", "http", "a"},
    {usual, "127.0.0.1:5", FOR(" , ,"), "127.0.0.1:5", "http", "a"},
    {usual, "127.0.0.1:5", PROTO("https"), "127.0.0.1:5", "https", "a"},
    /* back to the first stranger, and not one further */
    {listed, "10.0.0.1:5", FOR("1.1.1.1, 2.2.2.2, 10.0.0.3, 10.0.0.2"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1, 2.2.2.2"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("10.0.0.9, 2.2.2.2"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("10.0.0.3, 10.0.0.2"), "10.0.0.3", "http", "a"}, /* all trusted */
    {listed, "10.0.0.1:5", FOR("1.1.1.1") FOR("2.2.2.2") FOR("10.0.0.2"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1,2.2.2.2,,10.0.0.2,"), "2.2.2.2", "http", "a"},
    /* forms of addresses */
    {listed, "10.0.0.1:5", FOR("1.2.3.4:567"), "1.2.3.4:567", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2001:DB9::1"), "[2001:db9::1]", "http", "a"},
    {listed, "10.0.0.1:5", FOR("[2001:db9::1]"), "[2001:db9::1]", "http", "a"},
    {listed, "10.0.0.1:5", FOR("[2001:db9::1]:80"), "[2001:db9::1]:80", "http", "a"},
    {listed, "10.0.0.1:5", FOR("::ffff:1.2.3.4"), "1.2.3.4", "http", "a"},
    {listed, "10.0.0.1:5", FOR("3.3.3.3, ::ffff:10.0.0.2"), "3.3.3.3", "http", "a"},
    /* what is none: the client is nobody known, and not the proxy */
    {listed, "10.0.0.1:5", FOR("unknown"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1, _hidden"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1, 300.1.1.1"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("01.1.1.1"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1:99999"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1:"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("1.1.1.1:8a"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("[1.1.1.1]"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("[2001:db9::1"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2001:db9::1]"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("[2001:db9::1]x"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2001:db9:::1"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("fe80::1%eth0"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2 3.3.3.3"), "unknown", "http", "a"},
    {listed, "10.0.0.1:5", FOR("unknown, 10.0.0.2"), "unknown", "http", "a"},
    /* a quote of a client's does not swallow what the proxy has added */
    {listed, "10.0.0.1:5", FOR("\"1.1.1.1, 2.2.2.2"), "2.2.2.2", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=\"1.1.1.1, for=2.2.2.2"), "2.2.2.2", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=\"x, for=\"[2001:db9::2]:5\";proto=https"),
     "[2001:db9::2]:5", "https", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=\"x\\, for=\"[2001:db9::2]\""), "[2001:db9::2]",
     "http", "a"},
    /* schemes and hosts are those of the outermost proxy that is trusted */
    {listed, "10.0.0.1:5", FOR("2.2.2.2") PROTO("HTTPS"), "2.2.2.2", "https", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") PROTO("https, http"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2, 10.0.0.2") PROTO("https, http"), "2.2.2.2", "https", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2, 10.0.0.2") PROTO("https"), "2.2.2.2", "https", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2, 10.0.0.2") PROTO("http, https, http"), "2.2.2.2", "https",
     "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") PROTO("gopher"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") PROTO("ht tps"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") HOST("h.example:8443"), "2.2.2.2", "http",
     "h.example:8443"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") HOST("evil, h.example"), "2.2.2.2", "http", "h.example"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") HOST("a b"), "2.2.2.2", "http", "a"},
    {listed, "10.0.0.1:5", FOR("2.2.2.2") HOST("h/x"), "2.2.2.2", "http", "a"},
    /* RFC 7239 */
    {forwarded, "10.0.0.1:5", FORWARDED("For=\"[2001:db9:cafe::17]:4711\""),
     "[2001:db9:cafe::17]:4711", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=198.51.100.60;proto=http;by=203.0.113.43"),
     "198.51.100.60", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=198.51.100.43, for=198.51.100.17"), "198.51.100.17",
     "http", "a"},
    {forwarded, "10.0.0.1:5",
     FORWARDED("for=1.1.1.1;proto=http, for=2.2.2.2;PROTO=https;host=\"h:1\", for=10.0.0.2"),
     "2.2.2.2", "https", "h:1"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=1.1.1.1") FORWARDED("for=2.2.2.2 ; proto=https"),
     "2.2.2.2", "https", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=\"_gazonk\""), "unknown", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=unknown;proto=https"), "unknown", "https", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("proto=https"), "unknown", "https", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=2.2.2.2;;;host=h"), "2.2.2.2", "http", "h"},
    {forwarded, "10.0.0.1:5", FORWARDED("nonsense"), "unknown", "http", "a"},
    {forwarded, "10.0.0.1:5", FORWARDED("for=2.2.2.2;ext=\"a,b;proto=https\""), "2.2.2.2", "http",
     "a"},
    {forwarded, "10.0.0.1:5", FOR("1.1.1.1") PROTO("https"), "10.0.0.1:5", "http", "a"},
};

static void table(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        sl_app *app = sl_new();
        struct memory m;

        peer = r->peer;
        sl_use(app, by);
        sl_use(app, r->make(app));
        sl_use(app, handler);
        ask(&m, app, "GET", "/", r->lines);
        assert_int_equal(m.status, 200);
        if (strcmp(remote, r->remote) != 0 || strcmp(scheme, r->scheme) != 0 ||
            strcmp(host, r->host) != 0)
            fail_msg("row %zu: %s by %s: %s %s %s", i, r->lines, r->peer, remote, scheme, host);
        memory_finish(&m);
        sl_free(app);
    }
}

/* A chain without an end costs no more than so many looks. */
static void long_chains(void **state)
{
    static char lines[16000] = "X-Forwarded-For: 2.2.2.2";
    sl_app *app = sl_new();
    struct memory m;

    while (strlen(lines) < 15000)
        strcat(lines, ",10.0.0.9");
    strcat(lines, "\r\n");
    peer = "10.0.0.1:5";
    sl_use(app, by);
    sl_use(app, listed(app));
    sl_use(app, handler);
    ask(&m, app, "GET", "/", lines);
    assert_string_equal(remote, "10.0.0.9");
    memory_finish(&m);
    sl_free(app);
}

static void networks(void **state)
{
    static const struct {
        const char *network, *inside, *outside;
    } good[] = {
        {"0.0.0.0/0", "255.1.2.3", "::1"},
        {"::/0", "1.2.3.4", NULL},
        {"10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
        {"10.1.2.3", "10.1.2.3", "10.1.2.2"},
        {"10.0.0.128/25", "10.0.0.200", "10.0.0.127"},
        {"10.0.0.0/7", "11.255.0.1", "12.0.0.0"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::ffff:10.0.0.0/104", "10.3.4.5", "11.0.0.0"},
        {"::1", "::1", "::2"},
    };
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "2001:db8::/129",
        "10.0.0.0/8x",
        "10.0.0/8",
        "fe80::1/10",
        "nonsense",
        "10.0.0.0/-1",
        "10.0.0.0/0008",
        "[::1]",
        "1.2.3.4:5",
        "Loopback",
        "*",
    };
    struct address a;
    struct network n;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(read_network(good[i].network, &n));
        assert_true(address_read(good[i].inside, strlen(good[i].inside), &a));
        if (!address_within(&a, &n.address, n.bits))
            fail_msg("%s: %s", good[i].network, good[i].inside);
        if (good[i].outside) {
            assert_true(address_read(good[i].outside, strlen(good[i].outside), &a));
            if (address_within(&a, &n.address, n.bits))
                fail_msg("%s: %s", good[i].network, good[i].outside);
        }
    }
    memory_log_start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *list[] = {"loopback", bad[i], NULL};

        expect_refusal(sl_trust_proxy(.trusted = list), "is no address, network or known group");
    }
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    each_part_of_making_fails(grouped);
    each_part_of_making_fails(usual);
    peer = "10.0.0.1:5";
    sl_use(app, by);
    sl_use(app, listed(app));
    sl_use(app, handler);
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n" FOR("1.1.1.1") ALL "\r\n", 200);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(networks),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
