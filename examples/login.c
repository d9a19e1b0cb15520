/*
 * A login: sessions that survive crashes and reloads, forms that no other site can send, passwords
 * that are kept as hashes.
 *
 * Run:  build/examples/login                 one worker per CPU; ada's password is lovelace
 * Try:  http://localhost:9090 in a browser   log in, reload the page, log out
 *       kill -9 a worker, kill -HUP the master: you are still logged in
 *       a form like this one on another site: 403
 */
#include <errno.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static const struct user {
    const char *name, *hash; /* of sl_hash_password() */
} users[] = {
    {"ada", "$scrypt$ln=15,r=8,p=1$oAeGxGwQdi9Jv49qQwdktg$"
            "exXGGB71H1ePEZ4G8KZQc7RorwiMVUsAt46iZ8_qXpU"},
};

static const struct user *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof users / sizeof users[0]; i++)
        if (strcmp(users[i].name, name) == 0)
            return &users[i];
    return NULL;
}

static int page(sl_ctx *c, const char *body)
{
    if (!body)
        return -ENOMEM;
    return sl_body(c, sl_format(c, "<!doctype html><title>Login</title><h1>Login</h1>%s", body));
}

static int form(sl_ctx *c, const char *complaint)
{
    return page(c, sl_format(c,
                             "<p>%s</p><form method=post action=/login>%s"
                             "<input name=name placeholder=Name autofocus required> "
                             "<input name=password type=password placeholder=Password required> "
                             "<button>Log in</button></form>",
                             complaint, sl_csrf_field(c)));
}

static int home(sl_ctx *c)
{
    const char *user = sl_session_get(c, "user"), *visits = sl_session_get(c, "visits");
    long visit = visits ? atol(visits) + 1 : 1;
    int r;

    if (!user)
        return form(c, "Who are you?");
    r = sl_session_set(c, "visits", sl_format(c, "%ld", visit));
    if (r < 0)
        return r;
    return page(c, sl_format(c,
                             "<p>Hello %s, this is visit %ld, through worker %d.</p>"
                             "<form method=post action=/logout>%s<button>Log out</button></form>",
                             user, visit, sl_worker_id(), sl_csrf_field(c)));
}

static int login(sl_ctx *c)
{
    const struct user *user;
    int r = sl_request_form(c);

    if (r < 0)
        return r;
    user = find(sl_form(c, "name"));
    r = sl_check_password(sl_form(c, "password") ? sl_form(c, "password") : "",
                          user ? user->hash : NULL); /* waits; takes as long for nobody's */
    if (r == -EACCES) {
        sl_set_status(c, 401);
        return form(c, "No, that is not it.");
    }
    if (r == 0)
        r = sl_session_regenerate(c); /* whoever knew the old id does not know this one */
    if (r == 0)
        r = sl_session_set(c, "user", user->name);
    if (r < 0)
        return r;
    sl_set_status(c, 303);
    return sl_redirect(c, "/");
}

static int logout(sl_ctx *c)
{
    int r = sl_session_destroy(c);

    if (r < 0)
        return r;
    sl_set_status(c, 303);
    return sl_redirect(c, "/");
}

int main(void)
{
    sl_app *app = sl_new();

    sl_use(app, sl_session(app, .store = SL_SESSION_SHARED)); /* in memory of the master's */
    sl_use(app, sl_csrf(app));
    sl_get(app, "/", home);
    sl_post(app, "/login", login);
    sl_post(app, "/logout", logout);
    return sl_listen(app, .port = 9090);
}
