/*
 * The answer to a request that has crashed its worker, in development: for the master, which knows
 * no HTTP.
 */
#ifndef SL__DEVELOP_CRASH_ANSWER_H
#define SL__DEVELOP_CRASH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

/** For sl__master_config.wants_page. */
bool sl__head_wants_page(const char *head);

/** For sl__master_config.crash_page; @p self is the sl_app. */
char *sl__crash_answer(void *self, const char *head, const char *report, size_t *ret_len);

#endif
