/*
 * Crash reports, taken apart.
 *
 * The text comes from our own helper or from a sanitizer's run-time library; in between, a program
 * may have written whatever it liked to the same place. So every line is looked at by itself, and
 * one that is nothing we know is passed over.
 */
#include "develop/report.h"

static bool starts(struct sl__str s, const char *with)
{
    size_t len = strlen(with);

    return s.len >= len && memcmp(s.ptr, with, len) == 0;
}

static struct sl__str behind(struct sl__str s, size_t octets)
{
    return (struct sl__str){s.ptr + octets, s.len - octets};
}

/* Where @p what begins; the length if it is not there. */
static size_t find(struct sl__str s, const char *what)
{
    const char *at = s.len > 0 ? memmem(s.ptr, s.len, what, strlen(what)) : NULL;

    return at ? (size_t)(at - s.ptr) : s.len;
}

static bool has(struct sl__str s, const char *what)
{
    return find(s, what) < s.len;
}

static unsigned long number(struct sl__str *s)
{
    unsigned long n = 0;

    while (s->len > 0 && *s->ptr >= '0' && *s->ptr <= '9' && n < 100000000) {
        n = n * 10 + (unsigned long)(*s->ptr - '0');
        *s = behind(*s, 1);
    }
    return n;
}

/* Takes ":17" off the end. 0 if there is none. */
static unsigned take_number(struct sl__str *s)
{
    size_t at = s->len;
    unsigned n;
    struct sl__str digits;

    while (at > 0 && s->ptr[at - 1] >= '0' && s->ptr[at - 1] <= '9')
        at--;
    if (at == s->len || at < 2 || s->ptr[at - 1] != ':' || s->len - at > 8)
        return 0;
    digits = behind(*s, at);
    n = (unsigned)number(&digits);
    s->len = at - 1;
    return n;
}

/* "app.c:17" or "app.c:17:5". */
static void take_place(struct sl__report_frame *f, struct sl__str place)
{
    unsigned last = take_number(&place), before = last ? take_number(&place) : 0;

    if (!last)
        return;
    f->line = before ? before : last;
    f->column = before ? last : 0;
    f->file = place;
}

/* What stands in the first parentheses at the end: "(libc.so.6+0x27249) (BuildId: ...)". */
static void take_module(struct sl__report_frame *f, struct sl__str rest)
{
    size_t at = find(rest, "("), end;

    if (at == rest.len)
        return;
    rest = behind(rest, at + 1);
    end = find(rest, ")");
    f->module = (struct sl__str){rest.ptr, end};
}

/* "handler at app.c:17", "handler (app+0x11d4)", "app+0x11d4" */
static void take_ours(struct sl__report_frame *f, struct sl__str rest)
{
    size_t at = find(rest, " at "), parenthesis = find(rest, " (");

    if (at < rest.len) {
        f->function = (struct sl__str){rest.ptr, at};
        take_place(f, behind(rest, at + 4));
    } else if (parenthesis < rest.len) {
        f->function = (struct sl__str){rest.ptr, parenthesis};
        take_module(f, behind(rest, parenthesis));
    } else if (starts(rest, "(")) {
        take_module(f, rest);
    } else {
        f->module = rest;
    }
}

/* "in handler /home/me/app.c:17:5", "in handler (libc.so.6+0x27249) (BuildId: ...)" */
static void take_sanitizers(struct sl__report_frame *f, struct sl__str rest)
{
    size_t end, parenthesis;

    rest = behind(rest, 3);
    end = find(rest, " ");
    parenthesis = find(rest, "(");
    if (parenthesis > 0 && parenthesis < rest.len && rest.ptr[parenthesis - 1] != ' ') {
        struct sl__str arguments = behind(rest, parenthesis); /* C++: they belong to the name */

        end = parenthesis + find(arguments, ") ");
        end += end < rest.len;
    }
    f->function = (struct sl__str){rest.ptr, end};
    rest = behind(rest, end < rest.len ? end + 1 : end);
    if (starts(rest, "("))
        take_module(f, rest);
    else
        take_place(f, rest);
}

