"""`lock layers`, as text and for builders."""

from __future__ import annotations

import json

from lockfiles import digest
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project


def test_layers_as_json_are_for_builders(locked: Project) -> None:
    (found,) = json.loads(run_verb(locked, "layers", "--json").out)["locks"]

    assert found["digest"] == digest(build_web_lock())
    assert [(one["reason"], one["packages"], one["size_bytes"]) for one in found["layers"]] == [
        ("heavy", ["http"], 30_000_000),
        ("light", ["json", "log", "web"], 4500),
    ]


def test_layers_are_shown_in_installation_order(locked: Project) -> None:
    lines = run_verb(locked, "layers").out.splitlines()

    assert lines[0] == "layer 0: big packages, 30.0 MB to download"
    assert lines[1].startswith("  pinfold-layer-v1:sha256:")
    assert lines[2:4] == ["  http", "layer 1: all other packages, 4.50 kB to download"]
