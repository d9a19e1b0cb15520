/*
 * Static files: a folder as a layer of the onion.
 *
 *     sl_use(app, sl_static("public", .max_age = 3600));
 *
 * Below a router's prefix, or in a route whose pattern ends with "*name", the folder begins there.
 * GET and HEAD are answered if there is a file; everything else goes on to the layers below, and is
 * 404 if nobody answers there. The files are those of a folder (<shallot/folder.h>): nothing
 * outside it is opened whatever is asked for, small files come from memory, conditions and ranges
 * are answered, and compressed siblings are sent to those who accept them.
 */
#ifndef SHALLOT_STATIC_H
#define SHALLOT_STATIC_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** What ETag says (RFC 9110 §8.8.3). */
typedef enum sl_static_etag {
    SL_ETAG_STRONG = 0, /**< the same octets; weak while the file has just been changed */
    SL_ETAG_WEAK,       /**< as good: no ranges are joined by it */
    SL_ETAG_NONE,       /**< only Last-Modified, for servers whose copies differ in their times */
} sl_static_etag;

/** Options of sl_static(); zero is the default. Strings are copied. */
typedef struct sl_static_options {
    size_t size;           /**< sizeof(sl_static_options), set by the macro */
    const char *index;     /**< what is sent of a folder; "": nothing. Default "index.html" */
    const char *extension; /**< tried behind the name of what is not there: "html" */
    const char *fallback;  /**< sent to browsers that want a page which nobody below has either, as
                              200: "index.html" of a program that makes its pages in the browser */
    unsigned max_age;      /**< seconds for which a copy may be used without asking, for everything
                              but HTML. Default 0: always ask (Cache-Control: no-cache) */
    unsigned html_max_age; /**< the same for HTML */
    bool immutable;        /**< and what has max_age never changes under its name */
    const char *cache_control; /**< all of Cache-Control, instead of the above; "": none */
    sl_static_etag etag;       /**< Default SL_ETAG_STRONG */
    bool no_redirect;          /**< a folder without the slash at its end is not found, instead of a
                                  redirect to the one with it */
    bool dotfiles;             /**< as sl_folder_options has these */
    bool no_links;             /**< likewise */
    bool no_siblings;          /**< likewise */
    size_t cache_bytes;        /**< likewise */
} sl_static_options;

/**
 * @param root  the folder, relative to the directory the program was started in
 * @return      the layer; one that the app refuses to serve with if there is no such folder, which
 *              is logged. In C use the macro sl_static("public", .max_age = 3600)
 */
SL_API sl_middleware sl_static_with(const char *root, const sl_static_options *options);

SL_END_DECLS

#ifndef __cplusplus
#define sl_static(...) SL_STATIC_CALL_(__VA_ARGS__, .size = sizeof(sl_static_options))
#define SL_STATIC_CALL_(root, ...) sl_static_with(root, &(sl_static_options){__VA_ARGS__})
#else
inline sl_middleware sl_static(const char *root, sl_static_options o = {})
{
    o.size = sizeof o;
    return sl_static_with(root, &o);
}
#endif

#endif
