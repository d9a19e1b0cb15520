/*
 * Files beneath a folder, by names that may be a client's: whatever the name, and whoever renames
 * and links meanwhile, nothing outside the folder is opened.
 */
#ifndef SL__HTTP_BENEATH_H
#define SL__HTTP_BENEATH_H

#include <stdbool.h>

struct sl__beneath {
    int dir; /* the folder's descriptor; owned by whoever made this */
    bool
        links; /* symbolic links are followed as long as they stay beneath; else they are refused */
    bool steps; /* there is no openat2(2): opened name by name, and links are refused */
};

/** Looks whether openat2(2) is to be had. @p dir stays the caller's. */
void sl__beneath_init(struct sl__beneath *b, int dir, bool links);

/**
 * @param path   as sl__beneath_plain() has it, or -ENOENT
 * @param flags  of open(2)
 * @return       a descriptor, close-on-exec; -EXDEV for what leads out, -ELOOP for a link that is
 *               not followed, any other negative errno of opening
 */
int sl__beneath_open(const struct sl__beneath *b, const char *path, int flags);

/** True for names with one '/' between them and none at the ends, none of them "." or "..".
 * @param dots  names may begin with a dot */
bool sl__beneath_plain(const char *path, bool dots);

#endif
