/*
 * JSON: /small is made and written for each request, /list is a hundred records that are kept and
 * written for each. bench/peers/json.js and h2o-json.conf answer with the same.
 *
 * Run:  bench/run json
 */
#include <shallot.h>
#include <shallot/json.h>

static json_t *list;

static json_t *make_list(void)
{
    json_t *all = json_array();

    for (int i = 0; i < 100; i++) {
        char name[32], mail[40];

        snprintf(name, sizeof name, "Person %d", i);
        snprintf(mail, sizeof mail, "person.%d@example.com", i);
        json_array_append_new(all, json_pack("{s:i, s:s, s:s, s:b, s:f, s:[s,s]}", "id", i, "name",
                                             name, "mail", mail, "active", i % 3 != 0, "balance",
                                             (i * 7919 % 100000) / 100.0, "tags", "onion",
                                             "shallot \"red\""));
    }
    return all;
}

static int small(sl_ctx *c)
{
    return sl_json_pack(c, "{s:s}", "message", "Hello, World!");
}

static int large(sl_ctx *c)
{
    return sl_json(c, json_incref(list));
}

int main(void)
{
    sl_app *app = sl_new();

    list = make_list();
    sl_get(app, "/small", small);
    sl_get(app, "/list", large);
    return sl_listen(app, .port = 9090);
}
