/* For test_dashboard.py: ./dashboard password | allow | nobody */
#include <shallot.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int hello(sl_ctx *c)
{
    return sl_body(c, "hello\n");
}

static int slow(sl_ctx *c)
{
    int r = sl_sleep(30);

    return r < 0 ? r : sl_body(c, "slow\n");
}

static int user(sl_ctx *c)
{
    if (strcmp(sl_param(c, "id"), "0") == 0)
        return sl_fail(c, 404, "no such user");
    return sl_text(c, "user %s\n", sl_param(c, "id"));
}

static int fail(sl_ctx *c)
{
    return sl_fail(c, 500, "broken");
}

static int crash(sl_ctx *c)
{
    raise(SIGSEGV);
    return sl_body(c, "not dead\n");
}

static int say(sl_ctx *c)
{
    int r = sl_send(sl_app_of(c), "word", "x", 1);

    return r < 0 ? r : sl_body(c, "said\n");
}

static void on_word(sl_app *app, const sl_message *m, void *self)
{
}

static bool has_key(sl_ctx *c, void *self)
{
    const char *key = sl_header(c, "X-Key");

    return key && strcmp(key, self) == 0;
}

static void add_dashboard(sl_app *app, const char *who)
{
    static char key[] = "open sesame";

    if (strcmp(who, "password") == 0)
        sl_use(app, sl_dashboard(app, .user = "ops", .password = "a secret"));
    else if (strcmp(who, "allow") == 0)
        sl_use(app, sl_dashboard(app, .path = "/admin/cluster", .allow = has_key, .self = key));
    else if (strcmp(who, "nobody") == 0)
        sl_use(app, sl_dashboard(app));
}

int main(int argc, char **argv)
{
    sl_app *app = sl_new(.instances = 2, .name = "dash<b>");
    sl_router *api = sl_router_new(.prefix = "/api");

    add_dashboard(app, argc > 1 ? argv[1] : "nobody");
    sl_on_message(app, "word", on_word, NULL);
    sl_get(app, "/", hello);
    sl_get(app, "/slow", slow);
    sl_get(app, "/fail", fail);
    sl_get(app, "/crash", crash);
    sl_post(app, "/say", say);
    sl_get(app, "/<img src=x onerror=\"alert('\\\\')\">\xff", hello);
    sl_get(api, "/users/:id", user);
    sl_use(app, sl_routes(api));
    return sl_listen(app);
}
