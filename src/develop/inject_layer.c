/*
 * The script in HTML answers: the layer.
 *
 * attach.c comes here with each request. Only one that a browser makes in order to show a page is
 * looked at: it asks for text/html. What a script fetches, an image, an API's client are answered
 * as in production. Of such a request the program does not see that it would take compressed
 * answers, or has an older copy: a piece is to be put in, and the copy is of other code.
 *
 * The answer may come in any way there is: in memory, as a file, as a source (then it is taken and
 * filtered), or pushed by sl_write() (then a writer filters it).
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/ctx.h"
#include "develop/inject.h"
#include "develop/live.h"
#include "develop/show.h"
#include "shallot/ctx.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define PIECE_MAX 160

struct injection {
    sl_writer writer; /* first: the writer's functions find us by it */
    struct sl__inject inject;
    bool active; /* pushed: the head was one of a page */
    bool ended;
    sl_ctx *c;
    sl_source source;
    struct sl__buf ready; /* filtered, not taken yet */
    char piece[PIECE_MAX];
};

static bool sent_for_a_part(sl_ctx *c)
{
    const char *mode = sl_header(c, "Sec-Fetch-Mode");

    return (mode && strcmp(mode, "navigate") != 0) || sl_header(c, "X-Requested-With") ||
           sl_header(c, "HX-Request") || sl_header(c, "Range");
}

static bool is_for_a_page(sl_ctx *c)
{
    enum sl__method m = sl__ctx_request(c)->method;

    return (m == SL__METHOD_GET || m == SL__METHOD_HEAD) && sl__wants_page(c) &&
           !sent_for_a_part(c);
}

/* The head without the fields of these names. Without memory it stays as it is. */
static void hide_fields(sl_ctx *c)
{
    static const char *const hidden[] = {"Accept-Encoding", "If-None-Match", "If-Modified-Since"};
    struct sl__request *r = sl__ctx_request(c);
    struct sl__field *kept = sl_alloc(c, (r->field_count + 1) * sizeof *kept);
    uint32_t count = 0;

    if (!kept)
        return;
    for (uint32_t i = 0; i < r->field_count; i++) {
        bool hide = false;

        for (size_t n = 0; n < sizeof hidden / sizeof *hidden; n++)
            hide |=
                sl__str_equal_nocase(sl__request_str(r, r->fields[i].name), sl__str_of(hidden[n]));
        if (!hide)
            kept[count++] = r->fields[i];
    }
    r->fields = kept;
    r->field_count = count;
}

static bool is_html(const char *type)
{
    size_t len = strlen("text/html");

    return type && strncasecmp(type, "text/html", len) == 0 &&
           (type[len] == '\0' || type[len] == ';' || type[len] == ' ') &&
           !strcasestr(type, "utf-16") && !strcasestr(type, "utf-32");
}

/* By the head, as it stands. */
static bool is_page(sl_ctx *c)
{
    const char *disposition = sl_response_header(c, "Content-Disposition");
    int status = sl_status(c);

    return status >= 200 && status != 204 && status != 206 && status != 304 &&
           !sl_response_header(c, "Content-Encoding") &&
           !(disposition && strncasecmp(disposition, "attachment", 10) == 0) &&
           is_html(sl_response_header(c, "Content-Type"));
}

/* The copy a browser keeps of it is good for this code only. */
static int drop_validators(sl_ctx *c)
{
    int r = sl_set_header(c, "ETag", NULL);

    return r < 0 ? r : sl_set_header(c, "Last-Modified", NULL);
}

static int set_length(sl_ctx *c, int64_t length)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)length);
    return sl_set_header(c, "Content-Length", length < 0 ? NULL : digits);
}

static int to_buffer(void *self, const void *bytes, size_t len)
{
    return sl__buf_append(self, bytes, len);
}

/* Pushed: a writer's three functions. */

static int to_below(void *self, const void *bytes, size_t len)
{
    struct injection *j = self;

    return sl_pass_write(j->c, &j->writer, bytes, len);
}

static int begin(sl_ctx *c, sl_writer *w)
{
    struct injection *j = (struct injection *)w;
    const char *length = sl_response_header(c, "Content-Length");
    int r;

    j->active = is_page(c);
    if (!j->active)
        return sl_pass_begin(c, w);
    j->inject.out = to_below;
    j->inject.self = j;
    r = drop_validators(c);
    if (r == 0 && length)
        r = set_length(c, atoll(length) + (int64_t)strlen(j->piece));
    return r < 0 ? r : sl_pass_begin(c, w);
}

static int write(sl_ctx *c, sl_writer *w, const void *bytes, size_t len)
{
    struct injection *j = (struct injection *)w;

    return j->active ? sl__inject_pass(&j->inject, bytes, len) : sl_pass_write(c, w, bytes, len);
}

static int end(sl_ctx *c, sl_writer *w)
{
    struct injection *j = (struct injection *)w;
    int r = j->active ? sl__inject_end(&j->inject) : 0;

    return r < 0 ? r : sl_pass_end(c, w);
}

/* Standing: a source around what there was. */

static void free_ready(void *self)
{
    struct injection *j = self;

    sl__buf_finish(&j->ready);
}

static ssize_t pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct injection *j = self;
    size_t have;

    while (sl__buf_len(&j->ready) == 0 && !j->ended) {
        ssize_t n = j->source.read(c, buf, len, j->source.self);
        int r;

        if (n < 0)
            return n;
        j->ended = n == 0;
        r = n > 0 ? sl__inject_pass(&j->inject, buf, (size_t)n) : sl__inject_end(&j->inject);
        if (r < 0)
            return r;
    }
    have = sl__buf_len(&j->ready);
    if (have > len)
        have = len;
    if (have > 0)
        memcpy(buf, j->ready.data + j->ready.at, have);
    sl__buf_consume(&j->ready, have);
    return (ssize_t)have;
}

static int wrap(sl_ctx *c, struct injection *j)
{
    int64_t length = sl_response_length(c);
    int r = sl_defer(c, free_ready, j);

    if (r == 0)
        r = sl_take_body(c, &j->source);
    if (r < 0)
        return r;
    j->inject.out = to_buffer;
    j->inject.self = &j->ready;
    r = drop_validators(c);
    if (r == 0)
        r = set_length(c, length < 0 ? -1 : length + (int64_t)strlen(j->piece));
    return r < 0 ? r : sl_stream(c, pull, j);
}

static struct injection *make(sl_ctx *c)
{
    struct injection *j = sl_alloc(c, sizeof *j);
    char from[SL__LIVE_FROM_MAX];

    if (!j)
        return NULL;
    memset(j, 0, sizeof *j);
    sl__live_from(c->app, from);
    snprintf(j->piece, sizeof j->piece,
             "<script src=\"/_shallot/live.js\" data-from=\"%s\" async></script>", from);
    j->inject.piece = j->piece;
    j->writer = (sl_writer){.begin = begin, .write = write, .end = end};
    j->c = c;
    return j;
}

int sl__inject_next(sl_ctx *c)
{
    struct injection *j = is_for_a_page(c) ? make(c) : NULL;
    sl_response_kind kind;
    int r;

    if (!j)
        return sl_next(c);
    hide_fields(c);
    r = sl_push_writer(c, &j->writer);
    if (r == 0)
        r = sl_next(c);
    if (r < 0)
        return r;
    kind = sl_response_kind_of(c);
    if (kind != SL_RESPONSE_BYTES && kind != SL_RESPONSE_FILE && kind != SL_RESPONSE_STREAM)
        return 0;
    return is_page(c) ? wrap(c, j) : 0;
}
