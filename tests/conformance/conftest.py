"""The server of the conformance tests: it says what it understood."""
import pytest

SOURCE = r"""
#include <shallot.h>
#include <stdlib.h>

static int unread(sl_ctx *c)
{
    return sl_text(c, "unread");
}

static int status(sl_ctx *c)
{
    return sl_set_status(c, atoi(sl_param(c, "status")));
}

static int pushed(sl_ctx *c)
{
    int r = sl_write(c, "one", 3);

    if (r == 0)
        r = sl_write(c, "two", 3);
    return r == 0 ? sl_write(c, "three", 5) : r;
}

static int echo(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);

    if (r < 0)
        return r;
    sl_set_header(c, "X-Method", sl_method(c));
    sl_set_header(c, "X-Target", sl_target(c));
    if (sl_set_header(c, "X-Path", sl_path(c)) < 0)
        sl_set_header(c, "X-Path", "not to be sent"); /* a line end was escaped in it */
    if (sl_header(c, "Host"))
        sl_set_header(c, "X-Host", sl_header(c, "Host"));
    if (sl_header(c, "X"))
        sl_set_header(c, "X-Echo", sl_header(c, "X"));
    return sl_bytes(c, body, len);
}

static int got(sl_ctx *c)
{
    return sl_text(c, "got");
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1);

    sl_all(app, "/unread", unread);
    sl_all(app, "/status/:status", status);
    sl_all(app, "/pushed", pushed);
    sl_get(app, "/only/get", got);
    sl_post(app, "/only/post", got);
    sl_all(app, "(?!/only/).*", echo);
    return sl_listen(app);
}
"""


@pytest.fixture
def echo(compile, start):
    return start([compile(SOURCE)])
