/*
 * The master's life: opens what must outlive a worker, then performs what the supervisor decides
 * until everybody is gone.
 *
 * Comes from shallot.c in the process the user started. The other rooms of the master are listed in
 * master_state.h; here are the beginning, the end, and the supervisor's hands.
 */
#include "cluster/master.h"

#include "base/log.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/activation.h"
#include "cluster/feed.h"
#include "cluster/master_state.h"
#include "cluster/privilege.h"
#include "cluster/role.h"
#include "shallot/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_NS (200 * SL__MS)
#define SETTLE_DEVELOPMENT_NS (20 * SL__MS) /* what dies at once does so within a few */
#define CRASH_BUDGET 10

static void act_spawn(void *self, uint32_t id, unsigned slot, unsigned generation, bool candidate)
{
    struct sl__master *m = self;

    sl__crew_spawn(m, id, slot, generation, sl__master_code(m, candidate));
}

static void act_drain(void *self, uint32_t id, enum sl__drain_kind kind, int64_t deadline_ns)
{
    sl__crew_drain(self, id, kind, deadline_ns);
}

static void act_kill(void *self, uint32_t id, int signal)
{
    sl__crew_kill(self, id, signal);
}

static void write_down(struct sl__master *m, sl_event_kind kind, unsigned generation,
                       const char *text)
{
    sl__board_event(m->board.events,
                    &(sl_event){.kind = kind, .generation = generation, .text = text});
}

static void act_good(void *self, unsigned generation)
{
    char done[48];

    sl__master_promote(self, generation);
    write_down(self, SL_EVENT_RELOADED, generation, NULL);
    snprintf(done, sizeof done, "generation %u serves", generation);
    sl__control_over(self, SL__CONTROL_RELOAD, 0, NULL, done);
    sl__notify_reloaded(self, NULL);
    sl__master_tell_swapped(self, generation);
}

static void act_proven(void *self, unsigned generation)
{
    sl__master_upgrade_proven(self);
}

static void act_failed(void *self, unsigned generation, const char *reason)
{
    char error[640];

    sl__master_demote(self);
    write_down(self, SL_EVENT_RELOAD_FAILED, generation, reason);
    snprintf(error, sizeof error, "generation %u failed: %s; the running code stays", generation,
             reason);
    sl__control_over(self, SL__CONTROL_RELOAD, 0, error, NULL);
    sl__control_over(self, SL__CONTROL_UPGRADE, 0, error, NULL);
    sl__notify_reloaded(self, reason);
    sl__master_tell_kept(self, reason);
}

static bool ask_served(void *self, uint32_t id)
{
    struct sl__master *m = self;
    const struct sl__member *w = sl__crew_find(&m->crew, id);

    return w && m->board.slots[w->slot].served > 0;
}

static void act_wake_at(void *self, int64_t at)
{
    struct sl__master *m = self;

    if (at == INT64_MAX)
        sl__timer_stop(&m->loop, &m->wake);
    else
        sl__timer_start(&m->loop, &m->wake, at);
}

static void act_finished(void *self, int status)
{
    struct sl__master *m = self;

    m->status = status;
    sl__loop_stop(&m->loop);
}

static void act_log(void *self, enum sl__level level, const char *line)
{
    sl__log(level, "%s", line);
    if (level > SL__DEBUG)
        sl__control_progress(self, line);
}

/* At the end of the tick: a master that was stopped for a while finds its time over and everything
 * else at once, and must hear of a death before it judges by the clock. */
static void wake(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, wake);

    sl__loop_defer(&m->loop, &m->look);
}

static void look(struct sl__task *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, look);

    sl__supervisor_tick(m->supervisor, m->loop.now);
}

static void reload(void *self)
{
    sl__master_reload(self);
}

void sl__master_tell(struct sl__master *m, const struct sl__member *w,
                     void (*hook)(void *self, const sl_worker_info *info), int code, int signal)
{
    const sl_worker_info info = {
        .id = (int)w->id,
        .pid = w->pid,
        .generation = w->generation,
        .code = code,
        .signal = signal,
        .expected = w->leaving,
    };

    if (hook)
        hook(m->config.hooks.self, &info);
}

static int64_t settle_ns(const struct sl__master *m)
{
    if (m->config.health_ms)
        return m->config.health_ms * SL__MS;
    return m->config.development ? SETTLE_DEVELOPMENT_NS : SETTLE_NS;
}

