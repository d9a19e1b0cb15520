/*
 * Regular expressions over the whole path: PCRE2, compiled to machine code where it can be, and
 * bounded so that no path makes one run away.
 */
#ifndef SL__APP_REGEX_H
#define SL__APP_REGEX_H

#include "base/str.h"

#define SL__REGEX_GROUPS 32 /* captures, the whole match included */

struct sl__regex;

/**
 * Compiles an expression.
 *
 * @param error  receives what is wrong with it, at *ret_at
 * @return       0; -SL_EBADPATTERN; -ENOMEM
 */
int sl__regex_new(const char *pattern, struct sl__regex **ret, char *error, size_t error_len,
                  size_t *ret_at);
/** NULL is fine. */
void sl__regex_free(struct sl__regex *r);

/** True if the expression matches the whole of @p subject. Over the limits it is no match, and the
 * log says so once for each expression. */
bool sl__regex_match(struct sl__regex *r, struct sl__str subject);

/** Captures of the expression, the whole match not counted. */
unsigned sl__regex_captures(const struct sl__regex *r);

/**
 * What the last match on this thread caught, the whole first.
 *
 * @param groups  room for SL__REGEX_GROUPS; views of @p subject, ptr NULL for a capture that took
 * no part
 * @return        how many; those behind took no part
 */
unsigned sl__regex_groups(struct sl__str subject, struct sl__str *groups);

/** Number of the capture called @p name ("year", or "1"), -1 if there is none. */
int sl__regex_group(const struct sl__regex *r, const char *name);

/** Frees what this thread keeps for matching; the next match makes it anew. */
void sl__regex_finish_thread(void);

#endif
