/*
 * How it stands with the new code.
 *
 * The master's announcements (cluster/announce.c) come here over the bus, also the last one from
 * before this worker was there. Kept is the latest; live.c tells open pages of it, and they come
 * back for what is to be shown.
 */
#include "develop/code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/feed.h"
#include "develop/live.h"
#include "develop/page.h"
#include "develop/pages.h"
#include "develop/show.h"
#include "shallot/message.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define KEY "shallot.code"

struct code {
    char *octets; /* the announcement, taken apart in place; NULL: none yet */
    struct sl__feed_record record;
    void (*fn)(sl_app *app, void *self);
    void *self;
};

static void on_code(sl_app *app, const sl_message *m, void *self)
{
    struct code *code = self;
    char *octets = sl__try_alloc(m->len + 1);

    if (!octets)
        return; /* what was known stays */
    memcpy(octets, m->data, m->len);
    octets[m->len] = '\0';
    sl__free(code->octets);
    code->octets = octets;
    sl__feed_parse(octets, &code->record);
    if (code->fn)
        code->fn(app, code->self);
}

static void free_code(void *value)
{
    struct code *code = value;

    sl__free(code->octets);
    sl__free(code);
}

int sl__code_attach(sl_app *app)
{
    struct code *code = sl__alloc_zeroed(sizeof *code);
    int r = sl_set_app_state(app, KEY, code, free_code);

    return r < 0 ? r : sl_on_message(app, SL__TOPIC_CODE, on_code, code);
}

int sl__code_follow(sl_app *app, void (*fn)(sl_app *app, void *self), void *self)
{
    struct code *code = sl_app_state(app, KEY);

    if (!code)
        return -ENOMEM;
    code->fn = fn;
    code->self = self;
    return 0;
}

/* One of ours; what else may stand there is not told. */
static const char *state_of(const struct code *code)
{
    static const char *const states[] = {"building", "good", "failed", "kept"};

    for (size_t i = 0; code && code->octets && i < sizeof states / sizeof *states; i++)
        if (strcmp(code->record.kind, states[i]) == 0)
            return states[i];
    return NULL;
}

bool sl__code_event(sl_app *app, char to[SL__CODE_EVENT_MAX])
{
    const struct code *code = sl_app_state(app, KEY);
    const char *state = state_of(code);

    if (!state)
        return false;
    snprintf(to, SL__CODE_EVENT_MAX, "{\"state\":\"%s\",\"number\":%lld}", state,
             (long long)sl__feed_number(&code->record, "number"));
    return true;
}

static void write_page(struct sl__html *h, const struct code *code,
                       const struct sl__page_told *page)
{
    const struct sl__feed_record *r = &code->record;
    const char *why = sl__feed_value(r, "why");

    if (strcmp(r->kind, "failed") == 0) {
        struct sl__build_told told = {.page = *page,
                                      .output = sl__str_of(r->text),
                                      .status = (int)sl__feed_number(r, "status"),
                                      .signal = (int)sl__feed_number(r, "signal"),
                                      .ms = sl__feed_number(r, "ms")};
        sl__page_of_build(h, &told);
    } else {
        struct sl__crash_told told = {.page = *page,
                                      .scene = SL__CRASH_KEPT,
                                      .why = *why ? why : NULL,
                                      .report = sl__str_of(r->text)};
        sl__page_of_crash(h, &told);
    }
}

int sl__code_page(sl_ctx *c)
{
    sl_app *app = sl_app_of(c);
    const struct code *code = sl_app_state(app, KEY);
    const char *state = state_of(code), *mode = sl_header(c, "Sec-Fetch-Mode");
    char from[SL__LIVE_FROM_MAX];
    struct sl__page_told page = {.name = app->options.name,
                                 .root = sl__project_root(app),
                                 .from = from,
                                 .piece = !(mode && strcmp(mode, "navigate") == 0)};
    struct sl__html h = {0};
    int r;

    sl_set_header(c, "Cache-Control", "no-store");
    sl_set_header(c, "Content-Security-Policy", SL__PAGE_POLICY);
    if (!state || (strcmp(state, "failed") != 0 && strcmp(state, "kept") != 0))
        return sl_set_status(c, 204);
    sl__live_from(app, from);
    page.number = sl__feed_number(&code->record, "number");
    write_page(&h, code, &page);
    sl_type(c, "html");
    r = h.failed ? -ENOMEM : sl_bytes(c, h.buf.data + h.buf.at, sl__buf_len(&h.buf));
    sl__buf_finish(&h.buf);
    return r;
}
