/*
 * Who answers on the program's address.
 *
 * develop.c comes here with everything there is to say, its own news and what the program tells by
 * the feed, and this follows from it: where the program serves, that nobody does and what the page
 * is to say, that the program is about to. The master of a program may live while none of its
 * workers does (it died before it served, and waits for a change); then the stand-in accepts beside
 * it, on the same socket, until the next attempt.
 */
#include "develop/presence.h"

#include <string.h>

#include "base/mem.h"
#include "cluster/feed.h"

int sl__presence_open(struct sl__presence *p, const sl_development *d, char *ret_error,
                      size_t error_len)
{
    *p = (struct sl__presence){.d = d};
    return sl__address_open(&p->address, d->watch ? d->watch : ".", d->argv[0], ret_error,
                            error_len);
}

void sl__presence_start(struct sl__presence *p, struct sl__loop *l, const sigset_t *mask,
                        void (*trouble)(void *self, const char *line), void *self)
{
    sl__standin_init(&p->standin, l, mask);
    p->trouble = trouble;
    p->self = self;
}

void sl__presence_finish(struct sl__presence *p)
{
    sl__standin_finish(&p->standin);
    sl__address_close(&p->address);
}

bool sl__presence_possible(struct sl__presence *p)
{
    char error[512];

    return sl__address_ensure(&p->address, error, sizeof error);
}

const char *sl__presence_url(const struct sl__presence *p, char *buf, size_t size)
{
    buf[0] = 0;
    if (sl__standin_stands(&p->standin))
        sl__endpoint_url(p->address.fd, buf, size);
    return buf;
}

/* In the feed's form, because that is made to hold any text. */
static size_t make_record(const struct sl__presence *p, const sl_development_news *n,
                          const char *kind, char *to, size_t size)
{
    struct sl__feed_line line;
    size_t len = strnlen(n->output, SL__FEED_TEXT);

    sl__feed_begin(&line, kind);
    sl__feed_add_text(&line, "name", p->address.program);
    sl__feed_add_text(&line, "root", p->address.root);
    sl__feed_add_text(&line, "why", n->text);
    if (p->d->build)
        sl__feed_add_text(&line, "command", p->d->build);
    sl__feed_add_number(&line, "status", n->status);
    sl__feed_add_number(&line, "signal", n->signal);
    sl__feed_add_number(&line, "ms", n->ns / 1000000);
    if (line.len + 1 + len > size)
        return 0;
    memcpy(to, line.octets, line.len);
    to[line.len] = '\n';
    memcpy(to + line.len + 1, n->output, len);
    return line.len + 1 + len;
}

static void stand_in(struct sl__presence *p, const sl_development_news *n, const char *kind)
{
    const size_t size = SL__FEED_HEAD + SL__FEED_TEXT + 1;
    char error[512], *record;
    int r;

    if (!sl__address_ensure(&p->address, error, sizeof error)) {
        p->trouble(p->self, error);
        return;
    }
    record = sl__alloc(size);
    r = sl__standin_show(&p->standin, p->address.fd, record, make_record(p, n, kind, record, size));
    sl__free(record);
    if (r < 0)
        p->trouble(p->self, "cannot stand in for the program: out of processes or descriptors");
}

static void tell(struct sl__presence *p, const sl_development_news *n, const char *kind)
{
    char record[SL__FEED_HEAD + 8];

    sl__standin_tell(&p->standin, record, make_record(p, n, kind, record, sizeof record));
}

void sl__presence_hear(struct sl__presence *p, const sl_development_news *n)
{
    switch (n->event) {
    case SL_DEV_LISTENING:
        if (n->index == 0)
            sl__address_serves(&p->address, n->url);
        p->serves = true;
        sl__standin_leave(&p->standin, NULL, NULL);
        break;
    case SL_DEV_SWAPPED:
        p->serves = true;
        sl__standin_leave(&p->standin, NULL, NULL);
        break;
    case SL_DEV_CHANGED:
        if (p->d->build)
            break;
        sl__standin_leave(&p->standin, NULL, NULL); /* as when it is built */
        break;
    case SL_DEV_BUILT: /* somebody is about to be started who serves, or so we hope */
        sl__standin_leave(&p->standin, NULL, NULL);
        break;
    case SL_DEV_BUILDING:
        tell(p, n, "building");
        break;
    case SL_DEV_FAILED:
        if (!p->serves)
            stand_in(p, n, "failed");
        break;
    case SL_DEV_KEPT:
        if (!p->serves)
            stand_in(p, n, "crashed");
        break;
    case SL_DEV_CRASHED:
        if (n->then == SL_DEV_THEN_WAITS)
            p->serves = false;
        if (!p->serves && n->then != SL_DEV_THEN_RESTART)
            stand_in(p, n, "crashed");
        break;
    default:
        break;
    }
}

void sl__presence_step_aside(struct sl__presence *p, void (*then)(void *self), void *self)
{
    sl__standin_leave(&p->standin, then, self);
}

void sl__presence_lost(struct sl__presence *p)
{
    p->serves = false;
}
