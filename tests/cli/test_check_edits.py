"""A lock that was edited by hand does not fit, although list, settings and target are those that it was made from."""

from __future__ import annotations

import re

import pytest

from tests.command import Project
from tests.servers import wheel

INJECTED = """
[[packages]]
name = "zzz"
version = "1.0"

[[packages.wheels]]
name = "zzz-1.0-py3-none-any.whl"
url = "https://files.example/zzz-1.0-py3-none-any.whl"
size = 5

[packages.wheels.hashes]
sha256 = "{}"

[tool.pinfold]
""".format("0" * 64)


@pytest.mark.parametrize(
    ("written", "edited", "difference"),
    [
        (r"\n\[tool.pinfold\]\n", INJECTED, "nothing requires `zzz`"),
        (r'requires-python = ".*"', 'requires-python = ">=3"', "`requires-python` is not `==3.11.*`"),
        (
            r'digest = "sha256:.*"',
            f'digest = "sha256:{"0" * 64}"',
            "`requirement-digest` is not that of its list, settings and target",
        ),
    ],
)
def test_edited_lock_does_not_fit(project: Project, written: str, edited: str, difference: str) -> None:
    project.server.add("a", wheel("a", "1.0", ["b; extra == 'x'", "c[y]"], extras=["x"]))
    project.server.add("b", wheel("b", "1.0", ["a"]))
    project.server.add("c", wheel("c", "1.0", ["d; extra == 'y'"], extras=["y"]))
    project.server.add("d", wheel("d", "1.0"))
    project.write_list("a[x]")
    assert project.lock("requirements.txt").code == 0
    assert project.lock("requirements.txt", "--check").code == 0
    lock = project.folder / "pylock.toml"
    lock.write_text(re.sub(written, edited, lock.read_text(), count=1))

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        "requirements.txt: pylock.toml does not fit\n"
        f"  the lock was edited: {difference}\n"
        "  try: `lock requirements.txt --python 3.11`\n",
    )
