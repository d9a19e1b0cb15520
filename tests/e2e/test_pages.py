"""What development mode adds for a browser: pages that help, the overlay's stream, the script in HTML answers."""
import json

import pytest

from harness import BUILD, ROOT, Connection, wait_until

TOOL = BUILD / "cli/shallot"
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def dev(start, folder):
    def run(name, *args, **kwargs):
        file = folder(name)
        return file, start([TOOL, "dev", file, *args], **{"cwd": file.parent, **kwargs})

    return run


class Events:
    """A listener to /_shallot/live, as an EventSource is one."""

    def __init__(self, port):
        self.connection = Connection(port)
        self.connection.send_request("/_shallot/live", headers={"Accept": "text/event-stream"})
        status, headers, _ = self.connection.read_head()
        assert status == 200 and headers["content-type"] == "text/event-stream"
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def next(self):
        """Name and data of the next event; None at the end of the stream."""
        while True:
            while "\n\n" not in self.text:
                try:
                    piece = self.connection.read_chunk()
                except (EOFError, ConnectionError):
                    return None
                if not piece:
                    return None
                self.text += piece.decode()
            block, _, self.text = self.text.partition("\n\n")
            fields = dict(line.partition(": ")[::2] for line in block.split("\n") if line and not line.startswith(":"))
            if fields:
                return fields["event"], json.loads(fields["data"])

    def until(self, name, **data):
        """The first event of that name with these fields."""
        while True:
            event = self.next()
            assert event, f"the stream ended before {name} {data}"
            if event[0] == name and all(event[1].get(key) == value for key, value in data.items()):
                return event[1]


def test_production_has_none_of_it(start):
    program = start([BUILD / "examples/hello"])
    assert "_shallot" not in program.get("/_shallot/live.js").text


def test_the_script_is_there_in_development(dev):
    _, program = dev("hello")
    script = program.get("/_shallot/live.js")
    assert script.status == 200 and script.headers["content-type"].startswith("text/javascript")
    assert program.get("/_shallot/unknown").status == 404


def test_the_stream_names_the_code_that_serves(dev):
    file, program = dev("hello")
    with Events(program.port) as events:
        first = events.until("hello", stands_in=False)["from"]
        file.write_text(file.read_text().replace("Hello world", "Hello again"))
        while events.next():  # the stream ends with the worker
            pass
    with Events(program.port) as events:
        second = events.until("hello")["from"]
    assert first.split(".")[0] == second.split(".")[0] and int(second.split(".")[1]) > int(first.split(".")[1])
    assert program.get("/").text == "Hello again\n"


@pytest.fixture
def app(start, tmp_path):
    """A program that goes wrong in several ways, under `shallot dev`."""
    file = tmp_path / "app.c"
    file.write_text((ROOT / "tests/e2e/programs/pages.c").read_text())
    (tmp_path / "file.html").write_text("<html><body>from a file</body></html>")
    return file, start([TOOL, "dev", file], cwd=tmp_path)


def test_an_error_says_where_it_was_raised_and_what_was_before(app):
    _, program = app
    plain = program.get("/order")
    assert plain.status == 502 and plain.headers["content-type"].startswith("text/plain")
    page = program.get("/order", headers=HTML)
    assert page.status == 502 and page.headers["content-type"] == "text/html; charset=utf-8"
    for part in ["cannot load it", "the &lt;database&gt; does not answer", "app.c:<b>", "curl -i", "<tr class=\"here\">"]:
        assert part in page.text
    assert "<database>" not in page.text
    head = program.get("/order", headers=HTML, method="HEAD")
    assert (head.status, head.headers["content-type"]) == (502, "text/html; charset=utf-8")


def test_what_is_not_found_shows_what_there_is(app):
    _, program = app
    page = program.get("/oder", headers=HTML)
    assert page.status == 404 and '<tr class="near"><td>GET</td><td>/order ' in page.text
    assert program.get("/oder").text == "404 Not Found\n"
    page = program.get("/order", headers=HTML, method="POST")
    assert page.status == 405 and page.headers["allow"] == "GET, HEAD, OPTIONS" and "this path" in page.text


def test_who_crashed_the_worker_sees_where(app):
    _, program = app
    program.report_expected = True
    hostile = {**HTML, "X-Name": "<script>alert(1)</script> it's", "Cookie": "a=b"}
    page = program.get("/crash?q=%3Cb%3E", headers=hostile)
    assert page.status == 500 and page.headers["content-type"] == "text/html; charset=utf-8"
    for part in ["SIG", "app.c:<b>", "*nobody", "curl -i", "&lt;script&gt;alert(1)&lt;/script&gt;", "shallot crashes "]:
        assert part in page.text
    assert "<script>alert" not in page.text
    assert program.get("/crash").text == "Internal Server Error\n"
    assert program.get("/", headers=HTML).status == 200


def test_the_script_is_in_pages_and_nowhere_else(app):
    _, program = app
    for path in ["/", "/file.html", "/pushed"]:
        plain, page = program.get(path), program.get(path, headers={**HTML, "Accept-Encoding": "gzip", "If-None-Match": plain_tag(program, path)})
        assert b"live.js" not in plain.body and page.status == 200
        assert page.text.count("/_shallot/live.js") == 1 and "content-encoding" not in page.headers and "etag" not in page.headers
        assert page.text.index("/_shallot/live.js") < page.text.index("</body>")
        head = program.get(path, method="HEAD", headers=HTML)
        assert head.headers.get("content-length") == page.headers.get("content-length")
    assert "live.js" not in program.get("/json", headers=HTML).text


def plain_tag(program, path):
    return program.get(path).headers.get("etag", '"none"')


def test_a_broken_build_is_told_until_a_good_one(app):
    file, program = app
    with Events(program.port) as events:
        first = events.until("hello")["from"]
        good = file.read_text()
        file.write_text(good.replace("return sl_body", "return sl_bodyy"))
        number = events.until("build", state="failed")["number"]
        piece = program.get("/_shallot/build", headers=HTML)
        assert piece.status == 200 and "sl_bodyy" in piece.text and "<html" not in piece.text
        page = program.get("/_shallot/build", headers={**HTML, "Sec-Fetch-Mode": "navigate"})
        assert f'data-number="{number}"' in page.text and f'data-from="{first}"' in page.text
        file.write_text(good.replace("Home", "Hame"))
        events.until("build", state="good")
        assert program.get("/_shallot/build").status == 204
        while events.next():
            pass
    with Events(program.port) as events:
        assert events.until("hello")["from"] != first
    assert "Hame" in program.get("/").text


def test_new_code_that_does_not_start_is_told_with_its_crash(app):
    file, program = app
    program.report_expected = True
    with Events(program.port) as events:
        file.write_text(file.read_text().replace("sl_app *app = sl_new();", "sl_app *app = sl_new(); if (sl_worker_id()) __builtin_trap();"))
        events.until("build", state="kept")
        wait_until(lambda: "app.c:<b>" in program.get("/_shallot/build", headers=HTML).text, "the page says where")
    assert "Home" in program.get("/").text


def test_pages_can_be_turned_off(start, tmp_path):
    file = tmp_path / "app.c"
    file.write_text((ROOT / "tests/e2e/programs/pages.c").read_text())
    program = start([TOOL, "dev", file], cwd=tmp_path, env={"SHALLOT_PAGES": "off"})
    program.report_expected = True
    assert "live.js" not in program.get("/", headers=HTML).text
    assert program.get("/none", headers=HTML).text == "404 Not Found\n"
    assert program.get("/crash", headers=HTML).text == "Internal Server Error\n"
