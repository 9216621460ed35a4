"""The same inputs give the same bytes, whatever machine, process, order or view they come through."""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import Project, Run, find_interpreter
from tests.distributions import make_wheel
from tests.loopback import LoggedRequest, Request
from tests.servers import Answer, IndexServer, sdist, wheel

GOLDEN = Path(__file__).parent / "data" / "golden" / "pylock.toml"
YAK_SHA256 = "60ecccf41aa03eacfd26f1dc71f66f5223b873840727189324ba3255bde0f4d0"
WHEELS = ("cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64", "py3-none-any")


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    """Extras that pull each other in, markers, several files a version, an sdist, and dependencies of dependencies."""
    server = project.server
    server.add("app", wheel("app", "1.0", ["web[all]>=2", "shared"]))
    server.add(
        "web",
        wheel(
            "web",
            "2.0",
            ["core", 'zebra ; extra == "z"', 'yak ; extra == "y"', 'web[z,y] ; extra == "all"'],
            extras=("z", "y", "all"),
        ),
    )
    server.add("core", *(wheel("core", "3.1", tags=tags) for tags in WHEELS), wheel("core", "3.0"))
    server.add("shared", wheel("shared", "1.0", ['old ; python_version < "3.12"', 'new ; python_version >= "3.12"']))
    for name in ("zebra", "old", "new", "tool"):
        server.add(name, wheel(name, "0.9"), wheel(name, "1.0"))
    server.add("yak", sdist("yak", "1.0", ["core<4"]))
    project.write_list("app", "tool[b,a]>=0.9 # a comment")


def lock_afresh(project: Project, *argv: str, python: str | None = None, **environment: str) -> str:
    """The lock of a run in a process of its own, with an empty cache and without an old lock."""
    cache = project.cache.with_name("afresh")
    shutil.rmtree(cache, ignore_errors=True)
    (project.folder / "pylock.toml").unlink(missing_ok=True)
    words = ("requirements.txt", "--cache-dir", str(cache), *argv)
    run = _run(project, words, python, environment)
    assert run.code == 0, run.err
    return project.read()


def _run(project: Project, words: tuple[str, ...], python: str | None, environment: dict[str, str]) -> Run:
    if python is None and not environment:
        return project.lock(*words)
    return project.lock_in_process(*words, **({"python": python} if python else {}), **environment)


def test_lock_is_the_golden_one(project: Project) -> None:
    for name, files in project.server.projects.items():
        # Metadata lies beside the wheels; what they hold themselves would depend on the version of zlib.
        project.server.projects[name] = [
            file if file.metadata is None else replace(file, content=file.filename.encode()) for file in files
        ]
    yak = project.server.projects["yak"][0]

    lock = lock_afresh(project)

    lock = lock.replace(f"size = {len(yak.content)}", "size = 755").replace(yak.listed_sha256, YAK_SHA256)
    # Digest and seal cover the index as the list names it, with the port of this run.
    assert re.sub("(requirement-digest|contents) = .*", r"\1 = …", lock) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_hash_seed_changes_nothing(project: Project, seed: str) -> None:
    assert lock_afresh(project, PYTHONHASHSEED=seed) == lock_afresh(project)


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"TZ": "Pacific/Kiritimati"},
        {"COLUMNS": "20", "NO_COLOR": "1", "HOME": "/"},
        {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_PRE": "1", "PIP_NO_BINARY": ":all:"},
    ],
)
def test_environment_changes_nothing(project: Project, environment: dict[str, str]) -> None:
    assert lock_afresh(project, **environment) == lock_afresh(project)


def test_time_zone_does_not_move_a_cut_off(project: Project) -> None:
    east = lock_afresh(project, "--exclude-newer", "2024-06-01", TZ="Pacific/Kiritimati")
    west = lock_afresh(project, "--exclude-newer", "2024-06-01", TZ="Pacific/Pago_Pago")
    assert east == west


@pytest.mark.parametrize("minor", ["3.12", "3.13"])
def test_running_python_changes_nothing(project: Project, minor: str) -> None:
    assert lock_afresh(project, python=find_interpreter(minor)) == lock_afresh(project)


@pytest.mark.parametrize("seed", range(3))
def test_order_of_files_on_a_page_changes_nothing(project: Project, seed: int) -> None:
    before = lock_afresh(project)
    for files in project.server.projects.values():
        random.Random(seed).shuffle(files)
    assert lock_afresh(project) == before


@pytest.mark.parametrize("seed", range(3))
def test_order_of_responses_changes_nothing(project: Project, seed: int) -> None:
    before = lock_afresh(project)
    chance = random.Random(seed)
    server = project.server
    for path in sorted({request.path for request in server.log}):
        headers = {"accept": "application/vnd.pypi.simple.v1+json"}
        truth = server.respond(Request(method="GET", target=path, headers=headers))
        server.always[path] = Answer(
            status=truth.status, headers=truth.headers, body=truth.body, delay_s=chance.random() / 20
        )
    assert lock_afresh(project) == before


def test_order_of_lines_that_say_the_same_changes_only_their_order(project: Project) -> None:
    before = project_pins(project)
    project.write_list("tool[a,b]>=0.9", "app")
    assert project_pins(project) == before


def project_pins(project: Project) -> dict[str, str]:
    lock_afresh(project)
    return project.pins()


def test_html_and_json_views_give_the_same_bytes(project: Project) -> None:
    as_json = lock_afresh(project)
    project.server.view = "html"
    project.server.log.clear()

    assert lock_afresh(project) == as_json
    assert asked_for_parts(project.server), "an HTML page has no sizes: they come from ranged requests"


def test_json_without_sizes_gives_the_same_bytes(project: Project) -> None:
    with_sizes = lock_afresh(project)
    project.server.sizes = False

    assert lock_afresh(project) == with_sizes


def test_index_without_hashes_gives_the_same_bytes(project: Project) -> None:
    with_hashes = lock_afresh(project)
    project.server.hashes = False

    assert lock_afresh(project) == with_hashes


@pytest.mark.parametrize("metadata", ["plain", "none"])
def test_where_metadata_comes_from_changes_nothing(project: Project, metadata: str) -> None:
    with_hash = lock_afresh(project)
    project.server.core_metadata = "plain" if metadata == "plain" else "none"

    assert lock_afresh(project) == with_hash


def asked_for_parts(server: IndexServer) -> list[LoggedRequest]:
    return [request for request in server.log if "range" in request.headers]


def test_warm_cache_gives_the_same_bytes(project: Project) -> None:
    cold = lock_afresh(project)
    (project.folder / "pylock.toml").unlink()
    assert project.lock("requirements.txt", "--cache-dir", str(project.cache.with_name("afresh"))).code == 0
    assert project.read() == cold


def test_locking_again_over_the_lock_gives_the_same_bytes(project: Project) -> None:
    first = lock_afresh(project)
    assert project.lock("requirements.txt").code == 0
    assert project.read() == first
    assert project.lock("requirements.txt", "-U").code == 0
    assert project.read() == first


def test_folder_of_the_project_changes_nothing(project: Project) -> None:
    (project.folder / "wheels").mkdir()
    (project.folder / "wheels" / "own-1.0-py3-none-any.whl").write_bytes(make_wheel("own", "1.0", ["tool"]))
    project.write_list("--find-links wheels", "own")
    before = lock_afresh(project)
    moved = project.folder.rename(project.folder.with_name("elsewhere"))
    project.folder = moved

    assert lock_afresh(project) == before
