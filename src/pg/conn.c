/*
 * One connection: sending, and waiting for what the server answers.
 *
 * Queries come in here for every result; nobody else waits for the socket. It is watched as long as
 * the connection lives: while a fiber waits that fiber is woken, and while nobody uses the
 * connection the end of the server is noticed at once. Data that come while its user is busy with
 * something else stay in the kernel, so the server is slowed down.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inside.h"

static void unwatch(struct slpg_conn *k)
{
    sl_watch_free(k->watch);
    k->watch = NULL;
}

static void on_socket(sl_watch *w, int events, void *arg)
{
    struct slpg_conn *k = arg;

    if (k->waiting) {
        sl_waiter_wake(&k->waiter);
    } else if (k->idle) {
        if (!slpg_alive(k))
            slpg_drop(k);
    } else if (events & (POLLERR | POLLHUP)) {
        unwatch(k); /* which come unasked, again and again */
    } else if (sl_watch_set(w, 0) == 0) {
        k->muted = true;
    }
}

int slpg_watch(struct slpg_conn *k)
{
    k->watch = sl_watch_new(PQsocket(k->pg), POLLIN, on_socket, k);
    return k->watch ? 0 : -ENOMEM;
}

void slpg_disconnect(struct slpg_conn *k)
{
    unwatch(k);
    slpg_forget_statements(k);
    PQfreeCancel(k->cancel);
    PQfinish(k->pg);
    free(k->statements);
    free(k);
}

bool slpg_alive(struct slpg_conn *k)
{
    char octet;

    /* Twice is enough: what the server says before it goes, and that it has gone. */
    for (int i = 0; i < 3; i++) {
        if (recv(PQsocket(k->pg), &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
            (errno == EAGAIN || errno == EINTR))
            return true;
        if (!PQconsumeInput(k->pg))
            return false;
        PQisBusy(k->pg); /* reads notices, and what we do not listen to */
        for (PGnotify *n = PQnotifies(k->pg); n; n = PQnotifies(k->pg))
            PQfreemem(n);
        if (PQstatus(k->pg) != CONNECTION_OK)
            return false;
    }
    return true;
}

/* Waits until the socket may be read, or written too. It may be woken for nothing. */
static int wait_socket(struct slpg_conn *k, bool write, int64_t deadline)
{
    int r = 0;

    if (!k->watch)
        return 0;
    if (write || k->muted)
        r = sl_watch_set(k->watch, write ? POLLIN | POLLOUT : POLLIN);
    if (r < 0)
        return r;
    k->muted = false;
    k->waiting = true;
    r = sl_waiter_wait(&k->waiter, slpg_left(deadline));
    k->waiting = false;
    if (write && k->watch)
        k->muted = sl_watch_set(k->watch, POLLIN) < 0;
    return r;
}

int slpg_next(struct slpg_conn *k, int64_t deadline, PGresult **ret)
{
    *ret = NULL;
    for (;;) {
        int flushed = PQflush(k->pg), r;

        if (flushed < 0 && PQstatus(k->pg) != CONNECTION_OK)
            return -ECONNRESET;
        if (!PQisBusy(k->pg))
            break;
        r = wait_socket(k, flushed == 1, deadline);
        if (r < 0)
            return r;
        if (!PQconsumeInput(k->pg) && PQisBusy(k->pg))
            return -ECONNRESET;
    }
    *ret = PQgetResult(k->pg);
    return 0;
}

static bool is_error(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);

    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

bool slpg_is_copy(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

int slpg_all(struct slpg_conn *k, int64_t deadline, PGresult **ret)
{
    PGresult *last = NULL, *next;
    int r;

    *ret = NULL;
    for (;;) {
        r = slpg_next(k, deadline, &next);
        if (r < 0 || !next)
            break;
        if (slpg_is_copy(next)) {
            PQclear(next);
            r = -ENOTSUP;
            break;
        }
        if (last && is_error(last)) {
            PQclear(next);
            continue;
        }
        PQclear(last);
        last = next;
    }
    if (r == 0 && PQstatus(k->pg) != CONNECTION_OK)
        r = -ECONNRESET;
    if (r == 0 || r == -ECONNRESET) {
        *ret = last; /* what the server said before it went */
        return r;
    }
    PQclear(last);
    return r;
}

int slpg_command(struct slpg_conn *k, const char *sql, int64_t deadline)
{
    PGresult *result;
    int r;

    if (!PQsendQuery(k->pg, sql))
        return -ECONNRESET;
    r = slpg_all(k, deadline, &result);
    if (r == 0 && is_error(result))
        r = slpg_error_of(result);
    PQclear(result);
    return r;
}
