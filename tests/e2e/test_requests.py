"""Requests between workers: one reply, an error at once when there can be none, or the deadline."""
import os
import re
import signal
import threading
import time

import pytest

from harness import PATIENCE, Connection, suspend, wait_until

PROGRAM = """
#include <errno.h>
#include <shallot.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static long seen;

static void on_mark(sl_app *app, const sl_message *m, void *self) { seen++; }

static int on_echo(sl_app *app, const sl_message *m, void *self)
{
    char text[64];
    int len = snprintf(text, sizeof text, "worker %d for worker %d after %ld: ", sl_worker_id(), m->from, seen);
    char *whole = malloc((size_t)len + m->len);
    int r;

    memcpy(whole, text, (size_t)len);
    memcpy(whole + len, m->data, m->len);
    r = sl_reply(m, whole, (size_t)len + m->len);
    free(whole);
    return r;
}

static int on_slow(sl_app *app, const sl_message *m, void *self)
{
    printf("worker %d is slow\\n", sl_worker_id());
    sl_sleep((unsigned)atoi(m->data));
    printf("worker %d replies: %s\\n", sl_worker_id(), sl_strerror(sl_reply(m, "late", 4)));
    return 0;
}

static int on_death(sl_app *app, const sl_message *m, void *self)
{
    printf("worker %d begins\\n", sl_worker_id());
    return sl_sleep(60000);
}

static int on_refuse(sl_app *app, const sl_message *m, void *self) { return -EACCES; }

static int on_size(sl_app *app, const sl_message *m, void *self)
{
    size_t len = (size_t)atol(m->data), good = 0;
    char *bytes = malloc(len + 1);
    int r;

    memset(bytes, 'x', len);
    for (const char *p = m->data; good < m->len; good++)
        if (good > 10 && p[good] != 'x')
            break;
    r = good == m->len ? sl_reply(m, bytes, len) : -EBADMSG;
    free(bytes);
    return r;
}

static int on_relay(sl_app *app, const sl_message *m, void *self) /* an answer that needs another */
{
    void *reply;
    size_t len;
    int r = sl_request(app, m->from, "echo", "back", 4, 10000, &reply, &len);

    if (r < 0)
        return r;
    r = sl_reply(m, reply, len);
    free(reply);
    return r;
}

static int ask(sl_ctx *c)
{
    const char *data = sl_param(c, "data");
    void *reply = NULL;
    size_t len = 0;
    int r;

    if (strcmp(sl_param(c, "marks"), "0") != 0)
        for (int i = 0; i < atoi(sl_param(c, "marks")); i++)
            sl_send(sl_app_of(c), "mark", NULL, 0);
    r = sl_request(sl_app_of(c), atoi(sl_param(c, "to")), sl_param(c, "topic"), data, strlen(data) + 1, (unsigned)atoi(sl_param(c, "ms")), &reply, &len);
    r = r < 0 ? sl_text(c, "error: %s", sl_strerror(r)) : sl_text(c, "reply of %zu: %.80s", len, (char *)reply);
    free(reply);
    return r;
}

static int large(sl_ctx *c)
{
    size_t len = (size_t)atol(sl_param(c, "len")), got, good = 0;
    char *data = malloc(len + 32);
    void *reply;
    int r;

    memset(data, 'x', len + 32);
    snprintf(data, 11, "%-9zu", len);
    data[10] = 'x';
    r = sl_request(sl_app_of(c), SL_ANY_WORKER, "size", data, len + 32, 20000, &reply, &got);
    free(data);
    if (r < 0)
        return sl_text(c, "error: %s", sl_strerror(r));
    while (good < got && ((char *)reply)[good] == 'x')
        good++;
    free(reply);
    return sl_text(c, "%zu good %zu", got, good);
}

static int who(sl_ctx *c) { return sl_text(c, "%d %d", sl_worker_id(), (int)getpid()); }

int main(void)
{
    sl_app *app = sl_new(.instances = 3);

    sl_on_message(app, "mark", on_mark, NULL);
    sl_on_request(app, "echo", on_echo, NULL);
    sl_on_request(app, "slow", on_slow, NULL);
    sl_on_request(app, "death", on_death, NULL);
    sl_on_request(app, "refuse", on_refuse, NULL);
    sl_on_request(app, "size", on_size, NULL);
    sl_on_request(app, "relay", on_relay, NULL);
    sl_get(app, "/who", who);
    sl_get(app, "/large/:len", large);
    sl_get(app, "/:to/:topic/:data/:ms/:marks", ask);
    return sl_listen(app);
}
"""


@pytest.fixture
def asking(compile, start):
    program = start([compile(PROGRAM)])
    program.expect("http://", count=3)
    return program


def ask(program, to, topic="echo", data="x", ms=20000, marks=0):
    return program.get(f"/{to}/{topic}/{data}/{ms}/{marks}").text


