/*
 * A table of routes: finds the next route for a path and a method, in the order of definition.
 *
 * Path patterns live in a tree over segments, so that ten thousand cost what ten cost, and those
 * without parameters also in a table of whole paths, which is quicker still; regular expressions
 * are tried one by one, and only those defined before the best path pattern.
 */
#ifndef SL__APP_TABLE_H
#define SL__APP_TABLE_H

#include "app/direct.h"

struct sl__node;

struct sl__table {
    struct sl__route **routes; /* in order of definition; owned */
    uint32_t count, size;
    struct sl__node *tree;   /* of the path patterns */
    struct sl__ends regexes; /* the others */
    uint32_t methods;        /* bits of all that occur */
    bool direct_known;       /* direct is up to date */
    struct sl__direct direct;
    uint64_t steps; /* tests: nodes visited and expressions tried so far */
};

/** NULL when out of memory. */
struct sl__table *sl__table_new(void);
/** Lets go of the routes' layers too. NULL is fine. */
void sl__table_free(struct sl__table *t);

/** As sl_app_route(). The layers are held on success only. */
int sl__table_add(struct sl__table *t, const char *method, const char *pattern,
                  const sl_middleware *layers, size_t count);

/** Takes the slow way: prefixes that took the whole path, and regular expressions. */
SL__APART const struct sl__route *sl__table_find_any(struct sl__table *t,
                                                     const struct sl__search *s);

/** The earliest route of the table's tree that the search has not come to yet; NULL. @p segment is
 * the path's first that counts. */
const struct sl__route *sl__segments_find(struct sl__table *t, const struct sl__search *s,
                                          const struct sl__segment *segment);

/** Fills direct, after a route was added. */
SL__COLD void sl__table_learn_direct(struct sl__table *t);

/** The same for a request's path, @p base segments of which prefixes have taken. */
static inline const struct sl__ends *sl__table_direct(struct sl__table *t,
                                                      const struct sl__path *path, uint32_t base)
{
    if (!t->direct_known)
        sl__table_learn_direct(t);
    return base == 0 && !path->decoded ? sl__direct_find(&t->direct, path->text) : NULL;
}

/** The next route that takes the path and one of the methods; NULL. The captures of a regular
 * expression can be asked for until the next match. */
static inline const struct sl__route *sl__table_find(struct sl__table *t, struct sl__search *s)
{
    const struct sl__route *best;

    if (s->direct) {
        t->steps++;
        best = sl__ends_consider(s->direct, s, NULL);
    } else if (t->regexes.count == 0 && s->base < s->path->count) {
        best = sl__segments_find(t, s, s->path->segments + s->base);
    } else {
        best = sl__table_find_any(t, s);
    }
    if (best)
        s->from = best->order + 1;
    return best;
}

/** The methods for HEAD, to which a GET route is as good unless a HEAD route was written for this
 * path (RFC 9110 §9.3.2). */
SL__APART uint32_t sl__table_methods_for_head(struct sl__table *t, const struct sl__search *search);

/** Begins a search on behalf of a request. Direct is set already. */
static inline void sl__search_begin(struct sl__search *s, struct sl__table *t,
                                    const struct sl__path *path, uint32_t base,
                                    const struct sl__request *r)
{
    s->path = path;
    s->base = base;
    s->from = 0;
    s->methods = 1u << r->method;
    if (r->method == SL__METHOD_OTHER)
        s->name = sl__request_str(r, r->method_name);
    else if (r->method == SL__METHOD_HEAD)
        s->methods = sl__table_methods_for_head(t, s);
}

/** True if some route of the table takes the method, whatever the path. */
bool sl__table_knows(const struct sl__table *t, struct sl__str method);
/** The subject a regular expression of the table matches: the path from the base on, with its
 * slash. */
struct sl__str sl__search_text(const struct sl__search *s);

#endif
