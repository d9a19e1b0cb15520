/*
 * Intrusive doubly linked list. A head is a struct sl__link that points to itself when empty.
 */
#ifndef SL__BASE_LIST_H
#define SL__BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct sl__link {
    struct sl__link *prev, *next; /* NULL in a zeroed link that is in no list */
};

/** The structure that holds @p link as its member. */
#define SL__OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void sl__list_init(struct sl__link *head)
{
    head->prev = head->next = head;
}

static inline bool sl__list_empty(const struct sl__link *head)
{
    return head->next == head;
}

static inline bool sl__link_used(const struct sl__link *link)
{
    return link->next != NULL;
}

static inline void sl__list_insert(struct sl__link *after, struct sl__link *link)
{
    link->prev = after;
    link->next = after->next;
    after->next->prev = link;
    after->next = link;
}

static inline void sl__list_append(struct sl__link *head, struct sl__link *link)
{
    sl__list_insert(head->prev, link);
}

/** Takes the link out of its list; does nothing to a link that is in none. */
static inline void sl__list_remove(struct sl__link *link)
{
    if (!link->next)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

/** Takes out and returns the first link, NULL if there is none. */
static inline struct sl__link *sl__list_take(struct sl__link *head)
{
    struct sl__link *first = head->next;

    if (first == head)
        return NULL;
    sl__list_remove(first);
    return first;
}

#endif
