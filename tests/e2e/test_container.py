"""The container files say nothing that cannot be done. tests/container/check builds and runs the images for real, where buildah is installed; this is what can be told anywhere."""
import re
import shutil
import subprocess

import pytest

from harness import ROOT

TEXT = (ROOT / "packaging/Containerfile").read_text()
LINES = [line for line in re.sub(r"\\\n", " ", TEXT).splitlines() if line and not line.startswith("#")]


def stages():
    """{name: (what it is made from, its lines)}"""
    found = {}
    for line in LINES:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, [])
        else:
            found[name][1].append((word, rest))
    return found


def test_stages_stand_on_each_other():
    known = stages()
    assert list(known) == ["debian", "build", "dev", "runtime"]  # --target dev is what projects build in, the last is what they run in
    assert known["debian"] == ("docker.io/library/debian:bookworm-slim", [])
    for name, (base, lines) in known.items():
        assert base in known or name == "debian"
        for word, rest in lines:
            assert word in ("RUN", "COPY", "CMD", "USER", "WORKDIR", "ENV")
            copied = re.match(r"--from=(\w+) (/\w+) /$", rest) if word == "COPY" else None
            if copied:
                assert any(f"--destdir {copied.group(2)}" in r for w, r in known[copied.group(1)][1] if w == "RUN")


def test_the_last_one_is_no_root_and_has_no_compiler():
    lines = stages()["runtime"][1]
    assert any(word == "USER" and re.fullmatch(r"[1-9]\d*:[1-9]\d*", rest) for word, rest in lines)
    assert not re.search(r"\b(gcc|clang|make|meson)\b|-dev\b", " ".join(rest for _, rest in lines))


def test_commands_parse():
    for _, lines in stages().values():
        for word, rest in lines:
            if word == "RUN":
                done = subprocess.run(["sh", "-nc", rest], capture_output=True, text=True)
                assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="not Debian")
def test_packages_are_debians():
    names = {p for _, lines in stages().values() for word, rest in lines if word == "RUN"
             for part in re.findall(r"--no-install-recommends ([^&]*)", rest) for p in part.split()}
    assert len(names) > 15
    known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=True).stdout.split()
    if len(known) < 10000:
        pytest.skip("apt has no lists here")
    assert names <= set(known)


def test_options_are_mesons():
    """A feature that was renamed would otherwise be noticed by whoever builds the image."""
    options = set(re.findall(r"^option\('(\w+)'", (ROOT / "meson_options.txt").read_text(), re.M)) | {"debug"}
    assert set(re.findall(r" -D(\w+)=", TEXT)) <= options


def test_what_the_build_needs_is_not_left_out():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for needed in ("meson.build", "meson_options.txt", "src", "include", "cli", "docs/man", "docs/design", "packaging", "tools", "README.md", "CHANGELOG.md", "LICENSE"):
        assert (ROOT / needed).exists() and not any(re.fullmatch(i.replace(".", r"\.").replace("*", "[^/]*"), needed) for i in ignored), needed
