/*
 * Giving up root, and the file that says which process this is.
 */
#ifndef SL__CLUSTER_PRIVILEGE_H
#define SL__CLUSTER_PRIVILEGE_H

#include <stddef.h>

/** Becomes @p user (name or number; NULL: stays) and @p group (NULL: the user's), for good. 0, or a
 * negative errno and one line in @p ret_error. */
int sl__privilege_drop(const char *user, const char *group, char *ret_error, size_t len);

/** Writes our PID. 0 or a negative errno. */
int sl__pid_file_write(const char *path);
/** Removes it, if it still says ours. */
void sl__pid_file_remove(const char *path);

#endif
