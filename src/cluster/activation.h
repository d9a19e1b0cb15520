/*
 * Listening sockets that the service manager has opened for us (sd_listen_fds(3)).
 */
#ifndef SL__CLUSTER_ACTIVATION_H
#define SL__CLUSTER_ACTIVATION_H

#include "net/endpoint.h"

/** Takes what LISTEN_FDS names out of the environment; once, in the process that opens listeners.
 */
void sl__activation_read(void);
/** The socket that has the endpoint's address: owned by the caller, non-blocking. -1: there is
 * none. */
int sl__activation_take(const struct sl__endpoint *e);
/** The first that is left: what the manager says goes for an endpoint whose address it does not
 * have. -1: there is none. */
int sl__activation_take_any(void);

#endif
