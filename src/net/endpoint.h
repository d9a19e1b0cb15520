/*
 * Endpoints: where to listen, opening the sockets, and what their addresses are called.
 */
#ifndef SL__NET_ENDPOINT_H
#define SL__NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL__HOST_MAX 256
#define SL__PATH_MAX 108

/** What the program asked for; plain data, so that it can travel in a HELLO. Two equal endpoints
 * are the same socket. */
struct sl__endpoint {
    char host[SL__HOST_MAX]; /* numeric, "[::1]" too, or a name; "": 0.0.0.0. Ignored with unix_path
                              */
    char unix_path[SL__PATH_MAX]; /* "" for TCP; "@name" for the abstract namespace */
    int32_t port;                 /* 0: any */
    int32_t nth;                  /* tells apart several endpoints with port 0; ignored otherwise */
    int32_t backlog;              /* 0: the system's limit; no part of the identity */
};

/**
 * Opens a listening socket: non-blocking, close-on-exec, SO_REUSEADDR, TCP_NODELAY inherited by
 * what it accepts. A stale unix socket is replaced; the caller unlinks the path at the end.
 * A name may have to be resolved, which waits.
 *
 * @param ret_error  caller's buffer of @p error_len bytes (512 are plenty); on failure receives one
 * line, without newline, that says what, on what, why, and what to do
 * @return           the descriptor, or a negative errno (-EADDRINUSE, -EACCES, ...)
 */
int sl__endpoint_open(const struct sl__endpoint *e, char *ret_error, size_t error_len);

/** "http://127.0.0.1:9090" or "unix:/run/app.sock", of an open socket; "unknown" for what is none.
 * 160 bytes are enough. */
void sl__endpoint_url(int fd, char *buf, size_t len);

/** Whether the open TCP socket listens exactly where opening @p e would: same family, same address,
 * same port (any, if the endpoint's is 0). A name may have to be resolved, which waits. */
bool sl__endpoint_names(const struct sl__endpoint *e, int fd);

/** Peer's address of a connection: "127.0.0.1:54321", "[::1]:54321" or "unix"; "unknown" once it
 * is gone. An IPv4 peer of an IPv6 socket is shown as IPv4. 64 bytes are enough. */
void sl__peer_name(int fd, char *buf, size_t len);

bool sl__endpoint_equal(const struct sl__endpoint *a, const struct sl__endpoint *b);

#endif
