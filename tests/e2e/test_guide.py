"""README and guide do what they say: every page is followed to the letter, and what they print is what the page shows."""
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from guide import ROOT, Session, blocks, clone

GUIDE = ROOT / "docs/guide"
TUTORIAL = sorted(GUIDE.glob("[0-9]-*.md"))
PAGES = [ROOT / "README.md", *sorted(p for p in GUIDE.rglob("*.md") if p not in TUTORIAL)]


def name(page):
    return str(page.relative_to(ROOT)) if hasattr(page, "relative_to") else "none"


def follow(session, page):
    for block in blocks(page):
        try:
            session.do(block)
        except AssertionError as error:
            raise AssertionError(f"{block.where}: {error}") from None
    session.end()


def runs(page):
    return any(b.kind in ("console", "sh") and b.note("not run") is None for b in blocks(page))


def everywhere(kind):
    return [b for page in [*PAGES, *TUTORIAL] for b in blocks(page) if b.kind == kind]


@pytest.mark.parametrize("page", TUTORIAL, ids=name)
def test_tutorial(page, tmp_path, start):
    session = Session(tmp_path, start)
    if page == TUTORIAL[0]:  # the reader has a clone, and nothing on the path yet
        clone(session.home / "shallot")
        session.forget_tool()
    for earlier in TUTORIAL[:TUTORIAL.index(page)]:
        for block in blocks(earlier):
            session.edit(block)
    follow(session, page)
    if page.stem == "5-chat":
        example = (ROOT / "examples/chat.c").read_text()
        assert (session.folder() / "chat.c").read_text() == example.partition("*/\n")[2]


@pytest.mark.parametrize("page", [p for p in PAGES if runs(p)], ids=name)
def test_page(page, tmp_path, start):
    session = Session(tmp_path, start)
    if page.parent == ROOT:  # README: read in a clone
        clone(session.home)
    follow(session, page)


def test_commands_that_are_not_run_have_a_reason_and_their_syntax(tmp_path):
    """A command in a block of another kind would be run by nobody."""
    for kind in ("", "text"):
        assert [b.where for b in everywhere(kind) if re.search(r"^\$ ", b.code, re.M)] == []
    for block in [*everywhere("console"), *everywhere("sh")]:
        reason = block.note("not run")
        if reason is None:
            continue
        assert len(reason) > 10, f"{block.where}: why is it not run?"
        script = "\n".join(command for command, _ in block.commands()) if block.kind == "console" else block.code
        assert script, block.where
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, f"{block.where}: {done.stderr}"


def test_the_picture_is_one():
    assert ElementTree.parse(ROOT / "docs/session.svg").getroot().tag.endswith("svg")


def test_json_blocks_are_json():
    for block in everywhere("json"):
        json.loads(block.code)


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
def test_nginx_takes_its_blocks(tmp_path):
    """As they are, but for what a test cannot have: certificates, ports below 1024."""
    for block in everywhere("nginx"):
        text = re.sub(r"^\s*ssl_.*\n", "", block.code, flags=re.M).replace("listen 443 ssl http2;", "listen 127.0.0.1:18443;")
        if "location" not in text:
            text = f"location / {{\n{text}}}\n"
        if "server {" not in text:
            text = f"server {{\n{text}}}\n"
        (tmp_path / "conf").write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n")
        done = subprocess.run(["nginx", "-t", "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "conf"], capture_output=True, text=True)
        assert done.returncode == 0, f"{block.where}: {done.stderr}"
