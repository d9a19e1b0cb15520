/*
 * Numbers a client can push against. Zero means the default, which src/http/limits.h lists with its
 * reason.
 */
#ifndef SHALLOT_LIMITS_H
#define SHALLOT_LIMITS_H

#include <shallot/common.h>

/** For body_rate and write_rate: none. */
#define SL_ANY_RATE ((unsigned)-1)

/** Limits of an app: sl_options.limits. */
typedef struct sl_limits {
    size_t head_bytes; /**< request line and fields together; over it: 431. Default 16 KiB, at most
                          64 KiB */
    unsigned head_fields; /**< number of fields; over it: 431. Default 100, at most 256 */
    size_t target_bytes;  /**< request target; over it: 414. Default 8 KiB */
    size_t body_bytes; /**< body held in memory by sl_request_body(); over it: 413. Default 1 MiB */
    size_t discard_bytes; /**< unread body skipped to keep the connection; over it: close. Default
                             256 KiB */
    unsigned
        head_ms; /**< from the first octet of a head to its end; over it: 408. Default 10,000 */
    unsigned body_ms;  /**< longest silence while a body is awaited; over it: 408. Default 20,000 */
    unsigned write_ms; /**< longest time without progress while sending; over it: close. Default
                          30,000 */
    unsigned body_rate;  /**< octets per second a body must come with while it is awaited, on the
                            average and after rate_grace_ms; under it: 408. Default 500 */
    unsigned write_rate; /**< octets per second an answer must be taken with while it waits for the
                            client, likewise; under it: close. Default 500 */
    unsigned rate_grace_ms; /**< of waiting for one body or one answer, before its rate counts.
                               Default 10,000 */
    unsigned idle_ms;   /**< kept connection without a request; over it: close. Default 60,000 */
    unsigned linger_ms; /**< after the last answer, how long input is drained before closing; as
                           long again while that answer is being taken. Default 1,000 */
    unsigned connection_requests; /**< requests on one connection, then Connection: close. Default
                                     1,000,000 */
    unsigned connections; /**< per worker; at the limit accepting pauses. Default: the descriptor
                             limit less 128 */
    unsigned fibers; /**< requests in a handler at once, per worker; over it: 503. Default 10,000 */
    size_t file_cache_bytes; /**< small files sl_file() keeps in memory, per worker, and each
                                sl_static() as much; 1 keeps none.
                                Default 8 MiB */
    unsigned json_depth;  /**< arrays and objects inside each other in sl_request_json(); over it:
                             400. Default 64, at most 512 */
    size_t json_values;   /**< values in one; over it: 413. Default 100,000 */
    unsigned form_parts;  /**< fields and files of a form; over it: 413. Default 1,000 */
    size_t message_bytes; /**< one message of the bus. Default 64 MiB */
    size_t
        queue_bytes; /**< messages waiting for one worker, large ones included. Default 128 MiB */
} sl_limits;

#endif
