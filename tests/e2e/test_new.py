"""shallot new: each template builds, passes its own tests, and holds what its README and its first lines say."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import BUILD, COMPILER, ROOT, SANITIZE

TOOL = BUILD / "cli/shallot"
TEMPLATES = ["hello", "api", "site", "chat"]
MADE = {
    "hello": set(),
    "api": set(),
    "site": {"public/index.html", "public/about.html", "public/404.html", "public/style.css", "public/icon.svg", "public/visits.js"},
    "chat": {"public/index.html", "public/style.css", "public/icon.svg", "public/chat.js"},
}
COMMON = {"Makefile", ".gitignore", "Containerfile", "README.md", "tests/start.sh", "tests/test.sh"}

# As a newcomer has it whose Shallot lies in a folder of its own: pkg-config and the loader are told where.
ENV = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOT_") and k not in ("PORT", "HOST", "CC", "CFLAGS", "MAKEFLAGS")}
ENV.update(PKG_CONFIG_PATH=str(BUILD / "meson-uninstalled"), LD_LIBRARY_PATH=str(BUILD / "src"), CC=COMPILER,
           CFLAGS=" ".join(["-O1", "-Werror", *SANITIZE]))


def run(*command, cwd, status=0, env=ENV, **kwargs):
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def files_of(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


@pytest.fixture(scope="module", params=TEMPLATES)
def project(request, tmp_path_factory):
    """A project of each template, built; all of its tests share it."""
    folder = tmp_path_factory.mktemp("new")
    name = f"my-{request.param}"
    said = run(TOOL, "new", name, "--template", request.param, cwd=folder)
    assert re.search(rf"next +cd {name}\n +shallot dev\n$", said)
    made = files_of(folder / name)
    assert made == COMMON | MADE[request.param] | {f"{name}.c", f"{name}.service"}
    assert [p.name for p in folder.iterdir()] == [name]  # nothing is left of the making
    run("make", cwd=folder / name)
    return folder / name


def template_of(project):
    return project.name.removeprefix("my-")


def test_its_own_tests_pass_and_tell_what_they_did(project):
    said = run("make", "test", cwd=project)
    assert said.count("  ok  ") >= 3 and "failed" not in said


MISTAKES = {
    "hello": ("Hello %s", "Hullo %s"), "api": ("SL_BETWEEN(1450, 2100)", ".optional = true"),
    "site": ("public/404.html", "public/about.html"), "chat": ("SL_BETWEEN(1, 300)", "SL_BETWEEN(0, 300)"),
}


def test_its_own_tests_fail_when_it_is_broken(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / project.name)
    source = copy / f"{project.name}.c"
    assert source.read_text().count(MISTAKES[template_of(project)][0]) == 1
    source.write_text(source.read_text().replace(*MISTAKES[template_of(project)]))
    assert run("make", "test", cwd=copy, status=2).count("  failed  ") in (1, 2)


def test_at_most_60_lines_of_c_to_read(project):
    text = (project / f"{project.name}.c").read_text()
    assert text.count("\n") <= 60 and not re.search(r"@\w+@", text)


def test_no_mark_is_left(project):
    for path in files_of(project):
        if path.endswith((".o", ".d")) or path == project.name:
            continue
        assert not re.search(r"@[A-Za-z]+@", (project / path).read_text()), path


@pytest.mark.skipif(not shutil.which("git"), reason="no git here")
def test_what_is_built_is_ignored_by_git_and_cleaned(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / project.name)
    run("git", "init", "-q", cwd=copy)
    assert run("git", "status", "--porcelain", "-uall", "--ignored", cwd=copy).count("!!") == 3  # program, object, dependencies
    run("make", "clean", cwd=copy)
    assert "!!" not in run("git", "status", "--porcelain", "-uall", "--ignored", cwd=copy)


def test_changed_headers_are_noticed_and_nothing_else_is_built_again(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / project.name)
    source = copy / f"{project.name}.c"
    assert "up to date" in run("make", cwd=copy)
    source.write_text('#include "own.h"\n' + source.read_text())
    (copy / "own.h").write_text("\n")
    run("make", cwd=copy)
    assert "up to date" in run("make", cwd=copy)
    (copy / "own.h").write_text("#error changed\n")
    os.utime(copy / "own.h", (2**31, 2**31))
    assert "#error changed" in run("make", cwd=copy, status=2)


def test_the_commands_of_the_readme_run(project, start):
    """Each command of the first block by itself; those under "Try" against the running program."""
    text = (project / "README.md").read_text()
    first, tried = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["shallot dev", "make", "make test", f"./{project.name}"]
    program = start([project / project.name], cwd=project, env=ENV)
    for command in tried.splitlines():
        expected = 28 if " -m 3 " in command else 0  # a stream has no end
        assert run("sh", "-c", command.replace("localhost:9090", f"127.0.0.1:{program.port}"), cwd=project, status=expected)
    for name in re.findall(r"^\| `([^`]+)`", text, re.M):
        assert (project / name).exists(), name


def test_shallot_dev_in_it_works_at_once(project, start, tmp_path):
    copy = shutil.copytree(project, tmp_path / project.name)
    run("make", "clean", cwd=copy)
    program = start([TOOL, "dev"], cwd=copy, env={"CFLAGS": ENV["CFLAGS"]})
    assert program.get({"api": "/books"}.get(template_of(project), "/")).status == 200


@pytest.fixture(scope="module")
def installed(project):
    prefix = project.parent / "usr"
    run("make", "install", f"PREFIX={prefix}", cwd=project)
    return prefix


def test_installed_it_is_served_from_where_its_unit_says(installed, project, start):
    unit = (installed / f"lib/systemd/system/{project.name}.service").read_text()
    setting = dict(re.findall(r"^(\w+)=(.*)$", unit, re.M))
    assert setting["Type"] == "notify" and setting["ExecStart"] == str(installed / "bin" / project.name)
    program = start([setting["ExecStart"]], cwd=setting.get("WorkingDirectory", "/"), env=ENV)
    health = re.search(r"HEALTHCHECK(?:.|\\\n)*? CMD (.*)", (project / "Containerfile").read_text()).group(1)
    run("sh", "-c", health.replace("localhost", "127.0.0.1"), cwd="/", env={**ENV, "PORT": str(program.port)})
    assert program.stop() == 0


def test_installed_below_a_destination_it_names_the_prefix_alone(project, tmp_path):
    run("make", "install", f"DESTDIR={tmp_path}", "PREFIX=/usr", cwd=project)
    unit = (tmp_path / f"usr/lib/systemd/system/{project.name}.service").read_text()
    assert f"ExecStart=/usr/bin/{project.name}\n" in unit and str(tmp_path) not in unit and "/usr/local" not in unit
    assert stat.S_IMODE((tmp_path / "usr/bin" / project.name).stat().st_mode) == 0o755


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_likes_the_unit(installed, project):
    unit = installed / f"lib/systemd/system/{project.name}.service"
    assert run("systemd-analyze", "verify", "--man=no", unit, cwd="/") == ""
    report = run("systemd-analyze", "security", "--offline=true", "--threshold=25", unit, cwd="/")  # 100 is naked
    assert "exposure level" in report


def test_the_container_file_is_whole(project):
    """Each stage that is copied from is there, the last one is no root, and what the program needs at run time is copied."""
    text = (project / "Containerfile").read_text()
    lines = [line for line in re.sub(r"\\\n", "", text).splitlines() if line and not line.startswith("#")]
    assert {line.split()[0] for line in lines} <= {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
    stages = [line.split() for line in lines if line.startswith("FROM")]
    assert [s[1] for s in stages] == ["shallot:dev", "shallot"] and stages[0][2:] == ["AS", "build"]
    last = lines[lines.index("FROM shallot"):]
    assert "COPY --from=build /out /" in last and f'CMD ["{project.name}"]' in last
    assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", next(line for line in last if line.startswith("USER")))
    assert (f"WORKDIR /usr/share/{project.name}" in last) == (project / "public").exists()
    for line in lines:
        if line.startswith("RUN"):
            run("sh", "-nc", line[4:], cwd=project)


def test_the_list(tmp_path):
    lines = run(TOOL, "new", "--list", cwd=tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == TEMPLATES and all(len(line.split()) > 1 for line in lines)
    assert all(name in run(TOOL, "help", "new", cwd=tmp_path) for name in TEMPLATES)


def test_without_a_template_it_is_hello(tmp_path):
    run(TOOL, "new", "some/../plain/", cwd=tmp_path, status=1)  # no such folder: some
    run(TOOL, "new", tmp_path / "plain/", cwd="/")
    assert "Hello world" in (tmp_path / "plain/plain.c").read_text()


def test_an_empty_folder_may_be_there(tmp_path):
    (tmp_path / "plain").mkdir()
    run(TOOL, "new", "plain", cwd=tmp_path)
    assert (tmp_path / "plain/Makefile").exists()


@pytest.mark.parametrize("arguments, line", [
    ([], "new: what name? as in: shallot new hello"),
    ([""], '"" is no good name'),
    (["Hello"], "Hello is no good name: small letters, digits, - and _, a letter first, 31 at most"),
    (["1st"], "1st is no good name"), (["-x"], "no such option -x"), (["a b"], "a b is no good name"), (["ärger"], "is no good name"),
    (["a.b"], "a.b is no good name"), ([".."], ".. is no good name"), (["/"], "is no good name"), (["a" * 32], "is no good name"), (["a%i"], "a%i is no good name"),
    (["test"], "test is taken by something in the project itself"), (["public"], "public is taken"),
    (["a", "b"], "new: a and b: only one at a time"),
    (["a", "--template"], "--template needs a name; see: shallot new --list"),
    (["a", "--template", "chta"], "no template chta; did you mean chat?"),
    (["a", "--template=perl"], "no template perl; see: shallot new --list"),
    (["a", "--templat", "chat"], "no such option --templat; did you mean --template?"),
])
def test_what_is_wrong_is_said_in_one_line(tmp_path, arguments, line):
    said = run(TOOL, "new", *arguments, cwd=tmp_path, status=2)
    assert line in said and said.count("\n") == 1 and said.startswith("shallot: ")
    assert list(tmp_path.iterdir()) == []


def nothing_but(tmp_path, *names):
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/precious").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("elsewhere")
    for name in ("taken", "file", "link"):
        said = run(TOOL, "new", name, cwd=tmp_path, status=1)
        assert said == f"shallot: {name} is there already, and not an empty folder: choose another name\n"
    nothing_but(tmp_path, "taken", "file", "link")
    assert files_of(tmp_path / "taken") == {"precious"}


def test_no_folder_to_make_it_in(tmp_path):
    assert run(TOOL, "new", "no/such", cwd=tmp_path, status=1) == "shallot: cannot make a folder in no: No such file or directory\n"
    (tmp_path / "file").write_text("")
    assert "cannot make a folder in file: Not a directory" in run(TOOL, "new", "file/such", cwd=tmp_path, status=1)


def test_a_folder_one_may_not_write_to():
    """As somebody else if this is root, whom nothing is forbidden: in a place everybody may enter."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        tool = shutil.copy(TOOL, place)
        closed = Path(place) / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        said = run(tool, "new", "hello", cwd=closed, status=1, **other)
        assert said == "shallot: cannot make a folder in .: Permission denied\n" and list(closed.iterdir()) == []


