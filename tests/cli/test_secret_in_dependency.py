"""What a message quotes of a dependency is its public part."""

from __future__ import annotations

from tests.command import Project
from tests.servers import wheel


def test_credentials_in_a_dependency_are_not_shown(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b @ git+https://user:s3cret@git.example/b"]))
    project.write_list("a")

    run = project.lock("requirements.txt", "--json")

    assert run.code == 3
    assert "s3cret" not in run.err + run.out
    assert "    1.0: it depends on a direct URL: `b @ git+https://git.example/b`\n" in run.err
