/*
 * Serves one file, compressed anew for each answer, with the defaults of sl_compress(), or brotli at
 * the level the second argument says.
 *
 * Run:  bench/run compress
 */
#include <shallot.h>
#include <stdlib.h>

static const char *path;

static int file(sl_ctx *c)
{
    return sl_file(c, path);
}

int main(int argc, char **argv)
{
    sl_app *app = sl_new();

    path = argc > 1 ? argv[1] : "README.md";
    sl_use(app, sl_compress(.brotli_level = argc > 2 ? atoi(argv[2]) : 0));
    sl_use(app, file);
    return sl_listen(app, .port = 9090);
}
