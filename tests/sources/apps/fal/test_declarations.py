"""What the platform makes of each place that gives a value: the table of its rules, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import SourceError
from resolver.sources.reader import read_source
from resolver.sources.source import Source, StatedValue

PLAIN = 'import fal\n\n\nclass Paint(fal.App{keywords}):\n    requirements = ["torch"]\n{body}'
FUNCTION = "import fal\n\n\n@fal.function({keywords})\ndef paint():\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def read(folder: Path, app: str, table: str = "", name: str = "app.py") -> Source:
    (folder / "app.py").write_text(app)
    if table:
        (folder / "pyproject.toml").write_text(f"[tool.fal.apps.paint]\n{table}")
    return read_source(name, folder=folder, variables={})


def find_fault(folder: Path, app: str, table: str = "", name: str = "app.py") -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, app, table, name)
    return str(caught.value)


def of_class(*, keywords: str = "", body: str = "") -> str:
    return PLAIN.format(keywords=keywords, body=body)


def of_function(keywords: str = 'requirements=["torch"]') -> str:
    return FUNCTION.format(keywords=keywords)


def test_attributes_of_a_class_are_used_but_for_python(folder: Path) -> None:
    source = read(
        folder, of_class(body='    machine_type = "GPU-A100"\n    num_gpus = 2\n    python_version = "3.12"\n')
    )
    assert source.items == ("torch",)
    assert source.machine_types == StatedValue(value=("GPU-A100",), where="app.py:6")
    assert source.num_gpus == StatedValue(value=2, where="app.py:7")
    assert source.python is None
    assert source.warnings == (
        "app.py:8: the platform ignores `python_version` in the body of class `Paint`; as a keyword of the class it"
        ' counts: `class Paint(…, python_version="3.12")`',
    )


def test_python_is_a_keyword_of_the_class(folder: Path) -> None:
    source = read(folder, of_class(keywords=', python_version="3.12"'))
    assert (source.python, source.warnings) == (StatedValue(value="3.12", where="app.py:4"), ())


@pytest.mark.parametrize("keyword", ["requirements", "machine_type", "num_gpus", "local_python_modules", "regions"])
def test_an_attribute_as_a_keyword_of_the_class_fails_on_the_platform(folder: Path, keyword: str) -> None:
    assert find_fault(folder, of_class(keywords=f", {keyword}=None")) == (
        "app.py:4: the platform raises TypeError for class `Paint`\n"
        f"  because it takes `{keyword}` as an attribute, not as a keyword of the class\n"
        f"  try: `{keyword} = …` in the body of the class"
    )


def test_a_class_without_a_machine_type_gets_the_default_of_the_platform(folder: Path) -> None:
    source = read(folder, of_class())
    assert source.machine_types is None
    assert source.default_machine == StatedValue(value=("S",), where="the platform's default for an App")


def test_all_arguments_of_a_decorator_are_used(folder: Path) -> None:
    source = read(
        folder, of_function('requirements=["torch"], machine_type=["A", "B"], python_version="3.10", num_gpus=4')
    )
    assert source.items == ("torch",)
    assert source.machine_types == StatedValue(value=("A", "B"), where="app.py:4")
    assert source.python == StatedValue(value="3.10", where="app.py:4")
    assert source.num_gpus == StatedValue(value=4, where="app.py:4")
    assert source.warnings == ()


def test_a_function_without_a_machine_type_gets_the_default_of_the_platform(folder: Path) -> None:
    source = read(folder, of_function())
    assert source.default_machine == StatedValue(value=("XS",), where="the platform's default for a function")


def test_requirements_of_a_table_are_ignored_where_it_refers_to_a_class(folder: Path) -> None:
    source = read(folder, of_class(), 'ref = "app.py::Paint"\nrequirements = ["numpy"]')
    assert source.items == ("torch",)
    assert source.warnings == (
        "pyproject.toml [tool.fal.apps.paint]: the platform ignores `requirements` here, because `ref` leads to class"
        " `Paint`, whose own list it takes",
    )


WHERE = "pyproject.toml [tool.fal.apps.paint]"


def test_the_machine_of_a_table_counts_where_the_class_leaves_the_default(folder: Path) -> None:
    source = read(folder, of_class(), 'ref = "app.py"\nmachine_type = "GPU-H100"\nnum_gpus = 2')
    assert source.machine_types == StatedValue(value=("GPU-H100",), where=WHERE)
    assert source.num_gpus == StatedValue(value=2, where=WHERE)
    assert source.warnings == ()


@pytest.mark.parametrize("machine", ["GPU-A100", "S"])
def test_the_machine_of_a_table_is_ignored_where_the_class_has_one(folder: Path, machine: str) -> None:
    app = of_class(body=f'    machine_type = "{machine}"\n')
    source = read(folder, app, 'ref = "app.py::Paint"\nmachine_type = ["GPU-H100"]')
    assert source.machine_types == StatedValue(value=(machine,), where="app.py:6")
    assert source.warnings == (
        f"{WHERE}: the platform ignores `machine_type` here, because `Paint` has its own (app.py:6)",
    )


def test_the_machine_of_a_table_counts_where_a_base_repeats_the_default(folder: Path) -> None:
    app = of_class(body='    machine_type = "S"\n') + "\n\nclass Fast(Paint):\n    pass\n"
    source = read(folder, app, 'ref = "app.py::Fast"\nmachine_type = "GPU-H100"', "app.py::Fast")
    assert source.machine_types == StatedValue(value=("GPU-H100",), where=WHERE)


def test_the_machine_of_a_table_is_ignored_where_a_base_has_another(folder: Path) -> None:
    app = of_class(body='    machine_type = "M"\n') + "\n\nclass Fast(Paint):\n    pass\n"
    source = read(folder, app, 'ref = "app.py::Fast"\nmachine_type = "GPU-H100"', "app.py::Fast")
    assert source.machine_types == StatedValue(value=("M",), where="app.py:6")
    assert source.warnings == (
        f"{WHERE}: the platform ignores `machine_type` here, because `Fast` has its own (app.py:6)",
    )


def test_the_python_of_a_table_counts_unless_the_class_has_it(folder: Path) -> None:
    table = 'ref = "app.py::Paint"\npython_version = "3.11"'
    assert read(folder, of_class(), table).python == StatedValue(value="3.11", where=WHERE)
    source = read(folder, of_class(keywords=', python_version="3.12"'), table)
    assert source.python == StatedValue(value="3.12", where="app.py:4")
    assert source.warnings == (
        f"{WHERE}: the platform ignores `python_version` here, because `Paint` has its own (app.py:4)",
    )


def test_a_table_fills_in_what_a_decorator_leaves_out(folder: Path) -> None:
    table = 'ref = "app.py::paint"\nrequirements = ["numpy"]\nmachine_type = "L"\npython_version = "3.11"\nnum_gpus = 1'
    source = read(folder, of_function(""), table)
    assert source.items == ("numpy",)
    assert source.machine_types == StatedValue(value=("L",), where=WHERE)
    assert source.python == StatedValue(value="3.11", where=WHERE)
    assert source.num_gpus == StatedValue(value=1, where=WHERE)
    assert source.warnings == ()


def test_a_table_gives_a_function_nothing_that_its_decorator_has(folder: Path) -> None:
    table = 'ref = "app.py::paint"\nrequirements = ["numpy"]\nmachine_type = "L"\npython_version = "3.11"'
    source = read(folder, of_function('requirements=["torch"], machine_type="M", python_version="3.12"'), table)
    assert (source.items, source.machine_types) == (("torch",), StatedValue(value=("M",), where="app.py:4"))
    assert source.warnings == tuple(
        f"{WHERE}: the platform ignores `{name}` here, because `paint` has its own (app.py:4)"
        for name in ("requirements", "machine_type", "python_version")
    )


def test_a_function_that_serves_takes_no_list_of_a_table(folder: Path) -> None:
    table = 'ref = "app.py::paint"\nrequirements = ["numpy"]'
    assert find_fault(folder, of_function("serve=True"), table) == (
        "app.py:4: `paint` has no `requirements`, so there is nothing to lock"
    )


def test_two_tables_that_make_different_apps_of_a_class_have_to_be_told_apart(folder: Path) -> None:
    table = 'ref = "app.py"\nmachine_type = "L"\n[tool.fal.apps.fast]\nref = "app.py"\nmachine_type = "GPU-H100"\n'
    assert find_fault(folder, of_class(), table) == (
        "`Paint` is 2 apps in pyproject.toml, which differ: `fast`, `paint`\n"
        "  try: `pyproject.toml::fast` or `pyproject.toml::paint`"
    )
    source = read(folder, of_class(), table, "pyproject.toml::fast")
    assert source.machine_types == StatedValue(value=("GPU-H100",), where="pyproject.toml [tool.fal.apps.fast]")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("ref = 1\n", "`ref` must be a string"),
        ('ref = "app.py"\npython_version = 3.11\n', "`python_version` must be a string"),
        ('ref = "app.py"\nrequirements = "torch"\n', "`requirements` must be a list of strings, or of such lists"),
        ('ref = "app.py"\nrequirements = ["a", ["b"]]\n', "`requirements` must be a list of strings, or of such lists"),
        ('ref = "app.py"\nmachine_type = [1]\n', "`machine_type` must be a string or an array of strings"),
        ('ref = "app.py"\nnum_gpus = true\n', "`num_gpus` must be a whole number"),
        (
            'ref = "app.py"\npython_entry_point = "a:b"\n',
            "`ref` and `python_entry_point` exclude each other\n  try: leave out one of them",
        ),
    ],
)
def test_a_table_that_the_platform_refuses_is_refused(folder: Path, table: str, message: str) -> None:
    assert find_fault(folder, of_class(), table) == f"{WHERE}: {message}"


def test_a_table_of_another_file_does_not_apply(folder: Path) -> None:
    (folder / "other.py").write_text("")
    source = read(folder, of_class(), 'ref = "other.py"\nmachine_type = "L"')
    assert (source.machine_types, source.warnings) == (None, ())


def test_the_tables_of_the_nearest_pyproject_with_tool_fal_apply(folder: Path) -> None:
    inner = folder / "apps"
    inner.mkdir()
    (inner / "app.py").write_text(of_class())
    (folder / "pyproject.toml").write_text('[tool.fal.apps.paint]\nref = "apps/app.py"\nmachine_type = "L"\n')
    (inner / "pyproject.toml").write_text('[project]\nname = "falcon"\n')
    source = read_source("apps/app.py", folder=folder, variables={})
    assert source.machine_types == StatedValue(value=("L",), where=WHERE)
