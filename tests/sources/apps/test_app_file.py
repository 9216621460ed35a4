from textwrap import dedent

import pytest

from resolver.errors import Position, SourceError
from resolver.sources.apps.app_file import App
from resolver.sources.source import StatedValue
from tests.sources.apps.app_files import read_app


def read(text: str, class_name: str | None = None) -> App:
    return read_app(dedent(text).encode(), name="app.py", class_name=class_name)


def find_fault(text: str, class_name: str | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        read(text, class_name)
    return str(caught.value)


def test_the_literals_of_the_only_class_with_requirements_are_read() -> None:
    app = read(
        """
        class Base:
            pass

        class Painter(Base):
            requirements = ["torch==2.8.0", 'numpy']
            machine_type = "GPU-A100"
            python_version = "3.11"
        """
    )
    assert app == App(
        class_name="Painter",
        line=6,
        items=("torch==2.8.0", "numpy"),
        positions=(Position(source="app.py", line=6, item=0), Position(source="app.py", line=6, item=1)),
        python=StatedValue(value="3.11", where="app.py:8"),
        machine_types=StatedValue(value=("GPU-A100",), where="app.py:7"),
    )


def test_annotated_assignments_and_tuples_are_read() -> None:
    app = read(
        """
        class Painter:
            requirements: ClassVar[tuple[str, ...]] = ("torch",)
            machine_type: list[str] = ["GPU-H100", "GPU-A100"]
        """
    )
    assert app.items == ("torch",)
    assert app.machine_types == StatedValue(value=("GPU-H100", "GPU-A100"), where="app.py:4")
    assert app.python is None


def test_layers_are_kept_as_layers() -> None:
    app = read('class Painter:\n    requirements = [["torch"], ("flash-attn", "--no-build-isolation")]')
    assert app.items == (("torch",), ("flash-attn", "--no-build-isolation"))


def test_the_last_of_two_plain_assignments_wins_as_in_python() -> None:
    assert read('class A:\n    requirements = ["old"]\n    requirements = ["new"]').items == ("new",)


def test_an_empty_list_is_a_list() -> None:
    assert read("class A:\n    requirements = []").items == ()


def test_a_class_is_chosen_by_name() -> None:
    text = 'class A:\n    requirements = ["a"]\n\nclass B:\n    requirements = ["b"]'
    assert read(text, "B").items == ("b",)


def test_a_class_inside_a_branch_of_the_module_is_found() -> None:
    assert read('try:\n    import x\nexcept ImportError:\n    class A:\n        requirements = ["a"]').items == ("a",)


def test_the_file_is_not_run() -> None:
    assert read('raise SystemExit\n\nclass A:\n    requirements = ["a"]').items == ("a",)


def test_an_encoding_comment_is_obeyed() -> None:
    data = '# -*- coding: latin-1 -*-\nclass A:\n    requirements = ["a"]\n    label = "é"\n'.encode("latin-1")
    assert read_app(data, name="app.py", class_name=None).items == ("a",)


def test_a_questionable_escape_in_the_apps_code_is_no_concern() -> None:
    assert read('pattern = "\\d"\nclass A:\n    requirements = ["a"]').items == ("a",)


def test_reading_an_attribute_elsewhere_is_fine() -> None:
    text = """
    class A:
        requirements = ["a"]
        count = len(requirements)

        def show(self):
            requirements = [1]
            requirements.append(2)
            return self.requirements

    print(A.requirements)
    """
    assert read(text).items == ("a",)


@pytest.mark.parametrize(
    ("expression", "attribute", "quoted", "why"),
    [
        ("BASE", "requirements", "BASE", "nothing that is read here gives it a value"),
        ('BASE + ["a"]', "requirements", "BASE", "nothing that is read here gives it a value"),
        ('["a", f"torch=={V}"]', "requirements[1]", "V", "nothing that is read here gives it a value"),
        ('["a", *BASE]', "requirements[1]", "BASE", "nothing that is read here gives it a value"),
        ('[["a", b]]', "requirements[0][1]", "b", "nothing that is read here gives it a value"),
        ('["a" for _ in x]', "requirements", "x", "nothing that is read here gives it a value"),
        ('["a", json.loads("1")]', "requirements[1]", "json.loads('1')", "`json.loads` is not read here"),
        ('["a", {}["b"]]', "requirements[1]", "{}['b']", "it raises KeyError"),
        ('["a" * 10**9]', "requirements[0]", "10 ** 9", "such an operation on a number and a number cannot be"),
        ('["a", sorted(n=1)]', "requirements[1]", "sorted(n=1)", "it raises TypeError"),
        ('["a", A]', "requirements[1]", "A", "nothing that is read here gives it a value"),
        ("await x", "requirements", "await x", "such an expression is not worked out"),
    ],
)
def test_what_is_not_understood_is_named_with_its_expression(
    expression: str, attribute: str, quoted: str, why: str
) -> None:
    lines = find_fault(f"import json\nclass A:\n    requirements = {expression}").splitlines()
    assert lines[0] == f"app.py:3: `{attribute}` is not understood: `{quoted}`"
    assert lines[1].startswith(f"  because {why}")
    assert lines[2:] == ["  try: write it out, put the list into a requirements.txt, or run the file with `--evaluate`"]


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


def test_a_long_expression_is_cut_and_shows_no_secret() -> None:
    fault = find_fault(f'class A:\n    requirements = [json.x("{"x" * 80}")]')
    assert "`json`" in fault
    fault = find_fault(f'import json\nclass A:\n    requirements = [json.x("{"x" * 80}")]')
    assert f"`json.x('{'x' * 51}…`" in fault
    assert "token" not in find_fault('import x\nclass A:\n    requirements = x.y("https://me:token@index.example/")')


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ('requirements += ["b"]', ("a", "b")),
        ('requirements.append("b")', ("a", "b")),
        ('requirements[0] = "b"', ("b",)),
        ('other = requirements = ["b"]', ("b",)),
        ("requirements = [*requirements, *requirements]", ("a", "a")),
        ("if len(requirements) > 1:\n        requirements = []", ("a",)),
        ('for name in "bc":\n        requirements.append(name)', ("a", "b", "c")),
        ("setup()", ("a",)),
        ("print(requirements)", ("a",)),
    ],
)
def test_a_change_in_the_class_body_is_followed(statement: str, items: tuple[str, ...]) -> None:
    assert read(f'class A:\n    requirements = ["a"]\n    {statement}').items == items


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ('A.requirements = ["b"]', ("b",)),
        ('A.requirements += ["b"]', ("a", "b")),
        ('A.requirements.append("b")', ("a", "b")),
        ('A.requirements[0] = "b"', ("b",)),
        ("deploy(A)", ("a",)),
    ],
)
def test_a_change_from_outside_the_class_is_followed(statement: str, items: tuple[str, ...]) -> None:
    assert read(f'class A:\n    requirements = ["a"]\n\n{statement}').items == items


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("requirements.append(pick())", 3),
        ("change(requirements)", 3),
        ("requirements.unknown()", 3),
        ("del requirements", 3),
        ("if GPU:\n        requirements = []", 3),
        ("if GPU:\n        requirements.append('b')", 3),
        ("for one in ALL:\n        requirements += one", 3),
        ("while GPU:\n        requirements += one", 3),
        ("with GPU:\n        requirements += one", 3),
        ("requirements: list = [GPU]", 3),
    ],
)
def test_a_change_that_is_not_understood_puts_the_list_into_doubt(statement: str, line: int) -> None:
    fault = find_fault(f'class A:\n    requirements = ["a"]\n    {statement}')
    assert fault.startswith(f"app.py:{line}: `requirements")
    assert " is not understood: `" in fault.splitlines()[0]


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


