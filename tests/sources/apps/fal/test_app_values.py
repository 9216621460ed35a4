"""The values of an app: which ones are read, and the faults of all others."""

from __future__ import annotations

import pytest

from tests.sources.apps.app_files import find_fault, read


def test_layers_are_kept_as_layers() -> None:
    app = read('class Painter:\n    requirements = [["torch"], ("flash-attn", "--no-build-isolation")]')
    assert app.items == (("torch",), ("flash-attn", "--no-build-isolation"))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('"a"', "`requirements` is no list: `a`\n  try: a list of texts"),
        ("7", "`requirements` is no list: `7`\n  try: a list of texts"),
        ("{}", "`requirements` is no list: `a dict`\n  try: a list of texts"),
        ("lambda: []", "`requirements` is no list: `a function`\n  try: a list of texts"),
        ('[["a"], "b"]', "`requirements[1]` is no list, as other layers are: `b`\n  try: `[…]`"),
    ],
)
def test_requirements_that_are_no_list_are_refused(expression: str, message: str) -> None:
    assert find_fault(f"class A:\n    requirements = {expression}") == f"app.py:2: {message}"


@pytest.mark.parametrize("item", ["None", "7", "{}"])
def test_an_item_that_is_no_text_is_refused(item: str) -> None:
    assert find_fault(f'class A:\n    requirements = ["a", {item}]').startswith(
        "app.py:2: `requirements[1]` is no text: "
    )


def test_a_machine_type_that_is_not_understood_is_refused() -> None:
    assert find_fault('class A:\n    requirements = ["a"]\n    machine_type = pick()') == (
        "app.py:3: `machine_type` is not understood: `pick`\n"
        "  because nothing that is read here gives it a value\n"
        "  try: write it out, or run the file with `--evaluate`"
    )


def test_a_python_version_written_as_a_number_is_refused() -> None:
    assert find_fault('class A:\n    requirements = ["a"]\n    python_version = 3.11') == (
        "app.py:3: `python_version` is a number: `3.11`\n"
        "  because it must be text, where `3.10` and `3.1` differ\n"
        '  try: `python_version = "3.11"`'
    )
