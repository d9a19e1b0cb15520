/*
 * The fields of a part, and the names in them.
 *
 * app/form_parts.c comes here with what multipart.c found. A part has one Content-Disposition,
 * which names it; what a client calls its file is made a name that no shell, browser or file system
 * takes for anything else.
 */
#include <string.h>

#include "http/chars.h"
#include "http/media.h"
#include "http/multipart.h"
#include "shallot/error.h"

#define NAME_MAX_OCTETS 200
#define EXTENSION_MAX 16

static struct sl__str trim(struct sl__str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (struct sl__str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static int disposition(struct sl__str value, struct sl__part_head *ret)
{
    struct sl__str left = value;
    struct sl__media_param p;
    int r;

    left.len = 0;
    while (left.len < value.len && sl__char_is(value.ptr[left.len], SL__CHAR_TOKEN))
        left.len++;
    if (ret->name.ptr || !sl__str_equal_nocase(left, SL__STR("form-data")))
        return -SL_EBADREQUEST;
    left = (struct sl__str){value.ptr + left.len, value.len - left.len};
    while ((r = sl__media_param_next(&left, &p)) > 0) {
        struct sl__str *into = sl__str_equal_nocase(p.name, SL__STR("name"))       ? &ret->name
                               : sl__str_equal_nocase(p.name, SL__STR("filename")) ? &ret->filename
                                                                                   : NULL;

        if (into && into->ptr)
            return -SL_EBADREQUEST;
        if (into)
            *into = p.value;
    }
    ret->is_file = ret->filename.ptr;
    return r < 0 || !ret->name.ptr ? -SL_EBADREQUEST : 0;
}

static int transfer_encoding(struct sl__str value)
{
    return sl__str_equal_nocase(value, SL__STR("7bit")) ||
                   sl__str_equal_nocase(value, SL__STR("8bit")) ||
                   sl__str_equal_nocase(value, SL__STR("binary"))
               ? 0
               : -SL_EBADREQUEST;
}

static int field(struct sl__str line, struct sl__part_head *ret)
{
    struct sl__str name = {line.ptr, 0}, value;

    while (name.len < line.len && sl__char_is(line.ptr[name.len], SL__CHAR_TOKEN))
        name.len++;
    if (name.len == 0 || name.len == line.len || line.ptr[name.len] != ':')
        return -SL_EBADREQUEST;
    value = trim((struct sl__str){line.ptr + name.len + 1, line.len - name.len - 1});
    for (size_t i = 0; i < value.len; i++)
        if (!sl__char_is(value.ptr[i], SL__CHAR_VALUE))
            return -SL_EBADREQUEST;
    if (sl__str_equal_nocase(name, SL__STR("Content-Disposition")))
        return disposition(value, ret);
    if (sl__str_equal_nocase(name, SL__STR("Content-Transfer-Encoding")))
        return transfer_encoding(value);
    if (sl__str_equal_nocase(name, SL__STR("Content-Type"))) {
        if (ret->type.ptr)
            return -SL_EBADREQUEST;
        ret->type = value;
        ret->nested = value.len > 10 && strncasecmp(value.ptr, "multipart/", 10) == 0;
    }
    return 0;
}

int sl__part_head(struct sl__str head, struct sl__part_head *ret)
{
    *ret = (struct sl__part_head){0};
    while (head.len > 0) {
        const char *end = memmem(head.ptr, head.len, "\r\n", 2);
        struct sl__str line = {head.ptr, end ? (size_t)(end - head.ptr) : head.len};
        size_t used = end ? line.len + 2 : line.len;
        int r = field(line, ret);

        if (r < 0)
            return r;
        head = (struct sl__str){head.ptr + used, head.len - used};
    }
    return ret->name.ptr ? 0 : -SL_EBADREQUEST;
}

/* The octet that a browser has written as an escape at @p p; 0: none. */
static char escaped(const char *p, const char *end)
{
    if (end - p < 3 || p[0] != '%')
        return 0;
    if (p[1] == '2' && p[2] == '2')
        return '"';
    if (p[1] == '0' && (p[2] == 'D' || p[2] == 'd'))
        return '\r';
    return p[1] == '0' && (p[2] == 'A' || p[2] == 'a') ? '\n' : 0;
}

size_t sl__part_name(struct sl__str in, char *out)
{
    const char *p = in.ptr, *end = p + in.len;
    char *to = out;

    while (p < end) {
        char octet = escaped(p, end);

        if (octet) {
            p += 3;
        } else {
            if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
                p++;
            octet = *p++;
        }
        *to++ = octet;
    }
    *to = '\0';
    return (size_t)(to - out);
}

/* Length of the UTF-8 character at @p p, and the character; 0: none (RFC 3629 §4). */
static size_t character(const unsigned char *p, size_t len, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    *ret = c;
    return c >= least[n] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff) ? n : 0;
}

/* Controls, what some system gives a meaning, and what turns the direction of a text around. */
static bool unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c < 0x80 && strchr("<>:\"|?*/\\", (int)c)) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0xfeff;
}

/* Leaves the end of the name, if it is a short extension, and as much of the rest as fits. */
static size_t shorten(char *name, size_t len)
{
    const char *dot = memrchr(name, '.', len);
    size_t extension = dot ? len - (size_t)(dot - name) : 0, keep;

    if (len <= NAME_MAX_OCTETS)
        return len;
    if (extension > EXTENSION_MAX)
        extension = 0;
    keep = NAME_MAX_OCTETS - extension;
    while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
        keep--;
    memmove(name + keep, name + len - extension, extension);
    return keep + extension;
}

void sl__safe_name(struct sl__str in, char *out)
{
    size_t from = in.len, len = 0;

    while (from > 0 && in.ptr[from - 1] != '/' && in.ptr[from - 1] != '\\')
        from--;
    while (from < in.len && in.ptr[from] == ' ')
        from++;
    while (from < in.len) {
        uint32_t c;
        size_t n = character((const unsigned char *)in.ptr + from, in.len - from, &c);

        if (n == 0 || unsafe(c)) {
            out[len++] = '_';
        } else {
            memcpy(out + len, in.ptr + from, n);
            len += n;
        }
        from += n > 0 ? n : 1;
    }
    if (len > 0 && (out[0] == '.' || out[0] == '-'))
        out[0] = '_';
    len = shorten(out, len);
    while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '.'))
        len--;
    out[len] = '\0';
    if (len == 0)
        strcpy(out, "file");
}
