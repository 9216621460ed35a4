from __future__ import annotations

import pytest

from resolver.requirements.requirement_list import parse_requirement_list
from tests.requirements.lists import report


def test_list_wide_flags_are_gathered_over_all_layers() -> None:
    parsed = parse_requirement_list(
        [
            ["--pre", "--only-binary", ":all:", "numpy"],
            ["--prefer-binary", "--no-binary=Foo_Bar", "--trusted-host", "a.example", "--require-hashes"],
        ]
    )
    assert (parsed.pre, parsed.prefer_binary, parsed.require_hashes) == (True, True, True)
    assert parsed.trusted_hosts == ("a.example",)
    assert parsed.format_control.only_binary == {":all:"}
    assert parsed.format_control.no_binary == {"foo-bar"}


@pytest.mark.parametrize(
    ("flag", "value", "name"),
    [("--no-binary", ":foo:", ":foo:"), ("--only-binary", "a b", "a b"), ("--no-binary", "numpy,x-", "x-")],
)
def test_format_flag_takes_names_only(flag: str, value: str, name: str) -> None:
    assert report(["numpy", f"{flag}={value}"]) == (
        f"requirements[1]: `{flag} {value}` holds `{name}`, which is no project name\n"
        "  because it takes names with commas between them, `:all:` or `:none:`"
    )
