/*
 * The page of a request that nobody answered: the routes there are, the closest one marked.
 */
#include <stdlib.h>

#include "app/allowed.h"
#include "app/ctx.h"
#include "app/routes.h"
#include "develop/show.h"
#include "fiber/fiber.h"
#include "http/status.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define TEXT_MAX 255u
#define ROUTES_MAX 400u

struct row {
    struct sl__str method, pattern;
    unsigned distance; /* of the path */
};

struct rows {
    struct row list[ROUTES_MAX];
    unsigned count, more; /* more: left out */
    unsigned nearest;     /* the smallest distance there is */
};

unsigned sl__distance(struct sl__str a, struct sl__str b)
{
    unsigned row[TEXT_MAX + 1];

    a.len = a.len < TEXT_MAX ? a.len : TEXT_MAX;
    b.len = b.len < TEXT_MAX ? b.len : TEXT_MAX;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned corner = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned change = corner + (a.ptr[i - 1] != b.ptr[j - 1]);
            unsigned shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            corner = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b.len];
}

/* Moves behind the next slash; false at the end. */
static bool next_segment(const char **at)
{
    const char *slash = strchr(*at, '/');

    *at = slash ? slash + 1 : *at + strlen(*at);
    return slash != NULL;
}

void sl__pattern_filled(const char *pattern, const char *path, char *buf, size_t size)
{
    size_t len = 0;
    bool more = true, there = true;

    pattern += *pattern == '/';
    path += *path == '/';
    while (more && len + 2 < size) {
        const char *from = pattern;
        bool given = (*pattern == ':' && there && *path != '/' && *path) || *pattern == '*';
        size_t n;

        if (given)
            from = there ? path : "";
        n = *pattern == '*' ? strlen(from) : strcspn(from, "/");
        if (n > size - len - 2)
            n = size - len - 2;
        buf[len++] = '/';
        memcpy(buf + len, from, n);
        len += n;
        more = next_segment(&pattern);
        there = next_segment(&path);
    }
    buf[len] = '\0';
}

/* "GET     /users/:id", "*       ~ .*", "GET     //example.com/x" */
static void add_row(struct rows *rows, struct sl__str line, const char *path)
{
    char pattern[TEXT_MAX + 1], filled[2 * TEXT_MAX];
    const char *space = memchr(line.ptr, ' ', line.len);
    struct row row = {.distance = TEXT_MAX};

    if (!space)
        return;
    row.method = (struct sl__str){line.ptr, (size_t)(space - line.ptr)};
    row.pattern = sl__str_trim((struct sl__str){space, line.len - row.method.len});
    if (row.pattern.len > 0 && row.pattern.len < sizeof pattern && row.pattern.ptr[0] == '/') {
        memcpy(pattern, row.pattern.ptr, row.pattern.len);
        pattern[row.pattern.len] = '\0';
        sl__pattern_filled(pattern, path, filled, sizeof filled);
        row.distance = sl__distance(sl__str_of(filled), sl__str_of(path));
    }
    if (rows->count == ROUTES_MAX) {
        rows->more++;
        return;
    }
    if (row.distance < rows->nearest)
        rows->nearest = row.distance;
    rows->list[rows->count++] = row;
}

static void read_routes(struct rows *rows, const struct sl__buf *text, const char *path)
{
    const char *at = text->data + text->at, *end = text->data + text->end;

    rows->nearest = TEXT_MAX;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;

        add_row(rows, (struct sl__str){at, (size_t)(stop - at)}, path);
        at = stop + 1;
    }
}

/* So far away that nobody meant it. */
static bool is_near(const struct rows *rows, const struct row *row, const char *path)
{
    size_t len = strlen(path);

    return row->distance == rows->nearest && row->distance <= (len < 6 ? 2 : len / 3);
}

static void write_row(struct sl__html *h, const struct rows *rows, const struct row *row,
                      const char *path, int status)
{
    bool near = is_near(rows, row, path);
    bool any = sl__str_equal(row->method, SL__STR("*"));

    sl__html_put(h, near ? "<tr class=\"near\"><td>" : "<tr><td>");
    sl__html_text(h, any ? SL__STR("any") : row->method);
    sl__html_put(h, "</td><td>");
    sl__html_text(h, row->pattern);
    if (near)
        sl__html_put(h, status == 405 ? " <span class=\"tag\">this path</span>"
                                      : " <span class=\"tag\">closest</span>");
    sl__html_put(h, "</td></tr>\n");
}

static void write_routes(struct sl__html *h, sl_ctx *c, int status)
{
    struct rows *rows = calloc(1, sizeof *rows);
    struct sl__buf text = {0};

    if (!rows || sl__app_routes(c->app, &text) < 0)
        goto out;
    read_routes(rows, &text, sl_path(c));
    if (rows->count == 0)
        goto out;
    sl__html_format(h, "<section><h2>Routes <small>%u</small></h2>\n<div class=\"card\">",
                    rows->count + rows->more);
    sl__html_put(h, "<table class=\"list\"><thead><tr><th>Method</th><th>Pattern</th></tr></thead>"
                    "<tbody>\n");
    for (unsigned i = 0; i < rows->count; i++)
        write_row(h, rows, &rows->list[i], sl_path(c), status);
    sl__html_put(h, "</tbody></table>");
    if (rows->more)
        sl__html_format(h, "<p class=\"body muted\">and %u more: <code>shallot routes</code></p>",
                        rows->more);
    sl__html_put(h, "</div></section>\n");
out:
    sl__buf_finish(&text);
    free(rows);
}

static void write_lead(struct sl__html *h, sl_ctx *c, int status)
{
    const char *route = c->x->fiber ? sl__fiber_label(c->x->fiber) : NULL;
    const char *allowed = sl_response_header(c, "Allow");

    if (c->routes_ran)
        sl__html_format(h, "The route <code>%s</code> ran, set the status %d and gave no body.",
                        route ? route : "?", status);
    else if (status == 405 && allowed)
        sl__html_format(h, "There are routes for this path, but they take <code>%s</code>.",
                        allowed);
    else if (status == 404 && c->allowed.passed)
        sl__html_put(h, "No route takes this path, and no layer had an answer.");
    else if (status == 501)
        sl__html_put(h, "No route takes this method.");
    else
        sl__html_format(h, "A layer set the status %d and gave no body.", status);
}

void sl__write_status(struct sl__html *h, sl_ctx *c)
{
    int status = c->x->response.status;
    struct sl__asked asked;

    sl__html_format(h, "<div class=\"hero\"><span class=\"badge calm\">%d %s</span>\n", status,
                    sl__status_text(status));
    sl__html_format(h, "<h1><code>%s %s</code></h1>\n<p class=\"lead\">", sl_method(c),
                    sl_target(c));
    write_lead(h, c, status);
    sl__html_put(h, "</p></div>\n");
    if (!c->routes_ran)
        write_routes(h, c, status);
    sl__asked_of(c, &asked);
    sl__asked_write(h, &asked);
}
