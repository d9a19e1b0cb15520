/*
 * A response in the making: status, headers, payload.
 *
 * Handlers and middleware come here through the context, as often as they like and in any order;
 * the protocol comes last and reads what stands. Headers keep the order in which they were first
 * set; replacing one changes it where it is. What would break out of its line, or would say
 * something about the connection that only the protocol knows, never gets in.
 */
#include "http/response.h"

#include <errno.h>
#include <unistd.h>

#include "http/chars.h"
#include "http/detached.h"
#include "http/status.h"
#include "shallot/error.h"

static bool all_of(struct sl__str s, unsigned classes)
{
    for (size_t i = 0; i < s.len; i++)
        if (!sl__char_is(s.ptr[i], classes))
            return false;
    return true;
}

static bool is_content_length(struct sl__str name)
{
    return name.len == 14 && sl__str_equal_nocase(name, SL__STR("Content-Length"));
}

static bool is_the_protocols(struct sl__str name)
{
    switch (name.len) {
    case 4:
        return sl__str_equal_nocase(name, SL__STR("Date"));
    case 7:
        return sl__str_equal_nocase(name, SL__STR("Upgrade")) ||
               sl__str_equal_nocase(name, SL__STR("Trailer"));
    case 10:
        return sl__str_equal_nocase(name, SL__STR("Connection")) ||
               sl__str_equal_nocase(name, SL__STR("Keep-Alive"));
    case 17:
        return sl__str_equal_nocase(name, SL__STR("Transfer-Encoding"));
    default:
        return false;
    }
}

/* The link that points to the first header called @p name, or to the end. */
static struct sl__header **find(struct sl__header **link, struct sl__str name)
{
    while (*link && !sl__str_equal_nocase((*link)->name, name))
        link = &(*link)->next;
    return link;
}

static void remove_from(struct sl__response *r, struct sl__header **link, struct sl__str name)
{
    for (link = find(link, name); *link; link = find(link, name))
        *link = (*link)->next;
    r->last = link;
}

/* A new header in @p a, with copies of name and value behind it. */
static struct sl__header *make(struct sl__arena *a, struct sl__str name, struct sl__str value)
{
    struct sl__header *header;
    char *text;

    if (name.len > SIZE_MAX / 4 || value.len > SIZE_MAX / 4)
        return NULL;
    header = sl__arena_alloc(a, sizeof(*header) + name.len + value.len + 2);
    if (!header)
        return NULL;
    text = (char *)(header + 1);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    header->name = (struct sl__str){text, name.len};
    text += name.len + 1;
    if (value.len > 0)
        memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    header->value = (struct sl__str){text, value.len};
    header->next = NULL;
    header->kept = false;
    return header;
}

void sl__response_drop_payload(struct sl__response *r)
{
    if (r->payload == SL__PAYLOAD_FILE && r->file >= 0)
        close(r->file);
    else if (r->payload == SL__PAYLOAD_LENT && r->lender)
        r->lender->give_back(r->lender);
    else if (r->payload == SL__PAYLOAD_DETACHED && r->detached)
        sl__detached_over(r->detached, -ECANCELED);
    r->payload = SL__PAYLOAD_NONE;
    r->file = -1;
    r->bytes = (struct sl__str){NULL, 0};
    r->lender = NULL;
    r->source = NULL;
    r->detached = NULL;
}

void sl__response_clear_for_error(struct sl__response *r)
{
    struct sl__header *next = r->headers;

    sl__response_clear(r);
    while (next) {
        struct sl__header *header = next;

        next = header->next;
        if (!header->kept)
            continue;
        header->next = NULL;
        *r->last = header;
        r->last = &header->next;
    }
}

bool sl__header_allowed(struct sl__str name, struct sl__str value)
{
    value = sl__str_trim(value);
    return name.len > 0 && all_of(name, SL__CHAR_TOKEN) && all_of(value, SL__CHAR_VALUE) &&
           !is_the_protocols(name) && (!is_content_length(name) || sl__decimal(value) >= 0);
}

int sl__response_set_header(struct sl__response *r, struct sl__arena *a, struct sl__str name,
                            const struct sl__str *value, bool append)
{
    struct sl__header *header, **link;

    if (!sl__header_allowed(name, value ? *value : SL__STR("0")))
        return -SL_EBADHEADER;
    if (!value) {
        remove_from(r, &r->headers, name);
        return 0;
    }
    header = make(a, name, sl__str_trim(*value));
    if (!header)
        return -ENOMEM;
    link = append && !is_content_length(name) ? r->last : find(&r->headers, name);
    if (*link) {
        header->next = (*link)->next;
        header->kept = (*link)->kept;
        *link = header;
        remove_from(r, &header->next, name);
    } else {
        *link = header;
        r->last = &header->next;
    }
    return 0;
}

const struct sl__header *sl__response_header(const struct sl__response *r, struct sl__str name)
{
    const struct sl__header *header = r->headers;

    while (header && !sl__str_equal_nocase(header->name, name))
        header = header->next;
    return header;
}

void sl__response_set_lent(struct sl__response *r, struct sl__str bytes, struct sl__lender *lender)
{
    sl__response_drop_payload(r);
    r->payload = SL__PAYLOAD_LENT;
    r->bytes = bytes;
    r->lender = lender;
    r->stamp = NULL;
}

void sl__response_set_file(struct sl__response *r, int fd, int64_t at, int64_t len)
{
    sl__response_drop_payload(r);
    r->payload = SL__PAYLOAD_FILE;
    r->file = fd;
    r->file_at = at;
    r->file_len = len;
    r->stamp = NULL;
}

void sl__response_set_source(struct sl__response *r, sl__source_fn *source, void *self)
{
    sl__response_drop_payload(r);
    r->payload = SL__PAYLOAD_SOURCE;
    r->source = source;
    r->source_self = self;
}

void sl__response_set_detached(struct sl__response *r, struct sl__detached *d)
{
    sl__response_drop_payload(r);
    r->payload = SL__PAYLOAD_DETACHED;
    r->detached = d;
}

int64_t sl__response_announced(const struct sl__response *r)
{
    const struct sl__header *header = sl__response_header(r, SL__STR("Content-Length"));

    return header ? sl__decimal(header->value) : -1;
}

int64_t sl__response_length(const struct sl__response *r)
{
    switch (r->payload) {
    case SL__PAYLOAD_NONE:
        break;
    case SL__PAYLOAD_BYTES:
    case SL__PAYLOAD_LENT:
        return (int64_t)r->bytes.len;
    case SL__PAYLOAD_FILE:
        return r->file_len;
    case SL__PAYLOAD_SOURCE:
        return sl__response_announced(r);
    case SL__PAYLOAD_DETACHED:
        return -1;
    }
    return 0;
}

const char *sl__status_text(int status)
{
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 103:
        return "Early Hints";
#define STATUS_TEXT(code, reason)                                                                  \
    case code:                                                                                     \
        return reason;
        SL__FINAL_STATUSES(STATUS_TEXT)
#undef STATUS_TEXT
    default:
        return "";
    }
}
