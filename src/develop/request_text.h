/*
 * A request as a page shows it, and as a command that makes it again.
 */
#ifndef SL__DEVELOP_REQUEST_TEXT_H
#define SL__DEVELOP_REQUEST_TEXT_H

#include "develop/html.h"

#define SL__ASKED_MAX 64u

/** A request, whoever remembers it. */
struct sl__asked {
    struct sl__str method, target, host;
    struct {
        struct sl__str name, value;
    } fields[SL__ASKED_MAX];
    unsigned count;
    bool body; /* it had one, which is not known here */
};

/** Takes the lines of a head apart: "GET /x HTTP/1.1", then "Name: value". What is no such line is
 * passed over. */
void sl__asked_parse(struct sl__str head, struct sl__asked *ret);
/** Adds a field; beyond SL__ASKED_MAX they are left out. */
void sl__asked_add(struct sl__asked *a, struct sl__str name, struct sl__str value);
/** A line for a POSIX shell that makes the request again. */
void sl__asked_command(const struct sl__asked *a, struct sl__buf *out);
/** The section of a page: the command, and what was sent. Nothing without a method. */
void sl__asked_write(struct sl__html *h, const struct sl__asked *a);

#endif
