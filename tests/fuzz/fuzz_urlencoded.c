/*
 * A form of pairs, through a whole app: the same whether its body comes whole or in pieces, and the
 * same as a second, slow reading of it here; the query's own reader takes the same pairs from a
 * target.
 *
 * The first octet of an input is the length of the pieces.
 */
#include <stdarg.h>
#include <string.h>

#include "program.h"
#include "shallot/form.h"

#define MOST 20 /* fields */
#define SAID 8192

static const char *body;
static size_t body_len, body_at, piece;
static char said[SAID];

static ssize_t read_body(struct sl__exchange *x, void *buf, size_t len)
{
    size_t n = body_len - body_at;

    n = n < len ? n : len;
    n = n < piece ? n : piece;
    memcpy(buf, body + body_at, n);
    body_at += n;
    return (ssize_t)n;
}

static void say(size_t *len, const char *text)
{
    size_t n = strlen(text) + 1;

    CHECK(*len + n <= SAID);
    memcpy(said + *len, text, n);
    *len += n;
}

static size_t said_len;

static int handle(sl_ctx *c)
{
    const char *name, *value;
    int r = sl_request_form(c);

    said_len = 0;
    if (r < 0)
        return r;
    for (size_t i = 0; sl_form_pair(c, i, &name, &value); i++) {
        say(&said_len, name);
        say(&said_len, value);
        CHECK(sl_form(c, name) && sl_form_at(c, name, 0) == sl_form(c, name));
    }
    return 0;
}

static int serve(sl_app *app, size_t pieces)
{
    static const struct sl__exchange_ops ops = {.read_body = read_body, .remote = program_nobody};
    char head[] =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    static struct sl_limits limits;
    struct sl__exchange x = {.ops = &ops, .limits = &limits};
    struct sl__service *s = sl__app_service(app);
    int status;

    sl__limits_fill(&limits);
    limits.form_parts = MOST;
    CHECK(program_ask(head, &x.request));
    body_at = 0;
    piece = pieces;
    sl__response_init(&x.response);
    s->serve(s, &x);
    status = x.response.status;
    if (x.ended)
        x.ended(&x);
    sl__response_clear(&x.response);
    sl__arena_reset(&x.arena);
    return status;
}

static int hex(int c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return c >= '0' && c <= '9' ? c - '0' : at && c >= 'A' ? (int)(at - digits) : -1;
}

/* The slow reading. The status, and the pairs as handle() says them. */
static int read_slowly(char *out, size_t *ret)
{
    size_t len = 0, fields = 0;

    for (size_t i = 0; i < body_len;) {
        bool value = false;

        if (body[i] == '&') {
            i++;
            continue;
        }
        if (fields++ == MOST)
            return 413;
        for (; i < body_len && body[i] != '&'; i++) {
            int c = (unsigned char)body[i];

            if (c == '=' && !value) {
                value = true;
                c = 0;
            } else if (c == '%') {
                int a = i + 1 < body_len ? hex(body[i + 1]) : -1;
                int b = i + 2 < body_len ? hex(body[i + 2]) : -1;

                if (a < 0 || b < 0 || a + b == 0)
                    return 400;
                c = a * 16 + b;
                i += 2;
            } else if (c == '+') {
                c = ' ';
            } else if (c == 0) {
                return 400;
            }
            out[len++] = (char)c;
        }
        if (!value)
            out[len++] = '\0';
        out[len++] = '\0';
    }
    *ret = len;
    return 200;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_app *app;
    char slow[SAID];
    size_t slow_len = 0, whole_len;
    char whole[SAID];
    int status, wanted;

    if (size < 1 || size > 3000)
        return 0;
    if (!app) {
        app = sl_new();
        CHECK(app && sl_post(app, "/", handle) == 0);
    }
    sl__log_sink = program_no_log;
    body = (const char *)data + 1;
    body_len = size - 1;
    status = serve(app, SIZE_MAX);
    whole_len = said_len;
    memcpy(whole, said, said_len);
    CHECK(serve(app, 1 + data[0]) == status && said_len == whole_len &&
          memcmp(whole, said, said_len) == 0);
    wanted = read_slowly(slow, &slow_len);
    CHECK(status == wanted);
    if (status == 200)
        CHECK(slow_len == whole_len && memcmp(slow, whole, slow_len) == 0);
    return 0;
}
