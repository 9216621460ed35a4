"""Paths of direct references, rewritten for a look at the disk or for a lock."""

from __future__ import annotations

from resolver.requirements.entry import Entry, LocalPath
from resolver.requirements.local_paths import rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_list


def absolute(entry: Entry, path: LocalPath) -> str:
    return f"/root/{path.path}"


def test_paths_of_entries_and_constraints_are_rewritten() -> None:
    parsed = parse_requirement_list(["./wheels/a-1.0-py3-none-any.whl", "b", "https://files.example/c-1.0.tar.gz"])

    entries = rewrite_paths(parsed, location=str, reference=absolute, text=None).layers[0].entries

    assert [entry.direct.path for entry in entries if isinstance(entry.direct, LocalPath)] == [
        f"/root/{entry.direct.path}" for entry in parsed.entries if isinstance(entry.direct, LocalPath)
    ]
    assert entries[1:] == parsed.layers[0].entries[1:]
    assert [entry.text for entry in entries] == [entry.text for entry in parsed.entries]


def test_texts_follow_their_paths_where_they_are_shown() -> None:
    parsed = parse_requirement_list(["./wheels/a-1.0-py3-none-any.whl"])

    (entry,) = rewrite_paths(parsed, location=str, reference=absolute, text=absolute).layers[0].entries

    assert isinstance(entry.direct, LocalPath)
    assert entry.direct.path in entry.text
