/*
 * Several parts of a file in one answer.
 *
 * selection.c comes here when more than one range is left. The file is taken from the response,
 * which then has a source that is pulled on the request's fiber: the lines in front of each part,
 * the part, and the last line. Nothing is held in memory but those lines.
 */
#include "app/parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/reply.h"
#include "shallot/response.h"

#define BOUNDARY_LEN 32
#define TYPE "multipart/byteranges; boundary="

struct part {
    struct sl__str head;
    struct sl__range range;
};

struct parts {
    struct sl__response body; /* the file, as it was in the response */
    int count, present;       /* present == count: the last line */
    int64_t at;               /* in the head of the present part and what follows it */
    struct sl__str last;
    struct part list[];
};

/* printf of the lines in front of a part; with @p room 0 only their length. */
static size_t put_head(char *to, size_t room, const char *boundary, const struct sl__range *r,
                       struct sl__str type, int64_t size, bool first)
{
    return (size_t)snprintf(
        to, room, "%s--%s\r\n%s%.*s%sContent-Range: bytes %lld-%lld/%lld\r\n\r\n",
        first ? "" : "\r\n", boundary, type.ptr ? "Content-Type: " : "",
        type.ptr ? (int)type.len : 0, type.ptr ? type.ptr : "", type.ptr ? "\r\n" : "",
        (long long)r->at, (long long)(r->at + r->len - 1), (long long)size);
}

static size_t put_last(char *to, size_t room, const char *boundary)
{
    return (size_t)snprintf(to, room, "\r\n--%s--\r\n", boundary);
}

/* Nobody can have put it into the file: it is made now, from 128 bits of chance. */
static int make_boundary(char to[BOUNDARY_LEN + 1])
{
    uint64_t chance[2];

    if (getrandom(chance, sizeof chance, 0) != sizeof chance)
        return -EIO;
    snprintf(to, BOUNDARY_LEN + 1, "%016llx%016llx", (unsigned long long)chance[0],
             (unsigned long long)chance[1]);
    return 0;
}

int64_t sl__parts_length(const struct sl__ranges *ranges, struct sl__str type, int64_t size)
{
    static const char boundary[] = "0123456789abcdef0123456789abcdef";
    int64_t length = (int64_t)put_last(NULL, 0, boundary);

    _Static_assert(sizeof boundary == BOUNDARY_LEN + 1, "as long as every other");
    for (int i = 0; i < ranges->count; i++)
        length += (int64_t)put_head(NULL, 0, boundary, &ranges->list[i], type, size, i == 0) +
                  ranges->list[i].len;
    return length;
}

static void give_back(void *arg)
{
    struct parts *p = arg;

    sl__response_drop_payload(&p->body);
}

/* Octets of the file; fewer than asked for only at its end, which should not come. */
static ssize_t read_file(const struct parts *p, void *buf, size_t len, int64_t at)
{
    ssize_t n;

    if (p->body.payload == SL__PAYLOAD_LENT) {
        memcpy(buf, p->body.bytes.ptr + at, len);
        return (ssize_t)len;
    }
    do
        n = pread(p->body.file, buf, len, p->body.file_at + at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return n > 0 ? n : -EIO; /* it has become shorter */
}

static size_t at_most(size_t len, int64_t left)
{
    return left < (int64_t)len ? (size_t)left : len;
}

static ssize_t pull(void *self, void *buf, size_t len)
{
    struct parts *p = self;
    bool last = p->present == p->count;
    const struct part *part = last ? NULL : &p->list[p->present];
    struct sl__str head = last ? p->last : part->head;
    int64_t into = p->at - (int64_t)head.len; /* the file's part */
    ssize_t n;

    if (into < 0) {
        n = (ssize_t)at_most(len, -into);
        memcpy(buf, head.ptr + p->at, (size_t)n);
        p->at += n;
        return n;
    }
    if (last)
        return 0;
    n = read_file(p, buf, at_most(len, part->range.len - into), part->range.at + into);
    if (n > 0)
        p->at += n;
    if (n > 0 && into + n == part->range.len) {
        p->present++;
        p->at = 0;
    }
    return n;
}

/* All the lines, in the arena. */
static struct parts *make(sl_ctx *c, const struct sl__ranges *ranges, const char *boundary)
{
    const struct sl__response *r = &c->x->response;
    int64_t size = sl__response_length(r);
    struct parts *p = sl_alloc(c, sizeof *p + (size_t)ranges->count * sizeof p->list[0]);
    char *text;
    size_t len;

    if (!p)
        return NULL;
    *p = (struct parts){.body = {.payload = SL__PAYLOAD_NONE}, .count = ranges->count};
    for (int i = 0; i < ranges->count; i++) {
        const struct sl__range *range = &ranges->list[i];

        len = put_head(NULL, 0, boundary, range, r->type, size, i == 0);
        text = sl_alloc(c, len + 1);
        if (!text)
            return NULL;
        put_head(text, len + 1, boundary, range, r->type, size, i == 0);
        p->list[i] = (struct part){{text, len}, *range};
    }
    len = put_last(NULL, 0, boundary);
    text = sl_alloc(c, len + 1);
    if (!text)
        return NULL;
    put_last(text, len + 1, boundary);
    p->last = (struct sl__str){text, len};
    return p;
}

static int set_length(sl_ctx *c, int64_t length)
{
    const char *text = sl_format(c, "%lld", (long long)length);

    return text ? sl_set_header(c, "Content-Length", text) : -ENOMEM;
}

int sl__parts_set(sl_ctx *c, const struct sl__ranges *ranges)
{
    struct sl__response *r = &c->x->response;
    char boundary[BOUNDARY_LEN + 1];
    struct parts *p;
    const char *type;
    int result = make_boundary(boundary);

    if (result < 0)
        return result;
    p = make(c, ranges, boundary);
    type = sl_format(c, TYPE "%s", boundary);
    if (!p || !type)
        return -ENOMEM;
    result = sl_defer(c, give_back, p);
    if (result == 0)
        result = sl__reply_keep_stamp(c);
    if (result == 0)
        result = set_length(c, sl__parts_length(ranges, r->type, sl__response_length(r)));
    if (result < 0)
        return result;
    p->body = *r;
    r->payload = SL__PAYLOAD_NONE;
    r->lender = NULL;
    r->file = -1;
    r->stamp = NULL;
    sl__response_set_source(r, pull, p);
    r->type = sl__str_of(type);
    r->status = 206;
    return 0;
}
