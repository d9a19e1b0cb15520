/*
 * What sl_develop() is made of besides its states: the tool's end of the feed, and the words of
 * what there is to say.
 */
#ifndef SL__DEVELOP_DEVELOP_H
#define SL__DEVELOP_DEVELOP_H

#include "loop/loop.h"
#include "shallot/develop.h"

/** The tool's end of the feed. Zeroed memory is a closed one. */
struct sl__develop_feed {
    struct sl__watch watch; /* -1: there is none */
    struct sl__loop *loop;
    void (*say)(void *self, const sl_development_news *news);
    void *self;
    int writer;   /* what programs inherit, one after the other; -1 */
    char *octets; /* room for the longest record */
};

/** 0 or a negative errno. @p say is called from the loop, with strings that may be NULL and without
 * text. */
int sl__develop_feed_open(struct sl__develop_feed *f, struct sl__loop *l,
                          void (*say)(void *self, const sl_development_news *news), void *self);
void sl__develop_feed_close(struct sl__develop_feed *f);
/** Says what has come and was not said yet. */
void sl__develop_feed_pump(struct sl__develop_feed *f);
/** In the child that becomes the program: it shall inherit the feed. System calls and setenv(). */
void sl__develop_feed_inherit(const struct sl__develop_feed *f);
/** Tells the program's master to build and to swap. */
void sl__develop_feed_order_build(const struct sl__develop_feed *f);
/** What a record means; false if it is none that we know. Strings point into @p octets, which are
 * changed. Pure. */
bool sl__develop_read_record(char *octets, sl_development_news *ret);

/** Descriptors that the tool wants to hear of. */
struct sl__develop_watches {
    struct sl__loop *loop;
    struct sl__link all;
    struct sl__task sweep; /* frees those that are over, when nobody is in their midst */
};

void sl__develop_watches_init(struct sl__develop_watches *ws, struct sl__loop *l);
/** As sl_developing_watch() and sl_developing_unwatch(). */
int sl__develop_watches_add(struct sl__develop_watches *ws, int fd,
                            void (*ready_fn)(void *self, int fd), void *self);
void sl__develop_watches_remove(struct sl__develop_watches *ws, int fd);
void sl__develop_watches_finish(struct sl__develop_watches *ws);

/** Fills in @c size and empty strings, and @c text with words put into @p buf. */
void sl__develop_complete(sl_development_news *n, char *buf, size_t size);

#endif
