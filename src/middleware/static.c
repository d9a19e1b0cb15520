/*
 * Static files: what a request's path names in a folder.
 *
 * A path is taken as it stands, one name between two slashes: ".", ".." and empty names are never
 * resolved, so that no route or guard before this layer sees another path than the file system
 * does. What is not there goes on to the layers below; only when they have nothing either does the
 * fallback come, so that a page made in the browser never hides a route.
 */
#include <shallot/ctx.h>
#include <shallot/folder.h>
#include <shallot/log.h>
#include <shallot/request.h>
#include <shallot/response.h>
#include <shallot/static.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct site {
    sl_folder *folder;
    char *index, *extension, *fallback; /* NULL: none */
    char *cache_control, *html_cache_control;
    sl_static_etag etag;
    bool redirect;
};

static bool is_reading(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A path in the request's memory; NULL when out of it. */
static const char *joined(sl_ctx *c, const char *a, const char *b)
{
    size_t first = strlen(a), second = strlen(b) + 1;
    char *text = sl_alloc(c, first + second);

    if (!text)
        return NULL;
    memcpy(text, a, first);
    memcpy(text + first, b, second);
    return text;
}

static int send_joined(sl_ctx *c, const struct site *s, const char *a, const char *b)
{
    const char *path = joined(c, a, b);

    return path ? sl_folder_file(c, s->folder, path) : -ENOMEM;
}

/* To the same with a slash at the end, query and all. More than one slash in front would name
 * another server. */
static int redirect(sl_ctx *c)
{
    const char *target = sl_target(c), *scheme = strstr(target, "://"), *location;
    size_t len;

    if (target[0] != '/' && scheme)
        target = scheme + 3 + strcspn(scheme + 3, "/?");
    while (target[0] == '/' && target[1] == '/')
        target++;
    len = strcspn(target, "?");
    location = sl_format(c, "%.*s/%s", (int)len, target, target + len);
    if (!location)
        return -ENOMEM;
    sl_set_status(c, 301);
    return sl_redirect(c, location);
}

static bool is_html(sl_ctx *c)
{
    const char *type = sl_response_header(c, "Content-Type");

    return type && strncmp(type, "text/html", 9) == 0;
}

/* Last-Modified stays, which goes with an ETag of one's own only if it is set too. */
static int change_etag(sl_ctx *c, const struct site *s)
{
    const char *etag = sl_response_header(c, "ETag"), *weak = NULL;
    const char *modified = sl_response_header(c, "Last-Modified");
    int r;

    if (!etag || !modified || (s->etag == SL_ETAG_WEAK && etag[0] == 'W'))
        return 0;
    if (s->etag == SL_ETAG_WEAK) {
        weak = joined(c, "W/", etag);
        if (!weak)
            return -ENOMEM;
    }
    r = sl_set_header(c, "Last-Modified", modified);
    return r == 0 && weak ? sl_set_header(c, "ETag", weak) : r;
}

/* There is a file: what is said about it. */
static int found(sl_ctx *c, const struct site *s)
{
    const char *control = s->cache_control;
    int r = 0;

    if (control != s->html_cache_control && is_html(c))
        control = s->html_cache_control;
    if (control && !sl_response_header(c, "Cache-Control"))
        r = sl_set_header(c, "Cache-Control", control);
    if (r == 0 && s->etag != SL_ETAG_STRONG)
        r = change_etag(c, s);
    return r;
}

static bool wants_page(sl_ctx *c)
{
    const char *accept = sl_header(c, "Accept");

    return accept && strstr(accept, "text/html");
}

static int absent(sl_ctx *c, const struct site *s)
{
    int r = sl_pass(c);

    if (r <= 0 || !s->fallback || !is_reading(sl_method(c)) || sl_status(c) != 404 ||
        !wants_page(c))
        return r;
    r = sl_folder_file(c, s->folder, s->fallback);
    if (r == -ENOENT || r == -EISDIR)
        return sl_set_status(c, 404);
    if (r == 0)
        r = sl_set_status(c, 200);
    return r < 0 ? r : found(c, s);
}

/* @p path has no slash in front. */
static int look(sl_ctx *c, const struct site *s, const char *path)
{
    size_t len = strlen(path);
    int r;

    if (len == 0 || path[len - 1] == '/')
        return s->index ? send_joined(c, s, path, s->index) : -ENOENT;
    r = sl_folder_file(c, s->folder, path);
    if (r == -ENOENT && s->extension)
        r = send_joined(c, s, path, s->extension);
    return r;
}

static int run(sl_ctx *c, void *self)
{
    const struct site *s = self;
    const char *path;
    int r;

    if (!is_reading(sl_method(c)))
        return absent(c, s);
    path = sl_path_below(c);
    if (path[0] == '/')
        r = look(c, s, path + 1);
    else
        r = path[0] ? -ENOENT
                    : -EISDIR; /* "*"; or where the folder is mounted, without its slash */
    switch (r) {
    case 0:
        return found(c, s);
    case -EISDIR:
        return s->redirect && sl_path(c)[strlen(sl_path(c)) - 1] != '/' ? redirect(c)
                                                                        : absent(c, s);
    case -ENOENT:
        return absent(c, s);
    case -EACCES:
        return sl_fail(c, 403, "this file cannot be read");
    default:
        return r;
    }
}

static void destroy(void *self)
{
    struct site *s = self;

    if (!s)
        return;
    sl_folder_close(s->folder);
    if (s->html_cache_control != s->cache_control)
        free(s->html_cache_control);
    free(s->cache_control);
    free(s->fallback);
    free(s->extension);
    free(s->index);
    free(s);
}

/* 0, or -ENOMEM. "" becomes NULL. */
static int copy(char **to, const char *text)
{
    *to = text && *text ? strdup(text) : NULL;
    return text && *text && !*to ? -ENOMEM : 0;
}

static int copy_age(char **to, unsigned seconds, bool immutable)
{
    char text[64] = "no-cache";

    if (seconds > 0)
        snprintf(text, sizeof text, "max-age=%u%s", seconds, immutable ? ", immutable" : "");
    return copy(to, text);
}

static int copy_cache_control(struct site *s, const sl_static_options *o)
{
    int r;

    if (o->cache_control) {
        r = copy(&s->cache_control, o->cache_control);
        s->html_cache_control = s->cache_control;
        return r;
    }
    r = copy_age(&s->cache_control, o->max_age, o->immutable);
    s->html_cache_control = s->cache_control;
    if (r == 0 && (o->max_age != o->html_max_age || o->immutable)) {
        s->html_cache_control = NULL;
        r = copy_age(&s->html_cache_control, o->html_max_age, false);
    }
    return r;
}

static int copy_extension(struct site *s, const char *extension)
{
    char text[64];

    if (!extension || !*extension)
        return 0;
    snprintf(text, sizeof text, ".%.60s", extension + (*extension == '.'));
    return copy(&s->extension, text);
}

static int fill(struct site *s, const char *root, const sl_static_options *o)
{
    int r = copy(&s->index, o->index ? o->index : "index.html");

    if (r == 0)
        r = copy(&s->fallback, o->fallback);
    if (r == 0)
        r = copy_extension(s, o->extension);
    if (r == 0)
        r = copy_cache_control(s, o);
    if (r < 0) {
        sl_error("sl_static(\"%s\"): out of memory", root ? root : "");
        return r;
    }
    s->etag = o->etag;
    s->redirect = !o->no_redirect;
    s->folder = sl_folder_open(root, .dotfiles = o->dotfiles, .no_links = o->no_links,
                               .no_siblings = o->no_siblings, .cache_bytes = o->cache_bytes);
    return s->folder ? 0 : -ENOENT;
}

sl_middleware sl_static_with(const char *root, const sl_static_options *given)
{
    sl_static_options options = {0};
    struct site *s = calloc(1, sizeof *s);

    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    if (s && fill(s, root, &options) == 0)
        return (sl_middleware){run, s, destroy};
    destroy(s);
    return (sl_middleware){NULL, NULL, NULL};
}
