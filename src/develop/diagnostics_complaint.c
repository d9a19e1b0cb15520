/*
 * One line of a compiler, a linker or make that complains. Pure, in place.
 *
 * diagnostics.c comes here with lines that are no excerpt. What they have in common is a place, a
 * word for how bad it is, and a message; linker and make leave the word out, and are known by their
 * names or by what they always say.
 */
#include "develop/diagnostics.h"

#include <stdlib.h>
#include <string.h>

#define OPTION "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-=+_#,"

static char none[] = "";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Takes ":12" off the end. @return the number; -1 if there is none */
static long take_number(char *text)
{
    char *colon = strrchr(text, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    long n;

    if (digits == 0 || digits > 9 || colon[1 + digits] != '\0' || colon == text)
        return -1;
    n = strtol(colon + 1, NULL, 10);
    *colon = '\0';
    return n;
}

/* "app.c:3:7", "app.c:3", "app.c:(.text+0x5)", "app.c". The name of a tool is no file. */
static void read_place(char *place, struct sl__complaint *c)
{
    char *section = strstr(place, ":(.");
    long last, before;

    if (section)
        *section = '\0';
    last = take_number(place);
    before = last >= 0 ? take_number(place) : -1;
    c->line = (unsigned)(before >= 0 ? before : last >= 0 ? last : 0);
    c->column = (unsigned)(before > 0 ? last : 0);
    c->file = last >= 0 || section || strchr(place, '.') ? place : none;
    if (strstr(place, "/ld") || begins(place, "ld."))
        c->file = none;
}

/* "message [-Wunused]": the option comes off the end. */
static void read_message(char *message, struct sl__complaint *c)
{
    size_t len = strlen(message);
    char *bracket = len > 0 && message[len - 1] == ']' ? strrchr(message, '[') : NULL;

    c->message = message;
    c->option = none;
    if (!bracket || bracket == message || bracket[-1] != ' ' || bracket[1] != '-' ||
        bracket + 1 + strspn(bracket + 1, OPTION) != message + len - 1)
        return;
    message[len - 1] = '\0';
    c->option = bracket + 1;
    bracket[-1] = '\0';
}

static const struct {
    const char *word;
    sl_severity severity;
} severities[] = {
    {": fatal error: ", SL_DIAGNOSED_ERROR},
    {": error: ", SL_DIAGNOSED_ERROR},
    {": warning: ", SL_DIAGNOSED_WARNING},
    {": note: ", SL_DIAGNOSED_NOTE},
    {": ERROR: ", SL_DIAGNOSED_ERROR},
    {": sorry, unimplemented: ", SL_DIAGNOSED_ERROR},
    {": internal compiler error: ", SL_DIAGNOSED_ERROR},
    {":   required from ", SL_DIAGNOSED_NOTE},
};

static bool read_with_severity(char *line, struct sl__complaint *ret)
{
    char *first = NULL;
    size_t found = 0;

    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        char *at = strstr(line, severities[i].word);

        if (at && (!first || at < first)) {
            first = at;
            found = i;
        }
    }
    if (!first || first == line)
        return false;
    *first = '\0';
    ret->severity = severities[found].severity;
    read_message(strstr(severities[found].word, "required")
                     ? first + strlen(":   ")
                     : first + strlen(severities[found].word),
                 ret);
    read_place(line, ret);
    return true;
}

/* "/usr/bin/ld: app.c:3: undefined reference to `f'", and without the linker's name. */
static bool read_from_linker(char *line, struct sl__complaint *ret)
{
    static const char *const known[] = {": undefined reference to ", ": multiple definition of ",
                                        ": undefined symbol: "};
    char *colon = strstr(line, ": "), *slash, *at = NULL;
    bool by_name;

    if (!colon)
        return false;
    *colon = '\0';
    slash = strrchr(line, '/');
    by_name = begins(slash ? slash + 1 : line, "ld") && strlen(slash ? slash + 1 : line) < 9;
    *colon = ':';
    if (by_name)
        line = colon + 2;
    for (size_t i = 0; i < sizeof known / sizeof *known && !at; i++)
        at = strstr(line, known[i]);
    if (!at && !by_name)
        return false;
    ret->severity =
        by_name && strstr(line, "warning: ") ? SL_DIAGNOSED_WARNING : SL_DIAGNOSED_ERROR;
    if (at) {
        *at = '\0';
        read_message(at + 2, ret);
        read_place(line, ret);
    } else {
        read_message(line, ret);
    }
    return true;
}

/* "make: *** No rule to make target 'x'.  Stop.", "Makefile:3: *** missing separator.  Stop.",
 * "ninja: error: ..." has a severity. */
static bool read_from_make(char *line, struct sl__complaint *ret)
{
    char *at = strstr(line, ": *** ");

    if (!at || at == line || begins(at, ": *** ["))
        return false;
    *at = '\0';
    ret->severity = SL_DIAGNOSED_ERROR;
    read_message(at + strlen(": *** "), ret);
    read_place(line, ret);
    return true;
}

/* "CMake Error at CMakeLists.txt:3 (find_package):" The message is below it. */
static bool read_from_cmake(char *line, struct sl__complaint *ret)
{
    bool warning = begins(line, "CMake Warning at ");
    char *place = line + strlen(warning ? "CMake Warning at " : "CMake Error at "), *behind;

    if (!warning && !begins(line, "CMake Error at "))
        return false;
    behind = strstr(place, " (");
    if (!behind)
        return false;
    *behind = '\0';
    ret->severity = warning ? SL_DIAGNOSED_WARNING : SL_DIAGNOSED_ERROR;
    read_message(behind + 1, ret);
    read_place(place, ret);
    return true;
}

bool sl__complaint_read(char *line, struct sl__complaint *ret)
{
    *ret = (struct sl__complaint){.file = none, .message = none, .option = none};
    if (line[0] == ' ' || line[0] == '\t')
        return false;
    return read_from_cmake(line, ret) || read_with_severity(line, ret) ||
           read_from_make(line, ret) || read_from_linker(line, ret);
}
