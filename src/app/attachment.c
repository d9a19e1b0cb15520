/*
 * Content-Disposition: a body that is to be saved under a name (RFC 6266).
 *
 * Handlers come here with a file name in UTF-8, which may be a stranger's. Two forms of it are
 * sent: one that every client understands, in ASCII, and if that is not the whole name the exact
 * one, percent-encoded (RFC 8187). Browsers disagree about quotes, backslashes and percent signs in
 * the first form, so those are not put into it.
 */
#include <errno.h>

#include "app/reply.h"
#include "app/types.h"
#include "shallot/response.h"

#define PLAIN "attachment; filename=\""
#define EXACT "\"; filename*=UTF-8''"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Octets of the UTF-8 character at @p s; 0: none. */
static size_t utf8_length(const char *s)
{
    unsigned char first = (unsigned char)s[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    unsigned char second = len > 1 ? (unsigned char)s[1] : 0;

    if (first > 0xf4 || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0;
    for (size_t i = 1; i < len; i++)
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* attr-char of RFC 8187 §3.2.1 */
static bool attr_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$&+-.^_`|~", c));
}

static bool safe_in_quotes(char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '%';
}

static char *put(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return at + len;
}

/* What cannot be in it becomes '_'. True if nothing had to. */
static bool put_plain(char **at, const char *name)
{
    bool exact = true;

    while (*name) {
        size_t len = utf8_length(name);
        bool safe = safe_in_quotes(*name);

        *(*at)++ = safe ? *name : '_';
        exact = exact && safe;
        name += len > 0 ? len : 1;
    }
    return exact;
}

static char *put_exact(char *at, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";

    while (*name) {
        size_t len = utf8_length(name);
        bool control = (unsigned char)*name < ' ' || *name == 0x7f;

        for (size_t i = 0; i < (len > 0 ? len : 1); i++, name++) {
            unsigned char octet = control || len == 0 ? '_' : (unsigned char)*name;

            if (attr_char((char)octet)) {
                *at++ = (char)octet;
                continue;
            }
            *at++ = '%';
            *at++ = hex[octet >> 4];
            *at++ = hex[octet & 15];
        }
    }
    return at;
}

/* It is known from now on, whatever the body looks like. */
static void set_type(sl_ctx *c, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *type = dot ? sl__type_of_extension(sl__str_of(dot + 1)) : NULL;

    if (!type || c->type_rank == SL__TYPE_GIVEN)
        return;
    c->x->response.type = sl__str_of(type);
    c->type_rank = SL__TYPE_GIVEN;
}

int sl_attachment(sl_ctx *c, const char *filename)
{
    const char *name = filename ? base_name(filename) : "";
    char *text, *at;
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (!*name)
        return sl_set_header(c, "Content-Disposition", "attachment");
    text = sl_alloc(c, sizeof PLAIN + sizeof EXACT + 4 * strlen(name) + 2);
    if (!text)
        return -ENOMEM;
    at = put(text, PLAIN);
    if (!put_plain(&at, name))
        at = put_exact(put(at, EXACT), name);
    else
        *at++ = '"';
    *at = '\0';
    r = sl_set_header(c, "Content-Disposition", text);
    if (r == 0)
        set_type(c, name);
    return r;
}
