"""A page that is open while its program is changed: overlay, live reload, scroll, tabs; and the page of a program that does not start."""
import re

from selenium.webdriver.common.keys import Keys

APP = """#include <shallot.h>

static const char html[] =
    "<!doctype html><html lang=en><meta charset=utf-8><title>App</title>"
    "<meta name=viewport content='width=device-width'>"
    "<h1>version one</h1><input id=field><div style='height:4000px'></div><p>the end</p>"
    "<script>sessionStorage.seen = (sessionStorage.seen || '') + '|' + "
    "document.querySelector('h1').textContent</script>";

static int page(sl_ctx *c)
{
    sl_type(c, "text/html; charset=utf-8");
    return sl_body(c, html);
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/", page);
    return sl_listen(app);
}
"""
GOOD, BROKEN = "sl_body(c, html)", "sl_boddy(c, htm)"


def seen(browser):
    """The versions this tab has loaded, one after the other."""
    return browser.run("return sessionStorage.seen").split("|")[1:]


def test_the_overlay_comes_with_a_broken_save_and_goes_with_a_good_one(browser, dev):
    app = dev(APP)
    browser.open(app.url).wait_text("version one")
    app.save((GOOD, BROKEN))
    browser.wait_overlay("app.c", "sl_boddy")
    assert "version one" in browser.run("return document.body.innerText")  # the page is still there, under it
    browser.shoot("overlay")
    browser.press(Keys.ESCAPE)  # folded: the page can be used, and the overlay can be had again
    browser.wait(lambda: "sl_boddy(c" not in browser.overlay(), "a folded overlay")
    assert browser.overlay(), "something says that the build is broken"
    browser.shoot("overlay-folded")
    app.save((BROKEN, GOOD), ("version one", "version two"))
    browser.wait_text("version two")
    browser.wait_no_overlay()
    assert seen(browser) == ["version one", "version two"]


def test_the_overlay_goes_when_the_build_is_good_and_nothing_else_has_changed(browser, dev):
    app = dev(APP)
    browser.open(app.url).wait_text("version one")
    app.save((GOOD, BROKEN))
    browser.wait_overlay("sl_boddy")
    app.save((BROKEN, GOOD))
    browser.wait_no_overlay()
    browser.wait_text("version one")


def test_a_page_is_loaded_once_for_each_version_and_only_by_new_code(browser, dev):
    """Were it loaded before the new code serves, or twice, a version would stand there twice."""
    app = dev(APP)
    browser.open(app.url).wait_text("version one")
    versions = ["version one", "version two", "version three", "version four"]
    for before, after in zip(versions, versions[1:]):
        app.save((before, after))
        browser.wait_text(after)
    assert seen(browser) == versions


def test_the_place_on_the_page_is_kept(browser, dev):
    app = dev(APP)
    browser.open(app.url).wait_text("version one")
    browser.run("scrollTo(0, 1234)")
    app.save(("version one", "version two"))
    browser.wait_text("version two")
    browser.wait(lambda: browser.run("return scrollY") == 1234, "the same place")


def test_every_tab_is_loaded_anew(browser, dev):
    app = dev(APP)
    tabs = [browser.driver.current_window_handle, browser.new_tab(), browser.new_window()]
    for tab in tabs:
        browser.go(tab)
        browser.open(app.url).wait_text("version one")
    app.save(("version one", "version two"))
    for tab in reversed(tabs):
        browser.go(tab)
        browser.wait_text("version two")
        assert seen(browser) == ["version one", "version two"]


def test_the_page_of_a_first_build_that_fails_becomes_the_real_one(browser, dev):
    app = dev(APP.replace(GOOD, BROKEN))
    browser.open(app.url).wait_text("app.c", "sl_boddy")
    browser.shoot("first-build")
    app.save((BROKEN, BROKEN.replace("boddy", "bodddy")))  # wrong in another way: the page says so
    browser.wait_text("sl_bodddy")
    app.save((BROKEN.replace("boddy", "bodddy"), GOOD))
    browser.wait_text("version one")
    assert seen(browser) == ["version one"]


def test_the_page_of_a_program_that_crashes_at_start_becomes_the_real_one(browser, dev):
    app = dev(APP.replace("sl_app *app = sl_new();", "__builtin_abort(); sl_app *app = sl_new();"))
    browser.open(app.url).wait_text(re.compile("SIGABRT"))
    browser.shoot("crash-at-start")
    app.save(("__builtin_abort(); ", ""))
    browser.wait_text("version one")


def test_a_program_that_dies_as_a_whole_comes_back_in_the_same_page(browser, dev):
    """The page of a program stays, says what is the matter, and is loaded anew when there is a program again."""
    app = dev(APP)
    browser.open(app.url).wait_text("version one")
    app.save(("sl_app *app = sl_new();", "sl_app *app = sl_new(); if (sl_worker_id() > 0) __builtin_abort();"))
    browser.wait_overlay("SIGABRT")  # kept: the code before serves on
    browser.shoot("overlay-kept")
    app.save((" if (sl_worker_id() > 0) __builtin_abort();", ""), ("version one", "version two"))
    browser.wait_text("version two")
    browser.wait_no_overlay()


def test_what_is_no_page_is_left_alone(browser, dev):
    """Live reload is put into HTML answers only, and into these without changing what they say."""
    app = dev(APP.replace('    sl_get(app, "/", page);', '    sl_get(app, "/", page);\n    sl_get(app, "/data", data);')
              .replace("int main", 'static int data(sl_ctx *c) { sl_type(c, "application/json"); return sl_body(c, "{}"); }\n\nint main'))
    browser.open(app.url).wait_text("version one")
    assert browser.run("return fetch('/data').then(r => r.text())") == "{}"
    html = browser.run("return fetch('/').then(r => r.text())")
    assert "live.js" in html and html.replace(re.search(r"<script[^>]*live\.js[^>]*></script>", html)[0], "").strip().endswith("</script>")
