"""Every example does what its first lines say."""
import time

from harness import Connection


def test_router(start):
    program = start("router")
    assert program.get("/users/42").text == "user 42\n"
    assert program.get("/users/a%2Fb%20c").text == "user a/b c\n"
    assert program.get("/files/docs/guide.md?lang=en").text == "file docs/guide.md in en\n"
    assert program.get("/files/docs/guide.md").text == "file docs/guide.md in any language\n"
    assert program.get("/1984").text == "everything of 1984\n"
    assert program.get("/3000").status == 404
    assert program.get("/api/notes").text == "1 milk\n7 bread\n"
    assert program.get("/api/notes/7", method="DELETE").status == 401
    assert program.get("/api/notes/7", method="DELETE", headers={"Authorization": "letmein"}).text == "note 7 is gone\n"
    response = program.get("/users/42", method="PATCH")
    assert response.status == 405 and "GET" in response.headers["allow"]


def test_middleware(start):
    program = start("middleware")
    response = program.get("/")
    assert response.status == 200 and response.headers["x-response-time"].endswith(" ms")
    response = program.get("/missing")
    assert (response.status, response.text) == (404, "<h1>404</h1><p>there is no /missing here</p>\n")
    assert "x-response-time" in response.headers
    assert program.get("/broken").status == 500
    program.expect("coffee machine")


def test_stream(start):
    program = start("stream")
    with Connection(program.port) as c:
        c.send_request("/ticks")
        status, headers, _ = c.read_head()
        assert status == 200 and headers["content-type"].startswith("text/event-stream")
        assert c.read_chunk().startswith(b"id: 0\ndata: ")
        assert program.get("/").status == 200  # the stream holds up nobody
        assert c.read_chunk().startswith(b"id: 1\ndata: ")


def test_upload(start, tmp_path):
    program = start("upload", env={"UPLOADS": str(tmp_path)})
    data = bytes(range(256)) * 20000
    response = program.get("/upload/some.bin", method="PUT", body=data)
    assert (response.status, response.text) == (201, f"{len(data)} bytes\n")
    assert (tmp_path / "some.bin").read_bytes() == data
    assert program.get("/upload/some.bin").body == data
    assert program.get("/upload/none").status == 404
    assert program.get("/upload/..%2Fsome.bin").status == 404
    assert program.get("/upload/..%2Fsome.bin", method="PUT", body=b"x").status == 400


def test_wait(start):
    program = start("wait", env={"SHALLOT_INSTANCES": "1"})
    with Connection(program.port) as slow:
        slow.send_request("/sleep/2000")
        assert program.get("/sleep/1").text == "slept 1 ms\n"
        assert program.get("/resolve/localhost").text in ("127.0.0.1\n", "::1\n")
        began = time.monotonic()
        assert program.get("/both").status == 200
        assert time.monotonic() - began < 5 * 0.3


def test_static(start, tmp_path):
    (tmp_path / "page.html").write_text("<p>a page")
    (tmp_path / "folder").mkdir()
    program = start("static", str(tmp_path))
    response = program.get("/page")
    assert (response.status, response.text) == (200, "<p>a page") and response.headers["cache-control"] == "no-cache"
    assert program.get("/page.html", headers={"Range": "bytes=3-3,-4"}).status == 206
    assert program.get("/page.html", headers={"If-None-Match": response.headers["etag"]}).status == 304
    assert program.get("/folder").headers["location"] == "/folder/"
    assert program.get("/../../etc/passwd").status == 404
    program.expect("GET /page.html 304")
