"""The rules of pip and uv are compared on indexes that a real server has."""

from __future__ import annotations

import pytest

from lockfiles import Lockfile
from resolver import Access
from resolver.errors import InputError
from resolver.inspection.installers import InstallerChoice, compare_installers
from tests.command import Project
from tests.servers import IndexServer, wheel


def test_pip_chooses_the_best_version_of_all_indexes(project: Project) -> None:
    project.server.add("app", wheel("app", "2.0"))
    with IndexServer({}) as extra:
        extra.add("app", wheel("app", "1.0"))
        project.write_list(f"--extra-index-url {extra.index_url}", "app")
        assert project.lock("requirements.txt").code == 0
        found = compare_installers(
            project.load(), path=project.folder / "pylock.toml", shown="pylock.toml", access=Access()
        )
        first = InstallerChoice(filename="app-1.0-py3-none-any.whl", index=extra.index_url)

    (difference,) = found.differences
    assert (difference.name, difference.pinfold, difference.uv) == ("app", first, first)
    assert difference.pip is not None
    assert difference.pip.filename == "app-2.0-py3-none-any.whl"
    assert found.failures == {}


def test_a_choice_names_its_index_if_it_has_one() -> None:
    choice = InstallerChoice(filename="app-1.0-py3-none-any.whl", index="https://index.example/simple/")
    assert str(choice) == "app-1.0-py3-none-any.whl from https://index.example/simple/"
    assert str(InstallerChoice(filename="app-1.0-py3-none-any.whl", index=None)) == "app-1.0-py3-none-any.whl"


def test_a_lock_of_another_tool_cannot_be_compared(project: Project) -> None:
    project.server.add("app", wheel("app", "1.0"))
    project.write_list("app")
    assert project.lock("requirements.txt").code == 0
    other = Lockfile(pylock=project.load().pylock)
    with pytest.raises(InputError, match="does not say what it was made from"):
        compare_installers(other, path=project.folder / "pylock.toml", shown="pylock.toml", access=Access())
