/*
 * The app: made once in main(), given its middleware and routes, then listening. main() runs in the
 * master and again in every worker (each is the same program), so everything before sl_listen()
 * must be fit to run in all of them.
 */
#ifndef SHALLOT_APP_H
#define SHALLOT_APP_H

#include <shallot/common.h>
#include <shallot/limits.h>

SL_BEGIN_DECLS

/** How the program serves. */
typedef enum sl_mode {
    SL_PRODUCTION = 0,  /**< the default */
    SL_DEVELOPMENT = 1, /**< one worker; the tree is watched and every change swaps the worker */
} sl_mode;

/** Form of the log's lines. */
typedef enum sl_log_form {
    SL_LOG_TEXT = 0, /**< for people; the default */
    SL_LOG_JSON = 1, /**< one JSON object a line */
} sl_log_form;
/** For sl_options.watchdog_ms: none. */
#define SL_NO_WATCHDOG ((unsigned)-1)

/** Options of sl_new(); a field left zero takes its default. Strings are copied. */
typedef struct sl_options {
    size_t size;      /**< sizeof(sl_options), set by the macro: lets the struct grow */
    int instances;    /**< number of workers, at most 256; 0: one for each CPU this process may use.
                         Env: SHALLOT_INSTANCES */
    sl_mode mode;     /**< Env: SHALLOT_MODE=development|production */
    bool standalone;  /**< serve in this process, without a master; development mode overrides it */
    const char *name; /**< for process titles and logs; default: the program's file name */
    const char *build; /**< development: shell command run before each swap; default: none */
    const char
        *watch; /**< development: folder to watch, with all below it; default: the current one */
    unsigned
        drain_ms; /**< requests in flight may take this long when a worker leaves. Default 30,000 */
    unsigned grace_ms;   /**< on a stop, kept idle connections get this long for one more request.
                            Default 1,000 */
    unsigned ready_ms;   /**< a new worker must be ready within this. Default 30,000 */
    const char *control; /**< path of the control socket, "off" for none; default: in
                            $XDG_RUNTIME_DIR/shallot, else /run/shallot for root, else
                            /tmp/shallot-UID. Env: SHALLOT_CONTROL */
    unsigned health_ms;  /**< new code must stay up this long, all its workers ready, before the old
                            is told to leave. Default 200, in development 50 */
    const char *ready_path; /**< a new worker asks itself GET this until the answer is 2xx, before
                               it is ready and takes connections; default: not asked */
    bool rolling;           /**< in a reload workers come and go one by one, not all at once */
    uint64_t max_requests;  /**< a worker that has answered about so many is replaced; 0: never */
    uint64_t
        max_rss; /**< a worker whose resident memory exceeds so many octets is replaced; 0: never */
    bool affinity;     /**< each worker keeps to one of the CPUs this process may use */
    const char *user;  /**< whom to become, by name or number, once the listeners are open; default:
                          as  started */
    const char *group; /**< default: the user's */
    const char *pid_file;   /**< file for the master's PID; default: none */
    sl_log_form log;        /**< Env: SHALLOT_LOG=text|json */
    unsigned watchdog_ms;   /**< a worker that does not come back from one tick of its loop within
                               this is  ended, reported with its stack, and replaced. Default 30,000;
                               SL_NO_WATCHDOG: none */
    const char *crash_dir;  /**< where crash reports are kept; "": nowhere. Default: shallot/crashes
                               in $XDG_STATE_HOME, /var/lib (root) or ~/.local/state. Env:
                               SHALLOT_CRASH_DIR */
    unsigned crash_reports; /**< so many are kept of this name. Default 50 */
    sl_limits limits;       /**< what clients can push against */
    void *data;             /**< see sl_data() */
    bool no_pages; /**< development: errors stay plain text for browsers too, and HTML answers are
                      left alone. Env: SHALLOT_PAGES=off */
} sl_options;

/** In sl_endpoint.port: let the kernel choose; all workers share the port, sl_url() tells it. */
#define SL_PORT_ANY (-1)

/** Where to listen. The environment variables HOST and PORT replace host and port of the first
 * endpoint. */
typedef struct sl_endpoint {
    size_t size;           /**< sizeof(sl_endpoint), set by the macro */
    int port;              /**< 1 to 65535 or SL_PORT_ANY; 0: 9090 */
    const char *host;      /**< numeric IPv4 or IPv6 address or a name; default 0.0.0.0 */
    const char *unix_path; /**< a unix socket instead of TCP; a stale file is replaced, a live one
                              is an error */
    int backlog;           /**< default: the system's limit (net.core.somaxconn) */
    /** Called in each worker once it accepts connections. */
    void (*on_listening)(sl_app *app);
} sl_endpoint;

/**
 * Makes an app. @return the app, owned by the caller (sl_free()); aborts when out of memory.
 * In C use the macro sl_new(.instances = 2).
 */