static bool hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "#3  0x000055d4 ..." */
static bool take_frame(struct sl__report *r, struct sl__str line)
{
    struct sl__report_frame f = {0};

    line = sl__str_trim(line);
    if (!starts(line, "#") || line.len < 2 || line.ptr[1] < '0' || line.ptr[1] > '9')
        return false;
    line = behind(line, 1);
    f.number = (unsigned)number(&line);
    line = sl__str_trim(line);
    if (!starts(line, "0x"))
        return false;
    line = behind(line, 2);
    while (line.len > 0 && hexadecimal(*line.ptr))
        line = behind(line, 1);
    line = sl__str_trim(line);
    if (starts(line, "in "))
        take_sanitizers(&f, line);
    else
        take_ours(&f, line);
    if (r->stack_count == 0)
        r->stacks[r->stack_count++] = (struct sl__report_stack){.first = 0};
    if (r->frame_count == SL__FRAMES_MAX)
        return true;
    r->frames[r->frame_count++] = f;
    r->stacks[r->stack_count - 1].count++;
    return true;
}

static void begin_stack(struct sl__report *r, struct sl__str heading)
{
    struct sl__report_stack *last = r->stack_count > 0 ? &r->stacks[r->stack_count - 1] : NULL;

    if (last && last->count == 0) {
        last->heading = heading;
        return;
    }
    if (r->stack_count < SL__STACKS_MAX)
        r->stacks[r->stack_count++] =
            (struct sl__report_stack){.heading = heading, .first = r->frame_count};
}

static bool is_heading(struct sl__str line)
{
    return starts(line, "READ of size") || starts(line, "WRITE of size") ||
           starts(line, "freed by thread") || starts(line, "previously allocated by") ||
           starts(line, "allocated by thread") || starts(line, "Direct leak of") ||
           starts(line, "Address 0x");
}

/* "==17==ERROR: AddressSanitizer: heap-use-after-free on address ..." */
static bool take_sanitizers_title(struct sl__report *r, struct sl__str line)
{
    size_t at = find(line, "Sanitizer: "), runtime = find(line, ": runtime error: ");

    if (starts(line, "==") && has(line, "ERROR: ") && at < line.len) {
        r->sanitizer = true;
        r->title = behind(line, at + strlen("Sanitizer: "));
        r->title.len = find(r->title, " on address 0x"); /* numbers that nobody knows */
        return true;
    }
    if (runtime == line.len || r->sanitizer)
        return false;
    take_place(&r->place, (struct sl__str){line.ptr, runtime});
    r->sanitizer = true;
    r->title = behind(line, runtime + strlen(": runtime error: "));
    return true;
}

/* "crash of worker 3 (pid 17): SIGSEGV, ..." and the line below it. */
static bool take_our_title(struct sl__report *r, struct sl__str line, bool *about_is_next)
{
    struct sl__str rest;
    size_t at;

    if (!starts(line, "crash of worker ") || r->title.len > 0)
        return false;
    rest = behind(line, strlen("crash of worker "));
    r->worker = (unsigned)number(&rest);
    at = find(rest, "): ");
    r->title = at < rest.len ? behind(rest, at + 3) : sl__str_trim(rest);
    *about_is_next = true;
    return true;
}

static void take_line(struct sl__report *r, struct sl__str line, bool *about_is_next)
{
    struct sl__str text = sl__str_trim(line);

    if (*about_is_next) {
        *about_is_next = false;
        if (starts(line, "  ") && !starts(text, "#")) {
            r->about = text;
            return;
        }
    }
    if (take_frame(r, line) || take_our_title(r, line, about_is_next) ||
        take_sanitizers_title(r, line))
        return;
    if (is_heading(text)) {
        begin_stack(r, text);
    } else if (has(text, " is located ")) {
        r->located = text;
    } else if (starts(text, "(and ") && r->frame_count > 0) {
        text.len -= text.ptr[text.len - 1] == ')';
        r->frames[r->frame_count - 1].note = behind(text, 1);
    } else if (starts(text, "report ")) {
        text = behind(text, strlen("report "));
        r->number = number(&text);
    }
}

void sl__report_parse(struct sl__str text, struct sl__report *ret)
{
    bool about_is_next = false;

    memset(ret, 0, sizeof *ret);
    while (text.len > 0) {
        size_t end = find(text, "\n");

        take_line(ret, (struct sl__str){text.ptr, end}, &about_is_next);
        text = behind(text, end < text.len ? end + 1 : end);
    }
    if (ret->frame_count == 0 && ret->place.line > 0) {
        ret->stacks[0] = (struct sl__report_stack){.count = 1};
        ret->stack_count = ret->frame_count = 1;
        ret->frames[0] = ret->place;
    }
}
