/*
 * PostgreSQL without blocking: a pool of connections in each worker, queries on which only the
 * asking fiber waits. Link with: pkg-config --cflags --libs shallot-pg
 *
 *     static int show(sl_ctx *c)
 *     {
 *         sl_pg_result *r;
 *         int e = sl_pg_query(c, &r, "select title from todo where id = $1", sl_param(c, "id"));
 *
 *         if (e < 0)
 *             return e;                                   // 503, 504 or 500, and one log line
 *         if (sl_pg_rows(r) == 0)
 *             return sl_fail(c, 404, "no such todo");
 *         return sl_text(c, "%s\n", sl_pg_text(r, 0, "title"));
 *     }
 *
 *     sl_pg_new(app, .conninfo = "postgresql://localhost/todo");  // in main()
 *
 * Values travel beside the statement, never in it. Statements are prepared when first seen and
 * kept, so use $1 instead of pasting texts.
 */
#ifndef SHALLOT_PG_H
#define SHALLOT_PG_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/**
 * Where queries go: a pool, the pool for one request (sl_pg_for()), or the one connection of a
 * transaction. Every function takes any of them, or the sl_ctx of a request, which means the app's
 * first pool and this request.
 */
typedef struct sl_pg sl_pg;

/** Rows, or the count of those that a command changed. Those of a request are freed when it ends;
 * others by sl_pg_free(). */
typedef struct sl_pg_result sl_pg_result;

/** For sl_pg_options.query_ms: none. */
#define SL_PG_NO_TIMEOUT ((unsigned)-1)
/** For sl_pg_options.statements: none is prepared, for a pgbouncer that pools by transaction. */
#define SL_PG_UNPREPARED ((unsigned)-1)

/** Options of sl_pg_new(); a field left zero takes its default. Strings are copied. */
typedef struct sl_pg_options {
    size_t size;          /**< sizeof(sl_pg_options), set by the macro */
    const char *conninfo; /**< "host=… dbname=…" or "postgresql://…", as libpq has it. Default: the
                             environment, DATABASE_URL or else PGHOST, PGDATABASE, … */
    unsigned connections; /**< of each worker, at most; opened as they are needed. Default 8 */
    unsigned queue;       /**< fibers that wait for a connection, at most. Default 1,024 */
    unsigned wait_ms;     /**< for so long, also while the server is away. Default 5,000 */
    unsigned connect_ms;  /**< opening a connection may take so long. Default 5,000 */
    unsigned query_ms;    /**< a query may take so long, then it is cancelled. Default 30,000 */
    unsigned idle_ms; /**< a connection that nobody needed for so long is closed. Default 60,000 */
    unsigned
        statements; /**< prepared statements kept by a connection, those used last. Default 64 */
    bool required;  /**< a worker that cannot connect does not start: a reload with a wrong
                       conninfo then changes nothing */
} sl_pg_options;

/**
 * Makes a pool, in main(). Belongs to the app; nothing is opened before a worker needs it. In C use
 * the macro sl_pg_new(app, .connections = 4).
 *
 * Names of hosts are resolved on a thread; the rest of connecting does not block, save for files
 * (.pgpass, certificates) and Kerberos.
 *
 * @return NULL for a conninfo that cannot be read, which is logged; the app then does not serve
 */
SL_API sl_pg *sl_pg_new_with(sl_app *app, const sl_pg_options *options);

/** Options of sl_pg_for(). */
typedef struct sl_pg_for_options {
    size_t size;       /**< sizeof(sl_pg_for_options), set by the macro */
    unsigned query_ms; /**< default: the pool's */
} sl_pg_for_options;

/** A pool for this request: results are freed with the request, and errors have words for it. For
 * the second pool of an app, or another timeout: sl_pg_for(c, pg, .query_ms = 200000). NULL when
 * out of memory, or for @p pg NULL. */
