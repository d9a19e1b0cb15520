/*
 * Addresses as text, as bits, and networks of them. All are kept as IPv6; IPv4 is the part of it
 * that is mapped (RFC 4291 §2.5.5.2), so a network of either kind is a prefix.
 */
#ifndef MIDDLEWARE_ADDRESS_H
#define MIDDLEWARE_ADDRESS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct address {
    unsigned char octets[16];
};

static inline bool address_is_ipv4(const struct address *a)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(a->octets, mapped, sizeof mapped) == 0;
}

/** Reads the @p len octets of an address and nothing else; no port, no brackets. */
static inline bool address_read(const char *text, size_t len, struct address *ret)
{
    char copy[INET6_ADDRSTRLEN];

    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strchr(copy, ':'))
        return inet_pton(AF_INET6, copy, ret->octets) == 1;
    memset(ret->octets, 0, 10);
    memset(ret->octets + 10, 0xff, 2);
    return inet_pton(AF_INET, copy, ret->octets + 12) == 1;
}

static inline bool address_is_port(const char *text, size_t len)
{
    unsigned value = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    return len >= 1 && len <= 5 && value <= 65535;
}

/** "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80".
 * @param ret_port  behind the colon; NULL if there is none */
static inline bool address_of(const char *text, size_t len, struct address *ret,
                              const char **ret_port)
{
    const char *end = text + len, *close, *colon;

    *ret_port = NULL;
    if (len > 0 && *text == '[') {
        close = memchr(text, ']', len);
        if (!close || !memchr(text, ':', (size_t)(close - text)))
            return false;
        if (close + 1 < end) {
            if (close[1] != ':' || !address_is_port(close + 2, (size_t)(end - close) - 2))
                return false;
            *ret_port = close + 2;
        }
        return address_read(text + 1, (size_t)(close - text) - 1, ret);
    }
    colon = memchr(text, ':', len);
    if (colon && !memchr(colon + 1, ':', (size_t)(end - colon) - 1)) { /* one alone: a port */
        if (!address_is_port(colon + 1, (size_t)(end - colon) - 1))
            return false;
        *ret_port = colon + 1;
        return address_read(text, (size_t)(colon - text), ret) && address_is_ipv4(ret);
    }
    return address_read(text, len, ret);
}

/** True if the first @p bits are the same. */
static inline bool address_within(const struct address *a, const struct address *network,
                                  unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a->octets, network->octets, whole) != 0)
        return false;
    return rest == 0 || ((a->octets[whole] ^ network->octets[whole]) >> (8 - rest)) == 0;
}

#define ADDRESS_TEXT (INET6_ADDRSTRLEN + 8)

/** As sl_remote() has it: "192.0.2.1:80", "[2001:db8::1]:80", or without the port. */
static inline void address_write(const struct address *a, const char *port, size_t port_len,
                                 char text[ADDRESS_TEXT])
{
    char name[INET6_ADDRSTRLEN];
    bool ipv4 = address_is_ipv4(a);

    inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? a->octets + 12 : a->octets, name, sizeof name);
    snprintf(text, ADDRESS_TEXT, ipv4 ? "%s%s%.*s" : "[%s]%s%.*s", name, port ? ":" : "",
             port ? (int)port_len : 0, port ? port : "");
}

#endif
