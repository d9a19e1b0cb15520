"""The library as a user gets it: installed, moved, and from the build tree, by pkg-config alone."""
import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT

pytestmark = pytest.mark.skipif("asan" in BUILD.name, reason="a program without sanitizers cannot use a library with them")


def pkg_config(path, *args):
    return subprocess.run(["pkg-config", *args], env={**os.environ, "PKG_CONFIG_PATH": str(path)}, capture_output=True, text=True,
                          check=True).stdout.split()


def build(folder, flags):
    program = folder / "hello"
    subprocess.run(["cc", ROOT / "examples/hello.c", "-o", program, *flags], check=True)
    return program


def names_of_the_reference():
    lines = subprocess.run([ROOT / "tools/reference", "names"], capture_output=True, text=True, check=True).stdout.splitlines()
    return len({line.split()[0] for line in lines})


class Installed:
    """What meson install made of the build tree, in a place that is not the prefix it was configured with."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.pkgconfig = next(prefix.rglob("pkgconfig"))
        self.lib = self.pkgconfig.parent
        self.env = {"LD_LIBRARY_PATH": str(self.lib), "PKG_CONFIG_PATH": str(self.pkgconfig)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    staged, moved = tmp_path_factory.mktemp("staged"), tmp_path_factory.mktemp("moved") / "here"
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], env={**os.environ, "DESTDIR": str(staged)}, check=True)
    assert [p.name for p in staged.iterdir()] == ["usr"], "outside of the prefix"
    shutil.move(staged / "usr/local", moved)
    return Installed(moved)


def test_all_of_it_and_nothing_else(installed):
    """Everything that is installed has its place here; what is new gets one."""
    kinds = {
        r"bin/shallot": 1,
        r"include/shallot\.h": 1,
        r"include/shallot/[a-z]+\.h": len(list((ROOT / "include/shallot").glob("*.h"))),
        r"LIB/libshallot(-crypto|-compress|-fetch|-pg)?\.(a|so|so\.0|so\.\d+\.\d+\.\d+)": 20,
        r"LIB/pkgconfig/shallot(-fetch|-pg)?\.pc": 3,
        r"lib/systemd/system/shallot@\.service": 1,
        r"share/doc/shallot/(README\.md|CHANGELOG\.md|LICENSE)": 3,
        r"share/(bash-completion/completions/shallot|zsh/site-functions/_shallot|fish/vendor_completions\.d/shallot\.fish)": 3,
        r"share/man/man1/shallot\.1": 1,
        r"share/man/man7/shallot\.7": 1,
        r"share/man/man3/shallot_[a-z]+\.3": len(list((ROOT / "include/shallot").glob("*.h"))),
        r"share/man/man3/(sl|SL)_\w+\.3": names_of_the_reference(),
    }
    lib = str(installed.lib.relative_to(installed.prefix))
    files = [str(p.relative_to(installed.prefix)).replace(lib + "/", "LIB/") for p in installed.prefix.rglob("*") if not p.is_dir()]
    found = {kind: sum(bool(re.fullmatch(kind, f)) for f in files) for kind in kinds}
    strange = [f for f in files if not any(re.fullmatch(kind, f) for kind in kinds)]
    assert not strange
    assert found == kinds


def test_installed_shared(installed, start, tmp_path):
    flags = pkg_config(installed.pkgconfig, "--cflags", "--libs", "shallot")
    program = start([build(tmp_path, flags)], env=installed.env)
    assert program.get("/").text == "Hello world\n"


def test_installed_static(installed, start, tmp_path):
    """One file without any library: with cc -static and pkg-config --static, whichever part of Shallot is used."""
    flags = pkg_config(installed.pkgconfig, "--static", "--cflags", "--libs", "shallot")
    for example in ("login", "hello"):
        subprocess.run(["cc", "-static", ROOT / f"examples/{example}.c", "-o", tmp_path / example, *flags], check=True)
    program = start([tmp_path / "hello"])
    assert program.get("/").text == "Hello world\n"


def test_static_against_shared_parts_needs_no_more_than_it_uses(installed, tmp_path):
    flags = pkg_config(installed.pkgconfig, "--static", "--cflags", "--libs", "shallot")
    program = build(tmp_path, flags)
    assert "libcrypto" not in subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("compiler, source", [("gcc", "macros.c"), ("clang", "macros.c"), ("g++", "overloads.cpp"), ("clang++", "overloads.cpp")])
def test_every_name_of_the_headers_is_there_to_link(installed, tmp_path, compiler, source):
    """The programs use each macro and overload; all that these call is exported."""
    flags = pkg_config(installed.pkgconfig, "--cflags", "--libs", "shallot", "shallot-fetch", "shallot-pg")
    done = subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", ROOT / "tests/headers" / source, "-o", tmp_path / "all", *flags],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "libshallot-crypto.so.0" in subprocess.run(["ldd", tmp_path / "all"], env={**os.environ, **installed.env}, capture_output=True, text=True).stdout


def test_uninstalled(start, tmp_path):
    flags = pkg_config(BUILD / "meson-uninstalled", "--cflags", "--libs", "shallot")
    program = start([build(tmp_path, flags)], env={"LD_LIBRARY_PATH": str(BUILD / "src")})
    assert program.get("/").text == "Hello world\n"


def test_the_installed_tool_builds_and_serves(installed, start, folder):
    """Without a word about where the library is: the tool looks beside itself."""
    file = folder("hello")
    program = start([installed.prefix / "bin/shallot", "dev", file], cwd=file.parent)
    assert program.get("/").text == "Hello world\n"


def test_a_worker_loads_a_handful_of_shared_objects(start):
    program = start("hello")
    maps = open(f"/proc/{program.workers()[0]}/maps").read()
    assert len({line.split()[-1] for line in maps.splitlines() if ".so" in line}) <= 6


def test_the_manual_knows_every_command_and_option():
    """What --help and help COMMAND name is in shallot(1)."""
    tool, page = BUILD / "cli/shallot", (ROOT / "docs/man/shallot.1").read_text().replace("\\-", "-")
    said = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  shallot ([a-z]+)", said, re.M)
    assert "dev" in commands and "verify" in commands
    for command in commands:
        assert re.search(rf"^\.S[SH] .*\b{command}\b|\bshallot {command}\b", page, re.M), f"{command} is not in shallot(1)"
        more = subprocess.run([tool, "help", command], capture_output=True, text=True).stdout
        missing = [o for o in re.findall(r"(?<![\w-])--[a-z]+[a-z-]*", more) if not re.search(rf"{o}\b", page)]
        assert not missing, f"options of {command} that are not in shallot(1)"
