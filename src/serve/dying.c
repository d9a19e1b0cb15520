/*
 * A worker's last moment, wired: cluster/crash.c has the signal, fiber/ knows whose work was going
 * on, http/ knows the connections. And what the master says to their clients, because it knows no
 * HTTP.
 *
 * All but sl__last_answer() and the beginning runs in a signal handler.
 */
#include "serve/dying.h"

#include "base/fatal.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/crash.h"
#include "fiber/fiber.h"
#include "http/http1/write.h"
#include "http/status.h"
#include "shallot/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCKED_MS 100 /* development: a tick that takes longer is reported */

_Static_assert((int)SL__FATE_CULPRIT == (int)SL__ORPHAN_CULPRIT &&
                   (int)SL__FATE_BYSTANDER == (int)SL__ORPHAN_BYSTANDER &&
                   (int)SL__FATE_ANSWERED == (int)SL__ORPHAN_ANSWERED &&
                   (int)SL__FATE_IDLE == (int)SL__ORPHAN_IDLE,
               "two floors that do not know each other have the same in mind");

static void blame(void *self, struct sl__crash_blame *ret)
{
    const struct sl__serving *s = self;
    const struct sl__fiber *f = sl__fiber_blamed();
    struct sl__last_request r;

    if (!f)
        return;
    ret->label = sl__fiber_label(f);
    ret->known = sl__server_request_of(s->server, f, &r);
    if (!ret->known)
        return;
    ret->method = r.method;
    ret->path = r.path;
    ret->number = r.number;
    ret->since = r.since;
}

/* Byte by byte: a sanitizer has an opinion on memcpy() in a signal handler. */
static size_t put(char *buf, size_t size, size_t at, struct sl__str s)
{
    for (size_t i = 0; i < s.len && at + 1 < size; i++)
        buf[at++] = s.ptr[i];
    buf[at] = '\0';
    return at;
}

/* As far as it fits, in whole lines: delimiters of the head as it came have become NULs. */
static void write_head(void *self, char *buf, size_t size)
{
    const struct sl__serving *s = self;
    const struct sl__fiber *f = sl__fiber_blamed();
    struct sl__last_request r;
    size_t at = 0;

    buf[0] = '\0';
    if (!f || !sl__server_request_of(s->server, f, &r))
        return;
    at = put(buf, size, at, r.method);
    at = put(buf, size, at, SL__STR(" "));
    at = put(buf, size, at, sl__request_str(r.request, r.request->target));
    at = put(buf, size, at, SL__STR(" HTTP/1.1\n"));
    for (uint32_t i = 0; i < r.request->field_count; i++) {
        struct sl__str name = sl__request_str(r.request, r.request->fields[i].name);
        struct sl__str value = sl__request_str(r.request, r.request->fields[i].value);

        if (at + name.len + value.len + 4 > size)
            continue;
        at = put(buf, size, at, name);
        at = put(buf, size, at, SL__STR(": "));
        at = put(buf, size, at, value);
        at = put(buf, size, at, SL__STR("\n"));
    }
}

static void tell(void *self, const struct sl__orphan *o)
{
    sl__crash_tell(o->fd, (enum sl__crash_fate)o->kind, o->listener, o->head);
}

static void tell_unread(void *self, int fd, unsigned listener)
{
    sl__crash_tell(fd, SL__FATE_IDLE, listener, false);
}

static void last_words(void *self)
{
    struct sl__serving *s = self;

    sl__server_last_words(s->server, sl__fiber_blamed(), tell, s);
    if (s->worker)
        sl__worker_unread(s->worker, tell_unread, s);
}

void sl__dying_early(void)
{
    const struct sl__crash_hooks none = {.self = NULL};

    if (sl__fatal_stack() == 0)
        sl__crash_install(&none);
}

void sl__dying_prepare(struct sl__serving *s)
{
    const struct sl__crash_hooks hooks = {.blame = blame,
                                          .head = s->app->development ? write_head : NULL,
                                          .is_overflow = sl__fiber_is_overflow,
                                          .last_words = last_words,
                                          .self = s};
    int r = sl__crash_install(&hooks);

    if (r == 0 && s->app->development) {
        r = sl__crash_watch_ticks(BLOCKED_MS);
        if (r == 0)
            sl__serving_time_ticks(s);
    }
    if (r < 0 && r != -ENOTSUP)
        sl__log(SL__WARN, "crashes will not be reported: %s", sl_strerror(r));
}

size_t sl__last_answer(bool culprit, bool head, char *buf, size_t size)
{
    int status = culprit ? 500 : 503;
    struct sl__header retry = {.name = SL__STR("Retry-After"), .value = SL__STR("1")};
    struct sl__response r = {.status = status,
                             .type = SL__STR("text/plain; charset=utf-8"),
                             .headers = culprit ? NULL : &retry};
    char body[64];
    int len = snprintf(body, sizeof body, "%s\n", sl__status_text(status));
    struct sl__http1_date date;
    struct sl__http1_head h = {.response = &r, .length = len, .close = true, .date = &date};
    struct sl__buf out = {0};
    size_t n = 0;

    sl__http1_date_set(&date, sl__sys_wall());
    if (sl__http1_write_head(&out, &h) == 0 &&
        (head || sl__buf_append(&out, body, (size_t)len) == 0) && sl__buf_len(&out) <= size) {
        n = sl__buf_len(&out);
        memcpy(buf, out.data + out.at, n);
    }
    sl__buf_finish(&out);
    return n;
}