class Asker:
    """A kept connection, so that the worker that asks is known; asks in a thread of its own where others go on."""

    def __init__(self, program):
        self.connection = Connection(program.port)
        self.id, self.pid = map(int, self.connection.get("/who").text.split())
        self.others = [n for n in (1, 2, 3) if n != self.id]

    def ask(self, to, topic="echo", data="x", ms=20000, marks=0):
        return self.connection.get(f"/{to}/{topic}/{data}/{ms}/{marks}").text

    def begin(self, *args, **kwargs):
        self.took, self.text = None, None

        def run():
            begin = time.monotonic()
            self.text = self.ask(*args, **kwargs)
            self.took = time.monotonic() - begin

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def end(self):
        self.thread.join(PATIENCE)
        return self.text


def pid_of(program, worker):
    """By the process title: "shallot: worker N (app)"."""
    for pid in program.workers():
        with open(f"/proc/{pid}/cmdline") as f:
            if f"worker {worker} " in f.read():
                return pid
    raise AssertionError(f"there is no worker {worker}")


def test_each_worker_can_be_asked_and_the_own_one_too(asking):
    asker = Asker(asking)
    for to in (1, 2, 3):
        assert re.fullmatch(rf"reply of \d+: worker {to} for worker {asker.id} after 0: hello", asker.ask(to, data="hello"))


def test_any_worker_is_asked_in_turn(asking):
    asker = Asker(asking)
    answered = [int(re.search(r"worker (\d+) for", asker.ask(-1)).group(1)) for _ in range(6)]
    assert sorted(set(answered)) == asker.others
    assert all(a != b for a, b in zip(answered, answered[1:]))


def test_a_request_comes_after_the_messages_before_it(asking):
    asker = Asker(asking)
    for n in range(1, 4):
        assert f"after {n * 500}: " in asker.ask(asker.others[n % 2], marks=500)


def test_errors(asking):
    asker = Asker(asking)
    assert asker.ask(99) == "error: No such process"
    assert asker.ask(0) == "error: Invalid argument"
    assert asker.ask(1, ms=0) == "error: Invalid argument"
    assert asker.ask(1, "unheard") == "error: No such file or directory"
    assert asker.ask(1, "refuse") == "error: Permission denied"


def test_large_requests_and_replies(asking):
    for size in (100, 32700, 70000, 5 << 20):
        assert asking.get(f"/large/{size}").text == f"{size} good {size}"


def test_an_answer_may_ask_back(asking):
    asker = Asker(asking)
    assert f"worker {asker.id} for worker {asker.others[0]} after 0: back" in asker.ask(asker.others[0], "relay")


def test_the_deadline_and_a_late_reply(asking):
    asker = Asker(asking)
    to = asker.others[0]
    assert asker.ask(to, "slow", "300", ms=20) == "error: Connection timed out"
    asking.expect(rf"^worker {to} replies: (Success|ok)")
    assert f"worker {to} for" in asker.ask(to)  # and not the late one
    assert asking.process.poll() is None


def test_a_stopped_worker_is_given_up_at_the_deadline(asking):
    asker = Asker(asking)
    pid = pid_of(asking, asker.others[0])
    suspend(pid)
    asker.begin(asker.others[0], ms=300)
    assert asker.end() == "error: Connection timed out"
    assert 0.25 < asker.took < PATIENCE
    os.kill(pid, signal.SIGCONT)
    assert f"worker {asker.others[0]} for" in asker.ask(asker.others[0])


def test_the_death_of_the_answerer_is_told_at_once(asking):
    asker = Asker(asking)
    to = asker.others[1]
    asker.begin(to, "death", ms=20000)
    asking.expect(rf"^worker {to} begins$")
    os.kill(pid_of(asking, to), signal.SIGKILL)
    assert asker.end() == "error: Connection reset by peer"
    assert asker.took < 10  # half of the deadline
    assert asker.ask(to) == "error: No such process"


def test_a_stop_waits_for_answers(asking):
    asker = Asker(asking)
    asker.begin(asker.others[0], "slow", "500")
    asking.expect(r"is slow$")
    asking.signal(signal.SIGTERM)
    assert asker.end() == "reply of 4: late"
    assert asking.wait() == 0


def test_many_at_once_under_deaths(asking):
    """Every one of 600 requests comes back, as workers are killed."""
    results, lock = [], threading.Lock()

    def client():
        for _ in range(100):
            try:
                text = ask(asking, -1, ms=10000)
            except (OSError, EOFError):
                text = "the asker died"
            with lock:
                results.append(text)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for goal in (100, 250, 400):
        wait_until(lambda: len(results) >= goal, lambda: f"{len(results)} of {goal}")
        os.kill(asking.workers()[0], signal.SIGKILL)
    for thread in threads:
        thread.join(PATIENCE)
    assert len(results) == 600
    bad = [text for text in results if not text.startswith("reply of ")]
    assert all(text in ("the asker died", "error: Connection reset by peer") for text in bad), bad
    assert len(bad) < 60


def test_standalone(compile, start):
    program = start([compile(PROGRAM.replace(".instances = 3", ".standalone = true"))])
    assert ask(program, 1, data="me") == "reply of 34: worker 1 for worker 1 after 0: me"
    assert ask(program, -1).startswith("reply of ")
    assert ask(program, 2) == "error: No such process"
    assert ask(program, 1, "slow", "300", ms=20) == "error: Connection timed out"
