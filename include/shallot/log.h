/*
 * Log lines on standard error: time, level, who (master or worker id), text. In development debug
 * lines are shown too.
 */
#ifndef SHALLOT_LOG_H
#define SHALLOT_LOG_H

#include <shallot/common.h>
#include <shallot/response.h>

SL_BEGIN_DECLS

/** A line of the log, at one of four levels; debug lines are shown in development only. The text is
 * one line: control characters are escaped. Never waits: a line is written at once and whole, or
 * lost and counted. */
SL_API void sl_debug(const char *fmt, ...) SL_PRINTF(1, 2);
SL_API void sl_info(const char *fmt, ...) SL_PRINTF(1, 2);
SL_API void sl_warn(const char *fmt, ...) SL_PRINTF(1, 2);
SL_API void sl_log_error(const char *fmt, ...) SL_PRINTF(1, 2);

/** One line just as it is, without time, level or who, for logs with a form of their own. Cut at
 * 4,091 bytes; control characters are escaped, except that ESC passes where lines may have colours.
 * Like every log line it is written at once and whole, or lost and counted, and never waited for.
 */
SL_API void sl_log_line(const char *text);

/** True if log lines may have colours: standard error is a terminal, and NO_COLOR is not set. */
SL_API bool sl_log_coloured(void);

/** True in a worker under `shallot dev`, which shows each request itself: an access log for the eye
 * would say it twice. sl_logger() without a form is silent then. */
SL_API bool sl_requests_shown(void);

SL_END_DECLS

/* sl_error("disk %s is full", name) logs; sl_error(c) is the error on its way up the onion
 * (<shallot/response.h>). */
#ifndef __cplusplus
#define SL_FIRST_(first, ...) first
/** sl_error(fmt, ...) is sl_log_error(); sl_error(c) is sl_error_of(). */
#define sl_error(...)                                                                              \
    _Generic((SL_FIRST_(__VA_ARGS__, 0)), sl_ctx *: sl_error_of, const sl_ctx *: sl_error_of, default: sl_log_error)(__VA_ARGS__)
#else
inline const char *sl_error(const sl_ctx *c)
{
    return sl_error_of(c);
}
/* An overload that is sl_log_error() under another name, so that its format is checked too. */
SL_API void sl_error(const char *fmt, ...) __asm__("sl_log_error") SL_PRINTF(1, 2);
#endif

#endif
