/*
 * Lines of a build that nobody wants to read: commands as make echoes them, progress, summaries of
 * what stands above them anyway. Pure.
 */
#include "develop/diagnostics.h"

#include <string.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t len = strlen(text), more = strlen(with);

    return len >= more && strcmp(text + len - more, with) == 0;
}

static bool word_is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

/* "gcc" of "/usr/bin/x86_64-linux-gnu-gcc-12": without folder and version; what stands before the
 * last part of a triplet is left out by ends_with(). */
static bool is_tool(const char *word, size_t len)
{
    static const char *const tools[] = {"cc",      "gcc", "g++",     "c++",   "clang",
                                        "clang++", "c99", "c11",     "ar",    "ranlib",
                                        "ccache",  "ld",  "libtool", "ld.lld"};
    const char *slash = memrchr(word, '/', len);
    const char *name = slash ? slash + 1 : word;
    size_t n = len - (size_t)(name - word);
    const char *dash;

    while (n > 1 && strchr("0123456789.", name[n - 1]) && !word_is(name, n, "c99") &&
           !word_is(name, n, "c11"))
        n--;
    if (n > 1 && name[n - 1] == '-')
        n--;
    dash = memrchr(name, '-', n);
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (word_is(name, n, tools[i]) ||
            (dash && word_is(dash + 1, n - (size_t)(dash + 1 - name), tools[i])))
            return true;
    return false;
}

static bool is_command(const char *line)
{
    size_t word = strcspn(line, " ");
    const char *rest = line + word;

    return *rest == ' ' && word < 200 && line[word - (word > 0)] != ':' && is_tool(line, word) &&
           (strstr(rest, " -") || strstr(rest, ".o") || strstr(rest, ".c"));
}

/* "[3/10] ...", "[ 50%] ..." */
static bool is_progress(const char *line)
{
    size_t n;

    if (line[0] != '[')
        return false;
    n = 1 + strspn(line + 1, " 0123456789/%");
    return n > 2 && line[n] == ']';
}

/* make's account of what has failed, which is known by then; what it cannot do is another matter.
 */
static bool is_makes_echo(const char *line)
{
    const char *colon = strstr(line, ": ");

    if (!begins(line, "make") && !begins(line, "gmake"))
        return false;
    return colon && (begins(colon, ": *** [") || strstr(colon, "up to date") ||
                     strstr(colon, ": Nothing to be done") || strstr(colon, "directory ") ||
                     strstr(colon, "Waiting for unfinished jobs"));
}

static bool is_summary(const char *line)
{
    size_t digits = strspn(line, "0123456789");

    if (digits > 0 && ends(line, " generated.") &&
        (begins(line + digits, " warning") || begins(line + digits, " error")))
        return true;
    return strcmp(line, "compilation terminated.") == 0 ||
           strstr(line, ": note: each undeclared identifier is reported only once") ||
           begins(line, "cc1: all warnings being treated as errors") ||
           begins(line, "cc1: some warnings being treated as errors") ||
           begins(line, "cc1plus: all warnings being treated as errors") ||
           begins(line, "cc1plus: some warnings being treated as errors") ||
           strstr(line, ": error: ld returned ") ||
           strstr(line, ": error: linker command failed with exit code");
}

bool sl__line_is_noise(const char *line)
{
    return line[strspn(line, " \t")] == '\0' || is_progress(line) || is_makes_echo(line) ||
           is_summary(line) || begins(line, "-- ") || begins(line, "FAILED: ") ||
           begins(line, "ninja: Entering") || begins(line, "ninja: no work") ||
           begins(line, "ninja: build stopped") || begins(line, "INFO: autodetecting backend") ||
           begins(line, "INFO: calculating backend") || is_command(line);
}
