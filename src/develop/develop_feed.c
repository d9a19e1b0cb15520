/*
 * The tool's end of the feed: records of a running program become news.
 *
 * develop.c opens it before the first program starts and closes it at the end; programs come and go
 * meanwhile, one at a time, and inherit the same other end. The loop comes here when there is a
 * record, and it leaves as a call of say(). What cannot be understood is left out: the program may
 * be built with another version of Shallot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "cluster/feed.h"
#include "develop/develop.h"

#define RECORD_MAX (SL__FEED_HEAD + SL__FEED_TEXT + 64)
#define RECORDS_MAX 256 /* in a row, before keys and signals have their turn */

static const struct {
    const char *name;
    sl_development_event event;
} kinds[] = {
    {"listening", SL_DEV_LISTENING}, {"changed", SL_DEV_CHANGED}, {"building", SL_DEV_BUILDING},
    {"built", SL_DEV_BUILT},         {"failed", SL_DEV_FAILED},   {"swapped", SL_DEV_SWAPPED},
    {"kept", SL_DEV_KEPT},           {"crashed", SL_DEV_CRASHED}, {"request", SL_DEV_REQUEST},
    {"stopped", SL_DEV_STOPPED},
};

static sl_development_then then_of(const char *word)
{
    if (strcmp(word, "restarting") == 0)
        return SL_DEV_THEN_RESTART;
    if (strcmp(word, "serving") == 0)
        return SL_DEV_THEN_SERVES;
    return strcmp(word, "waiting") == 0 ? SL_DEV_THEN_WAITS : SL_DEV_THEN_NOTHING;
}

static int64_t time_of(const struct sl__feed_record *r)
{
    int64_t ms = sl__feed_number(r, "ms"), us = sl__feed_number(r, "us");

    return ms > 0 && ms < INT32_MAX ? ms * SL__MS : us > 0 && us < INT64_MAX / 1000 ? us * 1000 : 0;
}

bool sl__develop_read_record(char *octets, sl_development_news *ret)
{
    struct sl__feed_record r;
    size_t i = 0;

    sl__feed_parse(octets, &r);
    while (i < sizeof kinds / sizeof *kinds && strcmp(r.kind, kinds[i].name) != 0)
        i++;
    if (i == sizeof kinds / sizeof *kinds)
        return false;
    *ret = (sl_development_news){
        .event = kinds[i].event,
        .output = r.text,
        .file = sl__feed_value(&r, "file"),
        .url = sl__feed_value(&r, "url"),
        .why = sl__feed_value(&r, "why"),
        .method = sl__feed_value(&r, "method"),
        .path = sl__feed_value(&r, "path"),
        .query = sl__feed_value(&r, "query"),
        .more = (unsigned)sl__feed_number(&r, "more"),
        .index = (unsigned)sl__feed_number(&r, "index"),
        .worker = (unsigned)sl__feed_number(&r, "worker"),
        .generation = (unsigned)sl__feed_number(&r, "generation"),
        .status = (int)sl__feed_number(&r, "status"),
        .signal = (int)sl__feed_number(&r, "signal"),
        .pid = (int)sl__feed_number(&r, "pid"),
        .ns = time_of(&r),
        .then = then_of(sl__feed_value(&r, "then")),
    };
    return true;
}

/* False when there is none. */
static bool take_record(struct sl__develop_feed *f)
{
    sl_development_news news;
    ssize_t n = recv(f->watch.fd, f->octets, RECORD_MAX, MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && errno == EINTR;
    f->octets[n] = '\0';
    if (sl__develop_read_record(f->octets, &news))
        f->say(f->self, &news);
    return true;
}

void sl__develop_feed_pump(struct sl__develop_feed *f)
{
    for (int i = 0; f->octets && i < RECORDS_MAX && take_record(f); i++)
        ;
}

static void readable(struct sl__watch *w, uint32_t events)
{
    sl__develop_feed_pump(SL__OWNER(w, struct sl__develop_feed, watch));
}

int sl__develop_feed_open(struct sl__develop_feed *f, struct sl__loop *l,
                          void (*say)(void *self, const sl_development_news *news), void *self)
{
    int r;

    *f = (struct sl__develop_feed){.loop = l, .say = say, .self = self};
    r = sl__feed_pair(&f->watch.fd, &f->writer);
    if (r < 0)
        return r;
    f->octets = sl__alloc_zeroed(RECORD_MAX + 1);
    f->watch.events = EPOLLIN;
    f->watch.ready = readable;
    r = sl__loop_add(l, &f->watch);
    if (r < 0)
        sl__develop_feed_close(f);
    return r;
}

void sl__develop_feed_close(struct sl__develop_feed *f)
{
    if (!f->octets)
        return;
    sl__loop_remove(f->loop, &f->watch);
    close(f->watch.fd);
    close(f->writer);
    sl__free(f->octets);
    *f = (struct sl__develop_feed){0};
}

void sl__develop_feed_inherit(const struct sl__develop_feed *f)
{
    char number[16];

    unsetenv("SHALLOT_FEED");
    if (!f->octets)
        return;
    snprintf(number, sizeof number, "%d", f->writer);
    setenv("SHALLOT_FEED", number, 1);
    fcntl(f->writer, F_SETFD, 0);
}

void sl__develop_feed_order_build(const struct sl__develop_feed *f)
{
    if (f->octets)
        send(f->watch.fd, "build", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
}
