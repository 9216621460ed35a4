"""`docs/verbs.md`: a section for each verb, and exactly the keys that the JSON documents have."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile, write
from resolver.cli.main import _MODULES, main
from tests.cli.verb_runs import build_web_lock, build_web_package, run_verb
from tests.cli.verbs.test_audit import ADVISORY
from tests.command import Project
from tests.git_server import make_repository
from tests.servers import sdist, wheel

_DOCUMENT = Path(__file__).parents[1] / "docs" / "verbs.md"
_LOOPBACK = ("--allow-host", "127.0.0.1")
_GIT_PROJECT = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "x"\n[project]\nname = "tree"\nversion = "1.0"\n'
}


def read_section(verb: str) -> str:
    """The section of a verb; some share one."""
    for section in re.split(r"(?m)^## ", _DOCUMENT.read_text(encoding="utf-8"))[1:]:
        head, _, text = section.partition("\n")
        if verb in head.split(", "):
            return text
    pytest.fail(f"docs/verbs.md has no section `{verb}`")


def read_keys(verb: str) -> set[str]:
    """The keys in the first cells of the section's table."""
    rows = re.findall(r"(?m)^\| (`.*?`) \|", read_section(verb))
    return {key for cells in rows for key in re.findall(r"`([^`]+)`", cells)}


