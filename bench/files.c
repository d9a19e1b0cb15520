/*
 * Serves one file, whatever is asked for: static files by sl_file().
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

    path = argc > 1 ? argv[1] : "README.md";
    sl_use(app, file);
    return sl_listen(app, .port = 9090);
}
