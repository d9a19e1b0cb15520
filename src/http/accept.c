/*
 * The Accept fields, read member by member.
 *
 * app/accept.c comes in with a field and one thing offered, and leaves with a weight. A field is
 * read anew for each thing offered: it has a few dozen octets, a program offers two or three
 * things, and so nothing has to be kept. Of the members that speak of a thing the most exact one
 * decides (RFC 9110 §12.5.1); of two that are as exact the kinder.
 */
#include "http/accept.h"

#include "http/chars.h"

#define RANK_ANY 1u   /* "*" */
#define RANK_WIDER 2u /* a type by its first half, "en" by the range "en-GB" */
#define RANK_RANGE 3u /* "en-US" by the range "en" */
#define RANK_EXACT 4u /* and one more for each parameter of a media range */

struct member {
    struct sl__str range; /* up to the first ';' */
    struct sl__str rest;  /* behind it */
    unsigned weight;
};

/* The next piece up to @p separator, which is none within quotes. False at the end. */
static bool take(struct sl__str *left, char separator, struct sl__str *ret)
{
    bool quoted = false;
    size_t i;

    if (left->len == 0)
        return false;
    for (i = 0; i < left->len && (quoted || left->ptr[i] != separator); i++) {
        if (left->ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && left->ptr[i] == '\\' && i + 1 < left->len)
            i++;
    }
    *ret = sl__str_trim((struct sl__str){left->ptr, i});
    i += i < left->len;
    *left = (struct sl__str){left->ptr + i, left->len - i};
    return true;
}

/* name=value; no space around the '=' (RFC 9110 §5.6.6). */
static bool split(struct sl__str pair, struct sl__str *ret_name, struct sl__str *ret_value)
{
    const char *equals = memchr(pair.ptr, '=', pair.len);

    if (!equals)
        return false;
    *ret_name = (struct sl__str){pair.ptr, (size_t)(equals - pair.ptr)};
    *ret_value = (struct sl__str){equals + 1, pair.len - ret_name->len - 1};
    return true;
}

static bool is_weight(struct sl__str name)
{
    return name.len == 1 && (name.ptr[0] | 0x20) == 'q';
}

/* qvalue: 0 to 1 with at most three digits behind the point. Thousandths, or -1. */
static int weight_of(struct sl__str text)
{
    int weight, unit = 100;

    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.'))
        return -1;
    weight = text.ptr[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (!sl__char_is(text.ptr[i], SL__CHAR_DIGIT))
            return -1;
        weight += (text.ptr[i] - '0') * unit;
    }
    return weight <= 1000 ? weight : -1;
}

/* The weight among a member's parameters, 1 without one; what is behind it is not looked at. */
static int weight_among(struct sl__str parameters)
{
    struct sl__str pair, name, value;

    while (take(&parameters, ';', &pair))
        if (split(pair, &name, &value) && is_weight(name))
            return weight_of(value);
    return 1000;
}

static bool is_token(struct sl__str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!sl__char_is(s.ptr[i], SL__CHAR_TOKEN))
            return false;
    return s.len > 0;
}

static struct sl__str before(struct sl__str s, char at)
{
    const char *found = memchr(s.ptr, at, s.len);

    return found ? (struct sl__str){s.ptr, (size_t)(found - s.ptr)} : s;
}

static struct sl__str behind(struct sl__str s, size_t len)
{
    return len < s.len ? (struct sl__str){s.ptr + len + 1, s.len - len - 1}
                       : (struct sl__str){s.ptr + s.len, 0};
}

static bool is(struct sl__str s, char c)
{
    return s.len == 1 && s.ptr[0] == c;
}

static bool well_formed(enum sl__accept kind, struct sl__str range)
{
    struct sl__str type = before(range, '/'), subtype = behind(range, type.len);

    if (kind != SL__ACCEPT_TYPE)
        return is_token(range);
    return is_token(type) && is_token(subtype) && (!is(type, '*') || is(subtype, '*'));
}

/* The next member that is well formed; false at the end. */
static bool next_member(enum sl__accept kind, struct sl__str *left, struct member *m)
{
    struct sl__str text;

    while (take(left, ',', &text)) {
        struct sl__str rest = text;
        int weight;

        if (!take(&rest, ';', &m->range) || !well_formed(kind, m->range))
            continue;
        m->rest = rest;
        weight = weight_among(rest);
        if (weight < 0)
            continue;
        m->weight = (unsigned)weight;
        return true;
    }
    return false;
}

