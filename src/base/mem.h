/*
 * Memory from the C library, behind one seam so that tests can make the n-th allocation fail.
 *
 * The plain forms are for small fixed internal needs and abort when out of memory (the master
 * restarts a worker); the try_ forms are for whatever size a client or a program decides and return
 * NULL.
 */
#ifndef SL__BASE_MEM_H
#define SL__BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void *sl__alloc(size_t size);
void *sl__alloc_zeroed(size_t size);
void *sl__realloc(void *old, size_t size);
char *sl__strdup(const char *text);
void *sl__try_alloc(size_t size);
void *sl__try_alloc_zeroed(size_t size);
char *sl__try_strdup(const char *text);
/** Grows or shrinks; on failure returns NULL and @p old stays valid. */
void *sl__try_realloc(void *old, size_t size);
void sl__free(void *p);

/** Tests: when not NULL, asked before every try_ allocation; true makes it fail. */
extern bool (*sl__mem_fault)(size_t size);

/** Octets of a process that are in memory; 0 if it is gone. */
uint64_t sl__resident(pid_t pid);
/** Seconds of CPU time of its first thread; 0 if that is not known. */
double sl__cpu_time(pid_t pid);

#endif
