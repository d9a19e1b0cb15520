/* A program that goes wrong in several ways, for the pages of development. */
#include <errno.h>
#include <shallot.h>

struct user {
    int id;
};

static const struct user *volatile nobody;

static int home(sl_ctx *c)
{
    return sl_body(c, "<html><body><h1>Home</h1></body></html>");
}

static int file(sl_ctx *c)
{
    return sl_file(c, "file.html");
}

static int pushed(sl_ctx *c)
{
    sl_type(c, "html");
    sl_write(c, "<html><bo", 9);
    sl_write(c, "dy>pushed</bo", 13);
    return sl_write(c, "dy></html>", 10);
}

static int json(sl_ctx *c)
{
    sl_type(c, "json");
    return sl_bytes(c, "\"</body>\"", 9);
}

static int crash(sl_ctx *c)
{
    struct user copy = *nobody;

    return sl_text(c, "user %d", copy.id);
}

static int database(sl_ctx *c)
{
    return sl_fail(c, 503, "the <database> does not answer");
}

static int order(sl_ctx *c)
{
    int r = sl_next(c);

    return r < 0 ? sl_fail_as(c, -EIO, 502, "cannot load it") : 0;
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/", home);
    sl_get(app, "/file.html", file);
    sl_get(app, "/pushed", pushed);
    sl_get(app, "/json", json);
    sl_get(app, "/crash", crash);
    sl_get(app, "/order", order, database);
    return sl_listen(app, .port = 9090);
}
