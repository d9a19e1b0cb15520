/*
 * What a build has written, understood: complaints with their excerpts, in order, without the
 * noise.
 *
 * The tool comes here with the output of a build, and so does the page that shows it. Everything
 * points into one copy of the text, in which delimiters have become NULs; lines that belong
 * together are moved together, which only ever makes them shorter. Lines are judged one by one in
 * diagnostics_line.c and its sisters; here is what they mean behind each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "develop/diagnostics.h"

#define MOST 1000     /* complaints that are kept: nobody reads more */
#define LINES_MOST 12 /* of an excerpt */
#define NAME_MOST 4096

struct item {
    sl_diagnostic d;
    sl_diagnostic_line lines[LINES_MOST];
    char *labels_end; /* of the last line: where the next label goes */
    bool full;        /* more lines of source came than are kept */
};

struct reading {
    sl_diagnostics public;
    struct item **items;
    sl_diagnostic *list;
    size_t count, room;
    char *text, *rest, *rest_end;
    char **names; /* of files, that were put together */
    size_t name_count;
    struct item *last; /* lines below it belong to it */
    bool noted;        /* the last one has a message that goes on in the next lines */
    const char *function, *function_file, *via, *folder;
};

static char *next_line(char **at)
{
    char *line = *at, *newline;

    if (!*line)
        return NULL;
    newline = strchr(line, '\n');
    if (newline)
        *newline = '\0';
    *at = newline ? newline + 1 : line + strlen(line);
    return line;
}

/* Leaves out "./", and "name/../". In place. */
static void simplify(char *path)
{
    char *up;

    while (strncmp(path, "./", 2) == 0 && path[2])
        memmove(path, path + 2, strlen(path + 2) + 1);
    while ((up = strstr(path, "/../")) && up > path) {
        char *before = up;

        while (before > path && before[-1] != '/')
            before--;
        if (strncmp(before, "../", 3) == 0 || up == before)
            return;
        memmove(before, up + 4, strlen(up + 4) + 1);
    }
}

/* As the compiler, which was in another folder, has meant it. */
static const char *resolve(struct reading *r, char *file)
{
    char name[NAME_MOST], **names;
    int n;

    simplify(file);
    if (!r->folder || !file[0] || file[0] == '/')
        return file;
    n = snprintf(name, sizeof name, "%s/%s", r->folder, file);
    if (n < 0 || (size_t)n >= sizeof name)
        return file;
    simplify(name);
    names = sl__try_realloc(r->names, (r->name_count + 1) * sizeof *names);
    if (!names)
        return file;
    r->names = names;
    names[r->name_count] = sl__try_strdup(name);
    return names[r->name_count] ? names[r->name_count++] : file;
}

static struct item *add_item(struct reading *r)
{
    struct item **items, *item;

    if (r->count == r->room) {
        items = sl__try_realloc(r->items, (r->room * 2 + 8) * sizeof *items);
        if (!items)
            return NULL;
        r->items = items;
        r->room = r->room * 2 + 8;
    }
    item = sl__try_alloc_zeroed(sizeof *item);
    if (item)
        r->items[r->count++] = item;
    return item;
}

static void take_complaint(struct reading *r, const struct sl__complaint *c)
{
    bool in_function = !r->function_file[0] || strcmp(r->function_file, c->file) == 0;
    struct item *item;

    r->public.errors += c->severity == SL_DIAGNOSED_ERROR;
    r->public.warnings += c->severity == SL_DIAGNOSED_WARNING;
    r->last = item = r->count < MOST ? add_item(r) : NULL;
    r->noted = c->message[0] == '('; /* cmake's */
    if (!item)
        return;
    item->d = (sl_diagnostic){
        .severity = c->severity,
        .file = resolve(r, c->file),
        .line = c->line,
        .column = c->column,
        .message = c->message,
        .option = c->option,
        .function = in_function ? r->function : "",
        .via = r->via,
        .lines = item->lines,
    };
    r->via = "";
}

/* The columns that a caret, with the tildes at its sides, stands for. */
static void find_range(sl_diagnostic_line *line)
{
    const char *caret = strchr(line->marks, '^');
    const char *from, *to;

    if (!caret)
        return;
    from = to = caret;
    while (from > line->marks && from[-1] == '~')
        from--;
    while (to[1] == '~' || to[1] == '^')
        to++;
    line->from = (unsigned)(from - line->marks);
    line->to = (unsigned)(to + 1 - line->marks);
}

static sl_diagnostic_line *last_line(struct item *item)
{
    return item->d.line_count ? &item->lines[item->d.line_count - 1] : NULL;
}

static void take_source(struct item *item, unsigned number, const char *text)
{
    item->full = item->d.line_count == LINES_MOST;
    if (item->full)
        return;
    item->lines[item->d.line_count++] =
        (sl_diagnostic_line){.number = number, .text = text, .marks = "", .labels = ""};
    item->labels_end = NULL;
}

