"""`lock --version`."""

import pytest

from resolver.cli.main import main


def test_the_version_is_that_of_the_installed_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pinfold {version('pinfold')}\n"
