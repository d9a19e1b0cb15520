/*
 * Listening sockets that the service manager has opened for us (sd_listen_fds(3)).
 */
#ifndef SL__CLUSTER_ACTIVATION_H
#define SL__CLUSTER_ACTIVATION_H

#include "net/endpoint.h"

/** LISTEN_FDNAMES of a socket that `shallot dev` lends us, see below: it was asked for or worked
 * the last time, or is a guess. */
#define SL__LENT "shallot.dev"
#define SL__LENT_GUESS "shallot.guess"

/** Takes what LISTEN_FDS names out of the environment; once, in the process that opens listeners.
 */
void sl__activation_read(void);
/** The socket that has the endpoint's address: owned by the caller, non-blocking. -1: there is
 * none. */
int sl__activation_take(const struct sl__endpoint *e);
/** The first that is left: what the manager says goes for an endpoint whose address it does not
 * have. -1: there is none. */
int sl__activation_take_any(void);

/**
 * The socket that the tool lends us, which holds it too and takes it back when we end: only if it
 * is exactly the endpoint's address, for what the code says is right and the tool only guesses. An
 * endpoint of any port takes one that is no guess.
 *
 * @return owned by the caller, non-blocking; -1: there is none
 */
int sl__activation_take_lent(const struct sl__endpoint *e);
/** What was lent and is not wanted: nobody listens there any more, the tool neither. */
void sl__activation_let_go(void);

#endif
