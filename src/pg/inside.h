/*
 * Inside of the library: a pool of connections, one connection, and who does what with them.
 *
 * All of it belongs to the one thread of a worker. What waits is a fiber; a connection that is not
 * idle is used by exactly one.
 */
#ifndef SLPG_INSIDE_H
#define SLPG_INSIDE_H

#include <libpq-fe.h>
#include <limits.h>
#include <shallot/loop.h>
#include <shallot/pg.h>

/* Types, by their numbers in pg_type. */
enum {
    SLPG_BOOL = 16,
    SLPG_BYTEA = 17,
    SLPG_INT8 = 20,
    SLPG_INT2 = 21,
    SLPG_INT4 = 23,
    SLPG_OID = 26,
    SLPG_JSON = 114,
    SLPG_FLOAT4 = 700,
    SLPG_FLOAT8 = 701,
    SLPG_TIMESTAMP = 1114,
    SLPG_TIMESTAMPTZ = 1184,
    SLPG_NUMERIC = 1700,
    SLPG_JSONB = 3802,
};

#define SLPG_FOREVER INT64_MAX
#define SLPG_STATEMENT_BYTES 16384 /* longer ones are not kept prepared */

/** Monotonic milliseconds. */
int64_t slpg_now(void);
/** The time in @p ms, SL_PG_NO_TIMEOUT: never. */
int64_t slpg_in(unsigned ms);
/** Milliseconds until then, as sl_waiter_wait() wants them. */
int slpg_left(int64_t deadline);

/* ---- Waiting in line (line.c) ---- */

/** Who waits in a line; lies on his stack. */
struct slpg_place {
    struct slpg_place *next, *prev;
    sl_waiter waiter;
    void *given; /* what he waited for */
    int error;   /* or why he will not have it */
};

/** First come, first served. Zeroed memory is an empty line. */
struct slpg_line {
    struct slpg_place *first, *last;
    unsigned count;
};

/** Waits at the end of the line. 0 and place->given; the error given; -ETIMEDOUT; -ECANCELED.
 * Whoever has been given something and then was cancelled still has it: @p place->given tells. */
int slpg_line_wait(struct slpg_line *l, struct slpg_place *place, int64_t deadline);
/** Gives to the first in line. False if there is nobody. */
bool slpg_line_give(struct slpg_line *l, void *what);
/** Sends everybody away. */
void slpg_line_fail(struct slpg_line *l, int error);

/* ---- One connection (conn.c, connect.c) ---- */

struct slpg_pool;

/** A statement that the server has parsed for this connection. */
struct slpg_statement {
    uint32_t hash;
    unsigned number; /* its name is "sl_NUMBER" */
    char sql[];
};

struct slpg_conn {
    struct slpg_pool *pool;
    struct slpg_conn *next; /* in the pool's list of idle ones */
    PGconn *pg;
    PGcancel *cancel;
    sl_watch
        *watch; /* NULL: the other side has hung up, what is left can be read without waiting */
    sl_waiter waiter;
    bool idle;
    bool waiting; /* a fiber waits for the socket */
    bool muted;   /* the watch asks for nothing, as nobody was there to read */
    int64_t used; /* when it became idle */
    struct slpg_statement **statements; /* the one used last comes first */
    unsigned statement_count, statement_number;
};

/**
 * Opens a connection: waits, at most until the deadline.
 *
 * @return 0; -ECONNREFUSED, and the reason in @p why; -ECANCELED; -ENOMEM
 */
int slpg_connect(struct slpg_pool *p, struct slpg_conn **ret, char *why, size_t size);
/** Closes and frees; says goodbye to the server if it still listens, without waiting. */
void slpg_disconnect(struct slpg_conn *k);
/** Watches the socket of a connection that has just been made. 0, -ENOMEM. */
int slpg_watch(struct slpg_conn *k);
/** Whether a connection out of use is still good: reads what has come meanwhile. */
bool slpg_alive(struct slpg_conn *k);

/** Sends what is to be sent, waits for the next result of the command; NULL: it was the last. 0;
 * -ECONNRESET; -ETIMEDOUT; -ECANCELED. */
int slpg_next(struct slpg_conn *k, int64_t deadline, PGresult **ret);
/** A result that stands for COPY, which we do not do. */
bool slpg_is_copy(const PGresult *r);
/** Waits for all results: the last, or the first that is an error. As above; -ENOTSUP for COPY. */
int slpg_all(struct slpg_conn *k, int64_t deadline, PGresult **ret);
/** A command of our own without values, by the simple protocol. 0; negative: not done, or not
 * known. */
int slpg_command(struct slpg_conn *k, const char *sql, int64_t deadline);

/* ---- Where to connect to (address.c) ---- */

/** Parameters for PQconnectStartParams(). */
struct slpg_address {
    const char *keywords[16], *values[16];
    char *hosts, *addresses, *ports; /* allocated; NULL: as conninfo or environment say */
};

/** Checks a conninfo. False, and the reason in @p why. */
bool slpg_conninfo_good(const char *conninfo, char *why, size_t size);
/** Resolves names; waits. 0; -ENOENT and the reason; -ECANCELED; -ENOMEM. */
int slpg_resolve(const char *conninfo, struct slpg_address *ret, char *why, size_t size);
void slpg_address_free(struct slpg_address *a);

/* ---- The pool (pool.c, opening.c, cleaning.c) ---- */

/** A fiber of the pool's own. */
struct slpg_job {
    struct slpg_job *next;
    struct slpg_pool *pool;
    struct slpg_conn *conn;
};

