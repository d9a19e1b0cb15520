/*
 * A file as the body: what sl_file() and folders share.
 */
#ifndef SL__APP_CONTENT_H
#define SL__APP_CONTENT_H

#include "app/ctx.h"
#include "http/file_cache.h"

/** Time for which a look at a file holds: the tick's, or no time at all without a loop. */
int64_t sl__content_now(void);

/** The media type by the path, which is looked for once in the life of a file in memory. */
const char *sl__content_type(const struct sl__found *found, const char *path);

/** Makes what was found the body, and takes it. @p type is static. */
void sl__content_set_file(sl_ctx *c, struct sl__found *found, const char *type);

#endif
