/*
 * Compressing responses: gzip, brotli and zstd, as the client would like (RFC 9110 §8.4, §12.5.3).
 *
 * In a library of its own, libshallot-compress; pkg-config's `shallot` links it when it is used.
 */
#ifndef SHALLOT_COMPRESS_H
#define SHALLOT_COMPRESS_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Options of sl_compress(); a field left zero takes its default. Strings are copied. */
typedef struct sl_compress_options {
    size_t size;           /**< sizeof(sl_compress_options), set by the macro */
    const char *encodings; /**< what is offered, the best first, for a client to whom they are the
                              same. Default "zstd, br, gzip" */
    const char *types; /**< media types worth compressing, with commas between; a star at either end
                          stands for anything: "application/json, *+xml". Replaces the default:
                          text, JSON, XML, JavaScript, SVG, WebAssembly, plain fonts and the like */
    size_t min_bytes;  /**< shorter bodies go out as they are. Default 1,024 */
    int gzip_level;    /**< 1 to 9; default 1 */
    int brotli_level;  /**< 1 to 11; default 3 */
    int zstd_level;    /**< 1 to 19; default 3 */
    size_t memory_bytes; /**< of compressors at work on streams, per worker: beyond it answers go
                            out as they are. Default 64 MiB, which is 50 streams or more at once */
} sl_compress_options;

/**
 * Compresses what the layers below answer; in C use the macro sl_compress(.min_bytes = 256).
 *
 * Use it outside of what makes bodies, and outside of sl_etag(). A body in memory is compressed at
 * once and keeps a Content-Length; large ones, files and streams are compressed as they are sent,
 * giving way to others. Whatever a stream's source or sl_write() gives can be decoded by the client
 * as soon as it has come; nothing is held back.
 *
 * An answer of a type that is worth it varies by Accept-Encoding, compressed or not. Left alone are
 * answers that have a Content-Encoding, a digest of their bytes, Content-Range or `Cache-Control:
 * no-transform`, and those without a body. A strong ETag becomes weak, since the bytes are others
 * (RFC 9110 §8.8.1); Accept-Ranges goes. HEAD gets the head that GET gets. Errors that nobody
 * handled become responses outside of it and are not compressed.
 *
 * Secrets in a page that also shows what an attacker can choose may be guessed from its compressed
 * length (BREACH): see docs/guide/compression.md.
 *
 * @return a middleware without a function, after a line in the log, for options that make no sense
 * or when out of memory: the app then does not serve
 */
SL_API sl_middleware sl_compress_with(const sl_compress_options *options);

SL_END_DECLS

#ifndef __cplusplus
#define sl_compress(...)                                                                           \
    sl_compress_with(&(sl_compress_options){.size = sizeof(sl_compress_options), __VA_ARGS__})
#else
inline sl_middleware sl_compress(sl_compress_options o = {})
{
    o.size = sizeof o;
    return sl_compress_with(&o);
}
#endif

#endif
