"""Sessions and secrets over workers: the same in all of them, through reloads and deaths, and no serving without secrets."""
import os
import re
import signal
import threading

import pytest

from harness import request, wait_until

ONE = "0123456789abcdef0123456789abcdef"
TWO = "fedcba9876543210fedcba9876543210"

APP = """
#include <shallot.h>
#include <stdlib.h>
static int get(sl_ctx *c)
{
    const char *value = sl_session_get(c, sl_param(c, "key"));
    return sl_text(c, "%d %s", getpid(), value ? value : "-");
}
static int set(sl_ctx *c)
{
    int r = sl_session_set(c, sl_param(c, "key"), sl_query(c, "value"));
    return r < 0 ? r : sl_text(c, "%d", getpid());
}
static int login(sl_ctx *c)
{
    int r = sl_session_regenerate(c);
    return r < 0 ? r : set(c);
}
static int logout(sl_ctx *c) { return sl_session_destroy(c); }
static int stream(sl_ctx *c)
{
    int r = sl_session_set(c, "streamed", "yes");
    return r < 0 ? r : sl_write(c, "pushed", 6);
}
int main(void)
{
    sl_app *app = sl_new(.instances = 2, STANDALONE);
    sl_use(app, sl_session(app, .store = getenv("STORE") ? SL_SESSION_SHARED : SL_SESSION_COOKIE));
    sl_get(app, "/:key", get);
    sl_put(app, "/:key", set);
    sl_post(app, "/login/:key", login);
    sl_post(app, "/logout", logout);
    sl_post(app, "/stream", stream);
    return sl_listen(app);
}
"""


@pytest.fixture
def app(compile):
    return compile(APP.replace("STANDALONE", ".standalone = false"))


class Browser:
    """One visitor of a program: keeps the cookie."""

    def __init__(self, program, cookie=None):
        self.port, self.cookie = program.port, cookie

    def ask(self, path, method="GET"):
        response = request(self.port, path, method, {"Cookie": self.cookie} if self.cookie else {})
        for pair in re.findall(r"^set-cookie: ([^;]*)", response.raw.decode("latin-1"), re.I | re.M):
            self.cookie = pair if not pair.endswith("=") else None
        assert response.status == 200, response.text
        return response.text

    def get(self, key):
        return self.ask(f"/{key}").split()[1]

    def set(self, key, value):
        self.ask(f"/{key}?value={value}", "PUT")

    def login(self, value):
        self.ask(f"/login/user?value={value}", "POST")

    def logout(self):
        self.ask("/logout", "POST")


def seen_by_both(program, browser, key, value):
    """Each of the two workers is asked at least once; all say the same."""
    workers, seen = set(program.wait_workers(2)), set()

    def ask():
        pid, found = browser.ask(f"/{key}").split()
        assert found == value
        seen.add(int(pid))
        return seen >= workers

    wait_until(ask, lambda: f"{workers} all answer, {seen} did")


def reload(program):
    old = set(program.wait_workers(2))
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.workers()) == 2 and not old & set(program.workers()), "the old workers are gone")


def kill_all(program):
    for worker in program.wait_workers(2):
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in program.workers(), "it is dead")
    program.wait_workers(2)


@pytest.fixture(params=["cookie", "shared"])
def store(request):
    return {"SHALLOT_SECRETS": ONE, **({"STORE": "shared"} if request.param == "shared" else {})}


def test_survives_reloads_and_deaths(app, start, store):
    program = start([app], env=store)
    browser = Browser(program)
    browser.set("cart", "17")
    browser.login("ada")
    seen_by_both(program, browser, "user", "ada")
    reload(program)
    seen_by_both(program, browser, "user", "ada")
    kill_all(program)
    seen_by_both(program, browser, "user", "ada")
    assert browser.get("cart") == "17"
    browser.logout()
    assert browser.cookie is None
    assert browser.get("user") == "-"
    assert program.stop() == 0