static void make_supervisor(struct sl__master *m)
{
    const struct sl__supervisor_config config = {
        .instances = m->config.instances,
        .development = m->config.development,
        .drain_ns = m->config.drain_ms * SL__MS,
        .ready_ns = m->config.ready_ms * SL__MS,
        .settle_ns = settle_ns(m),
        .rolling = m->config.rolling,
        .healthy_ns = SL__SEC,
        .backoff_min_ns = SL__SEC / 10,
        .backoff_max_ns = 10 * SL__SEC,
        .crash_budget = CRASH_BUDGET,
        .told = sl__feed_open(),
        .seed = (uint64_t)sl__sys_now() ^ (uint64_t)getpid() << 32,
    };
    const struct sl__supervisor_actions actions = {
        .spawn = act_spawn,
        .drain = act_drain,
        .kill = act_kill,
        .good = act_good,
        .proven = act_proven,
        .failed = act_failed,
        .served = ask_served,
        .wake_at = act_wake_at,
        .finished = act_finished,
        .log = act_log,
        .self = m,
    };

    m->wake.fire = wake;
    m->turn.fire = sl__crew_turn_over;
    m->look.run = look;
    m->supervisor = sl__supervisor_new(&config, &actions);
}

/* A port in use is one clear line, before any worker starts. */
static int open_listeners(struct sl__master *m)
{
    char error[512] = "";
    unsigned inherited;

    sl__activation_read();
    inherited = sl__listeners_inherit(&m->listeners, m->config.endpoints, m->config.endpoint_count);
    if (inherited && !sl__feed_open())
        sl__log(SL__INFO, "%u listening socket%s from the service manager", inherited,
                inherited == 1 ? "" : "s");
    for (unsigned i = 0; i < m->config.endpoint_count; i++) {
        struct sl__listener *l;
        int r = sl__listeners_open(&m->listeners, &m->config.endpoints[i], &l, error, sizeof error);

        if (r < 0) {
            sl__log(SL__ERROR, "%s", error);
            return r;
        }
        l->good = true;
    }
    return 0;
}

static int open_regions(struct sl__master *m)
{
    for (const struct sl__handle *h = m->config.shared; h; h = h->next) {
        const struct sl__region *other;
        struct sl__region *region;
        int r = sl__regions_open(&m->regions, h->name, &h->shape, &region, &other);

        if (r < 0)
            return r;
        region->good = true;
    }
    sl__master_bind_shared(m);
    return 0;
}

void sl__master_bind_shared(struct sl__master *m)
{
    const struct sl__master_hooks *hooks = &m->config.hooks;

    for (struct sl__link *at = m->regions.all.next; at != &m->regions.all; at = at->next) {
        struct sl__region *region = SL__OWNER(at, struct sl__region, link);

        if (region->good && hooks->shared)
            hooks->shared(hooks->self, region->name, region->fd);
    }
}

/* What needs the rights we were started with is open: a name for us, and then only the rights that
 * are needed. 0, or a negative errno that has been printed. */
static int settle_down(struct sl__master *m)
{
    char error[256];
    int r;

    if (m->config.pid_file) {
        r = sl__pid_file_write(m->config.pid_file);
        if (r < 0) {
            sl__log(SL__ERROR, "cannot write the PID file %s: %s", m->config.pid_file,
                    sl_strerror(r));
            return r;
        }
        m->named = true;
    }
    sl__control_start(m, m->config.control);
    sl__log_flush(); /* opens the log's way out, which may need these rights, too */
    r = sl__privilege_drop(m->config.user, m->config.group, error, sizeof error);
    if (r < 0)
        sl__log(SL__ERROR, "%s", error);
    return r;
}

/* Descriptors pass through here when a generation hands over: as many as the system allows. */
static void raise_file_limit(struct sl__master *m)
{
    struct rlimit more;

    if (getrlimit(RLIMIT_NOFILE, &m->files) < 0)
        return;
    more = m->files;
    more.rlim_cur = more.rlim_max;
    setrlimit(RLIMIT_NOFILE, &more);
}

