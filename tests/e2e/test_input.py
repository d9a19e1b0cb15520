"""JSON, forms, uploads and typed values, through the wire."""
import json

from harness import Connection

JSON = r"""
#include <shallot.h>
#include <shallot/json.h>

static int echo(sl_ctx *c)
{
    json_t *json;
    int r = sl_request_json(c, &json);

    return r < 0 ? r : sl_json(c, json);
}

static int person(sl_ctx *c)
{
    const char *name;
    int age = 18, id;
    json_t *json;
    int r = sl_param_int(c, "id", &id, SL_AT_LEAST(1));

    if (r == 0)
        r = sl_request_json(c, &json);
    if (r == 0)
        r = sl_json_fields(c, json, SL_FIELD("name", &name, SL_BETWEEN(1, 80)),
                           SL_FIELD("age", &age, .optional = true, SL_BETWEEN(0, 150)));
    return r < 0 ? r : sl_json_pack(c, "{s:i, s:s, s:i}", "id", id, "name", name, "age", age);
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1);

    sl_post(app, "/echo", echo);
    sl_put(app, "/people/:id", person);
    return sl_listen(app);
}
"""


def post(program, path, body, kind="application/json", method="POST"):
    return program.get(path, method=method, headers={"Content-Type": kind}, body=body)


def test_json(start, compile):
    program = start([compile(JSON)])
    document = {"a": [1, -2.5, True, None, {"é": "\"\\\n"}], "b": "x" * 5000, "c": 0.1}
    response = post(program, "/echo", json.dumps(document).encode())
    assert response.status == 200 and response.headers["content-type"] == "application/json"
    assert response.body == json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    response = post(program, "/echo", b'{\n "a": [1,\n}')
    assert (response.status, response.text) == (400, "not JSON: line 3, column 1: expected a value, found '}'\n")
    assert post(program, "/echo", b"[" * 100000).status == 400
    assert post(program, "/echo", b"[1]", kind="text/plain").status == 415
    assert post(program, "/echo", b'"' + b"x" * 2000000 + b'"').status == 413
    assert post(program, "/people/7", b'{"name": "Ann"}', method="PUT").text == '{"id":7,"name":"Ann","age":18}'
    response = post(program, "/people/7", b'{"name": ""}', method="PUT")
    assert (response.status, response.text) == (422, 'name: expected a text of 1 to 80 characters, got ""\n')
    response = post(program, "/people/x", b'{"name": "Ann"}', method="PUT")
    assert (response.status, response.text) == (400, 'parameter id: expected an integer from 1 to 2147483647, got "x"\n')
    assert program.stop() == 0


def test_json_is_refused_before_it_is_sent(start, compile):
    """A client that asks for 100 (Continue) gets 415 instead, and sends nothing."""
    program = start([compile(JSON)])
    with Connection(program.port) as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
        assert c.read_response().status == 415
