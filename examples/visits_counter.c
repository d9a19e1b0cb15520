/*
 * The visit counter without messages: one number in memory that all workers share.
 *
 * Run:  build/examples/visits_counter           one worker per CPU
 * Try:  curl localhost:9090/abc                 the same count, whichever worker answers
 *       kill -9 a worker                        nothing is lost: the number is not in it
 *       curl localhost:9090/pages               what was asked for in the last minute (a map)
 */
#include <errno.h>
#include <shallot.h>
#include <string.h>

static sl_counter *visits; /* a handle: the number itself is the master's */
static sl_map *pages;      /* visits by path, each forgotten a minute after the first */

static int count(sl_ctx *c)
{
    sl_counter_add(visits, 1);
    sl_map_increment(pages, sl_path(c), 1, 60 * 1000, NULL);
    return sl_next(c);
}

static int line(const char *page, const void *value, size_t len, void *c)
{
    const char *text = sl_format(c, "%s %lld\n", page, (long long)*(const int64_t *)value);

    return text ? sl_write(c, text, strlen(text)) : -ENOMEM;
}

static int list(sl_ctx *c)
{
    sl_type(c, "text/plain");
    return sl_map_each(pages, line, c);
}

static int hello(sl_ctx *c)
{
    return sl_text(c, "visit %lld, through worker %d\n", (long long)sl_counter_read(visits),
                   sl_worker_id());
}

int main(void)
{
    sl_app *app = sl_new();

    visits = sl_counter_new(app, "visits"); /* in main(): every worker has the same */
    pages = sl_map_new(app, "pages", .capacity = 10000, .value_bytes = 8);
    sl_use(app, count);
    sl_get(app, "/pages", list);
    sl_all(app, ".*", hello);
    return sl_listen(app, .port = 9090);
}
