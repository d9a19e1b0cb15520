/*
 * What development mode puts in front of an app: the outermost layer.
 *
 * shallot.c comes here before a worker serves; the layer made here sees each request first. What
 * lies below `/_shallot` is answered by a router of ours, a name that it does not know is a 404,
 * and no layer of the program hears of any of it: it is neither logged nor counted nor asked for a
 * password. Everything else goes on inwards.
 *
 * The router is no layer of the app's list, so `shallot routes` does not show it, and an app
 * without routes stays one.
 */
#include "develop/attach.h"

#include <errno.h>
#include <string.h>

#include "app/layers.h"
#include "base/mem.h"
#include "develop/assets.h"
#include "develop/inject.h"
#include "develop/live.h"
#include "develop/show.h"
#include "shallot/app.h"
#include "shallot/ctx.h"
#include "shallot/request.h"
#include "shallot/response.h"
#include "shallot/router.h"

#define PREFIX "/_shallot"

struct front {
    sl_router *router;
    sl_middleware inside; /* the router as a layer */
    bool pages;           /* and the script in HTML answers */
};

int sl__asset_answer(sl_ctx *c, const char *type, const char *text, size_t len)
{
    int r = sl_type(c, type);

    if (r == 0)
        r = sl_set_header(c, "Cache-Control", "no-store");
    return r < 0 ? r : sl_bytes(c, text, len);
}

static int live_js(sl_ctx *c)
{
    return sl__asset_answer(c, "text/javascript; charset=utf-8", sl__asset_live_js,
                            sl__asset_live_js_len);
}

static int page_css(sl_ctx *c)
{
    return sl__asset_answer(c, "text/css; charset=utf-8", sl__asset_page_css,
                            sl__asset_page_css_len);
}

/* What is left is the dashboard's, which shallot.c puts behind this layer (sl_dashboard() keeps
 * something with the app). */
static int unknown(sl_ctx *c)
{
    if (sl_app_state(sl_app_of(c), "shallot.dashboard"))
        return sl_next(c);
    sl_set_status(c, 404);
    return sl_text(c, "There is nothing of this name below " PREFIX ".\n");
}

static int add_names(sl_router *r)
{
    int failed = sl_get(r, "/live.js", live_js) < 0 || sl_get(r, "/page.css", page_css) < 0 ||
                 sl__live_names(r) < 0;

    /* Last: what none of the above has answered. */
    return failed || sl_all(r, "/*", unknown) < 0 ? -ENOMEM : 0;
}

static bool is_inside(const char *path)
{
    size_t len = strlen(PREFIX);

    return strncmp(path, PREFIX, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static int run(sl_ctx *c, void *self)
{
    const struct front *f = self;

    if (is_inside(sl_path(c)))
        return f->inside.run(c, f->inside.self);
    return f->pages ? sl__inject_next(c) : sl_next(c);
}

static void free_front(void *self)
{
    struct front *f = self;

    if (f->inside.free)
        f->inside.free(f->inside.self);
    sl__free(f);
}

int sl__develop_attach(sl_app *app)
{
    struct front *f = sl__alloc_zeroed(sizeof *f);

    f->router = sl_router_new(.prefix = PREFIX);
    if (add_names(f->router) < 0 || sl__live_attach(app) < 0) {
        sl_router_free(f->router);
        sl__free(f);
        return -ENOMEM;
    }
    f->inside = sl_routes(f->router);
    f->pages = !app->options.no_pages;
    app->show = f->pages ? sl__show : NULL;
    return sl__layers_wrap(&app->layers, (sl_middleware){run, f, free_front});
}
