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
    bool stands_in, building; /* standing in: what is wrong stays there while it is built */
    void (*fn)(sl_app *app, void *self);
    void *self;
};

static void take(sl_app *app, struct code *code, const char *record, size_t len)
{
    char *octets = sl__try_alloc(len + 1);

    if (!octets)
        return; /* what was known stays */
    memcpy(octets, record, len);
    octets[len] = '\0';
    sl__free(code->octets);
    code->octets = octets;
    sl__feed_parse(octets, &code->record);
    if (code->fn)
        code->fn(app, code->self);
}

static void on_code(sl_app *app, const sl_message *m, void *self)
{
    take(app, self, m->data, m->len);
}

void sl__code_tell(sl_app *app, const char *record, size_t len)
{
    static const char building[] = "building";
    struct code *code = sl_app_state(app, KEY);

    code->stands_in = true;
    code->building = len >= strlen(building) && memcmp(record, building, strlen(building)) == 0;
    if (!code->building)
        take(app, code, record, len);
    else if (code->fn)
        code->fn(app, code->self);
}

bool sl__code_stands_in(sl_app *app)
{
    const struct code *code = sl_app_state(app, KEY);

    return code && code->stands_in;
}

const struct sl__feed_record *sl__code_known(sl_app *app)
{
    static const struct sl__feed_record nothing = {.kind = "", .text = ""};
    const struct code *code = sl_app_state(app, KEY);

    return code && code->octets ? &code->record : &nothing;
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
    static const char *const states[] = {"building", "good", "failed", "kept", "crashed"};

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
    if (code->building)
        state = "building";
    snprintf(to, SL__CODE_EVENT_MAX, "{\"state\":\"%s\",\"number\":%lld}", state,
             (long long)sl__feed_number(&code->record, "number"));
    return true;
}

static const char *told_or(const struct sl__feed_record *r, const char *name, const char *otherwise)
{
    const char *value = sl__feed_value(r, name);

    return *value ? value : otherwise;
}

static void write_page(struct sl__html *h, const struct code *code,
                       const struct sl__page_told *page)
{
    const struct sl__feed_record *r = &code->record;
    const char *why = sl__feed_value(r, "why");

    if (strcmp(r->kind, "failed") == 0) {
        struct sl__build_told told = {.page = *page,
                                      .command = told_or(r, "command", NULL),
                                      .output = sl__str_of(r->text),
                                      .status = (int)sl__feed_number(r, "status"),
                                      .signal = (int)sl__feed_number(r, "signal"),
                                      .ms = sl__feed_number(r, "ms")};
        sl__page_of_build(h, &told);
    } else {
        struct sl__crash_told told = {.page = *page,
                                      .scene = strcmp(r->kind, "crashed") == 0 ? SL__CRASH_AT_START
                                                                               : SL__CRASH_KEPT,
                                      .why = *why ? why : NULL,
                                      .report = sl__str_of(r->text)};
        sl__page_of_crash(h, &told);
    }
}

static bool is_wrong(const char *state)
{
    return state && strcmp(state, "building") != 0 && strcmp(state, "good") != 0;
}

static int answer(sl_ctx *c, bool piece)
{
    sl_app *app = sl_app_of(c);
    const struct code *code = sl_app_state(app, KEY);
    char from[SL__LIVE_FROM_MAX];
    struct sl__page_told page = {.from = from, .piece = piece};
    struct sl__html h = {0};
    int r;

    sl_set_header(c, "Cache-Control", "no-store");
    sl_set_header(c, "Content-Security-Policy", SL__PAGE_POLICY);
    if (!is_wrong(state_of(code)))
        return sl_set_status(c, 204);
    sl__live_from(app, from);
    page.name = told_or(&code->record, "name", app->options.name);
    page.root = told_or(&code->record, "root", sl__project_root(app));
    page.number = sl__feed_number(&code->record, "number");
    write_page(&h, code, &page);
    sl_type(c, "html");
    r = h.failed ? -ENOMEM : sl_bytes(c, h.buf.data + h.buf.at, sl__buf_len(&h.buf));
    sl__buf_finish(&h.buf);
    return r;
}

int sl__code_page(sl_ctx *c)
{
    const char *mode = sl_header(c, "Sec-Fetch-Mode");

    return answer(c, !(mode && strcmp(mode, "navigate") == 0));
}

int sl__code_whole_page(sl_ctx *c)
{
    return answer(c, false);
}
