/*
 * Routes: any set of patterns, any path, and a slow matcher of our own that must agree about who
 * runs, in which order, with which parameters, and about the status when nobody does.
 *
 * The first line of an input is a method's letter and the target; each further line defines
 * something: a route by its method's letter (a capital goes on with sl_next()), 'u' a layer, 'r' a
 * router under a prefix, which takes what follows until a line 'e'. The matcher knows no tree, no
 * hash and no search: it splits everything anew for every route. Regular expressions are asked of
 * PCRE2 without machine code.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <string.h>

#include "app/regex.h"
#include "base/log.h"
#include "program.h"

#define ITEMS 40
#define NAMES 8
#define TEXT 600
#define SEGMENTS 64 /* a pattern has at most so many */
#define GROUPS 32

enum kind { ROUTE, LAYER, ROUTER, END };

struct item {
    enum kind kind;
    const char *method; /* NULL: every one */
    char *text;         /* pattern or prefix */
    bool goes_on, regex;
};

/* One that ran, and what it caught: "name=value\n" for each name of its pattern and prefix. */
struct trace {
    unsigned count;
    struct {
        const struct item *item;
        char caught[TEXT];
    } ran[ITEMS];
};

static struct item items[ITEMS];
static unsigned item_count;
static struct trace seen, wanted;
static const struct item *prefix_of[ITEMS]; /* the router an item is in; NULL */
static bool gave_up;                        /* the log said so, or PCRE2 did */

static const struct {
    char letter;
    const char *name;
} methods[] = {{'g', "GET"},   {'h', "HEAD"}, {'p', "POST"}, {'d', "DELETE"}, {'o', "OPTIONS"},
               {'x', "PURGE"}, {'y', "LINK"}, {'t', "PUT"},  {'m', "PATCH"},  {'a', NULL}};

/* Text, cut when it is too long: then it is so on both sides. */
static void note(char *to, const char *name, const char *value)
{
    size_t len = strlen(to);

    snprintf(to + len, TEXT - len, "%s=%s\n", name, value ? value : "(null)");
}

/* The oracle: paths. */

struct list {
    unsigned count;
    struct {
        const char *ptr;
        size_t len;
    } of[2000];
};

static void split(const char *text, size_t len, struct list *ret)
{
    size_t at = 1;

    ret->count = 0;
    for (;;) {
        size_t n = 0;

        while (at + n < len && text[at + n] != '/')
            n++;
        ret->of[ret->count].ptr = text + at;
        ret->of[ret->count++].len = n;
        at += n + 1;
        if (at > len)
            return;
    }
}

static char *decode(const char *p, size_t len, bool keep_slash)
{
    char *out = malloc(len + 1), *to = out;

    CHECK(out);
    for (size_t i = 0; i < len; i++) {
        char hex[3] = {0};

        if (p[i] != '%') {
            *to++ = p[i];
            continue;
        }
        memcpy(hex, p + i + 1, 2); /* the parser has seen to it */
        if (keep_slash && hex[0] == '2' && (hex[1] == 'F' || hex[1] == 'f')) {
            memcpy(to, p + i, 3);
            to += 3;
        } else {
            *to++ = (char)strtol(hex, NULL, 16);
        }
        i += 2;
    }
    *to = '\0';
    return out;
}

/* As written, from segment @p at on. */
static char *rest_of(const struct list *path, unsigned at)
{
    const char *end = path->of[path->count - 1].ptr + path->of[path->count - 1].len;

    if (at >= path->count)
        return calloc(1, 1);
    return decode(path->of[at].ptr, (size_t)(end - path->of[at].ptr), true);
}

static bool name_is_good(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)p[i]) && p[i] != '_')
            return false;
    return true;
}

static bool pattern_is_good(const char *text, bool prefix)
{
    static struct list l;

    if (*text != '/')
        return false;
    split(text, strlen(text), &l);
    if (l.count > SEGMENTS)
        return false;
    for (unsigned i = 0; i < l.count; i++) {
        const char *p = l.of[i].ptr;
        size_t len = l.of[i].len;

        if (len > 0 && (*p == ':' || *p == '*')) {
            if (!name_is_good(p + 1, len - 1) || (*p == ':' && len == 1))
                return false;
            if (*p == '*' && (prefix || i + 1 < l.count))
                return false;
            for (unsigned j = 0; j < i; j++) /* ":a" and "*a" are the same name */
                if ((l.of[j].ptr[0] == ':') && l.of[j].len == len && len > 1 &&
                    memcmp(l.of[j].ptr + 1, p + 1, len - 1) == 0)
                    return false;
        } else if (memchr(p, '?', len) || memchr(p, '#', len) || memchr(p, '*', len)) {
            return false;
        }
    }
    return true;
}