@pytest.mark.parametrize("blocks", [0, 1, 4])
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, blocks):
    """As a full disk does: after so many bytes of a file write() fails."""
    said = run("sh", "-c", f"trap '' XFSZ; ulimit -f {blocks}; exec {TOOL} new chat --template chat", cwd=tmp_path, status=1)
    assert said == "shallot: cannot write chat: File too large; nothing was made\n"
    nothing_but(tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path):
    script = f"mount -t tmpfs -o size=24k none {tmp_path} && cd {tmp_path} && ! {TOOL} new chat --template chat && ls -A"
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("no namespaces of one's own here")
    assert run("unshare", "-Urm", "sh", "-c", script, cwd="/") == "shallot: cannot write chat: No space left on device; nothing was made\n"


def test_without_the_library_make_says_so_in_one_line(tmp_path):
    run(TOOL, "new", "api", "--template", "api", cwd=tmp_path)
    said = run("make", cwd=tmp_path / "api", status=2, env={**ENV, "PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": "/nowhere"})
    assert "pkg-config does not find shallot jansson: install them, or set PKG_CONFIG_PATH" in said and said.count("\n") == 1


def test_every_file_of_the_tree_is_in_the_program():
    """A template's file that was forgotten in meson.build or templates.c would be in no project."""
    folder = ROOT / "cli/new/templates"
    table = (ROOT / "cli/new/templates.c").read_text()
    for path in files_of(folder):
        assert re.search(rf"\b{re.sub(r'[^A-Za-z0-9]', '_', path)}\b", table), path
