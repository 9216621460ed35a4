"""Source trees of tests: an sdist unpacked into a folder, and a folder as a repository of one commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.command import Project

__all__ = ["commit", "unpack"]


def unpack(project: Project, place: str, content: bytes) -> Path:
    """The source tree of an sdist in a folder of the project."""
    folder = project.folder / place
    folder.mkdir(parents=True)
    subprocess.run(
        ["tar", "xz", "--strip-components=1", "-C", str(folder)], input=content, check=True, capture_output=True
    )
    return folder


def commit(folder: Path) -> str:
    """Make a repository of a folder; the id of its one commit."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return shown.stdout.strip()
