/*
 * Messages to all workers, to one, and to the master; a request to another worker and its reply.
 *
 * Run:  shallot run messages.c
 * Try:  curl localhost:9090/all/hello         every worker prints it, and the master
 *       curl localhost:9090/others/hello      every worker but the one that answered
 *       curl localhost:9090/one/2/hello       worker 2
 *       curl localhost:9090/master/hello      the master
 *       curl localhost:9090/ask/hello         another worker replies
 */
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static void hear(sl_app *app, const sl_message *m, void *self)
{
    printf("worker %d hears from worker %d: %.*s\n", sl_worker_id(), m->from, (int)m->len,
           (const char *)m->data);
}

static void master_hears(sl_app *app, const sl_message *m, void *self)
{
    printf("the master hears from worker %d: %.*s\n", m->from, (int)m->len, (const char *)m->data);
}

static int answer(sl_ctx *c, int r)
{
    return r < 0 ? r : sl_text(c, "sent by worker %d\n", sl_worker_id());
}

static int to_all(sl_ctx *c)
{
    const char *word = sl_param(c, "word");

    return answer(c, sl_send(sl_app_of(c), "word", word, strlen(word)));
}

static int to_others(sl_ctx *c)
{
    const char *word = sl_param(c, "word");

    return answer(c, sl_send_others(sl_app_of(c), "word", word, strlen(word)));
}

static int to_one(sl_ctx *c)
{
    const char *word = sl_param(c, "word");
    int id = atoi(sl_param(c, "id"));

    return answer(c, sl_send_worker(sl_app_of(c), id, "word", word, strlen(word)));
}

static int on_ask(sl_app *app, const sl_message *m, void *self)
{
    char reply[200];

    snprintf(reply, sizeof reply, "worker %d has heard %.*s", sl_worker_id(), (int)m->len,
             (const char *)m->data);
    return sl_reply(m, reply, strlen(reply));
}

static int ask(sl_ctx *c)
{
    const char *word = sl_param(c, "word");
    void *reply;
    int r = sl_request(sl_app_of(c), SL_ANY_WORKER, "ask", word, strlen(word), 1000, &reply, NULL);

    if (r < 0)
        return sl_fail(c, 503, "no reply: %s", sl_strerror(r));
    sl_text(c, "%s, says worker %d\n", (char *)reply, sl_worker_id());
    free(reply);
    return 0;
}

static int to_master(sl_ctx *c)
{
    const char *word = sl_param(c, "word");

    return answer(c, sl_send_master(sl_app_of(c), "word", word, strlen(word)));
}

int main(void)
{
    sl_app *app = sl_new();

    sl_on_message(app, "word", hear, NULL);
    sl_on_master_message(app, "word", master_hears, NULL);
    sl_get(app, "/all/:word", to_all);
    sl_get(app, "/others/:word", to_others);
    sl_get(app, "/one/:id/:word", to_one);
    sl_get(app, "/master/:word", to_master);
    sl_on_request(app, "ask", on_ask, NULL);
    sl_get(app, "/ask/:word", ask);
    return sl_listen(app, .port = 9090);
}
