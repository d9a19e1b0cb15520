/*
 * The feed: what master and workers tell the tool that started the program
 * (docs/design/development.md).
 *
 * Its descriptor comes from sl_develop() as SHALLOT_FEED and is one end of a SOCK_SEQPACKET pair.
 * Without it nothing here does anything, and the log says it all. A record is a line of text,
 * kind⇥name=value⇥..., and what follows its newline is the record's text. In the other direction
 * the tool may send the record "build" to the master.
 */
#ifndef SL__CLUSTER_FEED_H
#define SL__CLUSTER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL__FEED_HEAD ((size_t)4096)  /* octets of a record's first line, at most */
#define SL__FEED_TEXT ((size_t)65536) /* and of its text */
#define SL__FEED_FIELDS 12

/* Writing */

/** A record that is being made. */
struct sl__feed_line {
    char octets[SL__FEED_HEAD];
    size_t len;
};

/** True if somebody reads: worth asking before a record is made. */
bool sl__feed_open(void);
/** For tests: this descriptor from now on; -1: none. */
void sl__feed_use(int fd);

void sl__feed_begin(struct sl__feed_line *l, const char *kind);
/** Control octets are escaped, and what does not fit is cut. */
void sl__feed_add(struct sl__feed_line *l, const char *name, const char *value, size_t len);
void sl__feed_add_text(struct sl__feed_line *l, const char *name, const char *value);
void sl__feed_add_number(struct sl__feed_line *l, const char *name, int64_t value);
/**
 * Sends it, never waiting: what does not fit is lost. @p text may be NULL, and is cut behind its
 * first SL__FEED_TEXT octets.
 */
void sl__feed_send(const struct sl__feed_line *l, const char *text);
/** The same for a record there may be very many of: it leaves half of the room to the others. */
void sl__feed_send_one_of_many(const struct sl__feed_line *l);

/* Reading */

struct sl__feed_record {
    const char *kind;
    struct {
        const char *name, *value;
    } fields[SL__FEED_FIELDS];
    unsigned count;
    const char *text; /* "" if there is none */
};

/** Takes a record apart in place. @p octets: with a NUL behind it. Fields beyond SL__FEED_FIELDS,
 * and what is no field, are left out. */
void sl__feed_parse(char *octets, struct sl__feed_record *ret);
/** "" if there is none of this name. */
const char *sl__feed_value(const struct sl__feed_record *r, const char *name);
/** 0 if there is none, or it is no number. */
int64_t sl__feed_number(const struct sl__feed_record *r, const char *name);

/** Makes the pair, with the room it is to have. @return 0 or a negative errno; descriptors are
 * close-on-exec. */
int sl__feed_pair(int *ret_reader, int *ret_writer);

#endif
