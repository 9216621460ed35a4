from __future__ import annotations

import pytest

from resolver.requirements.canonical import canonical_layers, parse_canonical_layers
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list

A = "https://a.example/simple/"
B = "https://b.example/simple/"


def tokens(items: list[str] | list[list[str]], files: dict[str, str] | None = None) -> tuple[tuple[str, ...], ...]:
    texts = files or {}
    return canonical_layers(
        parse_requirement_list(items, read_file=lambda reference, including: (reference, texts[reference]))
    )


@pytest.mark.parametrize(
    ("items", "same"),
    [
        (["Foo_Bar [B,a] >= 1.0 , < 2"], ["foo-bar[a,b]<2,>=1.0"]),
        (["six==1.0RC1"], ["six == 1.0rc1"]),
        (["six;python_version<'3'"], ['six ; python_version < "3"']),
        (["-i", A, "six"], ["six", f"--index-url={A}"]),
        (["--extra-index-url", A, "six"], ["six", f"--extra-index-url {A}", "--extra-index-url", A]),
        (["six", "--pre"], ["--pre", "six"]),
        (["--no-binary", "B,a", "six"], ["six", "--no-binary=a", "--no-binary=b"]),
        (["https://u:p@f.example/six-1.0-py3-none-any.whl"], ["six @ https://f.example/six-1.0-py3-none-any.whl"]),
        (["git+git@git.example:o/r.git"], ["git+ssh://git@git.example/o/r.git"]),
        (["-c", "c.txt", "six"], ["six", "--constraint=c.txt"]),
        (["-r", "r.txt"], ["torch", "six"]),
        (
            [f"six --hash=sha256:{'B' * 64} --hash=sha256:{'a' * 64}"],
            [f"six --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}"],
        ),
    ],
)
def test_lists_of_equal_meaning_have_equal_tokens(items: list[str], same: list[str]) -> None:
    files = {"c.txt": "# bounds\nsix<2 # why not\n", "r.txt": "torch\n\nsix"}
    assert tokens(items, files) == tokens(same, files)


@pytest.mark.parametrize(
    ("items", "other"),
    [
        (["six"], ["six>=1"]),
        (["six", "torch"], ["torch", "six"]),
        ([["six"], ["torch"]], [["six", "torch"]]),
        (
            ["--extra-index-url", A, "--extra-index-url", B, "six"],
            ["--extra-index-url", B, "--extra-index-url", A, "six"],
        ),
        (["six", "--extra-index-url", A, "torch"], ["--extra-index-url", A, "six", "torch"]),
        (["six --config-settings=a=1"], ["six --config-settings=a=2"]),
        (["six", "--pre"], ["six"]),
        (["-e", "./six"], ["./six"]),
        ([["six", "--no-deps"]], [["six"]]),
    ],
)
def test_lists_of_different_meaning_have_different_tokens(items: list[str], other: list[str]) -> None:
    assert tokens(items) != tokens(other)


def test_the_tokens_are_argv_in_a_fixed_order() -> None:
    layers = [
        ["torch", "--extra-index-url", A, "Six[b,a]>=1,<2", "--pre", "--no-deps", "--trusted-host", "h.example"],
        ["-e", "./here", "-i", "https://user:hunter2@b.example/simple/", "-c", "c.txt"],
    ]
    assert tokens(layers, {"c.txt": "numpy<2"}) == (
        ("--pre", "--trusted-host", "h.example", "--no-deps", "torch", "--extra-index-url", A, "six[a,b]<2,>=1"),
        ("--index-url", B, "--constraint", "numpy<2", "--editable", "./here"),
    )


def test_a_flag_that_must_serve_earlier_requirements_stays_at_the_end() -> None:
    items = ["six", "--extra-index-url", A, "torch", "--extra-index-url", B]
    assert tokens(items) == (tuple(items),)


def test_values_of_build_settings_are_digests() -> None:
    found = tokens(["six --config-settings=token=hunter2"])
    assert found == (
        (
            "six",
            "--config-settings",
            "token=sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7",
        ),
    )
    assert canonical_layers(parse_canonical_layers(found)) == found


def test_a_file_and_a_list_of_its_lines_have_equal_tokens() -> None:
    text = f"# needs\nsix>=1  # for old code\n--extra-index-url {A}\n"
    assert canonical_layers(parse_requirement_file(text)) == tokens(["six>=1", "--extra-index-url", A])


def test_an_empty_list_has_one_empty_layer() -> None:
    assert tokens([]) == ((),)


@pytest.mark.parametrize(
    "items",
    [
        ["numpy", "-r", "x.txt", "torch"],
        ["numpy", "--extra-index-url", B, "-r", "x.txt", "torch"],
        ["numpy", "-r", "x.txt", "--extra-index-url", B],
        ["-r", "x.txt", "--extra-index-url", B],
        ["a", "-r", "i.txt", "b"],
        ["a", "-r", "n.txt", "-r", "x.txt"],
    ],
)
def test_a_file_with_indexes_of_its_own_keeps_its_scope_in_the_tokens(items: list[str]) -> None:
    texts = {
        "x.txt": f"scipy\n--extra-index-url {A}\n-r y.txt\n-e './p q' ; python_version > '3'\n-c c.txt\n",
        "y.txt": "pandas --config-settings=a='b c'\n-f https://f.example/\n",
        "c.txt": f"numpy<2 --hash=sha256:{'a' * 64}\n",
        "i.txt": f"-i {B}\nz\n",
        "n.txt": "--no-index\n-f ./w\nw\n",
    }
    parsed = parse_requirement_list(items, read_file=lambda reference, including: (reference, texts[reference]))
    again = parse_canonical_layers(canonical_layers(parsed))
    assert canonical_layers(again) == canonical_layers(parsed)
    assert again.dependency_scope == parsed.dependency_scope
    assert [(e.text, e.own_scope, e.scope, e.hashes) for e in (*again.entries, *again.constraints)] == [
        (e.text, e.own_scope, e.scope, e.hashes) for e in (*parsed.entries, *parsed.constraints)
    ]


def test_a_file_with_indexes_of_its_own_is_one_token_with_its_content() -> None:
    files = {"x.txt": f"scipy\n--extra-index-url {A}\n"}
    assert tokens(["numpy", "-r", "x.txt"], files) == (
        ("numpy", "--requirement", f"included: '--extra-index-url {A}' scipy"),
    )
