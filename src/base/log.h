/*
 * The log: one line per call, one write(2) each, to standard error.
 *
 * "08:10:04.123 info   master    worker 4242 died (SIGKILL). restarting..." The who column is
 * "master", "worker 3" or, in a standalone process, the program's name. Colour only on a terminal
 * and without NO_COLOR. Control characters are escaped, a line
 * over PIPE_BUF is cut. The public functions of <shallot/log.h> are here too.
 */
#ifndef SL__BASE_LOG_H
#define SL__BASE_LOG_H

#include <stdarg.h>

enum sl__level { SL__DEBUG, SL__INFO, SL__WARN, SL__ERROR };

/** Sets the who column (copied, at most 31 bytes). */
void sl__log_set_who(const char *who);
/** Lines below @p level are not written. Default SL__INFO. */
void sl__log_set_level(enum sl__level level);
void sl__log(enum sl__level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl__vlog(enum sl__level level, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
/** Tests: receives each line instead of standard error when not NULL. */
extern void (*sl__log_sink)(enum sl__level level, const char *line);

#endif
