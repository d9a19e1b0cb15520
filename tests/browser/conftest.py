"""One headless Chromium for all tests here. Nothing sleeps: what a page is to show is waited for, generously."""
import base64
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import JavascriptException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from harness import BUILD, PATIENCE

TOOL = BUILD / "cli/shallot"
SHOTS = BUILD / "screenshots"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-backgrounding-occluded-windows", "--window-size=1280,900",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
DESKTOP, PHONE = (1280, 900), (360, 740)

# What the overlay shows: its text, through the shadow tree that keeps it apart from the page.
OVERLAY = "return document.querySelector('shallot-overlay')?.shadowRoot?.textContent ?? ''"
HIDDEN = r"""
// The visible text of everything, through shadow trees.
const texts = root => [...root.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [e.shadowRoot.textContent, ...texts(e.shadowRoot)] : []);
return [document.body?.innerText ?? '', ...texts(document)].join('\n');
"""


class Browser:
    """What the tests say to Chromium."""

    def __init__(self, driver):
        self.driver = driver
        self.requests = []  # addresses that pages of the present test have asked for

    def open(self, url):
        self.driver.get(url)
        return self

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def wait(self, condition, what, timeout=PATIENCE):
        """Waits for a condition of ours; while a page is being loaded anew there is nothing to ask, which counts as false."""
        def met(_):
            try:
                return condition()
            except (JavascriptException, WebDriverException) as error:
                if "invalid session" in str(error):
                    raise
                return False

        try:
            return WebDriverWait(self.driver, timeout, poll_frequency=0.03).until(met)
        except WebDriverException as error:
            raise AssertionError(f"waited for {what}; the page shows:\n{self.text()[:2000]}") from error

    def text(self):
        try:
            return self.run(HIDDEN)
        except WebDriverException as error:
            return f"(nothing: {error})"

    def wait_text(self, *words):
        """Waits until all these words, or regular expressions, are to be read on the page or over it."""
        self.wait(lambda: (lambda text: all(w.search(text) if isinstance(w, re.Pattern) else w in text for w in words))(self.text()), words)

    def overlay(self):
        return self.run(OVERLAY)

    def wait_overlay(self, *words):
        self.wait(lambda: (lambda text: text and all(w in text for w in words))(self.overlay()), f"an overlay with {words}")

    def wait_no_overlay(self):
        self.wait(lambda: not self.run("return document.querySelector('shallot-overlay') !== null"), "no overlay")

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        """What has the focus, seen through shadow trees: its tag and its text."""
        return self.run("let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
                        "return e ? [e.tagName.toLowerCase(), (e.getAttribute('aria-label') ?? e.textContent ?? '').trim().slice(0, 60)] : null")

    def tab_stops(self, at_most=60):
        """What can be reached by Tab, in order, from the beginning of the page until it begins anew."""
        self.run("document.activeElement?.blur(); getSelection()?.removeAllRanges(); scrollTo(0, 0)")
        stops = []
        for _ in range(at_most):
            self.press(Keys.TAB)
            here = self.run("let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
                            "if (!e || e === document.body) return null; e.__stop ??= ++(window.__stops ??= {n: 0}).n; return e.__stop")
            if here is None or here in [stop for stop, _ in stops]:
                break
            stops.append((here, self.focused()))
        return [what for _, what in stops]

    def size(self, width, height, dark=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                                               {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def too_wide(self):
        """What reaches beyond the window, and cannot be scrolled by itself; empty if the page fits."""
        return self.run("""
            const wide = document.documentElement.clientWidth + 1;
            const scrolls = e => { for (let p = e.parentElement ?? e.getRootNode().host; p; p = p.parentElement ?? p.getRootNode().host)
                if (p !== document.documentElement && p !== document.body && /auto|scroll|hidden/.test(getComputedStyle(p).overflowX)) return true; return false };
            const all = root => [...root.querySelectorAll('*')].flatMap(e => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
            const out = all(document).filter(e => e.getClientRects().length && e.getBoundingClientRect().right > wide && !scrolls(e));
            const page = document.documentElement.scrollWidth > wide ? ['the page is ' + document.documentElement.scrollWidth + ' wide'] : [];
            return [...page, ...out.map(e => e.tagName.toLowerCase() + '.' + e.className + ' ' + Math.round(e.getBoundingClientRect().right))].slice(0, 8)""")

    def shoot(self, name):
        """Four pictures for people to look at, and that the page fits a phone."""
        SHOTS.mkdir(exist_ok=True)
        wide = []
        for width, height in (PHONE, DESKTOP):
            for dark in (True, False):
                self.size(width, height, dark)
                if (width, height) == PHONE:
                    wide = wide or self.too_wide()
                picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
                kind = "phone" if width < 600 else "desktop"
                (SHOTS / f"{name}-{kind}-{'dark' if dark else 'light'}.png").write_bytes(base64.b64decode(picture))
        assert not wide, f"{name} does not fit {PHONE[0]} pixels: {wide}"

    def outside(self):
        """Addresses of other machines that pages have asked for since the last call."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urlsplit(message["params"]["request"]["url"])
                if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
                    found.append(url.geturl())
        return found

    def complaints(self):
        """What the console says that nobody expects: scripts that fail, policies that are broken."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and not re.search(r"Failed to load resource|net::ERR_", entry["message"])]

    def new_window(self):
        self.driver.switch_to.new_window("window")
        return self.driver.current_window_handle

    def new_tab(self):
        self.driver.switch_to.new_window("tab")
        return self.driver.current_window_handle

    def go(self, handle):
        """To a tab or window, as a person does: it is the one that is seen."""
        self.driver.switch_to.window(handle)
        self.driver.execute_cdp_cmd("Page.bringToFront", {})

    def close_all_but(self, handle):
        for other in self.driver.window_handles:
            if other != handle:
                self.driver.switch_to.window(other)
                self.driver.close()
        self.driver.switch_to.window(handle)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    program = shutil.which("chromium")
    service = shutil.which("chromedriver")
    if not program or not service:
        pytest.fail("no chromium or chromedriver: apt-get install chromium chromium-driver python3-selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    shutil.rmtree(SHOTS, ignore_errors=True)
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    driver = webdriver.Chrome(service=Service(service, env=clean), options=options)
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """A fresh page. Whatever a test does, no page asks another machine for anything, and no script fails."""
    b = Browser(chromium)
    first = chromium.current_window_handle
    b.size(*DESKTOP)
    chromium.get_log("performance")
    chromium.get_log("browser")
    yield b
    outside, complaints = b.outside(), b.complaints()
    b.close_all_but(first)
    chromium.get("about:blank")
    assert outside == [] and complaints == []


class Developed:
    """A program under shallot dev, and its source."""

    def __init__(self, file, program):
        self.file, self.program, self.text = file, program, file.read_text()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.program.port}"

    def save(self, *changes):
        """Saves as an editor does, by renaming: changes are pairs of old and new words."""
        for old, new in changes:
            assert old in self.text
            self.text = self.text.replace(old, new)
        fresh = self.file.with_suffix(".tmp~")
        fresh.write_text(self.text)
        os.rename(fresh, self.file)


@pytest.fixture
def dev(start, tmp_path):
    """dev(text, option, ...): shallot dev of a program with this text."""
    def run(text, *options, serves=True, **kwargs):
        file = Path(tmp_path / "app.c")
        file.write_text(text)
        program = start([TOOL, "dev", file, *options], cwd=tmp_path, wait_ready=False, **kwargs)
        program.port = int(program.expect(r"http://127\.0\.0\.1:(\d+)").group(1))
        return Developed(file, program)

    return run
