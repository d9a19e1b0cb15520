/*
 * Ending to listen for all who hold the socket: see door.c.
 */
#ifndef SL__NET_DOOR_H
#define SL__NET_DOOR_H

/**
 * No connection begins on this listening socket any more, in whatever process it is accepted from;
 * those begun are queued as before. For good: only for a socket that all its holders are about to
 * close. Who tries to connect meanwhile finds out by the retransmission, a second later, whether
 * somebody else listens. Nothing happens to what is no TCP socket.
 */
void sl__door_shut(int fd);

/**
 * Nobody listens on this TCP socket any more, in whatever process it is open, and its address is
 * free for another one; what is queued is reset. For an address that turns out to be the wrong one.
 */
void sl__door_give_up(int fd);

#endif
