/*
 * Serves a folder by sl_static(), or one file whatever is asked for by sl_file().
 *
 * Run:  bench/run static
 */
#include <shallot.h>

static const char *path;

static int file(sl_ctx *c)
{
    return sl_file(c, path);
}

int main(int argc, char **argv)
{
    sl_app *app = sl_new();

    path = argc > 2 ? argv[2] : NULL;
    if (path)
        sl_use(app, file);
    else
        sl_use(app, sl_static(argc > 1 ? argv[1] : "."));
    return sl_listen(app, .port = 9090);
}
