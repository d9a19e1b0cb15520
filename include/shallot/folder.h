/*
 * A folder whose files clients may name. sl_static() serves one; a handler that finds out by itself
 * which file is wanted uses it directly:
 *
 *     return sl_folder_file(c, downloads, sl_param(c, "name"));
 *
 * Whatever the name is, and whoever renames or links meanwhile, nothing outside the folder is
 * opened: "..", absolute symbolic links and those that climb out lead nowhere.
 */
#ifndef SHALLOT_FOLDER_H
#define SHALLOT_FOLDER_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** A folder that is open. */
typedef struct sl_folder sl_folder;

/** Options of sl_folder_open(); zero is the default. */
typedef struct sl_folder_options {
    size_t size;        /**< sizeof(sl_folder_options), set by the macro */
    bool dotfiles;      /**< names that begin with a dot are there too, not only ".well-known" (RFC
                           8615). "." and ".." never are */
    bool no_links;      /**< symbolic links are not followed, not even those that stay beneath */
    bool no_siblings;   /**< NAME.br, NAME.zst and NAME.gz are never sent in the place of NAME */
    size_t cache_bytes; /**< small files kept in memory, per worker; 1 keeps none. Default: the
                           app's limits.file_cache_bytes */
} sl_folder_options;

/**
 * Opens a folder. One that is later replaced by another of its name (a deployment that changes a
 * link) is noticed. In C use the macro sl_folder_open("public", .dotfiles = true).
 *
 * @param path  copied; relative to the directory the program was started in
 * @return      the caller's, for sl_folder_close(); NULL if there is no such folder, which is
 * logged
 */
SL_API sl_folder *sl_folder_open_with(const char *path, const sl_folder_options *options);

/** NULL is fine. Responses that still hold files of it keep them. */
SL_API void sl_folder_close(sl_folder *folder);

/**
 * Body from a file of the folder, as sl_file() makes it: from memory if it is small and has not
 * changed, with Last-Modified and ETag, answering conditions and ranges.
 *
 * A file that lies beside it with .br, .zst or .gz behind its name and is no older is sent in its
 * place to clients that accept it: Content-Encoding, and Vary whenever there is one. Does not
 * suspend.
 *
 * @param path  may be a client's: names with one '/' between them, none at the beginning
 * @return      0; -ENOENT for what is not there, hidden, leads out of the folder or is no such
 *              path; -EISDIR for a folder and whatever else is no regular file; -EACCES and other
 *              errors of opening
 */
SL_API int sl_folder_file(sl_ctx *c, sl_folder *folder, const char *path);

SL_END_DECLS

#ifndef __cplusplus
#define sl_folder_open(...) SL_FOLDER_CALL_(__VA_ARGS__, .size = sizeof(sl_folder_options))
#define SL_FOLDER_CALL_(path, ...) sl_folder_open_with(path, &(sl_folder_options){__VA_ARGS__})
#else
inline sl_folder *sl_folder_open(const char *path, sl_folder_options o = {})
{
    o.size = sizeof o;
    return sl_folder_open_with(path, &o);
}
#endif

#endif
