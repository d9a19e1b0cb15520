/*
 * The dashboard: pages below one path that show the cluster, live.
 *
 * A layer. What lies below its path is answered by a router of its own, whose first layer decides
 * who may see it; everything else goes on inwards untouched. In production it has to be told who
 * may, or the app does not serve: it shows routes, addresses of crashes and requests that caused
 * them. In development it is open, as the errors of handlers are.
 *
 * The page, its style and its script are files beside this one (dashboard/), put into the library
 * by tools/embed. They load nothing from elsewhere, and their own Content-Security-Policy would not
 * let them.
 */
#include <shallot/ctx.h>
#include <shallot/fiber.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>
#include <shallot/router.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard.h"
#include "keep.h"

#define REPORT_BYTES ((size_t)262144)

#define FILE_OF(name)                                                                              \
    extern const char dash__##name[];                                                              \
    extern const size_t dash__##name##_len
FILE_OF(page_html);
FILE_OF(page_css);
FILE_OF(page_js);
FILE_OF(charts_js);
FILE_OF(lists_js);
FILE_OF(format_js);
FILE_OF(icon_svg);

struct dashboard {
    struct keeper keeper;
    const char *path;
    size_t path_len;
    bool (*allow)(sl_ctx *c, void *self);
    void *allow_self;
    struct dash__feed *feed;
    sl_router *router;
    sl_middleware inside; /* the router as a layer */
};

/* What pages of ours may do, whatever layers outside of this one say of the program's pages. */
static int set_headers(sl_ctx *c, const char *type)
{
    int r = sl_type(c, type);

    if (r == 0)
        r = sl_set_header(c, "Cache-Control", "no-store");
    if (r == 0)
        r = sl_set_header(c, "X-Content-Type-Options", "nosniff");
    if (r == 0)
        r = sl_set_header(c, "Content-Security-Policy",
                          "default-src 'self'; base-uri 'none'; form-action 'none'; "
                          "frame-ancestors 'self'");
    return r;
}

static int answer(sl_ctx *c, const char *type, const char *text, size_t len)
{
    int r = set_headers(c, type);

    return r < 0 ? r : sl_bytes(c, text, len);
}

/* The page's own links are relative to a folder. */
static int page(sl_ctx *c, void *self)
{
    const struct dashboard *d = self;
    const char *path = sl_path(c), *name = strrchr(d->path, '/') + 1;
    char *folder;

    if (path[strlen(path) - 1] == '/')
        return answer(c, "html", dash__page_html, dash__page_html_len);
    folder = sl_format(c, "%s/", name);
    return folder ? sl_redirect(c, folder) : -ENOMEM;
}

#define JAVASCRIPT "text/javascript; charset=utf-8"

static const struct file {
    const char *name, *type, *text;
    const size_t *len;
} files[] = {
    {"page.css", "text/css; charset=utf-8", dash__page_css, &dash__page_css_len},
    {"page.js", JAVASCRIPT, dash__page_js, &dash__page_js_len},
    {"charts.js", JAVASCRIPT, dash__charts_js, &dash__charts_js_len},
    {"lists.js", JAVASCRIPT, dash__lists_js, &dash__lists_js_len},
    {"format.js", JAVASCRIPT, dash__format_js, &dash__format_js_len},
    {"icon.svg", "image/svg+xml", dash__icon_svg, &dash__icon_svg_len},
};

static int file(sl_ctx *c, void *self)
{
    const char *name = sl_param(c, "name");

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].name, name) == 0)
            return answer(c, files[i].type, files[i].text, *files[i].len);
    return sl_fail(c, 404, "the dashboard has nothing of this name");
}

static int events(sl_ctx *c, void *self)
{
    struct dashboard *d = self;

    return dash__live(c, d->feed);
}

struct report {
    char folder[1024], name[128];
    unsigned long number;
    char *text;
    ssize_t len;
};

static int read_report(void *arg)
{
    struct report *r = arg;

    r->len = dash__crash_read(r->folder, r->name, r->number, r->text, REPORT_BYTES);
    return 0;
}

static int find_report(sl_ctx *c, struct dashboard *d, struct report *r)
{
    sl_stats *s = sl_stats_new(d->feed->app);
    char *rest;

    r->number = strtoul(sl_param(c, "number"), &rest, 10);
    r->text = sl_alloc(c, REPORT_BYTES);
    if (!s || !r->text || *rest) {
        sl_stats_free(s);
        return *rest ? -ENOENT : -ENOMEM;
    }
    snprintf(r->folder, sizeof r->folder, "%s", s->crash_dir);
    snprintf(r->name, sizeof r->name, "%s", s->name);
    sl_stats_free(s);
    return sl_offload(read_report, r);
}

static int crash(sl_ctx *c, void *self)
{
    struct report r = {.len = -ENOENT};
    int e = find_report(c, self, &r);

    if (e < 0 && e != -ENOENT)
        return e;
    if (r.len < 0)
        return sl_fail(c, 404, "there is no crash report %s", sl_param(c, "number"));
    return answer(c, "text/plain; charset=utf-8", r.text, (size_t)r.len);
}

