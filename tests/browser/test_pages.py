"""The pages that help: crash, sanitizer, unhandled error, 404; what they say, that they can be used by keys, and that they fit a phone."""
import re

import pytest
from selenium.webdriver.common.keys import Keys

APP = """#include <shallot.h>
#include <stdlib.h>

static int *table;

__attribute__((noinline)) static int lookup(int n)
{
    return table[n]; /* the line that crashes */
}

static int crash(sl_ctx *c)
{
    return sl_text(c, "%d", lookup(3));
}

static int freed(sl_ctx *c)
{
    int *numbers = malloc(8 * sizeof *numbers);

    numbers[2] = 1;
    free(numbers); /* the line that frees */
    return sl_text(c, "%d", numbers[2]); /* the line that uses */
}

static int fails(sl_ctx *c)
{
    return sl_fail(c, 500, "the warehouse does not answer");
}

static int user(sl_ctx *c)
{
    return sl_text(c, "%s", sl_param(c, "name"));
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/crash", crash);
    sl_get(app, "/freed", freed);
    sl_get(app, "/fails", fails);
    sl_get(app, "/users/:name", user);
    return sl_listen(app);
}
"""


def line_of(words):
    """The number of the line of APP with these words."""
    return next(n for n, line in enumerate(APP.split("\n"), 1) if words in line)


def check(browser, name):
    """What every page has to be: fit for a phone, looked at by people, reachable by keys."""
    browser.shoot(name)
    browser.size(1280, 900)
    stops = browser.tab_stops()
    clickable = browser.run("return [...document.querySelectorAll('a[href], button, summary, input, [tabindex=\"0\"]')].filter(e => e.checkVisibility() && !e.disabled).length")
    assert len(stops) >= clickable, f"{len(stops)} of {clickable} can be reached by Tab: {stops}"


def test_the_page_of_a_crash_names_file_and_line_and_repeats_the_request(browser, dev):
    app = dev(APP)
    browser.open(app.url + "/crash?number=3").wait_text("SIGSEGV", "lookup", re.compile(rf"app\.c:\s*{line_of('the line that crashes')}\b"), "the line that crashes")
    text = browser.text()
    assert re.search(rf"curl .*127\.0\.0\.1:{app.program.port}/crash\?number=3", text), text
    check(browser, "crash")
    app.save(("return table[n]", "return table ? table[n] : n"))
    browser.wait_text(re.compile(r"^\s*3\s*$", re.M))  # the page is the request's again, with its answer


def test_the_page_of_a_memory_error_has_both_stacks(browser, dev):
    app = dev(APP, "--sanitize")
    app.program.report_expected = True
    browser.open(app.url + "/freed").wait_text("heap-use-after-free", re.compile(rf"app\.c:\s*{line_of('the line that uses')}\b"), re.compile(rf"app\.c:\s*{line_of('the line that frees')}\b"))
    check(browser, "sanitizer")


def test_the_page_of_an_error_nobody_handled(browser, dev):
    app = dev(APP)
    browser.open(app.url + "/fails").wait_text("the warehouse does not answer", "500")
    check(browser, "error")


def test_the_page_of_an_unknown_address_shows_the_routes(browser, dev):
    app = dev(APP)
    browser.open(app.url + "/user/ada").wait_text("404", "/users/:name", "/crash")
    check(browser, "not-found")


def test_the_overlay_is_used_by_keys(browser, dev):
    app = dev(APP)
    browser.open(app.url + "/user/ada").wait_text("404")
    app.save(("return table[n]", "return tabel[n]"))
    browser.wait_overlay("tabel")
    browser.wait(lambda: browser.focused() is not None and browser.focused()[0] != "body", "the focus in the overlay")
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: "return tabel[n]" not in browser.overlay(), "the overlay folded by Escape")
    app.save(("return tabel[n]", "return table[n]"))
    browser.wait_no_overlay()


@pytest.mark.parametrize("path, words", [("/crash", "lookup"), ("/fails", "the warehouse"), ("/nowhere", "404")], ids=["crash", "error", "not-found"])
def test_others_get_plain_text(dev, path, words):
    """curl is no browser."""
    app = dev(APP)
    response = app.program.get(path, headers={"Accept": "*/*"})
    assert "<html" not in response.text.lower() and not response.headers.get("content-type", "").startswith("text/html")