SL_API sl_pg *sl_pg_for_with(sl_ctx *c, sl_pg *pg, const sl_pg_for_options *options);

/* ---- Values ---- */

/** What an sl_pg_value holds. */
typedef enum sl_pg_kind {
    SL_PG_IS_NULL = 0,
    SL_PG_IS_INT,
    SL_PG_IS_UINT,
    SL_PG_IS_FLOAT,
    SL_PG_IS_BOOL,
    SL_PG_IS_TEXT,  /**< NULL: SQL's NULL */
    SL_PG_IS_BYTES, /**< bytea, or a text that is not terminated */
    SL_PG_IS_JSON,
    SL_PG_IS_WRONG, /**< a pointer that is none of these */
} sl_pg_kind;

/** A value for $1, $2, … The server decides what type it is read as: $1::int where that is open. */
typedef struct sl_pg_value {
    sl_pg_kind kind;
    size_t len; /**< SL_PG_IS_BYTES */
    union {
        int64_t i;
        uint64_t u;
        double f;
        bool b;
        const void *p;
    } as;
} sl_pg_value;

/** A whole number. */
static inline sl_pg_value sl_pg_of_int(int64_t i)
{
    sl_pg_value v = {SL_PG_IS_INT, 0, {0}};

    v.as.i = i;
    return v;
}
/** A whole number without a sign. */
static inline sl_pg_value sl_pg_of_uint(uint64_t u)
{
    sl_pg_value v = {SL_PG_IS_UINT, 0, {0}};

    v.as.u = u;
    return v;
}
/** A number. */
static inline sl_pg_value sl_pg_of_float(double f)
{
    sl_pg_value v = {SL_PG_IS_FLOAT, 0, {0}};

    v.as.f = f;
    return v;
}
/** True or false. */
static inline sl_pg_value sl_pg_of_bool(bool b)
{
    sl_pg_value v = {SL_PG_IS_BOOL, 0, {0}};

    v.as.b = b;
    return v;
}
/** A text; must stay until the call has returned. NULL: SQL's NULL. */
static inline sl_pg_value sl_pg_of_text(const char *text)
{
    sl_pg_value v = {SL_PG_IS_TEXT, 0, {0}};

    v.as.p = text;
    return v;
}
/** Octets; must stay until the call has returned. NULL: SQL's NULL. */
static inline sl_pg_value sl_pg_of_bytes(const void *bytes, size_t len)
{
    sl_pg_value v = {bytes ? SL_PG_IS_BYTES : SL_PG_IS_NULL, len, {0}};

    v.as.p = bytes;
    return v;
}
struct json_t;
/** A value of Jansson's, for json and jsonb; stays the caller's. NULL: SQL's NULL. */
static inline sl_pg_value sl_pg_of_json(const struct json_t *json)
{
    sl_pg_value v = {json ? SL_PG_IS_JSON : SL_PG_IS_NULL, 0, {0}};

    v.as.p = json;
    return v;
}
/** NULL itself; any other void pointer is refused when the query is made. */
static inline sl_pg_value sl_pg_of_pointer(const void *p)
{
    sl_pg_value v = {p ? SL_PG_IS_WRONG : SL_PG_IS_NULL, 0, {0}};

    return v;
}
/** NULL where a value of another type may stand: done_is_given ? sl_pg_of_bool(done) : SL_PG_NULL
 */
#define SL_PG_NULL sl_pg_of_pointer(NULL)
static inline sl_pg_value sl_pg_of_value(sl_pg_value v)
{
    return v;
}

/* ---- Queries ---- */

/*
 * In C and C++ use the short forms, with up to sixteen values of their own types: integers, double,
 * bool, text (NULL: SQL's NULL), json_t *, sl_pg_of_bytes(p, n), NULL:
 *
 *     sl_pg_query(c, &r, "insert into todo (title, done) values ($1, $2) returning id", title,
 * false) sl_pg_each(c, row, self, "select * from log where day = $1", day) sl_pg_transaction(c, fn,
 * self, .isolation = SL_PG_SERIALIZABLE, .retries = 3)
 *
 * where c may be an sl_pg * as well.
 */

