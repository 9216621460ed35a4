from __future__ import annotations

from resolver.requirements.canonical import canonical_layers
from resolver.requirements.entry import LocalPath
from resolver.requirements.local_paths import rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_list


def test_rewritten_paths_show_in_scopes_and_in_canonical_tokens() -> None:
    parsed = parse_requirement_list(["-f", "wheels", "six", "-f", "https://f.example/links.html", "torch"])
    rewritten = rewrite_paths(
        parsed, location=lambda path: f"deep/{path}", reference=lambda _, path: path.path, text=None
    )
    assert [[url.public for url in entry.scope.find_links] for entry in rewritten.entries] == [
        ["deep/wheels"],
        ["deep/wheels", "https://f.example/links.html"],
    ]
    assert canonical_layers(rewritten) == (
        ("--find-links", "deep/wheels", "six", "--find-links", "https://f.example/links.html", "torch"),
    )


def test_rewritten_references_show_in_entries_and_their_texts() -> None:
    parsed = parse_requirement_list(
        ["six", "-c", "c.txt", "-e", "./own[extra]"], read_file=lambda *_: ("c.txt", "fix @ ./fix")
    )

    def rewrite(*, shown: bool) -> list[tuple[object, str]]:
        rewritten = rewrite_paths(
            parsed,
            location=lambda path: path,
            reference=lambda _, path: f"/absolute/{path.path}",
            text=(lambda _, path: f"./shown/{path.path}") if shown else None,
        )
        return [(entry.direct, entry.text) for entry in (*rewritten.entries, *rewritten.constraints)]

    own, fix = LocalPath(path="/absolute/./own"), LocalPath(path="/absolute/./fix")
    assert rewrite(shown=True) == [(None, "six"), (own, "./shown/./own[extra]"), (fix, "fix @ ./shown/./fix")]
    assert rewrite(shown=False) == [(None, "six"), (own, "./own[extra]"), (fix, "fix @ ./fix")]
