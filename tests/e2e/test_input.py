"""JSON, forms, uploads and typed values, through the wire."""
import json
import os
import re
import resource
import socket
import struct
from pathlib import Path

import pytest

from harness import LONG, PATIENCE, SANITIZED, Connection, wait_until

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


FORMS = r"""
#include <errno.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static int whole(sl_ctx *c)
{
    const sl_upload *file;
    int r = sl_request_form(c, .spool = getenv("SPOOL"), .file_bytes = (uint64_t)8 << 30);

    if (r < 0)
        return r;
    file = sl_form_file(c, "file");
    if (!file)
        return sl_text(c, "no file, note %s\n", sl_form(c, "note"));
    if (sl_form(c, "keep"))
        r = sl_upload_keep(c, file, sl_format(c, "%s/%s", getenv("KEPT"), file->filename));
    return r < 0 ? r : sl_text(c, "%llu %s %s\n", (unsigned long long)file->size, file->filename, sl_form(c, "note"));
}

static int pulled(sl_ctx *c)
{
    const sl_part *part;
    char buf[16384];
    uint64_t octets = 0;
    unsigned parts = 0;
    ssize_t n = 0;
    int r;

    while ((r = sl_part_next(c, &part)) > 0) {
        parts++;
        while ((n = sl_part_read(c, buf, sizeof buf)) > 0)
            octets += (uint64_t)n;
        if (n < 0)
            return (int)n;
    }
    return r < 0 ? r : sl_text(c, "%u %llu\n", parts, (unsigned long long)octets);
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1);

    sl_post(app, "/whole", whole);
    sl_post(app, "/pulled", pulled);
    return sl_listen(app);
}
"""


def field(name, value):
    return b'--XX\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"


def file_head(name, filename):
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()


def post_form(program, path, body):
    return post(program, path, body, kind="multipart/form-data; boundary=XX")


@pytest.fixture
def forms(start, compile, tmp_path):
    """forms(...) starts the program with folders for its spool and for what it keeps."""
    def run(**popen):
        folders = {"SPOOL": tmp_path / "spool", "KEPT": tmp_path / "kept"}
        for folder in folders.values():
            folder.mkdir()
        return start([compile(FORMS)], env={name: str(folder) for name, folder in folders.items()}, **popen)

    return run


def spooled(program):
    """Files without a name that the worker holds open."""
    worker, = program.workers()
    found = []
    for fd in Path(f"/proc/{worker}/fd").iterdir():
        try:
            if "/spool/" in os.readlink(fd):
                found.append(fd)
        except OSError:
            pass
    return found


def memory_peak(program):
    worker, = program.workers()
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{worker}/status").read_text()).group(1)) * 1024


def test_form(forms, tmp_path):
    program = forms()
    body = field("note", b"hello") + file_head("file", "../../a.txt") + b"content\r\n" + field("keep", b"1") + b"--XX--\r\n"
    assert post_form(program, "/whole", body).text == "7 a.txt hello\n"
    assert (tmp_path / "kept/a.txt").read_bytes() == b"content"
    assert post_form(program, "/whole", body).status == 500  # nothing is overwritten
    assert post(program, "/whole", b"note=a+b%21", kind="application/x-www-form-urlencoded").text == "no file, note a b!\n"
    response = post_form(program, "/whole", field("note", b"a\0b") + b"--XX--")
    assert (response.status, response.text) == (400, 'form field "note": a NUL in it\n')
    assert post(program, "/whole", b"note=a\0b", kind="application/x-www-form-urlencoded").status == 400
    assert post_form(program, "/whole", field("note", b"x" * 1100000) + b"--XX--").status == 413
    assert post_form(program, "/whole", field("note", b"x")).status == 400
    assert post_form(program, "/pulled", body).text == "3 13\n"
    assert list((tmp_path / "spool").iterdir()) == [] and spooled(program) == []
    assert program.stop() == 0


def upload(program, path, size):
    """Sends a file of zeros, one octet of which is not, with a field behind it."""
    tail = b"\r\n" + field("note", b"last") + field("keep", b"1") + b"--XX--\r\n"
    head = file_head("file", "large")
    block = bytes(1 << 20)
    with Connection(program.port, timeout=20 * PATIENCE) as c:
        c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=XX\r\n"
               f"Content-Length: {len(head) + size + len(tail)}\r\n\r\n".encode() + head + b"\1")
        left = size - 1
        while left:
            left -= c.socket.send(block[:left])
        c.send(tail)
        return c.read_response()


def test_large_upload_takes_no_memory(forms, tmp_path):
    size = (2 << 30 if LONG else 64 << 20) + 12345
    program = forms()
    assert upload(program, "/pulled", 1000).status == 200
    assert upload(program, "/whole", 1000).status == 200  # whatever is made once has been made
    (tmp_path / "kept/large").unlink()
    before = memory_peak(program)
    assert upload(program, "/pulled", size).text == f"3 {size + 5}\n"
    assert upload(program, "/whole", size).text == f"{size} large last\n"
    if not SANITIZED:
        assert memory_peak(program) - before < 1 << 20
    with open(tmp_path / "kept/large", "rb") as kept:
        assert kept.read(2) == b"\1\0" and kept.seek(0, 2) == size
    (tmp_path / "kept/large").unlink()


def test_disk_full(forms, tmp_path):
    """A limit of file sizes stands for the disk: what is too large is refused, nothing of it stays, and the next one is kept."""
    program = forms(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    response = upload(program, "/whole", 3 << 20)
    assert response.status == 507
    program.expect("no room for an upload in .*spool: File too large")
    assert list((tmp_path / "kept").iterdir()) == [] and list((tmp_path / "spool").iterdir()) == []
    assert upload(program, "/whole", 1 << 19).status == 200
    assert (tmp_path / "kept/large").stat().st_size == 1 << 19
    wait_until(lambda: spooled(program) == [], "spooled files are closed")


def test_client_gone(forms, tmp_path):
    program = forms()
    with Connection(program.port) as c:
        c.send("POST /whole HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: 1000000\r\n\r\n")
        c.send(file_head("file", "a") + bytes(200000))
        wait_until(lambda: spooled(program), "the file is on its way")
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: spooled(program) == [], "the spooled file is gone")
    assert list((tmp_path / "spool").iterdir()) == []
    assert post_form(program, "/whole", field("note", b"x") + b"--XX--").status == 200
    assert program.stop() == 0


def test_uploads_example(start, tmp_path):
    program = start("uploads", env={"UPLOADS": str(tmp_path / "files")})
    assert "<progress" in program.get("/").text
    data = bytes(range(256)) * 5000
    body = field("note", b"hello") + file_head("file", "a b.bin") + data + b"\r\n" + file_head("file", "<b>") + b"x\r\n--XX--"
    response = post_form(program, "/files", body)
    assert (response.status, response.text) == (201, f"2 files, {len(data) + 1} octets\n")
    assert post_form(program, "/files", body).status == 201
    assert sorted(program.get("/files").text.split("\n")) == ["", "2-_b_", "2-a b.bin", "_b_", "a b.bin"]
    assert program.get("/files/a%20b.bin").body == data
    assert program.get("/files/..%2Fa").status == 404
    assert program.get("/files/none").status == 404
    assert post_form(program, "/files", field("note", b"x") + b"--XX--").status == 422
    assert program.stop() == 0
