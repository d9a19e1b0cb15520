/*
 * What proxies say about their clients. The first octet chooses the header and what the proxy adds;
 * the rest is what a client has sent in it. Whatever that is, behind it stands the proxy's word,
 * and the client is who the proxy says he is. And a chain of which everybody is trusted is walked
 * to some end.
 */
#include <string.h>

#include "../../src/middleware/trust_proxy.c"
#include "fuzz.h"

static const struct {
    bool forwarded;
    const char *added, *from, *scheme;
} proxies[] = {
    {false, "203.0.113.9", "203.0.113.9", NULL},
    {false, "2001:db8::9", "2001:db8::9", NULL},
    {true, "for=203.0.113.9", "203.0.113.9", NULL},
    {true, "for=\"[2001:db8::9]:1234\";proto=https;by=\"[::1]\"", "[2001:db8::9]:1234", "https"},
    {true, "proto=https;for=203.0.113.9", "203.0.113.9", "https"},
    {true, "by=\"_hidden\";for=203.0.113.9;host=\"a:1\"", "203.0.113.9", NULL},
};

#define COUNT (sizeof proxies / sizeof proxies[0])

static void check_word(size_t number, struct text list)
{
    struct trust nobody = {.forwarded = proxies[number].forwarded};
    struct text from;

    CHECK(walk(&nobody, list, &from) == 1);
    CHECK(from.len == strlen(proxies[number].from));
    CHECK(memcmp(from.at, proxies[number].from, from.len) == 0);
    if (proxies[number].scheme) {
        struct word w = read_element(from_end(list, true, 1));

        CHECK(w.scheme.len == strlen(proxies[number].scheme));
        CHECK(memcmp(w.scheme.at, proxies[number].scheme, w.scheme.len) == 0);
    }
}

/* Somewhere within the list, or the word for nobody. */
static void check_walk(bool forwarded, struct text list)
{
    struct network everything = {.bits = 0};
    struct trust everybody = {.forwarded = forwarded, .count = 1, .networks = &everything};
    struct text from;
    size_t number = walk(&everybody, list, &from);

    CHECK(number <= HOPS_MAX);
    CHECK((number == 0) == (from.at == NULL));
    if (from.at && from.at != unknown.at)
        CHECK(from.at >= list.at && from.at + from.len <= list.at + list.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t number, len, added;
    char *text;

    if (size < 1)
        return 0;
    number = data[0] % COUNT;
    len = size - 1;
    for (size_t i = 1; i < size; i++) /* a field has no others */
        if (data[i] < 0x20 && data[i] != '\t')
            return 0;
    added = strlen(proxies[number].added);
    text = malloc(len + 2 + added);
    CHECK(text);
    memcpy(text, data + 1, len);
    memcpy(text + len, ", ", 2);
    memcpy(text + len + 2, proxies[number].added, added);
    check_word(number, (struct text){text, len + 2 + added});
    check_walk(proxies[number].forwarded, (struct text){text, len + 2 + added});
    check_walk(proxies[number].forwarded, (struct text){text, len});
    free(text);
    return 0;
}
