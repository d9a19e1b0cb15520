/*
 * @NAME@: a chat. What one browser says, every browser of every worker hears, in the same order.
 *
 * Run:  shallot dev                       open localhost:9090 in two windows, and talk
 * Try:  SHALLOT_INSTANCES=4 ./@NAME@   then kill -9 a worker, or save this file, while you talk
 */
#include <shallot.h>
#include <string.h>

#define KEPT 50
#define LINE 1400

/* The same in all workers: changed by messages, of which there is one order; new ones get it. */
static struct {
    unsigned long said;     /* lines so far */
    char lines[KEPT][LINE]; /* line n is in lines[n % KEPT] */
} room;

static void on_chat(sl_app *app, const sl_message *m, void *self)
{
    snprintf(room.lines[room.said++ % KEPT], LINE, "%.*s", (int)m->len, (const char *)m->data);
}

static int events(sl_ctx *c) /* the last lines, and then each one as it is said */
{
    sl_sse *s = sl_sse_open(c);
    unsigned long n = room.said > KEPT ? room.said - KEPT : 0;

    sl_sse_send(s, .event = "worker", .data = sl_format(c, "%d", sl_worker_id()));
    for (; n < room.said; n++)
        sl_sse_send(s, .event = "chat", .data = room.lines[n % KEPT]);
    return sl_sse_join(s, "chat");
}

static int say(sl_ctx *c)
{
    const char *name, *text;
    char line[LINE];
    int r = sl_form_fields(c, SL_FIELD("name", &name, SL_BETWEEN(1, 30)),
                           SL_FIELD("text", &text, SL_BETWEEN(1, 300)));

    if (r < 0)
        return r;
    snprintf(line, sizeof line, "%s: %s", name, text);
    sl_set_status(c, 204);
    return sl_send(sl_app_of(c), "chat", line, strlen(line));
}

int main(void)
{
    sl_app *app = sl_new();

    sl_on_message(app, "chat", on_chat, NULL);
    sl_share(app, "room", &room, sizeof room);
    sl_use(app, sl_secure_headers(.csp = "default-src 'self'"));
    sl_get(app, "/events", events);
    sl_post(app, "/say", say);
    sl_use(app, sl_static("public"));
    return sl_listen(app, .port = 9090);
}
