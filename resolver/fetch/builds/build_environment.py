"""The place of one build: a virtual environment, an empty home, temporary files, and the hooks of a backend in it.

In: wheels of build requirements that were downloaded and verified elsewhere. Out: what the backend's hooks give
(PEP 517). Nothing here asks the network: pip installs from files alone, and the backend's process has no configuration
of one.

The environment of a build: what compilers need to work, and nothing of what else the caller has in his.

In: a process environment and the folder of the build. Out: the environment of the child. What is built is somebody
else's code: variables that hold tokens, proxies, index URLs and the caller's own folder are none of its business. So
names are let in one by one, and its home is an empty folder.

Core metadata of a source tree from its build backend (PEP 517), in an environment of its own.

The build requirements are decided on and downloaded here, by the process that has credentials; the backend runs in one
that has none, and no configuration of a network.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName

from resolver.errors import MetadataError, ResolutionError
from resolver.fetch.builds import hook_settings
from resolver.fetch.builds.build_process import BuildFailedError, BuildProcesses
from resolver.fetch.builds.permission import Builds
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata, without_credentials
from resolver.index.sdist_metadata import BuildSystem
from resolver.requirements.flags import HiddenText
from resolver.requirements.url import redact

__all__ = [
    "Backend",
    "BuildEnvironment",
    "build_child_environment",
    "build_tree_metadata",
    "open_build_environment",
]


_SYSTEM = {"LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TZ", "USER"}
_WINDOWS = {"COMSPEC", "NUMBER_OF_PROCESSORS", "OS", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA"} | {
    *("PROGRAMFILES", "PROGRAMFILES(X86)", "SYSTEMDRIVE", "SYSTEMROOT", "USERNAME", "WINDIR", "DISTUTILS_USE_SDK"),
    "MSSDK",
}
_COMPILERS = {"AR", "ARCHFLAGS", "CC", "CFLAGS", "CPATH", "CPPFLAGS", "CUDA_HOME", "CUDA_PATH", "CXX", "CXXFLAGS"} | {
    *("DEVELOPER_DIR", "DYLD_LIBRARY_PATH", "FC", "FFLAGS", "INCLUDE", "LD", "LDFLAGS", "LD_LIBRARY_PATH", "LIB"),
    *("LIBPATH", "LIBRARY_PATH", "MACOSX_DEPLOYMENT_TARGET", "MAKEFLAGS", "MAX_JOBS", "PKG_CONFIG_PATH", "RANLIB"),
    *("SDKROOT", "CMAKE_ARGS", "CMAKE_BUILD_PARALLEL_LEVEL", "CMAKE_GENERATOR", "CMAKE_PREFIX_PATH"),
}
_LET_IN = _SYSTEM | _WINDOWS | _COMPILERS | {"RUSTUP_HOME"}
# An empty home of any kind: configuration, credentials and caches of tools are looked for below these.
_HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_TEMPORARY = ("TEMP", "TMP", "TMPDIR")


def build_child_environment(
    caller: Mapping[str, str], *, home: Path, temporary: Path, scripts: Path | None = None
) -> dict[str, str]:
    """The variables for a build out of the caller's; `home` and `temporary` are empty folders of its own.

    `scripts` is where the tools of its virtual environment lie. `home` gets an empty netrc and no other file.
    """
    netrc = home / ".netrc"
    netrc.touch(mode=0o600)
    kept = {name: value for name, value in caller.items() if name.upper() in _LET_IN or name.upper().startswith("LC_")}
    if scripts is not None:
        kept["PATH"] = os.pathsep.join(filter(None, (str(scripts), kept.get("PATH", os.defpath))))
    return {
        **_find_rust(caller),
        **kept,
        **dict.fromkeys(_HOMES, str(home)),
        **dict.fromkeys(_TEMPORARY, str(temporary)),
        "NETRC": str(netrc),
        # pip looks for a file of the whole machine, too.
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _find_rust(caller: Mapping[str, str]) -> dict[str, str]:
    """Where rustup keeps its compilers, which it looks for at home: they are no configuration, and no secret."""
    home = caller.get("HOME") or caller.get("USERPROFILE")
    compilers = Path(home) / ".rustup" if home else None
    return {"RUSTUP_HOME": str(compilers)} if compilers is not None and compilers.is_dir() else {}


_T = TypeVar("_T")

_TOO_OLD = "does not support python"
"""What pip says to an interpreter that is older than any it runs under."""
_OWN_PIP = """\
import ensurepip, glob, os, runpy, sys
found = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
if not found:
    sys.exit("it has no pip of its own, and is too old for the one here")
