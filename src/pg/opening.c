/*
 * Opening connections for those in line, again and again while the server is away.
 *
 * The pool comes in when somebody waits and there may be more connections. Each is opened by a
 * fiber of its own, which ends when it has put the connection into the pool. After a failure only
 * one fiber tries, ever more slowly, until it succeeds: so the pool is back as soon as the server
 * is, and a server that is busy starting is not run over.
 */
#include <errno.h>
#include <shallot/fiber.h>
#include <shallot/log.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define FIRST_PAUSE 50 /* milliseconds, doubled with each failure */
#define LONGEST_PAUSE 2000
#define REMIND_MS 30000 /* a lasting failure is logged so often */
#define CALM_MS 1000    /* and others no more often than this */

/* Not all workers at once. */
static unsigned pause_ms(const struct slpg_pool *p)
{
    unsigned doublings = p->failures < 7 ? p->failures - 1 : 6;
    unsigned ms = (unsigned)FIRST_PAUSE << doublings;

    if (ms > LONGEST_PAUSE)
        ms = LONGEST_PAUSE;
    return ms / 2 + (unsigned)random() % ms;
}

/* A network that comes and goes fills no log. */
static void failed(struct slpg_pool *p, const char *why)
{
    int64_t now = slpg_now();
    bool same = p->said && strcmp(why, p->why) == 0;

    if (p->failures++ == 0)
        p->down_since = now;
    memcpy(p->why, why, sizeof p->why);
    if (p->said_at && now - p->said_at < (same ? REMIND_MS : CALM_MS))
        return;
    p->said = true;
    p->said_at = now;
    sl_warn("database: no connection, trying again: %s", why);
}

static void succeeded(struct slpg_pool *p)
{
    if (p->said)
        sl_info("database: connected again after %lld ms", (long long)(slpg_now() - p->down_since));
    p->failures = 0;
    p->said = false;
}

/* Whether it is any use to try again. With none open it goes on until there is one. */
static bool goes_on(const struct slpg_pool *p)
{
    return !p->closing && (p->open == 0 || p->line.count > 0);
}

static int run(void *arg)
{
    struct slpg_job *job = arg;
    struct slpg_pool *p = job->pool;
    struct slpg_conn *k = NULL;
    char why[sizeof p->why];
    int r;

    for (;;) {
        r = slpg_connect(p, &k, why, sizeof why);
        if (r == 0 || r == -ECANCELED)
            break;
        failed(p, why);
        if (!goes_on(p) || sl_sleep(pause_ms(p)) < 0 || !goes_on(p))
            break;
    }
    p->opening--;
    if (k) {
        p->open++;
        succeeded(p);
        slpg_give(k);
        slpg_open_more(p, p->line.count);
    }
    slpg_job_end(job);
    return 0;
}

void slpg_open_more(struct slpg_pool *p, unsigned wanted)
{
    unsigned most = p->failures > 0 ? 1 : wanted;

    while (p->opening < most && wanted > 0 && p->open + p->opening < p->options.connections) {
        p->opening++;
        if (!slpg_job_start(p, run, NULL)) {
            p->opening--;
            return;
        }
    }
}
