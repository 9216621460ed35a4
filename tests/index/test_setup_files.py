"""What the files of setuptools state about requirements, and what is left to a build. No file is ever run."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.core_metadata import CoreMetadata
from resolver.index.sdist_metadata import SdistFiles
from resolver.index.setup_files import read_literal_metadata

A = NormalizedName("a")


def read(files: dict[str, str], pkg_info: str = "Name: a\nVersion: 1.0\n") -> CoreMetadata | None:
    others = {path: text.encode() for path, text in files.items()}
    found = SdistFiles(pkg_info=pkg_info.encode(), pyproject=None, others=others)
    return read_literal_metadata(found, name=A, version=Version("1.0"))


def read_setup(text: str, **files: str) -> tuple[str, ...] | None:
    found = read({"setup.py": text, **{name.replace("_", ".", 1): content for name, content in files.items()}})
    return None if found is None else found.requires_dist


def test_arguments_of_setup_are_read_with_extras_and_python() -> None:
    found = read(
        {
            "setup.py": "from setuptools import setup\nsetup(name='a', version=find(), python_requires='>=3.8',"
            " install_requires=['b>=1', 'c; os_name == \"nt\"'],"
            " extras_require={'X_y': ['d'], ':python_version<\"3.9\"': 'e', 'z:os_name==\"nt\"': ['f']})"
        }
    )
    assert found == CoreMetadata(
        name=A,
        version=Version("1.0"),
        metadata_version="2.1",
        requires_dist=(
            "b>=1",
            'c; os_name == "nt"',
            'd; extra == "x-y"',
            'e; (python_version < "3.9")',
            'f; (os_name == "nt") and extra == "z"',
        ),
        requires_python=">=3.8",
        provides_extra=(NormalizedName("x-y"), NormalizedName("z")),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base = ['b']\nsetup(install_requires=base + ['c'])", ("b", "c")),
        ("base = ['b']\nall = [*base, 'c']\nsetup(install_requires=all)", ("b", "c")),
        ("needs: list = ['b']\nsetuptools.setup(install_requires=needs)", ("b",)),
        ("setup(install_requires='b\\nc  # a comment\\n\\n')", ("b", "c")),
        ("options = {'name': find(), 'install_requires': ['b']}\nsetup(**options)", ("b",)),
        ("extras = {'x': ['b']}\nsetup(install_requires=extras['x'])", ("b",)),
        ("if __name__ == '__main__':\n    setup(install_requires=['b'])", ("b",)),
        ("setup(install_requires=[])", ()),
        ("raise SystemExit(3)\nsetup(install_requires=['b'])", ("b",)),
    ],
)
def test_a_literal_is_read_without_running_the_file(text: str, expected: tuple[str, ...]) -> None:
    assert read_setup(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "open('requirements.txt').read().splitlines()",
        "open('./requirements.txt').readlines()",
        "open('requirements.txt').read().strip().split('\\n')",
        "Path('requirements.txt').read_text().splitlines()",
    ],
)
def test_the_lines_of_a_file_in_the_sdist_are_read(text: str) -> None:
    assert read_setup(f"setup(install_requires={text})", requirements_txt="# some\nb\nc>=2\n") == ("b", "c>=2")


def test_a_file_that_is_open_at_the_top_level_is_read() -> None:
    text = "with open('requirements.txt', encoding='utf-8') as file:\n    needs = file.read().splitlines()\n"
    assert read_setup(f"{text}setup(install_requires=needs)", requirements_txt="b\n") == ("b",)


@pytest.mark.parametrize(
    "text",
    [
        "setup(install_requires=find())",
        "setup(install_requires=['b'] if new else ['c'])",
        "setup(install_requires=[name for name in 'bc'])",
        "setup(install_requires=[f'b=={version}'])",
        "needs = ['b']\nif old:\n    needs.append('c')\nsetup(install_requires=needs)",
        "needs = ['b']\nneeds += ['c']\nsetup(install_requires=needs)",
        "needs = ['b']\nif old:\n    needs = ['c']\nsetup(install_requires=needs)",
        "needs = ['b']\nchange(needs)\nsetup(install_requires=needs)",
        "if old:\n    needs = ['b']\nsetup(install_requires=needs)",
        "extras = {'x': ['b']}\nextras['y'] = find()\nsetup(install_requires=['b'], extras_require=extras)",
        "extras = {'x': ['b']}\nextras['x'].append('c')\nsetup(install_requires=['b'], extras_require=extras)",
        "setup(install_requires=['b'], extras_require=find())",
        "setup(install_requires=['b'], **find())",
        "options = {'install_requires': ['b']}\noptions.update(find())\nsetup(**options)",
        "if old:\n    setup(install_requires=['b'])\nelse:\n    setup(install_requires=['c'])",
        "setup(install_requires=['-r requirements.txt'])",
        "setup(install_requires=['b >'])",
        "setup(install_requires=['b', 1])",
        "setup(install_requires=open('missing.txt').read())",
        "setup(install_requires=b, b=b)",
        "setup(name='a', setup_requires=['pbr'], pbr=True)",
        "print 'Python 2'",
        "",
        "(" * 5000,
    ],
)
def test_all_else_is_left_to_a_build(text: str) -> None:
    assert read_setup(text) is None


def test_a_literal_that_doubles_itself_is_left_to_a_build() -> None:
    lines = ["x0 = ['b']", *(f"x{number + 1} = x{number} + x{number}" for number in range(60))]
    assert read_setup("\n".join((*lines, "setup(install_requires=x60)"))) is None


def test_setup_cfg_replaces_the_arguments_of_setup() -> None:
    cfg = (
        "[options]\npython_requires = >=3.9\ninstall_requires =\n    b>=1\n    c; os_name == 'nt'\n"
        "[options.extras_require]\nx = d; e\n"
    )
    found = read({"setup.py": "setup(install_requires=find())", "setup.cfg": cfg})
    assert found is not None
    assert found.requires_dist == ("b>=1", "c; os_name == 'nt'", 'd; extra == "x"', 'e; extra == "x"')
    assert (found.requires_python, found.provides_extra) == (">=3.9", ("x",))


def test_setup_cfg_names_files_of_the_sdist() -> None:
    cfg = "[options]\ninstall-requires = file: requirements.txt, requires-more.txt\n"
    found = read({"setup.cfg": cfg, "requirements.txt": "b\n", "requires-more.txt": "c\n"})
    assert found is not None
    assert found.requires_dist == ("b", "c")


@pytest.mark.parametrize(
    "text",
    [
        "[options]\ninstall_requires = attr: a.needs\n",
        "[options]\ninstall_requires = file: missing.txt\n",
        "[metadata]\nname = a\n",
        "no section\n",
    ],
)
def test_setup_cfg_without_literal_requirements_is_left_to_a_build(text: str) -> None:
    assert read({"setup.cfg": text}) is None


REQUIRES = "b<5,>=4\n\n[:python_version >= \"3.4\"]\nc\n\n[x]\nd\n\n[x:os_name == 'nt']\ne\n\n[y]\n"


@pytest.mark.parametrize("folder", ["a.egg-info", "src/a.egg-info"])
def test_egg_info_has_what_setup_py_computes(folder: str) -> None:
    found = read({"setup.py": "setup(install_requires=find())", f"{folder}/requires.txt": REQUIRES})
    assert found is not None
    assert found.requires_dist == (
        "b<5,>=4",
        'c; (python_version >= "3.4")',
        'd; extra == "x"',
        'e; (os_name == "nt") and extra == "x"',
    )
    assert found.provides_extra == ("x", "y")


def test_egg_info_without_requirements_means_none() -> None:
    found = read({"setup.py": "setup()", "a.egg-info/PKG-INFO": "Name: a\n"})
    assert found is not None
    assert found.requires_dist == ()


def test_a_setup_py_of_plain_distutils_has_no_requirements() -> None:
    text = "from distutils.core import setup\nsetup(name='a', version=find(), packages=['a'], python_requires='>=3')"
    assert read_setup(text) == ()
    found = read({"setup.py": text.replace("name=", "cmdclass={'x': X}, name="), "setup.cfg": "[metadata]\nname = a\n"})
    assert found is not None
    assert found.requires_dist == ()
    assert read({"setup.py": text, "setup.cfg": "[options]\ninstall_requires = attr: a.needs\n"}) is None


def test_two_egg_infos_are_left_to_a_build() -> None:
    assert read({"a.egg-info/requires.txt": "b\n", "src/c.egg-info/requires.txt": "d\n"}) is None


def test_literal_files_come_before_egg_info() -> None:
    assert read_setup("setup(install_requires=['b'])", **{"a.egg-info/requires.txt": "c\n"}) == ("b",)


def test_requirements_of_an_older_pkg_info_are_read_last() -> None:
    info = "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Dist: b (>=1)\nRequires-Python: >=3.7\n"
    found = read({"setup.py": "setup(install_requires=find())"}, info)
    assert found is not None
    assert (found.requires_dist, found.requires_python) == (("b (>=1)",), ">=3.7")


def test_urls_keep_their_public_part_alone() -> None:
    assert read_setup("setup(install_requires=['b @ https://user:s3cret@files.example/b.whl'])") == (
        "b @ https://files.example/b.whl",
    )
