/*
 * The answer to a request that has crashed its worker.
 *
 * The master comes here when the crash has names. The page is the same as everywhere; around it is
 * the head of an HTTP/1.1 response, since the worker that would write one is gone.
 */
#include "develop/crash_answer.h"

#include <stdlib.h>

#include "app/app.h"
#include "base/sys.h"
#include "base/time.h"
#include "develop/page.h"
#include "develop/pages.h"
#include "develop/request_text.h"
#include "develop/show.h"
#include "http/accept.h"
#include "http/http1/write.h"

static struct sl__str field(const struct sl__asked *a, struct sl__str name)
{
    for (unsigned i = 0; i < a->count; i++)
        if (sl__str_equal_nocase(a->fields[i].name, name))
            return a->fields[i].value;
    return (struct sl__str){"", 0};
}

static unsigned weight(struct sl__str accept, struct sl__str type)
{
    return sl__accept_quality(SL__ACCEPT_TYPE, accept, type).weight;
}

/* As sl__wants_page(), of a head that is only text any more. */
bool sl__head_wants_page(const char *head)
{
    struct sl__str html = SL__STR("text/html");
    struct sl__asked a;
    struct sl__quality q;
    struct sl__str accept;

    sl__asked_parse(sl__str_of(head), &a);
    accept = field(&a, SL__STR("Accept"));
    q = sl__accept_quality(SL__ACCEPT_TYPE, accept, html);
    return accept.len > 0 && q.weight > 0 && memmem(accept.ptr, accept.len, "/html", 5) &&
           q.weight >= weight(accept, SL__STR("text/plain")) &&
           q.weight >= weight(accept, SL__STR("application/json"));
}

/* Head and body in one piece. NULL when out of memory. */
static char *respond(const struct sl__html *page, size_t *ret_len)
{
    struct sl__header policy = {.name = SL__STR("Content-Security-Policy"),
                                .value = SL__STR(SL__PAGE_POLICY)};
    struct sl__header fresh = {
        .next = &policy, .name = SL__STR("Cache-Control"), .value = SL__STR("no-store")};
    struct sl__response r = {
        .status = 500, .type = SL__STR("text/html; charset=utf-8"), .headers = &fresh};
    size_t body = sl__buf_len(&page->buf);
    struct sl__http1_date date;
    struct sl__http1_head h = {
        .response = &r, .length = (int64_t)body, .close = true, .date = &date};
    struct sl__buf out = {0};
    char *answer = NULL;

    sl__http1_date_set(&date, sl__sys_wall());
    if (!page->failed && sl__http1_write_head(&out, &h) == 0 &&
        sl__buf_append(&out, page->buf.data + page->buf.at, body) == 0)
        answer = malloc(sl__buf_len(&out));
    if (answer) {
        *ret_len = sl__buf_len(&out);
        memcpy(answer, out.data + out.at, *ret_len);
    }
    sl__buf_finish(&out);
    return answer;
}

char *sl__crash_answer(void *self, const char *head, const char *report, size_t *ret_len)
{
    const sl_app *app = self;
    struct sl__crash_told told = {
        .page = {.name = app->options.name, .root = sl__project_root(app), .from = ""},
        .scene = SL__CRASH_IN_REQUEST,
        .report = sl__str_of(report),
        .head = sl__str_of(head)};
    struct sl__html page = {0};
    char *answer;

    sl__page_of_crash(&page, &told);
    answer = respond(&page, ret_len);
    sl__buf_finish(&page.buf);
    return answer;
}
