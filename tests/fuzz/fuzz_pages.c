/*
 * Whatever a compiler, a crash, a client or a program says, a page of it is well-formed: between
 * our own elements there is text only. And a document the script is put into keeps every octet,
 * however it is cut.
 *
 * The first octet of an input says which of them it is.
 */
#include <string.h>

#include "develop/inject.h"
#include "develop/pages.h"
#include "develop/report.h"
#include "develop/request_text.h"
#include "develop/source.h"
#include "fuzz.h"

/* Every '<' begins an element of ours, every one that is opened is closed, quotes stand in pairs.
 */
static void check_markup(const struct sl__html *h)
{
    const char *p = h->buf.data + h->buf.at, *end = h->buf.data + h->buf.end; /* never empty */
    bool tag = false, quoted = false;

    CHECK(!h->failed);
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;

        CHECK(c >= 0x20 || c == '\n' || c == '\t');
        if (quoted) {
            CHECK(c != '<' && c != '>');
            quoted = c != '"';
        } else if (tag) {
            CHECK(c != '<' && c != '\'');
            quoted = c == '"';
            tag = c != '>';
        } else {
            CHECK(c != '>' && c != '"' && c != '\'');
            tag = c == '<';
            CHECK(!tag || (p + 1 < end && (p[1] == '/' || (p[1] >= 'a' && p[1] <= 'z'))));
        }
    }
    CHECK(!tag && !quoted);
}

static void try_crash(struct sl__str text)
{
    struct sl__crash_told told = {.page = {.name = "a", .root = "/nowhere", .piece = true},
                                  .scene = SL__CRASH_IN_REQUEST,
                                  .report = text,
                                  .output = text,
                                  .head = text};
    struct sl__report *r = malloc(sizeof *r);
    struct sl__html h = {0};

    sl__report_parse(text, r);
    CHECK(r->frame_count <= SL__FRAMES_MAX && r->stack_count <= SL__STACKS_MAX);
    for (unsigned i = 0; i < r->stack_count; i++)
        CHECK(r->stacks[i].first + r->stacks[i].count <= r->frame_count);
    free(r);
    sl__page_of_crash(&h, &told);
    check_markup(&h);
    sl__buf_finish(&h.buf);
}

static void try_build(struct sl__str text)
{
    struct sl__build_told told = {
        .page = {.name = "a", .root = "/nowhere", .piece = true}, .output = text, .status = 1};
    struct sl__html h = {0};

    sl__page_of_build(&h, &told);
    check_markup(&h);
    sl__buf_finish(&h.buf);
}

/* Without its elements a line is what it was, escaped. */
static void try_line(struct sl__str text)
{
    struct sl__html marked = {0}, plain = {0};
    size_t n = 0;

    sl__c_line_write(&marked, text, text.len % 2 ? SL__C_COMMENT : SL__C_PLAIN);
    sl__html_text(&plain, text);
    check_markup(&marked);
    for (size_t i = marked.buf.at; i < marked.buf.end; i++) {
        if (marked.buf.data[i] == '<') {
            while (marked.buf.data[i] != '>')
                i++;
            continue;
        }
        marked.buf.data[marked.buf.at + n++] = marked.buf.data[i];
    }
    /* A character of several octets may be cut by a piece only where none was. */
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            n = SIZE_MAX;
    CHECK(n == SIZE_MAX || (n == sl__buf_len(&plain.buf) &&
                            (n == 0 || memcmp(marked.buf.data + marked.buf.at,
                                              plain.buf.data + plain.buf.at, n) == 0)));
    sl__buf_finish(&marked.buf);
    sl__buf_finish(&plain.buf);
}

static void try_request(struct sl__str text)
{
    struct sl__asked a;
    struct sl__buf out = {0};
    bool quoted = false;

    sl__asked_parse(text, &a);
    CHECK(a.count <= SL__ASKED_MAX);
    sl__asked_command(&a, &out);
    for (size_t i = out.at; i < out.end; i++) { /* nothing of it is outside of quotes */
        char c = out.data[i];

        if (c == '\'')
            quoted = !quoted;
        else if (!quoted && c == '\\')
            i++;
        else
            CHECK(quoted || strchr(" -@abcdefghijklmnopqrstuvwxyzXH", c));
    }
    CHECK(!quoted);
    sl__buf_finish(&out);
}

static int collect(void *self, const void *bytes, size_t len)
{
    return sl__buf_append(self, bytes, len);
}

static void inject(struct sl__str text, size_t step, struct sl__buf *out)
{
    struct sl__inject i = {.piece = "@@@", .out = collect, .self = out};

    for (size_t at = 0; at < text.len; at += step)
        CHECK(sl__inject_pass(&i, text.ptr + at, text.len - at < step ? text.len - at : step) == 0);
    CHECK(sl__inject_end(&i) == 0);
}

static void try_inject(struct sl__str text)
{
    struct sl__buf whole = {0}, cut = {0};
    size_t same = 0;

    inject(text, text.len + 1, &whole);
    inject(text, 1 + text.len % 7, &cut);
    CHECK(sl__buf_len(&whole) == text.len + 3 && sl__buf_len(&cut) == text.len + 3);
    CHECK(memcmp(whole.data + whole.at, cut.data + cut.at, text.len + 3) == 0);
    while (same < text.len && whole.data[whole.at + same] == text.ptr[same])
        same++;
    while (memcmp(whole.data + whole.at + same, "@@@", 3) != 0 && same > 0)
        same--;
    CHECK(memcmp(whole.data + whole.at + same, "@@@", 3) == 0);
    CHECK(text.len == same ||
          memcmp(whole.data + whole.at + same + 3, text.ptr + same, text.len - same) == 0);
    sl__buf_finish(&whole);
    sl__buf_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct sl__str text) = {try_crash, try_build, try_line,
                                                         try_request, try_inject};
    struct sl__str text;
    char *copy;

    if (size < 2)
        return 0;
    copy = malloc(size); /* so that a step beyond its end is seen */
    memcpy(copy, data + 1, size - 1);
    text = (struct sl__str){copy, size - 1};
    tries[data[0] % 5](text);
    free(copy);
    return 0;
}
