/*
 * What reading a request head costs, beside picohttpparser in the same run, as Markdown.
 *
 *     bench/parse [--rounds N] [LIBRARY]
 *
 * LIBRARY is any shared object that exports phr_parse_request(). By default it is Debian's
 * libh2o.so.0.13, which is built for every x86-64, so without SSE4.2; a copy of one's own is made
 * with "cc -O2 -msse4.2 -fPIC -shared picohttpparser.c -o pico.so". Without one, ours stands alone.
 *
 * A round measures each head with each parser, a few thousand octets of copies in a row; the table
 * has the medians over the rounds, of the times and of their ratios in one round. Instructions are
 * counted one by one, by stepping through a child that parses once, and once more than that: the
 * difference is one head.
 *
 * The parsers do not do the same. picohttpparser finds the pieces. Ours also checks the target's
 * form and octets, the grammar of Host, framing, the connection's options, every limit, and refuses
 * what is ambiguous. NULs are put behind the pieces that a handler asks for, when it does.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http/http1/parse.h"
#include "http/limits.h"

#define COPIES_OCTETS 16384
#define ROUNDS 2001
#define ROUNDS_MAX 10001

struct phr_field {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

typedef int phr_parse(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor, struct phr_field *fields,
                      size_t *count, size_t last_len);

#define BROWSER_BEFORE_COOKIE                                                                      \
    "GET /articles/2024/05/onions?page=2&sort=newest HTTP/1.1\r\n"                                 \
    "Host: www.example.org\r\n"                                                                    \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"       \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*\r\n"  \
    "Accept-Language: en-GB,en;q=0.7,zh-CN;q=0.3\r\n"                                              \
    "Accept-Encoding: gzip, deflate, br\r\n"                                                       \
    "Connection: keep-alive\r\n"                                                                   \
    "Referer: https://www.example.org/articles/2024/05/\r\n"                                       \
    "Cookie: session=4ed1c3a0b7f24c12a9e0; theme=dark; seen=1716220800"
#define BROWSER_AFTER_COOKIE                                                                       \
    "\r\n"                                                                                         \
    "Upgrade-Insecure-Requests: 1\r\n"                                                             \
    "Sec-Fetch-Dest: document\r\n"                                                                 \
    "Sec-Fetch-Mode: navigate\r\n"                                                                 \
    "\r\n"
#define CRUMB "; _ga_K4X1=GS1.2.1716220800.41.1.1716224400.60.0.0; consent=%7B%22ads%22%3Afalse%7D"
#define CRUMBS CRUMB CRUMB CRUMB CRUMB CRUMB

static const struct head {
    const char *name, *octets;
} heads[] = {
    {"load generator", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
    {"browser", BROWSER_BEFORE_COOKIE BROWSER_AFTER_COOKIE},
    {"browser, many cookies",
     BROWSER_BEFORE_COOKIE CRUMBS CRUMBS CRUMBS CRUMBS BROWSER_AFTER_COOKIE},
};

#define HEADS (sizeof(heads) / sizeof(*heads))

static struct sl_limits limits;
static struct sl__field fields[SL__FIELDS_MAX];
static struct sl__request request;
static phr_parse *pico;

static ssize_t by_pico(char *head, size_t len)
{
    static struct phr_field found[SL__FIELDS_MAX];
    const char *method, *path;
    size_t method_len, path_len, count = SL__FIELDS_MAX;
    int minor;

    return pico(head, len, &method, &method_len, &path, &path_len, &minor, found, &count, 0);
}

static ssize_t by_ours(char *head, size_t len)
{
    return sl__http1_parse(head, len, &limits, &request, fields);
}

static const struct parser {
    const char *name;
    ssize_t (*parse)(char *head, size_t len);
} parsers[] = {
    {"picohttpparser", by_pico},
    {"ours", by_ours},
};

#define PARSERS (sizeof(parsers) / sizeof(*parsers))

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return values[count / 2];
}

static void parse_all(const struct parser *p, char *copies, size_t len, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (p->parse(copies + i * len, len) == (ssize_t)len)
            continue;
        fprintf(stderr, "%s does not take the head\n", p->name);
        exit(1);
    }
}

static void copy_all(char *copies, const struct head *head, size_t len, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memcpy(copies + i * len, head->octets, len);
}

static void time_round(const struct head *head, double *ret)
{
    static char copies[COPIES_OCTETS];
    size_t len = strlen(head->octets), count = sizeof(copies) / len;

    for (size_t i = 0; i < PARSERS; i++) {
        double start;

        if (!pico && parsers[i].parse == by_pico)
            continue;
        copy_all(copies, head, len, count);
        start = now();
        parse_all(&parsers[i], copies, len, count);
        ret[i] = (now() - start) / (double)count;
    }
}

/* Parses @p count copies, stepped through by the parent from the first stop to the second. */
static void be_stepped(const struct head *head, const struct parser *p, size_t count)
{
    static char copies[COPIES_OCTETS];
    size_t len = strlen(head->octets);

    copy_all(copies, head, len, count);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    parse_all(p, copies, len, count);
    raise(SIGSTOP);
    _exit(0);
}

