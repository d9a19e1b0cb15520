/*
 * The numbers a client can push against, each with its default and the reason for it.
 */
#ifndef SL__HTTP_LIMITS_H
#define SL__HTTP_LIMITS_H

#include "shallot/limits.h"

/* X(field, default, reason) */
#define SL__LIMITS(X)                                                                              \
    X(head_bytes, 16384, "browsers with many cookies stay below 8 KiB; twice that")                \
    X(head_fields, 100, "Apache's number; real requests have 10 to 40")                            \
    X(target_bytes, 8192, "the least RFC 9112 section 3 recommends to support")                    \
    X(body_bytes, 1048576,                                                                         \
      "a form or a JSON document; what is larger should be streamed with sl_read()")               \
    X(discard_bytes, 262144, "skipping less costs less than a new connection")                     \
    X(head_ms, 10000, "a head is one packet; ten seconds bear three retransmissions")              \
    X(body_ms, 20000, "a phone in a tunnel, but not a slow-body attack")                           \
    X(write_ms, 30000, "a reader that takes nothing for so long is gone")                          \
    X(body_rate, 500, "octets/s; Apache's number (Kestrel, IIS: 240), half of GPRS at its worst")  \
    X(write_rate, 500, "octets/s; the same: ten thousand slow readers have to take 40 Mbit/s")     \
    X(rate_grace_ms, 10000, "two timeouts of TCP in a row, before a rate means anything")          \
    X(idle_ms, 60000,                                                                              \
      "longer than the 55 s most browsers and proxies keep an idle connection themselves")         \
    X(linger_ms, 1000,                                                                             \
      "one round trip to anywhere, so that a reset does not destroy the answer (RFC 9112 9.6)")    \
    X(connection_requests, 1000000, "bounds how long one connection pins itself to one worker")    \
    X(connections, 0, "0: the descriptor limit less 128 for the program's own files")              \
    X(file_cache_bytes, 8388608, "the small files of one site, as large as a worker without them") \
    X(fibers, 10000, "two mappings each, a third of the kernel's default of 65,530 per process")   \
    X(json_depth, 64,                                                                              \
      "deeper than what people write; the parser takes 80 octets of stack for each")               \
    X(json_values, 100000,                                                                         \
      "an empty object is 3 octets of text and 250 of memory: 25 MiB at most")                     \
    X(form_parts, 1000, "PHP's number; a form that a person fills in has a tenth")                 \
    X(message_bytes, 67108864, "IP2 wants 64 MiB to work")                                         \
    X(queue_bytes, 134217728, "two of the largest messages")

/** Fills every zero of @p limits with its default. */
void sl__limits_fill(struct sl_limits *limits);

#endif
