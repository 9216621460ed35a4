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


def test_credentials_in_a_dependency_are_not_stored(project: Project) -> None:
    secret = "b @ https://user:s3cret@files.example/b-1.0.zip?sig=s3cret2"
    project.server.add("a", wheel("a", "1.0", [secret, f"{secret} ; extra == 'x'"]))
    project.write_list("a[x]")

    assert project.lock("requirements.txt").code == 3
    stored = [path.read_bytes() for path in project.cache.rglob("*") if path.is_file()]
    assert any(b"https://files.example/b-1.0.zip" in content for content in stored)
    assert not any(b"s3cret" in content for content in stored)