/**
 * Runs one statement and waits for its end.
 *
 * @param ret     receives the result, on failure NULL; may be NULL
 * @param values  $1 and so on; must stay until the call has returned
 * @return        0, or a negative error:
 *   - what the server says: the negative of an SQLSTATE, for example -SL_PG_UNIQUE_VIOLATION;
 *     sl_pg_last_error() has the words
 *   - -SL_EOVERLOADED: no connection became free in wait_ms, or the queue is full
 *   - -ECONNREFUSED: there is no connection to the server. -ECONNRESET: it was lost during the
 *     query, of which nobody knows whether it was done (in a transaction: it was not)
 *   - -ETIMEDOUT: longer than query_ms; cancelled in the server
 *   - -ECANCELED: the client went away; cancelled in the server
 *   - -EINVAL: a void pointer, or what is no JSON, as a value. -ENOTSUP: COPY
 *   - -EDEADLK: not on a fiber. -ESHUTDOWN: the worker is ending. -ENOMEM
 *   Returned by a handler, what was asked for a request becomes 503 (no connection), 504 (time) or
 *   500, with the words in the log.
 */
SL_SUSPENDS SL_API int sl_pg_query_on(sl_pg *pg, sl_pg_result **ret, const char *sql,
                                      const sl_pg_value *values, size_t count);
SL_SUSPENDS SL_API int sl_pg_query_in_request(sl_ctx *c, sl_pg_result **ret, const char *sql,
                                              const sl_pg_value *values, size_t count);

/**
 * Runs a statement whose result is too large to be held: calls @p fn with one row at a time (row
 * 0), as they come. @p fn may wait, for example in sl_write(); the server is slowed down. What it
 * returns, if not 0, ends the query, which is cancelled in the server.
 *
 * @return 0; what @p fn returned; errors as above. The time is that between rows
 */
SL_SUSPENDS SL_API int sl_pg_each_on(sl_pg *pg, int (*fn)(sl_pg_result *row, void *self),
                                     void *self, const char *sql, const sl_pg_value *values,
                                     size_t count);
SL_SUSPENDS SL_API int sl_pg_each_in_request(sl_ctx *c, int (*fn)(sl_pg_result *row, void *self),
                                             void *self, const char *sql, const sl_pg_value *values,
                                             size_t count);

/** Runs a script: several commands, without values, by the simple protocol. For schemas and
 * migrations; outside a transaction it is one by itself unless it says otherwise. Errors as above.
 */
SL_SUSPENDS SL_API int sl_pg_script_on(sl_pg *pg, const char *sql);
SL_SUSPENDS SL_API int sl_pg_script_in_request(sl_ctx *c, const char *sql);

/** What a transaction sees of others (SQL's levels). */
typedef enum sl_pg_isolation {
    SL_PG_DEFAULT_ISOLATION = 0, /**< the server's default, normally read committed */
    SL_PG_READ_COMMITTED,
    SL_PG_REPEATABLE_READ,
    SL_PG_SERIALIZABLE,
} sl_pg_isolation;

/** Options of sl_pg_transaction(). */
typedef struct sl_pg_transaction_options {
    size_t size;               /**< sizeof(sl_pg_transaction_options), set by the macro */
    sl_pg_isolation isolation; /**< default: the server's */
    bool read_only;            /**< the server refuses to change anything */
    unsigned retries; /**< so many times more, if it failed by others' doing (serialization failure,
                         deadlock): fn must then be fit to run again. Default 0 */
} sl_pg_transaction_options;

