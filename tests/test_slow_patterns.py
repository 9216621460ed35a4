"""No regular expression of ours takes more than linear time, and the check finds those that do."""

from __future__ import annotations

import pytest

from tests.slow_patterns import Expression, find_slow_text, list_expressions

_EXPRESSIONS, _UNKNOWN = list_expressions(("lockfiles", "resolver"))

_MADE_AT_RUN_TIME = {
    "lockfiles/lockfile.py": "the names and versions of a lock, escaped",
    "lockfiles/secret_forms.py": "forms of tokens without repetitions but those of one class",
    "resolver/artifacts/wheelhouse.py": "names, escaped",
    "resolver/fetch/builds/build_process.py": "the last lines of a build",
    "resolver/fetch/http/credentials.py": "the user's own variables, escaped",
    "resolver/fetch/projects/pages.py": "forms of secrets",
    "resolver/index/html_page.py": "the name of an element",
    "resolver/requirements/scopes.py": "the user's own index families",
    "resolver/settings/settings.py": "the user's own patterns, which are limited where they are read",
    "resolver/sources/apps/fal/evaluation.py": "a random marker of ours",
    "resolver/sources/lock_owners.py": "names of files, escaped",
    "resolver/targets/known_cuda.py": "the name of a project, escaped",
    "resolver/targets/labels.py": "the forms of the data, which the fuzz target `labels` runs",
}
"""What the expressions are made of that have no text of their own in the module."""


@pytest.mark.parametrize("expression", dict.fromkeys(_EXPRESSIONS), ids=lambda one: one.place)
def test_an_expression_takes_linear_time(expression: Expression) -> None:
    assert find_slow_text(expression) is None


def test_expressions_that_are_made_at_run_time_are_known() -> None:
    assert {line.partition(":")[0] for line in _UNKNOWN} <= _MADE_AT_RUN_TIME.keys()


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(a+)+b", "match"),
        (r"(?:a|ab?)*c", "match"),
        (r"\s+#", "search"),
        (r"\s*,\s*x", "search"),
        (r"a.*b.*c", "search"),
        (r"(\w+)(\w*)!", "fullmatch"),
        (rb"[^\n]*x[^\n]*y", "search"),
    ],
)
def test_a_slow_expression_is_found(pattern: str | bytes, method: str) -> None:
    assert find_slow_text(Expression(place="here", pattern=pattern, flags=0, method=method)) is not None


@pytest.mark.parametrize(
    ("pattern", "method"),
    [(r"a++b", "match"), (r"(?<!\s)\s++#", "search"), (r"[^/]*/[^/]*", "fullmatch"), (r"x{0,9}y", "search")],
)
def test_a_fast_expression_is_not(pattern: str, method: str) -> None:
    assert find_slow_text(Expression(place="here", pattern=pattern, flags=0, method=method)) is None
