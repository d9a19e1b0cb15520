/*
 * What the program asked for: options and endpoints, checked, with the environment's last word.
 *
 * sl_new() and sl_bind() come here while main() runs. A setting that cannot be is one clear line
 * and makes the app unfit: a program that ignores what sl_bind() returned must not run with half of
 * what it wanted.
 */
#include "app/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/limits.h"

#define DEFAULT_PORT 9090
#define INSTANCES_MAX 256 /* twice that while a reload is on: all slots of the scoreboard */
#define DRAIN_MS 30000u
#define GRACE_MS 1000u
#define READY_MS 30000u
#define WATCHDOG_MS 30000u
#define CRASH_REPORTS 50u

/* The variable's value, NULL when it is not set or empty. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static bool number(const char *text, long low, long high, int *ret)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < low || n > high)
        return false;
    *ret = (int)n;
    return true;
}

static void set_mode(sl_app *app)
{
    const char *mode = environment("SHALLOT_MODE");

    if (mode && strcmp(mode, "development") == 0) {
        app->options.mode = SL_DEVELOPMENT;
    } else if (mode && strcmp(mode, "production") == 0) {
        app->options.mode = SL_PRODUCTION;
    } else if (mode) {
        sl__log(SL__ERROR, "SHALLOT_MODE=%s: must be development or production", mode);
        app->bad = true;
    }
    app->development = app->options.mode == SL_DEVELOPMENT;
}

static void set_log(sl_app *app)
{
    const char *form = environment("SHALLOT_LOG");

    if (form && strcmp(form, "json") == 0) {
        app->options.log = SL_LOG_JSON;
    } else if (form && strcmp(form, "text") == 0) {
        app->options.log = SL_LOG_TEXT;
    } else if (form) {
        sl__log(SL__ERROR, "SHALLOT_LOG=%s: must be text or json", form);
        app->bad = true;
    }
    sl__log_set_json(app->options.log == SL_LOG_JSON);
}

static void set_ready_path(sl_app *app)
{
    const char *path = app->options.ready_path;

    if (!path)
        return;
    if (path[0] != '/' || strlen(path) > 1024)
        app->bad = true;
    for (; *path; path++)
        if (*path <= ' ' || *path >= 0x7f)
            app->bad = true;
    if (app->bad)
        sl__log(SL__ERROR, "sl_new: ready_path %s: must be a path as in a request, \"/ready\"",
                app->options.ready_path);
}

static void set_instances(sl_app *app)
{
    const char *wanted = environment("SHALLOT_INSTANCES");
    int *instances = &app->options.instances;

    if (wanted && !number(wanted, 0, INSTANCES_MAX, instances)) {
        sl__log(SL__ERROR, "SHALLOT_INSTANCES=%s: must be a number from 0 to %d", wanted,
                INSTANCES_MAX);
        app->bad = true;
    } else if (*instances < 0 || *instances > INSTANCES_MAX) {
        sl__log(SL__ERROR, "sl_new: %d instances: must be from 0 to %d", *instances, INSTANCES_MAX);
        app->bad = true;
    }
    if (app->development) { /* CL1 */
        *instances = 1;
        app->options.standalone = false;
    }
}

static char *copy(const char *text)
{
    return text ? sl__strdup(text) : NULL;
}

void sl__settings_init(sl_app *app, const sl_options *given)
{
    sl_options *o = &app->options;
    const char *build = environment("SHALLOT_BUILD"), *watch = environment("SHALLOT_WATCH");
    const char *control = environment("SHALLOT_CONTROL"), *pages = environment("SHALLOT_PAGES");

    if (given)
        memcpy(o, given, given->size < sizeof *o ? given->size : sizeof *o);
    o->size = sizeof *o;
    o->name = copy(o->name ? o->name : program_invocation_short_name);
    o->build = copy(build ? build : o->build);
    o->watch = copy(watch ? watch : o->watch);
    o->user = copy(o->user);
    o->group = copy(o->group);
    o->pid_file = copy(o->pid_file);
    o->ready_path = copy(o->ready_path);
    o->control = copy(control ? control : o->control);
    o->drain_ms = o->drain_ms ? o->drain_ms : DRAIN_MS;
    o->grace_ms = o->grace_ms ? o->grace_ms : GRACE_MS;
    o->ready_ms = o->ready_ms ? o->ready_ms : READY_MS;
    o->watchdog_ms = o->watchdog_ms ? o->watchdog_ms : WATCHDOG_MS;
    o->crash_dir = copy(o->crash_dir);
    o->crash_reports = o->crash_reports ? o->crash_reports : CRASH_REPORTS;
    sl__limits_fill(&o->limits);
    app->data = o->data;
    set_ready_path(app);
    set_log(app);
    set_mode(app);
    set_instances(app);
    if (pages)
        o->no_pages = strcmp(pages, "off") == 0;
}

