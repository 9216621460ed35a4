"""The environment of a build, and the metadata or wheel that its backend makes there (PEP 517).

In: a source tree, its `[build-system]`, wheels of its build requirements. Out: the core metadata of the tree, or a
wheel. Build requirements are chosen and downloaded by this process, which has the credentials. The backend, which is
code of the list's authors, runs in a process that has none, and no configuration of a network.

- The environment is a virtual environment, an empty home, and a folder for temporary files, all removed at the end.
- The variables of a build are an allowed few of the caller's: those with tokens, proxies and index URLs are left out.
- pip installs from wheel files alone, and sends no request.

It is a module of its own because `wheel_builds` (wheels of `fetch` and `hydrate`) and `sdists` (metadata of a lock)
build in the same way.
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
from resolver.fetch.builds.build_process import BuildAdvice, BuildFailedError, BuildProcesses, find_build_advice
from resolver.fetch.builds.permission import Builds
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata, without_credentials
from resolver.index.sdist_metadata import BuildSystem
from resolver.requirements.flags import HiddenText
from resolver.requirements.url import redact

__all__ = ["Backend", "BuildEnvironment", "build_tree_metadata", "open_build_environment"]


# The variables that a build gets from the caller: what systems, shells and compilers need to work, and no other.
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
_ALLOWED = _SYSTEM | _WINDOWS | _COMPILERS | {"RUSTUP_HOME"}
# All of them name an empty folder: tools look below these for configuration, credentials and caches.
_HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_TEMPORARY = ("TEMP", "TMP", "TMPDIR")

_TOO_OLD = "does not support python"
"""Part of the error of pip for an interpreter that is older than those it supports."""
_OWN_PIP = """\
import ensurepip, glob, os, runpy, sys
found = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
if not found:
    sys.exit("it has no pip of its own, and is too old for the one here")
