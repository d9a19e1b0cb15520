/*
 * Media types by file extension.
 */
#ifndef SL__APP_TYPES_H
#define SL__APP_TYPES_H

#include "base/str.h"

/** The full media type, with charset for text; NULL for an unknown extension. Any case, no dot. */
const char *sl__type_of_extension(struct sl__str extension);

/** By the extension of the path's last segment; application/octet-stream if there is none known. */
const char *sl__type_of_path(const char *path);

#endif
