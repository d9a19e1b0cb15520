/*
 * Who listens on a port: looked up in /proc for the message that says why ours cannot be opened.
 */
#ifndef SL__NET_OCCUPANT_H
#define SL__NET_OCCUPANT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** "nginx (pid 42)" for a process. False if it cannot be seen. */
bool sl__process_name(pid_t pid, char *buf, size_t len);

/** The same for a process that listens on a TCP port of any address. False if none can be seen;
 * another user's descriptors cannot. Walks through /proc: for what has failed already. */
bool sl__port_occupant(int port, char *buf, size_t len);

#endif
