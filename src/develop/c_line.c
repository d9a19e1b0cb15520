/*
 * A line of C for the eye: comments, strings, numbers, words of the language.
 *
 * Excerpts come here line by line, from the first one of the file on, because a comment may have
 * begun long before what is shown. It is no parser: what it does not know it leaves plain, and
 * every octet of the line is written exactly once.
 */
#include "develop/source.h"

static const char *const words[] = {
    "alignas",  "auto",    "bool",    "break",    "case",      "char",           "const",
    "continue", "default", "do",      "double",   "else",      "enum",           "extern",
    "false",    "float",   "for",     "goto",     "if",        "inline",         "int",
    "long",     "NULL",    "nullptr", "register", "restrict",  "return",         "short",
    "signed",   "size_t",  "sizeof",  "static",   "struct",    "switch",         "true",
    "typedef",  "typeof",  "union",   "unsigned", "void",      "volatile",       "while",
    "_Alignas", "_Atomic", "_Bool",   "_Generic", "_Noreturn", "_Static_assert", "_Thread_local",
};

static bool starts_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static void marked(struct sl__html *h, const char *kind, struct sl__str text)
{
    if (kind)
        sl__html_format(h, "<span class=\"%s\">", kind);
    sl__html_text(h, text);
    if (kind)
        sl__html_put(h, "</span>");
}

static bool is_word(struct sl__str s)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl__str_equal(s, sl__str_of(words[i])))
            return true;
    return false;
}

/* Octets up to and with the end of the comment; all of them, and it goes on, if there is none. */
static size_t comment(struct sl__str rest, size_t from, enum sl__c_state *state)
{
    for (size_t i = from; i + 1 < rest.len; i++)
        if (rest.ptr[i] == '*' && rest.ptr[i + 1] == '/') {
            *state = SL__C_PLAIN;
            return i + 2;
        }
    *state = SL__C_COMMENT;
    return rest.len;
}

static size_t literal(struct sl__str rest)
{
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.ptr[i] == '\\')
            i++;
        else if (rest.ptr[i] == rest.ptr[0])
            return i + 1;
    }
    return rest.len;
}

static size_t word(struct sl__str rest)
{
    size_t n = 1;

    while (n < rest.len && (starts_word(rest.ptr[n]) || digit(rest.ptr[n])))
        n++;
    return n;
}

static size_t number(struct sl__str rest)
{
    size_t n = 1;

    while (n < rest.len && (starts_word(rest.ptr[n]) || digit(rest.ptr[n]) || rest.ptr[n] == '.'))
        n++;
    return n;
}

/* Neither a word nor a number nor anything that begins something. */
static size_t plain(struct sl__str rest)
{
    size_t n = 1;

    while (n < rest.len && !starts_word(rest.ptr[n]) && !digit(rest.ptr[n]) && rest.ptr[n] != '"' &&
           rest.ptr[n] != '\'' && rest.ptr[n] != '/')
        n++;
    return n;
}

/* One piece at the beginning of what is left. @return its octets, at least one */
static size_t piece(struct sl__str rest, const char **kind, enum sl__c_state *state)
{
    char c = rest.ptr[0], next = rest.len > 1 ? rest.ptr[1] : '\0';
    size_t n;

    *kind = NULL;
    if (*state == SL__C_COMMENT || (c == '/' && next == '*')) {
        *kind = "c";
        return comment(rest, *state == SL__C_COMMENT ? 0 : 2, state);
    }
    if (c == '/' && next == '/') {
        *kind = "c";
        return rest.len;
    }
    if (c == '"' || c == '\'') {
        *kind = "s";
        return literal(rest);
    }
    if (digit(c)) {
        *kind = "n";
        return number(rest);
    }
    if (!starts_word(c))
        return plain(rest);
    n = word(rest);
    if (is_word((struct sl__str){rest.ptr, n}))
        *kind = "k";
    else if (n < rest.len && rest.ptr[n] == '(')
        *kind = "f";
    return n;
}

static bool is_directive(struct sl__str line)
{
    size_t i = 0;

    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'))
        i++;
    return i < line.len && line.ptr[i] == '#';
}

enum sl__c_state sl__c_line_write(struct sl__html *h, struct sl__str line, enum sl__c_state state)
{
    bool directive = state == SL__C_PLAIN && is_directive(line);

    if (directive)
        sl__html_put(h, "<span class=\"p\">");
    while (line.len > 0) {
        const char *kind;
        size_t n = piece(line, &kind, &state);

        marked(h, kind, (struct sl__str){line.ptr, n});
        line.ptr += n;
        line.len -= n;
    }
    if (directive)
        sl__html_put(h, "</span>");
    return state;
}
