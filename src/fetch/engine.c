/*
 * The worker's engine: one multi handle of libcurl for everything the worker fetches, so that
 * connections, names and TLS sessions are kept in one place.
 *
 * Transfers come in from fibers, which start and stop handles. libcurl asks for descriptors to be
 * watched and for one timer; the loop comes in with their events, which go to
 * curl_multi_socket_action(), and what has ended is told to its transfer. No fiber ever runs inside
 * libcurl's callbacks: they only note things and wake.
 */
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <shallot/loop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT_MAX 256L /* connections kept, of all hosts together */
#define MEND_MS 20

struct fetch__engine {
    CURLM *multi;
    sl_timer *timer;
    sl_timer *mend;     /* libcurl had no memory to say which descriptors it waits for */
    sl_watch **watches; /* by descriptor, so that one that is closed unasked is found */
    size_t watch_room;
};

static struct fetch__engine *engine; /* a process has one worker at most, and that one app */

static void tell_ended(struct fetch__engine *e)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(e->multi, &left))) {
        struct fetch__transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        fetch__transfer_done(t, m->data.result);
    }
}

static void act(struct fetch__engine *e, curl_socket_t fd, int events)
{
    int running;

    if (curl_multi_socket_action(e->multi, fd, events, &running) != CURLM_OK)
        sl_timer_start(e->mend, MEND_MS);
    tell_ended(e);
}

/* libcurl does not say which transfer it had no memory for, and would never come back to it. Out of
 * use for other purposes, this makes it look at all of them anew. */
static void on_mend(sl_timer *timer, void *arg)
{
    struct fetch__engine *e = arg;
    int running;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    if (curl_multi_socket_all(e->multi, &running) != CURLM_OK)
        sl_timer_start(timer, MEND_MS);
#pragma GCC diagnostic pop
    tell_ended(e);
}

static void on_event(sl_watch *w, int events, void *arg)
{
    int mask = 0;

    (void)w;
    if (events & (POLLIN | POLLHUP))
        mask |= CURL_CSELECT_IN;
    if (events & POLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & POLLERR)
        mask |= CURL_CSELECT_ERR;
    act(engine, (curl_socket_t)(intptr_t)arg, mask);
}

static void on_timer(sl_timer *t, void *arg)
{
    (void)t;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void forget(struct fetch__engine *e, curl_socket_t fd)
{
    if (fd < 0 || (size_t)fd >= e->watch_room)
        return;
    sl_watch_free(e->watches[fd]);
    e->watches[fd] = NULL;
}

static int make_room(struct fetch__engine *e, size_t fd)
{
    size_t room = e->watch_room > 0 ? e->watch_room : 64;
    sl_watch **watches;

    if (fd < e->watch_room)
        return 0;
    while (room <= fd)
        room *= 2;
    watches = realloc(e->watches, room * sizeof *watches);
    if (!watches)
        return -ENOMEM;
    memset(watches + e->watch_room, 0, (room - e->watch_room) * sizeof *watches);
    e->watches = watches;
    e->watch_room = room;
    return 0;
}

static int watch(struct fetch__engine *e, curl_socket_t fd, int events)
{
    if (make_room(e, (size_t)fd) < 0)
        return -ENOMEM;
    if (e->watches[fd])
        return sl_watch_set(e->watches[fd], events);
    e->watches[fd] = sl_watch_new(fd, events, on_event, (void *)(intptr_t)fd);
    return e->watches[fd] ? 0 : -ENOMEM;
}

/* An error returned here would end all transfers of the worker; so the one concerned is told. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetch__engine *e = arg;
    struct fetch__transfer *t = NULL;
    int events = 0;

    (void)socket_arg;
    if (what == CURL_POLL_REMOVE) {
        forget(e, fd);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= POLLIN;
    if (what & CURL_POLL_OUT)
        events |= POLLOUT;
    if (watch(e, fd, events) < 0) {
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
        if (t)
            fetch__transfer_starved(t);
    }
    return 0;
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct fetch__engine *e = arg;

    (void)multi;
    if (ms < 0)
        sl_timer_stop(e->timer);
    else
        sl_timer_start(e->timer, (unsigned)ms);
    return 0;
}

/* Programs that the worker starts must not inherit it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)arg;
    (void)purpose;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The watch goes before the descriptor does, whatever libcurl has said. */
static int close_socket(void *arg, curl_socket_t fd)
{
    forget(arg, fd);
    return close(fd);
}

static void engine_free(struct fetch__engine *e)
{
    if (e->multi)
        curl_multi_cleanup(e->multi);
    for (size_t fd = 0; fd < e->watch_room; fd++)
        sl_watch_free(e->watches[fd]);
    free(e->watches);
    sl_timer_free(e->timer);
    sl_timer_free(e->mend);
    free(e);
    curl_global_cleanup();
}

static void on_end(sl_app *app, void *self)
{
    (void)app;
    engine = NULL;
    engine_free(self);
}

static void set_up_multi(struct fetch__engine *e)
{
    curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
    curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
    curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
    curl_multi_setopt(e->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

struct fetch__engine *fetch__engine_of(sl_app *app)
{
    struct fetch__engine *e = engine;

    if (e)
        return e;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    e = calloc(1, sizeof *e);
    if (!e) {
        curl_global_cleanup();
        return NULL;
    }
    e->timer = sl_timer_new(on_timer, e);
    e->mend = sl_timer_new(on_mend, e);
    e->multi = e->timer && e->mend ? curl_multi_init() : NULL;
    if (!e->multi || sl_on_end(app, on_end, e) < 0) {
        engine_free(e);
        return NULL;
    }
    set_up_multi(e);
    return engine = e;
}

/* What is the same for every request. */
static CURLcode set_up(struct fetch__engine *e, CURL *easy)
{
    CURLcode r = CURLE_OK;

#define SET(option, value)                                                                         \
    if (r == CURLE_OK)                                                                             \
    r = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* else who stops waits for the resolver's thread */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, e);
#undef SET
    return r;
}

CURL *fetch__engine_handle(struct fetch__engine *e)
{
    CURL *easy = curl_easy_init(); /* one that is reset is not what it was, if memory was short */

    if (easy && set_up(e, easy) != CURLE_OK) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

int fetch__engine_start(struct fetch__engine *e, CURL *easy)
{
    return curl_multi_add_handle(e->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void fetch__engine_stop(struct fetch__engine *e, CURL *easy)
{
    if (e == engine) /* else it was stopped when the worker ended */
        curl_multi_remove_handle(e->multi, easy);
}
