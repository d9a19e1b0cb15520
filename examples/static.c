/*
 * A folder, served.
 *
 * Run:  ./static [folder]
 * Try:  curl -i localhost:9090/README.md
 *       curl -i -r 0-99,-50 localhost:9090/README.md
 *       curl -i -H 'If-None-Match: "the ETag it had"' localhost:9090/README.md
 *       curl -i --path-as-is localhost:9090/../../etc/passwd
 *       gzip -k README.md; curl -i --compressed localhost:9090/README.md
 */
#include <shallot.h>

int main(int argc, char **argv)
{
    sl_app *app = sl_new();

    sl_use(app, sl_logger());
    sl_use(app, sl_static(argc > 1 ? argv[1] : ".", .extension = "html", .max_age = 60));
    return sl_listen(app, .port = 9090);
}
