/*
 * ETag: a tag made of the bytes of an answer, and 304 to who has them already (RFC 9110 §8.8.3,
 * §13.1.2).
 *
 * Runs when the layers below have answered. What stands in memory and has no tag is given one: its
 * length and a hash of 64 bits, which is the same in every worker and after every restart. Then,
 * whoever made the tag, the client's copy is compared with it. The work of making the answer is
 * done in any case; what is saved is sending it.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Odd, and no text in them. */
#define K1 UINT64_C(0x9e6c63d0876a9a99)
#define K2 UINT64_C(0xc3b5f8e9a40d1ff5)
#define K3 UINT64_C(0xf58fed3a91c7e2b3)

__extension__ typedef unsigned __int128 wide;

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A piece is multiplied out by itself and only then mixed into what was before, so that no piece
 * can make the others forgotten. */
static uint64_t mix(uint64_t hash, const char *piece)
{
    uint64_t a, b;

    memcpy(&a, piece, 8);
    memcpy(&b, piece + 8, 8);
    hash ^= fold(a ^ K1, b ^ K2);
    return (hash << 29 | hash >> 35) * K3;
}

/* Not for secrets: who chooses the bytes can find others of the same hash, which harms nobody but
 * the readers of a page that is the chooser's already. */
static uint64_t hash_of(const char *bytes, size_t len)
{
    uint64_t hash = len * K2;
    char last[16] = {0};
    size_t at = 0;

    for (; len - at >= 16; at += 16)
        hash = mix(hash, bytes + at);
    if (len > at)
        memcpy(last, bytes + at, len - at);
    return fold(mix(hash, last) ^ K2, K1);
}

static bool may_be_kept(const sl_ctx *c)
{
    const char *control = sl_response_header(c, "Cache-Control");

    return !control || !strcasestr(control, "no-store");
}

static int tag(sl_ctx *c, bool strong)
{
    char text[48];
    size_t len;
    const char *bytes = sl_response_bytes(c, &len);

    snprintf(text, sizeof text, "%s\"%zx-%016" PRIx64 "\"", strong ? "" : "W/", len,
             hash_of(bytes, len));
    return sl_set_header(c, "ETag", text);
}

/* What is left of the answer says which copy is meant, and for how long it is good. */
static int say_unchanged(sl_ctx *c)
{
    static const char *const gone[] = {"Content-Type", "Content-Length", "Content-Encoding",
                                       "Content-Language"};
    int r = sl_take_body(c, NULL);

    for (size_t i = 0; r == 0 && i < sizeof gone / sizeof *gone; i++)
        r = sl_set_header(c, gone[i], NULL);
    return r < 0 ? r : sl_set_status(c, 304);
}

static int answer(sl_ctx *c, bool strong)
{
    sl_response_kind kind = sl_response_kind_of(c);
    int r = 0;

    if (kind == SL_RESPONSE_NONE || kind == SL_RESPONSE_PUSHED ||
        (strcmp(sl_method(c), "GET") != 0 && strcmp(sl_method(c), "HEAD") != 0))
        return 0;
    if (kind == SL_RESPONSE_BYTES && sl_status(c) == 200 && !sl_response_header(c, "ETag") &&
        may_be_kept(c))
        r = tag(c, strong);
    return r < 0 || !sl_fresh(c) ? r : say_unchanged(c);
}

static int run_weak(sl_ctx *c, void *self)
{
    int r = sl_next(c);

    (void)self;
    return r < 0 ? r : answer(c, false);
}

static int run_strong(sl_ctx *c, void *self)
{
    int r = sl_next(c);

    (void)self;
    return r < 0 ? r : answer(c, true);
}

sl_middleware sl_etag_with(const sl_etag_options *options)
{
    return (sl_middleware){options->strong ? run_strong : run_weak, NULL, NULL};
}
