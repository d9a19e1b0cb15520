/*
 * A whole form: fields in memory, files in the spool.
 *
 * Handlers come here with sl_request_form() and ask for fields and files afterwards. The one kind
 * of form is a body like a query, the other comes through form_parts.c part by part. What there is,
 * belongs to the request; files that nobody kept are gone with it.
 */
#include <errno.h>
#include <stdlib.h>

#include "app/field.h"
#include "app/media.h"
#include "app/spool.h"
#include "http/target.h"
#include "shallot/error.h"
#include "shallot/form.h"
#include "shallot/limits.h"

#define KEY "shallot/form" /* of the state that holds it */
#define FILE_BYTES ((uint64_t)16 << 20)
#define FILES 16
#define FIRST_FIELDS 16
#define FIRST_ROOM ((size_t)256)

struct upload {
    sl_upload shown; /* first, so that one is the other */
    struct sl__spool spool;
    struct upload *next;
};

struct form {
    sl_ctx *c;
    sl_form_options o;
    struct {
        const char *name, *value;
    } * fields;
    size_t field_count, field_room;
    size_t field_bytes; /* of their names and values */
    struct upload *uploads, **last;
    unsigned file_count;
    int error; /* a failure stays one */
};

static int no_memory(struct form *f)
{
    return sl__ctx_error(f->c, -ENOMEM);
}

static int add_field(struct form *f, const char *name, const char *value)
{
    if (f->field_count == f->field_room) {
        size_t room = f->field_room ? 2 * f->field_room : FIRST_FIELDS;
        void *fields = sl_alloc(f->c, room * sizeof f->fields[0]);

        if (!fields)
            return no_memory(f);
        if (f->field_count > 0)
            memcpy(fields, f->fields, f->field_count * sizeof f->fields[0]);
        f->fields = fields;
        f->field_room = room;
    }
    f->fields[f->field_count].name = name;
    f->fields[f->field_count++].value = value;
    return 0;
}

/* The body as one string of pairs, decoded in its place behind. */
static int read_pairs(struct form *f)
{
    unsigned most = f->c->x->limits->form_parts;
    struct sl__str left, key, value;
    const void *body;
    char *text;
    int r = sl_request_body(f->c, &body, &left.len);

    if (r < 0)
        return r;
    if (left.len > f->o.field_bytes)
        return sl_fail(f->c, 413, "expected no more than %zu octets of fields", f->o.field_bytes);
    left.ptr = body;
    text = sl_alloc(f->c, left.len + 2 * (size_t)most + 2); /* every text and its NUL */
    if (!text)
        return no_memory(f);
    while (r == 0 && sl__query_next(&left, &key, &value)) {
        const char *name = text;
        ssize_t n, m;

        if (f->field_count == most)
            return sl_fail(f->c, 413, "expected no more than %u fields", most);
        n = sl__decode_form(key, text);
        m = n < 0 ? n : sl__decode_form(value, text + n + 1);
        if (m < 0)
            return sl_fail(f->c, 400, "form field %zu: a bad escape", f->field_count + 1);
        if (memchr(text, 0, (size_t)n) || memchr(text + n + 1, 0, (size_t)m))
            return sl_fail(f->c, 400, "form field %zu: a NUL in it", f->field_count + 1);
        text += n + m + 2;
        r = add_field(f, name, name + n + 1);
    }
    return r;
}

/* Takes @p len octets out of what all fields may have. */
static int charge(struct form *f, size_t len)
{
    if (len > f->o.field_bytes - f->field_bytes)
        return sl_fail(f->c, 413, "expected no more than %zu octets of fields", f->o.field_bytes);
    f->field_bytes += len;
    return 0;
}

/* One value, grown as it comes. */
static int read_value(struct form *f, char **ret, size_t *ret_len)
{
    size_t room = FIRST_ROOM, len = 0;
    char *text = sl_alloc(f->c, room);
    ssize_t n;

    for (;;) {
        if (text && len + 1 == room) {
            char *larger = sl_alloc(f->c, 2 * room);

            if (larger)
                memcpy(larger, text, len);
            text = larger;
            room *= 2;
        }
        if (!text)
            return no_memory(f);
        n = sl_part_read(f->c, text + len, room - len - 1);
        if (n <= 0)
            break;
        if (charge(f, (size_t)n) < 0)
            return -SL_EFAIL;
        len += (size_t)n;
    }
    text[len] = '\0';
    *ret = text;
    *ret_len = len;
    return (int)n;
}

