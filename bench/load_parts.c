/*
 * The parts of the load generator that are not its loop; see load.h.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

static const char usage[] =
    "usage: load [OPTION]... PORT [PATH]\n"
    "  -c, --connections=N  at a time (1)\n"
    "  -k, --pipeline=N     requests sent together on a connection (1)\n"
    "  -t, --seconds=S      length of the measured time (1)\n"
    "  -n, --requests=N     so many requests instead\n"
    "  -w, --warm=MS        time before, not counted (0)\n"
    "      --new            a new connection for each request, closed by this side\n"
    "      --close          a new connection for each request, closed by the server\n"
    "      --sources=N      connections come from 127.0.0.1 and the N - 1 addresses after it (1)\n"
    "      --header=LINE    sent with each request: 'Accept-Encoding: gzip'\n"
    "      --watch=PID,...  CPU time of these processes over the measured time\n"
    "      --hold           open, ask once, print how many are open, idle until stdin ends\n";

void load_die(const char *fmt, ...)
{
    va_list ap;

    fputs("load: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static long number(const char *text, long min, long max)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*end || end == text || n < min || n > max)
        load_die("'%s' is not a number from %ld to %ld", text, min, max);
    return n;
}

static double seconds(const char *text)
{
    char *end;
    double s = strtod(text, &end);

    if (*end || end == text || !(s > 0 && s < 1e6))
        load_die("'%s' is not a time in seconds", text);
    return s;
}

static void watch(struct load_options *o, char *list)
{
    for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ",")) {
        if (o->watched_count == LOAD_WATCHED_MAX)
            load_die("too many processes to watch");
        o->watched[o->watched_count++] = (int)number(pid, 1, 1 << 22);
    }
}

void load_options(struct load_options *o, int argc, char **argv)
{
    static const struct option known[] = {{"connections", required_argument, NULL, 'c'},
                                          {"pipeline", required_argument, NULL, 'k'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"requests", required_argument, NULL, 'n'},
                                          {"warm", required_argument, NULL, 'w'},
                                          {"new", no_argument, NULL, 'N'},
                                          {"close", no_argument, NULL, 'C'},
                                          {"sources", required_argument, NULL, 'S'},
                                          {"header", required_argument, NULL, 'L'},
                                          {"watch", required_argument, NULL, 'W'},
                                          {"hold", no_argument, NULL, 'H'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:k:t:n:w:h", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            o->connections = (int)number(optarg, 1, 1000000);
            break;
        case 'k':
            o->pipeline = (int)number(optarg, 1, 256);
            break;
        case 't':
            o->seconds = seconds(optarg);
            break;
        case 'n':
            o->requests = number(optarg, 1, 1L << 40);
            break;
        case 'w':
            o->warm_ms = (int)number(optarg, 0, 1000000);
            break;
        case 'N':
            o->mode = LOAD_NEW;
            break;
        case 'C':
            o->mode = LOAD_CLOSE;
            break;
        case 'S':
            o->sources = (int)number(optarg, 1, 60000);
            break;
        case 'L':
            o->header = optarg;
            if (strlen(optarg) > LOAD_HEADER_MAX)
                load_die("the header is too long");
            break;
        case 'W':
            watch(o, optarg);
            break;
        case 'H':
            o->hold = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc - 1 && optind != argc - 2)
        load_die("a port and perhaps a path are wanted; --help tells more");
    if (o->mode != LOAD_KEEP && (o->pipeline > 1 || o->hold))
        load_die("--new and --close go with neither --pipeline nor --hold");
    o->port = (uint16_t)number(argv[optind], 1, 65535);
    o->path = argc - optind > 1 ? argv[optind + 1] : "/";
    if (strlen(o->path) > LOAD_PATH_MAX)
        load_die("the path is too long");
}

int64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int64_t cpu_of(int pid)
{
    char path[320];
    struct dirent *task;
    int64_t sum = 0;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    dir = opendir(path);
    if (!dir)
        load_die("process %d, which was to be watched, is gone", pid);
    while ((task = readdir(dir))) {
        long long ns;
        FILE *stat;

        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
        stat = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!stat)
            continue;
        if (fscanf(stat, "%lld", &ns) == 1)
            sum += ns;
        fclose(stat);
    }
    closedir(dir);
    return sum;
}

int64_t load_cpu(const struct load_options *o)
{
    int64_t sum = 0;

    for (int i = 0; i < o->watched_count; i++)
        sum += cpu_of(o->watched[i]);
    return sum;
}

/* Octets from @text on to behind the last chunk; 0: it has not come yet. */
static size_t chunks(const char *text, const char *end)
{
    for (const char *at = text; at < end;) {
        char *line;
        unsigned long size = strtoul(at, &line, 16);

        if (line == at || end - line < 4)
            return 0;
        if (size == 0)
            return (size_t)(line + 4 - text);
        if (size > (size_t)(end - line))
            return 0;
        at = line + 2 + size + 2;
    }
    return 0;
}

int load_look(const char *text, size_t len, struct load_answer *ret)
{
    static const char name[] = "\r\nContent-Length:", chunked[] = "\r\nTransfer-Encoding: chunked";
    const char *blank = strstr(text, "\r\n\r\n"), *length = strcasestr(text, name);
    const char *pieces = strcasestr(text, chunked);

    *ret = (struct load_answer){0};
    if (strncmp(text, LOAD_BEGIN, len < LOAD_BEGIN_LEN ? len : LOAD_BEGIN_LEN) != 0)
        ret->wrong = "an answer that is not a 200";
    else if (!blank && len > 16384)
        ret->wrong = "an answer whose head has no end";
    else if (!blank)
        return 0;
    else if (length && length < blank)
        ret->total = (size_t)(blank + 4 - text) + strtoul(length + sizeof name - 1, NULL, 10);
    else if (!pieces || pieces > blank)
        ret->wrong = "an answer without Content-Length";
    else {
        size_t body = chunks(blank + 4, text + len);

        if (body == 0)
            return 0;
        ret->total = (size_t)(blank + 4 - text) + body;
    }
    return ret->wrong ? -1 : 1;
}

/* Latency in microseconds that @part of the answers kept. */
static double percentile(const struct load_figures *f, double part)
{
    double wanted = part * (double)f->requests, seen = 0;

    for (int i = 0; i < LOAD_BUCKETS; i++) {
        seen += f->latencies[i];
        if (f->latencies[i] && seen >= wanted)
            return (double)((32ULL + (unsigned)i % 32) << (i / 32)) / 32 / 1000;
    }
    return 0;
}

void load_report(const struct load_figures *f, int still_open, size_t answer_octets)
{
    printf("{\"requests\": %ld, \"errors\": %ld, \"error\": \"%s\", \"seconds\": %.6f, "
           "\"octets\": %ld, \"answer_octets\": %zu, \"open\": %d, \"cpu_ns\": %lld, "
           "\"latency_us\": {\"50\": %.1f, \"90\": %.1f, \"99\": %.1f, \"100\": %.1f}}\n",
           f->requests, f->errors, f->error ? f->error : "", (double)(f->end - f->begin) / 1e9,
           f->octets, answer_octets, still_open, (long long)f->cpu, percentile(f, 0.5),
           percentile(f, 0.9), percentile(f, 0.99), percentile(f, 1));
}