/**
 * Runs @p fn with one connection in a transaction: committed if it returns 0 or more, rolled back
 * if it returns a negative error. Inside, @p tx takes the place of the pool; a transaction in it is
 * a savepoint. Commit and rollback are waited for although the client has gone.
 *
 * @return what @p fn returned; an error as above. After a lost connection or a time that was over
 *         every further query of @p tx fails alike. -SL_PG_IN_FAILED_TRANSACTION if @p fn
 *         succeeded although one of its queries had failed: it was rolled back
 */
SL_SUSPENDS SL_API int sl_pg_transaction_on(sl_pg *pg, int (*fn)(sl_pg *tx, void *self), void *self,
                                            const sl_pg_transaction_options *options);
SL_SUSPENDS SL_API int sl_pg_transaction_in_request(sl_ctx *c, int (*fn)(sl_pg *tx, void *self),
                                                    void *self,
                                                    const sl_pg_transaction_options *options);

/* ---- Errors ---- */

/** The error number of an SQLSTATE: SL_PG_STATE('2', '3', '5', '0', '5'); beyond all others. */
#define SL_PG_STATE(a, b, c, d, e)                                                                 \
    (0x40000000 | ((a) - '0') << 24 | ((b) - '0') << 18 | ((c) - '0') << 12 | ((d) - '0') << 6 |   \
     ((e) - '0'))

/** Those that programs tell apart (PostgreSQL, Appendix A). */
enum sl_pg_error_number {
    SL_PG_STRING_TOO_LONG = SL_PG_STATE('2', '2', '0', '0', '1'),
    SL_PG_OUT_OF_RANGE = SL_PG_STATE('2', '2', '0', '0', '3'),
    SL_PG_INVALID_TEXT = SL_PG_STATE('2', '2', 'P', '0', '2'),
    SL_PG_NOT_NULL_VIOLATION = SL_PG_STATE('2', '3', '5', '0', '2'),
    SL_PG_FOREIGN_KEY_VIOLATION = SL_PG_STATE('2', '3', '5', '0', '3'),
    SL_PG_UNIQUE_VIOLATION = SL_PG_STATE('2', '3', '5', '0', '5'),
    SL_PG_CHECK_VIOLATION = SL_PG_STATE('2', '3', '5', '1', '4'),
    SL_PG_EXCLUSION_VIOLATION = SL_PG_STATE('2', '3', 'P', '0', '1'),
    SL_PG_IN_FAILED_TRANSACTION = SL_PG_STATE('2', '5', 'P', '0', '2'),
    SL_PG_SERIALIZATION_FAILURE = SL_PG_STATE('4', '0', '0', '0', '1'),
    SL_PG_DEADLOCK_DETECTED = SL_PG_STATE('4', '0', 'P', '0', '1'),
    SL_PG_UNDEFINED_TABLE = SL_PG_STATE('4', '2', 'P', '0', '1'),
    SL_PG_LOCK_NOT_AVAILABLE = SL_PG_STATE('5', '5', 'P', '0', '3'),
    SL_PG_QUERY_CANCELED = SL_PG_STATE('5', '7', '0', '1', '4'),
};

/** What went wrong last. Texts are never NULL; "" where there is nothing to say. */
typedef struct sl_pg_error {
    const char *sqlstate; /**< "23505"; "" if the error was not the server's */
    const char *message;  /**< one line */
    const char *detail, *hint;
    const char *table, *column, *constraint; /**< whose constraint was violated */
    int position; /**< in the statement, counted in characters from 1; 0: none */
} sl_pg_error;

/** Of the pool that @p pg belongs to. Valid until the fiber waits. */
SL_API const sl_pg_error *sl_pg_last_error_on(const sl_pg *pg);
SL_API const sl_pg_error *sl_pg_last_error_in_request(const sl_ctx *c);

/* ---- Results ---- */

