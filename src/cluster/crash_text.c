/*
 * What a record says, in words: for the master's log, and for the file the helper writes. Pure.
 */
#include <signal.h>
#include <stdio.h>

#include "base/fatal.h"
#include "cluster/aftermath.h"

struct cause {
    int signal, code;
    const char *text;
};

static const struct cause causes[] = {
    {SIGSEGV, SEGV_MAPERR, "is not mapped"},
    {SIGSEGV, SEGV_ACCERR, "may not be accessed so"},
    {SIGBUS, BUS_ADRALN, "is not aligned"},
    {SIGBUS, BUS_ADRERR, "lies behind the end of its file"},
    {SIGFPE, FPE_INTDIV, "integer division by zero"},
    {SIGFPE, FPE_INTOVF, "integer overflow"},
    {SIGFPE, FPE_FLTDIV, "floating-point division by zero"},
    {SIGFPE, FPE_FLTINV, "invalid floating-point operation"},
    {SIGILL, ILL_ILLOPC, "illegal instruction"},
    {SIGILL, ILL_ILLOPN, "illegal operand"},
    {SIGILL, ILL_PRVOPC, "privileged instruction"},
};

static const char *cause_of(const struct sl__crash_record *r)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (causes[i].signal == r->signal && causes[i].code == r->code)
            return causes[i].text;
    return NULL;
}

/* Why the signal came: ", address 0x0 is not mapped", ", integer division by zero", ... */
static void describe_cause(const struct sl__crash_record *r, char *buf, size_t size)
{
    const char *cause = cause_of(r);

    buf[0] = '\0';
    if (r->stuck_ms)
        snprintf(buf, size, " by the watchdog: one tick took longer than %u ms", r->stuck_ms);
    else if (r->said[0] && r->signal == SIGABRT)
        snprintf(buf, size, ", %s", r->said);
    else if (r->overflow)
        snprintf(buf, size, ", stack overflow");
    else if (r->code <= 0 && r->sender == r->pid)
        snprintf(buf, size, ", raised by the program itself");
    else if (r->code <= 0)
        snprintf(buf, size, ", sent by process %d", r->sender);
    else if (r->signal == SIGSEGV && r->code == SI_KERNEL)
        snprintf(buf, size, ", an address that cannot be");
    else if ((r->signal == SIGSEGV || r->signal == SIGBUS) && cause)
        snprintf(buf, size, ", address 0x%llx %s", (unsigned long long)r->address, cause);
    else if (cause)
        snprintf(buf, size, ", %s", cause);
}

static void describe_request(const struct sl__crash_record *r, char *buf, size_t size)
{
    const char *where = r->in_thread ? " (on a thread)" : "";

    if (r->has_request)
        snprintf(buf, size, "%s %s, route %s, request %u-%llu, %.1f ms old%s", r->method, r->path,
                 r->label[0] ? r->label : "none", r->worker, (unsigned long long)r->number,
                 (double)r->age_ns / 1e6, where);
    else if (r->label[0])
        snprintf(buf, size, "no request: %s%s", r->label, where);
    else
        snprintf(buf, size, "no request%s", where);
}

static void describe_blocked(const struct sl__crash_record *r,
                             void (*line)(void *self, const char *text), void *self)
{
    char text[2048];

    snprintf(text, sizeof text,
             "worker %u: %s%s%s blocks the loop for more than %lld ms (route %s)", r->worker,
             r->has_request ? r->method : "something", r->has_request ? " " : "", r->path,
             (long long)(r->age_ns / 1000000), r->label[0] ? r->label : "none");
    line(self, text);
}

void sl__crash_describe(const struct sl__crash_record *r,
                        void (*line)(void *self, const char *text), void *self)
{
    char text[2400], part[2048], name[24];

    if (r->kind == SL__CRASH_BLOCKED) {
        describe_blocked(r, line, self);
        return;
    }
    describe_cause(r, part, sizeof part);
    snprintf(text, sizeof text, "crash of worker %u (pid %d): %s%s", r->worker, r->pid,
             sl__fatal_name(r->signal, name, sizeof name), part);
    line(self, text);
    describe_request(r, part, sizeof part);
    snprintf(text, sizeof text, "  %s", part);
    line(self, text);
    if (r->culprits + r->bystanders + r->idle == 0)
        return;
    snprintf(text, sizeof text,
             "  answered for it: %u with 500, %u with 503; %u idle connection%s passed on",
             r->culprits, r->bystanders, r->idle, r->idle == 1 ? "" : "s");
    line(self, text);
}

void sl__crash_brief(const struct sl__crash_record *r, char *buf, size_t size)
{
    char cause[256], request[2048], name[24];

    describe_cause(r, cause, sizeof cause);
    describe_request(r, request, sizeof request);
    snprintf(buf, size, "%s%s; %s", sl__fatal_name(r->signal, name, sizeof name), cause, request);
}