/* Matches a pattern's segments from @p base on; *ret_used is where they end, 0 when the rest was
 * taken. Notes what is caught. */
static bool match_segments(const char *text, const struct list *path, unsigned base, bool whole,
                           char *caught, unsigned *ret_used)
{
    static struct list l;
    unsigned at = base, left = path->count > base ? path->count - base : 0;
    bool virtual = left == 0; /* a prefix has taken everything: what is left is "/" */

    split(text, strlen(text), &l);
    if (whole && virtual)
        left = 1;
    for (unsigned i = 0; i < l.count; i++, at++) {
        size_t len = l.of[i].len;
        char name[300] = "", *value;
        bool same;

        snprintf(name, sizeof name, "%.*s", len > 1 ? (int)len - 1 : 0, l.of[i].ptr + 1);
        if (len > 0 && l.of[i].ptr[0] == '*') {
            if (left == 0)
                return false;
            value = rest_of(path, at);
            note(caught, *name ? name : "*", value);
            free(value);
            *ret_used = 0;
            return true;
        }
        if (left-- == 0)
            return false;
        value = virtual ? calloc(1, 1) : decode(path->of[at].ptr, path->of[at].len, false);
        same = strlen(value) == len && memcmp(value, l.of[i].ptr, len) == 0;
        if (len > 0 && l.of[i].ptr[0] == ':') {
            same = *value != '\0';
            note(caught, name, value);
        }
        free(value);
        if (!same)
            return false;
    }
    *ret_used = at;
    return !whole || left == 0;
}

/* The oracle: expressions. */

static pcre2_code *compile(const char *text)
{
    uint32_t options =
        PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
    uint32_t captures;
    PCRE2_SIZE at;
    int error;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);

    if (!code)
        return NULL;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
    if (captures < GROUPS)
        return code;
    pcre2_code_free(code);
    return NULL;
}

static bool match_regex(const char *text, const char *subject, char *caught)
{
    pcre2_code *code = compile(text);
    pcre2_match_data *data = pcre2_match_data_create(GROUPS, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int n;

    CHECK(code && data && context);
    pcre2_set_match_limit(context, 20000);
    n = pcre2_match(code, (PCRE2_SPTR)subject, strlen(subject), 0, PCRE2_NO_JIT, data, context);
    gave_up |= n < 0 && n != PCRE2_ERROR_NOMATCH;
    for (int i = 1; i < n && i < 4; i++) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data) + (ptrdiff_t)2 * i;
        char name[2] = {(char)('0' + i)}, *value;

        if (at[0] == PCRE2_UNSET || at[0] > at[1])
            continue;
        value = strndup(subject + at[0], at[1] - at[0]);
        note(caught, name, value);
        free(value);
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return n > 0;
}

/* The oracle: the whole request. */

struct question {
    const char *method;
    struct list path;
};

static bool matches(const struct item *item, const struct question *q, unsigned base, char *caught)
{
    unsigned used;
    char *rest, *subject;
    bool yes;

    if (!item->regex)
        return match_segments(item->text, &q->path, base, true, caught, &used);
    rest = rest_of(&q->path, base);
    CHECK(asprintf(&subject, "/%s", rest) > 0);
    yes = match_regex(item->text, subject, caught);
    free(subject);
    free(rest);
    return yes;
}

/* Routes that follow each other are one table; a HEAD route of the table for this path, if any,
 * keeps its GET routes from answering HEAD. */
static bool get_answers_head(unsigned at, const struct question *q, unsigned base)
{
    char caught[TEXT] = "";
    unsigned from = at, to = at;

    while (from > 0 && items[from - 1].kind == ROUTE)
        from--;
    while (to < item_count && items[to].kind == ROUTE)
        to++;
    for (; from < to; from++)
        if (items[from].method && strcmp(items[from].method, "HEAD") == 0 &&
            matches(&items[from], q, base, caught))
            return false;
    return true;
}

/* What the prefix caught, of which the route's own hide those of their name. */
static void add_prefix(char *to, const char *own, const char *params)
{
    while (*params) {
        size_t name = strcspn(params, "=") + 1, len = strcspn(params, "\n") + 1, at = strlen(to);
        const char *from = params, *p = own;

        for (; *p && from == params; p += strcspn(p, "\n") + 1)
            if (strncmp(p, params, name) == 0)
                from = p;
        snprintf(to + at, TEXT - at, "%.*s\n", (int)strcspn(from, "\n"), from);
        params += len;
    }
}

struct verdict {
    bool passed, some, known, has_routes, answered;
};

