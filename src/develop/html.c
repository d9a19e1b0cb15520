/*
 * Writing HTML.
 *
 * Everything that makes a page comes here. Out goes a buffer in which no text of a program, of its
 * client or of a compiler can end an element, an attribute or a comment.
 */
#include "develop/html.h"

#include <stdarg.h>
#include <stdio.h>

static void append(struct sl__html *h, const char *bytes, size_t len)
{
    if (sl__buf_append(&h->buf, bytes, len) < 0)
        h->failed = true;
}

void sl__html_put(struct sl__html *h, const char *markup)
{
    append(h, markup, strlen(markup));
}

static bool continues(unsigned char octet)
{
    return (octet & 0xc0) == 0x80;
}

/* Octets of the character in UTF-8 (RFC 3629 §4) at the beginning; 0 if there is none. */
static size_t character(const unsigned char *p, size_t len)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return len >= 2 && continues(p[1]) ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (len < 3 || !continues(p[1]) || !continues(p[2]))
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0; /* longer than need be; half of a pair */
        return 3;
    }
    if (p[0] < 0xf0 || p[0] > 0xf4 || len < 4 || !continues(p[1]) || !continues(p[2]) ||
        !continues(p[3]))
        return 0;
    return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

/* What stands for a character that may not stand for itself; NULL: it may. */
static const char *instead(unsigned char c, char picture[4])
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
        return NULL;
    case 0x7f:
        return "\xe2\x90\xa1";
    }
    if (c >= 0x20)
        return NULL;
    picture[0] = '\xe2';
    picture[1] = '\x90';
    picture[2] = (char)(0x80 + c);
    picture[3] = '\0';
    return picture;
}

void sl__html_text(struct sl__html *h, struct sl__str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t from = 0, at = 0;

    while (at < text.len) {
        size_t n = character(p + at, text.len - at);
        char picture[4];
        const char *other = n == 1 ? instead(p[at], picture) : n == 0 ? "\xef\xbf\xbd" : NULL;

        if (other) {
            append(h, text.ptr + from, at - from);
            sl__html_put(h, other);
            from = at + 1;
        }
        at += n ? n : 1;
    }
    append(h, text.ptr + from, text.len - from);
}

static void put_number(struct sl__html *h, unsigned long long magnitude, bool negative)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%s%llu", negative ? "-" : "", magnitude);

    append(h, digits, (size_t)n);
}

static void put_signed(struct sl__html *h, long long number)
{
    put_number(h, number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number,
               number < 0);
}

/* One value. @return octets of its place behind the '%' */
static size_t put_value(struct sl__html *h, const char *place, va_list *args)
{
    if (*place == 's') {
        const char *text = va_arg(*args, const char *);

        sl__html_text(h, sl__str_of(text ? text : ""));
        return 1;
    }
    if (strncmp(place, ".*s", 3) == 0) {
        int len = va_arg(*args, int);
        const char *text = va_arg(*args, const char *);

        sl__html_text(h, (struct sl__str){text, len > 0 ? (size_t)len : 0});
        return 3;
    }
    if (*place == 'd')
        put_signed(h, va_arg(*args, int));
    else if (*place == 'u')
        put_number(h, va_arg(*args, unsigned), false);
    else if (strncmp(place, "zu", 2) == 0)
        put_number(h, va_arg(*args, size_t), false);
    else if (strncmp(place, "lld", 3) == 0)
        put_signed(h, va_arg(*args, long long));
    else if (strncmp(place, "llu", 3) == 0)
        put_number(h, va_arg(*args, unsigned long long), false);
    else
        append(h, "%", 1);
    return *place == 'z' ? 2 : *place == 'l' ? 3 : 1;
}

void sl__html_format(struct sl__html *h, const char *markup, ...)
{
    va_list args;

    va_start(args, markup);
    for (const char *place; (place = strchr(markup, '%'));) {
        append(h, markup, (size_t)(place - markup));
        markup = place + 1 + put_value(h, place + 1, &args);
    }
    sl__html_put(h, markup);
    va_end(args);
}