/** Number of rows, and of columns; 0 for NULL. */
SL_API int sl_pg_rows(const sl_pg_result *r);
SL_API int sl_pg_columns(const sl_pg_result *r);
/** Rows that an insert, update, delete or merge changed. */
SL_API int64_t sl_pg_affected(const sl_pg_result *r);
/** Name of a column, from 0; NULL if there is none. */
SL_API const char *sl_pg_name(const sl_pg_result *r, int column);
/** Number of the first column of this name, case told apart; -1 if there is none. */
SL_API int sl_pg_column(const sl_pg_result *r, const char *name);
/** The same, with a line in the log. */
SL_API int sl_pg_column_or_log(const sl_pg_result *r, const char *name);
static inline int sl_pg_column_number(const sl_pg_result *r, int column)
{
    (void)r;
    return column;
}

/*
 * Values, by sl_pg_text(r, row, column) and so on, where column is a name or a number. A row or
 * column that is not there, and a value that is not of the kind, is a mistake of the program: it is
 * logged, and the value is that of NULL: NULL, 0, false.
 */

/** Whether the value is SQL's NULL. */
SL_API bool sl_pg_is_null_at(const sl_pg_result *r, int row, int column);
/** The value as PostgreSQL writes it, whatever its type; NULL for NULL. Lives as long as the
 * result. */
SL_API const char *sl_pg_text_at(const sl_pg_result *r, int row, int column);
/** A whole number. */
SL_API int64_t sl_pg_int_at(const sl_pg_result *r, int row, int column);
SL_API double sl_pg_float_at(const sl_pg_result *r, int row, int column);
SL_API bool sl_pg_bool_at(const sl_pg_result *r, int row, int column);
/** Octets of a bytea, or of a text as it is. Decoded anew by every call; lives as long as the
 * result. NULL for NULL, and when out of memory. */
SL_API const void *sl_pg_bytes_at(sl_pg_result *r, int row, int column, size_t *ret_len);

/**
 * The rows as a JSON array of objects, one row as an object (a json_t * of Jansson's; these two
 * exist where Shallot was built with it). The caller's; NULL when out of memory.
 *
 * bool and numbers become such (a numeric whose digits a double would not hold, NaN and infinities:
 * strings), json and jsonb are taken as they are (nested deeper than 64: a string), timestamps have
 * ISO 8601's T; everything else is a string. Of columns of one name the last counts.
 */
SL_API struct json_t *sl_pg_json(const sl_pg_result *r);
SL_API struct json_t *sl_pg_json_row(const sl_pg_result *r, int row);

/** Frees a result before its time, or one that no request owns. NULL is fine. */
SL_API void sl_pg_free(sl_pg_result *r);

SL_END_DECLS

#ifndef __cplusplus
#define sl_pg_new(...) SL_PG_NEW_(__VA_ARGS__, .size = sizeof(sl_pg_options))
#define SL_PG_NEW_(app, ...) sl_pg_new_with(app, &(sl_pg_options){__VA_ARGS__})
#define sl_pg_for(c, ...) SL_PG_FOR_(c, __VA_ARGS__, .size = sizeof(sl_pg_for_options))
#define SL_PG_FOR_(c, pg, ...) sl_pg_for_with(c, pg, &(sl_pg_for_options){__VA_ARGS__})

