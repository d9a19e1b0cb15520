/*
 * Opening a connection without blocking the worker.
 *
 * A fiber of the pool comes in and leaves with a connection that is ready for queries, or with the
 * reason why there is none. libpq may open another socket for the next address at any step, so
 * until all is done each wait asks for the socket anew.
 */
#include <errno.h>
#include <poll.h>
#include <shallot/fiber.h>
#include <shallot/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

/* The server's remarks belong into the log; those of the lowest level are nobody's business. */
static void on_notice(void *self, const PGresult *r)
{
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!text)
        return;
    if (severity && strcmp(severity, "WARNING") == 0)
        sl_warn("database: %s", text);
    else if (severity && (strcmp(severity, "DEBUG") == 0 || strcmp(severity, "LOG") == 0))
        sl_debug("database: %s", text);
    else
        sl_info("database: %s", text);
}

/* libpq's messages have a line for each address it has tried. */
static void explain(char *why, size_t size, const char *text)
{
    size_t len = 0;

    for (; *text && len + 2 < size; text++) {
        if (*text != '\n' && *text != '\t')
            why[len++] = *text;
        else if (*text == '\n' && text[1])
            len += (size_t)snprintf(why + len, size - len, "; ");
    }
    while (len > 0 && why[len - 1] == ' ')
        len--;
    why[len < size ? len : size - 1] = '\0';
}

static int handshake(PGconn *pg, int64_t deadline)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING; /* as libpq says it is to be taken */

    while (step != PGRES_POLLING_OK) {
        int r;

        if (step == PGRES_POLLING_FAILED || PQstatus(pg) == CONNECTION_BAD)
            return -ECONNREFUSED;
        r = sl_wait_fd(PQsocket(pg), step == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                       slpg_left(deadline));
        if (r < 0)
            return r;
        step = PQconnectPoll(pg);
    }
    return 0;
}

static int finish(struct slpg_conn *k)
{
    k->cancel = PQgetCancel(k->pg);
    if (!k->cancel || PQsetnonblocking(k->pg, 1) != 0)
        return -ENOMEM;
    return slpg_watch(k);
}

static int open_at(struct slpg_conn *k, const struct slpg_address *a, char *why, size_t size)
{
    unsigned ms = k->pool->options.connect_ms;
    int r;

    k->pg = PQconnectStartParams(a->keywords, a->values, 1);
    if (!k->pg)
        return -ENOMEM;
    PQsetNoticeReceiver(k->pg, on_notice, NULL);
    r = handshake(k->pg, slpg_in(ms));
    if (r == -ETIMEDOUT)
        snprintf(why, size, "no answer within %u ms", ms);
    else if (r < 0)
        explain(why, size, PQerrorMessage(k->pg));
    if (r < 0)
        return r == -ECANCELED ? r : -ECONNREFUSED;
    return finish(k);
}

int slpg_connect(struct slpg_pool *p, struct slpg_conn **ret, char *why, size_t size)
{
    struct slpg_conn *k = calloc(1, sizeof *k);
    struct slpg_address address = {.hosts = NULL};
    int r = -ENOMEM;

    *ret = NULL;
    snprintf(why, size, "out of memory");
    if (!k)
        return r;
    k->pool = p;
    k->statements = calloc(p->options.statements + 1, sizeof(struct slpg_statement *));
    if (k->statements)
        r = slpg_resolve(p->conninfo, &address, why, size);
    if (r == 0)
        r = open_at(k, &address, why, size);
    slpg_address_free(&address);
    if (r < 0) {
        slpg_disconnect(k);
        return r;
    }
    *ret = k;
    return 0;
}