SL_API sl_app *sl_new_with(const sl_options *options);

/** Frees the app, its middleware and routers' tables. NULL is fine. Not while sl_run() runs. */
SL_API void sl_free(sl_app *app);

/** Appends a layer to the onion: run before and after everything added later. 0 or -ENOMEM. */
SL_API int sl_use_middleware(sl_app *app, sl_middleware m);
SL_API int sl_use_handler(sl_app *app, sl_handler *handler);

/** Adds a listener; several are possible. Strings are copied. 0, or a negative error for an
 * impossible address. */
SL_API int sl_bind_to(sl_app *app, const sl_endpoint *endpoint);

/**
 * Serves until told to stop. In the process the user started this is the master, which starts the
 * workers; in a worker it serves. @return the exit status for main(): 0 after a clean stop, 1 after
 * an error, which has been printed.
 */
SL_API int sl_run(sl_app *app);

/** sl_bind_to() and sl_run() in one. @return as sl_run(); 1 for an impossible address, too. */
SL_API int sl_listen_on(sl_app *app, const sl_endpoint *endpoint);

/** URL of the i-th listener (from 0), for example "http://0.0.0.0:9090"; NULL if there is none or
 * it is not open yet. */
SL_API const char *sl_url(const sl_app *app, size_t i);

/** Mode in force, after environment and tool had their say. */
SL_API sl_mode sl_mode_of(const sl_app *app);

/** Called in each worker on a fiber (may wait), after it has joined and before it accepts; a
 * negative return ends the worker. Cancelled if the worker is to leave meanwhile. */
SL_API int sl_on_start(sl_app *app, int (*fn)(sl_app *app, void *self), void *self);

/** Called in each worker on a fiber (may wait) when it has drained, in reverse order of
 * registration. Not if its start callbacks have not all run. 0; -EINVAL; -ENOMEM. */
SL_API int sl_on_stop(sl_app *app, void (*fn)(sl_app *app, void *self), void *self);

/** Calls @p fn in each worker every @p ms milliseconds, on a fiber; a run that is still going when
 * the next is due is not overlapped. 0; -EINVAL for 0 ms; -ENOMEM. */
SL_API int sl_every(sl_app *app, unsigned ms, void (*fn)(sl_app *app, void *self), void *self);

/** The app's own pointer, for state that handlers need. */
SL_API void *sl_data(const sl_app *app);
SL_API void sl_set_data(sl_app *app, void *data);

/**
 * Keeps a value under a key, for libraries that have something to keep with the app. An earlier
 * value of the key is freed. While main() runs.
 *
 * @param key   copied
 * @param free  called with the value when it is replaced or the app is freed; may be NULL
 * @return      0 or -ENOMEM (then @p value has been freed)
 */
SL_API int sl_set_app_state(sl_app *app, const char *key, void *value, void (*free)(void *value));

/** The value kept under @p key, or NULL. */
SL_API void *sl_app_state(const sl_app *app, const char *key);

/** Says in one line of the log why the app cannot serve: sl_run() will not. For constructors that
 * were asked for the impossible. While main() runs. @return -EINVAL */
SL_API int sl_refuse(sl_app *app, const char *fmt, ...) SL_PRINTF(2, 3);

SL_END_DECLS

#ifndef __cplusplus
#define sl_new(...) sl_new_with(&(sl_options){.size = sizeof(sl_options), __VA_ARGS__})
#define sl_bind(...) SL_ENDPOINT_CALL_(sl_bind_to, __VA_ARGS__, .size = sizeof(sl_endpoint))
#define sl_listen(...) SL_ENDPOINT_CALL_(sl_listen_on, __VA_ARGS__, .size = sizeof(sl_endpoint))
#define SL_ENDPOINT_CALL_(fn, app, ...) fn(app, &(sl_endpoint){__VA_ARGS__})

/** sl_use(app, handler) or sl_use(app, middleware value), for example sl_use(app,
 * sl_routes(router)). */
#define sl_use(app, ...)                                                                           \
    _Generic((__VA_ARGS__), sl_middleware                                                          \
             : sl_use_middleware, default                                                          \
             : sl_use_handler)(app, __VA_ARGS__)
#else
inline sl_app *sl_new(sl_options o = {})
{
    o.size = sizeof o;
    return sl_new_with(&o);
}
inline int sl_bind(sl_app *app, sl_endpoint e = {})
{
    e.size = sizeof e;
    return sl_bind_to(app, &e);
}
inline int sl_listen(sl_app *app, sl_endpoint e = {})
{
    e.size = sizeof e;
    return sl_listen_on(app, &e);
}
inline int sl_use(sl_app *app, sl_middleware m)
{
    return sl_use_middleware(app, m);
}
inline int sl_use(sl_app *app, sl_handler *h)
{
    return sl_use_handler(app, h);
}
#endif

#endif
