"""Texts beyond what Python counts or nests: a fault of the list or of the file that holds them, no bug of ours."""

from __future__ import annotations

from packaging.markers import Marker

from tests.command import Project
from tests.distributions import make_wheel
from tests.foreign_words import find_words_in_a_sentence
from tests.servers import ServedFile, wheel

DIGITS = "1" * 5000
NESTED = "(" * 3000 + 'python_version < "3"' + ")" * 3000


def test_version_too_long_for_a_number_is_a_fault_of_the_list(project: Project) -> None:
    project.write_list(f"a=={DIGITS}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        f"error: requirements.txt:2: `a=={DIGITS}` is no requirement\n"
        "  because a number in it has more than 4300 digits\n",
    )


def test_marker_nested_too_deep_is_a_fault_of_the_list(project: Project) -> None:
    project.write_list(f"a; {NESTED}")

    run = project.lock("requirements.txt")

    first, second = run.err.splitlines()
    assert (run.code, first) == (2, f"error: requirements.txt:2: `{NESTED}`, after `a;`, is no environment marker")
    # The reason is ours where packaging runs into the recursion limit, and packaging's own where it counts the levels.
    assert second in (
        "  because it is nested too deep",
        f"  because {find_words_in_a_sentence(lambda: Marker(NESTED))}",
    )


def test_metadata_with_such_texts_rules_out_its_version_only(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"), _asks_for("2.0", f"b=={DIGITS}"), _asks_for("3.0", f"b; {NESTED}"))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, {"a": "1.0"})


def test_build_tag_too_long_for_a_number_rules_out_its_file_only(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"), wheel("a", "1.0", build="9" * 5000))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, {"a": "1.0"})


def test_requires_python_too_long_for_a_number_is_as_unreadable_as_any_other(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", requires_python=f">{DIGITS}"))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, {"a": "1.0"})


def test_file_name_with_too_many_wheel_tags_is_no_candidate(project: Project) -> None:
    tags = "-".join(".".join(f"{part}{number}" for number in range(300)) for part in ("py", "abi", "any"))
    file = ServedFile(filename=f"a-2.0-{tags}.whl", content=b"")
    project.server.add("a", wheel("a", "1.0"), file)
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, {"a": "1.0"})


def _asks_for(version: str, requirement: str) -> ServedFile:
    return ServedFile(
        filename=f"a-{version}-py3-none-any.whl",
        content=make_wheel("a", version, [requirement]),
    )
