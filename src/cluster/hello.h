/*
 * HELLO: what a worker tells the master before it can serve; written and read here so that the two
 * ends agree.
 */
#ifndef SL__CLUSTER_HELLO_H
#define SL__CLUSTER_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/endpoint.h"

#define SL__LISTENERS_MAX 64

struct sl__hello {
    uint32_t channel_version;
    uint32_t instances;
    uint32_t drain_ms, grace_ms, ready_ms;
    uint64_t message_bytes; /* the largest message it sends */
    bool shares;            /* has state to give and take */
    uint32_t endpoint_count;
    struct sl__endpoint endpoints[SL__LISTENERS_MAX];
};

/** Appends the body of a HELLO frame. 0 or -ENOMEM. */
int sl__hello_write(struct sl__buf *out, const struct sl__hello *h);
/** 0; -EBADMSG; -SL_EPROTOCOL for another channel version (then only channel_version is filled). */
int sl__hello_read(const void *body, size_t len, struct sl__hello *ret);

#endif