def list_keys(value: object, path: str = "") -> Iterator[str]:
    """The paths of all leaves of a document; what is null or empty is none, for others may have more below."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from list_keys(inner, f"{path}.{key}".lstrip("."))
        case list():
            for inner in value:
                yield from list_keys(inner, f"{path}[]")
        case _:
            yield path


def collect_keys(*documents: str) -> set[str]:
    """The paths of several documents of a verb, without the schema that each has."""
    loaded = [json.loads(text) for text in documents]
    assert {document["schema"] for document in loaded} == {1}
    found = {key for document in loaded for key in list_keys(document)} - {"schema"}
    # A key whose value is null here and an object there is documented by what the object holds.
    return {key for key in found if not any(other.startswith((f"{key}.", f"{key}[]")) for other in found)}


@pytest.fixture
def locked(project: Project) -> Project:
    write(build_web_lock(), project.folder / "pylock.toml")
    return project


@pytest.mark.parametrize("verb", _MODULES)
def test_every_verb_has_a_section_with_its_name_in_it(verb: str) -> None:
    assert f"`lock {verb}" in read_section(verb)
    assert f"[`{verb}`](#" in _DOCUMENT.read_text(encoding="utf-8")


def test_pages_that_the_sections_name_are_there() -> None:
    pages = re.findall(r"\]\(([\w.-]+\.md)", _DOCUMENT.read_text(encoding="utf-8"))
    assert [page for page in pages if not _DOCUMENT.with_name(page).exists()] == []


@pytest.mark.parametrize(
    ("verb", "words"), [("why", ("json",)), ("tree", ()), ("digest", ()), ("layers", ())], ids=lambda value: value
)
def test_keys_of_a_lock_are_the_documented_ones(locked: Project, verb: str, words: tuple[str, ...]) -> None:
    assert collect_keys(run_verb(locked, verb, *words, "--json").out) == read_keys(verb)


def test_keys_of_diff_are_the_documented_ones(locked: Project) -> None:
    lock = build_web_lock(http="3.0")
    assert lock.tool is not None
    packages = [one for one in lock.pylock.packages if one.name != "log"]
    packages[0] = replace(packages[0], index="https://other.example/simple/")
    changed = Lockfile(
        pylock=replace(lock.pylock, packages=[*packages, build_web_package("zip", "1.0")], created_by="other"),
        tool=replace(
            lock.tool,
            python="3.12",
            settings={"pre": True},
            requirements=(("web",),),
            layers=((NormalizedName("web"),),),
            requested_by={},
        ),
    )
    write(changed, locked.folder / "pylock.new.toml")

    run = run_verb(locked, "diff", "pylock.toml", "pylock.new.toml", "--json")

    # A value of the lock may be an array.
    found = {re.sub(r"(?<=\.(?:old|new))(?:\[\])+$", "", key) for key in collect_keys(run.out)}
    assert (run.code, found) == (1, read_keys("diff"))


def test_keys_of_sizes_are_the_documented_ones(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    project.write("app.py", "import other\n")
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "sizes", "--app", "app.py", "--json", *_LOOPBACK)

    assert collect_keys(run.out) == read_keys("sizes")


def test_keys_of_outdated_are_the_documented_ones(project: Project, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "tree")
    repository.commit(_GIT_PROJECT)
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing", f"tree @ git+{repository.folder.as_uri()}@main")
    assert project.lock("requirements.txt").code == 0
    project.server.add("thing", wheel("thing", "1.1"))
    moved = repository.commit({"more.txt": ""})

    run = run_verb(project, "outdated", "--json", *_LOOPBACK, "--allow-path", str(tmp_path))

    assert (run.code, collect_keys(run.out)) == (1, read_keys("outdated"))
    assert json.loads(run.out)["locks"][0]["moved"][0]["now"] == moved
    shown = run_verb(project, "outdated", *_LOOPBACK, "--allow-path", str(tmp_path)).out.splitlines()[-1]
    assert shown.startswith(f"tree: `main` is {moved[:12]} now, ")


def test_keys_of_audit_are_the_documented_ones(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    project.write("osv/PYSEC-1.json", json.dumps(ADVISORY))
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "audit", "--osv", "osv", "--json", *_LOOPBACK)

    assert (run.code, collect_keys(run.out)) == (1, read_keys("audit"))


def test_keys_of_verify_are_the_documented_ones(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    assert project.lock("requirements.txt").code == 0
    lock = project.load()
    write(Lockfile(pylock=lock.pylock), project.folder / "pylock.other.toml")
    project.server.projects["thing"] = [wheel("thing", "1.0", sha256="0" * 64)]

    run = run_verb(project, "verify", "pylock.toml", "pylock.other.toml", "--json", *_LOOPBACK)

    assert (run.code, collect_keys(run.out)) == (2, read_keys("verify"))


def test_keys_of_secrets_are_the_documented_ones(project: Project) -> None:
    project.write("requirements.txt", "--index-url https://me:hunter2@index.example/simple/\n")

    run = run_verb(project, "secrets", "requirements.txt", "--json")

    assert (run.code, collect_keys(run.out)) == (1, read_keys("secrets"))


def test_keys_of_machines_are_the_documented_ones(project: Project) -> None:
    forms = ("", "--driver 550", "b200 torch", "a100 cupy-cuda13x", "a100 vllm")
    documents = [run_verb(project, "machines", *words.split(), "--json").out for words in forms]

    assert collect_keys(*documents) == read_keys("machines")


def test_keys_of_fetch_are_the_documented_ones(project: Project) -> None:
    project.server.add("thing", sdist("thing", "1.0"))
    project.write_list("thing")
    assert project.lock("requirements.txt").code == 0

    document = json.loads(run_verb(project, "fetch", "--to", "wheels", "--json", "--build", *_LOOPBACK).out)

    text = _DOCUMENT.with_name("installing.md").read_text(encoding="utf-8")
    told = text[text.index("The document of `--json`") :].partition("\n\n")[0]
    assert [key for key in document if f"`{key}`" not in told and f"`{key}[]`" not in told] == []
    assert [key for key in document["files"][0] if f"`{key}`" not in told] == []


def test_no_document_names_the_host_of_an_index_that_is_not_ours() -> None:
    text = _DOCUMENT.read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\s/`)]+", text) == []


def test_every_hook_stands_in_its_table_and_its_example() -> None:
    root = _DOCUMENT.parents[1]
    hooks = re.findall(r"(?m)^- id: (\S+)", (root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    text = (root / "docs" / "how-to" / "pre-commit.md").read_text(encoding="utf-8")

    assert re.findall(r"(?m)^\| `(pinfold-\w+)` \|", text) == hooks
    assert set(re.findall(r"- id: (\S+)", text)) <= set(hooks)


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    words = set(re.findall(r"[a-z][a-z-]+", capsys.readouterr().out.partition("verbs, each")[2]))
    assert set(_MODULES) - words == set()


def test_readme_lines_about_a_lock_work_after_a_lock_for_each_machine_type(project: Project) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Around a lock")[2].partition("## ")[0].partition("| what |")[0]
    lines = [line.partition(" #")[0] for line in re.findall(r"(?m)^\$ lock (.*)", section)]
    assert "$ lock app.py -m GPU-H100 -m GPU-B200 " in readme
    project.server.add("torch", wheel("torch", "2.8.0", ["nvidia-cublas-cu12", "numpy"]))
    for name in ("nvidia-cublas-cu12", "numpy"):
        project.server.add(name, wheel(name, "1.0"))
    project.write("app.py", 'class Paint(App):\n    requirements = [["--index-url", "INDEX", "torch==2.8.0"]]\n')
    project.write("advisories.zip", "")
    with zipfile.ZipFile(project.folder / "advisories.zip", "w") as archive:
        archive.writestr("A-1.json", json.dumps(ADVISORY))
    assert project.lock("app.py", "-m", "GPU-H100", "-m", "GPU-B200").code == 0
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-q", "-m", "one"],
        ["commit", "-q", "--allow-empty", "-m", "two"],
    ):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=project.folder, check=True, capture_output=True)

    for line in lines:
        words = shlex.split(line)
        asks = words[0] in ("audit", "outdated", "report", "sizes", "verify")
        run = run_verb(project, *words, *(_LOOPBACK if asks else ()))
        assert run.code in (0, 1), f"{line}: {run.err}"


def test_readme_has_every_line_of_a_lock_with_its_name() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    verbs = "audit|diff|digest|export|fetch|layers|outdated|report|sizes|tree|verify|why"
    lines = re.findall(rf"(?m)^\$ (lock (?:{verbs}) [^#\n]*)", readme)
    assert len(lines) >= 13
    assert [line for line in lines if "pylock.app-gpu-h100.toml" not in line] == []
