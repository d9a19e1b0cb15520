/*
 * Conditional requests: preconditions weighed in the order that RFC 9110 §13.2.2 has them in.
 *
 * Comes here from the app with the fields of a request and the validators of what would be sent.
 * Entity tags are compared strongly where octets are to fit together (If-Match, If-Range), weakly
 * where a copy is to be kept (If-None-Match). Whatever cannot be read is taken in the way that
 * sends too much rather than too little.
 */
#include "http/condition.h"

#include "base/time.h"

struct tag {
    struct sl__str opaque; /* with its quotes */
    bool weak;
};

static void skip_space(struct sl__str *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t')) {
        s->ptr++;
        s->len--;
    }
}

static bool etag_char(char c)
{
    unsigned char octet = (unsigned char)c;

    return octet == 0x21 || (octet >= 0x23 && octet != 0x7f);
}

/* Takes one entity tag from the front; false, and nothing is taken, if there is none. */
static bool take_tag(struct sl__str *s, struct tag *ret)
{
    size_t at = 0, quote;

    ret->weak = s->len > 2 && s->ptr[0] == 'W' && s->ptr[1] == '/';
    if (ret->weak)
        at = 2;
    quote = at;
    if (at == s->len || s->ptr[at++] != '"')
        return false;
    while (at < s->len && etag_char(s->ptr[at]))
        at++;
    if (at == s->len || s->ptr[at++] != '"')
        return false;
    ret->opaque = (struct sl__str){s->ptr + quote, at - quote};
    s->ptr += at;
    s->len -= at;
    return true;
}

/* The next of a list. Empty elements are passed over (§5.6.1.2); at the first thing that is none
 * the list is at its end. */
static bool next_tag(struct sl__str *list, struct tag *ret)
{
    for (;;) {
        skip_space(list);
        if (list->len == 0 || list->ptr[0] != ',')
            break;
        list->ptr++;
        list->len--;
    }
    if (!take_tag(list, ret))
        return false;
    skip_space(list);
    return list->len == 0 || list->ptr[0] == ',';
}

static bool matches(const struct tag *tag, const struct tag *own, bool strong)
{
    return !(strong && (tag->weak || own->weak)) && sl__str_equal(tag->opaque, own->opaque);
}

static bool is_any(struct sl__str value)
{
    skip_space(&value);
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
        value.len--;
    return value.len == 1 && value.ptr[0] == '*';
}

/* True if one of the list, or "*", is the representation's. */
static bool list_has(struct sl__str list, const struct sl__validators *v, bool strong)
{
    struct sl__str own_text = v->etag;
    struct tag own, tag;

    if (is_any(list))
        return true;
    if (!v->etag.ptr || !take_tag(&own_text, &own) || own_text.len > 0)
        return false;
    while (next_tag(&list, &tag))
        if (matches(&tag, &own, strong))
            return true;
    return false;
}

static bool read_date(struct sl__str value, int64_t now, int64_t *ret)
{
    return value.ptr && sl__http_date_read(value, now, ret);
}

enum sl__verdict sl__condition_judge(const struct sl__conditions *conditions,
                                     const struct sl__validators *v, bool reading, int64_t now)
{
    int64_t date;

    if (conditions->match.ptr) {
        if (!list_has(conditions->match, v, true))
            return SL__VERDICT_UNMET;
    } else if (v->dated && read_date(conditions->unmodified_since, now, &date)) {
        if (v->modified > date)
            return SL__VERDICT_UNMET;
    }
    if (conditions->none_match.ptr) {
        if (list_has(conditions->none_match, v, false))
            return reading ? SL__VERDICT_FRESH : SL__VERDICT_UNMET;
    } else if (reading && v->dated && read_date(conditions->modified_since, now, &date)) {
        if (v->modified <= date)
            return SL__VERDICT_FRESH;
    }
    return SL__VERDICT_GO;
}

bool sl__condition_if_range(struct sl__str value, const struct sl__validators *v, int64_t now)
{
    struct sl__str own_text = v->etag;
    struct tag own, tag;
    int64_t date;

    if (take_tag(&value, &tag))
        return value.len == 0 && v->etag.ptr && take_tag(&own_text, &own) && own_text.len == 0 &&
               matches(&tag, &own, true);
    /* A date is strong only if there was no second change in its second: not while it may come. */
    return v->dated && read_date(value, now, &date) && date == v->modified && v->modified < now;
}
