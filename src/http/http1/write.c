/*
 * Writing an HTTP/1 response: status line, Date, framing, the response's own headers; and the lines
 * around a chunk.
 *
 * The connection comes here when a response is ready to leave, and leaves with octets appended to
 * its output buffer. Room is reserved once for everything, then each part is copied behind the one
 * before; status lines stand ready with "Date: " behind them. Content-Length is written from what
 * is known to be sent and never from the response's headers, so it cannot be said twice.
 */
#include "http/http1/write.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "http/status.h"

#define STATUS_ROOM 64 /* copied as vectors: two, or four */

struct status_line {
    uint8_t len;
    char text[STATUS_ROOM - 1];
};

#define LINE(status, reason)                                                                       \
    [status - 200] = {sizeof("HTTP/1.1 " #status " " reason "\r\nDate: ") - 1,                     \
                      "HTTP/1.1 " #status " " reason "\r\nDate: "}

static const struct status_line status_lines[] = {
#define STATUS_LINE(status, reason) LINE(status, reason),
    SL__FINAL_STATUSES(STATUS_LINE)
#undef STATUS_LINE
};

static const char framing_close[] = "Connection: close\r\n";
static const char framing_keep_alive[] = "Connection: keep-alive\r\n";
static const char framing_chunked[] = "Transfer-Encoding: chunked\r\n";
static const char framing_length[] = "\r\nContent-Length: ";

#define DIGITS_MAX 20 /* of 2^64 - 1 */
#define HEX_MAX 16

/* Everything but the response's own headers fits in this. */
#define FIXED_ROOM                                                                                 \
    (STATUS_ROOM + SL__HTTP_DATE_LEN + sizeof(framing_length) + DIGITS_MAX +                       \
     sizeof(framing_chunked) + sizeof(framing_close) + sizeof(framing_keep_alive) + 32)

static inline char *put(char *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static SL__APART char *put_large_decimal(char *at, uint64_t n)
{
    char digits[DIGITS_MAX], *p = digits + sizeof(digits);

    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(at, p, (size_t)(digits + sizeof(digits) - p));
}

static const char two_digits[] = "00010203040506070809101112131415161718192021222324"
                                 "25262728293031323334353637383940414243444546474849"
                                 "50515253545556575859606162636465666768697071727374"
                                 "75767778798081828384858687888990919293949596979899";

static inline char *put_decimal(char *at, uint64_t n)
{
    if (n > 99)
        return put_large_decimal(at, n);
    if (n > 9)
        return put(at, two_digits + 2 * n, 2);
    *at = (char)('0' + n);
    return at + 1;
}

static char *put_hex(char *at, uint64_t n)
{
    unsigned shift = 0;

    while (shift < 60 && n >> shift >> 4)
        shift += 4;
    for (;; shift -= 4) {
        *at++ = "0123456789abcdef"[n >> shift & 15];
        if (shift == 0)
            return at;
    }
}

static SL__COLD char *put_odd_status(char *at, int status)
{
    at = PUT(at, "HTTP/1.1 ");
    *at++ = (char)('0' + status / 100 % 10);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    return PUT(at, " \r\nDate: "); /* the reason may be empty, the SP before it not (RFC 9112 §4) */
}

static inline char *put_status(char *at, int status)
{
    unsigned i = (unsigned)status - 200U;

    if (i >= sizeof(status_lines) / sizeof(*status_lines) || status_lines[i].len == 0)
        return put_odd_status(at, status);
    memcpy(at, status_lines[i].text, 32);
    if (status_lines[i].len > 32)
        memcpy(at + 32, status_lines[i].text + 32, sizeof(status_lines[i].text) - 32);
    return at + status_lines[i].len;
}

/* Date and Content-Length. */
static inline char *put_date(char *at, const struct sl__http1_date *date, int64_t length)
{
    memcpy(at, date->text, sizeof(date->text));
    at += SL__HTTP_DATE_LEN;
    if (length >= 0)
        at = put_decimal(at + sizeof(framing_length) - 1, (uint64_t)length);
    return PUT(at, "\r\n");
}

static inline char *put_framing(char *at, int64_t length, unsigned flags)
{
    if (length < 0 && flags & SL__HEAD_CHUNKED)
        at = PUT(at, framing_chunked);
    if (flags & SL__HEAD_CLOSE)
        at = PUT(at, framing_close);
    else if (flags & SL__HEAD_KEEP_ALIVE)
        at = PUT(at, framing_keep_alive);
    return at;
}

static inline char *put_type(char *at, struct sl__str type)
{
    if (!type.ptr)
        return at;
    at = PUT(at, "Content-Type: ");
    at = sl__copy(at, type.ptr, type.len);
    return PUT(at, "\r\n");
}

static bool is_content_length(const struct sl__header *header)
{
    return header->name.len == sizeof("Content-Length") - 1 &&
           sl__str_equal_nocase(header->name, SL__STR("Content-Length"));
}

static inline char *put_headers(char *at, const struct sl__header *header)
{
    for (; header; header = header->next) {
        if (is_content_length(header))
            continue;
        at = sl__copy(at, header->name.ptr, header->name.len);
        at = PUT(at, ": ");
        at = sl__copy(at, header->value.ptr, header->value.len);
        at = PUT(at, "\r\n");
    }
    return PUT(at, "\r\n");
}

void sl__http1_date_set(struct sl__http1_date *d, int64_t unix_seconds)
{
    _Static_assert(sizeof(d->text) == SL__HTTP_DATE_LEN + sizeof(framing_length), "both fit");
    sl__http_date(unix_seconds, d->text);
    memcpy(d->text + SL__HTTP_DATE_LEN, framing_length, sizeof(framing_length));
}

int sl__http1_write_answer(struct sl__buf *out, const struct sl__response *r, int64_t length,
                           unsigned flags, const struct sl__http1_date *date)
{
    size_t body = flags & SL__HEAD_AND_BYTES ? r->bytes.len : 0, room = FIXED_ROOM + body;
    char *at;

    if (r->type.ptr)
        room += r->type.len;
    for (const struct sl__header *i = r->headers; i; i = i->next)
        room += i->name.len + i->value.len + sizeof(": \r\n") - 1;
    if (sl__buf_reserve(out, room) < 0)
        return -ENOMEM;
    at = put_status(out->data + out->end, r->status);
    at = put_date(at, date, length);
    if (flags & (SL__HEAD_CHUNKED | SL__HEAD_CLOSE | SL__HEAD_KEEP_ALIVE))
        at = put_framing(at, length, flags);
    at = put_type(at, r->type);
    at = put_headers(at, r->headers);
    at = sl__copy(at, r->bytes.ptr, body);
    out->end = (size_t)(at - out->data);
    return 0;
}

int sl__http1_write_chunk(struct sl__buf *out, const void *bytes, size_t len)
{
    char *at;
    int r;

    if (len > SIZE_MAX - HEX_MAX - 4)
        return -ENOMEM;
    r = sl__buf_reserve(out, HEX_MAX + 2 + len + 2);
    if (r < 0)
        return r;
    at = put_hex(out->data + out->end, len);
    at = PUT(at, "\r\n");
    at = put(at, bytes, len);
    at = PUT(at, "\r\n");
    out->end = (size_t)(at - out->data);
    return 0;
}

size_t sl__http1_chunk_line(char line[SL__CHUNK_LINE], size_t len)
{
    _Static_assert(SL__CHUNK_LINE == HEX_MAX + 2, "with its end");
    return (size_t)(PUT(put_hex(line, len), "\r\n") - line);
}

int sl__http1_write_last_chunk(struct sl__buf *out)
{
    return sl__buf_append(out, "0\r\n\r\n", 5);
}