/* One of two functions, by what comes first. */
#define SL_PG_ON_(on, name)                                                                        \
    _Generic((on), sl_ctx * : sl_pg_##name##_in_request, sl_pg * : sl_pg_##name##_on)

#define SL_PG_VALUE_(x)                                                                            \
    _Generic((x), bool                                                                             \
             : sl_pg_of_bool, signed char                                                          \
             : sl_pg_of_int, short                                                                 \
             : sl_pg_of_int, int                                                                   \
             : sl_pg_of_int, long                                                                  \
             : sl_pg_of_int, long long                                                             \
             : sl_pg_of_int, unsigned char                                                         \
             : sl_pg_of_uint, unsigned short                                                       \
             : sl_pg_of_uint, unsigned                                                             \
             : sl_pg_of_uint, unsigned long                                                        \
             : sl_pg_of_uint, unsigned long long                                                   \
             : sl_pg_of_uint, float                                                                \
             : sl_pg_of_float, double                                                              \
             : sl_pg_of_float, char *                                                              \
             : sl_pg_of_text, const char *                                                         \
             : sl_pg_of_text, struct json_t *                                                      \
             : sl_pg_of_json, const struct json_t *                                                \
             : sl_pg_of_json, void *                                                               \
             : sl_pg_of_pointer, sl_pg_value                                                       \
             : sl_pg_of_value)(x)

/* The statement, an array of its values, and how many: for up to sixteen. */
#define SL_PG_VALUES_1_(a) SL_PG_VALUE_(a)
#define SL_PG_VALUES_2_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_1_(__VA_ARGS__)
#define SL_PG_VALUES_3_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_2_(__VA_ARGS__)
#define SL_PG_VALUES_4_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_3_(__VA_ARGS__)
#define SL_PG_VALUES_5_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_4_(__VA_ARGS__)
#define SL_PG_VALUES_6_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_5_(__VA_ARGS__)
#define SL_PG_VALUES_7_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_6_(__VA_ARGS__)
#define SL_PG_VALUES_8_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_7_(__VA_ARGS__)
#define SL_PG_VALUES_9_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_8_(__VA_ARGS__)
#define SL_PG_VALUES_10_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_9_(__VA_ARGS__)
#define SL_PG_VALUES_11_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_10_(__VA_ARGS__)
#define SL_PG_VALUES_12_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_11_(__VA_ARGS__)
#define SL_PG_VALUES_13_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_12_(__VA_ARGS__)
#define SL_PG_VALUES_14_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_13_(__VA_ARGS__)
#define SL_PG_VALUES_15_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_14_(__VA_ARGS__)
#define SL_PG_VALUES_16_(a, ...) SL_PG_VALUE_(a), SL_PG_VALUES_15_(__VA_ARGS__)
#define SL_PG_ARGS_0_(sql) sql, NULL, 0
#define SL_PG_ARGS_1_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_1_(__VA_ARGS__)}, 1
#define SL_PG_ARGS_2_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_2_(__VA_ARGS__)}, 2
#define SL_PG_ARGS_3_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_3_(__VA_ARGS__)}, 3
#define SL_PG_ARGS_4_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_4_(__VA_ARGS__)}, 4
#define SL_PG_ARGS_5_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_5_(__VA_ARGS__)}, 5
#define SL_PG_ARGS_6_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_6_(__VA_ARGS__)}, 6
#define SL_PG_ARGS_7_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_7_(__VA_ARGS__)}, 7
#define SL_PG_ARGS_8_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_8_(__VA_ARGS__)}, 8
#define SL_PG_ARGS_9_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_9_(__VA_ARGS__)}, 9
#define SL_PG_ARGS_10_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_10_(__VA_ARGS__)}, 10
#define SL_PG_ARGS_11_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_11_(__VA_ARGS__)}, 11
#define SL_PG_ARGS_12_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_12_(__VA_ARGS__)}, 12
#define SL_PG_ARGS_13_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_13_(__VA_ARGS__)}, 13
#define SL_PG_ARGS_14_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_14_(__VA_ARGS__)}, 14
#define SL_PG_ARGS_15_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_15_(__VA_ARGS__)}, 15
#define SL_PG_ARGS_16_(sql, ...) sql, (const sl_pg_value[]){SL_PG_VALUES_16_(__VA_ARGS__)}, 16
#define SL_PG_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, name, ...) name
#define SL_PG_ARGS_(...)                                                                           \
    SL_PG_PICK_(__VA_ARGS__, SL_PG_ARGS_16_, SL_PG_ARGS_15_, SL_PG_ARGS_14_, SL_PG_ARGS_13_,       \
                SL_PG_ARGS_12_, SL_PG_ARGS_11_, SL_PG_ARGS_10_, SL_PG_ARGS_9_, SL_PG_ARGS_8_,      \
                SL_PG_ARGS_7_, SL_PG_ARGS_6_, SL_PG_ARGS_5_, SL_PG_ARGS_4_, SL_PG_ARGS_3_,         \
                SL_PG_ARGS_2_, SL_PG_ARGS_1_, SL_PG_ARGS_0_, 0)                                    \
    (__VA_ARGS__)

#define sl_pg_query(on, ret, ...) SL_PG_ON_(on, query)(on, ret, SL_PG_ARGS_(__VA_ARGS__))
#define sl_pg_each(on, fn, self, ...) SL_PG_ON_(on, each)(on, fn, self, SL_PG_ARGS_(__VA_ARGS__))
#define sl_pg_script(on, sql) SL_PG_ON_(on, script)(on, sql)
/** sl_pg_transaction(on, fn, self), with options behind if wanted: sl_pg_transaction_on() or, with
 * the sl_ctx of a request, sl_pg_transaction_in_request(). */
#define sl_pg_transaction(on, fn, ...)                                                             \
    SL_PG_TRANSACTION_(on, fn, __VA_ARGS__, .size = sizeof(sl_pg_transaction_options))
#define SL_PG_TRANSACTION_(on, fn, self, ...)                                                      \
    SL_PG_ON_(on, transaction)(on, fn, self, &(sl_pg_transaction_options){__VA_ARGS__})
#define sl_pg_last_error(on)                                                                       \
    _Generic((on), sl_ctx *                                                                        \
             : sl_pg_last_error_in_request, const sl_ctx *                                         \
             : sl_pg_last_error_in_request, default                                                \
             : sl_pg_last_error_on)(on)

#define SL_PG_COLUMN_(r, column)                                                                   \
    _Generic((column), char *                                                                      \
             : sl_pg_column_or_log, const char *                                                   \
             : sl_pg_column_or_log, default                                                        \
             : sl_pg_column_number)(r, column)
#define sl_pg_is_null(r, row, column) sl_pg_is_null_at(r, row, SL_PG_COLUMN_(r, column))
#define sl_pg_text(r, row, column) sl_pg_text_at(r, row, SL_PG_COLUMN_(r, column))
#define sl_pg_int(r, row, column) sl_pg_int_at(r, row, SL_PG_COLUMN_(r, column))
#define sl_pg_float(r, row, column) sl_pg_float_at(r, row, SL_PG_COLUMN_(r, column))
#define sl_pg_bool(r, row, column) sl_pg_bool_at(r, row, SL_PG_COLUMN_(r, column))
#define sl_pg_bytes(r, row, column, ret_len)                                                       \
    sl_pg_bytes_at(r, row, SL_PG_COLUMN_(r, column), ret_len)
#else
inline sl_pg *sl_pg_new(sl_app *app, sl_pg_options o = {})
{
    o.size = sizeof o;
    return sl_pg_new_with(app, &o);
}
inline sl_pg *sl_pg_for(sl_ctx *c, sl_pg *pg, sl_pg_for_options o = {})
{
    o.size = sizeof o;
    return sl_pg_for_with(c, pg, &o);
}
inline sl_pg_value sl_pg_value_of(bool v)
{
    return sl_pg_of_bool(v);
}
inline sl_pg_value sl_pg_value_of(int v)
{
    return sl_pg_of_int(v);
}
inline sl_pg_value sl_pg_value_of(long v)
{
    return sl_pg_of_int(v);
}
inline sl_pg_value sl_pg_value_of(long long v)
{
    return sl_pg_of_int(v);
}
inline sl_pg_value sl_pg_value_of(unsigned v)
{
    return sl_pg_of_uint(v);
}
inline sl_pg_value sl_pg_value_of(unsigned long v)
{
    return sl_pg_of_uint(v);
}
inline sl_pg_value sl_pg_value_of(unsigned long long v)
{
    return sl_pg_of_uint(v);
}
inline sl_pg_value sl_pg_value_of(double v)
{
    return sl_pg_of_float(v);
}
inline sl_pg_value sl_pg_value_of(char *v)
{
    return sl_pg_of_text(v);
}
inline sl_pg_value sl_pg_value_of(const char *v)
{
    return sl_pg_of_text(v);
}
inline sl_pg_value sl_pg_value_of(json_t *v)
{
    return sl_pg_of_json(v);
}
inline sl_pg_value sl_pg_value_of(const json_t *v)
{
    return sl_pg_of_json(v);
}
inline sl_pg_value sl_pg_value_of(sl_pg_value v)
{
    return sl_pg_of_value(v);
}
inline sl_pg_value sl_pg_value_of(decltype(nullptr))
{
    return sl_pg_of_pointer(nullptr);
}
template <typename T> sl_pg_value sl_pg_value_of(T *) = delete; /* else it would be a bool */

#define SL_PG_ON_(on, in)                                                                          \
    template <typename... V>                                                                       \
    inline int sl_pg_query(on, sl_pg_result **ret, const char *sql, V... v)                        \
    {                                                                                              \
        const sl_pg_value list[sizeof...(v) + 1] = {sl_pg_value_of(v)...};                         \
        return sl_pg_query_##in(where, ret, sql, list, sizeof...(v));                              \
    }                                                                                              \
    template <typename... V>                                                                       \
    inline int sl_pg_each(on, int (*fn)(sl_pg_result *, void *), void *self, const char *sql,      \
                          V... v)                                                                  \
    {                                                                                              \
        const sl_pg_value list[sizeof...(v) + 1] = {sl_pg_value_of(v)...};                         \
        return sl_pg_each_##in(where, fn, self, sql, list, sizeof...(v));                          \
    }                                                                                              \
    inline int sl_pg_script(on, const char *sql)                                                   \
    {                                                                                              \
        return sl_pg_script_##in(where, sql);                                                      \
    }                                                                                              \
    inline int sl_pg_transaction(on, int (*fn)(sl_pg *, void *), void *self,                       \
                                 sl_pg_transaction_options o = {})                                 \
    {                                                                                              \
        o.size = sizeof o;                                                                         \
        return sl_pg_transaction_##in(where, fn, self, &o);                                        \
    }                                                                                              \
    inline const sl_pg_error *sl_pg_last_error(const on)                                           \
    {                                                                                              \
        return sl_pg_last_error_##in(where);                                                       \
    }
SL_PG_ON_(sl_pg *where, on)
SL_PG_ON_(sl_ctx *where, in_request)
#undef SL_PG_ON_

#define SL_PG_GET_(type, name)                                                                     \
    inline type name(const sl_pg_result *r, int row, int column)                                   \
    {                                                                                              \
        return name##_at(r, row, column);                                                          \
    }                                                                                              \
    inline type name(const sl_pg_result *r, int row, const char *column)                           \
    {                                                                                              \
        return name##_at(r, row, sl_pg_column_or_log(r, column));                                  \
    }
SL_PG_GET_(bool, sl_pg_is_null)
SL_PG_GET_(const char *, sl_pg_text)
SL_PG_GET_(int64_t, sl_pg_int)
SL_PG_GET_(double, sl_pg_float)
SL_PG_GET_(bool, sl_pg_bool)
#undef SL_PG_GET_
inline const void *sl_pg_bytes(sl_pg_result *r, int row, int column, size_t *ret_len)
{
    return sl_pg_bytes_at(r, row, column, ret_len);
}
inline const void *sl_pg_bytes(sl_pg_result *r, int row, const char *column, size_t *ret_len)
{
    return sl_pg_bytes_at(r, row, sl_pg_column_or_log(r, column), ret_len);
}
#endif

#endif
