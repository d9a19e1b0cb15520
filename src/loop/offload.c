/*
 * Threads for what blocks. Jobs come in from the loop, are run by whichever thread is free, and go
 * out through the list of finished ones, whose eventfd wakes the loop; done() is called there, so
 * that nobody but this file knows of threads.
 *
 * Threads are started one at a time, when a job finds none idle, and stay. They have all signals
 * blocked, which are the loop's, but those of a crash.
 */
#include "loop/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/mem.h"

struct sl__offload {
    struct sl__watch watch; /* of the eventfd */
    struct sl__loop *loop;
    pthread_mutex_t lock; /* guards everything below, and the state of every job */
    pthread_cond_t work;
    struct sl__link queue, finished;
    unsigned queued, idle;
    bool quit;
    unsigned started, most;
    pthread_t threads[];
};

_Thread_local struct sl__job *sl__job_running;

/* Takes and returns the lock: held on both sides. */
static void run_job(struct sl__offload *o, struct sl__job *job)
{
    static const uint64_t one = 1;
    int result;

    job->state = SL__JOB_RUNNING;
    pthread_mutex_unlock(&o->lock);
    sl__job_running = job;
    result = job->run(job->arg);
    sl__job_running = NULL;
    pthread_mutex_lock(&o->lock);
    job->result = result;
    job->state = SL__JOB_DONE;
    if (sl__list_empty(&o->finished)) { /* else the loop has been woken already */
        ssize_t n = write(o->watch.fd, &one, sizeof(one));
        (void)n; /* cannot fail: the counter is nowhere near its limit */
    }
    sl__list_append(&o->finished, &job->link);
}

static void *thread_main(void *arg)
{
    struct sl__offload *o = arg;

    sl__fatal_stack(); /* without one an overflow of this thread dies unreported */
    pthread_mutex_lock(&o->lock);
    while (!o->quit) {
        struct sl__link *link = sl__list_take(&o->queue);

        if (link) {
            o->queued--;
            run_job(o, SL__OWNER(link, struct sl__job, link));
            continue;
        }
        o->idle++;
        pthread_cond_wait(&o->work, &o->lock);
        o->idle--;
    }
    pthread_mutex_unlock(&o->lock);
    sl__fatal_stack_drop();
    return NULL;
}

static int start_thread(struct sl__offload *o)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    sl__fatal_unblock(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&o->threads[o->started], NULL, thread_main, o);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r == 0)
        o->started++;
    return -r;
}

static void ready(struct sl__watch *w, uint32_t events)
{
    struct sl__offload *o = SL__OWNER(w, struct sl__offload, watch);
    struct sl__link finished, *link;
    uint64_t count;
    ssize_t n;

    sl__list_init(&finished);
    pthread_mutex_lock(&o->lock);
    n = read(w->fd, &count,
             sizeof(count)); /* under the lock: an empty list and a silent eventfd go together */
    (void)n;
    while ((link = sl__list_take(&o->finished)))
        sl__list_append(&finished, link);
    pthread_mutex_unlock(&o->lock);
    while ((link = sl__list_take(&finished))) {
        struct sl__job *job = SL__OWNER(link, struct sl__job, link);

        job->state = SL__JOB_IDLE;
        job->done(job);
    }
}

struct sl__offload *sl__offload_new(struct sl__loop *l, unsigned threads)
{
    unsigned most = threads > 0 ? threads : 1;
    struct sl__offload *o = sl__try_alloc_zeroed(sizeof(*o) + most * sizeof(o->threads[0]));

    if (!o)
        return NULL;
    o->loop = l;
    o->most = most;
    o->watch = (struct sl__watch){.events = EPOLLIN, .ready = ready};
    o->watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (o->watch.fd < 0)
        goto free_it;
    if (sl__loop_add(l, &o->watch) < 0)
        goto close_it;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->work, NULL);
    sl__list_init(&o->queue);
    sl__list_init(&o->finished);
    return o;

close_it:
    close(o->watch.fd);
free_it:
    sl__free(o);
    return NULL;
}

void sl__offload_free(struct sl__offload *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->quit = true;
    pthread_cond_broadcast(&o->work);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->started; i++)
        pthread_join(o->threads[i], NULL);
    sl__loop_remove(o->loop, &o->watch);
    close(o->watch.fd);
    pthread_cond_destroy(&o->work);
    pthread_mutex_destroy(&o->lock);
    sl__free(o);
}

int sl__offload_submit(struct sl__offload *o, struct sl__job *job)
{
    int r = 0;

    pthread_mutex_lock(&o->lock);
    if (o->idle <= o->queued && o->started < o->most)
        r = start_thread(o);
    if (o->started > 0) /* one that could not be started is missed only when there is no other */
        r = 0;
    if (r == 0) {
        job->state = SL__JOB_QUEUED;
        sl__list_append(&o->queue, &job->link);
        o->queued++;
        pthread_cond_signal(&o->work);
    }
    pthread_mutex_unlock(&o->lock);
    return r;
}

bool sl__offload_cancel(struct sl__offload *o, struct sl__job *job)
{
    bool taken;

    pthread_mutex_lock(&o->lock);
    taken = job->state == SL__JOB_QUEUED;
    if (taken) {
        sl__list_remove(&job->link);
        o->queued--;
        job->state = SL__JOB_IDLE;
    }
    pthread_mutex_unlock(&o->lock);
    return taken;
}
