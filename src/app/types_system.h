/*
 * Media types as the system knows them.
 */
#ifndef SL__APP_TYPES_SYSTEM_H
#define SL__APP_TYPES_SYSTEM_H

#include "base/str.h"

/** As sl__type_of_extension(); the list is read when first asked for. */
const char *sl__system_type(struct sl__str extension);

/** Reads a list, in place of the one there was: of the form of /etc/mime.types, or of the globs2 of
 * shared-mime-info. An unreadable one is empty. For tests, too. */
void sl__system_types_load(const char *path);
void sl__system_types_finish(void);

#endif
