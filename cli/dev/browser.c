/*
 * The browser: whatever this user's desktop, or $BROWSER, has for an address.
 *
 * It is started twice removed, so that it is nobody's child, and with nothing of our terminal: what
 * it has to say about itself would only be in the way.
 */
#include "project/project.h"
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void keep_quiet(void)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    close_range(3, ~0u, 0);
}

/* $BROWSER may have arguments, and so is the shell's; the address is not. */
_Noreturn static void become(const char *browser, const char *url)
{
    char command[PATH_SIZE];

    setsid();
    keep_quiet();
    if (snprintf(command, sizeof command, "exec %s \"$1\"", browser) < (int)sizeof command)
        execl("/bin/sh", "sh", "-c", command, "sh", url, (char *)NULL);
    _exit(127);
}

int browser_open(const char *url, char *why, size_t size)
{
    const char *browser = getenv("BROWSER");
    pid_t child;

    if (!browser || !browser[0])
        browser = have_tool("xdg-open") ? "xdg-open" : NULL;
    if (!browser) {
        snprintf(why, size, "no browser: set BROWSER or install xdg-open (xdg-utils); open %s",
                 url);
        return 1;
    }
    child = fork();
    if (child == 0) {
        if (fork() == 0)
            become(browser, url);
        _exit(0);
    }
    if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    if (child < 0)
        snprintf(why, size, "cannot start %s: %s", browser, strerror(errno));
    return child < 0;
}
