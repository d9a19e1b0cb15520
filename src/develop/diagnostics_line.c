/*
 * What kind of line a compiler or a build tool has written. Pure, in place.
 *
 * diagnostics.c comes here with one line after the other, which has neither colours nor a newline
 * any more. Whatever the octets are, nothing is read beyond the NUL.
 */
#include "develop/diagnostics.h"

#include <stdlib.h>
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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One of the typographic quotes, in UTF-8, an apostrophe, or a backtick. @return its octets */
static size_t quote(const char *text)
{
    if (begins(text, "\xe2\x80\x98") || begins(text, "\xe2\x80\x99"))
        return 3;
    return *text == '\'' || *text == '`' ? 1 : 0;
}

/* What stands between the first quote and the last, terminated; NULL. */
static char *quoted(char *text)
{
    char *from = NULL, *to = NULL;

    for (char *at = text; *at; at++) {
        size_t len = quote(at);

        if (len && !from)
            from = at + len;
        else if (len)
            to = at;
        at += len > 1 ? len - 1 : 0;
    }
    if (!from || !to || to < from)
        return NULL;
    *to = '\0';
    return from;
}

bool sl__line_is_excerpt(char *line, unsigned *ret_number, char **ret_text)
{
    char *at = line + strspn(line, " ");
    unsigned long number = 0;

    if (begins(at, "+++ |")) { /* a line that gcc would add */
        *ret_number = 0;
        *ret_text = at + 5;
        return true;
    }
    if (is_digit(*at))
        number = strtoul(at, &at, 10);
    if (begins(at, " |"))
        at += 2;
    else if (*at == '|' && at > line && number == 0)
        at++;
    else
        return false;
    if (*at && *at != ' ')
        return false;
    *ret_number = number > 0x7fffffff ? 0 : (unsigned)number;
    *ret_text = *at ? at + 1 : at;
    return true;
}

bool sl__line_is_marks(const char *line)
{
    return line[strspn(line, " ~^")] == '\0' && strpbrk(line, "~^");
}

/* Cuts the line where @p words begin. @return what is behind them; NULL: they are not there */
static char *cut(char *line, const char *words)
{
    char *at = strstr(line, words);

    if (!at)
        return NULL;
    *at = '\0';
    return at + strlen(words);
}

bool sl__line_is_function(char *line, char **ret_file, char **ret_name)
{
    static const char *const words[] = {
        ": In member function ", ": In constructor ", ": In destructor ",  ": In instantiation of ",
        ": In function ",        ": At top level:",   ": At global scope:"};
    static char none[] = "";
    char *behind = NULL, *name;

    if (!ends(line, ":"))
        return false;
    *ret_file = line;
    for (size_t i = 0; i < sizeof words / sizeof *words && !behind; i++)
        behind = cut(line, words[i]);
    if (!behind) {
        behind = cut(line, ": in function "); /* of an object file */
        *ret_file = none;
    }
    if (!behind)
        return false;
    name = quoted(behind);
    *ret_name = name ? name : none;
    return true;
}

bool sl__line_is_include(char *line, bool *ret_first, char **ret_from)
{
    char *at = line + strspn(line, " ");
    size_t len;

    *ret_first = begins(line, "In file included from ");
    if (*ret_first)
        at += strlen("In file included from ");
    else if (at > line && begins(at, "from "))
        at += strlen("from ");
    else
        return false;
    len = strlen(at);
    while (len > 0 && (at[len - 1] == ',' || at[len - 1] == ':'))
        len--;
    at[len] = '\0';
    *ret_from = at;
    return true;
}

bool sl__line_is_folder(char *line, char **ret_folder)
{
    char *at = strstr(line, ": Entering directory ");

    *ret_folder = NULL;
    if (!begins(line, "make") && !begins(line, "gmake") && !begins(line, "ninja"))
        return false;
    if (!at)
        return strstr(line, ": Leaving directory ");
    *ret_folder = quoted(at);
    return true;
}

/* Length of the escape sequence at @p s, which begins with ESC. */
static size_t escape_length(const char *s)
{
    size_t len = 2;

    if (s[1] == '[') { /* a control sequence: parameters, then a letter */
        while (s[len] && (s[len] < 0x40 || s[len] > 0x7e))
            len++;
        return s[len] ? len + 1 : len;
    }
    if (s[1] == ']') { /* a command, up to BEL or ESC \ */
        while (s[len] && s[len] != '\a' && s[len] != '\n' && s[len] != '\033')
            len++;
        if (s[len] == '\033' && s[len + 1] == '\\')
            return len + 2;
        return s[len] == '\a' ? len + 1 : len;
    }
    return s[1] && s[1] != '\n' ? 2 : 1;
}

void sl__strip_escapes(char *text)
{
    char *to = text;

    while (*text) {
        if (*text == '\033')
            text += escape_length(text);
        else if (*text == '\r')
            text++;
        else
            *to++ = *text++;
    }
    *to = '\0';
}