/* Runs items from @p at on until @p END or one that does not go on; @p params of the prefix. */
static unsigned run_items(unsigned at, const struct question *q, unsigned base, const char *params,
                          struct verdict *v)
{
    for (; at < item_count && items[at].kind != END && !v->answered; at++) {
        const struct item *item = &items[at];
        char caught[TEXT] = "";
        bool takes;

        if (item->kind == ROUTER) {
            unsigned inner = base;
            bool under =
                !*item->text || match_segments(item->text, &q->path, base, false, caught, &inner);

            if (under)
                at = run_items(at + 1, q, inner, caught, v);
            else
                while (at < item_count && items[at].kind != END)
                    at++;
            if (v->answered)
                break;
            continue;
        }
        if (item->kind == ROUTE) {
            bool match = matches(item, q, base, caught);

            v->passed = true;
            takes = !item->method || strcmp(item->method, q->method) == 0;
            v->known |= takes;
            v->some |= match;
            if (!takes && strcmp(q->method, "HEAD") == 0 && strcmp(item->method, "GET") == 0)
                takes = get_answers_head(at, q, base);
            if (!match || !takes)
                continue;
        }
        CHECK(wanted.count < ITEMS);
        wanted.ran[wanted.count].item = item;
        strcpy(wanted.ran[wanted.count].caught, caught);
        add_prefix(wanted.ran[wanted.count].caught, caught, params);
        wanted.count++;
        v->answered = item->kind == ROUTE && !item->goes_on;
        v->has_routes |= item->kind == ROUTE; /* one ran */
    }
    return at;
}

static int status_wanted(const struct question *q, const struct verdict *v)
{
    bool other = strcmp(q->method, "PURGE") == 0 || strcmp(q->method, "LINK") == 0;
    bool routes = false;

    for (unsigned i = 0; i < item_count; i++)
        routes |= items[i].kind == ROUTE ? !prefix_of[i] : items[i].kind == ROUTER;
    if (v->has_routes || !routes)
        return 200;
    if (!v->passed)
        return 404;
    if (strcmp(q->method, "OPTIONS") == 0 && v->some)
        return 204;
    if (other && !v->known)
        return 501;
    return v->some ? 405 : 404;
}

/* The program under test. */

static int run(sl_ctx *c, void *self)
{
    const struct item *item = self;
    const struct item *prefix = prefix_of[item - items];
    char *caught;

    CHECK(seen.count < ITEMS);
    caught = seen.ran[seen.count].caught;
    seen.ran[seen.count].item = item;
    *caught = '\0';
    seen.count++;
    for (int both = 0; both < 2; both++) {
        static struct list l;
        const struct item *from = both == 0 ? item : prefix;

        if (!from || !*from->text)
            continue;
        for (int i = 1; from->regex && i < 4; i++) {
            char name[2] = {(char)('0' + i)};

            if (sl_param(c, name) && !prefix)
                note(caught, name, sl_param(c, name));
        }
        if (from->regex || from->kind == LAYER)
            continue;
        split(from->text, strlen(from->text), &l);
        for (unsigned i = 0; i < l.count; i++) {
            char name[300];

            if (l.of[i].len == 0 || (l.of[i].ptr[0] != ':' && l.of[i].ptr[0] != '*'))
                continue;
            snprintf(name, sizeof name, "%.*s", (int)l.of[i].len - 1, l.of[i].ptr + 1);
            note(caught, *name ? name : "*", sl_param(c, *name ? name : "*"));
        }
    }
    return item->kind == LAYER || item->goes_on ? sl_next(c) : 0;
}

/* 0, or a pattern was refused: then the matcher would have refused it, too. */
static int define(sl_app *app, sl_router *router, struct item *item)
{
    sl_middleware m = {run, item, NULL};
    bool good = true;
    int r;

    if (item->kind == LAYER)
        return router ? sl_router_use_middleware(router, m) : sl_use(app, m);
    if (!item->regex) {
        good = pattern_is_good(item->text, false);
    } else {
        pcre2_code *code = compile(item->text);

        good = code != NULL;
        pcre2_code_free(code);
    }
    r = router ? sl_router_route(router, item->method, item->text, &m, 1)
               : sl_app_route(app, item->method, item->text, &m, 1);
    if ((r == 0) != good)
        fprintf(stderr, "\"%s\": %d, good %d\n", item->text, r, good);
    CHECK((r == 0) == good && (r == 0 || r == -SL_EBADPATTERN));
    return r;
}

