/* @NAME@: an API for books. JSON in, checked; JSON out. They lie in memory that all workers share:
 * it outlives crashes and reloads, and ends with the program. Try what tests/test.sh tries. */
#include <shallot.h>
#include <shallot/json.h>

#define SIZE 1024     /* a book has less: it is checked */
static sl_map *books; /* by ISBN, as JSON */

static int append(const char *isbn, const void *book, size_t len, void *all)
{
    return json_object_set_new(all, isbn, json_loadb(book, len, 0, NULL));
}

static int list(sl_ctx *c)
{
    json_t *all = json_object();
    int r = sl_map_each(books, append, all);

    return sl_json(c, all) < 0 || r < 0 ? sl_fail(c, 503, "the books are not at hand") : 0;
}

static int show(sl_ctx *c)
{
    char book[SIZE];
    ssize_t len = sl_map_get(books, sl_param(c, "isbn"), book, sizeof book);

    sl_type(c, "json");
    return len < 0 ? sl_fail(c, 404, "no such book") : sl_bytes(c, book, (size_t)len);
}

static int save(sl_ctx *c)
{
    const char *isbn, *title;
    char text[SIZE];
    json_t *book;
    int year, r = sl_param_fields(c, SL_FIELD("isbn", &isbn, SL_BETWEEN(10, 17)));

    if (r == 0)
        r = sl_request_json(c, &book);
    if (r == 0)
        r = sl_json_fields(c, book, SL_FIELD("title", &title, SL_BETWEEN(1, 99)),
                           SL_FIELD("year", &year, SL_BETWEEN(1450, 2100)));
    if (r == 0 && json_object_size(book) > 2)
        r = sl_fail(c, 422, "a book has a title and a year, nothing else");
    if (r == 0)
        r = sl_map_set(books, isbn, text, json_dumpb(book, text, SIZE, JSON_COMPACT), 0);
    return r < 0 ? r : sl_json(c, book);
}

int main(void)
{
    sl_app *app = sl_new();

    books = sl_map_new(app, "books", .value_bytes = SIZE);
    sl_use(app, sl_logger());
    sl_get(app, "/books", list);
    sl_get(app, "/books/:isbn", show);
    sl_put(app, "/books/:isbn", save);
    return sl_listen(app, .port = 9090);
}
