/*
 * Which process this is. A constructor reads the role from the environment before main(), unsets it
 * and makes its descriptors close-on-exec, so that a program started by a handler does not believe
 * it is a worker; it also copies argv and environ, so that process titles may overwrite the
 * originals.
 */
#ifndef SL__CLUSTER_ROLE_H
#define SL__CLUSTER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

struct sl__role {
    uint32_t worker;                /* id; 0: this is the process the user started */
    unsigned slot;                  /* in the scoreboard */
    int channel;                    /* descriptor, -1 */
    int scoreboard;                 /* descriptor, -1 */
    int crash_memory, crash_socket; /* descriptors, see crash.h; -1 */
    int state;     /* descriptor: this is a master that takes over from itself; -1 */
    int rehearsal; /* descriptor to report to: it only tries whether it could; -1 */
    bool returned; /* it takes over from a program that could not */
    int feed;      /* descriptor of the tool that started the program (feed.h); -1: none */
    char **argv;   /* as given to the process (copies) */
};

const struct sl__role *sl__role(void);

/** "shallot: worker 3 (visits)" in ps, as far as the room of the original argv and environ reaches.
 * (A worker's thread is called "shallot-w3" from the beginning.) */
void sl__set_process_title(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Opens /dev/null for those of descriptors 0 to 2 that are closed: else a client's connection, or
 * the channel, would be taken for standard output. Children inherit it. */
void sl__keep_standard_descriptors(void);

#endif
