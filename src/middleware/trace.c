/*
 * Distributed traces: W3C Trace Context, level 1 (and of level 2 what it lets pass).
 *
 * A request that is part of a trace says so in traceparent: version, trace, the caller's span,
 * flags. Here it gets a span of its own, and whatever is asked of others on its behalf carries that
 * as the parent. A traceparent that is malformed is none, and then tracestate, which is for those
 * whom we pass it on to, is none either (§3.3, §4.3).
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>

#include "keep.h"
#include "random.h"

#define NAME "sl_trace"
#define KEY "shallot.trace"
#define TRACE_DIGITS 32
#define SPAN_DIGITS 16
#define PARENT_LEN (2 + 1 + TRACE_DIGITS + 1 + SPAN_DIGITS + 1 + 2)
#define STATE_MAX 512 /* octets that have to be passed on (§3.3.1.5); more are dropped */
#define STATE_MEMBERS 32

struct tracer {
    struct keeper keeper;
    bool distrust, unsampled;
};

struct trace {
    char parent[PARENT_LEN + 1];
    const char *state; /* NULL: none */
};

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") >= len;
}

static bool is_zero(const char *text, size_t len)
{
    return strspn(text, "0") >= len;
}

/* "00-" trace "-" span "-" flags; a later version may have more behind another dash (§3.2.2). */
static bool is_parent(const char *p)
{
    size_t len = strlen(p);
    const char *trace = p + 3, *span = trace + TRACE_DIGITS + 1, *flags = span + SPAN_DIGITS + 1;

    if (len < PARENT_LEN || !is_hex(p, 2) || strncmp(p, "ff", 2) == 0)
        return false;
    if (len > PARENT_LEN && (strncmp(p, "00", 2) == 0 || p[PARENT_LEN] != '-'))
        return false;
    return p[2] == '-' && is_hex(trace, TRACE_DIGITS) && !is_zero(trace, TRACE_DIGITS) &&
           span[-1] == '-' && is_hex(span, SPAN_DIGITS) && !is_zero(span, SPAN_DIGITS) &&
           flags[-1] == '-' && is_hex(flags, 2);
}

static bool is_state(const char *state)
{
    size_t members = 1;

    for (const char *at = state; (at = strchr(at, ',')); at++)
        members++;
    return *state && strlen(state) <= STATE_MAX && members <= STATE_MEMBERS;
}

/* The two lowest flags are known: sampled, and that the trace's name is random (level 2). */
static char known_flags(const char *flags)
{
    int low = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;

    return (char)('0' + (low & 3));
}

static void begin(struct trace *t, const struct tracer *own)
{
    memcpy(t->parent, "00-", 3);
    random_hex(t->parent + 3, TRACE_DIGITS / 2);
    memcpy(t->parent + PARENT_LEN - 3, own->unsampled ? "-00" : "-01", 4);
}

static void go_on(struct trace *t, const char *parent)
{
    memcpy(t->parent, "00", 2);
    memcpy(t->parent + 2, parent + 2, 1 + TRACE_DIGITS);
    memcpy(t->parent + PARENT_LEN - 3, "-0", 2);
    t->parent[PARENT_LEN - 1] = known_flags(parent + PARENT_LEN - 2);
    t->parent[PARENT_LEN] = '\0';
}

static int run(sl_ctx *c, void *self)
{
    const struct tracer *own = self;
    const char *parent = own->distrust ? NULL : sl_header(c, "traceparent"), *state;
    struct trace *t = sl_alloc(c, sizeof *t);
    char *span;
    int r;

    if (!t)
        return -ENOMEM;
    *t = (struct trace){.state = NULL};
    if (parent && is_parent(parent)) {
        go_on(t, parent);
        state = sl_header(c, "tracestate");
        t->state = state && is_state(state) ? state : NULL;
    } else {
        begin(t, own);
    }
    span = t->parent + 3 + TRACE_DIGITS;
    random_hex(span + 1, SPAN_DIGITS / 2);
    span[0] = span[1 + SPAN_DIGITS] = '-';
    r = sl_set_state(c, KEY, t, NULL);
    return r < 0 ? r : sl_next(c);
}

const char *sl_trace_parent(const sl_ctx *c)
{
    const struct trace *t = sl_state(c, KEY);

    return t ? t->parent : NULL;
}

const char *sl_trace_state(const sl_ctx *c)
{
    const struct trace *t = sl_state(c, KEY);

    return t ? t->state : NULL;
}

sl_middleware sl_trace_with(const sl_trace_options *given)
{
    struct tracer *t = keep_new(sizeof *t);
    sl_trace_options o;

    if (!t)
        return keep_done(NULL, run, NAME);
    TAKE_OPTIONS(o, given);
    t->distrust = o.distrust;
    t->unsampled = o.unsampled;
    return keep_done(t, run, NAME);
}
