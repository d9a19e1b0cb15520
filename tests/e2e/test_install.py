"""The library as a user gets it: installed, and from the build tree, by pkg-config alone."""
import os
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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    tree = tmp_path_factory.mktemp("tree")
    subprocess.run(["meson", "setup", tree, ROOT, f"--prefix={prefix}", "--libdir=lib", "-Dtests=false", "-Dexamples=false",
                    "-Dbench=false"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["meson", "install", "-C", tree, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return prefix


def test_installed_shared(installed, start, tmp_path):
    flags = pkg_config(installed / "lib/pkgconfig", "--cflags", "--libs", "shallot")
    program = start([build(tmp_path, flags)], env={"LD_LIBRARY_PATH": str(installed / "lib")})
    assert program.get("/").text == "Hello world\n"


def test_installed_static(installed, start, tmp_path):
    flags = pkg_config(installed / "lib/pkgconfig", "--static", "--cflags", "--libs", "shallot")
    program = start([build(tmp_path, ["-Wl,-Bstatic", "-lshallot", "-Wl,-Bdynamic", *[f for f in flags if f != "-lshallot"], f"-L{installed}/lib",
                                      "-Wl,-Bstatic", "-lshallot", "-Wl,-Bdynamic", "-lpcre2-8"])])
    assert program.get("/").text == "Hello world\n"


def test_uninstalled(start, tmp_path):
    flags = pkg_config(BUILD / "meson-uninstalled", "--cflags", "--libs", "shallot")
    program = start([build(tmp_path, flags)], env={"LD_LIBRARY_PATH": str(BUILD / "src")})
    assert program.get("/").text == "Hello world\n"


def test_the_installed_tool_builds_and_serves(installed, start, folder):
    file = folder("hello")
    program = start([installed / "bin/shallot", "dev", file], cwd=file.parent,
                    env={"PKG_CONFIG_PATH": str(installed / "lib/pkgconfig"), "LD_LIBRARY_PATH": str(installed / "lib")})
    assert program.get("/").text == "Hello world\n"


def test_a_worker_loads_a_handful_of_shared_objects(start):
    program = start("hello")
    maps = open(f"/proc/{program.workers()[0]}/maps").read()
    assert len({line.split()[-1] for line in maps.splitlines() if ".so" in line}) <= 6
