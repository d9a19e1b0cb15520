/*
 * Threads for what blocks: a small pool (4 threads, started when first needed, every one with all
 * signals blocked but the fatal ones) that runs jobs and reports them done through an eventfd in
 * the loop.
 */
#ifndef SL__LOOP_OFFLOAD_H
#define SL__LOOP_OFFLOAD_H

#include "loop/loop.h"

/** Caller's storage, in place until done() is called or the job was cancelled; may be submitted
 * again in done(). */
struct sl__job {
    struct sl__link link;
    int (*run)(void *arg); /* on a thread */
    void *arg;
    int result;                        /* what run() returned, valid in done() */
    void (*done)(struct sl__job *job); /* in the loop */
    enum { SL__JOB_IDLE, SL__JOB_QUEUED, SL__JOB_RUNNING, SL__JOB_DONE } state; /* the pool's */
};

struct sl__offload;

/** The job that the calling thread runs; NULL: none. For a signal handler that asks who is to
 * blame. */
extern _Thread_local struct sl__job *sl__job_running __attribute__((tls_model("initial-exec")));

/** Starts no thread yet. NULL when out of memory or descriptors. */
struct sl__offload *sl__offload_new(struct sl__loop *l, unsigned threads);
/** Waits for running jobs; done() of none is called any more. NULL is fine. */
void sl__offload_free(struct sl__offload *o);
/** 0, or a negative errno when no thread could be started. */
int sl__offload_submit(struct sl__offload *o, struct sl__job *job);
/** Takes back a job that no thread has begun; false if it is too late. */
bool sl__offload_cancel(struct sl__offload *o, struct sl__job *job);

#endif
