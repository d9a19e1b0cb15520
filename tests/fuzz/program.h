/*
 * Running a whole app without a socket: the request goes through our parser, the onion runs, and
 * what the program did is left for the target to look at.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <string.h>

#include "app/app.h"
#include "base/log.h"
#include "fuzz.h"
#include "http/http1/parse.h"
#include "http/limits.h"
#include "shallot.h"

static inline ssize_t program_no_body(struct sl__exchange *x, void *buf, size_t len)
{
    return 0;
}

static inline const char *program_nobody(struct sl__exchange *x)
{
    return "nobody";
}

static inline void program_no_log(enum sl__level level, const char *line)
{
}

/** Parses a head; false if the parser refuses it. */
static inline bool program_ask(char *text, struct sl__request *ret)
{
    static struct sl__field fields[SL__FIELDS_MAX];
    static struct sl_limits limits;

    sl__limits_fill(&limits);
    if (sl__http1_parse(text, strlen(text), &limits, ret, fields) <= 0)
        return false;
    ret->base = text;
    return true;
}

/** The status; the request has ended. */
static inline int program_serve(sl_app *app, const struct sl__request *request)
{
    static const struct sl__exchange_ops ops = {program_no_body, program_nobody};
    struct sl_limits limits = {0};
    struct sl__exchange x = {.request = *request, .ops = &ops, .limits = &limits};
    struct sl__service *s = sl__app_service(app);
    int status;

    sl__response_init(&x.response);
    s->serve(s, &x);
    status = x.response.status ? x.response.status : 200;
    if (x.ended)
        x.ended(&x);
    sl__response_clear(&x.response);
    sl__arena_reset(&x.arena);
    return status;
}

#endif
