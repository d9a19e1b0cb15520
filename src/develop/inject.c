/*
 * Putting a piece of markup into a document that passes by.
 *
 * Comes from inject_layer.c with octets as they come, whole or in pieces. It knows of HTML (WHATWG
 * §13.2.5) what it needs in order not to be taken in: a `</body>` in a comment, in a script, in a
 * style or in an attribute is none. A document that has none gets the piece at its end, which
 * parsers take as if it were in the body.
 */
#include "develop/inject.h"

#include <string.h>
#include <strings.h>

static const char *const raw_elements[] = {"script",   "style",    "textarea", "title",  "xmp",
                                           "template", "noscript", "iframe",   "noembed"};

static int out(struct sl__inject *i, const char *bytes, size_t len)
{
    return len > 0 ? i->out(i->self, bytes, len) : 0;
}

static int release(struct sl__inject *i)
{
    int r = out(i, i->held, i->count);

    i->count = 0;
    return r;
}

static bool ends_name(char c)
{
    return c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What is held is "<NAME" or "</NAME", with what comes behind it at the end. */
static bool is_name(const struct sl__inject *i, unsigned from, const char *name)
{
    size_t len = strlen(name);

    return i->count == from + len + 1 && ends_name(i->held[i->count - 1]) &&
           strncasecmp(i->held + from, name, len) == 0;
}

static void enter_tag(struct sl__inject *i)
{
    char last = i->held[i->count - 1];

    i->state = last == '>' ? (i->raw[0] ? SL__INJECT_RAW : SL__INJECT_TEXT) : SL__INJECT_TAG;
}

/* An element whose content is raw, and which? */
static void note_raw(struct sl__inject *i)
{
    for (size_t n = 0; n < sizeof raw_elements / sizeof *raw_elements; n++)
        if (is_name(i, 1, raw_elements[n]))
            strcpy(i->raw, raw_elements[n]);
}

/* One more octet behind '<' in text. */
static int take_name(struct sl__inject *i)
{
    char c = i->held[i->count - 1];
    int r;

    if (i->count == 4 && memcmp(i->held, "<!--", 4) == 0) {
        i->state = SL__INJECT_COMMENT;
        i->dash = 2; /* `<!-->` is one, too */
        return release(i);
    }
    if (is_name(i, 2, "body") && i->held[1] == '/') {
        i->state = SL__INJECT_DONE;
        r = out(i, i->piece, strlen(i->piece));
        return r < 0 ? r : release(i);
    }
    if (i->count == 2 && !letter(c) && c != '/' && c != '!') {
        i->state = c == '?' ? SL__INJECT_TAG : SL__INJECT_TEXT; /* a lone '<' */
        return release(i);
    }
    if (i->count < sizeof i->held && (i->count <= 2 || !ends_name(c)))
        return 0;
    note_raw(i);
    enter_tag(i);
    return release(i);
}

/* One more octet behind '<' in raw text: only its own end tag ends it. */
static int take_raw_name(struct sl__inject *i)
{
    const char *want = i->raw;
    unsigned at = i->count - 1;
    char c = i->held[at];
    size_t len = strlen(want);

    if (at == 1 ? c == '/' : at - 2 < len && strncasecmp(&c, want + at - 2, 1) == 0)
        return 0;
    i->state = SL__INJECT_RAW;
    if (at == len + 2 && ends_name(c)) {
        i->raw[0] = '\0';
        enter_tag(i);
    }
    return release(i);
}

static void in_tag(struct sl__inject *i, char c)
{
    if (c == '"' || c == '\'') {
        i->quote = c;
        i->state = SL__INJECT_QUOTED;
    } else if (c == '>') {
        i->state = i->raw[0] ? SL__INJECT_RAW : SL__INJECT_TEXT;
    }
}

static void in_comment(struct sl__inject *i, char c)
{
    if (c == '>' && i->dash >= 2)
        i->state = SL__INJECT_TEXT;
    i->dash = c == '-' ? i->dash + 1 : 0;
}

/* An octet that passes by. True if it is the first to be held. */
static bool step(struct sl__inject *i, char c)
{
    switch (i->state) {
    case SL__INJECT_TEXT:
        if (c == '<')
            i->state = SL__INJECT_NAME;
        return c == '<';
    case SL__INJECT_RAW:
        if (c == '<')
            i->state = SL__INJECT_RAW_NAME;
        return c == '<';
    case SL__INJECT_TAG:
        in_tag(i, c);
        return false;
    case SL__INJECT_QUOTED:
        if (c == i->quote)
            i->state = SL__INJECT_TAG;
        return false;
    case SL__INJECT_COMMENT:
        in_comment(i, c);
        return false;
    default:
        return false;
    }
}

static bool holds(const struct sl__inject *i)
{
    return i->state == SL__INJECT_NAME || i->state == SL__INJECT_RAW_NAME;
}

int sl__inject_pass(struct sl__inject *i, const void *bytes, size_t len)
{
    const char *p = bytes;
    size_t from = 0;
    int r = 0;

    for (size_t at = 0; at < len && r == 0; at++) {
        if (i->state == SL__INJECT_DONE)
            break;
        if (!holds(i)) {
            if (!step(i, p[at]))
                continue;
            r = out(i, p + from, at - from);
            i->held[i->count++] = '<';
            from = at + 1;
            continue;
        }
        if (p[at] == '<') { /* none of it was a tag */
            r = release(i);
            i->held[i->count++] = '<';
            from = at + 1;
            continue;
        }
        i->held[i->count++] = p[at];
        from = at + 1;
        r = i->state == SL__INJECT_NAME ? take_name(i) : take_raw_name(i);
    }
    return r < 0 || holds(i) ? r : out(i, p + from, len - from);
}

int sl__inject_end(struct sl__inject *i)
{
    int r = release(i);

    if (r == 0 && i->state != SL__INJECT_DONE)
        r = out(i, i->piece, strlen(i->piece));
    i->state = SL__INJECT_DONE;
    return r;
}