static int unknown(sl_ctx *c, void *self)
{
    return sl_fail(c, 404, "the dashboard has nothing of this name");
}

/* The router's first layer, where there is such a function. */
static int ask(sl_ctx *c, void *self)
{
    const struct dashboard *d = self;

    if (!d->allow(c, d->allow_self))
        return sl_fail(c, 403, "the dashboard is not for you");
    return sl_next(c);
}

static bool is_inside(const struct dashboard *d, const char *path)
{
    return strncmp(path, d->path, d->path_len) == 0 &&
           (path[d->path_len] == '\0' || path[d->path_len] == '/');
}

static int run(sl_ctx *c, void *self)
{
    const struct dashboard *d = self;

    return is_inside(d, sl_path(c)) ? d->inside.run(c, d->inside.self) : sl_next(c);
}

static void free_dashboard(void *self)
{
    struct dashboard *d = self;

    if (d->inside.free)
        d->inside.free(d->inside.self);
    keep_free(d);
}

static void free_feed(void *value)
{
    struct dash__feed *f = value;

    dash__text_finish(&f->crashes);
    free(f);
}

static const char key[] = "shallot.dashboard";

/* The app's, made with its first dashboard; NULL when out of memory. */
static struct dash__feed *feed_of(sl_app *app)
{
    struct dash__feed *f = sl_app_state(app, key);

    if (f)
        return f;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->app = app;
    if (sl_set_app_state(app, key, f, free_feed) < 0)
        return NULL;
    if (dash__past_open(f) < 0 || sl_every(app, 1000, dash__live_beat, f) < 0)
        return NULL;
    sl_count_routes(app);
    return f;
}

static int add_routes(struct dashboard *d)
{
    static const struct {
        const char *pattern;
        int (*run)(sl_ctx *c, void *self);
    } routes[] = {
        {"/", page},
        {"/events", events},
        {"/crashes/:number", crash},
        {"/:name", file},
    };
    sl_middleware last = {unknown, d, NULL};

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        sl_middleware layer = {routes[i].run, d, NULL};
        int r = sl_router_route(d->router, "GET", routes[i].pattern, &layer, 1);

        if (r < 0)
            return r;
    }
    return sl_router_route(d->router, NULL, "/*", &last, 1);
}

/* Who may: everybody in development. */
static int add_guards(struct dashboard *d, const sl_dashboard_options *o, bool development)
{
    const sl_user users[] = {{o->user, o->password}, {NULL, NULL}};
    int r = 0;

    if (development)
        return 0;
    if (o->allow)
        r = sl_router_use_middleware(d->router, (sl_middleware){ask, d, NULL});
    if (r == 0 && o->user)
        r = sl_router_use(d->router, sl_basic_auth(.realm = "Shallot", .users = users));
    return r;
}

static bool is_path(const char *path)
{
    static const char good[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_.~";
    size_t len = strlen(path);

    return len > 1 && len < 200 && path[0] == '/' && path[len - 1] != '/' &&
           strspn(path, good) == len && !strstr(path, "//") && !strstr(path, "/.");
}

static const char *mistake(const sl_dashboard_options *o, bool development)
{
    if (!is_path(o->path))
        return "a path is like /_shallot: letters, digits, - _ . ~, and no slash at its end";
    if (!o->user != !o->password)
        return "give .user and .password together";
    if (o->user && (!*o->user || !*o->password || strchr(o->user, ':')))
        return "user and password may not be empty, nor the user's name have a colon";
    if (!development && !o->user && !o->allow)
        return "who may see it in production? Give .user and .password, or .allow";
    return NULL;
}

/* What is returned where the app has been told not to serve: nobody runs it. */
static int pass(sl_ctx *c, void *self)
{
    return sl_next(c);
}

sl_middleware sl_dashboard_with(sl_app *app, const sl_dashboard_options *given)
{
    const sl_middleware none = {pass, NULL, NULL};
    bool development = sl_mode_of(app) == SL_DEVELOPMENT;
    sl_dashboard_options o;
    struct dashboard *d;
    const char *wrong;

    TAKE_OPTIONS(o, given);
    o.path = o.path ? o.path : "/_shallot";
    wrong = mistake(&o, development);
    if (wrong) {
        sl_refuse(app, DASH_NAME ": %s", wrong);
        return none;
    }
    d = keep_new(sizeof *d);
    if (!d)
        goto fail;
    d->path = keep_text(&d->keeper, o.path);
    d->path_len = strlen(o.path);
    d->allow = o.allow;
    d->allow_self = o.self;
    d->feed = feed_of(app);
    d->router = sl_router_new(.prefix = o.path);
    d->inside = sl_routes(d->router);
    if (d->path && d->feed && add_guards(d, &o, development) == 0 && add_routes(d) == 0)
        return (sl_middleware){run, d, free_dashboard};
    free_dashboard(d);
fail:
    sl_refuse(app, DASH_NAME ": out of memory");
    return none;
}
