/*
 * Inside of the floor: a fiber, and the runtime of a thread.
 */
#ifndef SL__FIBER_RUNTIME_H
#define SL__FIBER_RUNTIME_H

#include <stdint.h>

#include "fiber/fiber.h"
#include "fiber/sanitize.h"
#include "fiber/stack.h"

enum sl__fiber_state {
    SL__FIBER_NEW, /* queued or about to run for the first time */
    SL__FIBER_RUNNING,
    SL__FIBER_WAITING,  /* for a wake, its deadline or cancellation */
    SL__FIBER_YIELDING, /* for the next tick and nothing else */
    SL__FIBER_ENDED,
};

/** A call of sl_within(), on the stack of the fiber that made it. */
struct sl__within {
    struct sl__within *outer; /* the call around it; NULL: none */
    struct sl__fiber *fiber;
    struct sl__timer timer;
    unsigned shield; /* the fiber's when it was made: shields inside of it put it off */
    bool over;       /* its time */
};

/** Lives in the head of its own stack, so that starting one allocates nothing. */
struct sl__fiber {
    struct sl__stack stack; /* first: a stack's head is its fiber */
    void *place;            /* what sl__switch() stored, while it does not run */
    struct sl__fiber *next; /* in the ready queue */
    void (*fn)(void *arg);
    void *arg;
    uint8_t state;  /* enum sl__fiber_state */
    bool queued;    /* in the ready queue */
    bool woken;     /* a wake that no wait has returned for yet */
    bool timed_out; /* the timer of this wait has fired */
    bool cancelled;
    unsigned shield;           /* depth of shields */
    unsigned ignored;          /* waits that returned -ECANCELED */
    struct sl__within *within; /* the innermost; NULL: none, as on a fresh stack */
    struct sl__timer timer;
    const char *label;
    void *user;
    struct sl__fiber *root; /* a task of a request: the request's fiber; else NULL */
    struct sl__san san;
};

struct sl__offload;
struct sl_task;

/** The runtime of a thread; loop is NULL when there is none. */
struct sl__fibers {
    struct sl__fiber *current; /* NULL while the loop runs */
    void *loop_place;
    uint64_t control; /* the loop's floating-point control, with which every fiber starts */
    struct sl__fiber *ready, *last_ready; /* first in, first out */
    struct sl__task run;                  /* runs the ready ones, in this tick */
    struct sl__loop *loop;
    unsigned live, max_live;
    struct sl__stack_pool stacks;
    struct sl__stack *warm;      /* the one used last, not in the pool; NULL: in use */
    struct sl__offload *offload; /* made when first needed */
    struct sl_task *spare_tasks; /* kept by task.c */
    unsigned spare_task_count;
    struct sl__san san; /* of the loop */
};

/* Found by one addition to the thread register, also in a shared library and in a signal handler.
 */
extern _Thread_local struct sl__fibers sl__fibers_here __attribute__((tls_model("initial-exec")));

/** True if its waits are to return -ECANCELED. */
bool sl__fiber_is_cancelled(const struct sl__fiber *f);
/** Its waits have just been told to: lets it go on, if it is in one. */
void sl__fiber_interrupt(struct sl__fiber *f);

/** Frees what task.c keeps. */
void sl__tasks_forget(struct sl__fibers *rt);

#endif
