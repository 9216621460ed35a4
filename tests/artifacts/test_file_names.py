from __future__ import annotations

import pytest

from resolver.artifacts.file_names import find_name_fault


@pytest.mark.parametrize(
    "name",
    [
        "torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl",
        "a-1!2.0-py2.py3-none-any.whl",
        "docopt-0.6.2.tar.gz",
        "console-1.0.zip",
    ],
)
def test_names_of_wheels_and_sdists_are_sound(name: str) -> None:
    assert find_name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "it is no name"),
        ("..", "it is no name"),
        ("../a-1.0.tar.gz", "it is a path"),
        ("..\\a-1.0.tar.gz", "it is a path"),
        ("/etc/a-1.0.tar.gz", "it is a path"),
        ("C:a-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a-1.0.tar.gz\n", "it holds characters that no wheel or sdist has in its name"),
        ("a\x00-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a 1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a\u202e-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("-a-1.0.tar.gz", "it begins with `-`"),
        (".a-1.0.tar.gz", "it begins with `.`"),
        ("NUL.tar.gz", "it is the name of a device on Windows"),
        ("com1.zip", "it is the name of a device on Windows"),
        ("a" * 200 + "-1.0.tar.gz", "it has 211 characters, and 200 is the limit"),
        ("requirements.txt", "it ends like neither a wheel nor an sdist"),
    ],
)
def test_other_names_are_refused_and_why(name: str, fault: str) -> None:
    assert find_name_fault(name) == fault
