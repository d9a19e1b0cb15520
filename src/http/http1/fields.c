/*
 * What field lines are made of that is not plain, and the five fields that make a request what it
 * is: Host, Content-Length, Transfer-Encoding, Connection and Expect.
 *
 * The parser comes here with each of them as its line is complete; what is found goes into the
 * request. Two servers that read a length differently can be played against each other, so there is
 * one way to say it: one Content-Length of digits only, or Transfer-Encoding: chunked and nothing
 * else, never both. What a lenient server would guess at is an error here.
 */
#include "http/http1/fields.h"

#include "http/http1/host.h"

static inline bool is_space(char octet)
{
    return octet == ' ' || octet == '\t';
}

void sl__trim(const char *begin, struct sl__span *value)
{
    while (value->len > 0 && is_space(begin[value->at + value->len - 1]))
        value->len--;
    while (value->len > 0 && is_space(begin[value->at])) {
        value->at++;
        value->len--;
    }
}

/* Takes the next element of a comma-separated list (RFC 9110 §5.6.1), trimmed; false at the end,
 * when the list has no octets any more, not even the none behind the last comma. */
static bool next_element(struct sl__str *list, struct sl__str *ret)
{
    const char *p = list->ptr, *end, *comma;

    if (!p)
        return false;
    end = p + list->len;
    comma = memchr(p, ',', list->len);
    if (comma) {
        *list = (struct sl__str){comma + 1, (size_t)(end - comma) - 1};
        end = comma;
    } else {
        *list = (struct sl__str){NULL, 0};
    }
    while (p < end && is_space(*p))
        p++;
    while (end > p && is_space(end[-1]))
        end--;
    *ret = (struct sl__str){p, (size_t)(end - p)};
    return true;
}

/* Empty is what clients send whose target has no host to name (RFC 9112 §3.2). */
static int judge_host(struct sl__request *r, const char *begin, struct sl__span at)
{
    struct sl__str value = {begin + at.at, at.len};

    if (r->facts & SL__FACT_HOST || (value.len > 0 && !sl__host_valid(value)))
        return -SL_EBADREQUEST;
    r->facts |= SL__FACT_HOST;
    if (!(r->facts & SL__FACT_AUTHORITY))
        r->host = at;
    return SL__STEP_ON;
}

static int judge_content_length(struct sl__request *r, struct sl__str value)
{
    int64_t length = sl__decimal(value);

    if (length < 0 || r->facts & (SL__FACT_LENGTH | SL__FACT_CHUNKED))
        return -SL_EBADREQUEST;
    r->facts |= SL__FACT_LENGTH;
    r->content_length = (uint64_t)length;
    return SL__STEP_ON;
}

/* What is no coding at all, or stands where no coding may stand, is malformed; a coding nobody here
 * knows is another matter (RFC 9112 §6.1), if it could be one: a token, perhaps with parameters. */
static int judge_coding(struct sl__request *r, struct sl__str coding)
{
    const char *end = coding.ptr + coding.len;
    const char *stop = sl__scan_by_table(coding.ptr, end, SL__CHAR_TOKEN), *p = stop;
    struct sl__str name = {coding.ptr, (size_t)(stop - coding.ptr)};
    bool chunked = sl__str_equal_nocase(name, SL__STR("chunked"));

    while (p < end && is_space(*p))
        p++;
    if (name.len == 0 || r->facts & SL__FACT_CHUNKED || (p < end && (*p != ';' || chunked)))
        return -SL_EBADREQUEST;
    if (!chunked)
        return -SL_ECODING;
    r->facts |= SL__FACT_CHUNKED;
    return SL__STEP_ON;
}

static int judge_transfer_encoding(struct sl__request *r, struct sl__str value)
{
    struct sl__str coding;
    int result = SL__STEP_ON;

    if (r->facts & SL__FACT_LENGTH || r->minor == 0)
        return -SL_EBADREQUEST;
    while (result > 0 && next_element(&value, &coding))
        result = judge_coding(r, coding);
    return result;
}

/* Field values hold no controls, so these comparisons are as exact as those of names. */
static bool is_close(struct sl__str option)
{
    return option.len == 5 && sl__lower4(option.ptr) == sl__lower4("clos") &&
           (option.ptr[4] | 0x20) == 'e';
}

static bool is_keep_alive(struct sl__str option)
{
    return option.len == 10 && sl__lower8(option.ptr) == sl__lower8("keep-ali") &&
           sl__lower4(option.ptr + 6) == sl__lower4("live");
}

static int judge_connection(struct sl__request *r, struct sl__str value)
{
    struct sl__str option;

    if (is_keep_alive(value)) {
        r->facts |= SL__FACT_KEEP_ALIVE;
        return SL__STEP_ON;
    }
    while (next_element(&value, &option)) {
        if (is_close(option))
            r->facts |= SL__FACT_CLOSE;
        if (is_keep_alive(option))
            r->facts |= SL__FACT_KEEP_ALIVE;
    }
    return SL__STEP_ON;
}

static int judge_expect(struct sl__request *r, struct sl__str value)
{
    struct sl__str expectation;

    while (next_element(&value, &expectation)) {
        if (expectation.len == 0)
            continue;
        if (!sl__str_equal_nocase(expectation, SL__STR("100-continue")))
            return -SL_EEXPECTATION;
        r->facts |= SL__FACT_CONTINUE;
    }
    return SL__STEP_ON;
}

int sl__judge_field(struct sl__request *r, const char *begin, const struct sl__field *field)
{
    const char *name = begin + field->name.at;
    struct sl__str value = {begin + field->value.at, field->value.len};

    switch (field->name.len) {
    case 4:
        if (sl__lower4(name) == sl__lower4("host"))
            return judge_host(r, begin, field->value);
        break;
    case 6:
        if (sl__lower4(name) == sl__lower4("expe") && sl__lower4(name + 2) == sl__lower4("pect"))
            return judge_expect(r, value);
        break;
    case 10:
        if (sl__lower8(name) == sl__lower8("connecti") &&
            sl__lower4(name + 6) == sl__lower4("tion"))
            return judge_connection(r, value);
        break;
    case 14:
        if (sl__lower8(name) == sl__lower8("content-") &&
            sl__lower8(name + 6) == sl__lower8("t-length"))
            return judge_content_length(r, value);
        break;
    case 17:
        if (sl__lower8(name) == sl__lower8("transfer") &&
            sl__lower8(name + 8) == sl__lower8("-encodin") && (name[16] | 0x20) == 'g')
            return judge_transfer_encoding(r, value);
        break;
    default:
        break;
    }
    return SL__STEP_ON;
}
