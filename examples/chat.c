/*
 * A chat by server-sent events: what one browser says, every browser of every worker hears, in the
 * same order. The last lines are state that workers share, so a browser whose worker was replaced
 * or killed comes back to another one, says what it heard last, and misses nothing.
 *
 * Run:  shallot dev chat.c           and in production with a worker per CPU
 * Try:  open localhost:9090 in two windows; curl -N localhost:9090/events; curl -d hello
 *       localhost:9090/say; save this file, or kill -9 a worker, while you talk
 */
#include <shallot.h>
#include <stdlib.h>

#define KEPT 100
#define LINE 400

static const char page[] =
    "<!doctype html><meta charset=utf-8><title>Chat</title>\n"
    "<style>body{font:16px sans-serif;max-width:40em;margin:2em auto}input{width:100%;font:inherit}"
    "#state{color:#888}</style>\n"
    "<h1>Chat <small id=state>connecting</small></h1><div id=lines></div>\n"
    "<form><input autofocus autocomplete=off placeholder='Say something'></form>\n"
    "<script>\n"
    "const source = new EventSource('/events'), say = s => state.textContent = s\n"
    "source.onopen = () => say('')\n"
    "source.onerror = () => say('coming back')\n"
    "source.addEventListener('chat', e => {\n"
    "  const line = document.createElement('p')\n"
    "  line.textContent = e.data\n"
    "  lines.append(line)\n"
    "  line.scrollIntoView()\n"
    "})\n"
    "document.forms[0].onsubmit = e => {\n"
    "  const input = e.target[0]\n"
    "  e.preventDefault()\n"
    "  fetch('/say', {method: 'POST', body: input.value}).then(() => input.value = '')\n"
    "}\n"
    "</script>\n";

/* The same in all workers: changed by messages only, of which there is one order. */
static struct {
    long said;              /* lines so far: the id of the last one */
    char lines[KEPT][LINE]; /* line n is in lines[n % KEPT] */
} room;

/* Comes before the streams that have joined hear of the message. */
static void on_chat(sl_app *app, const sl_message *m, void *self)
{
    snprintf(room.lines[++room.said % KEPT], LINE, "%.*s", (int)m->len, (const char *)m->data);
}

static bool number(const sl_message *m, sl_sse_event *e, void *self)
{
    static char id[24];

    snprintf(id, sizeof id, "%ld", room.said);
    e->id = id;
    return true;
}

/* First what this browser has not heard, then whatever is said. */
static int events(sl_ctx *c)
{
    sl_sse *s = sl_sse_open(c);
    const char *last = sl_sse_last_id(c);
    long n = last ? atol(last) + 1 : 1;

    for (int i = 0; n > room.said + 1 && i < 100 && sl_sleep(10) == 0; i++)
        ; /* the worker it comes from was ahead of this one */
    if (n < 1 || n > room.said + 1 || n <= room.said - KEPT) /* too long ago, or not of this room */
        n = room.said > KEPT ? room.said - KEPT + 1 : 1;
    for (; n <= room.said; n++)
        sl_sse_send(s, .event = "chat", .id = sl_format(c, "%ld", n), .data = room.lines[n % KEPT]);
    return sl_sse_join(s, "chat", .format = number);
}

static int say(sl_ctx *c)
{
    const void *line;
    size_t len;
    int r = sl_request_body(c, &line, &len);

    if (r < 0)
        return r;
    if (len == 0 || len >= LINE)
        return sl_fail(c, 400, "a line has 1 to %d bytes", LINE - 1);
    sl_set_status(c, 204);
    return sl_send(sl_app_of(c), "chat", line, len);
}

static int home(sl_ctx *c)
{
    return sl_body(c, page);
}

int main(void)
{
    sl_app *app = sl_new();

    sl_on_message(app, "chat", on_chat, NULL);
    sl_share(app, "room", &room, sizeof room);
    sl_use(app, sl_logger());
    sl_get(app, "/", home);
    sl_get(app, "/events", events);
    sl_post(app, "/say", say);
    return sl_listen(app, .port = 9090);
}