static void free_text(const char *text)
{
    sl__free((char *)(uintptr_t)text);
}

void sl__settings_finish(sl_app *app)
{
    free_text(app->options.name);
    free_text(app->options.build);
    free_text(app->options.watch);
    free_text(app->options.control);
    free_text(app->options.ready_path);
    free_text(app->options.user);
    free_text(app->options.group);
    free_text(app->options.pid_file);
    free_text(app->options.crash_dir);
    while (app->endpoints) {
        struct sl__app_endpoint *e = app->endpoints;

        app->endpoints = e->next;
        sl__free(e);
    }
}

static int refuse(sl_app *app, const char *what, const char *value)
{
    sl__log(SL__ERROR, "cannot listen: %s%s", what, value);
    app->bad = true;
    return -EINVAL;
}

static int set_port(sl_app *app, struct sl__app_endpoint *e, int port)
{
    char text[16];

    if (port == 0)
        port = DEFAULT_PORT;
    if (port != SL_PORT_ANY && (port < 1 || port > 65535)) {
        snprintf(text, sizeof text, "%d", port);
        return refuse(app, "a port is from 1 to 65535, not ", text);
    }
    e->port = port == SL_PORT_ANY ? 0 : port;
    return 0;
}

static int set_host(sl_app *app, struct sl__app_endpoint *e, const char *host)
{
    size_t len = strlen(host);

    if (len == 0 || len >= sizeof e->host)
        return refuse(app, "a host has 1 to 255 characters", "");
    for (size_t i = 0; i < len; i++)
        if (host[i] <= ' ' || host[i] == 0x7f || host[i] == '/')
            return refuse(app, "not a host: ", host);
    memcpy(e->host, host, len + 1);
    return 0;
}

static int set_unix_path(sl_app *app, struct sl__app_endpoint *e, const char *path)
{
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof e->unix_path)
        return refuse(app, "the path of a unix socket has 1 to 107 characters: ", path);
    memcpy(e->unix_path, path, len + 1);
    return 0;
}

/* HOST and PORT, for the first endpoint when that is TCP. */
static int apply_environment(sl_app *app, struct sl__app_endpoint *e)
{
    const char *host = environment("HOST"), *port = environment("PORT");
    int n, r = 0;

    if (host)
        r = set_host(app, e, host);
    if (r < 0 || !port)
        return r;
    if (!number(port, 0, 65535, &n))
        return refuse(app, "the environment's PORT is not a number from 0 to 65535: ", port);
    e->port = n; /* 0: any, as everywhere in Unix */
    return 0;
}

static int fill(sl_app *app, struct sl__app_endpoint *e, const sl_endpoint *wanted)
{
    int r;

    if (wanted->backlog < 0)
        return refuse(app, "the backlog is negative", "");
    e->backlog = wanted->backlog;
    e->on_listening = wanted->on_listening;
    if (wanted->unix_path && wanted->host)
        return refuse(app, "both a host and the unix socket ", wanted->unix_path);
    if (wanted->unix_path)
        return set_unix_path(app, e, wanted->unix_path);
    r = set_host(app, e, wanted->host ? wanted->host : "0.0.0.0");
    if (r == 0)
        r = set_port(app, e, wanted->port);
    if (r == 0 && !app->endpoints)
        r = apply_environment(app, e);
    return r;
}

int sl_bind_to(sl_app *app, const sl_endpoint *given)
{
    struct sl__app_endpoint *e = sl__alloc_zeroed(sizeof *e), **end = &app->endpoints;
    sl_endpoint wanted = {0};
    int r;

    if (given)
        memcpy(&wanted, given, given->size < sizeof wanted ? given->size : sizeof wanted);
    r = fill(app, e, &wanted);
    if (r < 0) {
        sl__free(e);
        return r;
    }
    while (*end)
        end = &(*end)->next;
    *end = e;
    app->endpoint_count++;
    return 0;
}
