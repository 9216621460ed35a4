from pathlib import Path

import pytest

from resolver.sources.reader import read_source

EXAMPLE = Path(__file__).parents[2] / "examples" / "text_to_image"


def test_the_two_lists_of_the_example_are_the_same() -> None:
    app, file = read_source("app.py", folder=EXAMPLE), read_source("requirements.txt", folder=EXAMPLE)
    lines = tuple(line for line in (file.text or "").splitlines() if line and not line.startswith("#"))
    assert app.items == lines


@pytest.mark.parametrize("name", ["app.py", "app.py::TextToImage"])
def test_the_example_app_names_a_machine_type_and_leaves_python_open(name: str) -> None:
    app = read_source(name, folder=EXAMPLE)
    assert app.machine_types is not None
    assert app.machine_types.value == ("GPU-A100",)
    assert (app.python, app.stem) == (None, "text-to-image")
