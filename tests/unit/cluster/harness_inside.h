/*
 * Between the files of the harness.
 */
#ifndef TESTS_CLUSTER_HARNESS_INSIDE_H
#define TESTS_CLUSTER_HARNESS_INSIDE_H

#include <stddef.h>

/** One line into the pipe, in one piece. */
void harness_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void harness_read_code(char *buf, size_t size);
int harness_worker(void);
int harness_master(void);

#endif