def test_all_faults_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    text = """
    class A:
        machine_type = pick()
        requirements = ["a", b, c]

    A.python_version = pick()
    """
    lines = [line.partition(": `")[0] for line in find_fault(text).splitlines() if line.startswith("app.py")]
    assert lines == ["app.py:3", "app.py:4", "app.py:4", "app.py:6"]


def test_several_apps_without_a_name_are_listed() -> None:
    text = 'class A:\n    requirements = ["a"]\n\nclass B:\n    requirements = ["b"]'
    assert find_fault(text) == "`app.py` holds 2 apps: `A`, `B`\n  try: `app.py::A` or `app.py::B`"


def test_a_name_that_no_class_has_is_refused() -> None:
    assert find_fault("class A:\n    requirements = []", "B") == "`app.py` has no app `B`\n  try: `app.py::A`"


def test_a_class_has_the_list_of_its_base() -> None:
    text = 'class A:\n    requirements = ["a"]\n\nclass B(A):\n    requirements: list[str]'
    assert read(text, "B").items == ("a",)


def test_a_file_without_an_app_is_refused() -> None:
    assert find_fault('requirements = ["a"]\n\nclass A:\n    pass') == (
        "`app.py` has no app\n"
        "  because an app is a class that derives from an `App` or has `requirements`, or a function under"
        " `@fal.function(…)`"
    )


def test_a_class_defined_twice_is_refused() -> None:
    text = 'if X:\n    class A:\n        requirements = ["a"]\nelse:\n    class A:\n        requirements = ["b"]'
    assert find_fault(text) == "`app.py` defines `A` more than once, in lines 2, 5"
    assert find_fault(text, "A") == "`app.py` defines `A` more than once, in lines 2, 5"


def test_what_python_cannot_read_is_refused_with_its_line() -> None:
    fault = find_fault("class A:\n    requirements = [")
    assert fault.startswith("app.py:2: Python 3.")
    assert " cannot read this: " in fault


def test_a_file_with_a_null_byte_is_refused() -> None:
    with pytest.raises(SourceError):
        read_app(b"class A:\n    requirements = ['\0']", name="app.py", class_name=None)


def test_class_in_a_branch_that_is_never_taken_is_no_app() -> None:
    app = read(
        """
        if False:
            class Old:
                requirements = ["a"]
        else:
            class New:
                requirements = ["b"]
        """
    )
    assert (app.class_name, app.items) == ("New", ("b",))


def test_file_nested_too_deep_says_so() -> None:
    assert find_fault("x = " + "-" * 200_000 + "1") == "`app.py` is not Python that can be read: it is nested too deep"


def test_what_stands_in_for_a_variable_is_not_shown() -> None:
    fault = find_fault(
        """
        import os

        class A:
            requirements = ["a" if os.getenv("TOKEN", "canary-default") else os.environ.get("T", default="canary-too")]
        """
    )
    assert "`os.getenv('TOKEN', …)`" in fault
    assert "canary" not in fault
