"""What development mode adds for a browser: pages that help, the overlay's stream, the script in HTML answers."""
import json

import pytest

from harness import BUILD, Connection

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