static int read_field(struct form *f, const char *given)
{
    char *name = sl_strdup(f->c, given), *value = NULL;
    size_t len = 0;
    int r = name ? charge(f, strlen(given)) : no_memory(f);

    if (r == 0)
        r = read_value(f, &value, &len);
    if (r < 0)
        return r;
    if (memchr(value, 0, len))
        return sl_fail(f->c, 400, "form field %s: a NUL in it", sl__field_quote(f->c, name));
    return add_field(f, name, value);
}

static int disk_error(sl_ctx *c, int error, const char *what)
{
    if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG)
        return sl_fail(c, 507, "no room for an upload in %s: %s", what, sl_strerror(error));
    if (error == -ECANCELED || error == -ENOMEM || error == -EEXIST)
        return sl__ctx_error(c, error);
    return sl_fail(c, 500, "cannot keep an upload in %s: %s", what, sl_strerror(error));
}

/* What comes until the part ends, through the room to the disk. */
static int spool_part(struct form *f, struct upload *u)
{
    struct sl__spool *s = &u->spool;
    ssize_t n;
    int r = 0;

    while ((n = sl_part_read(f->c, s->room + s->filled, SL__SPOOL_ROOM - s->filled)) > 0) {
        s->filled += (size_t)n;
        u->shown.size += (size_t)n;
        if (u->shown.size > f->o.file_bytes)
            return sl_fail(f->c, 413, "form field %s: expected a file of no more than %llu octets",
                           sl__field_quote(f->c, u->shown.name),
                           (unsigned long long)f->o.file_bytes);
        if (s->filled == SL__SPOOL_ROOM)
            r = sl__spool_flush(s);
        if (r < 0)
            return disk_error(f->c, r, f->o.spool);
    }
    if (n < 0)
        return (int)n;
    if (s->filled > 0 || s->fd < 0)
        r = sl__spool_flush(s);
    u->shown.fd = s->fd;
    return r < 0 ? disk_error(f->c, r, f->o.spool) : 0;
}

/* Nothing was chosen: browsers then send an empty file without a name. 1 if that is so. */
static int is_blank(struct form *f, const sl_part *part)
{
    char octet;
    ssize_t n;

    if (*part->raw_filename)
        return 0;
    n = sl_part_read(f->c, &octet, 1);
    if (n > 0)
        return sl_fail(f->c, 400, "form field %s: a file without a name",
                       sl__field_quote(f->c, part->name));
    return n < 0 ? (int)n : 1;
}

static int read_file(struct form *f, const sl_part *part, char **room)
{
    struct upload *u;
    int r = is_blank(f, part);

    if (r != 0)
        return r < 0 ? r : 0;
    if (++f->file_count > f->o.files)
        return sl_fail(f->c, 413, "expected no more than %u files", f->o.files);
    u = sl_alloc(f->c, sizeof *u);
    if (!*room)
        *room = malloc(SL__SPOOL_ROOM);
    if (!u || !*room)
        return no_memory(f);
    *u = (struct upload){
        .shown = {sl_strdup(f->c, part->name), sl_strdup(f->c, part->filename),
                  sl_strdup(f->c, part->raw_filename),
                  part->type ? sl_strdup(f->c, part->type) : NULL, 0, -1},
        .spool = {.folder = f->o.spool, .mode = f->o.mode, .fd = -1, .room = *room}};
    if (!u->shown.name || !u->shown.filename || !u->shown.raw_filename ||
        (part->type && !u->shown.type))
        return no_memory(f);
    *f->last = u;
    f->last = &u->next;
    return spool_part(f, u);
}

static int read_parts(struct form *f)
{
    const sl_part *part;
    char *room = NULL;
    int r;

    while ((r = sl_part_next(f->c, &part)) > 0) {
        r = part->filename ? read_file(f, part, &room) : read_field(f, part->name);
        if (r < 0)
            break;
    }
    free(room);
    return r;
}