/** A handle; see the public header. */
struct sl_pg {
    struct slpg_pool *pool;
    struct slpg_hold *hold; /* a transaction's connection; NULL: any of the pool */
    sl_ctx *c;              /* whose the results are; NULL: the caller's */
    unsigned query_ms;
    unsigned depth; /* savepoints around it */
};

/** What went wrong last; zeroed memory: nothing. */
struct slpg_trouble {
    PGresult *said; /* by the server; the fields of error point into it */
    char text[512];
    sl_pg_error error;
};

struct slpg_pool {
    struct sl_pg handle; /* first: the pool itself is one */
    struct slpg_pool *next;
    sl_app *app;
    sl_pg_options options; /* defaults filled in */
    char *conninfo;
    struct slpg_conn *idle; /* the one used last comes first */
    struct slpg_line line;  /* for a connection */
    unsigned open;          /* idle, in use or being cleaned */
    unsigned opening;
    struct slpg_line cancels; /* for a turn to cancel */
    unsigned cancelling;
    struct slpg_job *jobs;
    sl_waiter jobs_done;
    bool closing;
    unsigned failures;  /* to connect, one after the other */
    int64_t down_since; /* while there are failures */
    bool said;          /* and the log says so */
    int64_t said_at;    /* since when; 0: it never did */
    char why[512];      /* the last failure to connect */
    struct slpg_trouble trouble;
};

/**
 * A connection for the caller, who gives it back by slpg_give(), slpg_drop() or slpg_abandon().
 * Errors as sl_pg_query(), told by slpg_fail().
 */
int slpg_take(struct sl_pg *h, struct slpg_conn **ret);
/** Back into the pool, idle and outside a transaction. */
void slpg_give(struct slpg_conn *k);
/** Closes it. */
void slpg_drop(struct slpg_conn *k);
/** In the middle of a query or transaction: cancels, rolls back and gives it back, by a fiber of
 * its own; or drops it. */
void slpg_abandon(struct slpg_conn *k);
/** Opens as many as @p wanted fibers in line need. */
void slpg_open_more(struct slpg_pool *p, unsigned wanted);
/** Closes what was idle for too long; an sl_every() callback, @p self is the pool. */
void slpg_tidy(sl_app *app, void *self);
/** Starts a fiber of the pool's own. False: there can be none. */
bool slpg_job_start(struct slpg_pool *p, int (*fn)(void *job), struct slpg_conn *k);
/** The last thing that such a fiber does. */
void slpg_job_end(struct slpg_job *j);
/** The server cannot be had for longer than anybody is to wait. */
bool slpg_is_down(const struct slpg_pool *p);

/* ---- Transactions (transaction.c) ---- */

/** The connection of a transaction, shared by its savepoints. */
struct slpg_hold {
    struct slpg_conn *conn; /* NULL: broken */
    int broken;             /* what every further query gets */
    bool busy;              /* a query is on its way */
};

/* ---- Queries (query.c, statement.c, value.c, trouble.c, result.c) ---- */

struct sl_pg_result {
    PGresult *rows;    /* NULL: freed before its time */
    bool of_a_request; /* in its arena */
};

/** Values as libpq wants them. */
struct slpg_values {
    int count;
    const char **values;
    char **json; /* those of values that are to be freed */
    int *lengths, *formats;
    void *memory;
};

/** 0; -EINVAL and the number of the wrong one in ret->count; -ENOMEM. */
int slpg_values_init(struct slpg_values *ret, const sl_pg_value *values, size_t count);
void slpg_values_finish(struct slpg_values *v);
/** Text of a json_t *, to be freed by free(); NULL: cannot be, or out of memory. */
char *slpg_json_text(const void *json);
/** The number, in whatever locale the program runs. */
double slpg_number(const char *text, char **end);
void slpg_number_text(char *buf, size_t size, double value);

/** Makes the statement known to the server, if it is one to be kept. 0 and its name in @p ret, ""
 * for none; or as slpg_all(), the server's error in @p ret_said. */
int slpg_prepare(struct slpg_conn *k, const char *sql, int64_t deadline, char ret[16],
                 PGresult **ret_said);
/** Forgets all of them, whatever the server does. */
void slpg_forget_statements(struct slpg_conn *k);
/** Whether the server says that a prepared statement is none any more. */
bool slpg_is_stale(const PGresult *said);

/** Takes the result: the rows are the handle's owner's. NULL when out of memory. */
sl_pg_result *slpg_result_new(struct sl_pg *h, PGresult *rows);

/** Notes what the server says (takes it) and returns its number; for a request with words. */
int slpg_fail_said(struct sl_pg *h, PGresult *said, const char *sql);
/** Notes what happened to us. Returns @p error. */
int slpg_fail(struct sl_pg *h, int error, const char *fmt, ...) SL_PRINTF(3, 4);
/** Number of a result that is an error; 0 for others. */
int slpg_error_of(const PGresult *said);
/** Leaves nothing in @p from. What was in @p to must have been forgotten. */
void slpg_trouble_move(struct slpg_trouble *to, struct slpg_trouble *from);
void slpg_trouble_forget(struct slpg_trouble *t);

/** The app's first pool as a handle for this request, in @p storage. NULL: there is none, which the
 * request is told. */
struct sl_pg *slpg_of_request(sl_ctx *c, struct sl_pg *storage);
struct sl_pg *slpg_first_pool(const sl_app *app);

#endif