/* What is good is in items and app then. */
static void define_all(sl_app *app, struct item *read, unsigned count)
{
    sl_router *router = NULL;
    const struct item *inside = NULL;

    item_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct item *item = &items[item_count];

        *item = read[i];
        prefix_of[item_count] = inside;
        if (item->kind == END && !router)
            continue;
        if (item->kind == END) {
            CHECK(sl_use(app, sl_routes(router)) == 0);
            router = NULL;
            inside = NULL;
        } else if (item->kind == ROUTER) {
            if (router)
                continue;
            if (*item->text && !pattern_is_good(item->text, true)) {
                sl_router_free(sl_router_new(.prefix = item->text));
                continue;
            }
            router = sl_router_new(.prefix = item->text);
            inside = item;
        } else if (define(app, router, item) < 0) {
            gave_up = true;
            continue;
        }
        item_count++;
    }
    if (router) {
        CHECK(sl_use(app, sl_routes(router)) == 0);
        items[item_count] = (struct item){.kind = END};
        prefix_of[item_count++] = NULL;
    }
}

static const char *method_of(char letter)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].letter == letter)
            return methods[i].name;
    return "GET";
}

static void quiet(enum sl__level level, const char *line)
{
    gave_up |= level == SL__WARN;
}

/* Lines, each a string; returns how many. */
static unsigned take_lines(char *text, struct item *read, char **ret_first)
{
    unsigned count = 0;
    char *save = NULL, *line = strtok_r(text, "\n", &save);

    *ret_first = line;
    while (line && (line = strtok_r(NULL, "\n", &save)) && count < ITEMS - 2) {
        char letter = (char)tolower((unsigned char)*line);
        struct item *item = &read[count++];

        *item = (struct item){.text = line + 1, .goes_on = letter != *line};
        if (letter == 'u')
            item->kind = LAYER;
        else if (letter == 'r')
            item->kind = ROUTER;
        else if (letter == 'e')
            item->kind = END;
        else
            item->method = method_of(letter);
        item->regex = item->kind == ROUTE && line[1] != '/';
        if (item->kind == ROUTER) /* "/api/" and "/api" are the same */
            for (size_t n = strlen(line); n > 1 && line[n - 1] == '/'; n--)
                line[n - 1] = '\0';
        if (strlen(line) > 150)
            count--;
    }
    return count;
}

/* The matcher's word on it, and both compared. */
static void judge(const struct question *q, int status)
{
    struct verdict v = {0};
    bool same;

    wanted.count = 0;
    run_items(0, q, 0, "", &v);
    if (gave_up)
        return;
    same = wanted.count == seen.count && status == status_wanted(q, &v);
    for (unsigned i = 0; same && i < wanted.count; i++) {
        const struct item *item = wanted.ran[i].item;

        same = item == seen.ran[i].item;
        if (!item->regex || !prefix_of[item - items]) /* else names might be of either */
            same = same && strcmp(wanted.ran[i].caught, seen.ran[i].caught) == 0;
    }
    if (same)
        return;
    fprintf(stderr, "%d, but wanted %d\n", status, status_wanted(q, &v));
    for (unsigned i = 0; i < seen.count; i++)
        fprintf(stderr, "ran %td \"%s\": %s\n", seen.ran[i].item - items, seen.ran[i].item->text,
                seen.ran[i].caught);
    for (unsigned i = 0; i < wanted.count; i++)
        fprintf(stderr, "wanted %td \"%s\": %s\n", wanted.ran[i].item - items,
                wanted.ran[i].item->text, wanted.ran[i].caught);
    CHECK(same);
}

/* Begins the request; false if the parser refuses it. */
static bool ask(const char *first, char *text, size_t size, struct sl__request *request,
                const char **ret_method)
{
    *ret_method = *first ? method_of((char)tolower((unsigned char)*first)) : "GET";
    if (!*ret_method)
        *ret_method = "GET";
    snprintf(text, size, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", *ret_method, *first ? first + 1 : "");
    return program_ask(text, request) && !request->asterisk;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct question q;
    static struct item read[ITEMS];
    char text[1400], copy[1200], *first;
    struct sl__request request;
    struct sl__str path;
    unsigned count;
    sl_app *app;

    if (size < 2 || size >= 1000 || memchr(data, '\0', size))
        return 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    sl__log_sink = quiet;
    count = take_lines(copy, read, &first);
    if (!first || !ask(first, text, sizeof text, &request, &q.method))
        return 0;
    app = sl_new();
    CHECK(app);
    gave_up = false;
    define_all(app, read, count); /* gives up on what would not be served: a bad pattern */
    seen.count = 0;
    path = sl__request_str(&request, request.path);
    if (path.len == 0)
        path = SL__STR("/");
    split(path.ptr, path.len, &q.path);
    if (q.path.count <= SEGMENTS)
        judge(&q, program_serve(app, &request));
    else
        program_serve(app, &request);
    sl_free(app);
    sl__regex_finish_thread();
    return 0;
}
