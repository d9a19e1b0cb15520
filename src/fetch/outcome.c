/*
 * How a transfer ended: libcurl's hundred codes as the few errors that a handler can act on, each
 * with words that say what, on what, why.
 */
#include "transfer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fetch__say(struct fetch__transfer *t, int error, const char *fmt, ...)
{
    const char *label = t->label ? t->label : "fetch";
    size_t at, room = strlen(label) + 512;
    va_list args;

    if (t->failed)
        return t->failed;
    t->failed = error;
    t->error = malloc(room);
    if (!t->error)
        return error;
    at = (size_t)snprintf(t->error, room, "%s: ", label);
    va_start(args, fmt);
    vsnprintf(t->error + at, room - at, fmt, args);
    va_end(args);
    return error;
}

/* What happened, ahead of libcurl's own words. */
static int error_of(CURLcode code, bool asked, const char **ret_what)
{
    if (asked && code == CURLE_UNSUPPORTED_PROTOCOL) /* it says so of the answer too */
        code = CURLE_WEIRD_SERVER_REPLY;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        *ret_what = "no address for the host";
        return -EHOSTUNREACH;
    case CURLE_COULDNT_CONNECT:
        *ret_what = "cannot connect";
        return -ECONNREFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        *ret_what = "cannot connect in time";
        return -ETIMEDOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_PARTIAL_FILE:
        *ret_what = "the connection broke";
        return -ECONNRESET;
    case CURLE_TOO_MANY_REDIRECTS:
        *ret_what = "too many redirects";
        return -ELOOP;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        *ret_what = "a URL that is not fetched";
        return -EINVAL;
    case CURLE_OUT_OF_MEMORY:
        *ret_what = "out of memory";
        return -ENOMEM;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        *ret_what = "no secure connection";
        return -EPROTO;
    default:
        *ret_what = "the answer cannot be understood";
        return -EPROTO;
    }
}

int fetch__outcome(struct fetch__transfer *t)
{
    const char *what;
    int error;

    if (t->failed)
        return t->failed;
    if (t->done && t->code != CURLE_OK && t->out_error < 0)
        return t->failed = t->out_error;
    if (!t->done)
        return -EAGAIN;
    if (t->code == CURLE_OK)
        return 0;
    error = error_of(t->code, t->attempts > 0, &what);
    return fetch__say(t, error, "%s: %s", what,
                      t->detail[0] ? t->detail : curl_easy_strerror(t->code));
}

int fetch__status_of(int error)
{
    switch (error) {
    case -ETIMEDOUT:
        return 504;
    case -ENOMEM:
        return 503;
    case -EINVAL:
    case -EDEADLK:
        return 500;
    default:
        return 502;
    }
}
