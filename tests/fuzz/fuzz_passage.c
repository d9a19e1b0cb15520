/*
 * What a proxy makes of the words of both sides: the head of an answer, line by line; the fields
 * that Connection lists; Forwarded. Heads stay within their bounds, names and values are the
 * line's own, and what is written into Forwarded is one element whatever the client calls itself.
 *
 * The sources are included, so that the fuzzer sees inside, and no library is needed.
 */
#include <string.h>

#include "fetch/head.c"
#include "middleware/proxy_fields.c"

#include "fuzz.h"

static void check_head(const char *text, size_t len)
{
    struct fetch__head h = {0};
    int r = FETCH__LINE;

    while (len > 0 && r == FETCH__LINE) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end + 1 - text) : len;
        char *line = malloc(n);

        CHECK(line);
        memcpy(line, text, n);
        r = fetch__head_line(&h, line, n);
        free(line);
        text += n;
        len -= n;
    }
    CHECK(h.count <= FETCH__HEAD_LINES && h.length >= -1);
    CHECK(r != FETCH__LINE_END || (h.status >= 200 && h.status <= 999));
    for (size_t i = 0; i < h.count; i++) {
        CHECK(*h.list[i].name && !strchr(h.list[i].name, ':') && !strchr(h.list[i].name, '\n'));
        CHECK(!strchr(h.list[i].value, '\n'));
        CHECK(fetch__head_find(h.list, h.count, h.list[i].name));
    }
    fetch__head_finish(&h);
}

/* Outside of quotes there is exactly what we write. */
static void check_element(const char *element)
{
    size_t pairs = 0;
    bool quoted = false;

    for (const char *p = element; *p; p++) {
        if (quoted && *p == '\\' && p[1]) {
            p++;
            continue;
        }
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted)
            CHECK(*p != ',' && *p != ' ' && *p != '\\');
        pairs += !quoted && *p == '=';
    }
    CHECK(!quoted && pairs >= 2 && pairs <= 3);
}

static void check_words(const char *first, const char *second)
{
    char address[64];
    size_t room = 2 * strlen(second) + 128;
    char *element = malloc(room);

    CHECK(element);
    CHECK(!proxy__lists(first, "") && proxy__lists("a, b", "b"));
    if (proxy__lists(first, second))
        CHECK(proxy__is_hop_by_hop(second, first) && !strpbrk(second, ", \t"));
    proxy__address(first, address, sizeof address);
    CHECK(strcmp(address, "unknown") == 0 || family_of(address));
    CHECK(proxy__forwarded(first, second, "http", element, room));
    check_element(element);
    for (size_t small = 1; small < strlen(element) && small < 40; small++) {
        char *too_small = malloc(small);

        CHECK(too_small && !proxy__forwarded(first, second, "http", too_small, small));
        free(too_small);
    }
    CHECK(proxy__path(second) >= second && proxy__path(second) <= second + strlen(second));
    free(element);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *second;

    CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    check_head(text, size);
    second = memchr(text, '\n', size);
    if (second)
        *second++ = '\0';
    check_words(text, second ? second : "");
    free(text);
    return 0;
}