/* A line below the source: its marks first, then labels, which are put behind each other. */
static void take_below(struct item *item, char *text)
{
    sl_diagnostic_line *line = last_line(item);
    size_t len = strlen(text);

    if (!line || item->full)
        return;
    if (!line->marks[0] && !item->labels_end && sl__line_is_marks(text)) {
        line->marks = text;
        find_range(line);
        return;
    }
    if (!item->labels_end) {
        line->labels = text;
    } else {
        *item->labels_end++ = '\n';
        memmove(item->labels_end, text, len + 1);
        text = item->labels_end;
    }
    item->labels_end = text + len;
}

/* gcc's, and newer clang's: with a gutter. */
static bool take_excerpt(struct reading *r, char *line)
{
    unsigned number;
    char *text;

    if (!r->last || !sl__line_is_excerpt(line, &number, &text))
        return false;
    if (number)
        take_source(r->last, number, text);
    else
        take_below(r->last, text);
    return true;
}

/* clang's: the source, and marks below it. What stands below these is what it would write. */
static bool take_bare_excerpt(struct reading *r, char *line, char **rest)
{
    struct item *item = r->last;
    sl_diagnostic_line *before = item ? last_line(item) : NULL;
    char *at = *rest, *newline, saved;
    bool marks;

    if (item && before && before->marks[0] && !item->labels_end && line[0] == ' ' &&
        before->number == item->d.line) {
        take_below(item, line);
        return true;
    }
    if (!item || before || !item->d.column)
        return false;
    newline = strchrnul(at, '\n');
    saved = *newline;
    *newline = '\0';
    marks = sl__line_is_marks(at);
    *newline = saved;
    if (!marks)
        return false;
    take_source(item, item->d.line, line);
    take_below(item, next_line(rest));
    return true;
}

/* CMake's message: indented lines, up to one that is not. */
static bool take_more_message(struct reading *r, char *line)
{
    struct item *item = r->last;

    if (!item || !r->noted || (line[0] && line[0] != ' '))
        return false;
    if (line[0] == ' ' && item->d.message[0] == '(')
        item->d.message = line + strspn(line, " ");
    return true;
}

static bool take_context(struct reading *r, char *line)
{
    char *text, *file;
    bool first;

    if (sl__line_is_function(line, &file, &text)) {
        r->function = text;
        r->function_file = file;
        r->last = NULL;
        return true;
    }
    if (sl__line_is_include(line, &first, &text)) {
        if (first || !r->via[0]) {
            simplify(text);
            r->via = text;
        }
        r->last = NULL;
        return true;
    }
    if (!sl__line_is_folder(line, &text))
        return false;
    r->folder = text;
    return true;
}

static void take_rest(struct reading *r, const char *line)
{
    size_t len = strlen(line);

    memcpy(r->rest_end, line, len);
    r->rest_end += len;
    *r->rest_end++ = '\n';
    *r->rest_end = '\0';
}

static void read_all(struct reading *r)
{
    char *at = r->text, *line;
    struct sl__complaint c;

    while ((line = next_line(&at))) {
        if (take_excerpt(r, line) || take_context(r, line))
            continue;
        if (sl__line_is_noise(line) && !(r->noted && !line[0]))
            continue;
        if (sl__complaint_read(line, &c)) {
            take_complaint(r, &c);
            continue;
        }
        if (take_bare_excerpt(r, line, &at) || take_more_message(r, line))
            continue;
        r->last = NULL;
        take_rest(r, line);
    }
}

/* The list that is handed out, in one piece. */
static bool make_list(struct reading *r)
{
    r->list = sl__try_alloc((r->count + 1) * sizeof *r->list);
    if (!r->list)
        return false;
    for (size_t i = 0; i < r->count; i++)
        r->list[i] = r->items[i]->d;
    r->public.items = r->list;
    r->public.count = r->count;
    r->public.rest = r->rest;
    return true;
}

sl_diagnostics *sl_diagnostics_new(const char *output)
{
    struct reading *r = sl__try_alloc_zeroed(sizeof *r);

    if (!r)
        return NULL;
    r->function = r->function_file = r->via = "";
    r->text = sl__try_strdup(output);
    r->rest = r->rest_end = sl__try_alloc_zeroed(strlen(output) + 2);
    if (!r->text || !r->rest)
        goto fail;
    sl__strip_escapes(r->text);
    read_all(r);
    if (make_list(r))
        return &r->public;
fail:
    sl_diagnostics_free(&r->public);
    return NULL;
}

void sl_diagnostics_free(sl_diagnostics *d)
{
    struct reading *r = (struct reading *)d; /* its first member */

    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        sl__free(r->items[i]);
    for (size_t i = 0; i < r->name_count; i++)
        sl__free(r->names[i]);
    sl__free(r->items);
    sl__free(r->names);
    sl__free(r->list);
    sl__free(r->text);
    sl__free(r->rest);
    sl__free(r);
}
