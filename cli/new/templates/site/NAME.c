/*
 * @NAME@: a site. The files of public/ are its pages; what is not there gets the page 404.html.
 *
 * Run:  shallot dev                       open localhost:9090, and save a page or its style
 */
#include <shallot.h>
#include <shallot/compress.h>

static sl_counter *visits; /* of all workers together */

static int not_found_page(sl_ctx *c)
{
    int r = sl_next(c);

    if (sl_status(c) != 404)
        return r;
    sl_set_status(c, 404);
    return sl_file(c, "public/404.html");
}

/* A page may ask the program: public/visits.js does. */
static int count_visit(sl_ctx *c)
{
    sl_counter_add(visits, 1);
    return sl_text(c, "%lld", (long long)sl_counter_read(visits));
}

int main(void)
{
    sl_app *app = sl_new();

    visits = sl_counter_new(app, "visits");
    sl_use(app, sl_logger());
    sl_use(app, sl_secure_headers(.csp = "default-src 'self'"));
    sl_use(app, sl_compress());
    sl_use(app, not_found_page);
    sl_post(app, "/visits", count_visit);
    sl_use(app, sl_static("public", .extension = "html", .max_age = 60));
    return sl_listen(app, .port = 9090);
}
