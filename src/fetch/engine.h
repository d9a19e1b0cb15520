/*
 * The worker's engine: libcurl's multi handle, driven by the worker's loop.
 */
#ifndef FETCH_ENGINE_H
#define FETCH_ENGINE_H

#include <curl/curl.h>
#include <shallot/common.h>

struct fetch__engine;
struct fetch__transfer;

/** The worker's engine, made with the first request; NULL when out of memory. */
struct fetch__engine *fetch__engine_of(sl_app *app);

/** A handle with everything set that is the same for all; the caller's. NULL when out of memory. */
CURL *fetch__engine_handle(struct fetch__engine *e);

/** Starts the transfer of a handle. 0 or a negative errno. */
int fetch__engine_start(struct fetch__engine *e, CURL *easy);
/** Stops it, at once, wherever it is. Not from a callback of libcurl. */
void fetch__engine_stop(struct fetch__engine *e, CURL *easy);

/* What the engine tells, in the loop: to CURLOPT_PRIVATE of the handle. */

/** The transfer has ended, well or not. */
void fetch__transfer_done(struct fetch__transfer *t, CURLcode code);
/** The engine has no memory for it. */
void fetch__transfer_starved(struct fetch__transfer *t);

#endif
