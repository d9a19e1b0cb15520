"""README and guide do what they say: every page is followed to the letter, and what they print is what the page shows."""
import pytest

from guide import ROOT, Session, blocks

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


def commands(page):
    return [b for b in blocks(page) if b.kind == "console" and b.note("not run") is None]


@pytest.mark.parametrize("page", TUTORIAL, ids=name)
def test_tutorial(page, tmp_path, start):
    session = Session(tmp_path, start)
    for earlier in TUTORIAL[:TUTORIAL.index(page)]:
        for block in blocks(earlier):
            session.edit(block)
    follow(session, page)


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=name)
def test_page(page, tmp_path, start):
    follow(Session(tmp_path, start), page)
