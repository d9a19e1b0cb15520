/* Fetches while the n-th allocation of its thread fails, whoever asks for it: we, libcurl, OpenSSL.
 */
#include <errno.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Thread_local long left = -1;
static _Thread_local bool failed;

static bool fault(void)
{
    if (left < 0 || left-- > 0)
        return false;
    failed = true;
    return true;
}

void *malloc(size_t size)
{
    return fault() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fault() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fault() ? NULL : __libc_realloc(old, size);
}

static ssize_t twice(void *buf, size_t len, void *self)
{
    int *times = self;

    if ((*times)-- <= 0)
        return 0;
    memset(buf, 'x', len);
    return (ssize_t)len;
}

static int fetch(sl_ctx *c, sl_fetched *a)
{
    const char *url = getenv("URL"), *how = sl_param(c, "how");
    char buf[5000];
    int times = 2;
    ssize_t n = 1, all = 0;
    int r;

    if (strcmp(how, "whole") == 0)
        return sl_fetch(c, a, url, .timeout_ms = 3000, .body = "text",
                        .headers = (sl_fetch_header[]){{"A", "b"}, {0}});
    if (strcmp(how, "up") == 0)
        return sl_fetch(c, a, url, .timeout_ms = 3000, .source = twice, .source_self = &times);
    r = sl_fetch_open(c, a, url, .timeout_ms = 3000, .idle_ms = 3000);
    while (r == 0 && n > 0) {
        n = sl_fetch_read(a, buf, sizeof buf);
        all += n > 0 ? n : 0;
    }
    return r < 0 ? r : n < 0 ? (int)n : all == 200000 ? 0 : -EBADMSG;
}

static int starved(sl_ctx *c)
{
    sl_fetched a;
    int r;

    failed = false;
    left = atol(sl_param(c, "n"));
    r = fetch(c, &a);
    left = -1;
    sl_set_status(c, 200);
    return sl_text(c, "%d %d %s", failed, r, r < 0 && a.error ? a.error : "");
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1);

    sl_get(app, "/:how/:n", starved);
    return sl_listen(app);
}
