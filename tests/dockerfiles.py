"""Dockerfiles read and run without Docker: instructions as values, RUN commands in a folder that stands for the root.

Mounts are folders that are there for one command: a secret is a copy of its file, a cache and a stage are links, what
is in memory is gone afterwards. Absolute paths of a command that the Dockerfile makes itself are moved below the root.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Builder", "Instruction", "Mount", "Stage", "read_dockerfile"]

_MOVED = re.compile(r"(?<![\w./$-])/(?=(?:locks|mnt|opt|run|usr/local|var|wheels)/)")
_FLAG = re.compile(r"--(\w+)=(\S+)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A `--mount`: its `type`, and its other keys."""

    type: str
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: `word` in capitals, what follows on one line, and for RUN the mounts and other flags."""

    word: str
    text: str
    mounts: tuple[Mount, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A `FROM` with what stands below it; `name` is empty for one without `AS`."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]


def read_dockerfile(path: Path) -> tuple[Stage, ...]:
    """The stages of a Dockerfile."""
    stages: list[Stage] = []
    for one in _iter_instructions(path.read_text(encoding="utf-8")):
        if one.word == "FROM":
            base, _, name = one.text.partition(" AS ")
            stages.append(Stage(base=base, name=name, instructions=()))
        elif stages:
            last = stages[-1]
            stages[-1] = Stage(base=last.base, name=last.name, instructions=(*last.instructions, one))
    return tuple(stages)


def _iter_instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for joined in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = joined.partition(" ")
        mounts, flags = [], {}
        while word == "RUN" and (match := _FLAG.match(rest)):
            rest = rest[match.end() :]
            if match[1] == "mount":
                keys = dict(pair.partition("=")[::2] for pair in match[2].split(","))
                mounts.append(Mount(type=keys.pop("type"), keys=keys))
            else:
                flags[match[1]] = match[2]
        yield Instruction(word=word, text=rest, mounts=tuple(mounts), flags=flags)


class Builder:
    """Runs stages: `context` has the files to copy, `secrets` their files by id, `arguments` the values of ARG.

    `folder` gets a root for each stage, and the caches; `output` is all that commands have printed.
    """

    def __init__(
        self, folder: Path, *, context: Path, secrets: Mapping[str, Path], arguments: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self._context, self._secrets, self._arguments = context, secrets, arguments
        self.caches = folder / "caches"
        self.output = ""

    def root(self, stage: Stage) -> Path:
        """The folder that is the root of a stage."""
        return self.folder / (stage.name or "final")

    def run(self, stage: Stage, instruction: Instruction, variables: Mapping[str, str]) -> None:
        """Run one RUN in the folder of the WORKDIR before it; fails where it does."""
        root, place = self.root(stage), self._find_workdir(stage, instruction)
        command = _MOVED.sub(f"{root}/", instruction.text)
        with ExitStack() as mounted:
            for mount in instruction.mounts:
                mounted.enter_context(self._mount(mount, root))
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=place,
                env={**self._list_arguments(stage), **variables},
                capture_output=True,
                text=True,
                check=False,
            )
        self.output += done.stdout + done.stderr
        assert done.returncode == 0, done.stdout + done.stderr

    def copy(self, stage: Stage, instruction: Instruction) -> None:
        """Carry out a COPY of files of the context."""
        *names, to = instruction.text.split()
        for name in names:
            shutil.copy(self._context / name, self._find_workdir(stage, instruction) / to)

    def _find_workdir(self, stage: Stage, instruction: Instruction) -> Path:
        root = place = self.root(stage)
        for one in stage.instructions:
            if one is instruction:
                break
            if one.word == "WORKDIR":
                place = root / one.text.removeprefix("/")
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _list_arguments(self, stage: Stage) -> dict[str, str]:
        declared = dict(one.text.partition("=")[::2] for one in stage.instructions if one.word == "ARG")
        return {name: self._arguments.get(name, value.strip('"')) for name, value in declared.items()}

    @contextmanager
    def _mount(self, mount: Mount, root: Path) -> Iterator[None]:
        """What stands at the mount's target while a command runs."""
        keys = mount.keys
        target = root / keys.get("target", f"/run/secrets/{keys.get('id')}").removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        match mount.type:
            case "secret":
                shutil.copy(self._secrets[keys["id"]], target)
            case "cache":
                cache = self.caches / keys["target"].strip("/").replace("/", "-")
                cache.mkdir(parents=True, exist_ok=True)
                target.symlink_to(cache)
            case "bind":
                target.symlink_to(self.folder / keys["from"] / keys["source"].removeprefix("/"))
            case _:
                assert mount.type == "tmpfs"
                target.mkdir()
        yield
        if mount.type == "tmpfs":
            shutil.rmtree(target)
        else:
            target.unlink()
