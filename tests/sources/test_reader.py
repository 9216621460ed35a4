import os
import sys
from io import BytesIO
from pathlib import Path

import pytest

from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver.errors import SourceError, UnboundVariableError
from resolver.settings.settings import Settings
from resolver.sources.reader import RequirementFiles, list_possible_sources, read_source
from resolver.sources.source import AppFile, PyprojectList, RequirementFile, StandardInput, StatedValue

APP = 'class TextToImage:\n    requirements = ["torch"]\n    machine_type = "GPU-A100"\n    python_version = "3.12"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def find_fault(argument: str | None, folder: Path, **options: tuple[str, ...]) -> str:
    with pytest.raises(SourceError) as caught:
        read_source(argument, folder=folder, **options)  # type: ignore[arg-type]  # only extras and groups are given
    return str(caught.value)


def test_a_name_that_is_no_utf_8_is_refused(folder: Path) -> None:
    assert find_fault("x\udcff.txt", folder) == (
        "the name `x\udcff.txt` is no UTF-8, and a lock has the name of its list in it\n  try: rename the file"
    )


@pytest.mark.parametrize("name", ["requirements.txt", "gpu.in", "anything.txt"])
def test_a_requirement_file_is_kept_as_its_text(folder: Path, name: str) -> None:
    (folder / name).write_text("torch\n# all\nnumpy\n")
    source = read_source(name, folder=folder)
    assert source.form == RequirementFile(text="torch\n# all\nnumpy\n")
    assert (source.text, source.items, source.layers) == ("torch\n# all\nnumpy\n", None, None)
    assert (source.name, source.stem) == (name, name.partition(".")[0])
    assert (source.path, source.folder) == (folder / name, folder)
    assert (source.python, source.machine_types, source.settings_path) == (None, None, None)


def test_a_requirement_file_in_a_folder_is_named_as_written(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "requirements.txt").write_text("torch")
    source = read_source("sub/requirements.txt", folder=folder)
    assert (source.name, source.folder) == ("sub/requirements.txt", folder / "sub")


def test_a_requirement_file_with_an_encoding_comment_is_decoded_by_it(folder: Path) -> None:
    (folder / "r.txt").write_bytes("# coding: latin-1\n# é\n".encode("latin-1"))
    assert read_source("r.txt", folder=folder).text == "# coding: latin-1\n# é\n"


def test_a_requirement_file_that_cannot_be_decoded_is_named(folder: Path) -> None:
    (folder / "r.txt").write_bytes(b"torch\xff")
    assert find_fault("r.txt", folder).startswith("`r.txt` cannot be read: the file is no utf-8 text\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no os.mkfifo")
@pytest.mark.parametrize("name", ["pipe", "pipe.txt"])
def test_a_pipe_is_refused_with_the_way_to_standard_input(name: str, folder: Path) -> None:
    os.mkfifo(folder / name)
    (folder / "r.txt").write_text(f"-r {name}")
    fault = "it is a pipe, not a file\n  try: `lock -` reads a list from standard input: `command | lock -`"
    assert find_fault(name, folder) == f"`{name}` cannot be read: {fault}"
    with pytest.raises(SourceError) as caught:
        RequirementFiles(folder).read(name, "r.txt")
    assert str(caught.value) == fault


def test_a_dash_reads_standard_input_as_a_requirement_file(folder: Path) -> None:
    source = read_source("-", folder=folder, standard_input=BytesIO(b"torch\n"))
    assert source.form == StandardInput(text="torch\n")
    assert (source.name, source.stem, source.path, source.folder) == ("standard input", "stdin", None, folder)


def test_an_app_gives_its_list_and_hints(folder: Path) -> None:
    (folder / "app.py").write_text(APP)
    source = read_source("app.py", folder=folder)
    assert source.form == AppFile(class_name="TextToImage", line=2, items=("torch",))
    assert source.layers == (("torch",),)
    assert source.python == StatedValue(value="3.12", where="app.py:4")
    assert source.machine_types == StatedValue(value=("GPU-A100",), where="app.py:3")
    assert source.stem == "text-to-image"


