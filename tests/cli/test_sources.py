"""What can be locked: the forms of SOURCE, and where the lock of each one goes."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from lockfiles import digest, write
from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]), wheel("a", "1.1", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.server.add("c", wheel("c", "3.0"))


def feed(project: Project, text: str) -> None:
    """Let standard input hold the text."""
    data = io.BytesIO(text.replace("INDEX", project.server.index_url).encode())
    project.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, encoding="utf-8"))


def test_requirement_file_is_locked_beside_itself(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert run.code == 0
    assert project.pins() == {"a": "1.1", "b": "2.1"}


def test_app_file_is_locked_by_its_literal_attributes(project: Project) -> None:
    project.write("app.py", 'class Chat:\n    requirements = ["--index-url", "INDEX", "a"]\n')

    assert project.lock("app.py").code == 0
    assert project.pins("pylock.app.toml") == {"a": "1.1", "b": "2.1"}


def test_class_of_an_app_is_chosen_by_name(project: Project) -> None:
    project.write(
        "app.py",
        'class Chat:\n    requirements = ["-i", "INDEX", "a"]\nclass Paint:\n    requirements = ["-i", "INDEX", "c"]\n',
    )

    assert project.lock("app.py::Paint").code == 0
    assert project.pins("pylock.app-paint.toml") == {"c": "3.0"}


def test_machine_type_of_an_app_is_the_one_of_its_lock(project: Project) -> None:
    project.write("app.py", 'class Chat:\n    machine_type = "GPU-A100"\n    requirements = ["-i", "INDEX", "c"]\n')

    run = project.lock("app.py")

    assert (run.code, project.files()) == (0, ["app.py", "pylock.app.toml"])
    assert (
        "\n  machine: GPU-A100 (from app.py:2): sm_80, driver 570.133.20 (assumed: the platform publishes none)\n"
        in run.err
    )


def test_layers_of_an_app_are_locked_together_and_kept_apart(project: Project) -> None:
    project.write("app.py", 'class Chat:\n    requirements = [["-i", "INDEX", "c"], ["-i", "INDEX", "a"]]\n')

    assert project.lock("app.py").code == 0
    tool = project.load("pylock.app.toml").tool
    assert tool is not None
    assert tool.layers == (("c",), ("a",))


def test_project_table_is_locked_with_the_named_extra_and_group(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["b<2"]\n'
        '[project.optional-dependencies]\nweb = ["c"]\n[dependency-groups]\ntest = ["a==1.0"]\nlint = ["d"]\n',
    )

    run = project.lock("pyproject.toml", "--extra", "web", "-i", project.server.index_url)
    assert (run.code, project.pins()) == (0, {"b": "1.0", "c": "3.0"})

    project.write("pyproject.toml", '[dependency-groups]\ntest = ["a==1.0"]\nlint = ["d"]\n')
    run = project.lock("pyproject.toml", "--group", "test", "-i", project.server.index_url)
    assert (run.code, project.pins()) == (0, {"a": "1.0", "b": "2.1"})


def test_list_of_the_tool_table_is_locked_without_a_source(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["a"]\nindex-url = "INDEX"\npython = "3.12"\n')
    project.python = None

    run = project.lock()

    assert (run.code, project.pins()) == (0, {"a": "1.1", "b": "2.1"})
    assert "target: CPython 3.12 on manylinux_2_35_x86_64 (Python from [tool.pinfold])" in run.err


def test_no_source_and_no_list_is_an_error_that_names_the_files_that_could_be_meant(project: Project) -> None:
    project.write_list("a")
    project.write("app.py", "class Chat:\n    requirements = []\n")

    run = project.lock()

    assert run.code == 2
    assert run.err == (
        "error: no SOURCE is named, and there is no pyproject.toml\n"
        "  files that could be meant: `app.py`, `requirements.txt`\n"
        "  try: `lock app.py`\n"
    )


def test_standard_input_is_locked_into_the_current_folder(project: Project) -> None:
    feed(project, "--index-url INDEX\nc\n")

    run = project.lock("-")

    assert (run.code, project.pins("pylock.stdin.toml")) == (0, {"c": "3.0"})
    assert run.err.startswith("standard input → pylock.stdin.toml: 1 pin in 0.00 s\n")


def test_output_may_be_a_file(project: Project) -> None:
    project.write_list("c")

    assert project.lock("requirements.txt", "-o", "locks/pylock.web.toml").code == 0
    assert project.files() == ["locks/pylock.web.toml", "requirements.txt"]


def test_output_may_be_a_folder(project: Project) -> None:
    project.write_list("c")

    assert project.lock("requirements.txt", "-o", "locks").code == 0
    assert project.files() == ["locks/pylock.toml", "requirements.txt"]


def test_output_of_a_dash_prints_the_lock_and_writes_nothing(project: Project) -> None:
    project.write_list("c")
    assert project.lock("requirements.txt", "-o", "-", "-q").out.startswith('lock-version = "1.0"\n')
    assert project.files() == ["requirements.txt"]


def test_printed_lock_is_the_one_that_a_file_would_hold(project: Project) -> None:
    project.write_list("c")

    printed = project.lock("requirements.txt", "-o", "-").out
    project.lock("requirements.txt")

    assert project.read() == printed


def test_output_file_of_another_form_is_refused_before_any_request(project: Project) -> None:
    project.write_list("c")

    run = project.lock("requirements.txt", "-o", "locked.toml")

    assert run.code == 2
    assert run.err == (
        "error: `locked.toml` is no name for a lock, which is `pylock.toml` or `pylock.NAME.toml` without more dots"
        " (PEP 751)\n  try: `-o pylock.locked.toml`\n"
    )
    assert project.server.log == []


def test_several_sources_in_a_folder_get_locks_with_their_names(project: Project) -> None:
    project.write("web.txt", "-i INDEX\na\n")
    project.write("job.txt", "-i INDEX\nc\n")

    run = project.lock("web.txt", "job.txt")

    assert run.code == 0
    assert (project.pins("pylock.web.toml"), project.pins("pylock.job.toml")) == (
        {"a": "1.1", "b": "2.1"},
        {"c": "3.0"},
    )


def test_every_source_is_tried_and_the_highest_exit_code_wins(project: Project) -> None:
    project.write("web.txt", "-i INDEX\na==9\n")
    project.write("job.txt", "-i INDEX\nc\n")
    project.write("bad.txt", "-i INDEX\na ==\n")

    run = project.lock("web.txt", "job.txt", "bad.txt", "-q")

    assert run.code == 3
    assert project.files() == ["bad.txt", "job.txt", "pylock.job.toml", "web.txt"]


def test_lock_has_the_same_name_whether_or_not_another_source_can_be_read(project: Project) -> None:
    project.write("job.txt", "-i INDEX\nc\n")

    run = project.lock("job.txt", "web.txt", "-q")

    assert run.code == 2
    assert run.err == "error: there is no file `web.txt`\n  files that could be meant: `job.txt`\n"
    assert project.files() == ["job.txt", "pylock.job.toml"]


def test_colliding_locks_are_an_error_before_any_request(project: Project) -> None:
    project.write("web/requirements.txt", "-i INDEX\na\n")
    project.write("job/requirements.txt", "-i INDEX\nc\n")

    run = project.lock("web/requirements.txt", "job/requirements.txt", "-o", "locks")

    assert (run.code, project.server.log) == (2, [])
    assert run.err == (
        "error: `web/requirements.txt` and `job/requirements.txt` would both be locked into"
        " `pylock.toml`\n  try: lock them one by one with `-o`, or rename one of them\n"
    )


def test_several_sources_cannot_be_printed(project: Project) -> None:
    project.write("web.txt", "-i INDEX\na\n")
    project.write("job.txt", "-i INDEX\nc\n")

    run = project.lock("web.txt", "job.txt", "-o", "-")

    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "error: `-o -` prints one lock, and several sources are named\n  try: `-o FOLDER`, or one source\n"
    )


def test_first_word_that_is_a_verb_is_the_verb(project: Project) -> None:
    project.write_list("c")

    assert project.lock("lock", "requirements.txt").code == 0
    assert project.pins() == {"c": "3.0"}


def test_source_with_the_name_of_a_verb_is_written_with_its_folder(project: Project) -> None:
    project.write("lock", "c\n")

    run = project.lock("./lock")

    assert run.code == 2
    assert run.err == (
        "error: `./lock` is no kind of file that holds a list\n"
        "  because those are `*.txt` and `*.in` (requirement files), `*.py` (apps) and `pyproject.toml`\n"
    )


def test_lock_written_from_another_folder_has_the_same_bytes(project: Project) -> None:
    project.write("sub/requirements.txt", "-i INDEX\n-c limits.txt\n-r more.txt\na\n")
    project.write("sub/limits.txt", "a<1.1\n")
    project.write("sub/more.txt", "c\n")

    project.lock("sub/requirements.txt", "-q")
    from_above = project.read("sub/pylock.toml")
    (project.folder / "sub/pylock.toml").unlink()
    project.lock("requirements.txt", "-q", within="sub")

    assert project.read("sub/pylock.toml") == from_above
    assert project.pins("sub/pylock.toml") == {"a": "1.0", "b": "2.1", "c": "3.0"}


def test_source_that_begins_like_an_option_stands_after_two_dashes(project: Project) -> None:
    project.write("-x.txt", "a\n")

    run = project.lock("-i", project.server.index_url, "--python", "3.11", "--cache-dir", "cache", "--", "-x.txt")

    assert (run.code, project.pins("pylock.x.toml")) == (0, {"a": "1.1", "b": "2.1"})


@pytest.mark.parametrize("name", ["foo.lock", "locks/pins.txt", "taken"])
def test_output_that_is_a_file_by_its_name_is_no_folder(project: Project, name: str) -> None:
    project.write("taken", "")
    project.write_list("a")

    run = project.lock("requirements.txt", "-o", name)

    assert (run.code, run.err) == (
        2,
        f"error: `{name.rpartition('/')[2]}` is no folder and no name for a lock, which is `pylock.toml` or"
        " `pylock.NAME.toml` (PEP 751)\n"
        "  try: `-o pylock.toml`, or `-o -` to print it\n",
    )


def test_output_with_too_many_dots_is_suggested_without_them(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt", "-o", "pylock.bad.name.toml")

    assert run.code == 2
    assert run.err.endswith("try: `-o pylock.bad-name.toml`\n")


def drop_source(project: Project, name: str, new: str) -> None:
    """Make the lock of a name one of earlier versions: under its old name, without its source."""
    path = project.folder / name
    lock = project.load(name)
    assert lock.tool is not None
    path.unlink()
    write(replace(lock, tool=replace(lock.tool, source=None)), project.folder / new)


def test_lock_has_one_name_whatever_is_locked_with_it(project: Project) -> None:
    project.write_list("c")
    project.write("requirements-dev.txt", "-i INDEX\na\n")
    project.write("chat.py", 'class Chat(fal.App):\n    requirements = ["-i", "INDEX", "c"]\n')
    names = ["pylock.chat.toml", "pylock.requirements-dev.toml", "pylock.toml"]

    for argv in (["requirements.txt"], ["requirements-dev.txt"], ["chat.py"]):
        assert project.lock(*argv).code == 0
    assert [name for name in project.files() if name.startswith("pylock")] == names
    before = [project.read(name) for name in names]
    assert project.lock("requirements.txt", "requirements-dev.txt", "chat.py").code == 0
    assert [name for name in project.files() if name.startswith("pylock")] == names
    assert [project.read(name) for name in names] == before
    sources = [tool.source for name in names if (tool := project.load(name).tool) is not None]
    assert sources == ["chat.py", "requirements-dev.txt", "requirements.txt"]


def test_source_is_no_part_of_the_digest(project: Project) -> None:
    project.write("one.txt", "-i INDEX\na\n")
    project.write("two.txt", "-i INDEX\na\n")

    assert project.lock("one.txt", "two.txt").code == 0
    assert digest(project.load("pylock.one.toml")) == digest(project.load("pylock.two.toml"))


@pytest.mark.parametrize(
    ("argv", "owner", "free"),
    [
        (["two.txt", "-o", "pylock.toml"], "requirements.txt", "pylock.two.toml"),
        (["one.in"], "one.txt", "pylock.one-in.toml"),
        (["one.in", "--check"], "one.txt", "pylock.one-in.toml"),
        (["one.in", "-m", "XL", "-o", "pylock.toml"], "requirements.txt", "pylock.one-xl.toml"),
    ],
)
def test_lock_of_another_source_is_neither_overwritten_nor_an_old_lock(
    project: Project, argv: list[str], owner: str, free: str
) -> None:
    project.write_list("c")
    for name in ("one.txt", "one.in", "two.txt"):
        project.write(name, "-i INDEX\na\n")
    assert project.lock("requirements.txt", "one.txt").code == 0
    files = {name: project.read(name) for name in project.files()}
    project.server.log.clear()

    run = project.lock(*argv, "-q")

    place = "pylock.toml" if owner == "requirements.txt" else "pylock.one.toml"
    assert (run.code, project.server.log) == (2, [])
    assert run.err == f"error: `{place}` is the lock of `{owner}`, not of `{argv[0]}`\n  try: `-o {free}`\n"
    assert {name: project.read(name) for name in project.files()} == files


def test_two_lists_of_a_folder_with_one_name_for_their_lock_are_an_error(project: Project) -> None:
    project.write_list("c")
    project.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["a"]\n')

    for argv in (["requirements.txt"], ["pyproject.toml"], ["requirements.txt", "pyproject.toml"]):
        run = project.lock(*argv)
        assert (run.code, project.server.log) == (2, [])
        assert run.err == (
            "error: `pyproject.toml` and `requirements.txt` both hold a list, and the lock of either is `pylock.toml`\n"
            '  try: `output = "pylock.NAME.toml"` in [tool.pinfold], or `-o` for one of them\n'
        )
    project.write("pyproject.toml", '[project]\ndependencies = ["a"]\n[tool.pinfold]\noutput = "pylock.web.toml"\n')
    assert project.lock("requirements.txt").code == 0
    assert project.pins("pylock.web.toml") == {"c": "3.0"}


@pytest.mark.parametrize("recorded", [None, "gone.txt"])
def test_lock_without_a_source_is_adopted_if_its_list_is_equal(project: Project, recorded: str | None) -> None:
    project.write("requirements.txt", "-i INDEX\nb<2\n")
    project.lock("requirements.txt")
    lock = project.load()
    assert lock.tool is not None
    project.write("requirements.txt", "-i INDEX\nb<9\n")
    tool = replace(lock.tool, source=recorded, requirements=(("--index-url", project.server.index_url, "b<9"),))
    write(replace(lock, tool=tool), project.folder / "pylock.toml")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, {"b": "1.0"})
    assert "its pins are not kept" not in run.err
    renewed = project.load().tool
    assert renewed is not None
    assert renewed.source == "requirements.txt"


@pytest.mark.parametrize(("recorded", "what"), [(None, ""), ("gone.txt", "`gone.txt`, which is gone, and ")])
def test_pins_of_a_lock_of_another_list_are_not_kept(project: Project, recorded: str | None, what: str) -> None:
    project.write("requirements.txt", "-i INDEX\nb<2\n")
    project.lock("requirements.txt")
    lock = project.load()
    assert lock.tool is not None
    write(replace(lock, tool=replace(lock.tool, source=recorded)), project.folder / "pylock.toml")
    project.write("requirements.txt", "-i INDEX\nb\n")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, project.pins()) == (0, {"b": "2.1"})
    assert run.err == f"warning: `pylock.toml` was made from {what}another list: its pins are not kept\n"


@pytest.mark.parametrize(
    ("argv", "new", "old"),
    [
        (["chat.py"], "pylock.chat.toml", "pylock.toml"),
        (["chat.py"], "pylock.chat.toml", "pylock.text-to-image.toml"),
        (["chat.py", "-m", "A100"], "pylock.chat-gpu-a100.toml", "pylock.gpu-a100.toml"),
        (["base.in"], "pylock.base.toml", "pylock.toml"),
    ],
)
def test_lock_under_an_old_name_is_renamed_once(project: Project, argv: list[str], new: str, old: str) -> None:
    project.write("chat.py", 'class TextToImage(fal.App):\n    requirements = ["-i", "INDEX", "b"]\n')
    project.write("base.in", "-i INDEX\nb\n")
    project.lock(*argv)
    drop_source(project, new, old)
    project.server.add("b", wheel("b", "3.0"))

    assert (project.lock(*argv, "--check").code, (project.folder / old).exists()) == (1, True)
    run = project.lock(*argv, "--refresh")

    assert (run.code, run.err.splitlines()[0]) == (0, f"`{old}` is now `{new}`: a lock is named after its source")
    assert [name for name in project.files() if name.startswith("pylock")] == [new]
    assert project.pins(new) == {"b": "2.1"}
    assert "is now" not in project.lock(*argv).err


def test_lock_that_may_be_that_of_another_list_is_not_renamed(project: Project) -> None:
    project.write_list("b")
    project.write("chat.py", 'class Chat(fal.App):\n    requirements = ["-i", "INDEX", "b"]\n')
    project.lock("requirements.txt")
    drop_source(project, "pylock.toml", "pylock.toml")

    assert project.lock("chat.py").code == 0
    assert [name for name in project.files() if name.startswith("pylock")] == ["pylock.chat.toml", "pylock.toml"]


def test_app_that_installs_a_lock_shares_it_with_the_list_behind_it(project: Project) -> None:
    project.write_list("c")
    call = 'lockfiles.requirements("pylock.gpu-a100.toml")'
    project.write(
        "app.py",
        f"import lockfiles\n\n\nclass Chat(fal.App):\n    machine_type = 'GPU-A100'\n    requirements = {call}\n",
    )

    assert project.lock("app.py").code == 0
    assert project.lock("requirements.txt", "-m", "A100").code == 0
    tool = project.load("pylock.gpu-a100.toml").tool
    assert tool is not None
    assert tool.source == "requirements.txt"
