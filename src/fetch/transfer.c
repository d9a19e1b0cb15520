/*
 * A transfer: the fiber that waits for an answer on one side, libcurl's callbacks on the other.
 *
 * The fiber comes in to wait for the head, to read, to give up. The callbacks come from the loop by
 * way of engine.c: they collect lines and octets, and pause libcurl when enough of a stream's body
 * waits to be read. What is not read stays with the kernel, and so with the other side.
 */
#include "transfer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

int64_t fetch__now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void moved(struct fetch__transfer *t)
{
    t->progress = fetch__now();
    sl_waiter_wake(&t->waiter);
}

/* A redirect that libcurl will follow, or fail because there were too many. */
static bool goes_on(const struct fetch__transfer *t)
{
    int s = t->head.status;

    return t->follow > 0 && (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
           fetch__head_find(t->head.list, t->head.count, "Location");
}

static size_t take_line(char *line, size_t size, size_t count, void *arg)
{
    struct fetch__transfer *t = arg;
    size_t len = size * count;
    int r;

    if (t->head_done) /* trailers */
        return len;
    r = fetch__head_line(&t->head, line, len);
    if (r < 0) {
        fetch__say(t, r, "the answer's head is %s",
                   r == -EPROTO ? "no HTTP, or too large" : "more than there is memory for");
        return 0;
    }
    if (r == FETCH__LINE_END && !goes_on(t)) {
        t->head_done = true;
        moved(t);
    }
    return len;
}

static size_t buffered(const struct fetch__transfer *t)
{
    return t->in_end - t->in_at;
}

/* Room for so much behind what is there, and for a NUL. */
static int make_room(struct fetch__transfer *t, size_t len)
{
    size_t need = t->in_end + len + 1, room = t->in_room > 0 ? t->in_room : 4096;
    char *in;

    if (t->in_at > 0) {
        memmove(t->in, t->in + t->in_at, buffered(t));
        t->in_end -= t->in_at;
        need -= t->in_at;
        t->in_at = 0;
    }
    if (need <= t->in_room)
        return 0;
    while (room < need)
        room *= 2;
    in = realloc(t->in, room);
    if (!in)
        return -ENOMEM;
    t->in = in;
    t->in_room = room;
    return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch__transfer *t = arg;
    size_t len = size * count;

    t->head_done = true;
    if (t->whole && len > t->in_limit - t->in_end) {
        fetch__say(t, -EMSGSIZE, "the answer is longer than %zu octets", t->in_limit);
        return CURL_WRITEFUNC_ERROR;
    }
    if (!t->whole && buffered(t) > 0 && buffered(t) + len > FETCH__IN_MOST) {
        t->in_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (make_room(t, len) < 0) {
        fetch__say(t, -ENOMEM, "out of memory");
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(t->in + t->in_end, bytes, len);
    t->in_end += len;
    moved(t);
    return len;
}

/* The request is about to be sent. libcurl repeats one whose kept connection turns out to be
 * closed; the other side may have seen it before, so that is only for what is idempotent. */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct fetch__transfer *t = arg;
    long redirects = 0;

    (void)ip, (void)local_ip, (void)port, (void)local_port;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (t->attempts++ > (unsigned long)redirects && !t->idempotent) {
        fetch__say(t, -ECONNRESET,
                   "the connection broke before the answer; not sent again, as it may have been "
                   "carried out");
        return CURL_PREREQFUNC_ABORT;
    }
    moved(t);
    return CURL_PREREQFUNC_OK;
}

void fetch__transfer_listen(struct fetch__transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
}

void fetch__transfer_done(struct fetch__transfer *t, CURLcode code)
{
    t->done = true;
    t->code = code;
    sl_waiter_wake(&t->waiter);
}

void fetch__transfer_starved(struct fetch__transfer *t)
{
    fetch__say(t, -ENOMEM, "out of memory");
    sl_waiter_wake(&t->waiter);
}

/* The other side has everything it needs: it is its turn. */
static bool is_their_turn(const struct fetch__transfer *t)
{
    return !t->pump || t->out_ended || t->out_at < t->out_end;
}

static int start_pump(struct fetch__transfer *t)
{
    if (!t->out_wanted || t->pump)
        return 0;
    t->out = malloc(FETCH__OUT_ROOM);
    if (t->out)
        t->pump = sl_spawn_in_app(t->app, fetch__pump, t);
    return t->pump ? 0 : fetch__say(t, -ENOMEM, "no memory or no fiber for its body");
}

/* Waits until something may have changed, or for too long. */
static int await_change(struct fetch__transfer *t)
{
    int64_t now = fetch__now(), silent = t->progress + t->idle_ms, until = t->deadline, left;
    int r = start_pump(t);

    if (r < 0)
        return r;
    if (is_their_turn(t) && silent < until)
        until = silent;
    left = until - now;
    if (until == INT64_MAX)
        r = sl_waiter_wait(&t->waiter, -1);
    else
        r = left > 0 ? sl_waiter_wait(&t->waiter, left < INT_MAX ? (int)left : INT_MAX)
                     : -ETIMEDOUT;
    if (r != -ETIMEDOUT)
        return r;
    now = fetch__now();
    if (now >= t->deadline)
        return fetch__say(t, r, "no answer in time");
    if (is_their_turn(t) && now >= t->progress + t->idle_ms)
        return fetch__say(t, r, "nothing came for %u ms", t->idle_ms);
    return 0;
}

static bool is_there(const struct fetch__transfer *t)
{
    return t->whole ? t->done : t->head_done;
}

int fetch__transfer_await(struct fetch__transfer *t)
{
    int r = fetch__outcome(t);

    while (r == -EAGAIN && !is_there(t)) {
        r = await_change(t);
        if (r < 0 && r != -ETIMEDOUT)
            return r;
        r = fetch__outcome(t);
    }
    if (r < 0 && r != -EAGAIN)
        return r;
    if (t->head.status < 200 || t->head.status > 599)
        return fetch__say(t, -EPROTO, "the status %d is none", t->head.status);
    return 0;
}

ssize_t fetch__transfer_read(struct fetch__transfer *t, void *buf, size_t len)
{
    for (;;) {
        size_t n = buffered(t);
        int r;

        if (n > 0) {
            n = n < len ? n : len;
            memcpy(buf, t->in + t->in_at, n);
            t->in_at += n;
            return (ssize_t)n;
        }
        r = fetch__outcome(t);
        if (r != -EAGAIN)
            return r;
        t->in_at = t->in_end = 0;
        t->progress = fetch__now();
        if (t->in_paused) {
            t->in_paused = false;
            fetch__resume(t);
        }
        while (r == -EAGAIN && buffered(t) == 0) {
            r = await_change(t);
            if (r == -ECANCELED || r == -EBUSY || r == -EDEADLK)
                return r;
            r = fetch__outcome(t);
        }
    }
}

static int join(void *task)
{
    return sl_join(task);
}

void fetch__transfer_stop(struct fetch__transfer *t)
{
    if (!t->done && !t->failed)
        t->failed = -ECANCELED;
    if (t->pump) {
        sl_cancel(t->pump);
        sl_shield(join, t->pump); /* it uses what is freed below */
        t->pump = NULL;
    }
    if (t->started)
        fetch__engine_stop(t->engine, t->easy);
    t->started = false;
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
    curl_slist_free_all(t->lines);
    t->lines = NULL;
    free(t->out);
    t->out = NULL;
}

void fetch__transfer_finish(struct fetch__transfer *t)
{
    fetch__transfer_stop(t);
    fetch__head_finish(&t->head);
    free(t->in);
    free(t->label);
    free(t->url);
    free(t->error);
    t->in = t->label = t->url = t->error = NULL;
    t->in_at = t->in_end = 0;
}
