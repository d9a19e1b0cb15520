/*
 * The way out: the body of a request, from a source that may wait.
 *
 * libcurl asks for octets in the loop, where nothing may wait. So a task asks the source, one
 * buffer at a time, and libcurl is told to pause while there is none. The task is started when
 * libcurl asks for the first time, which is when there is a connection: a source is never touched
 * for a server that cannot be reached.
 */
#include "engine.h"
#include "transfer.h"

#include <errno.h>
#include <string.h>

void fetch__resume(struct fetch__transfer *t)
{
    int mask = 0;

    if (!t->started || t->done)
        return;
    if (t->in_paused)
        mask |= CURLPAUSE_RECV;
    if (t->out_paused)
        mask |= CURLPAUSE_SEND;
    if (curl_easy_pause(t->easy, mask) != CURLE_OK)
        fetch__transfer_starved(t);
}

static bool out_empty(const struct fetch__transfer *t)
{
    return t->out_at == t->out_end;
}

size_t fetch__give_upload(char *buf, size_t size, size_t count, void *transfer)
{
    struct fetch__transfer *t = transfer;
    size_t n = t->out_end - t->out_at, most = size * count;

    if (!out_empty(t)) {
        n = n < most ? n : most;
        memcpy(buf, t->out + t->out_at, n);
        t->out_at += n;
        t->progress = fetch__now();
        if (out_empty(t))
            sl_waiter_wake(&t->pump_waiter);
        return n;
    }
    if (t->out_error < 0)
        return CURL_READFUNC_ABORT;
    if (t->out_ended)
        return 0;
    t->out_paused = true;
    if (!t->out_wanted) {
        t->out_wanted = true;
        sl_waiter_wake(&t->waiter); /* whoever waits for the head starts the pump */
    }
    return CURL_READFUNC_PAUSE;
}

/* Asks once. 1; 0 at the end; the source's error. */
static int ask(struct fetch__transfer *t)
{
    size_t most = FETCH__OUT_ROOM;
    ssize_t n;

    if (t->source_left >= 0 && (uint64_t)t->source_left < most)
        most = (size_t)t->source_left;
    t->source_asked = true;
    n = most > 0 ? t->source(t->out, most, t->source_self) : 0;
    if (n < 0)
        return (int)n;
    if ((size_t)n > most)
        return fetch__say(t, -EINVAL, "the body's source gave more than there was room for");
    if (n == 0 && t->source_left > 0)
        return fetch__say(t, -EINVAL, "the body's source ended %lld octets early",
                          (long long)t->source_left);
    if (n == 0)
        return 0;
    if (t->source_left > 0)
        t->source_left -= n;
    t->out_at = 0;
    t->out_end = (size_t)n;
    return 1;
}

int fetch__pump(void *transfer)
{
    struct fetch__transfer *t = transfer;
    int r = 1;

    while (r > 0) {
        r = ask(t);
        if (r == 0)
            t->out_ended = true;
        else if (r < 0)
            t->out_error = r;
        t->progress = fetch__now();
        t->out_paused = false;
        fetch__resume(t);
        while (r > 0 && !out_empty(t)) {
            int waited = sl_waiter_wait(&t->pump_waiter, -1);

            if (waited < 0)
                return waited;
        }
    }
    return r;
}
