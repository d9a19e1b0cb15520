/*
 * A transfer: one request and its answer, between the fiber that asked and libcurl in the loop.
 */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include <curl/curl.h>
#include <shallot/fetch.h>
#include <shallot/fiber.h>
#include <shallot/loop.h>

#include "head.h"

#define FETCH__IN_MOST ((size_t)65536) /* octets of a stream's body that wait to be read */
#define FETCH__OUT_ROOM ((size_t)16384)

struct fetch__engine;

struct fetch__transfer {
    sl_ctx *c; /* NULL: not a request's */
    sl_app *app;
    struct fetch__engine *engine;
    CURL *easy;
    struct curl_slist *lines; /* request headers, in libcurl's form */
    char *label;              /* method and URL, for reports: no password, no query */
    char *url;                /* of the answer */
    sl_waiter waiter;         /* of whoever asked */
    bool idempotent;
    bool started;      /* libcurl has it */
    unsigned attempts; /* times the request was about to be sent, redirects included */
    unsigned idle_ms;
    int64_t deadline; /* monotonic ms; INT64_MAX: none */
    int64_t progress; /* when something moved last */
    /* How it ends. */
    bool done;
    CURLcode code;
    int failed;  /* our own verdict, before libcurl's; 0: none */
    char *error; /* the words for it; NULL */
    char detail[CURL_ERROR_SIZE];
    /* The answer. */
    struct fetch__head head;
    bool head_done;
    bool decompressed; /* if it was compressed */
    unsigned follow;
    bool whole;      /* the body is collected, not streamed */
    size_t in_limit; /* whole: longest body */
    char *in;
    size_t in_at, in_end, in_room;
    bool in_paused;
    /* The request's body, from a source. */
    ssize_t (*source)(void *buf, size_t len, void *self);
    void *source_self;
    int64_t source_left; /* -1: not known */
    char *out;
    size_t out_at, out_end;
    bool out_wanted;   /* libcurl has asked for it */
    bool source_asked; /* and so have we */
    bool out_paused;   /* libcurl waits for more */
    bool out_ended;
    int out_error;
    sl_task *pump;         /* asks the source; NULL: not started */
    sl_waiter pump_waiter; /* for room in out */
};

int64_t fetch__now(void);

/** Checks the options and gives them to libcurl. 0; -EINVAL with the words in t->error; -ENOMEM
 * (request.c). */
int fetch__request_prepare(struct fetch__transfer *t, const char *url,
                           const sl_fetch_options *options);

/** Says why it failed, unless that was said before. @return @p error */
int fetch__say(struct fetch__transfer *t, int error, const char *fmt, ...) SL_PRINTF(3, 4);
/** What became of it: 0; -EAGAIN while it goes on; or the error, with the words in t->error
 * (outcome.c). */
int fetch__outcome(struct fetch__transfer *t);
/** The status that an error becomes when a handler returns it. */
int fetch__status_of(int error);

/** Asks the source until it ends: the function of a task (upload.c). */
int fetch__pump(void *transfer);
/** CURLOPT_READFUNCTION. */
size_t fetch__give_upload(char *buf, size_t size, size_t count, void *transfer);
/** Goes on where libcurl was told to pause. */
void fetch__resume(struct fetch__transfer *t);

/** The callbacks of libcurl that take the answer (transfer.c). */
void fetch__transfer_listen(struct fetch__transfer *t);
/** 0 once the head is there (whole: once all is), or the error. */
int fetch__transfer_await(struct fetch__transfer *t);
ssize_t fetch__transfer_read(struct fetch__transfer *t, void *buf, size_t len);
/** Stops it, at once wherever it is; what was read or said is kept. May be called again. */
void fetch__transfer_stop(struct fetch__transfer *t);
/** The same, and frees all but the transfer itself. May be called again. */
void fetch__transfer_finish(struct fetch__transfer *t);

#endif
