/*
 * Where crash reports are kept.
 *
 * The master comes here when it starts, to know; the helper when it has one to write. `shallot
 * crashes` (cli/operate/crashes.c) looks in the same places, by itself: it knows public headers
 * only.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/aftermath.h"

static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    const struct passwd *user = home && *home ? NULL : getpwuid(getuid());

    return user ? user->pw_dir : home;
}

void sl__crash_choose_folder(const char *given, char *buf, size_t size)
{
    const char *wish = getenv("SHALLOT_CRASH_DIR"), *state = getenv("XDG_STATE_HOME");
    const char *base = NULL, *below = "/shallot/crashes";
    int len;

    if (wish)
        given = wish;
    if (given) {
        base = given;
        below = "";
    } else if (state && state[0] == '/') {
        base = state;
    } else if (geteuid() == 0) {
        base = "/var/lib";
    } else {
        base = home_folder();
        below = "/.local/state/shallot/crashes";
    }
    len = base ? snprintf(buf, size, "%s%s", base, below) : 0;
    if (len <= 0 || (size_t)len >= size)
        buf[0] = '\0';
}

bool sl__crash_make_folder(const char *path)
{
    char part[1024];
    bool made = false;

    for (size_t i = 1; path[0] && path[i - 1] && i < sizeof part; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        /* What is above may be everybody's; the reports are not. */
        made = mkdir(part, path[i] ? 0755 : 0700) == 0;
    }
    return made;
}

void sl__crash_give_folder(const char *path, const char *user)
{
    const struct passwd *entry = getpwnam(user);
    char *end = NULL;
    uid_t uid = entry ? entry->pw_uid : (uid_t)strtoul(user, &end, 10);

    if (geteuid() != 0 || !path[0] || (end && *end))
        return;
    if (sl__crash_make_folder(path) && chown(path, uid, entry ? entry->pw_gid : (gid_t)-1) < 0)
        return; /* the helper will say that it cannot write there */
}