def test_an_app_is_chosen_by_class_name(folder: Path) -> None:
    (folder / "app.py").write_text(APP + '\n\nclass SDXLTurbo2:\n    requirements = [["diffusers"], ["numpy"]]\n')
    source = read_source("app.py::SDXLTurbo2", folder=folder)
    assert (source.name, source.stem) == ("app.py::SDXLTurbo2", "sdxl-turbo2")
    assert source.layers == (("diffusers",), ("numpy",))


def test_a_fault_of_an_app_names_its_file_and_line(folder: Path) -> None:
    (folder / "app.py").write_text("class A:\n    requirements = BASE\n")
    assert find_fault("app.py::A", folder).startswith("app.py:2: `requirements` is not understood: `BASE`\n")


def test_pyproject_with_a_list_of_ours_gives_that_list(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "Acme.Tools"\ndependencies = ["numpy"]\n'
        '[tool.pinfold]\nrequirements = ["torch", "--pre"]\npython = "3.11"\n'
    )
    source = read_source("pyproject.toml", folder=folder)
    assert source.form == PyprojectList(table="[tool.pinfold]", items=("torch", "--pre"))
    assert source.stem == "Acme.Tools"
    assert source.settings == Settings(python="3.11")
    assert source.settings_path == folder / "pyproject.toml"


def test_pyproject_without_a_list_of_ours_gives_the_project_dependencies(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy"]\noptional-dependencies = {gpu = ["torch"]}\n'
        '[dependency-groups]\ntest = ["pytest"]\n[tool.pinfold]\npython = "3.11"\n'
    )
    source = read_source("pyproject.toml", folder=folder, extras=("gpu",), groups=("test",))
    assert source.form == PyprojectList(table="[project]", items=("numpy", "torch", "pytest"))
    assert source.stem == "pyproject"
    assert source.settings == Settings(python="3.11")


def test_extras_do_not_choose_from_a_list_of_ours(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.pinfold]\nrequirements = ["torch"]\n')
    assert find_fault("pyproject.toml", folder, extras=("gpu",)) == (
        "`--extra` and `--group` choose from [project], but `pyproject.toml` has `requirements` in [tool.pinfold]"
    )


def test_extras_do_not_choose_from_a_requirement_file(folder: Path) -> None:
    (folder / "requirements.txt").write_text("torch")
    assert find_fault("requirements.txt", folder, groups=("test",)) == (
        "`--extra` and `--group` choose from a pyproject.toml, which `requirements.txt` is not"
    )


def test_no_source_means_the_list_of_pyproject(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.pinfold]\nrequirements = ["torch"]\n')
    source = read_source(None, folder=folder)
    assert (source.name, source.items) == ("pyproject.toml", ("torch",))


