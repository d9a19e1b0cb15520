/*
 * The master's shared memory, by name: one memfd for each counter and map that the program has. It
 * outlives every worker, as the listening sockets do.
 */
#ifndef SL__CLUSTER_REGIONS_H
#define SL__CLUSTER_REGIONS_H

#include <stdbool.h>

#include "base/list.h"
#include "cluster/archive.h"
#include "cluster/frame.h"
#include "shared/region.h"

#define SL__REGIONS_MAX 256u

struct sl__region {
    struct sl__link link;
    char name[SL__TOPIC_MAX + 1];
    struct sl__shape shape;
    int fd;
    bool good;      /* named by the generation that serves */
    bool candidate; /* named by the one that is being tried */
};

struct sl__regions {
    struct sl__link all;
};

void sl__regions_init(struct sl__regions *rs);
void sl__regions_finish(struct sl__regions *rs);

/**
 * Finds the region of this name and shape, or makes one.
 *
 * @param ret_other  another shape that has this name and is good, NULL if there is none
 * @return           0; -EINVAL for a shape that is none; -E2BIG for too many; or what making it
 * failed with
 */
int sl__regions_open(struct sl__regions *rs, const char *name, const struct sl__shape *shape,
                     struct sl__region **ret, const struct sl__region **ret_other);
/** The candidate serves: closes what it does not name. */
void sl__regions_promote(struct sl__regions *rs);
/** The candidate is given up: closes what only it named. */
void sl__regions_demote(struct sl__regions *rs);

/** Writes all, or reads them into an empty list. */
void sl__regions_archive(struct sl__regions *rs, struct sl__archive *a);

#endif
