import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import harness  # noqa: E402
from postgres import Postgres  # noqa: E402


LONGEST = ["test_verify", "test_signals", "test_install", "test_governor", "test_pg", "test_fetch", "test_cluster", "test_proxy", "test_reload", "test_upgrade", "test_bus_stress", "test_guide", "test_dev", "test_sse", "test_login"]


def pytest_collection_modifyitems(items):
    """Longest files first: files run side by side, and the last one to begin should be short."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def pytest_configure(config):
    config.addinivalue_line("markers", "load: puts load on a server; left out under sanitizers")


@pytest.fixture
def start():
    """start("hello", ...) runs an example, start([path, ...]) any program; all are gone after the test, and none by force alone."""
    programs = []

    def run(command, *args, **kwargs):
        if isinstance(command, str):
            command = [harness.BUILD / "examples" / command]
        program = harness.Program([*command, *args], **kwargs)
        programs.append(program)
        return program

    yield run
    for load in harness.Load.running:
        load.stop()
    harness.Load.running.clear()
    for program in programs:
        if program.process.poll() is None:
            program.kill()
        program.reader.join(harness.PATIENCE)
        report = [line for line in program.lines if "ERROR: AddressSanitizer" in line or "runtime error:" in line or "LeakSanitizer" in line]
        assert program.report_expected or not report, "\n".join(program.lines[-80:])


def build_program(folder, source, name):
    file = folder / f"{name}.c"
    file.write_text(source)
    command = [harness.COMPILER, "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", *harness.SANITIZE, f"-I{harness.ROOT / 'include'}", str(file), "-o", str(folder / name),
               *harness.LIBRARIES]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.fixture
def compile(tmp_path):
    """compile(source_text) builds a program against the build tree's static library and returns its path."""
    def build(source, name="app"):
        return build_program(tmp_path, source, name)

    return build


@pytest.fixture(scope="module")
def compile_once(tmp_path_factory):
    """compile_once("pg") builds tests/e2e/programs/pg.c for all tests of a file."""
    built = {}

    def build(name):
        if name not in built:
            source = (harness.ROOT / "tests/e2e/programs" / f"{name}.c").read_text()
            built[name] = build_program(tmp_path_factory.mktemp(name), source, name)
        return built[name]

    return build


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL of this session's own: postgres.url; it may be stopped and started again."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def folder(tmp_path):
    """A folder with a copy of an example: folder("hello") returns the path of hello.c in it."""

    def copy(name):
        return Path(shutil.copy(harness.ROOT / "examples" / f"{name}.c", tmp_path / f"{name}.c"))

    return copy
