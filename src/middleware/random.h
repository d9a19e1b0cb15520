/*
 * Octets nobody can guess, for names of requests and traces: taken from the kernel a page at a
 * time, because a system call for each request is more than the rest of such a layer costs.
 */
#ifndef MIDDLEWARE_RANDOM_H
#define MIDDLEWARE_RANDOM_H

#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Workers are programs of their own, so they share no page; offload threads run no layers. */
static inline void random_octets(unsigned char *to, size_t len)
{
    static unsigned char page[2048];
    static size_t left;

    if (left < len) {
        struct timespec now;

        left = sizeof page;
        if (getrandom(page, sizeof page, GRND_NONBLOCK) != (ssize_t)sizeof page) {
            clock_gettime(CLOCK_MONOTONIC, &now);   /* early in the life of a machine: different, */
            for (size_t i = 0; i < sizeof now; i++) /* at least, from the page before */
                page[i] ^= ((unsigned char *)&now)[i];
        }
    }
    left -= len;
    memcpy(to, page + left, len);
    memset(page + left, 0, len);
}

/** Two digits for each octet, and a NUL. */
static inline void random_hex(char *to, size_t octets)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[32];

    random_octets(random, octets);
    for (size_t i = 0; i < octets; i++) {
        to[2 * i] = digits[random[i] >> 4];
        to[2 * i + 1] = digits[random[i] & 15];
    }
    to[2 * octets] = '\0';
}

#endif
