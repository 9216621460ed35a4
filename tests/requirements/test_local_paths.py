from __future__ import annotations

from resolver.requirements.canonical import canonical_layers
from resolver.requirements.local_paths import rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_list


def test_rewritten_paths_show_in_scopes_and_in_canonical_tokens() -> None:
    parsed = parse_requirement_list(["-f", "wheels", "six", "-f", "https://f.example/links.html", "torch"])
    rewritten = rewrite_paths(parsed, lambda path: f"deep/{path}")
    assert [[url.public for url in entry.scope.find_links] for entry in rewritten.entries] == [
        ["deep/wheels"],
        ["deep/wheels", "https://f.example/links.html"],
    ]
    assert canonical_layers(rewritten) == (
        ("--find-links", "deep/wheels", "six", "--find-links", "https://f.example/links.html", "torch"),
    )
