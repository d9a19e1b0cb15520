/*
 * A request as a page shows it.
 *
 * It comes from a living exchange, or as the text that a dying worker has left behind. Whatever a
 * client has put into it is quoted for the shell and escaped for the page.
 */
#include "develop/request_text.h"

#include "develop/page.h"

/* What every client sends by itself, or what would be wrong the second time. */
static const char *const left_out[] = {
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "Connection",
    "Content-Length",
    "DNT",
    "Host",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "If-Match",
    "Keep-Alive",
    "Pragma",
    "Priority",
    "Range",
    "Transfer-Encoding",
    "Upgrade-Insecure-Requests",
    "User-Agent",
};

static bool is_left_out(struct sl__str name)
{
    if (name.len > 4 && sl__str_equal_nocase((struct sl__str){name.ptr, 4}, SL__STR("Sec-")))
        return true;
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (sl__str_equal_nocase(name, sl__str_of(left_out[i])))
            return true;
    return false;
}

void sl__asked_add(struct sl__asked *a, struct sl__str name, struct sl__str value)
{
    if (sl__str_equal_nocase(name, SL__STR("Host")))
        a->host = value;
    if (sl__str_equal_nocase(name, SL__STR("Transfer-Encoding")) ||
        (sl__str_equal_nocase(name, SL__STR("Content-Length")) &&
         !sl__str_equal(value, SL__STR("0"))))
        a->body = true;
    if (a->count == SL__ASKED_MAX)
        return;
    a->fields[a->count].name = name;
    a->fields[a->count].value = value;
    a->count++;
}

static struct sl__str take_until(struct sl__str *rest, char end)
{
    const char *at;
    struct sl__str taken = *rest;
    size_t used;

    if (rest->len == 0) /* its pointer may be NULL */
        return taken;
    at = memchr(rest->ptr, end, rest->len);
    taken.len = at ? (size_t)(at - rest->ptr) : rest->len;
    used = at ? taken.len + 1 : taken.len;
    rest->ptr += used;
    rest->len -= used;
    return taken;
}

void sl__asked_parse(struct sl__str head, struct sl__asked *ret)
{
    struct sl__str line;

    memset(ret, 0, sizeof *ret);
    line = take_until(&head, '\n');
    ret->method = take_until(&line, ' ');
    ret->target = take_until(&line, ' ');
    while (head.len > 0) {
        struct sl__str name, value = take_until(&head, '\n');

        if (value.len > 0 && memchr(value.ptr, ':', value.len)) {
            name = take_until(&value, ':');
            sl__asked_add(ret, name, sl__str_trim(value));
        }
    }
}

static void append(struct sl__buf *out, struct sl__str s)
{
    sl__buf_append(out, s.ptr, s.len);
}

/* In single quotes nothing means anything but a quote. */
static void append_quoted(struct sl__buf *out, struct sl__str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            append(out, SL__STR("'\\''"));
        else
            sl__buf_append(out, s.ptr + i, 1);
    }
}

void sl__asked_command(const struct sl__asked *a, struct sl__buf *out)
{
    bool get = sl__str_equal(a->method, SL__STR("GET"));

    append(out, SL__STR("curl -i"));
    if (sl__str_equal(a->method, SL__STR("HEAD"))) {
        append(out, SL__STR(" --head"));
    } else if (!get) {
        append(out, SL__STR(" -X '"));
        append_quoted(out, a->method);
        append(out, SL__STR("'"));
    }
    append(out, SL__STR(" 'http://"));
    append_quoted(out, a->host.len > 0 ? a->host : SL__STR("localhost"));
    append_quoted(out, a->target);
    append(out, SL__STR("'"));
    for (unsigned i = 0; i < a->count; i++) {
        if (is_left_out(a->fields[i].name))
            continue;
        append(out, SL__STR(" \\\n  -H '"));
        append_quoted(out, a->fields[i].name);
        append(out, a->fields[i].value.len > 0 ? SL__STR(": ") : SL__STR(";"));
        append_quoted(out, a->fields[i].value);
        append(out, SL__STR("'"));
    }
    if (a->body)
        append(out, SL__STR(" \\\n  --data-binary @body"));
}

void sl__asked_write(struct sl__html *h, const struct sl__asked *a)
{
    struct sl__buf command = {0};

    if (a->method.len == 0)
        return;
    sl__asked_command(a, &command);
    sl__html_put(h, "<section><h2>Ask again");
    if (a->body)
        sl__html_put(h, " <small>put what was sent into a file called <code>body</code></small>");
    sl__html_put(h, "</h2>\n<div class=\"card\">");
    sl__page_command(h, "command",
                     (struct sl__str){command.data + command.at, sl__buf_len(&command)});
    sl__html_put(h, "</div>\n");
    sl__buf_finish(&command);
    if (a->count > 0) {
        sl__html_put(h, "<details class=\"card fold-lines\"><summary>");
        sl__html_format(h, "%u header%s</summary><table class=\"list headers\"><tbody>\n", a->count,
                        a->count == 1 ? "" : "s");
        for (unsigned i = 0; i < a->count; i++) {
            sl__html_put(h, "<tr><td>");
            sl__html_text(h, a->fields[i].name);
            sl__html_put(h, "</td><td>");
            sl__html_text(h, a->fields[i].value);
            sl__html_put(h, "</td></tr>\n");
        }
        sl__html_put(h, "</tbody></table></details>\n");
    }
    sl__html_put(h, "</section>\n");
}