/* What has come of a form that failed, and at the request's end what nobody has kept. */
static void drop(void *form)
{
    struct form *f = form;

    for (struct upload *u = f->uploads; u; u = u->next)
        sl__spool_finish(&u->spool);
    f->uploads = NULL;
    f->field_count = 0;
}

static int read_form(struct form *f)
{
    const char *type = sl_header(f->c, "content-type");
    struct sl__str kind = sl__media_type(type);
    int r;

    if (sl__str_equal_nocase(kind, SL__STR("multipart/form-data")))
        return read_parts(f);
    if (!sl__str_equal_nocase(kind, SL__STR("application/x-www-form-urlencoded")))
        return sl_fail(f->c, 415, "a form expected, not %s", type ? type : "a body without a type");
    r = sl__media_check_text(f->c, type);
    return r < 0 ? r : read_pairs(f);
}

static void set_options(struct form *f, const sl_form_options *given)
{
    sl_form_options *o = &f->o;
    const char *tmp = getenv("TMPDIR");

    memcpy(o, given, given->size < sizeof *o ? given->size : sizeof *o);
    if (!o->spool)
        o->spool = tmp && *tmp ? tmp : "/var/tmp";
    if (!o->file_bytes)
        o->file_bytes = FILE_BYTES;
    if (!o->files)
        o->files = FILES;
    if (!o->field_bytes)
        o->field_bytes = f->c->x->limits->body_bytes;
    if (!o->mode)
        o->mode = 0600;
}

int sl_request_form_with(sl_ctx *c, const sl_form_options *options)
{
    struct form *f = sl_state(c, KEY);
    int r;

    if (f)
        return f->error < 0 ? sl__ctx_error(c, f->error) : 0;
    f = sl_alloc(c, sizeof *f);
    if (!f)
        return sl__ctx_error(c, -ENOMEM);
    *f = (struct form){.c = c, .last = &f->uploads};
    set_options(f, options);
    r = sl_set_state(c, KEY, f, drop);
    if (r < 0)
        return sl__ctx_error(c, r);
    f->error = read_form(f);
    if (f->error < 0)
        drop(f);
    return f->error;
}

const char *sl_form_at(const sl_ctx *c, const char *name, size_t i)
{
    const struct form *f = sl_state(c, KEY);

    for (size_t at = 0; f && at < f->field_count; at++)
        if (strcmp(f->fields[at].name, name) == 0 && i-- == 0)
            return f->fields[at].value;
    return NULL;
}

const char *sl_form(const sl_ctx *c, const char *name)
{
    return sl_form_at(c, name, 0);
}

bool sl_form_pair(const sl_ctx *c, size_t i, const char **ret_name, const char **ret_value)
{
    const struct form *f = sl_state(c, KEY);

    if (!f || i >= f->field_count)
        return false;
    *ret_name = f->fields[i].name;
    *ret_value = f->fields[i].value;
    return true;
}

const sl_upload *sl_form_file_at(const sl_ctx *c, const char *name, size_t i)
{
    const struct form *f = sl_state(c, KEY);

    for (const struct upload *u = f ? f->uploads : NULL; u; u = u->next)
        if ((!name || strcmp(u->shown.name, name) == 0) && i-- == 0)
            return &u->shown;
    return NULL;
}

const sl_upload *sl_form_file(const sl_ctx *c, const char *name)
{
    return sl_form_file_at(c, name, 0);
}

int sl_upload_keep(sl_ctx *c, const sl_upload *upload, const char *path)
{
    struct form *f = sl_state(c, KEY);
    struct upload *u = f ? f->uploads : NULL;
    int r;

    while (u && &u->shown != upload)
        u = u->next;
    if (!u || !path)
        return sl__ctx_error(c, -EINVAL);
    r = sl__spool_keep(&u->spool, path);
    return r < 0 ? disk_error(c, r, path) : 0;
}

int sl_read_form(sl_ctx *c, const sl_field *fields, size_t count)
{
    const sl_form_options defaults = {.size = sizeof defaults};
    int r = sl_request_form_with(c, &defaults);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = sl__field_from_text(c, &fields[i], "form field", sl_form(c, fields[i].name), 422);
    return r;
}
