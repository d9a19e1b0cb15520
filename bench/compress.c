/*
 * Serves the files of a folder, compressed anew for each answer, with the defaults of
 * sl_compress(), or brotli at the level the second argument says.
 *
 * Run:  bench/run compress
 */
#include <shallot.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    sl_app *app = sl_new();

    sl_use(app, sl_compress(.brotli_level = argc > 2 ? atoi(argv[2]) : 0));
    sl_use(app, sl_static(argc > 1 ? argv[1] : "."));
    return sl_listen(app, .port = 9090);
}
