/*
 * Forms: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), with uploads.
 *
 *     static int receive(sl_ctx *c)
 *     {
 *         const sl_upload *photo;
 *         int r = sl_request_form(c, .spool = "photos", .file_bytes = 10 << 20);
 *
 *         if (r < 0)
 *             return r;
 *         photo = sl_form_file(c, "photo");
 *         if (!photo)
 *             return sl_fail(c, 422, "a photo, please");
 *         r = sl_upload_keep(c, photo, sl_format(c, "photos/%s", photo->filename));
 *         return r < 0 ? r : sl_text(c, "thank you, %s\n", sl_form(c, "name"));
 *     }
 *
 * Or part by part, without a disk: sl_part_next() and sl_part_read().
 */
#ifndef SHALLOT_FORM_H
#define SHALLOT_FORM_H

#include <shallot/common.h>
#include <shallot/field.h>

SL_BEGIN_DECLS

/** Options of sl_request_form(); a field left zero takes its default. */
typedef struct sl_form_options {
    size_t size;       /**< sizeof(sl_form_options), set by the macro */
    const char *spool; /**< folder for files while they come; to keep one costs nothing if it is on
                          the same file system. Default: $TMPDIR, else /var/tmp */
    uint64_t file_bytes; /**< of one file; over it: 413. Default 16 MiB */
    unsigned files;      /**< files; over it: 413. Default 16 */
    size_t field_bytes;  /**< names and values of all fields, in memory; over it: 413. Default
                            limits.body_bytes */
    unsigned mode;       /**< permissions of files. Default 0600 */
} sl_form_options;

/** A file that came with a form. Strings live as long as the request. */
typedef struct sl_upload {
    const char *name;     /**< of the form's field */
    const char *filename; /**< safe in a folder: see sl_part */
    const char *raw_filename;
    const char *type; /**< as the client says; NULL: it says nothing */
    uint64_t size;    /**< octets */
    int fd;           /**< open for reading and writing at any place, closed with the request */
} sl_upload;

/**
 * Waits for a whole form: fields into memory, files into the spool folder, where they have no name
 * (O_TMPFILE) and are gone with the request unless they are kept. On a file system that cannot do
 * that their names begin with .shallot-, and what a crash leaves behind is to be swept. Disks are
 * written on other threads, 64 KiB at a time; a file of any size costs about 100 KiB of memory. A
 * second call is answered like the first. In C use sl_request_form(c, .spool = "uploads").
 *
 * A file field that was left empty counts as none.
 *
 * @return 0; 415 for another type; 400 for broken framing, bad escapes, NUL in a name or a field;
 * 413 over a limit, limits.form_parts and a part's head of 8 KiB among them, and for a multipart
 * inside another; 507 when the disk is full; and the errors of sl_read(). What has come so far is
 * then gone
 */
SL_SUSPENDS SL_API int sl_request_form_with(sl_ctx *c, const sl_form_options *options);

/** First value of a field; NULL if there is none, or no form was read. */
SL_API const char *sl_form(const sl_ctx *c, const char *name);
/** The i-th value, from 0, of a field that comes several times; NULL beyond. */
SL_API const char *sl_form_at(const sl_ctx *c, const char *name, size_t i);
/** The i-th field of the form, from 0; false beyond. */
SL_API bool sl_form_pair(const sl_ctx *c, size_t i, const char **ret_name, const char **ret_value);

/** First file of a field; NULL if there is none. */
SL_API const sl_upload *sl_form_file(const sl_ctx *c, const char *name);
/** The i-th file, from 0, of a field (NULL: of any); NULL beyond. */
SL_API const sl_upload *sl_form_file_at(const sl_ctx *c, const char *name, size_t i);

/**
 * Gives an upload a name: it appears there whole, or not at all. From another file system it is
 * copied.
 *
 * @param path  the program's own, whose last part may be upload->filename
 * @return      0; -EEXIST: nothing is ever overwritten; 507 when the disk is full; another negative
 * errno
 */
SL_SUSPENDS SL_API int sl_upload_keep(sl_ctx *c, const sl_upload *upload, const char *path);

/** Fields into variables; reads the form first if that has not been done. 0; 422 that names the
 * field; as sl_request_form(). In C use sl_form_fields(c, SL_FIELD(...), ...). */
SL_SUSPENDS SL_API int sl_read_form(sl_ctx *c, const sl_field *fields, size_t count);

/** A part of multipart/form-data. Strings are valid until the next sl_part_next(). */
typedef struct sl_part {
    const char *name;     /**< of the form's field */
    const char *filename; /**< NULL: not a file. Safe in a folder: no slash, no control character,
                             no dot or dash in front, UTF-8, at most 200 octets */
    const char *raw_filename; /**< as it came; may be empty */
    const char *type;         /**< Content-Type as it came; NULL: none */
} sl_part;

/**
 * Waits for the next part, and skips what has not been read of the present one. Instead of
 * sl_request_form().
 *
 * @return 1; 0 after the last; 415, 400, 413 as there (bytes are the handler's to count)
 */
SL_SUSPENDS SL_API int sl_part_next(sl_ctx *c, const sl_part **ret);

/** Waits for the next piece of the present part. @return octets; 0 at its end; as sl_part_next() */
SL_SUSPENDS SL_API ssize_t sl_part_read(sl_ctx *c, void *buf, size_t len);

SL_END_DECLS

#ifndef __cplusplus
#define sl_request_form(...) SL_FORM_CALL_(__VA_ARGS__, .size = sizeof(sl_form_options))
#define SL_FORM_CALL_(c, ...) sl_request_form_with(c, &(sl_form_options){__VA_ARGS__})
#define sl_form_fields(c, ...) sl_read_form(c, SL_FIELDS_(__VA_ARGS__))
#else
inline int sl_request_form(sl_ctx *c, sl_form_options o = {})
{
    o.size = sizeof o;
    return sl_request_form_with(c, &o);
}
inline int sl_form_fields(sl_ctx *c, std::initializer_list<sl_field> fields)
{
    return sl_read_form(c, fields.begin(), fields.size());
}
#endif

#endif