static void init(struct sl__master *m, const struct sl__master_config *config)
{
    *m = (struct sl__master){.config = *config, .status = 1};
    m->held.fd = m->candidate.fd = m->board.fd = -1;
    sl__master_upgrade_init(m);
    sl__aftermath_init(&m->aftermath);
    if (m->config.instances > SL__INSTANCES_MAX)
        m->config.instances = SL__INSTANCES_MAX;
    m->instances = config->instances;
    m->control.watch.fd = m->notify.fd = -1;
    sl__list_init(&m->control.clients);
    sl__listeners_init(&m->listeners);
    sl__regions_init(&m->regions);
    sl__crew_init(&m->crew);
    make_supervisor(m);
    raise_file_limit(m);
    setvbuf(stdout, NULL, _IOLBF, 0); /* shared with the workers: line by line */
    sl__log_set_who("master");
    if (sl__feed_open())
        sl__log_set_level(SL__INFO); /* the tool is told what there is to know */
    sl__set_process_title("shallot: master (%s)", config->name);
}

/* 0, or a negative errno that has been printed. */
static int start(struct sl__master *m)
{
    const char *what = "start the event loop";
    int r = sl__loop_init(&m->loop);

    if (r < 0)
        goto fail;
    what = "take signals";
    r = sl__master_signals_start(m);
    if (r < 0)
        goto fail;
    if (sl__role()->state >= 0)
        return sl__master_take_over(m);
    what = "open the program's file";
    r = sl__executable_open_self(&m->held);
    if (r < 0)
        goto fail;
    what = "make the scoreboard";
    r = sl__scoreboard_create(&m->board);
    if (r < 0)
        goto fail;
    what = "make the shared memory";
    r = open_regions(m);
    if (r < 0)
        goto fail;
    what = "prepare for crashes";
    r = sl__aftermath_start(m);
    if (r < 0)
        goto fail;
    what = "make the relay";
    r = sl__master_bus_start(m);
    if (r < 0)
        goto fail;
    r = open_listeners(m);
    return r < 0 ? r : settle_down(m);
fail:
    sl__log(SL__ERROR, "cannot %s: %s", what, sl_strerror(r));
    return r;
}

static void run(struct sl__master *m)
{
    unsigned workers = m->config.development ? 1 : m->config.instances;
    const char *why = m->config.development ? "development" : m->config.instances_reason;
    int r;

    if (sl__role()->state < 0 && !sl__feed_open())
        sl__log(SL__INFO, "master %d, %u worker%s%s%s", getpid(), workers, workers == 1 ? "" : "s",
                why ? ": " : "", why ? why : "");
    if (m->config.development)
        m->development = sl__development_new(&m->loop, &(struct sl__development_config){
                                                           .build = m->config.build,
                                                           .watch = m->config.watch,
                                                           .executable = m->held.path,
                                                           .reload = reload,
                                                           .self = m,
                                                       });
    if (sl__role()->state >= 0) {
        sl__master_taken_over(m);
    } else {
        sl__notify_start(m);
        sl__supervisor_start(m->supervisor, m->loop.now);
    }
    r = sl__loop_run(&m->loop);
    if (r < 0)
        sl__log(SL__ERROR, "the event loop failed: %s", sl_strerror(r));
}

/* Accepts whatever of it start() has begun. */
static void finish(struct sl__master *m)
{
    sl__master_upgrade_end(m);
    sl__control_stop(m);
    sl__notify_stop(m);
    if (m->named)
        sl__pid_file_remove(m->config.pid_file);
    sl__log_flush();
    sl__development_free(m->development);
    sl__buf_finish(&m->told_urls);
    sl__crew_finish(m);
    sl__aftermath_stop(m);
    if (m->relay)
        sl__master_bus_stop(m);
    sl__supervisor_free(m->supervisor);
    sl__listeners_finish(&m->listeners);
    sl__regions_finish(&m->regions);
    sl__scoreboard_finish(&m->board);
    sl__executable_close(&m->held);
    sl__executable_close(&m->candidate);
    sl__signals_stop(&m->signals);
    sl__loop_finish(&m->loop);
    if (m->files.rlim_max > 0)
        setrlimit(RLIMIT_NOFILE, &m->files);
}

int sl__master_run(const struct sl__master_config *config)
{
    struct sl__master m;

    init(&m, config);
    sl__master_rehearsed(&m);
    if (start(&m) == 0)
        run(&m);
    else
        sl__master_return(&m);
    finish(&m);
    return m.status;
}