sys.path.insert(0, found[0])
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__")
"""
"""A script that runs the pip that comes with an interpreter, without installing it."""

_REMEDY = "write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"

_T = TypeVar("_T")
_BackendSettings = Sequence[tuple[str, str]]


class Backend:
    """The build backend of a tree (PEP 517). Each hook is a process in the environment.

    Config settings may be secret: they reach the hook through a pipe, and no error shows their values.
    """

    def __init__(
        self,
        tree: Path,
        *,
        build_system: BuildSystem,
        environment: BuildEnvironment,
        config_settings: _BackendSettings,
    ) -> None:
        from pyproject_hooks import BuildBackendHookCaller  # Lazy: few lists need a build.

        self._tree = tree
        self._environment = environment
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
        """The requirements of the backend itself, beside `[build-system] requires`; URLs without credentials.

        Raises BuildFailedError if the hook fails, or returns anything but requirements of PEP 508.
        """
        found = self._call(self._hooks.get_requires_for_build_wheel)
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise BuildFailedError("`get_requires_for_build_wheel` gave no list of texts")
        for text in found:
            _check_requirement(text)
        return without_credentials(found)

    def prepare_metadata(self) -> bytes:
        """The content of METADATA. Raises BuildFailedError.

        `pyproject_hooks` builds a wheel for it if the backend lacks the hook.
        """
        folder = self._environment.folder("metadata")
        name = self._call(lambda: self._hooks.prepare_metadata_for_build_wheel(str(folder)))
        return _find_result(folder, name, hook="prepare_metadata_for_build_wheel", part="METADATA").read_bytes()

    def build_wheel(self, into: Path) -> Path:
        """The path of the wheel, built into a folder. Raises BuildFailedError."""
        name = self._call(lambda: self._hooks.build_wheel(str(into)))
        return _find_result(into, name, hook="build_wheel")

    def _run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """The runner of `pyproject_hooks`, which defines the names of the parameters."""
        python, *rest = cmd
        command = [python, str(Path(hook_settings.__file__)), *rest] if self._settings else cmd
        self._environment.run(
            command, folder=Path(cwd or self._tree), variables=extra_environ, stdin=self._settings, hide=self._hide
        )

    def _call(self, hook: Callable[[], _T]) -> _T:
        """The result of a hook. Raises BuildFailedError for each way in which it can fail."""
        from pyproject_hooks import BackendUnavailable, BuildBackendWarning, HookMissing, UnsupportedOperation

        # Warnings of the backend about itself: the user of a lock cannot act on them.
        warnings.filterwarnings("ignore", category=BuildBackendWarning)
        try:
            return hook()
        except BackendUnavailable as error:
            last = error.traceback.strip().splitlines()[-1:] or [str(error)]
            raise BuildFailedError(f"the backend `{error.backend_name}` cannot be imported: {last[0]}") from error
        except (HookMissing, UnsupportedOperation) as error:
            raise BuildFailedError(f"the backend has no way to do it: {error}") from error
        except (OSError, ValueError, KeyError) as error:
            # The backend writes the file with the result of the hook, so that can be missing or malformed.
            raise BuildFailedError(f"the backend gave no answer: {type(error).__name__}") from error


def build_tree_metadata(
    tree: Path,
    *,
    build_system: BuildSystem,
    project: NormalizedName | None,
    described: str,
    builds: Builds,
    config_settings: Sequence[tuple[str, str]] = (),
) -> tuple[CoreMetadata, tuple[str, ...]]:
    """The metadata that the backend of a tree gives, and the texts of all requirements of its build.

    `described` names the tree in messages. Raises MetadataError if the build fails, or if no wheels meet its
    requirements; FetchError, HashMismatchError.
    """
    # Lazy: the room of events is loaded where something happens.
    from resolver.index.events import observe_build

    children = builds.children()
    try:
        with (
            observe_build(children.observe, described),
            open_build_environment(children=children, python=builds.find_python()) as environment,
        ):
            wanted = build_system.requires
            _install_requirements(wanted, environment, builds)
            backend = Backend(tree, build_system=build_system, environment=environment, config_settings=config_settings)
            wanted = tuple(dict.fromkeys((*wanted, *backend.find_requirements())))
            _install_requirements(wanted, environment, builds)
            return _parse_metadata(backend.prepare_metadata()), wanted
    except BuildFailedError as error:
        what = f"the build of `{described}` gave no metadata, and ended with:"
        raise _explain_failure(what, error, project=project, described=described) from error
    except MetadataError:
        raise
    except ResolutionError as error:
        what = (
            f"`{described}` cannot be built for its metadata: no wheels meet its build requirements, which are not"
            " built themselves"
        )
        raise _explain_failure(what, error, project=project, described=described) from error


@contextmanager
def open_build_environment(
    *, children: BuildProcesses, python: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[BuildEnvironment]:
    """An environment for one build; leaving the context removes it.

    `python` is the interpreter to build with, None for the running one. `variables` are added to the environment of
    the build. Waits while too many builds run. Raises BuildFailedError.
    """
    with children.build(), tempfile.TemporaryDirectory(prefix="pinfold-", ignore_cleanup_errors=True) as name:
        # A backend may compare resolved paths with ours, so no part of the path may be a link.
        folder = Path(name).resolve()
        environment = BuildEnvironment(
            folder, python=python or Path(sys.executable), children=children, variables=variables or {}
        )
        environment.create()
        yield environment


class BuildEnvironment:
    """A folder with everything for one build: virtual environment, empty homes, temporary files, a log.

    `folder` exists and is empty. `python` is the interpreter to build with. `variables` are added to the environment
    of all children.
    """

    def __init__(self, folder: Path, *, python: Path, children: BuildProcesses, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._python = python
        self.is_running_python = python == Path(sys.executable)
        self._children = children
        self._installed: set[str] = set()
        self._log = folder / "log.txt"
        self._venv = folder / "venv"
        scripts = self._venv / ("Scripts" if os.name == "nt" else "bin")
        self.python = scripts / ("python.exe" if os.name == "nt" else "python")
        for name in ("home", "pip-home", "tmp"):
            (folder / name).mkdir(mode=0o700)
        self._variables = {
            **_build_variables(os.environ, home=folder / "home", temporary=folder / "tmp", scripts=scripts),
            **variables,
        }

    def folder(self, name: str) -> Path:
        """A new empty folder inside the environment."""
        place = self._folder / name
        place.mkdir()
        return place

    def create(self) -> None:
        """Create the virtual environment, without pip. Raises BuildFailedError."""
        self.run([str(self._python), "-I", "-m", "venv", "--without-pip", str(self._venv)], folder=self._folder)

    def install(self, wheels: Sequence[Path]) -> None:
        """Install wheels without their dependencies; one that is installed already is skipped. Raises BuildFailedError.

        The running interpreter's pip installs them. It refuses Pythons that are too old for it: those run the pip that
        they come with.
        """
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
        """Run pip without any configuration."""
        # To describe the machine to servers, pip runs tools that leave files in the home folder: it gets its own.
        home = dict.fromkeys(("HOME", "USERPROFILE"), str(self._folder / "pip-home"))
        options = ["--isolated", "--no-input", "--disable-pip-version-check"]
        self.run([*pip, *options, *arguments], folder=self._folder, variables=home)

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        stdin: str = "",
        hide: Sequence[str] = (),
    ) -> None:
        """Run a command in the environment; `stdin` is its standard input. Raises BuildFailedError.

        `variables` are added for this command; `hide` are texts that an error must not show.
        """
        environment = {**self._variables, **(variables or {})}
        self._children.run(command, folder=folder, environment=environment, log=self._log, stdin=stdin, hide=hide)


def _build_variables(
    caller: Mapping[str, str], *, home: Path, temporary: Path, scripts: Path | None = None
) -> dict[str, str]:
    """The variables of a build: the allowed ones of the caller, and those that point to its own folders.

    `home` and `temporary` are empty folders of the build, and `scripts` has the commands of its virtual environment.
    Creates an empty netrc in `home`.
    """
    netrc = home / ".netrc"
    netrc.touch(mode=0o600)
    kept = {name: value for name, value in caller.items() if name.upper() in _ALLOWED or name.upper().startswith("LC_")}
    if scripts is not None:
        kept["PATH"] = os.pathsep.join(filter(None, (str(scripts), kept.get("PATH", os.defpath))))
    return {
        **_find_rust(caller),
        **kept,
        **dict.fromkeys(_HOMES, str(home)),
        **dict.fromkeys(_TEMPORARY, str(temporary)),
        "NETRC": str(netrc),
        # Without it, pip would read the configuration of the whole machine.
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _find_rust(caller: Mapping[str, str]) -> dict[str, str]:
    """`RUSTUP_HOME` for a rustup that is installed in the caller's home folder, which the build does not get."""
    home = caller.get("HOME") or caller.get("USERPROFILE")
    compilers = Path(home) / ".rustup" if home else None
    return {"RUSTUP_HOME": str(compilers)} if compilers is not None and compilers.is_dir() else {}