def test_no_source_and_no_list_names_the_files_that_could_be_meant(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = []\n')
    (folder / "requirements-dev.txt").write_text("")
    (folder / "notes.txt").write_text("")
    (folder / "app.py").write_text(APP)
    (folder / "setup.py").write_text("")
    assert find_fault(None, folder) == (
        "no SOURCE is named, and `pyproject.toml` has no `requirements` in [tool.pinfold]\n"
        "  files that could be meant: `app.py`, `pyproject.toml`, `requirements-dev.txt`\n"
        "  try: `lock app.py`"
    )


def test_no_source_in_an_empty_folder_says_what_to_name(folder: Path) -> None:
    assert find_fault(None, folder) == (
        "no SOURCE is named, and there is no pyproject.toml\n  try: `lock FILE` with a requirements.txt or an app.py"
    )


def test_at_most_five_files_are_suggested(folder: Path) -> None:
    for number in range(7):
        (folder / f"r{number}.in").write_text("")
    assert list_possible_sources(folder) == tuple(f"r{number}.in" for number in range(7))
    assert "`r0.in`, `r1.in`, `r2.in`, `r3.in`, `r4.in` and 2 more\n" in find_fault(None, folder)


def test_a_missing_file_suggests_one_of_nearly_that_name(folder: Path) -> None:
    (folder / "requirements.txt").write_text("")
    assert find_fault("requirments.txt", folder) == (
        "there is no file `requirments.txt`\n  files that could be meant: `requirements.txt`"
    )


def test_a_missing_file_without_such_a_neighbour_suggests_what_holds_a_list(folder: Path) -> None:
    (folder / "app.py").write_text(APP)
    message = "there is no file `no/such/folder.txt`\n  files that could be meant: `app.py`"
    assert find_fault("no/such/folder.txt", folder) == message


def test_a_requirement_given_as_a_source_is_told_where_it_goes(folder: Path) -> None:
    assert find_fault("torch>=2", folder) == (
        "there is no file `torch>=2`\n  try: a requirement goes through standard input: `echo 'torch>=2' | lock -`"
    )


def test_a_name_longer_than_any_file_system_takes_is_a_missing_file(folder: Path) -> None:
    assert find_fault("x" * 5000 + ".txt", folder) == f"there is no file `{'x' * 5000}.txt`"


def test_a_url_as_a_source_is_refused_without_its_secret(folder: Path) -> None:
    assert find_fault("https://me:token@index.example/requirements.txt", folder) == (
        "`https://index.example/requirements.txt` is a URL, and a list is read from a file\n  try: download it first"
    )


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "requirements.txt").symlink_to(folder / "gone.txt")
    assert find_fault("requirements.txt", folder) == "`requirements.txt` cannot be read: no such file or directory"


def test_a_folder_is_refused_with_the_lists_inside(folder: Path) -> None:
    (folder / "sub").mkdir()
    assert find_fault("sub", folder) == "`sub` is a folder, not a list"
    (folder / "sub" / "requirements.txt").write_text("")
    assert find_fault("sub/", folder) == (
        "`sub/` is a folder, not a list\n  files that could be meant: `sub/requirements.txt`"
    )


@pytest.mark.parametrize("name", ["list.csv", "setup.cfg", "other.toml"])
def test_another_kind_of_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("")
    assert find_fault(name, folder) == (
        f"`{name}` is no kind of file that holds a list\n"
        "  because those are `*.txt` and `*.in` (requirement files), `*.py` (apps) and `pyproject.toml`"
    )


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.gpu-a100.toml"])
def test_a_lock_is_no_list(folder: Path, name: str) -> None:
    (folder / name).write_text("")
    assert find_fault(name, folder) == f"`{name}` is a lock, not a list\n  try: the file that it was made from"


def test_a_class_in_a_file_that_is_not_python_is_refused(folder: Path) -> None:
    (folder / "requirements.txt").write_text("")
    assert find_fault("requirements.txt::A", folder) == (
        "`requirements.txt::A` names a class, but `requirements.txt` is no Python file"
    )


def test_empty_argument_is_no_source(folder: Path) -> None:
    assert find_fault("", folder) == "a SOURCE is empty\n  try: the name of a file, or `-` for standard input"


def test_an_app_sees_a_variable_of_the_process_only_where_it_is_bound(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_VERSION", "1.0")
    (folder / "pyproject.toml").write_text('[tool.pinfold]\nenvironment = ["A_VERSION"]\n')
    text = "import os\nimport fal\n\n\nclass A(fal.App):\n    requirements = ['a==' + os.environ['A_VERSION']]\n"
    (folder / "app.py").write_text(text)

    for find_bindings in (None, lambda path: VariableBindings()):
        with pytest.raises(UnboundVariableError) as caught:
            read_source("app.py", folder=folder, find_bindings=find_bindings)
        assert [str(one) for one in caught.value.bindings] == ["A_VERSION=apps"]
    asked: list[Path] = []

    def find_own(path: Path) -> VariableBindings:
        asked.append(path)
        return VariableBindings([parse_binding("A_VERSION=apps")])

    assert read_source("app.py", folder=folder, find_bindings=find_own).items == ("a==1.0",)
    assert asked == [folder / "app.py"]
    # A program that gives the variables has chosen them.
    assert read_source("app.py", folder=folder, variables={"A_VERSION": "2.0"}).items == ("a==2.0",)
