/*
 * The traffic: so many requests a second, evenly, whether or not the ones before have been
 * answered; half of them on connections that are kept, half on new ones.
 *
 * Scenarios come in to let time pass. The loop hears clients, the program's output and its end, all
 * through struct watch. Time in which the tool itself was not run, on a busy machine, is not the
 * program's: it is left out of latencies and of the longest gap.
 */
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define PATIENCE (10 * SECOND) /* for one answer */
#define CLIENTS_MAX 2000       /* at once; nobody answers any more */
#define KEPT 16                /* kept connections, as long as they are enough */
#define LATE (4 * MS)          /* later than this, the machine was busy with others */

int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

char *request_text(const char *path, bool keep)
{
    char *text;

    if (asprintf(&text,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: shallot-verify\r\n%s\r\n", path,
                 keep ? "" : "Connection: close\r\n") < 0)
        return NULL;
    return text;
}

int traffic_init(struct traffic *t, const struct verify_options *o, volatile int *interrupted)
{
    *t = (struct traffic){.rate = o->rate, .interrupted = interrupted};
    t->idle_last = &t->idle;
    t->keep = request_text(o->path, true);
    t->close = request_text(o->path, false);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    return t->keep && t->close && t->epoll >= 0 ? 0 : -1;
}

static void bury(struct traffic *t)
{
    struct client *c;

    while ((c = t->dead)) {
        t->dead = c->next;
        free(c);
    }
}

void traffic_drop(struct traffic *t)
{
    while (t->clients)
        client_close(t->clients);
    bury(t);
    t->idle = NULL;
    t->idle_last = &t->idle;
    t->in_flight = t->idle_count = 0;
}

void traffic_finish(struct traffic *t)
{
    traffic_drop(t);
    free(t->keep);
    free(t->close);
    close(t->epoll);
}

int traffic_watch(struct traffic *t, struct watch *w, unsigned events)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};

    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, w->fd, &ev);
}

void watch_close(struct traffic *t, struct watch *w)
{
    if (w->fd < 0)
        return;
    epoll_ctl(t->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    close(w->fd);
    w->fd = -1;
}

void traffic_target(struct traffic *t, const struct sockaddr_in *address)
{
    t->address = *address;
}

void traffic_ask(struct traffic *t, const char *request, struct tally *tally, int *outcome)
{
    struct client *c = client_open(t, request, false, tally);

    if (c)
        c->outcome = outcome;
    else
        *outcome = -1;
}

static void ask_kept(struct traffic *t)
{
    struct client *c = NULL;

    if (t->idle_count > 0 && t->in_flight + t->idle_count >= KEPT)
        c = idle_take(t);
    if (c)
        client_again(c);
    else if (!t->no_new)
        client_open(t, t->keep, true, &t->tally);
}

static void ask(struct traffic *t)
{
    bool kept = t->turn++ % 2 == 0;

    if (t->in_flight >= CLIENTS_MAX)
        return;
    if (kept && !t->no_kept)
        ask_kept(t);
    else if (!kept && !t->no_new)
        client_open(t, t->close, false, &t->tally);
}

static void ask_what_is_due(struct traffic *t, int64_t now)
{
    int64_t every = SECOND / t->rate;

    if (t->due < now - SECOND)
        t->due = now; /* the tool was stopped: no storm afterwards */
    while (t->on && t->due <= now) {
        t->due += every;
        ask(t);
    }
}

static void end_the_hung(struct traffic *t, int64_t now)
{
    struct client *next;

    for (struct client *c = t->clients; c; c = next) {
        next = c->next;
        if ((c->state == CLIENT_WAITING || c->state == CLIENT_CONNECTING) &&
            now - c->began > PATIENCE)
            client_hung(c);
    }
}

/* The tool was not run for so long, or was busy with something else: that is not the program's. */
static void forgive(struct traffic *t, int64_t late)
{
    if (late <= LATE)
        return;
    t->last_answer += late;
    for (struct client *c = t->clients; c; c = c->next)
        if (c->state == CLIENT_WAITING || c->state == CLIENT_CONNECTING)
            c->began += late;
}

static int turn(struct traffic *t, int64_t until)
{
    struct epoll_event events[BATCH];
    int64_t now = now_ns(), next = t->on && t->due < until ? t->due : until;
    int64_t wait = next > now ? next - now : 0;
    int ms = wait > 100 * MS ? 100 : (int)((wait + MS - 1) / MS), n;

    forgive(t, t->awake ? now - t->awake : 0);
    n = epoll_wait(t->epoll, events, BATCH, ms);
    if (n < 0 && errno != EINTR)
        return -1;
    t->awake = now_ns();
    forgive(t, t->awake - now - ms * MS);
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;

        w->ready(w, events[i].events);
    }
    now = now_ns();
    ask_what_is_due(t, now);
    end_the_hung(t, now);
    bury(t);
    return 0;
}

bool traffic_run(struct traffic *t, int64_t until, bool (*done)(void *arg), void *arg)
{
    for (;;) {
        if (done && done(arg))
            return true;
        if (*t->interrupted || now_ns() >= until || turn(t, until) < 0)
            return false;
    }
}

void traffic_start(struct traffic *t)
{
    t->tally = (struct tally){0};
    t->on = true;
    t->fault = t->no_new = t->no_kept = t->refused_ends_new = false;
    t->due = t->last_answer = t->awake = now_ns();
}

static bool nothing_in_flight(void *arg)
{
    return ((struct traffic *)arg)->in_flight == 0;
}

void traffic_stop(struct traffic *t)
{
    t->on = false;
    traffic_run(t, now_ns() + PATIENCE + SECOND, nothing_in_flight, t);
    t->fault = false;
}

void traffic_fault(struct traffic *t, bool on)
{
    t->fault = on;
    for (struct client *c = t->clients; c && on; c = c->next) {
        if ((c->state == CLIENT_WAITING || c->state == CLIENT_CONNECTING) && !c->flagged) {
            c->flagged = true;
            c->tally->flagged++;
        }
    }
}
