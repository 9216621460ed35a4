from textwrap import dedent

import pytest

from resolver.errors import SourceError
from resolver.sources.app_file import App, read_app
from resolver.sources.source import Hint


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
        python=Hint(value="3.11", where="app.py:8"),
        machine_types=Hint(value=("GPU-A100",), where="app.py:7"),
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
    assert app.machine_types == Hint(value=("GPU-H100", "GPU-A100"), where="app.py:4")
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
    ("expression", "quoted", "attribute", "what"),
    [
        ("BASE", "BASE", "requirements", "is no literal list"),
        ('BASE + ["a"]', "BASE + ['a']", "requirements", "is no literal list"),
        ('"a"', "'a'", "requirements", "is no literal list"),
        ('open("r.txt").read().split()', "open('r.txt').read().split()", "requirements", "is no literal list"),
        ('["a", f"torch=={V}"]', "f'torch=={V}'", "requirements[1]", "is no literal text"),
        ('["a", *BASE]', "*BASE", "requirements[1]", "is no literal text"),
        ('["a", None]', "None", "requirements[1]", "is no literal text"),
        ('[["a"], "b"]', "'b'", "requirements[1]", "is no literal list, as other layers are"),
        ('[["a", b]]', "b", "requirements[0][1]", "is no literal text"),
        ('["a" for _ in x]', "['a' for _ in x]", "requirements", "is no literal list"),
    ],
)
def test_requirements_that_are_no_literals_are_refused(expression: str, quoted: str, attribute: str, what: str) -> None:
    assert find_fault(f"class A:\n    requirements = {expression}") == (
        f"app.py:2: `{attribute}` {what}: `{quoted}`\n"
        "  because an app file is read and not run\n"
        "  try: write it out as a literal, or put the list into a requirements.txt"
    )


def test_a_long_expression_is_cut_and_shows_no_secret() -> None:
    fault = find_fault(f'class A:\n    requirements = ["{"x" * 80}"] + B')
    assert f"`['{'x' * 57}…`" in fault
    assert "token" not in find_fault('class A:\n    requirements = ["https://me:token@index.example/"] + B')


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ('requirements += ["b"]', "is not assigned plainly: `requirements += ['b']`"),
        ('requirements.append("b")', "is changed: `requirements.append('b')`"),
        ('requirements[0] = "b"', "is changed: `requirements[0] = 'b'`"),
        ("del requirements", "is not assigned plainly: `del requirements`"),
        ('other = requirements = ["b"]', "is not assigned plainly: `other = requirements = ['b']`"),
        ("def requirements(self): return []", "is no literal: `def requirements(self): return []`"),
    ],
)
def test_a_change_in_the_class_body_is_refused(statement: str, what: str) -> None:
    assert find_fault(f'class A:\n    requirements = ["a"]\n    {statement}') == (
        f"app.py:3: `requirements` {what}\n"
        "  because an app file is read and not run\n"
        "  try: write it out as a literal, or put the list into a requirements.txt"
    )


def test_a_branch_in_the_class_body_is_refused() -> None:
    assert find_fault('class A:\n    if GPU:\n        requirements = ["a"]').startswith(
        "app.py:2: `requirements` is not assigned plainly: `if GPU: requirements = ['a']`\n"
    )


@pytest.mark.parametrize(
    ("statement", "quoted"),
    [
        ('A.requirements = ["b"]', "A.requirements"),
        ('A.requirements += ["b"]', "A.requirements"),
        ('A.requirements.append("b")', "A.requirements.append('b')"),
        ('A.requirements[0] = "b"', "A.requirements[0]"),
    ],
)
def test_a_change_from_outside_the_class_is_refused(statement: str, quoted: str) -> None:
    assert find_fault(f'class A:\n    requirements = ["a"]\n\n{statement}') == (
        f"app.py:4: `requirements` is changed from outside the class: `{quoted}`\n"
        "  because an app file is read and not run\n"
        "  try: write it out as a literal, or put the list into a requirements.txt"
    )


def test_a_machine_type_that_is_no_literal_is_refused() -> None:
    assert find_fault('class A:\n    requirements = ["a"]\n    machine_type = pick()') == (
        "app.py:3: `machine_type` is no literal text: `pick()`\n"
        "  because an app file is read and not run\n"
        "  try: write it out as a literal"
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

    A.requirements.append("d")
    """
    lines = [line.partition(": `")[0] for line in find_fault(text).splitlines() if line.startswith("app.py")]
    assert lines == ["app.py:3", "app.py:4", "app.py:4", "app.py:6"]


def test_several_apps_without_a_name_are_listed() -> None:
    text = 'class A:\n    requirements = ["a"]\n\nclass B:\n    requirements = ["b"]'
    assert find_fault(text) == "`app.py` holds 2 apps: `A`, `B`\n  try: `app.py::A` or `app.py::B`"


def test_a_name_that_no_class_has_is_refused() -> None:
    assert find_fault("class A:\n    requirements = []", "B") == "`app.py` has no class `B`\n  try: `app.py::A`"


def test_a_class_without_a_list_of_its_own_is_refused() -> None:
    text = "class A:\n    requirements = []\n\nclass B(A):\n    requirements: list[str]"
    assert find_fault(text, "B") == (
        "app.py:4: class `B` has no `requirements` of its own\n"
        "  because an app file is read and not run, so what a class inherits is not known\n"
        "  try: `app.py::A`"
    )


def test_a_file_without_an_app_is_refused() -> None:
    assert find_fault('requirements = ["a"]\n\nclass A:\n    pass') == "`app.py` has no class with `requirements`"


def test_a_class_defined_twice_is_refused() -> None:
    text = 'if X:\n    class A:\n        requirements = ["a"]\nelse:\n    class A:\n        requirements = ["b"]'
    assert find_fault(text) == "`app.py` defines class `A` more than once, in lines 2, 5"
    assert find_fault(text, "A") == "`app.py` defines class `A` more than once, in lines 2, 5"


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
