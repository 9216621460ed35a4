"""`lock fetch`: what lies in the folder afterwards, whatever the hosts do, and that pip and uv install from it."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.verb_runs import parts, run_verb
from tests.cli.verbs.test_export import install
from tests.command import Project, Run, start_process
from tests.servers import Answer, wheel
from tests.test_installation import make_environment, run_python

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
ALPHA, BETA = "alpha-1.0-py3-none-any.whl", "beta-2.0-py3-none-any.whl"


@pytest.fixture
def locked(project: Project) -> Project:
    """`alpha` with `beta`."""
    project.server.add("alpha", wheel("alpha", "1.0", ["beta"]))
    project.server.add("beta", wheel("beta", "2.0"))
    project.write_list("alpha")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    project.server.log.clear()
    return project


def fetch(project: Project, *words: str) -> Run:
    return run_verb(project, "fetch", "--to", "wheels", "--allow-host", "127.0.0.1", *words)


def content(project: Project, filename: str) -> bytes:
    return next(
        file.content for files in project.server.projects.values() for file in files if file.filename == filename
    )


def edit_lock(project: Project, *changes: tuple[str, str]) -> None:
    """Change the text of the lock, which then has no seal that could be broken."""
    path = project.folder / "pylock.toml"
    text = re.sub(r"(?m)^contents = .*\n", "", path.read_text())
    for old, new in changes:
        text = text.replace(old, new)
    path.write_text(text)


def wheels(project: Project) -> list[str]:
    """All files of the wheelhouse."""
    folder = project.folder / "wheels"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def part_of(project: Project, filename: str) -> Path:
    sha256 = hashlib.sha256(content(project, filename)).hexdigest()
    return project.folder / "wheels" / ".pinfold" / f"{filename}.{sha256[:16]}.part"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_wheelhouse_is_installed_without_a_network(locked: Project, installer: str, tmp_path: Path) -> None:
    assert fetch(locked).code == 0
    locked.server.always = {path: Answer(status=500) for path in locked.server.paths()}
    python = make_environment(tmp_path / "environment")

    install(
        installer,
        python,
        *("--no-index", "--find-links", "wheels", "--require-hashes", "--no-deps", "-r", "wheels/requirements.txt"),
        folder=locked.folder,
    )

    assert run_python(python, "import alpha, beta; print(alpha.__version__, beta.__version__)") == "1.0 2.0\n"


def test_summary_names_the_command_to_install_with(locked: Project) -> None:
    run = fetch(locked)
    assert (run.code, run.out, run.err) == (
        0,
        "",
        "pylock.toml: 2 files in wheels: 2 downloaded (1.67 kB), in 0.00 s\n"
        "  pip install --no-index --find-links wheels --require-hashes --no-deps -r wheels/requirements.txt\n",
    )
    assert wheels(locked) == [ALPHA, BETA, "requirements.txt"]


def test_requirements_have_every_wheel_with_its_hash(locked: Project) -> None:
    assert fetch(locked, "-q").err == ""
    hashes = [hashlib.sha256(content(locked, name)).hexdigest() for name in (ALPHA, BETA)]
    assert (locked.folder / "wheels" / "requirements.txt").read_text() == (
        f"# The wheels of a lock for Python {MINOR} on manylinux_2_35_x86_64; install them with\n"
        "#   pip install --no-index --find-links DIR --require-hashes --no-deps -r DIR/requirements.txt\n"
        "#   uv pip install --no-index --find-links DIR --require-hashes --no-deps -r DIR/requirements.txt\n"
        f"alpha==1.0 \\\n    --hash=sha256:{hashes[0]}\n"
        f"beta==2.0 \\\n    --hash=sha256:{hashes[1]}\n"
    )


def test_json_has_each_file_with_its_origin(locked: Project) -> None:
    document = json.loads(fetch(locked, "--json").out)
    assert document["files"][0] == {
        "name": "alpha",
        "file": ALPHA,
        "sha256": hashlib.sha256(content(locked, ALPHA)).hexdigest(),
        "size_bytes": len(content(locked, ALPHA)),
        "outcome": "downloaded",
        "from": f"https://index.example/files/{ALPHA}",
    }
    assert {key: document[key] for key in ("schema", "exit_code", "lockfile", "folder", "requirements")} == {
        "schema": 1,
        "exit_code": 0,
        "lockfile": "pylock.toml",
        "folder": "wheels",
        "requirements": "wheels/requirements.txt",
    }


def test_files_that_are_there_are_not_downloaded_again(locked: Project) -> None:
    assert fetch(locked).code == 0
    locked.server.log.clear()
    run = fetch(locked)
    assert run.err.startswith("pylock.toml: 2 files in wheels: 2 present")
    assert locked.server.log == []


def test_file_that_was_changed_on_disk_is_downloaded_again(locked: Project) -> None:
    assert fetch(locked).code == 0
    path = locked.folder / "wheels" / ALPHA
    path.write_bytes(b"x" * path.stat().st_size)
    assert fetch(locked).err.startswith("pylock.toml: 2 files in wheels: 1 downloaded")
    assert path.read_bytes() == content(locked, ALPHA)


def test_body_that_breaks_off_is_continued(locked: Project) -> None:
    locked.server.faults[f"/files/{ALPHA}"] = [Answer(body=content(locked, ALPHA), cut=True)]
    assert fetch(locked).code == 0
    asked = [one.headers.get("range") for one in locked.server.log if one.path == f"/files/{ALPHA}"]
    assert asked == [None, f"bytes={len(content(locked, ALPHA)) // 2}-"]
    assert (locked.folder / "wheels" / ALPHA).read_bytes() == content(locked, ALPHA)


def test_continued_body_names_its_entity_tag(locked: Project) -> None:
    cut = Answer(body=content(locked, ALPHA), cut=True, headers={"ETag": '"one"'})
    locked.server.faults[f"/files/{ALPHA}"] = [cut]
    assert fetch(locked).code == 0
    asked = [one.headers.get("if-range") for one in locked.server.log if one.path == f"/files/{ALPHA}"]
    assert asked == [None, '"one"']


def test_part_of_an_earlier_run_is_continued(locked: Project) -> None:
    part = part_of(locked, ALPHA)
    part.parent.mkdir(parents=True)
    part.write_bytes(content(locked, ALPHA)[:100])
    assert fetch(locked).code == 0
    asked = [one.headers.get("range") for one in locked.server.log if one.path == f"/files/{ALPHA}"]
    assert asked == ["bytes=100-"]
    assert not part.exists()


def test_part_with_other_bytes_is_thrown_away_and_all_is_asked_for(locked: Project) -> None:
    part = part_of(locked, ALPHA)
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 100)
    assert fetch(locked).code == 0
    asked = [one.headers.get("range") for one in locked.server.log if one.path == f"/files/{ALPHA}"]
    assert asked == ["bytes=100-", None]
    assert (locked.folder / "wheels" / ALPHA).read_bytes() == content(locked, ALPHA)


@pytest.mark.parametrize("kind", ["ignored", "refused", "wrong start", "whole as 206"])
def test_server_that_is_wrong_about_ranges_gives_the_file_all_the_same(locked: Project, kind: str) -> None:
    part = part_of(locked, ALPHA)
    part.parent.mkdir(parents=True)
    part.write_bytes(content(locked, ALPHA)[:100])
    locked.server.ranges = kind  # type: ignore[assignment]  # one of its literals
    assert fetch(locked).code == 0
    assert (locked.folder / "wheels" / ALPHA).read_bytes() == content(locked, ALPHA)


def test_server_that_hangs_up_is_asked_again(locked: Project) -> None:
    locked.server.faults[f"/files/{ALPHA}"] = [Answer(drop=True), Answer(status=503, headers={"Retry-After": "0"})]
    assert fetch(locked).code == 0


def test_part_is_kept_where_the_host_gives_up(locked: Project) -> None:
    half = Answer(body=content(locked, ALPHA), cut=True)
    locked.server.faults[f"/files/{ALPHA}"] = [half]
    locked.server.ranges = "refused"
    locked.server.faults[f"/files/{ALPHA}"] += [Answer(status=403)]
    run = fetch(locked)
    assert run.code == 4
    assert part_of(locked, ALPHA).read_bytes() == content(locked, ALPHA)[: len(content(locked, ALPHA)) // 2]
    assert not (locked.folder / "wheels" / "requirements.txt").exists()


@pytest.mark.parametrize("how", ["other bytes", "too short", "too long", "empty"])
def test_file_with_another_hash_is_not_kept(locked: Project, how: str) -> None:
    true = content(locked, ALPHA)
    body = {"other bytes": b"x" * len(true), "too short": true[:-1], "too long": true + b"x", "empty": b""}[how]
    locked.server.projects["alpha"] = [replace(locked.server.projects["alpha"][0], content=body)]
    run = fetch(locked)
    locked_hash, found = hashlib.sha256(true).hexdigest(), hashlib.sha256(body).hexdigest()
    seen = f"sha256 {found}, {len(body)} bytes"
    if how == "too long":
        seen = f"more than {len(true)} bytes, of which the first {len(body)} have sha256 {found}"
    assert (run.code, run.err) == (
        5,
        f"error: `{ALPHA}` is not the file that was locked: https://index.example/files/{ALPHA}\n"
        f"  locked: sha256 {locked_hash}, {len(true)} bytes\n"
        f"  found:  {seen}\n"
        "  try: find out why it was replaced; `lock --upgrade-package alpha` accepts the new file\n",
    )
    assert [name for name in wheels(locked) if "alpha" in name] == []


def test_file_that_is_gone_says_so(locked: Project) -> None:
    locked.server.projects["alpha"] = []
    run = fetch(locked)
    assert (run.code, run.err) == (
        4,
        f"error: `{ALPHA}` is not there any more: status 404 for https://index.example/files/{ALPHA}\n"
        "  try: `lock`, which reads on the index where it is now\n",
    )


def test_json_of_a_failure_has_its_message(locked: Project) -> None:
    locked.server.projects["alpha"] = []
    run = fetch(locked, "--json")
    url = f"https://index.example/files/{ALPHA}"
    assert json.loads(run.out) == {
        "schema": 1,
        "exit_code": 4,
        "error": run.err.removeprefix("error: ").rstrip("\n"),
        **parts(
            f"`{ALPHA}` is not there any more: status 404 for {url}",
            remedy="`lock`, which reads on the index where it is now",
        ),
        "where": url,
    }


def test_this_machine_is_not_asked_because_a_lock_says_so(locked: Project) -> None:
    run = run_verb(locked, "fetch", "--to", "wheels")
    assert (run.code, run.err) == (
        4,
        "error: `127.0.0.1` is this machine or in a private network, and a lock alone may not cause requests to it:"
        f" https://index.example/files/{ALPHA}\n  try: `--allow-host 127.0.0.1` if it is meant to be\n",
    )
    assert locked.server.log == []


def test_redirect_to_a_private_address_is_not_followed(locked: Project) -> None:
    headers = {"Location": "http://169.254.169.254/latest/meta-data/?token=secret-canary"}
    locked.server.always[f"/files/{ALPHA}"] = Answer(status=302, headers=headers)
    run = fetch(locked)
    assert (run.code, run.err) == (
        4,
        f"error: https://index.example/files/{ALPHA} redirects to http://169.254.169.254/latest/meta-data/, which is"
        " a link-local address or metadata service\n"
        "  try: `--allow-host 169.254.169.254` if it is meant to be\n",
    )


def test_name_of_a_private_address_is_not_asked(locked: Project) -> None:
    edit_lock(locked, ("127.0.0.1", "localhost."))
    run = fetch(locked)
    assert run.code == 4
    assert run.err.startswith("error: `localhost.` is this machine or in a private network")
    assert locked.server.log == []


def test_allowed_host_may_be_one_port_alone(locked: Project) -> None:
    authority = locked.server.base_url.partition("//")[2]
    assert run_verb(locked, "fetch", "--to", "wheels", "--allow-host", authority).code == 0
    other = run_verb(locked, "fetch", "--to", "others", "--allow-host", "127.0.0.1:1")
    assert other.code == 4


def test_files_of_the_disk_are_copied_and_checked(project: Project) -> None:
    file = wheel("alpha", "1.0")
    project.write("links/empty", "")
    (project.folder / "links" / ALPHA).write_bytes(file.content)
    project.write("requirements.txt", "--no-index\n--find-links links\nalpha\n")
    assert project.lock("requirements.txt").code == 0
    assert fetch(project).err.startswith("pylock.toml: 1 file in wheels: 1 copied")
    assert wheels(project) == [ALPHA, "requirements.txt"]

    (project.folder / "wheels" / ALPHA).unlink()
    (project.folder / "links" / ALPHA).write_bytes(b"other")
    assert fetch(project).code == 5
    (project.folder / "links" / ALPHA).unlink()
    run = fetch(project)
    assert (run.code, run.err) == (
        2,
        f"error: there is no file `{ALPHA}` where the lock has it: `<folder>/links/{ALPHA}`\n"
        "  try: put it there; a path in a lock starts from the folder that the lock lies in\n",
    )


def test_requirements_of_the_user_are_not_replaced(locked: Project) -> None:
    run = run_verb(locked, "fetch", "--to", ".", "--allow-host", "127.0.0.1")
    assert (run.code, run.err) == (
        2,
        "error: the folder has a `requirements.txt` that is not of a wheelhouse, and it would be replaced\n"
        "  try: another folder, with `--to`\n",
    )
    assert not (locked.folder / ALPHA).exists()


def test_file_in_the_place_of_the_folder_is_told(locked: Project) -> None:
    locked.write("wheels", "")
    run = fetch(locked)
    assert (run.code, run.err) == (
        2,
        "error: `wheels` cannot be a folder of wheels: not a directory\n  try: another, with `--to`\n",
    )


def test_link_in_the_place_of_a_part_is_not_followed(locked: Project) -> None:
    part = part_of(locked, ALPHA)
    part.parent.mkdir(parents=True)
    part.symlink_to(locked.folder / "victim")
    assert fetch(locked).code == 2
    assert not (locked.folder / "victim").exists()


def test_interrupted_run_leaves_whole_files_and_parts_that_are_continued(locked: Project) -> None:
    locked.server.always[f"/files/{BETA}"] = Answer(delay_s=60)
    process = start_process(["fetch", "--to", "wheels", "--allow-host", "127.0.0.1"], locked.folder)
    for _ in range(500):
        if (locked.folder / "wheels" / ALPHA).exists() and locked.server.open_requests:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "interrupted: nothing was written that is not whole\n")
    assert (locked.folder / "wheels" / ALPHA).read_bytes() == content(locked, ALPHA)

    locked.server.always.clear()
    run = fetch(locked)
    assert "1 downloaded" in run.err and "1 present" in run.err


def test_no_more_than_eight_files_are_asked_for_at_once(project: Project) -> None:
    for number in range(20):
        project.server.add(f"p{number}", wheel(f"p{number}", "1.0"))
    project.write_list(*(f"p{number}" for number in range(20)))
    assert project.lock("requirements.txt").code == 0
    most, delay = [0], project.server.delay

    def watch(answer: Answer) -> None:
        most.append(project.server.open_requests + 1)
        delay(answer)

    project.server.delay = watch  # type: ignore[method-assign]  # a look at what the server sees
    project.server.latency_s = 0.05
    assert fetch(project).code == 0
    assert 1 < max(most) <= 8


def test_commit_of_a_private_host_is_not_asked_for(locked: Project) -> None:
    commit = f'[packages.vcs]\ntype = "git"\nurl = "https://10.0.0.1/t.git"\ncommit-id = "{"a" * 40}"\n'
    edit_lock(locked)
    text = (locked.folder / "pylock.toml").read_text()
    head, tail = text.index("[[packages]]"), text.index("[tool.pinfold]")
    tool = text[tail:].replace('    [\n        "alpha",\n    ],', "    [],")
    facts = "\n[tool.pinfold.build.tree]\nisolation = true\nrequirements = []\n"
    tool = tool.partition("[tool.pinfold.requested-by]")[0] + facts
    (locked.folder / "pylock.toml").write_text(f'{text[:head]}[[packages]]\nname = "tree"\n\n{commit}\n{tool}')
    run = fetch(locked, "--build")
    assert (run.code, run.err) == (
        4,
        f"building `git+https://10.0.0.1/t.git@{'a' * 40}`\n"
        "error: `10.0.0.1` is this machine or in a private network, and a lock alone may not cause requests to it:"
        " https://10.0.0.1/t.git\n  try: `--allow-host 10.0.0.1` if it is meant to be\n",
    )


def test_edited_lock_is_told_and_used(locked: Project) -> None:
    text = (locked.folder / "pylock.toml").read_text()
    (locked.folder / "pylock.toml").write_text(text.replace('platform = "manylinux_2_35', 'platform = "manylinux_2_34'))
    run = fetch(locked, "-q")
    assert (run.code, run.err) == (
        0,
        "warning: `pylock.toml` was edited since it was made, by hand or by a merge\n"
        "  try: `lock`, which makes it anew\n",
    )


def test_list_of_layers_has_a_requirement_file_for_each(project: Project) -> None:
    project.server.add("alpha", wheel("alpha", "1.0", ["beta"]))
    project.server.add("beta", wheel("beta", "2.0"))
    project.server.add("gamma", wheel("gamma", "3.0", ["beta"]))
    lines = '["--index-url", "INDEX", "alpha"], ["--index-url", "INDEX", "gamma"]'
    project.write("pyproject.toml", f"[tool.pinfold]\nrequirements = [{lines}]\n")
    assert project.lock("--python", MINOR).code == 0
    document = json.loads(fetch(project, "--json").out)
    assert document["layers"] == ["wheels/requirements.layer-0.txt", "wheels/requirements.layer-1.txt"]
    texts = [(project.folder / name).read_text().splitlines() for name in document["layers"]]
    assert [[line.split()[0] for line in text if line[0] not in "# "] for text in texts] == [
        ["alpha==1.0", "beta==2.0"],
        ["gamma==3.0"],
    ]
    assert texts[1][1].endswith("--require-hashes --no-deps -r DIR/requirements.layer-1.txt")


def test_requirement_files_of_layers_that_are_gone_go_too(locked: Project) -> None:
    stale, other = (locked.folder / f"wheels/requirements.layer-{name}.txt" for name in ("3", "mine"))
    stale.parent.mkdir()
    stale.write_text("# The wheels of a lock for Python 3.11 on linux_x86_64; install them with\nalpha==0.9\n")
    other.write_text("alpha\n")
    assert fetch(locked).code == 0
    assert (stale.exists(), other.exists()) == (False, True)