/* Instructions of a child that parses @p count heads; -1 where tracing is not allowed. */
static long stepped(const struct head *head, const struct parser *p, size_t count)
{
    pid_t child = fork();
    long steps = -1;
    int status;

    if (child == 0)
        be_stepped(head, p, count);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    while (WIFSTOPPED(status) && (steps < 0 || WSTOPSIG(status) == SIGTRAP)) {
        steps++;
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 || waitpid(child, &status, 0) < 0)
            break;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return steps;
}

static long instructions(const struct head *head, const struct parser *p)
{
    return stepped(head, p, 3) - stepped(head, p, 2);
}

struct series {
    double times[ROUNDS_MAX], ratios[ROUNDS_MAX];
};

static void report(const struct head *head, size_t rounds)
{
    static struct series series[PARSERS];
    size_t first = pico ? 0 : 1;
    double round[PARSERS];
    long base = 0;

    for (size_t n = 0; n < rounds; n++) {
        time_round(head, round);
        for (size_t i = first; i < PARSERS; i++) {
            series[i].times[n] = round[i];
            series[i].ratios[n] = round[i] / round[first];
        }
    }
    for (size_t i = first; i < PARSERS; i++) {
        long count = instructions(head, &parsers[i]);

        printf("| %s, %zu octets | %s | %.1f | %.2f |", head->name, strlen(head->octets),
               parsers[i].name, median(series[i].times, rounds), median(series[i].ratios, rounds));
        if (i == first)
            base = count;
        if (base > 0)
            printf(" %ld | %.2f |\n", count, (double)count / (double)base);
        else
            puts(" | |"); /* tracing is not allowed here */
    }
    fflush(stdout);
}

static phr_parse *find_pico(const char *library)
{
    void *object = dlopen(library, RTLD_NOW);
    phr_parse *found = NULL;
    void *symbol = object ? dlsym(object, "phr_parse_request") : NULL;

    memcpy(&found, &symbol, sizeof(found)); /* ISO C has no conversion, POSIX promises one */
    return found;
}

int main(int argc, char **argv)
{
    const char *library = "libh2o.so.0.13";
    size_t rounds = ROUNDS;
    int at = 1;

    sl__limits_fill(&limits);
    if (argc > at + 1 && strcmp(argv[at], "--rounds") == 0) {
        rounds = (size_t)atol(argv[at + 1]);
        at += 2;
        if (rounds < 1 || rounds > ROUNDS_MAX)
            rounds = ROUNDS_MAX;
    }
    if (argc > at)
        library = argv[at];
    pico = find_pico(library);
    if (!pico)
        fprintf(stderr, "no phr_parse_request() in %s: ours alone\n", library);
    printf("picohttpparser: %s\n\n", pico ? library : "none");
    puts("| head | parser | ns | ratio | instructions | ratio |\n|---|---|---:|---:|---:|---:|");
    for (size_t i = 0; i < HEADS; i++)
        report(&heads[i], rounds);
    return 0;
}
