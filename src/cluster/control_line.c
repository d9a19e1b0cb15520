/*
 * Lines of the control socket: a command taken apart, an answer put together. Pure.
 *
 * Comes from control.c with octets that a client has sent, of which nothing is believed, and with
 * texts for it, which may quote anything and must stay on their line.
 */
#include "cluster/control.h"

#include <errno.h>

int sl__control_split(char *line, size_t len, char *words[SL__CONTROL_WORDS])
{
    int count = 0;
    bool inside = false;

    for (size_t i = 0; i < len; i++) {
        if (line[i] < ' ' || line[i] > '~')
            return -EINVAL;
        if (line[i] == ' ') {
            line[i] = 0;
            inside = false;
        } else if (!inside) {
            if (count == SL__CONTROL_WORDS)
                return -E2BIG;
            words[count++] = line + i;
            inside = true;
        }
    }
    line[len] = 0;
    return count;
}

int sl__control_compose(struct sl__buf *out, char kind, const char *text, size_t len)
{
    int r = sl__buf_reserve(out, len + 3);
    char *at;

    if (r < 0)
        return r;
    at = out->data + out->end;
    *at++ = kind;
    *at++ = ' ';
    for (size_t i = 0; i < len; i++) {
        unsigned char u = (unsigned char)text[i];

        *at++ = u == '\t' || (u >= ' ' && u != 0x7f) ? text[i] : '?';
    }
    *at = '\n';
    out->end += len + 3;
    return 0;
}

bool sl__control_number(const char *word, uint32_t low, uint32_t high, uint32_t *ret)
{
    uint64_t n = 0;

    if (!*word)
        return false;
    for (; *word; word++) {
        if (*word < '0' || *word > '9')
            return false;
        n = n * 10 + (uint64_t)(*word - '0');
        if (n > high)
            return false;
    }
    *ret = (uint32_t)n;
    return n >= low;
}
