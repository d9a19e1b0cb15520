/*
 * The address of a program under development: the tool listens there as long as it runs.
 */
#ifndef SL__DEVELOP_ADDRESS_H
#define SL__DEVELOP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "net/endpoint.h"

struct sl__address {
    struct sl__endpoint endpoint;
    int fd;       /* -1: the tool does not listen */
    bool asked;   /* by HOST or PORT: it has to be this one */
    bool guessed; /* nobody asked, and nothing is remembered */
    char program[256];
    char root[4096];
};

/**
 * Finds the address (HOST and PORT; what `.shallot/address` in @p root remembers of @p program;
 * 0.0.0.0:9090) and listens there.
 *
 * @param program    its name; a path will do
 * @param ret_error  receives one line when it cannot be listened there, whatever is returned
 * @return 0, also when nobody asked for the address and it cannot be had (fd is -1 then: the
 * program may have another in mind); else a negative errno
 */
int sl__address_open(struct sl__address *a, const char *root, const char *program, char *ret_error,
                     size_t error_len);

/** In the child that is about to become the program: gives it the socket by LISTEN_FDS, as
 * descriptor 3 (whatever was 3 is closed), and PORT where it had been "any". */
void sl__address_lend(const struct sl__address *a);

/** The program serves there: that is the address from now on, and is remembered unless it had been
 * asked for. Of another one than ours we let go. */
void sl__address_serves(struct sl__address *a, const char *url);

/** There is no program, and somebody has to listen in its place: tries again if we do not. */
bool sl__address_ensure(struct sl__address *a, char *ret_error, size_t error_len);

/** Everything ends: no connection begins any more (net/door.h). */
void sl__address_shut(const struct sl__address *a);
void sl__address_close(struct sl__address *a);

/** "http://127.0.0.1:9090", "http://[::1]:80" or "unix:/path" to an endpoint. False if it is none
 * of them. */
bool sl__address_parse(const char *url, struct sl__endpoint *ret);

#endif
