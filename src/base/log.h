/*
 * The log: one line per call, one write(2) each, to standard error.
 *
 * "08:10:04.123 info   master    worker 4242 died (SIGKILL). restarting..." The who column is
 * "master", "worker 3" or, in a standalone process, the program's name. Colour only on a terminal
 * and without NO_COLOR. Control characters are escaped, a line
 * over PIPE_BUF is cut. As JSON: {"time":...,"level":"info","pid":4,"who":"worker 3","worker":3,
 * "request":"3-17","text":"..."}. The public functions of <shallot/log.h> are here too.
 *
 * Writing never waits: a line that the pipe, terminal, socket or disk does not take at once is
 * lost, counted, and reported before the first line that goes again.
 */
#ifndef SL__BASE_LOG_H
#define SL__BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sl__level { SL__DEBUG, SL__INFO, SL__WARN, SL__ERROR };

/** Sets the who column (copied, at most 31 bytes). */
void sl__log_set_who(const char *who);
/** One JSON object a line from now on, or text. */
void sl__log_set_json(bool on);
/** Lines below @p level are not written. Default SL__INFO. */
void sl__log_set_level(enum sl__level level);
void sl__log(enum sl__level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl__vlog(enum sl__level level, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
/** When not NULL: the number of the request on whose behalf the caller runs; 0: none. */
extern uint64_t (*sl__log_request)(void);
/** When not NULL: a name for it, which takes the place of the number; NULL: none. */
extern const char *(*sl__log_request_name)(void);
/** The number behind "worker " in the who column; 0 for anybody else. */
unsigned sl__log_worker(void);
/** True: each request is on the screen already, which sl_requests_shown() says. */
extern bool sl__log_requests_shown;
/** Lines lost so far. */
uint64_t sl__log_lost(void);
/** When not NULL: is told the same. */
extern _Atomic uint64_t *sl__log_lost_at;
/** Tries to report lines that were lost since the last report. */
void sl__log_flush(void);

/* Between log.c and log_sink.c. */
void sl__log_write(const char *line, size_t len);
void sl__log_report_lost(uint64_t lost, char *buf, size_t *len);

/** Tests: receives each line instead of standard error when not NULL. */
extern void (*sl__log_sink)(enum sl__level level, const char *line);

#endif