sys.path.insert(0, found[0])
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__")
"""
"""Runs the pip that an interpreter comes with, without installing it."""

BackendSettings = Sequence[tuple[str, str]]


class BuildEnvironment:
    """A folder with all that one build needs; `variables` join the environment of its children."""

    def __init__(self, folder: Path, *, python: Path, children: BuildProcesses, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._python = python
        self._children = children
        self._installed: set[str] = set()
        self._log = folder / "log.txt"
        self._venv = folder / "venv"
        scripts = self._venv / ("Scripts" if os.name == "nt" else "bin")
        self.python = scripts / ("python.exe" if os.name == "nt" else "python")
        for name in ("home", "pip-home", "tmp"):
            (folder / name).mkdir(mode=0o700)
        self._variables = {
            **build_child_environment(os.environ, home=folder / "home", temporary=folder / "tmp", scripts=scripts),
            **variables,
        }

    def folder(self, name: str) -> Path:
        """A new empty folder of the environment."""
        place = self._folder / name
        place.mkdir()
        return place

    def create(self) -> None:
        """Make the virtual environment, without pip."""
        self.run([str(self._python), "-I", "-m", "venv", "--without-pip", str(self._venv)], folder=self._folder)

    def install(self, wheels: Sequence[Path]) -> None:
        """Install wheels as they are; those that are in already are left alone."""
        new = [wheel for wheel in wheels if wheel.name not in self._installed]
        if not new:
            return
        options = ["install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--no-compile"]
        arguments = [*options, "--no-warn-script-location", "--", *map(str, new)]
        try:
            self._run_pip([sys.executable, "-P", "-m", "pip"], ["--python", str(self.python), *arguments])
        except BuildFailedError as error:
            if _TOO_OLD not in str(error):
                raise
            self._run_pip([str(self.python), "-I", "-c", _OWN_PIP], arguments)
        self._installed.update(wheel.name for wheel in new)

    def _run_pip(self, pip: Sequence[str], arguments: Sequence[str]) -> None:
        # pip runs tools to tell servers about them, which leave files at home.
        home = dict.fromkeys(("HOME", "USERPROFILE"), str(self._folder / "pip-home"))
        options = ["--isolated", "--no-input", "--disable-pip-version-check"]
        self.run([*pip, *options, *arguments], folder=self._folder, variables=home)

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        said: str = "",
        hide: Sequence[str] = (),
    ) -> None:
        """Run a command of the build, which reads `said` on standard input. Raises BuildFailedError."""
        environment = {**self._variables, **(variables or {})}
        self._children.run(command, folder=folder, environment=environment, log=self._log, said=said, hide=hide)


@contextmanager
def open_build_environment(
    *, children: BuildProcesses, python: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[BuildEnvironment]:
    """An environment for one build by an interpreter, None for the running one; removed at the end.

    Raises BuildFailedError.
    """
    with children.build(), tempfile.TemporaryDirectory(prefix="pinfold-", ignore_cleanup_errors=True) as name:
        # Links on the way there would be other folders to a backend that resolves them.
        folder = Path(name).resolve()
        environment = BuildEnvironment(
            folder, python=python or Path(sys.executable), children=children, variables=variables or {}
        )
        environment.create()
        yield environment


class Backend:
    """The build backend of a tree, each hook a process in the environment. Config settings reach it through a pipe."""

    def __init__(
        self, tree: Path, *, build_system: BuildSystem, environment: BuildEnvironment, config_settings: BackendSettings
    ) -> None:
        from pyproject_hooks import BuildBackendHookCaller  # Imported where it is needed: few lists need a build.

        self._tree = tree
        self._room = environment
        self._settings = HiddenText(json.dumps(_group(config_settings)) if config_settings else "")
        self._hide = tuple(value for _, value in config_settings)
        try:
            self._hooks = BuildBackendHookCaller(
                str(tree),
                build_system.backend,
                backend_path=list(build_system.backend_path) or None,
                runner=self._run,
                python_executable=str(environment.python),
            )
        except ValueError as error:
            raise BuildFailedError(f"pyproject.toml: `build-system.backend-path`: {error}") from error

    def find_requirements(self) -> tuple[str, ...]:
        """What the backend asks for besides `[build-system] requires`, with the public part of every URL."""
        found = self._call(self._hooks.get_requires_for_build_wheel)
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise BuildFailedError("`get_requires_for_build_wheel` gave no list of texts")
        for text in found:
            _check_requirement(text)
        return without_credentials(found)

    def prepare_metadata(self) -> bytes:
        """The content of METADATA, from a wheel where the backend gives it no other way."""
        folder = self._room.folder("metadata")
        name = self._call(lambda: self._hooks.prepare_metadata_for_build_wheel(str(folder)))
        return _find_result(folder, name, hook="prepare_metadata_for_build_wheel", part="METADATA").read_bytes()

    def build_wheel(self, into: Path) -> Path:
        """The wheel, built into a folder."""
        name = self._call(lambda: self._hooks.build_wheel(str(into)))
        return _find_result(into, name, hook="build_wheel")

    def _run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """See `pyproject_hooks`: the names of the arguments are its own."""
        python, *rest = cmd
        command = [python, str(Path(hook_settings.__file__)), *rest] if self._settings else cmd
        self._room.run(
            command, folder=Path(cwd or self._tree), variables=extra_environ, said=self._settings, hide=self._hide
        )

    def _call(self, hook: Callable[[], _T]) -> _T:
        from pyproject_hooks import BackendUnavailable, BuildBackendWarning, HookMissing, UnsupportedOperation

        # The backend's own remarks, which are no concern of a lock.
        warnings.filterwarnings("ignore", category=BuildBackendWarning)
        try:
            return hook()
        except BackendUnavailable as error:
            last = error.traceback.strip().splitlines()[-1:] or [str(error)]
            raise BuildFailedError(f"the backend `{error.backend_name}` cannot be imported: {last[0]}") from error
        except (HookMissing, UnsupportedOperation) as error:
            raise BuildFailedError(f"the backend has no way to do it: {error}") from error
        except (OSError, ValueError, KeyError) as error:
            # What the process of a hook leaves behind is its own word.
            raise BuildFailedError(f"the backend gave no answer: {type(error).__name__}") from error


def _group(config_settings: BackendSettings) -> dict[str, str | list[str]]:
    """The settings as hooks take them: a key given more than once has a list (pip does the same)."""
    found: dict[str, str | list[str]] = {}
    for key, value in config_settings:
        known = found.get(key)
        if known is None:
            found[key] = value
        else:
            found[key] = [*(known if isinstance(known, list) else [known]), value]
    return found


def _check_requirement(text: str) -> None:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise BuildFailedError(f"the backend asks for `{redact(text)}`, which is no requirement of PEP 508") from error


def _find_result(folder: Path, name: object, *, hook: str, part: str = "") -> Path:
    """The file that a hook names, which must lie in its folder."""
    if not isinstance(name, str) or Path(name).name != name or not (folder / name / part).is_file():
        raise BuildFailedError(f"`{hook}` named no result of its own")
    return folder / name / part


_REMEDY = "write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"


def build_tree_metadata(
    tree: Path,
    *,
    build_system: BuildSystem,
    project: NormalizedName | None,
    described: str,
    builds: Builds,
    config_settings: Sequence[tuple[str, str]] = (),
) -> tuple[CoreMetadata, tuple[str, ...]]:
    """What the backend says of a tree, and the texts of all that its build needs.

    Raises MetadataError where the build fails or its requirements cannot be had, FetchError, HashMismatchError.
    """
    try:
        with open_build_environment(children=builds.children()) as environment:
            wanted = build_system.requires
            _install(wanted, environment, builds)
            backend = Backend(tree, build_system=build_system, environment=environment, config_settings=config_settings)
            wanted = tuple(dict.fromkeys((*wanted, *backend.find_requirements())))
            _install(wanted, environment, builds)
            return _parse(backend.prepare_metadata()), wanted
    except BuildFailedError as error:
        what = f"the build of `{described}` gave no metadata; its last words:"
        cause: Exception = error
    except MetadataError:
        raise
    except ResolutionError as error:
        what = (
            f"`{described}` cannot be built for its metadata: no wheels meet its build requirements, which are not"
            " built themselves"
        )
        cause = error
    raise MetadataError(
        what,
        details=tuple(f"  {line}" for line in str(cause).splitlines()),
        remedy=_REMEDY,
        project=project or described,
        filename=described,
        needs_build=True,
    ) from cause


def _install(requirements: Sequence[str], environment: BuildEnvironment, builds: Builds) -> None:
    if requirements:
        environment.install([builds.fetch_wheel(file) for file in builds.find_wheels(requirements)])


def _parse(metadata: bytes) -> CoreMetadata:
    try:
        return parse_core_metadata(metadata)
    except ValueError as error:
        raise BuildFailedError(f"the backend wrote metadata that cannot be read: {error}") from error