def _install_requirements(requirements: Sequence[str], environment: BuildEnvironment, builds: Builds) -> None:
    """Choose, download and install the wheels of build requirements, and of what those require."""
    if requirements:
        python = None if environment.is_running_python else builds.python
        environment.install([builds.fetch_wheel(file) for file in builds.find_wheels(requirements, python)])


def _parse_metadata(metadata: bytes) -> CoreMetadata:
    """The metadata that a backend has written. Raises BuildFailedError if it cannot be read."""
    try:
        return parse_core_metadata(metadata)
    except ValueError as error:
        raise BuildFailedError(f"the backend wrote metadata that cannot be read: {error}") from error


def _group(config_settings: _BackendSettings) -> dict[str, str | list[str]]:
    """The settings in the form of PEP 517; a key that is given more than once has a list of values, as in pip."""
    found: dict[str, str | list[str]] = {}
    for key, value in config_settings:
        known = found.get(key)
        if known is None:
            found[key] = value
        else:
            found[key] = [*(known if isinstance(known, list) else [known]), value]
    return found


def _explain_failure(what: str, cause: Exception, *, project: NormalizedName | None, described: str) -> MetadataError:
    """The error for metadata that a build cannot give; its details are the lines of the cause."""
    advice = find_build_advice(str(cause)) or BuildAdvice(_REMEDY)
    return MetadataError(
        what,
        details=tuple(f"  {line}" for line in str(cause).splitlines()),
        remedy=advice.remedy,
        quoted=advice.quoted,
        project=project or described,
        filename=described,
        needs_build=True,
    )


def _check_requirement(text: str) -> None:
    """Raise BuildFailedError for a text that is not a requirement of PEP 508."""
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise BuildFailedError(f"the backend asks for `{redact(text)}`, which is no requirement of PEP 508") from error


def _find_result(folder: Path, name: object, *, hook: str, part: str = "") -> Path:
    """The path of the file (or of `part` in the folder) that a hook returned by name.

    Raises BuildFailedError unless it is inside the folder that the hook was given: a name with `..` is not.
    """
    if not isinstance(name, str) or Path(name).name != name or not (folder / name / part).is_file():
        raise BuildFailedError(f"`{hook}` named no result of its own")
    return folder / name / part
