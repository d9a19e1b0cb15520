/*
 * A form in parts is the same whether it comes whole or in any pieces: the same events, the same
 * data, the same refusal. What is a name is safe.
 *
 * The first octet of an input is the length of the pieces, the next two the place of a first cut.
 */
#include <string.h>

#include "fuzz.h"
#include "http/multipart.h"
#include "shallot/error.h"

struct talk { /* all that came out, in one string */
    char *text;
    size_t len, size;
    int end; /* 1: it ended; 0: more was wanted; negative: refused */
};

static void say(struct talk *t, const char *text, size_t len)
{
    if (t->len + len > t->size) {
        t->size = 2 * (t->len + len) + 64;
        t->text = realloc(t->text, t->size);
        CHECK(t->text);
    }
    if (len > 0)
        memcpy(t->text + t->len, text, len);
    t->len += len;
}

static void check_name(struct sl__str raw)
{
    char *name = malloc(raw.len + 1), *safe;
    size_t len = sl__part_name(raw, name);

    CHECK(len <= raw.len);
    safe = malloc(len + 5);
    sl__safe_name((struct sl__str){name, len}, safe);
    CHECK(*safe && strlen(safe) <= 200 && !strpbrk(safe, "/\\\n\r\"") && *safe != '.' &&
          *safe != '-' && safe[strlen(safe) - 1] != '.');
    free(name);
    free(safe);
}

static void on_part(struct talk *t, struct sl__str head)
{
    struct sl__part_head h;
    int r = sl__part_head(head, &h);

    say(t, "[", 1);
    say(t, head.ptr, head.len);
    say(t, "|", 1);
    if (r == 0) {
        check_name(h.name);
        if (h.is_file)
            check_name(h.filename);
    }
}

static void feed(struct talk *t, const char *boundary, const char *text, size_t len, size_t cut,
                 size_t piece)
{
    struct sl__multipart m;
    size_t at = 0, end = cut < len ? cut : len;

    CHECK(sl__multipart_init(&m, sl__str_of(boundary)) == 0);
    for (;;) {
        char *exact = malloc(end > at ? end - at : 1);
        struct sl__multipart_step step;
        size_t used = 0;

        memcpy(exact, text + at, end - at);
        do {
            int r = sl__multipart_next(&m, (struct sl__str){exact + used, end - at - used}, &step);

            if (r < 0) {
                t->end = r;
                free(exact);
                return;
            }
            CHECK(step.used <= end - at - used);
            used += step.used;
            if (step.event == SL__MULTIPART_PART)
                on_part(t, step.text);
            else if (step.event == SL__MULTIPART_DATA)
                say(t, step.text.ptr, step.text.len);
            CHECK(step.event != SL__MULTIPART_DATA || step.text.len > 0);
        } while (step.event == SL__MULTIPART_PART || step.event == SL__MULTIPART_DATA);
        free(exact);
        at += used;
        CHECK(end - at <= SL__PART_HEAD_MAX + 4); /* what a window has to hold */
        if (step.event == SL__MULTIPART_END) {
            t->end = 1;
            return;
        }
        if (end == len)
            return;
        end = len - end > piece ? end + piece : len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const boundaries[] = {"X", "XX", "----WebKitFormBoundaryabcdefgh01234567"};
    struct talk whole = {0}, cut = {0};
    const char *text, *boundary;
    size_t len;

    if (size < 3)
        return 0;
    text = (const char *)data + 3;
    len = size - 3;
    boundary = boundaries[data[0] >> 6 < 3 ? data[0] >> 6 : 0];
    feed(&whole, boundary, text, len, len, 1);
    feed(&cut, boundary, text, len, data[1] * 256U + data[2], 1 + (data[0] & 63U));
    CHECK(whole.end == cut.end && whole.len == cut.len);
    CHECK(whole.len == 0 || memcmp(whole.text, cut.text, whole.len) == 0);
    free(whole.text);
    free(cut.text);
    return 0;
}
