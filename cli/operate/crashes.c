/*
 * shallot crashes: what the masters of this user have written down about crashed workers.
 *
 * Reads the folder of reports, which are plain text: the first line says when and what, the second
 * how, the third whose request it was. Nothing has to run for it.
 */
#include "operate/operate.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 4096

const char crashes_help[] =
    "shallot crashes [N] [--dir FOLDER]\n"
    "\n"
    "Lists the crash reports that masters have kept, or shows report N.\n"
    "\n"
    "  --dir FOLDER   where they are; default: $SHALLOT_CRASH_DIR, or shallot/crashes in\n"
    "                 $XDG_STATE_HOME, in /var/lib for root, in ~/.local/state\n";

struct report {
    unsigned long number;
    char file[256];
};

static int set_folder(char *buf, const char *given)
{
    const char *wish = getenv("SHALLOT_CRASH_DIR"), *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const struct passwd *user = home && *home ? NULL : getpwuid(getuid());

    if (given || (wish && *wish))
        return path_format(buf, PATH_SIZE, "%s", given ? given : wish);
    if (state && state[0] == '/')
        return path_format(buf, PATH_SIZE, "%s/shallot/crashes", state);
    if (geteuid() == 0)
        return path_format(buf, PATH_SIZE, "/var/lib/shallot/crashes");
    if (user)
        home = user->pw_dir;
    return path_format(buf, PATH_SIZE, "%s/.local/state/shallot/crashes", home ? home : "");
}

static unsigned long number_of(const char *file)
{
    char *rest;
    unsigned long n = strtoul(file, &rest, 10);
    size_t len = strlen(rest);

    return *rest == '-' && len > 4 && strcmp(rest + len - 4, ".txt") == 0 ? n : 0;
}

static int by_number(const void *a, const void *b)
{
    const struct report *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* The reports in order of their numbers; to be freed. */
static size_t find_reports(const char *folder, struct report **ret)
{
    DIR *d = opendir(folder);
    struct report *list = NULL, *more;
    const struct dirent *e;
    size_t count = 0;

    while (d && (e = readdir(d))) {
        if (number_of(e->d_name) == 0)
            continue;
        more = realloc(list, (count + 1) * sizeof *list);
        if (!more)
            break;
        list = more;
        list[count].number = number_of(e->d_name);
        snprintf(list[count].file, sizeof list[count].file, "%s", e->d_name);
        count++;
    }
    if (d)
        closedir(d);
    if (count > 0)
        qsort(list, count, sizeof *list, by_number);
    *ret = list;
    return count;
}

static FILE *open_report(const char *folder, const struct report *r)
{
    char path[PATH_SIZE];

    return path_format(path, sizeof path, "%s/%s", folder, r->file) == 0 ? fopen(path, "re") : NULL;
}

static bool next_line(FILE *f, char *buf)
{
    if (!fgets(buf, LINE, f))
        return false;
    buf[strcspn(buf, "\n")] = '\0';
    return true;
}

/* "  #0  0x00005581 handler at app.c:17": from the function on. */
static bool take_own_frame(const char *line, char *buf)
{
    const char *at = strncmp(line, "  #", 3) == 0 ? strstr(line, " 0x") : NULL;
    const char *function = at ? strchr(at + 1, ' ') : NULL, *file;

    if (!function || !(file = strstr(function, " at ")))
        return false;
    snprintf(buf, LINE, "%.*s at %s", (int)(file - function - 1), function + 1,
             base_name(file + 4));
    return true;
}

/* "    #1 0x5581 in handler /home/me/app.c:17": a sanitizer's. Its own files come first. */
static bool take_sanitizers_frame(const char *line, char *buf)
{
    const char *function = strncmp(line, "    #", 5) == 0 ? strstr(line, " in ") : NULL;
    const char *file = function ? strrchr(line, ' ') : NULL;

    if (!file || file <= function + 3 || !strchr(file, ':') || strstr(file, "sanitizer") ||
        file[1] == '(')
        return false;
    snprintf(buf, LINE, "%.*s at %s", (int)(file - function - 4), function + 4,
             base_name(file + 1));
    return true;
}

/* The first frame that has a line. */
static void find_place(FILE *f, char *buf)
{
    char line[LINE];

    buf[0] = '\0';
    while (next_line(f, line))
        if (take_own_frame(line, buf) || take_sanitizers_frame(line, buf))
            return;
}

static void list_one(const char *folder, const struct report *r)
{
    char first[LINE] = "", second[LINE] = "", third[LINE] = "", place[LINE] = "";
    FILE *f = open_report(folder, r);
    char *name, *signal, *request;

    if (!f)
        return;
    if (next_line(f, first) && next_line(f, second) && next_line(f, third))
        find_place(f, place);
    fclose(f);
    if (strlen(first) < 20)
        return;
    first[19] = '\0'; /* the time without its zone */
    name = strrchr(r->file, '.');
    signal = strstr(second, "): ");
    signal = signal ? signal + 3 : second;
    signal[strcspn(signal, ", ")] = '\0';
    request = third + strspn(third, " ");
    request[strcspn(request, ",")] = '\0';
    printf("%5lu  %s  %-12.*s %-8s %-28s %s\n", r->number, first,
           (int)(name - strchr(r->file, '-') - 1), strchr(r->file, '-') + 1, signal, request,
           place);
}

void crashes_each(void (*each)(void *self, const char *number, const char *what), void *self)
{
    char folder[PATH_SIZE], number[24], line[LINE];
    struct report *reports;
    size_t count = set_folder(folder, NULL) == 0 ? find_reports(folder, &reports) : 0;

    for (size_t i = count; i-- > 0;) {
        FILE *f = open_report(folder, &reports[i]);

        snprintf(number, sizeof number, "%lu", reports[i].number);
        if (!f || !next_line(f, line) || !next_line(f, line))
            line[0] = '\0';
        if (f)
            fclose(f);
        each(self, number, line + strspn(line, " "));
    }
    if (count > 0)
        free(reports);
}

static int list(const char *folder)
{
    struct report *reports;
    size_t count = find_reports(folder, &reports);

    if (count > 0)
        printf("%5s  %-19s  %-12s %-8s %-28s %s\n", "", "when", "program", "signal", "request",
               "where");
    else
        say_line(TONE_GOOD, "none", "no crash reports in %s", folder);
    for (size_t i = 0; i < count; i++)
        list_one(folder, &reports[i]);
    free(reports);
    return 0;
}

static int show(const char *folder, const char *which)
{
    struct report *reports;
    size_t count = find_reports(folder, &reports);
    unsigned long number = strtoul(which, NULL, 10);
    unsigned shown = 0;

    for (size_t i = 0; i < count; i++) {
        FILE *f = reports[i].number == number ? open_report(folder, &reports[i]) : NULL;
        char octets[4096];
        size_t n;

        if (!f)
            continue;
        while ((n = fread(octets, 1, sizeof octets, f)) > 0)
            fwrite(octets, 1, n, stdout);
        fclose(f);
        shown++;
    }
    free(reports);
    return shown ? 0 : say_failure("no crash report %s in %s", which, folder);
}

int crashes_main(int argc, char **argv)
{
    const char *given = NULL, *which = NULL;
    char folder[PATH_SIZE];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(crashes_help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            given = argv[++i];
        else if (!which && argv[i][0] != '\0' && strspn(argv[i], "0123456789") == strlen(argv[i]))
            which = argv[i];
        else
            return say_usage_error("crashes: not understood: %s; see: shallot help crashes",
                                   argv[i]);
    }
    if (set_folder(folder, given) != 0)
        return 1;
    return which ? show(folder, which) : list(folder);
}
