"""examples/todo.c and todo_pg.c: one API on two databases."""
import json

import pytest

from harness import Connection


@pytest.fixture(params=["todo", "todo_pg"])
def api(request, start, tmp_path, postgres):
    if request.param == "todo_pg":
        postgres.sql("drop table if exists todo")
    program = start(request.param, env={"TODO_DB": str(tmp_path / "todo.db"), "DATABASE_URL": postgres.url, "SHALLOT_INSTANCES": "2"})

    def ask(method, path="", body=None, kind="application/json"):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        answer = program.get("/todos" + path, method=method, body=body, headers={"Content-Type": kind} if body else {})
        return answer.status, json.loads(answer.body) if "json" in answer.headers.get("content-type", "") else answer.text

    ask.program = program
    return ask


def test_add_list_change_and_drop(api):
    assert api("GET") == (200, [])
    assert api("POST", body={"title": "peel onions"}) == (201, {"id": 1, "title": "peel onions", "done": False})
    assert api("POST", body={"title": "cry – \"a bit\"", "done": True}) == (201, {"id": 2, "title": "cry – \"a bit\"", "done": True})
    assert api("GET", "/2") == (200, {"id": 2, "title": "cry – \"a bit\"", "done": True})
    assert api("PATCH", "/1", {"done": True}) == (200, {"id": 1, "title": "peel onions", "done": True})
    assert api("PATCH", "/1", {"title": "peel shallots"}) == (200, {"id": 1, "title": "peel shallots", "done": True})
    assert api("PATCH", "/1", {"title": None, "done": False}) == (200, {"id": 1, "title": "peel shallots", "done": False})
    assert api("PATCH", "/1", {}) == (200, {"id": 1, "title": "peel shallots", "done": False})
    assert api("DELETE", "/2") == (204, "")
    assert api("GET") == (200, [{"id": 1, "title": "peel shallots", "done": False}])


def test_what_is_wrong_is_said(api):
    api("POST", body={"title": "a"})
    api("POST", body={"title": "b"})
    assert api("GET", "/7") == (404, "no such todo\n")
    assert api("PATCH", "/7", {"done": True})[0] == 404
    assert api("DELETE", "/7")[0] == 404
    for path in ("/x", "/1.5", "/99999999999999999999", "/-"):
        assert api("GET", path)[0] == 400, path
    assert api("POST", body={"title": "a"}) == (409, '"a" is on the list already\n')
    assert api("PATCH", "/2", {"title": "a"}) == (409, '"a" is on the list already\n')
    for body, word in (({}, "title"), ({"title": ""}, "title"), ({"title": 5}, "title"), ({"title": "x" * 201}, "title"), ({"title": "c", "done": "yes"}, "done"), ([], "object")):
        status, text = api("POST", body=body)
        assert status == 422 and word in text, (body, text)
    assert api("POST", body=b"{") [0] == 400
    assert api("POST", body=b"title=a", kind="application/x-www-form-urlencoded")[0] == 415
    assert api("PUT", "/1", {})[0] == 405
    assert len(api("GET")[1]) == 2


def test_nothing_is_part_of_the_statement(api):
    for title in ("'; drop table todo; --", "$1 :title %s", "\\", "' or 1 = 1 --"):
        status, todo = api("POST", body={"title": title})
        assert status == 201 and todo["title"] == title
    assert [todo["title"] for todo in api("GET")[1]][0] == "'; drop table todo; --"


def test_many_at_once(api):
    """Over both workers; none is lost and none answered twice."""
    connections = [Connection(api.program.port) for _ in range(20)]
    ids = set()
    for n in range(5):
        for i, connection in enumerate(connections):
            connection.send_request("/todos", "POST", {"Content-Type": "application/json"}, json.dumps({"title": f"{n}-{i}"}).encode())
        for connection in connections:
            answer = connection.read_response()
            assert answer.status == 201, api.program.text()
            ids.add(json.loads(answer.body)["id"])
    assert len(ids) == 100 == len(api("GET")[1])
