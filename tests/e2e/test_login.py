"""The example with a login: through wrong passwords, strange forms, a reload and deaths of workers."""
import os
import re
import signal
from urllib.parse import urlencode

from harness import request, wait_until


class Browser:
    def __init__(self, program):
        self.program, self.cookie, self.token = program, None, None

    def ask(self, path="/", form=None, **headers):
        if self.cookie:
            headers["Cookie"] = self.cookie
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        response = request(self.program.port, path, "POST" if form is not None else "GET", headers, body)
        for pair in re.findall(r"^set-cookie: ([^;]*)", response.raw.decode(), re.I | re.M):
            self.cookie = pair if not pair.endswith("=") else None
        token = re.search(r'name="csrf_token" value="([\w-]+)"', response.text)
        self.token = token.group(1) if token else self.token
        return response

    def log_in(self, name="ada", password="lovelace", **headers):
        return self.ask("/login", {"name": name, "password": password, "csrf_token": self.token or ""}, **headers)

    def visits(self):
        found = re.search(r"Hello ada, this is visit (\d+), through worker (\d+)", self.ask().text)
        return int(found.group(1)) if found else None


def test_login(start):
    program = start("login", env={"SHALLOT_INSTANCES": "2"})
    browser = Browser(program)
    assert browser.log_in().status == 403  # no token
    assert "Who are you?" in browser.ask().text
    for name, password in (("ada", "Lovelace"), ("ada", ""), ("bob", "lovelace"), ("", ""), ("ada' or 1", "x\r\n")):
        response = browser.log_in(name, password)
        assert response.status == 401 and "No, that is not it." in response.text
    assert browser.visits() is None
    before = browser.cookie
    assert browser.log_in(Origin="http://evil.example").status == 403
    assert browser.log_in(**{"Sec-Fetch-Site": "cross-site"}).status == 403
    response = browser.log_in()
    assert (response.status, response.headers["location"]) == (303, "/")
    assert browser.cookie != before
    assert browser.visits() == 1

    old = set(program.wait_workers(2))
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.workers()) == 2 and not old & set(program.workers()), "the old workers are gone")
    assert browser.visits() == 2
    for worker in program.wait_workers(2):
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in program.workers(), "it is dead")
        assert browser.visits() in (3, 4)
    program.wait_workers(2)
    assert browser.visits() == 5

    thief = Browser(program)
    thief.cookie = before
    assert thief.visits() is None
    thief.cookie = browser.cookie
    assert thief.visits() == 6
    assert browser.ask("/logout", {"csrf_token": "wrong"}).status == 403
    assert browser.ask("/logout", {"csrf_token": browser.token}).status == 303
    assert browser.cookie is None
    assert thief.visits() is None
    assert program.stop() == 0
