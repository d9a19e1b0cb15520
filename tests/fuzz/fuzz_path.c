/*
 * What a program is told about a target and its cookies: path, segments, parameters, query, against
 * decoders of our own that go octet by octet and know no tables, no arena and no sharing.
 *
 * The first line of an input is the target, the second the value of Cookie.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#include "app/path.h"
#include "program.h"

#define PAIRS 1000

struct pair {
    char *name, *value;
};

static const char *target, *cookie; /* as sent */
static struct pair pairs[PAIRS];
static unsigned pair_count;
static bool ran;

static bool is_escape(const char *p)
{
    return p[0] == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]);
}

/* Decodes until @p end; what is in @p keep stays escaped. */
static char *decode(const char *p, const char *end, const char *keep, bool form)
{
    char *out = calloc(1, (size_t)(end - p) + 1);
    size_t n = 0;

    CHECK(out);
    while (p < end) {
        char hex[3] = {0}, octet = form && *p == '+' ? ' ' : *p;

        if (is_escape(p)) {
            memcpy(hex, p + 1, 2);
            octet = (char)strtol(hex, NULL, 16);
            if (strchr(keep, octet)) {
                memcpy(out + n, p, 3);
                n += 3;
            } else {
                out[n++] = octet;
            }
            p += 3;
            continue;
        }
        out[n++] = octet;
        p++;
    }
    return out;
}

static void keep_pair(char *name, char *value)
{
    CHECK(pair_count < PAIRS);
    pairs[pair_count++] = (struct pair){name, value};
}

static void forget_pairs(void)
{
    while (pair_count > 0) {
        free(pairs[--pair_count].name);
        free(pairs[pair_count].value);
    }
}

static const char *first_value(const char *name)
{
    for (unsigned i = 0; i < pair_count; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

static bool same(const char *a, const char *b)
{
    bool yes = a && b ? strcmp(a, b) == 0 : a == b;

    if (!yes)
        fprintf(stderr, "\"%s\" and \"%s\"\n", a ? a : "(null)", b ? b : "(null)");
    return yes;
}

static void check_query(sl_ctx *c, const char *query, const char *end)
{
    while (query < end) {
        const char *stop = memchr(query, '&', (size_t)(end - query)), *equals;

        stop = stop ? stop : end;
        equals = memchr(query, '=', (size_t)(stop - query));
        equals = equals ? equals : stop;
        if (stop > query)
            keep_pair(decode(query, equals, "", true),
                      decode(equals < stop ? equals + 1 : stop, stop, "", true));
        query = stop + 1;
    }
    for (unsigned i = 0; i < pair_count; i++)
        CHECK(same(sl_query(c, pairs[i].name), first_value(pairs[i].name)));
    CHECK(same(sl_query(c, "nobody"), first_value("nobody")));
    forget_pairs();
}

static char *trimmed(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return strndup(p, (size_t)(end - p));
}

static void check_cookies(sl_ctx *c)
{
    const char *p = cookie, *end = cookie + strlen(cookie);

    while (p < end) {
        const char *stop = strchr(p, ';'), *equals;

        stop = stop ? stop : end;
        equals = memchr(p, '=', (size_t)(stop - p));
        if (equals) {
            char *name = trimmed(p, equals), *value = trimmed(equals + 1, stop);
            size_t len = strlen(value);

            if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
                memmove(value, value + 1, len - 2);
                value[len - 2] = '\0';
            }
            if (*name) {
                keep_pair(name, value);
            } else {
                free(name);
                free(value);
            }
        }
        p = stop + 1;
    }
    for (unsigned i = 0; i < pair_count; i++)
        CHECK(same(sl_cookie(c, pairs[i].name), first_value(pairs[i].name)));
    CHECK(same(sl_cookie(c, "nobody"), first_value("nobody")));
    forget_pairs();
}

/* The same path once more, as routes see it. */
static void check_segments(const char *raw, const char *end, const char *text)
{
    static struct sl__request r;
    struct sl__arena arena = {0};
    struct sl__path path;
    size_t at = 1, i = 0;
    char *copy = strndup(raw, (size_t)(end - raw));

    r = (struct sl__request){.base = copy, .path = {0, (uint32_t)(end - raw)}};
    r.path_escaped = strchr(copy, '%') != NULL;
    CHECK(sl__path_init(&path, &r, &arena) == 0 && sl__path_split(&path, &r, &arena) == 0);
    for (raw++;; i++) {
        const char *slash = memchr(raw, '/', (size_t)(end - raw)), *stop = slash ? slash : end;
        char *plain = decode(raw, stop, "", false), *kept = decode(raw, stop, "/", false);
        const struct sl__segment *s = &path.segments[i];

        CHECK(i < path.count);
        CHECK(i + 1 == SL__SEGMENTS_MAX ||
              (s->len == strlen(plain) && memcmp(s->ptr, plain, s->len) == 0));
        CHECK(s->hash == sl__path_hash(s->ptr, s->len));
        CHECK(s->at == at);
        CHECK(same(strndupa(path.text.ptr + s->at, path.text.len - s->at), text + at));
        at += strlen(kept) + 1;
        free(plain);
        free(kept);
        if (!slash || i + 1 == SL__SEGMENTS_MAX) {
            CHECK(path.more == (slash != NULL));
            break;
        }
        raw = slash + 1;
    }
    CHECK(i + 1 == path.count);
    free(copy);
    sl__arena_reset(&arena);
}

static int look(sl_ctx *c)
{
    const char *end = target + strlen(target), *query = strchr(target, '?'), *path = target;
    const char *path_end = query ? query : end;
    char *text;

    ran = true;
    CHECK(same(sl_target(c), target));
    if (*target != '/') { /* the absolute form, as the parser has let it through */
        path = strstr(target, "//");
        CHECK(path);
        for (path += 2; path < path_end && *path != '/'; path++)
            ;
    }
    text = path < path_end ? decode(path, path_end, "/", false) : strdup("/");
    CHECK(same(sl_path(c), text));
    CHECK(same(sl_param(c, "rest"), text + 1));
    if (path < path_end)
        check_segments(path, path_end, text);
    free(text);
    check_query(c, query ? query + 1 : end, end);
    check_cookies(c);
    return 0;
}

static sl_app *open_app(void)
{
    sl_app *made = sl_new();

    CHECK(made && sl_get(made, "/*rest", look) == 0);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_app *app;
    char line[2000], text[4200];
    struct sl__request request;
    char *second;

    if (size >= sizeof(line) || memchr(data, '\0', size))
        return 0;
    if (!app)
        app = open_app();
    memcpy(line, data, size);
    line[size] = '\0';
    second = strchr(line, '\n');
    if (second)
        *second++ = '\0';
    target = line;
    cookie = second ? second : "";
    if (strpbrk(cookie, "\r\n") || cookie[strspn(cookie, " \t")] == '\0')
        cookie = "";
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n", target,
             cookie);
    if (!program_ask(text, &request) || request.asterisk || request.field_count != 2)
        return 0;
    if (strncmp(text + request.target.at, target, request.target.len + 1) != 0)
        return 0; /* the line had a space in it */
    ran = false;
    CHECK(program_serve(app, &request) == 200 && ran);
    return 0;
}
