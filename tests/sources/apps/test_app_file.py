from resolver.errors import Position
from resolver.sources.apps.app_file import App
from resolver.sources.source import StatedValue
from tests.sources.apps.app_files import find_fault, read


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


def test_an_empty_list_is_a_list() -> None:
    assert read("class A:\n    requirements = []").items == ()


def test_a_class_is_chosen_by_name() -> None:
    text = 'class A:\n    requirements = ["a"]\n\nclass B:\n    requirements = ["b"]'
    assert read(text, "B").items == ("b",)


def test_a_class_inside_a_branch_of_the_module_is_found() -> None:
    assert read('try:\n    import x\nexcept ImportError:\n    class A:\n        requirements = ["a"]').items == ("a",)


def test_the_file_is_not_run() -> None:
    assert read('raise SystemExit\n\nclass A:\n    requirements = ["a"]').items == ("a",)


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


def test_file_nested_too_deep_says_so() -> None:
    assert find_fault("x = " + "-" * 200_000 + "1") == "`app.py` is not Python that can be read: it is nested too deep"
