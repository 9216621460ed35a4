"""`lock export --format sbom`, into a file, and its old spelling `lock sbom`."""

from __future__ import annotations

import json

from tests.cli.verb_runs import run_verb
from tests.command import Project


def test_sbom_goes_to_a_file_whole(locked: Project) -> None:
    run = run_verb(locked, "export", "--format", "sbom", "-o", "sbom.json", "--name", "demo")

    assert (run.code, run.out, run.err) == (0, "", "")
    document = json.loads((locked.folder / "sbom.json").read_text(encoding="utf-8"))
    assert document["metadata"]["component"]["name"] == "demo"
    assert [one["name"] for one in document["components"]] == ["http", "json", "log", "web"]
    assert locked.files() == ["pylock.toml", "sbom.json"]


def test_sbom_that_cannot_be_written_leaves_nothing(locked: Project) -> None:
    run = run_verb(locked, "sbom", "-o", "missing/sbom.json")

    assert (run.code, run.err) == (
        2,
        "error: `missing/sbom.json` cannot be written: no such file or directory\n  try: another place, with `-o`\n",
    )


def test_old_spelling_gives_the_same_document(locked: Project) -> None:
    run = run_verb(locked, "sbom", "--name", "demo")

    assert run.code == 0
    assert run.out == run_verb(locked, "export", "--format", "sbom", "--name", "demo").out
