/*
 * That the program's address always answers: the tool's socket, and the stand-in on it as long as
 * nobody else serves.
 */
#ifndef SL__DEVELOP_PRESENCE_H
#define SL__DEVELOP_PRESENCE_H

#include "develop/address.h"
#include "develop/standin.h"
#include "shallot/develop.h"

struct sl__presence {
    struct sl__address address;
    struct sl__standin standin;
    const sl_development *d;
    bool serves; /* a worker of the program */
    void (*trouble)(void *self, const char *line);
    void *self;
};

/**
 * Listens. @p d stays the caller's; its folder is resolved.
 *
 * @param ret_error  one line, if a negative errno is returned: the address that was asked for
 * cannot be had
 */
int sl__presence_open(struct sl__presence *p, const sl_development *d, char *ret_error,
                      size_t error_len);
/** Before anything below. @p trouble is told in one line why there is no page. */
void sl__presence_start(struct sl__presence *p, struct sl__loop *l, const sigset_t *mask,
                        void (*trouble)(void *self, const char *line), void *self);
void sl__presence_finish(struct sl__presence *p);

/** Whatever is said, by the tool or the program: stands in, or steps aside, as it follows. */
void sl__presence_hear(struct sl__presence *p, const sl_development_news *news);

/** Whether there is an address at which to stand in. */
bool sl__presence_possible(struct sl__presence *p);
/** "http://127.0.0.1:9090" where a page is served now; "" if none is. */
const char *sl__presence_url(const struct sl__presence *p, char *buf, size_t size);

/** Before a program is started: @p then is called when nobody stands in any more. */
void sl__presence_step_aside(struct sl__presence *p, void (*then)(void *self), void *self);
/** The program has ended: it does not serve. Before what is said of it. */
void sl__presence_lost(struct sl__presence *p);

#endif
