/*
 * What parsing a head costs: a 40-octet one as load generators send it, a browser's of 570 octets,
 * and a response head written.
 *
 *     bench/parse [ROUNDS]        ns each; the best of five runs of ROUNDS (default 1,000,000)
 *
 * Instructions: valgrind --tool=callgrind --toggle-collect='parse_*' or '--toggle-collect=write_*'
 * with 1000 rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/http1/parse.h"
#include "http/http1/write.h"
#include "http/limits.h"

static const char small[] = "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";

static const char browser[] =
    "GET /articles/2024/05/onions?page=2&sort=newest HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*\r\n"
    "Accept-Language: en-GB,en;q=0.7,zh-CN;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.org/articles/2024/05/\r\n"
    "Cookie: session=4ed1c3a0b7f24c12a9e0; theme=dark; seen=1716220800\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "\r\n";

static struct sl_limits limits;
static struct sl__field fields[SL__FIELDS_MAX];
static volatile ssize_t sink;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static __attribute__((noinline)) void parse_head(const char *head, size_t len, long rounds)
{
    struct sl__request r = {0};

    for (long i = 0; i < rounds; i++)
        sink = sl__http1_parse(head, len, &limits, &r, fields);
}

static __attribute__((noinline)) void parse_small(long rounds)
{
    parse_head(small, sizeof(small) - 1, rounds);
}

static __attribute__((noinline)) void parse_browser(long rounds)
{
    parse_head(browser, sizeof(browser) - 1, rounds);
}

static __attribute__((noinline)) void write_head(long rounds)
{
    struct sl__header type = {NULL, SL__STR("Content-Type"), SL__STR("text/html; charset=utf-8")};
    struct sl__response response = {.status = 200, .headers = &type};
    struct sl__http1_head head = {
        .response = &response, .length = 20, .date = "Sun, 06 Nov 1994 08:49:37 GMT"};
    struct sl__buf out = {0};

    for (long i = 0; i < rounds; i++) {
        sink = sl__http1_write_head(&out, &head);
        sl__buf_consume(&out, sl__buf_len(&out));
    }
    sl__buf_finish(&out);
}

static void measure(const char *what, void (*run)(long), size_t octets, long rounds)
{
    double best = 0;

    for (int i = 0; i < 5; i++) {
        double start = now(), took;

        run(rounds);
        took = (now() - start) / (double)rounds;
        if (i == 0 || took < best)
            best = took;
    }
    printf("%-16s %5zu octets %8.1f ns\n", what, octets, best);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 1000000;

    sl__limits_fill(&limits);
    if (sl__http1_parse(browser, sizeof(browser) - 1, &limits, &(struct sl__request){0}, fields) !=
        (ssize_t)sizeof(browser) - 1) {
        fputs("the browser's head does not parse\n", stderr);
        return 1;
    }
    measure("parse small", parse_small, sizeof(small) - 1, rounds);
    measure("parse browser", parse_browser, sizeof(browser) - 1, rounds);
    measure("write head", write_head, 0, rounds);
    return 0;
}
