/*
 * Routes: path patterns, a regular expression, a router under a prefix, and a middleware for one
 * route only.
 *
 * Run:  shallot dev router.c
 * Try:  curl localhost:9090/users/42
 *       curl localhost:9090/files/docs/guide.md
 *       curl -X DELETE localhost:9090/api/notes/7 -H 'Authorization: letmein'
 *       curl -i -X PATCH localhost:9090/users/42          405, and what is allowed
 */
#include <shallot.h>
#include <string.h>

static int show_user(sl_ctx *c)
{
    return sl_text(c, "user %s\n", sl_param(c, "id"));
}

static int show_file(sl_ctx *c)
{
    const char *lang = sl_query(c, "lang");

    return sl_text(c, "file %s in %s\n", sl_param(c, "path"), lang ? lang : "any language");
}

static int show_year(sl_ctx *c)
{
    return sl_text(c, "everything of %s\n", sl_path(c) + 1);
}

static int only_friends(sl_ctx *c)
{
    const char *word = sl_header(c, "Authorization");

    if (!word || strcmp(word, "letmein") != 0)
        return sl_fail(c, 401, "who are you?");
    return sl_next(c);
}

static int list_notes(sl_ctx *c)
{
    return sl_body(c, "1 milk\n7 bread\n");
}

static int delete_note(sl_ctx *c)
{
    return sl_text(c, "note %s is gone\n", sl_param(c, "id"));
}

int main(void)
{
    sl_app *app = sl_new();
    sl_router *api = sl_router_new(.prefix = "/api");

    sl_get(app, "/users/:id", show_user);
    sl_get(app, "/files/*path", show_file);
    sl_get(app, ".(19|20)[0-9]{2}",
           show_year); /* no leading slash: a regular expression for the whole path */

    sl_get(api, "/notes", list_notes);
    sl_delete(api, "/notes/:id", only_friends, delete_note);
    sl_use(app, sl_routes(api));
    return sl_listen(app, .port = 9090);
}
