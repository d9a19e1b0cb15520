/*
 * The app: made in main(), given its layers and routes, freed at the end.
 *
 * main() comes here before sl_listen(), in the master and in every worker. What it was told is kept
 * as it will be in force: defaults filled in, then the environment (settings.c). shallot.c reads
 * it from there.
 */
#include "app/app.h"

#include <errno.h>
#include <string.h>

#include "app/hooks.h"
#include "app/kept.h"
#include "app/onion.h"
#include "app/regex.h"
#include "app/service.h"
#include "app/settings.h"
#include "app/sse.h"
#include "base/mem.h"
#include "fiber/task.h"

sl_app *sl_new_with(const sl_options *given)
{
    sl_app *app = sl__alloc_zeroed(sizeof *app);

    sl__service_init(app);
    sl__settings_init(app, given);
    sl__file_cache_init(&app->files, app->options.limits.file_cache_bytes);
    app->bus = sl__bus_new(app);
    return app;
}

static void free_topics(sl_app *app)
{
    while (app->master_topics) {
        struct sl__app_topic *t = app->master_topics;

        app->master_topics = t->next;
        sl__free(t->topic);
        sl__free(t);
    }
}

static void free_urls(sl_app *app)
{
    for (size_t i = 0; i < app->url_count; i++)
        sl__free(app->urls[i]);
    sl__free(app->urls);
}

void sl_free(sl_app *app)
{
    if (!app)
        return;
    sl__layers_finish(&app->layers);
    sl__kept_free(app);
    sl__hooks_free(&app->start);
    sl__hooks_free(&app->stop);
    sl__hooks_free(&app->every);
    sl__hooks_free(&app->end);
    sl__hooks_free(&app->worker_up);
    sl__hooks_free(&app->worker_exit);
    free_topics(app);
    free_urls(app);
    sl__bus_free(app->bus);
    sl__app_free_shared(app);
    sl__file_cache_finish(&app->files);
    sl__sse_free(app->sse);
    sl__free(app->tasks);
    sl__settings_finish(app);
    sl__regex_finish_thread();
    sl__free(app);
}

int sl_use_middleware(sl_app *app, sl_middleware m)
{
    return sl__layers_add(&app->layers, m);
}

int sl_use_handler(sl_app *app, sl_handler *handler)
{
    return handler ? sl__layers_add(&app->layers, sl_layer_of_handler(handler)) : -EINVAL;
}

int sl_app_route(sl_app *app, const char *method, const char *pattern, const sl_middleware *layers,
                 size_t count)
{
    return sl__layers_route(&app->layers, method, pattern, layers, count);
}

bool sl__app_fit(const sl_app *app)
{
    return !app->bad && !sl__layers_bad(&app->layers);
}

int sl__app_set_url(sl_app *app, size_t i, const char *url)
{
    char *copy = sl__try_strdup(url), **urls;

    if (!copy)
        return -ENOMEM;
    if (i >= app->url_count) {
        urls = sl__try_realloc(app->urls, (i + 1) * sizeof(*urls));
        if (!urls) {
            sl__free(copy);
            return -ENOMEM;
        }
        memset(urls + app->url_count, 0, (i + 1 - app->url_count) * sizeof(*urls));
        app->urls = urls;
        app->url_count = i + 1;
    }
    sl__free(app->urls[i]);
    app->urls[i] = copy;
    return 0;
}

const char *sl_url(const sl_app *app, size_t i)
{
    return i < app->url_count ? app->urls[i] : NULL;
}

sl_mode sl_mode_of(const sl_app *app)
{
    return app->options.mode;
}

void *sl_data(const sl_app *app)
{
    return app->data;
}

void sl_set_data(sl_app *app, void *data)
{
    app->data = data;
}
