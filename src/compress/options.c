/*
 * Options: lists of codings and media types taken apart, levels checked.
 *
 * compress.c comes here once, in main(), and then for each answer with its type. What makes no
 * sense is said in one line, and the app does not serve: a program that believes it compresses is
 * not to find out from its bills.
 */
#include "options.h"

#include <shallot/log.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_ENCODINGS "zstd, br, gzip"
#define DEFAULT_MIN 1024
#define DEFAULT_MEMORY ((size_t)64 << 20)

static const char default_types[] =
    "text/*,application/json,*+json,application/javascript,application/xml,*+xml,*+text,"
    "application/x-javascript,application/x-ndjson,application/jsonl,application/wasm,"
    "application/yaml,application/x-yaml,application/toml,application/rtf,application/sql,"
    "application/graphql,application/x-www-form-urlencoded,application/vnd.ms-fontobject,"
    "application/x-font-ttf,font/ttf,font/otf,image/bmp,image/x-icon,image/vnd.microsoft.icon";

static const struct sl_compress_coding *const codings[SL_COMPRESS_CODINGS] = {
    &sl_compress_gzip, &sl_compress_brotli, &sl_compress_zstd};

/* The next member of a list with commas and spaces between; its length, 0 at the end. */
static size_t member(const char **at)
{
    *at += strspn(*at, ", \t");
    return strcspn(*at, ", \t");
}

static int level_of(const sl_compress_options *o, const struct sl_compress_coding *coding)
{
    if (coding == &sl_compress_gzip)
        return o->gzip_level;
    return coding == &sl_compress_brotli ? o->brotli_level : o->zstd_level;
}

static bool levels_make_sense(const sl_compress_options *o)
{
    for (unsigned i = 0; i < SL_COMPRESS_CODINGS; i++) {
        int level = level_of(o, codings[i]);

        if (level < 0 || level > codings[i]->level_max) {
            sl_error("sl_compress: there is no level %d of %s: it takes 1 to %d, 0 for %d", level,
                     codings[i]->name, codings[i]->level_max, codings[i]->level);
            return false;
        }
    }
    return true;
}

static const struct sl_compress_coding *coding_called(const char *name, size_t len)
{
    for (unsigned i = 0; i < SL_COMPRESS_CODINGS; i++)
        if (strlen(codings[i]->name) == len && strncasecmp(codings[i]->name, name, len) == 0)
            return codings[i];
    return NULL;
}

static bool is_offered(const struct sl_compressor *self, const struct sl_compress_coding *coding)
{
    for (unsigned i = 0; i < self->count; i++)
        if (self->coders[i].coding == coding)
            return true;
    return false;
}

static bool set_encodings(struct sl_compressor *self, const sl_compress_options *o)
{
    const char *at = o->encodings ? o->encodings : DEFAULT_ENCODINGS;

    for (size_t len; (len = member(&at)) > 0; at += len) {
        const struct sl_compress_coding *coding = coding_called(at, len);
        int level = coding ? level_of(o, coding) : 0;

        if (!coding || is_offered(self, coding)) {
            sl_error("sl_compress: .encodings = \"%s\": \"%.*s\" %s; it takes gzip, br and zstd, "
                     "each once",
                     o->encodings, (int)len, at, coding ? "stands twice" : "is none of ours");
            return false;
        }
        self->coders[self->count] = (struct sl_compress_coders){
            .coding = coding, .level = level ? level : coding->level, .budget = &self->budget};
        self->offered[self->count++] = coding->name;
    }
    if (self->count == 0)
        sl_error("sl_compress: .encodings names none; leave it out for \"%s\"", DEFAULT_ENCODINGS);
    self->offered[self->count] = "identity";
    return self->count > 0;
}

/* Patterns one behind the other, each terminated, as they are looked through for every answer. */
static bool set_types(struct sl_compressor *self, const char *types)
{
    const char *at = types ? types : default_types;
    char *out = self->types = calloc(strlen(at) + 2, 1);

    if (!out)
        return false;
    for (size_t len; (len = member(&at)) > 0; at += len) {
        memcpy(out, at, len);
        out += len + 1;
    }
    return true;
}

struct sl_compressor *sl_compress_configure(const sl_compress_options *given)
{
    sl_compress_options o = {0};
    struct sl_compressor *self;

    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    if (!levels_make_sense(&o))
        return NULL;
    self = calloc(1, sizeof *self);
    if (!self || !set_types(self, o.types)) {
        sl_error("sl_compress: out of memory");
        free(self);
        return NULL;
    }
    if (!set_encodings(self, &o)) {
        free(self->types);
        free(self);
        return NULL;
    }
    self->min_bytes = o.min_bytes ? o.min_bytes : DEFAULT_MIN;
    self->budget = o.memory_bytes ? o.memory_bytes : DEFAULT_MEMORY;
    return self;
}

/* "text/plain" by itself, by "text/" and a star, or by a star and "+json". */
static bool matches(const char *pattern, size_t pattern_len, const char *type, size_t len)
{
    if (*pattern == '*') {
        pattern++;
        pattern_len--;
        return len >= pattern_len &&
               strncasecmp(type + len - pattern_len, pattern, pattern_len) == 0;
    }
    if (pattern[pattern_len - 1] == '*') {
        pattern_len--;
        return len >= pattern_len && strncasecmp(type, pattern, pattern_len) == 0;
    }
    return len == pattern_len && strncasecmp(type, pattern, len) == 0;
}

bool sl_compress_worth(const struct sl_compressor *self, const char *type)
{
    size_t len, pattern_len;

    if (!type)
        return false;
    len = strcspn(type, "; \t");
    for (const char *p = self->types; (pattern_len = strlen(p)) > 0; p += pattern_len + 1)
        if (matches(p, pattern_len, type, len))
            return true;
    return false;
}
