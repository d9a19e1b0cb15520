/*
 * The frame of a page: what is around the words.
 *
 * Every page of development comes here first and last. The styles are written into it, so that it
 * is whole wherever it is served from: a worker, the stand-in, or the master for a worker that is
 * dead.
 */
#include "develop/page.h"

#include "develop/assets.h"

static const char mark[] =
    "<svg viewBox=\"0 0 32 32\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.9\" "
    "stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">"
    "<path d=\"M16 3c-.6 4.2-10 7.5-10 15.4a10 10 0 0 0 20 0C26 10.5 16.6 7.2 16 3Z\"/>"
    "<path d=\"M16 10.5c-.4 2.5-5 4.5-5 8.8a5 5 0 0 0 10 0c0-4.3-4.6-6.3-5-8.8Z\"/>"
    "<path d=\"M16 17.5v3\"/></svg>";

void sl__page_begin(struct sl__html *h, const struct sl__page *p)
{
    sl__html_put(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"robots\" content=\"noindex\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n");
    sl__html_format(h, "<title>%s</title>\n<style>\n", p->title);
    sl__html_put(h, sl__asset_page_css);
    sl__html_put(h, "</style>\n</head>\n<body>\n<div class=\"page\">\n<header class=\"top\">");
    sl__html_put(h, mark);
    sl__html_put(h, "<b>Shallot</b>");
    if (p->name)
        sl__html_format(h, "<span>%s</span>", p->name);
    sl__html_put(h, "<span class=\"what\">development</span></header>\n");
    if (p->number)
        sl__html_format(h, "<main data-shallot=\"build\" data-number=\"%lld\">\n", p->number);
    else
        sl__html_put(h, "<main>\n");
}

void sl__page_end(struct sl__html *h, const struct sl__page *p)
{
    sl__html_put(h, "</main>\n</div>\n");
    if (p->from)
        sl__html_format(h,
                        "<script src=\"/_shallot/live.js\" data-page=\"1\" data-from=\"%s\" "
                        "data-method=\"%s\"></script>\n",
                        p->from, p->method ? p->method : "GET");
    sl__html_put(h, "</body>\n</html>\n");
}

void sl__page_command(struct sl__html *h, const char *id, struct sl__str command)
{
    sl__html_format(h, "<div class=\"command\"><pre id=\"%s\">", id);
    sl__html_text(h, command);
    sl__html_format(
        h, "</pre><button type=\"button\" data-copy=\"%s\" hidden>Copy</button></div>\n", id);
}

void sl__page_raw(struct sl__html *h, const char *title, struct sl__str text)
{
    if (text.len == 0)
        return;
    sl__html_format(h, "<details class=\"card fold-lines\"><summary>%s</summary>", title);
    sl__html_put(h, "<pre class=\"raw\" tabindex=\"0\">");
    sl__html_text(h, text);
    sl__html_put(h, "</pre></details>\n");
}
