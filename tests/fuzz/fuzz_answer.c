/*
 * Whatever a program does with a response, what goes over the wire is one answer, with the headers
 * it was allowed to set and no other, and the connection is fit for the next request.
 *
 * The first octet of an input says how the request is made; the others are what the handler does,
 * one thing a line: lines end at 0xfe, so that CR and LF can be tried everywhere. A letter says
 * what it is; see act(). A model keeps what should stand.
 */
#include <stdarg.h>

#include "http/limits.h"
#include "program.h"
#include "wire.h"

#define LINE_END 0xfe
#define HEADERS 64

enum { ASK_HEAD = 1, ASK_OLD = 2, ASK_CLOSE = 4 };

struct header {
    char *name, *value;
};

static const char *script, *script_end;
static struct header headers[HEADERS];
static unsigned header_count;
static bool free_hand; /* the model does not know what stands any more */
static bool committed, promised;

static char *trimmed(const char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return strndup(text, len);
}

static void remove_headers(const char *name)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < header_count; i++) {
        if (name && strcasecmp(headers[i].name, name) != 0) {
            headers[kept++] = headers[i];
            continue;
        }
        free(headers[i].name);
        free(headers[i].value);
    }
    header_count = kept;
}

/* Never to be set by a handler, or in the server's hands. */
static bool is_special(const char *name)
{
    static const char *const names[] = {"Content-Length", "Content-Type", "Location", "Allow"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_good(const char *name, const char *value)
{
    static const char *const own[] = {"Connection", "Transfer-Encoding", "Date",
                                      "Keep-Alive", "Upgrade",           "Trailer"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcasecmp(name, own[i]) == 0)
            return false;
    for (const char *p = value; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 127)
            return false;
    return is_token(name, name + strlen(name));
}

static int set(sl_ctx *c, char *text, bool append)
{
    char *value = strchr(text + (*text == ':'), ':');
    int r;

    if (header_count == HEADERS)
        return 0;
    if (!value) {
        r = sl_set_header(c, text, NULL);
        if (r == 0 && !committed)
            remove_headers(text);
        return r;
    }
    *value++ = '\0';
    r = append ? sl_append_header(c, text, value) : sl_set_header(c, text, value);
    if (committed) {
        CHECK(r == -SL_ECOMMITTED);
        return r;
    }
    if (!is_special(text))
        CHECK(r == (is_good(text, value) ? 0 : -SL_EBADHEADER));
    if (r < 0)
        return r;
    if (!append)
        remove_headers(text);
    promised |= strcasecmp(text, "Content-Length") == 0;
    headers[header_count++] = (struct header){strdup(text), trimmed(value)};
    return 0;
}

static ssize_t two_pieces(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *left = self;

    memset(buf, 'p', len < 7 ? len : 7);
    return (*left)-- > 0 ? (ssize_t)(len < 7 ? len : 7) : 0;
}

static int act(sl_ctx *c, char what, char *text)
{
    int *left;

    switch (what) {
    case 's':
        return set(c, text, false);
    case 'a':
        return set(c, text, true);
    case 'n':
        return sl_set_status(c, atoi(text));
    case 't':
        return sl_type(c, text);
    case 'b':
        return sl_body(c, text);
    case 'x':
        return sl_text(c, "%s", text);
    case 'r':
        return sl_redirect(c, text);
    case 'l':
        promised = true; /* and perhaps not kept */
        return sl_set_header(c, "Content-Length", text);
    case 'p':
        left = sl_alloc(c, sizeof *left);
        *left = 2;
        return sl_stream(c, two_pieces, left);
    case 'w':
        committed = true; /* perhaps not, if it is refused: then the head is open to us anyway */
        free_hand |= sl_status(c) == 204 || sl_status(c) == 304 || sl_status(c) == 205;
        return sl_write(c, text, strlen(text));
    case 'f':
        free_hand = true;
        return sl_fail(c, atoi(text), "%s", text);
    default:
        return 0;
    }
}

static int handle(sl_ctx *c)
{
    int r = 0;

    if (strcmp(sl_path(c), "/after") == 0)
        return sl_text(c, "in step");
    for (const char *p = script; p < script_end && r != -ECANCELED;) {
        const char *stop = memchr(p, LINE_END, (size_t)(script_end - p));
        char *text;

        stop = stop ? stop : script_end;
        text = stop > p ? strndup(p + 1, (size_t)(stop - p) - 1) : NULL;
        r = text ? act(c, *p, text) : 0;
        if (text && *p != 'f')
            r = *p == 'w' ? r : 0; /* who looks at what setting a header returns? */
        free(text);
        if (r < 0) {
            free_hand = true;
            return r;
        }
        p = stop + 1;
    }
    return 0;
}

static struct sl__server *open_server(void)
{
    static const struct sl_limits limits;
    sl_app *app = sl_new();

    CHECK(app && sl_all(app, ".*", handle) == 0);
    wire_open();
    return sl__server_new(&loop, sl__app_service(app), &limits, NULL, NULL);
}

/* Those that stand, each as often as it was set, in its order. */
static void check_headers(const struct answer *a)
{
    unsigned lines = 0;

    for (unsigned i = 0; i < header_count && !free_hand; i++) {
        unsigned before = 0;
        char *value;

        if (is_special(headers[i].name))
            continue;
        lines++;
        for (unsigned j = 0; j < i; j++)
            before += strcasecmp(headers[i].name, headers[j].name) == 0;
        value = answer_field(a, headers[i].name, before);
        if (!value || strcmp(value, headers[i].value) != 0)
            fprintf(stderr, "%s: \"%s\", not \"%s\"\n", headers[i].name, value ? value : "(none)",
                    headers[i].value);
        CHECK(value && strcmp(value, headers[i].value) == 0);
        free(value);
    }
    for (const char *p = a->fields, *stop; p < a->fields_end && !free_hand; p = stop + 2) {
        char *name = strndup(p, (size_t)(strchr(p, ':') - p));

        stop = line_end(p, a->fields_end);
        if (!is_special(name) && strcasecmp(name, "Date") != 0 &&
            strcasecmp(name, "Connection") != 0 && strcasecmp(name, "Transfer-Encoding") != 0)
            CHECK(lines-- > 0);
        free(name);
    }
    CHECK(free_hand || lines == 0);
}

static void check(const struct heard *h, unsigned how)
{
    const char *p = h->got, *end = h->got + h->len;
    struct answer a;

    CHECK(h->len > 0);
    if (!take_answer(&p, end, how & ASK_HEAD, &a)) {
        CHECK(h->eof && (free_hand || promised)); /* it failed half-way, or promised more */
        return;
    }
    CHECK(a.status >= 200 && !(a.chunked && how & ASK_OLD));
    check_headers(&a);
    if (a.closes || a.until_close) {
        CHECK(p == end && h->eof);
        return;
    }
    if (p == end && h->eof && free_hand && committed)
        return; /* it failed behind the last octet it had promised */
    CHECK(!(how & ASK_CLOSE) && !(how & ASK_OLD));
    CHECK(take_answer(&p, end, false, &a) && p == end);
    CHECK(a.status == 200 && a.body_len == 7 && memcmp(a.body, "in step", 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sl__server *server;
    struct heard h = {0};
    char text[256];
    unsigned how;
    int pair[2];

    if (size < 1 || size > 4096)
        return 0;
    if (!server)
        server = open_server();
    sl__log_sink = program_no_log;
    how = data[0];
    script = (const char *)data + 1;
    script_end = (const char *)data + size;
    free_hand = committed = promised = false;
    snprintf(text, sizeof text, "%s /a HTTP/1.%d\r\nHost: a\r\n%s\r\n%s",
             how & ASK_HEAD ? "HEAD" : "GET", how & ASK_OLD ? 0 : 1,
             how & ASK_CLOSE ? "Connection: close\r\n" : "",
             "GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(sl__server_adopt(server, pair[1], 0) == 0);
    CHECK(say(pair[0], text, strlen(text), &h));
    settle(pair[0], &h);
    check(&h, how);
    close(pair[0]);
    for (int i = 0; i < 6; i++)
        CHECK(sl__loop_once(&loop, 0) == 0);
    CHECK(sl__server_connections(server) == 0 && sl__fibers_live() == 0);
    remove_headers(NULL);
    free(h.got);
    return 0;
}
