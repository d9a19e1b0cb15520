"""What lives in a page: the dashboard of a cluster, and the chat between two windows over two workers."""
import os
import re
import signal

from harness import ROOT, children

CLUSTER = {"SHALLOT_INSTANCES": "2"}


def test_the_dashboard_shows_a_killed_worker_and_its_successor(browser, dev):
    app = dev((ROOT / "examples/hello.c").read_text())
    browser.open(app.url + "/_shallot")
    browser.wait_text(re.compile(r"(?i)worker"), re.compile(r"(?i)generation"))
    worker = worker_of(app.program)
    browser.wait_text(str(worker))
    browser.shoot("dashboard")
    os.kill(worker, signal.SIGKILL)
    browser.wait(lambda: (lambda now: now and now != worker and str(now) in browser.text())(worker_of(app.program)), "the successor")
    browser.wait_text(re.compile(r"SIGKILL|(?i:killed)"))
    browser.shoot("dashboard-after-a-death")


def worker_of(program):
    """The pid of the one worker: a grandchild of the tool."""
    return next((w for pid in children(program.pid) for w in children(pid)), None)


def test_a_chat_between_two_windows_over_two_workers(browser, start):
    """What one says both hear, in the same order; also when a worker is killed in their midst."""
    program = start("chat", env=CLUSTER)
    url = f"http://127.0.0.1:{program.port}"
    windows = [browser.driver.current_window_handle]
    browser.open(url)
    windows.append(browser.new_window())
    browser.open(url)
    for window in windows:
        browser.go(window)
        browser.wait(lambda: browser.run("return source.readyState") == 1, "the stream is open")

    def say(window, words):
        browser.go(window)
        browser.run("fetch('/say', {method: 'POST', body: arguments[0]})", words)

    def lines(window):
        browser.go(window)
        return browser.run("return [...lines.children].map(e => e.textContent)")

    said = []
    for n in range(6):
        said.append(f"line {n}")
        say(windows[n % 2], said[-1])
        for window in windows:
            browser.wait(lambda: lines(window)[-1:] == said[-1:], f"{said[-1]} in both windows")
    victim = program.workers()[0]
    os.kill(victim, signal.SIGKILL)
    program.wait_workers(2)
    said.append("after a death")
    say(windows[0], said[-1])
    for window in windows:
        browser.wait(lambda: [line for line in lines(window)] == said, "all of it, once, in both windows")
    browser.go(windows[0])
    browser.shoot("chat")
