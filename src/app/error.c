/*
 * The one place where an error that nobody handled becomes a response.
 *
 * service.c comes here with what the outermost layer returned. Everything set so far is dropped but
 * what was to be kept: half an answer's headers say things about a body that will not come. The
 * client is told the program's words below 500 only, since those are about what it asked for; the
 * others go to the log, and in development to the page too, with the stack. Once the head is out
 * there is nothing to say any more; the connection is closed so that the client sees an answer cut
 * short.
 */
#include "app/error.h"

#include <errno.h>
#include <stdio.h>

#include "app/reply.h"
#include "app/trace.h"
#include "base/log.h"
#include "shallot/error.h"
#include "shallot/request.h"
#include "shallot/response.h"

/* True if the program has said what this error is about. */
static bool is_said(const sl_ctx *c, int error)
{
    return c->fail_error == error;
}

/* Where sl_fail() was called, as far as it was the macro. */
struct place {
    const char *file, *function;
    int line;
};

/* Development only. Without memory the page is poorer. */
static inline __attribute__((always_inline)) void note(sl_ctx *c, const struct place *at)
{
    struct sl__trace *t = sl__trace_take(&c->x->arena);

    if (!t)
        return;
    t->before = c->failing ? c->trace : NULL;
    t->file = at->file;
    t->function = at->function;
    t->line = at->line;
    t->error = c->fail_error;
    t->status = c->fail_status;
    t->message = c->fail_message;
    c->trace = t;
}

/* Inlined, so that the trace begins with whoever failed. */
static inline __attribute__((always_inline, format(printf, 5, 0))) int
fail(sl_ctx *c, const struct place *at, int error, int status, const char *fmt, va_list args)
{
    size_t len;

    c->fail_error = error;
    c->fail_status = status < 400 || status > 599 ? 500 : status;
    c->fail_message = fmt && *fmt ? sl__ctx_vformat(c, &len, fmt, args) : NULL;
    if (c->app->development)
        note(c, at);
    return sl__ctx_error(c, error);
}

int sl_fail_at(sl_ctx *c, const char *file, const char *function, int line, int error, int status,
               const char *fmt, ...)
{
    const struct place at = {file, function, line};
    va_list args;
    int r;

    va_start(args, fmt);
    r = fail(c, &at, error < 0 ? error : -SL_EFAIL, status, fmt, args);
    va_end(args);
    return r;
}

int(sl_fail)(sl_ctx *c, int status, const char *fmt, ...)
{
    const struct place nowhere = {0};
    va_list args;
    int r;

    va_start(args, fmt);
    r = fail(c, &nowhere, -SL_EFAIL, status, fmt, args);
    va_end(args);
    return r;
}

int(sl_fail_as)(sl_ctx *c, int error, int status, const char *fmt, ...)
{
    const struct place nowhere = {0};
    va_list args;
    int r;

    va_start(args, fmt);
    r = fail(c, &nowhere, error < 0 ? error : -SL_EFAIL, status, fmt, args);
    va_end(args);
    return r;
}

const char *sl_error_of(const sl_ctx *c)
{
    if (c->error == 0)
        return NULL;
    if (c->error != -SL_EFAIL && !is_said(c, c->error))
        return sl_strerror(c->error);
    if (c->fail_message)
        return c->fail_message;
    return sl__status_text(sl__error_status(c, c->error));
}

/* The status of Shallot's own errors, 500 for every other. */
static int table_status(int error)
{
    switch (error) {
#define STATUS_OF(name, number, status, text)                                                      \
    case -(number):                                                                                \
        return status;
        SL_ERRORS(STATUS_OF)
#undef STATUS_OF
    default:
        return 500;
    }
}

int sl__error_status(const sl_ctx *c, int error)
{
    if (is_said(c, error))
        return c->fail_status;
    switch (error) {
    case -ENOENT: /* of sl_file(), as everybody expects */
        return 404;
    case -ENOMEM:    /* a moment later there may be some */
    case -ECANCELED: /* mostly nobody waits for the answer */
        return 503;
    default:
        return table_status(error);
    }
}

const char *sl__error_words(const sl_ctx *c, int error)
{
    if (is_said(c, error))
        return c->fail_message;
    return error == -SL_EFAIL ? NULL : sl_strerror(error);
}

const char *sl__error_reason(const sl_ctx *c, int error)
{
    const char *words = sl__error_words(c, error);

    return words ? words : sl_strerror(error);
}

struct sl__str sl__error_text(const sl_ctx *c, int error)
{
    int status = sl__error_status(c, error);
    const char *message = sl__error_words(c, error), *text;

    if (!message || (status >= 500 && !c->app->development))
        return sl__reply_status_line(c, status);
    if (status < 500)
        text = sl_format(c->me, "%s\n", message);
    else
        text =
            sl_format(c->me, "%d %s\n\n%s\n%s", status, sl__status_text(status), message,
                      is_said(c, error) && c->trace ? sl__trace_text(c->trace, &c->x->arena) : "");
    return text ? sl__str_of(text) : (struct sl__str){"", 0};
}

/*
 * What the client did wrong is the client's to know. An errno that came up unhandled is a surprise
 * to the program whatever status it becomes.
 */
static bool worth_a_line(const sl_ctx *c, int error)
{
    if (error == -ECANCELED)
        return false;
    return c->x->committed || (error > -SL_EFAIL && !is_said(c, error)) ||
           sl__error_status(c, error) >= 500;
}

static void report(const sl_ctx *c, int error)
{
    const char *message = sl__error_words(c, error);

    sl__log(SL__ERROR, "%s %s: %d %s%s", sl_method(c), sl_target(c), sl__error_status(c, error),
            message ? message : sl__status_text(sl__error_status(c, error)),
            c->x->committed ? " (the answer had begun; closing)" : "");
    if (is_said(c, error) && c->trace)
        sl__trace_log(c->trace);
}

void sl__error_answer(sl_ctx *c, int error)
{
    struct sl__response *r = &c->x->response;
    struct sl__str text;

    if (worth_a_line(c, error))
        report(c, error);
    if (c->x->committed) {
        c->x->aborted = true;
        return;
    }
    text = sl__error_text(c, error);
    sl__response_clear_for_error(r);
    r->status = sl__error_status(c, error);
    sl__response_set_bytes(r, text);
    c->x->response.type = SL__TEXT_PLAIN;
    c->type_rank = SL__TYPE_GIVEN;
    if (c->app->show)
        c->app->show(c, error);
}