def test_ended_everywhere_at_once(app, start):
    program = start([app], env={"STORE": "shared"})  # the id is no secret's work: none is needed
    browser = Browser(program)
    browser.set("cart", "17")
    before = browser.cookie
    browser.login("ada")
    thief = Browser(program, browser.cookie)
    assert browser.cookie != before
    seen_by_both(program, Browser(program, before), "cart", "-")
    seen_by_both(program, thief, "user", "ada")
    browser.logout()
    seen_by_both(program, thief, "user", "-")
    assert thief.cookie is not None  # nobody told that browser


def test_requests_at_once_lose_nothing(app, start):
    program = start([app], env={"STORE": "shared"})
    browser = Browser(program)
    browser.set("first", "1")

    def work(number):
        mine = Browser(program, browser.cookie)
        for i in range(20):
            mine.set(f"key{number}-{i}", str(i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        for i in range(20):
            assert browser.get(f"key{number}-{i}") == str(i)


def test_pushed_answers_carry_it(app, start, store):
    program = start([app], env=store)
    browser = Browser(program)
    assert browser.ask("/stream", "POST") == "pushed"
    assert browser.get("streamed") == "yes"


@pytest.mark.parametrize("env, complaint", [
    ({}, "no secrets: set SHALLOT_SECRETS to a random text of 32 octets or more"),
    ({"SHALLOT_SECRETS": "changeme"}, "SHALLOT_SECRETS: secret 1 has 8 octets"),
    ({"SHALLOT_SECRETS": f"{ONE} short"}, "SHALLOT_SECRETS: secret 2 has 5 octets"),
    ({"SHALLOT_SECRETS": "x" * 40}, "SHALLOT_SECRETS: secret 1 can be guessed"),
    ({"SHALLOT_SECRETS_FILE": "/nonexistent"}, "SHALLOT_SECRETS_FILE=/nonexistent: No such file"),
])
def test_no_serving_without_secrets(app, start, env, complaint):
    program = start([app], env=env, wait_ready=False)
    assert program.wait() == 1
    assert len(program.matches(re.escape(complaint))) == 1, program.text()
    assert not program.matches("http://")
    assert "x" * 40 not in program.text()


def test_new_secrets_by_a_reload(app, start, tmp_path):
    file = tmp_path / "secrets"
    file.write_text(ONE + "\n")
    program = start([app], env={"SHALLOT_SECRETS_FILE": str(file)})
    browser = Browser(program)
    browser.login("ada")
    old = browser.cookie
    file.write_text(f"{TWO}\n{ONE}\n")
    reload(program)
    seen_by_both(program, browser, "user", "ada")
    browser.set("more", "1")  # seals it by the new one
    file.write_text(TWO)
    reload(program)
    seen_by_both(program, browser, "user", "ada")
    seen_by_both(program, Browser(program, old), "user", "-")
    file.write_text("weak")  # refused: the old generation stays
    program.signal(signal.SIGHUP)
    program.expect("SHALLOT_SECRETS_FILE: secret 1 has 4 octets")
    seen_by_both(program, browser, "user", "ada")


def test_development_makes_one_up(app, start):
    program = start([app], env={"SHALLOT_MODE": "development"})
    program.expect("SHALLOT_SECRETS is not set: sessions and signed cookies end with this program")
    browser = Browser(program)
    browser.login("ada")
    for how in (signal.SIGKILL, signal.SIGHUP):
        old = program.wait_workers(1)[0]
        os.kill(old, how) if how == signal.SIGKILL else program.signal(how)
        wait_until(lambda: old not in program.workers() and len(program.workers()) == 1, "another worker serves")
        assert browser.get("user") == "ada"
    assert len(program.matches("SHALLOT_SECRETS is not set")) == 1


def test_standalone(compile, start, store):
    program = start([compile(APP.replace("STANDALONE", ".standalone = true"))], env=store)
    browser = Browser(program)
    browser.login("ada")
    assert browser.get("user") == "ada"
    assert program.stop() == 0
