/*
 * Counters and maps of the app: what main() names.
 *
 * Each gets a handle on private memory at once, so that a standalone program is done here. In a
 * cluster shallot.c and serve/ ask which regions there should be and bind the handles to them.
 */
#include "app/shared.h"

#include <string.h>

#include "app/app.h"
#include "base/log.h"
#include "base/mem.h"

static struct sl__handle *refuse(sl_app *app, const char *name, const char *why)
{
    sl__log(SL__ERROR, "shared \"%s\": %s", name ? name : "", why);
    app->bad = true;
    return NULL;
}

static struct sl__handle *add(sl_app *app, const char *name, const struct sl__shape *shape)
{
    struct sl__handle *h, **end = &app->shared.first;

    if (!name || !*name || strlen(name) > SL__TOPIC_MAX)
        return refuse(app, name, "a name has 1 to 255 bytes");
    for (; *end; end = &(*end)->next) {
        if (strcmp((*end)->name, name) != 0)
            continue;
        if (!sl__shape_equal(&(*end)->shape, shape))
            return refuse(app, name, "is there already, as something else");
        return *end;
    }
    if (app->shared.closed || app->shared.count == SL__SHARED_MAX)
        return refuse(app, name,
                      app->shared.closed ? "must be made before sl_listen()"
                                         : "there are too many counters and maps");
    if (sl__shape_size(shape) == 0)
        return refuse(app, name, "these sizes are impossible");
    h = sl__handle_new(name, shape);
    if (!h)
        return refuse(app, name, "out of memory");
    app->shared.count++;
    *end = h;
    return h;
}

sl_counter *sl_counter_new(sl_app *app, const char *name)
{
    struct sl__shape shape = sl__counter_shape();

    return (sl_counter *)add(app, name, &shape);
}

sl_map *sl_map_new_with(sl_app *app, const char *name, const sl_map_options *given)
{
    sl_map_options o = {0};
    struct sl__shape shape;

    if (given)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    shape = sl__map_shape(o.capacity ? o.capacity : 1024, o.value_bytes ? o.value_bytes : 256,
                          o.key_bytes ? o.key_bytes : 64);
    return (sl_map *)add(app, name, &shape);
}

const struct sl__handle *sl__app_shared(sl_app *app)
{
    app->shared.closed = true;
    return app->shared.first;
}

int sl__app_bind_shared(sl_app *app, const char *name, int fd)
{
    for (struct sl__handle *h = app->shared.first; h; h = h->next)
        if (strcmp(h->name, name) == 0)
            return sl__handle_bind(h, fd);
    return 0; /* of another generation of this program */
}

void sl__app_shared_setup(sl_app *app, unsigned lane, const int64_t *clock, bool patient)
{
    for (struct sl__handle *h = app->shared.first; h; h = h->next) {
        h->lane = lane;
        h->clock = clock;
        h->patient = patient;
    }
}

void sl__app_free_shared(sl_app *app)
{
    while (app->shared.first) {
        struct sl__handle *h = app->shared.first;

        app->shared.first = h->next;
        sl__handle_free(h);
    }
}
