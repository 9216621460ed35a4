"""A life of a list and its lock: lists are edited, the index changes, verbs run, and locks are forged between them.

After every step the lock is valid, closed, without the planted secret, the same bytes from an empty cache, and its pins
are kept where they still satisfy the list; no request has reached the host that only forged locks name. A run that
fails has a reason that the model knows, and leaves the lock as it was.

Short by default; `PINFOLD_LONG=1` (`bash .ci/long`) runs it for some hundred lives.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from packaging.requirements import Requirement
from packaging.version import Version

from lockfiles import Lockfile, loads
from lockfiles.secret_forms import find_secrets
from resolver.cli.main import main
from tests.loopback import Answer, LoopbackServer, Request
from tests.servers import IndexServer, ServedFile, wheel

_IS_LONG = "PINFOLD_LONG" in os.environ
_CANARY = "LifeCanary7f3Q9x"
_NAMES = ("a", "b", "c", "d")
_VERSIONS = ("1.0", "2.0", "3.0")
_OK, _DIFFERS, _INPUT, _NO_SOLUTION, _FETCH, _HASH = 0, 1, 2, 3, 4, 5

_names = st.sampled_from(_NAMES)
_versions = st.sampled_from(_VERSIONS)
_requirements = st.builds(
    "{}{}".format, _names, st.sampled_from(["", "", "", ">=2", "<3", "==1.0", "==2.0", "!=2.0", "<=1.0"])
)
_lists = st.lists(_requirements, min_size=1, max_size=3)
_Pins = dict[str, str]


class _Stranger(LoopbackServer):
    """A host that only forged locks name. Its log must stay empty."""

    def respond(self, request: Request) -> Answer:
        return Answer(status=404)


class Life(RuleBasedStateMachine):
    """One folder, one index, one stranger."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="pinfold-life-"))
        self.folder = self.root / "project"
        (self.folder / ".git").mkdir(parents=True)
        hidden = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PINFOLD_", "UV_"))}
        self._environment = mock.patch.dict(os.environ, {**hidden, "NETRC": os.devnull}, clear=True)
        self._environment.start()
        self.server = IndexServer()
        self.server.cache_control = None
        self.stranger = _Stranger()
        self.server.__enter__()
        self.stranger.__enter__()
        self.lines: list[str] = []
        self.locked_lines: list[str] | None = None
        self.printed = ""

    def teardown(self) -> None:
        self.stranger.__exit__(None, None, None)
        self.server.__exit__(None, None, None)
        self._environment.stop()
        shutil.rmtree(self.root)

    @property
    def lock_path(self) -> Path:
        return self.folder / "pylock.toml"

    @property
    def served(self) -> dict[tuple[str, str], ServedFile]:
        """The files of the index by project and version."""
        return {
            (name, file.filename.split("-")[1]): file for name, files in self.server.projects.items() for file in files
        }

    def run(self, *argv: str, folder: Path | None = None, cache: str = "cache") -> int:
        """The exit code of the command in this process; what it prints is searched for the secret."""
        before, out, err = Path.cwd(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        os.chdir(folder or self.folder)
        words = ["--python", "3.11", "--cache-dir", str(self.root / cache)] if argv[0] == "requirements.txt" else []
        try:
            with mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
                code = main([*argv, *words])
        finally:
            os.chdir(before)
            # What was asked for ahead may still be under way: the process of a command would have ended.
            for thread in threading.enumerate():
                if thread.name.startswith("pinfold-"):
                    thread.join(timeout=30)
        out.flush()
        assert isinstance(out.buffer, io.BytesIO)
        self.printed = out.buffer.getvalue().decode() + err.getvalue()
        assert _CANARY not in self.printed
        return code

    def load(self) -> Lockfile:
        return loads(self.lock_path.read_text(encoding="utf-8"))

    def read_pins(self) -> _Pins:
        return {str(package.name): str(package.version) for package in self.load().pylock.packages}

    def read_hashes(self) -> dict[tuple[str, str], str]:
        """The locked SHA-256 by project and version."""
        return {
            (str(package.name), str(package.version)): str(package.wheels[0].hashes["sha256"])
            for package in self.load().pylock.packages
            if package.wheels
        }

    # What the model knows.

    def close(self, chosen: Mapping[str, str]) -> _Pins | None:
        """The pins that the list reaches through these versions, or None where a requirement is not met."""
        found: _Pins = {}
        waiting = [*self.lines]
        while waiting:
            requirement = Requirement(waiting.pop())
            version = chosen.get(requirement.name)
            if version is None or not requirement.specifier.contains(version):
                return None
            file = self.served.get((requirement.name, version))
            if file is None:
                return None
            if requirement.name not in found:
                found[requirement.name] = version
                waiting += _list_dependencies(file)
        return found

    def iter_solutions(self) -> Iterator[_Pins]:
        """What brute force finds with the releases that are not yanked."""
        usable = [key for key, file in self.served.items() if file.yanked is None]
        choices = [["", *(version for name, version in usable if name == one)] for one in _NAMES]
        for versions in product(*choices):
            chosen = {name: version for name, version in zip(_NAMES, versions, strict=True) if version}
            if self.close(chosen) == chosen:
                yield chosen

    def find_changed(self) -> set[tuple[str, str]]:
        """The locked files that the index does not have any more, or with another content."""
        return {
            key
            for key, sha256 in self.read_hashes().items()
            if key not in self.served or self.served[key].listed_sha256 != sha256
        }

    def find_yanked(self, pins: _Pins) -> set[str]:
        """The projects whose pin was yanked: it is kept only while the list names it exactly."""
        return {name for name, version in pins.items() if self.served[name, version].yanked is not None}

    def contradicts_itself(self) -> bool:
        """Whether two lines pin one project to two versions, which is a fault of the list."""
        pins = {line for line in self.lines if "==" in line}
        return len(pins) > len({line.partition("==")[0] for line in pins})

    # The steps.

    @initialize()
    def begin(self) -> None:
        for name in _NAMES:
            self.server.add(name, wheel(name, "1.0"))
        self.edit_list(["a", "b"])
        self.lock()

    @rule(lines=_lists)
    def edit_list(self, lines: list[str]) -> None:
        index = self.server.index_url.replace("http://", f"http://user:{_CANARY}@")
        self.lines = lines
        (self.folder / "requirements.txt").write_text("\n".join((f"--index-url {index}", *lines, "")))

    @rule(name=_names, version=_versions, requires=st.lists(_requirements, max_size=2))
    def release(self, name: str, version: str, requires: list[str]) -> None:
        if (name, version) not in self.served:
            self.server.add(name, wheel(name, version, [line for line in requires if Requirement(line).name != name]))

    @rule(name=_names, version=_versions)
    def yank(self, name: str, version: str) -> None:
        self._change(name, version, lambda file: replace(file, yanked="broken"))

    @rule(name=_names, version=_versions)
    def upload_again(self, name: str, version: str) -> None:
        self._change(name, version, lambda file: wheel(name, version, _list_dependencies(file), extras=("again",)))

    @rule(name=_names, version=_versions)
    def remove(self, name: str, version: str) -> None:
        if len(self.server.projects[name]) > 1:
            self._change(name, version, lambda file: None)

    def _change(self, name: str, version: str, change: Callable[[ServedFile], ServedFile | None]) -> None:
        files = self.server.projects[name]
        key = f"{name}-{version}-"
        changed = [change(file) if file.filename.startswith(key) else file for file in files]
        self.server.projects[name] = [file for file in changed if file is not None]

    @rule()
    def lock(self) -> None:
        old = self.lock_path.read_bytes() if self.lock_path.exists() else None
        kept = self.close(self.read_pins()) if old else None
        hashes = self.read_hashes() if old else {}
        code = self.run("requirements.txt")
        if self._has_failed(code, old):
            return
        pins = self.read_pins()
        if kept is not None and not self.find_yanked(kept):
            assert pins == kept, "pins that satisfy the list were not kept"
        for key, sha256 in self.read_hashes().items():
            assert hashes.get(key, sha256) == sha256, "other bytes of a locked file were taken"
        self._compare_with_empty_cache(old)

    @rule()
    def upgrade(self) -> None:
        old = self.lock_path.read_bytes() if self.lock_path.exists() else None
        code = self.run("requirements.txt", "-U")
        if not self._has_failed(code, old):
            self._compare_with_empty_cache(None)

    def _has_failed(self, code: int, old: bytes | None) -> bool:
        """Whether a run has failed; then for a reason that the model knows, and with the lock as it was."""
        if code == _OK:
            self.locked_lines = self.lines
            return False
        if code == _INPUT:
            assert self.contradicts_itself(), self.printed
        elif code == _NO_SOLUTION:
            assert not any(True for _ in self.iter_solutions()), self.printed
        else:
            assert code == _HASH and self.find_changed(), self.printed
        assert (self.lock_path.read_bytes() if self.lock_path.exists() else None) == old
        return True

    def _compare_with_empty_cache(self, old: bytes | None) -> None:
        """The same inputs and an empty cache give the same bytes. `old` is the lock that was an input."""
        other = self.root / "other"
        shutil.copytree(self.folder, other, ignore=shutil.ignore_patterns("wheels", "pylock*"))
        if old is not None:
            (other / "pylock.toml").write_bytes(old)
        try:
            assert self.run("requirements.txt", folder=other, cache="empty") == _OK
            assert (other / "pylock.toml").read_bytes() == self.lock_path.read_bytes()
        finally:
            shutil.rmtree(other)
            shutil.rmtree(self.root / "empty")

    @precondition(lambda self: self.locked_lines is not None)
    @rule()
    def check(self) -> None:
        asked = len(self.server.log)
        code = self.run("requirements.txt", "--check")
        if self.lines == self.locked_lines:
            assert code == _OK, self.printed
        if sorted(self.lines) != sorted(self.locked_lines or ()):
            assert code == (_INPUT if self.contradicts_itself() else _DIFFERS), self.printed
        assert len(self.server.log) == asked, "a check sent requests"

    @precondition(lambda self: self.locked_lines is not None)
    @rule()
    def fetch(self) -> None:
        code = self.run("fetch", "--to", "wheels", "--list", "requirements.txt", "--allow-host", self.server.authority)
        changed = self.find_changed()
        expected = {f"{name}-{version}-py3-none-any.whl": hash for (name, version), hash in self.read_hashes().items()}
        present = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.folder / "wheels").glob("*.whl")
        }
        if self.contradicts_itself():
            assert code == _INPUT, self.printed
            return
        assert code == _OK or (code in (_FETCH, _HASH) and changed), self.printed
        for name, sha256 in present.items():
            assert expected.get(name, sha256) == sha256, "a wheel with other bytes was kept"
        assert code != _OK or expected.items() <= present.items()

    @precondition(lambda self: self.locked_lines is not None)
    @rule()
    def verify(self) -> None:
        code = self.run("verify", "--list", "requirements.txt", "--allow-host", self.server.authority)
        assert code != _OK or not self.find_changed(), self.printed
        if self.contradicts_itself():
            assert code == _INPUT, self.printed
        else:
            assert code in (_OK, _DIFFERS, _NO_SOLUTION, _HASH), self.printed

    @precondition(lambda self: self.locked_lines is not None)
    @rule(
        verb=st.sampled_from(["fetch", "audit", "hydrate", "export", "verify"]),
        forgery=st.sampled_from(["files", "indexes", "list", "hashes", "versions"]),
    )
    def use_forged_lock(self, verb: str, forgery: str) -> None:
        honest = self.lock_path.read_bytes()
        self.lock_path.write_text(self._forge(forgery))
        words = {
            "fetch": ["fetch", "--to", "forged", "--allow-host", self.server.authority],
            "audit": ["audit", "--allow-host", self.server.authority],
            "hydrate": ["hydrate", "-o", str(self.root / "pylock.build.toml")],
            "export": ["export", "--format", "requirements", "-o", str(self.root / "exported.txt")],
            "verify": ["verify", "--allow-host", self.server.authority],
        }
        code = self.run(*words[verb], "--list", "requirements.txt") if verb != "export" else self.run(*words[verb])
        if verb == "fetch" and forgery in ("files", "hashes"):
            assert code in ((_INPUT,) if self.contradicts_itself() else (_FETCH, _HASH)), self.printed
            locked = set(self.read_hashes().values())
            for path in (self.folder / "forged").glob("*.whl"):
                assert hashlib.sha256(path.read_bytes()).hexdigest() in locked, "a wheel without its hash was kept"
        if verb == "verify" and forgery != "indexes":
            assert code != _OK, self.printed
        self.lock_path.write_bytes(honest)
        shutil.rmtree(self.folder / "forged", ignore_errors=True)
        for name in ("pylock.build.toml", "exported.txt"):
            (self.root / name).unlink(missing_ok=True)

    def _forge(self, forgery: str) -> str:
        """The text of the lock with other hosts, hashes or versions; its own hash does not fit any more."""
        text = self.lock_path.read_text(encoding="utf-8")
        here, there = self.server.base_url, self.stranger.base_url
        match forgery:
            case "files":
                return text.replace(f"{here}/files/", f"{there}/files/")
            case "indexes":
                return text.replace(f'index = "{here}', f'index = "{there}')
            case "list":
                return text.replace(f'        "{here}/simple/"', f'        "{there}/simple/"')
            case "hashes":
                first = next(iter(self.read_hashes().values()))
                return text.replace(first, hashlib.sha256(first.encode()).hexdigest())
            case _:
                name = next(name for name in _NAMES if f'\nname = "{name}"\nversion' in text)
                return text.replace(f'\nname = "{name}"\nversion = "', f'\nname = "{name}"\nversion = "9')

    @invariant()
    def lock_is_valid_closed_and_without_secrets(self) -> None:
        if not self.lock_path.exists():
            return
        text = self.lock_path.read_text(encoding="utf-8")
        pins = {package.name: package.version for package in self.load().pylock.packages}
        for package in self.load().pylock.packages:
            for dependency in package.dependencies or ():
                assert dependency["name"] in pins
        assert _CANARY not in text and not find_secrets(text)
        for path in (self.root / "cache").rglob("*"):
            assert not path.is_file() or _CANARY.encode() not in path.read_bytes()
        assert all(isinstance(version, Version) for version in pins.values())

    @invariant()
    def stranger_was_asked_nothing(self) -> None:
        assert self.stranger.log == []


def _list_dependencies(file: ServedFile) -> list[str]:
    """The `Requires-Dist` of a served wheel."""
    assert file.metadata is not None
    lines = file.metadata.decode().splitlines()
    return [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=int(os.environ.get("PINFOLD_LIVES", "400")) if _IS_LONG else 6,
    stateful_step_count=40 if _IS_LONG else 15,
    deadline=None,
)