static struct sl__str unquoted(struct sl__str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return (struct sl__str){s.ptr + 1, s.len - 2};
    return s;
}

/* The parameter called @p wanted of an offered type. */
static bool find_parameter(struct sl__str parameters, struct sl__str wanted, struct sl__str *ret)
{
    struct sl__str pair, name;

    while (take(&parameters, ';', &pair))
        if (split(pair, &name, ret) && sl__str_equal_nocase(name, wanted))
            return true;
    return false;
}

/* Every parameter the range asks for must be the offered one's; how many, or -1. A charset that
 * the program did not speak of is no reason to refuse. */
static int parameters_match(struct sl__str asked, struct sl__str has)
{
    struct sl__str pair, name, value, own;
    int count = 0;

    while (take(&asked, ';', &pair)) {
        if (pair.len == 0)
            continue;
        if (!split(pair, &name, &value))
            return -1;
        if (is_weight(name))
            break;
        if (find_parameter(has, name, &own)) {
            if (!sl__str_equal_nocase(unquoted(value), unquoted(own)))
                return -1;
            count++;
        } else if (!sl__str_equal_nocase(name, SL__STR("charset"))) {
            return -1;
        }
    }
    return count;
}

static unsigned rank_type(const struct member *m, struct sl__str offered)
{
    struct sl__str name = sl__str_trim(before(offered, ';')), type = before(name, '/');
    struct sl__str asked = before(m->range, '/');
    int parameters;

    if (is(asked, '*'))
        return RANK_ANY;
    if (!sl__str_equal_nocase(asked, type))
        return 0;
    if (is(behind(m->range, asked.len), '*'))
        return RANK_WIDER;
    if (!sl__str_equal_nocase(m->range, name))
        return 0;
    parameters = parameters_match(m->rest, behind(offered, before(offered, ';').len));
    return parameters < 0 ? 0 : RANK_EXACT + (unsigned)parameters;
}

/* True if @p longer is @p tag and then more subtags. */
static bool extends(struct sl__str longer, struct sl__str tag)
{
    return longer.len > tag.len && longer.ptr[tag.len] == '-' &&
           sl__str_equal_nocase((struct sl__str){longer.ptr, tag.len}, tag);
}

/* Basic filtering (RFC 4647 §3.3.1), and what lookup (§3.4) would cut a range down to. */
static unsigned rank_language(struct sl__str range, struct sl__str offered)
{
    if (sl__str_equal_nocase(range, offered))
        return RANK_EXACT;
    if (extends(offered, range))
        return RANK_RANGE;
    if (extends(range, offered))
        return RANK_WIDER;
    return is(range, '*') ? RANK_ANY : 0;
}

/* "x-gzip" is "gzip", and so on (RFC 9110 §8.4.1). */
static struct sl__str without_x(struct sl__str coding)
{
    if (coding.len > 2 && (coding.ptr[0] | 0x20) == 'x' && coding.ptr[1] == '-')
        return (struct sl__str){coding.ptr + 2, coding.len - 2};
    return coding;
}

static unsigned rank_of(enum sl__accept kind, const struct member *m, struct sl__str offered)
{
    struct sl__str range = m->range;

    if (kind == SL__ACCEPT_TYPE)
        return rank_type(m, offered);
    if (kind == SL__ACCEPT_LANGUAGE)
        return rank_language(range, offered);
    if (kind == SL__ACCEPT_ENCODING) {
        range = without_x(range);
        offered = without_x(offered);
    }
    if (sl__str_equal_nocase(range, offered))
        return RANK_EXACT;
    return is(range, '*') ? RANK_ANY : 0;
}

struct sl__quality sl__accept_quality(enum sl__accept kind, struct sl__str value,
                                      struct sl__str offered)
{
    struct sl__quality best = {0, 0};
    struct member m;

    while (next_member(kind, &value, &m)) {
        unsigned rank = rank_of(kind, &m, offered);

        if (rank > best.rank || (rank > 0 && rank == best.rank && m.weight > best.weight))
            best = (struct sl__quality){m.weight, rank};
    }
    return best;
}

bool sl__accept_is_silent(enum sl__accept kind, struct sl__str value)
{
    struct member m;

    return !next_member(kind, &value, &m);
}
