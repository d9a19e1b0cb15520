/*
 * Excerpts of source files.
 *
 * Pages come here with a file's name and a line. What is read is bounded, whatever the name leads
 * to: a report may name a file that is another one by now, a device, or a gigabyte.
 */
#include "develop/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FILE_MAX ((size_t)4 << 20)
#define LINE_MAX_SHOWN ((size_t)400) /* octets of a line; the rest is left out */
#define PROBE ((size_t)4096)

struct text {
    char *data;
    size_t len;
};

/* Only what is a regular file can be read without waiting. */
static int open_source(const char *root, const char *file, size_t *ret_size)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    if (snprintf(path, sizeof path, "%s%s%s", *file == '/' || !root ? "" : root,
                 *file == '/' || !root ? "" : "/", file) >= (int)sizeof path)
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        *ret_size = (size_t)st.st_size < FILE_MAX ? (size_t)st.st_size : FILE_MAX;
        return fd;
    }
    close(fd);
    return -EINVAL;
}

static bool read_source(const char *root, const char *file, struct text *ret)
{
    size_t size = 0;
    int fd = open_source(root, file, &size);
    ssize_t n = 1;

    *ret = (struct text){NULL, 0};
    if (fd < 0)
        return false;
    ret->data = sl__try_alloc(size);
    while (ret->data && ret->len < size && n > 0) {
        n = read(fd, ret->data + ret->len, size - ret->len);
        if (n > 0)
            ret->len += (size_t)n;
    }
    close(fd);
    if (ret->len > 0 && !memchr(ret->data, '\0', ret->len < PROBE ? ret->len : PROBE))
        return true;
    sl__free(ret->data);
    return false;
}

/* The next line, without its end. False behind the last one. */
static bool next_line(const struct text *t, size_t *at, struct sl__str *ret)
{
    const char *from = t->data + *at, *end;

    if (*at >= t->len)
        return false;
    end = memchr(from, '\n', t->len - *at);
    ret->ptr = from;
    ret->len = end ? (size_t)(end - from) : t->len - *at;
    *at += ret->len + 1;
    if (ret->len > 0 && from[ret->len - 1] == '\r')
        ret->len--;
    return true;
}

static bool has_line(const struct text *t, unsigned line)
{
    struct sl__str one;
    size_t at = 0;
    unsigned count = 0;

    while (count < line && next_line(t, &at, &one))
        count++;
    return line > 0 && count == line;
}

/* Below the marked line: where in it, and what about it. Tabs are kept, so that it stands right
 * below. */
static void point(struct sl__html *h, const struct sl__excerpt *e, struct sl__str line)
{
    size_t before = e->column > 0 ? e->column - 1 : 0, width = e->width > 0 ? e->width : 1;

    if (e->column > 0 && before <= line.len && before < LINE_MAX_SHOWN) {
        sl__html_put(h, "<tr class=\"point\"><td></td><td><pre>");
        for (size_t i = 0; i < before; i++)
            if ((line.ptr[i] & 0xc0) != 0x80)
                sl__html_put(h, line.ptr[i] == '\t' ? "\t" : " ");
        if (before + width > line.len)
            width = line.len > before ? line.len - before : 1;
        sl__html_put(h, "<b>^");
        for (size_t i = 1; i < width && i < LINE_MAX_SHOWN; i++)
            if ((line.ptr[before + i] & 0xc0) != 0x80)
                sl__html_put(h, "~");
        sl__html_put(h, "</b></pre></td></tr>\n");
    }
    if (e->annotation.len > 0) {
        sl__html_put(h, "<tr class=\"say\"><td></td><td>");
        sl__html_text(h, e->annotation);
        sl__html_put(h, "</td></tr>\n");
    }
}

/* Not in the middle of a character. */
static struct sl__str shown(struct sl__str line)
{
    if (line.len <= LINE_MAX_SHOWN)
        return line;
    line.len = LINE_MAX_SHOWN;
    while (line.len > 0 && ((unsigned char)line.ptr[line.len] & 0xc0) == 0x80)
        line.len--;
    return line;
}

static enum sl__c_state write_line(struct sl__html *h, const struct sl__excerpt *e, unsigned number,
                                   struct sl__str line, enum sl__c_state state)
{
    struct sl__str part = shown(line);
    struct sl__html nowhere = {0};
    enum sl__c_state after;

    sl__html_put(h, number == e->line ? "<tr class=\"here\">" : "<tr>");
    sl__html_format(h, "<td>%u</td><td><pre>", number);
    after = sl__c_line_write(h, part, state);
    if (part.len < line.len) { /* what is left out may end a comment */
        sl__html_put(h, "<i>\xe2\x80\xa6</i>");
        after = sl__c_line_write(&nowhere, line, state);
        sl__buf_finish(&nowhere.buf);
    }
    sl__html_put(h, "\n</pre></td></tr>\n");
    if (number == e->line)
        point(h, e, line);
    return after;
}

static void write_lines(struct sl__html *h, const struct sl__excerpt *e, const struct text *t)
{
    unsigned first = e->line > e->around ? e->line - e->around : 1, number = 0;
    enum sl__c_state state = SL__C_PLAIN;
    struct sl__html nowhere = {0};
    struct sl__str line;
    size_t at = 0;

    sl__html_put(h, "<table class=\"code\" role=\"presentation\"><tbody>\n");
    while (next_line(t, &at, &line) && ++number <= e->line + e->around) {
        if (number >= first) {
            state = write_line(h, e, number, line, state);
        } else {
            state = sl__c_line_write(&nowhere, line, state);
            nowhere.buf.at = nowhere.buf.end = 0;
        }
    }
    sl__html_put(h, "</tbody></table>\n");
    sl__buf_finish(&nowhere.buf);
}

bool sl__excerpt_write(struct sl__html *h, const struct sl__excerpt *e)
{
    struct text t;
    bool there;

    if (!e->file || !*e->file || !read_source(e->root, e->file, &t))
        return false;
    there = has_line(&t, e->line);
    if (there)
        write_lines(h, e, &t);
    sl__free(t.data);
    return there;
}
