/*
 * What the master tells the tool: where it listens, what became of new code, who died.
 *
 * Comes from crew and supervisor's hands in development mode under `shallot dev`; the watching and
 * building half of the feed is development.c. What is told here is not logged by those who come
 * here, so that it does not stand on the screen twice.
 */
#include "cluster/master_state.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cluster/feed.h"

static void add_urls(const struct sl__member *w, struct sl__buf *to)
{
    char url[300];

    for (unsigned i = 0; i < w->listener_count; i++) {
        if (!w->listeners[i])
            continue;
        sl__endpoint_url(w->listeners[i]->fd, url, sizeof url);
        sl__buf_append(to, url, strlen(url) + 1);
    }
}

/* Once, and again when new code listens elsewhere. */
void sl__master_tell_listening(struct sl__master *m, const struct sl__member *w)
{
    struct sl__feed_line line;
    struct sl__buf urls = {0};
    size_t len;
    unsigned index = 0;

    if (!sl__feed_open())
        return;
    add_urls(w, &urls);
    len = sl__buf_len(&urls);
    if (len == sl__buf_len(&m->told_urls) &&
        (len == 0 || memcmp(urls.data + urls.at, m->told_urls.data + m->told_urls.at, len) == 0)) {
        sl__buf_finish(&urls);
        return;
    }
    sl__buf_finish(&m->told_urls);
    m->told_urls = urls;
    for (size_t at = 0; at < len; at += strlen(urls.data + urls.at + at) + 1) {
        sl__feed_begin(&line, "listening");
        sl__feed_add_text(&line, "url", urls.data + urls.at + at);
        sl__feed_add_number(&line, "index", index++);
        sl__feed_send(&line, NULL);
    }
}

void sl__master_tell_swapped(struct sl__master *m, unsigned generation)
{
    int64_t saved = sl__development_saved_at(m->development);
    struct sl__feed_line line;

    if (!sl__feed_open())
        return;
    sl__feed_begin(&line, "swapped");
    if (saved && m->ready_at > saved)
        sl__feed_add_number(&line, "ms", (m->ready_at - saved) / SL__MS);
    sl__feed_add_number(&line, "generation", generation);
    sl__feed_send(&line, NULL);
}

void sl__master_tell_kept(struct sl__master *m, const char *why)
{
    struct sl__feed_line line;

    if (!sl__feed_open())
        return;
    sl__feed_begin(&line, "kept");
    sl__feed_add_number(&line, "generation", sl__supervisor_generation(m->supervisor));
    sl__feed_add_text(&line, "why", why);
    sl__feed_send(&line, NULL);
}

static bool successor_starts(const struct sl__master *m, const struct sl__member *dead)
{
    const struct sl__link *all = &m->crew.members;

    for (struct sl__link *at = all->next; at != all; at = at->next) {
        const struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w != dead && !w->ready && !w->leaving &&
            w->generation == sl__supervisor_generation(m->supervisor))
            return true;
    }
    return false;
}

const char *sl__master_what_then(const struct sl__master *m, const struct sl__member *dead)
{
    if (sl__supervisor_due(m->supervisor) != INT64_MAX || successor_starts(m, dead))
        return "restarting";
    return sl__supervisor_ready_count(m->supervisor) > 0 ? "serving" : "waiting";
}

void sl__master_tell_death(uint32_t worker, int signal, const char *then, const char *report)
{
    struct sl__feed_line line;

    if (!sl__feed_open())
        return;
    sl__feed_begin(&line, "crashed");
    sl__feed_add_number(&line, "signal", signal);
    sl__feed_add_number(&line, "worker", worker);
    sl__feed_add_text(&line, "then", then);
    sl__feed_send(&line, report);
}
