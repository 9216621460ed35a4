"""A lock in the forms of other tools: a requirement file, a requirement list, one layer as a lock of its own.

In: a `Lockfile`. Out: text, tokens, or another `Lockfile`; nothing is read or written. Everything that is installed
stands there, dependencies too, so each form is installed with `--no-deps`: where a pin overrides what metadata asks,
an installer that resolves would refuse it, or install more.

The list of a lock for an app that installs it: `requirements = lockfiles.requirements("pylock.toml")`.

In: the name of a lock beside the file that asks. Out: argv items, as `lock export --format list` prints them.

One package of a lock as pip's requirement syntax has it: a direct reference with its hash, or a version and hashes.

In: packages of a lockfile. Out: single tokens and lines, in which no text of the lock can pass for another token, a
flag or a line of its own. Standards: PEP 508, PEP 440 (direct references), pip: Requirements File Format.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName, is_normalized_name

from lockfiles.errors import ExportError
from lockfiles.graph import assign_layers
from lockfiles.lockfile import Lockfile
from lockfiles.reading import read

__all__ = [
    "export_list",
    "export_requirements",
    "find_notes",
    "find_variables",
    "has_hash",
    "move_paths",
    "name_editable",
    "render_direct",
    "render_pin",
    "requirements",
    "select_layer",
]


_PLAIN_PATH = re.compile(r"[\w./~+-]+")
_PLAIN_MARKER = re.compile(r"(?:(?! -)[ !\"%-\[\]^_a-z{|}~'])*")
"""Printable ASCII without `#`, `$`, a backslash or a backtick, and without a word that begins with a dash."""
_VARIABLE = re.compile(r"(\$\{[A-Z0-9_]+\})")
_URL_CHARACTERS = "%:/?@!$&'()*+,;=[]-._~"
"""Those of RFC 3986 but for `#`: what follows one is ours to write."""

_File = PackageWheel | PackageSdist | PackageArchive


def has_hash(package: Package) -> bool:
    """Whether an installer can check the package against a hash: files have one, commits and folders have none."""
    return package.vcs is None and package.directory is None


def render_pin(package: Package) -> str:
    """`name==1.0 ; marker` with a `--hash` for each of its files, as a logical line of a requirement file."""
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist is not None else ())]
    hashes = sorted({file.hashes["sha256"] for file in files})
    pin = f"{_name(package)}=={package.version}{_marker(package)}"
    return " \\\n    ".join((pin, *(f"--hash=sha256:{_hex(package, digest)}" for digest in hashes)))


def render_direct(package: Package, logins: Mapping[str, str] | None = None) -> str:
    """`name @ url#sha256=… ; marker`, one token. Raises ExportError for what has no such form.

    `logins` are user informations by URL, as a list had them: `${TOKEN}`, never a value.
    """
    return f"{_name(package)} @ {_reference(package, logins or {})}{_marker(package)}"


def find_variables(text: str) -> list[str]:
    """The names of the variables in a text: `TOKEN` of `${TOKEN}`, in their order."""
    return [variable[2:-1] for variable in _VARIABLE.findall(text)]


def name_editable(package: Package) -> str | None:
    """The path of a package that is to be installed as editable; None for all others."""
    directory = package.directory
    if directory is None or not directory.editable:
        return None
    path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
    if not _PLAIN_PATH.fullmatch(path):
        raise _refuse(package, f"its editable folder `{path}` cannot be written so that each installer reads it alike")
    return path if path.startswith((".", "/")) else f"./{path}"


def _reference(package: Package, logins: Mapping[str, str]) -> str:
    if (vcs := package.vcs) is not None:
        if vcs.url is None:
            raise _refuse(package, "its repository is on disk, which only an absolute path could name")
        return f"{vcs.type}+{_url(vcs.url, logins)}@{vcs.commit_id}{_fragment(subdirectory=vcs.subdirectory)}"
    if (directory := package.directory) is not None:
        # A folder below it is what the path can say; installers take `#subdirectory=` for archives and repositories.
        path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
        return f"file:{quote(path, safe='/~')}"
    file = _only_file(package)
    digest = _hex(package, file.hashes["sha256"])
    fragment = _fragment(sha256=digest, subdirectory=getattr(file, "subdirectory", None))
    if file.path is not None:
        return f"file:{quote(file.path, safe='/~')}{fragment}"
    if file.url is None:
        raise _refuse(package, "its file has no URL")
    if isinstance(file, PackageWheel) and not urlsplit(file.url).path.endswith(".whl"):
        raise _refuse(package, f"the URL of `{file.filename}` does not end in a file name, which pip needs")
    return f"{_url(file.url, logins)}{fragment}"


def _only_file(package: Package) -> _File:
    """The one file that is installed: the archive, the wheel, or the sdist where there is no wheel."""
    files: list[_File] = [*(package.wheels or ())]
    files += [one for one in (package.archive, package.sdist) if one is not None and not files]
    if len(files) != 1:
        raise _refuse(package, f"it has {len(files)} wheels, and a URL names one: the lock is not for one target alone")
    return files[0]


def _url(url: str, logins: Mapping[str, str]) -> str:
    """The URL with everything in it encoded that could end a token, and with the user information of its list."""
    login = logins.get(url)
    if login is not None:
        scheme, separator, rest = url.partition("://")
        url = f"{scheme}{separator}{login}@{rest.rpartition('@')[2] if '@' in rest.partition('/')[0] else rest}"
    parts = _VARIABLE.split(url.partition("#")[0])
    return "".join(part if _VARIABLE.fullmatch(part) else quote(part, safe=_URL_CHARACTERS) for part in parts)


def _fragment(**values: str | None) -> str:
    pairs = [f"{key}={quote(value, safe='/~')}" for key, value in values.items() if value]
    return f"#{'&'.join(pairs)}" if pairs else ""


def _name(package: Package) -> str:
    if not is_normalized_name(package.name):
        raise _refuse(package, "its name is not normalized")
    return package.name


def _marker(package: Package) -> str:
    if package.marker is None:
        return ""
    text = str(package.marker)
    if not _PLAIN_MARKER.fullmatch(text):
        raise _refuse(package, "its marker holds what a requirement file reads as a comment, an option or a variable")
    return f" ; {text}"


def _hex(package: Package, digest: Any) -> str:
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise _refuse(package, "its sha256 is not 64 digits of lower-case hex")
    return str(digest)


def _refuse(package: Package, why: str) -> ExportError:
    message = f"`{package.name}` cannot be written as a requirement: {why}"
    return ExportError(message)


def export_requirements(lockfile: Lockfile, *, layer: int | None = None) -> str:
    """The lock, or one layer of it, as a requirement file for `pip install --no-deps -r` and `uv pip install`.

    - What comes from the index that most packages come from is `name==version` with its hash, all else is a URL with
      its hash: no installer gets a choice, whatever its rule for several indexes is.
    - Where a commit or folder is in it, all are URLs with their hashes: one `--hash` makes pip refuse what has none.
    - Paths of files on disk are those of the lock: they are read from the folder that the installer runs in.

    Raises ExportError where the lock has no such layer, or something in it has no such form.
    """
    step = select_layer(lockfile, layer)
    packages = sorted(step.pylock.packages, key=_package_order)
    hashed = all(map(has_hash, packages))
    index = _find_main_index(packages) if hashed else None
    lines = [f"# {line}" for line in _iter_comments(lockfile, step, layer, hashed=hashed)]
    lines += [f"--index-url {index}"] if index is not None else []
    for package in packages:
        if package.index is not None and package.index == index:
            lines.append(render_pin(package))
        else:
            lines.append(" ".join(_tokens(package)))
    return "\n".join(lines) + "\n"


def export_list(lockfile: Lockfile, *, layer: int | None = None) -> tuple[str, ...]:
    """The lock, or one layer of it, as argv items of an installer: `--no-deps`, then `name @ url#sha256=…` for each.

    A URL whose scheme, host and port stood in the list with a placeholder (`https://${TOKEN}@host/…`) has it again.
    Raises what `export_requirements` does.
    """
    step = select_layer(lockfile, layer)
    logins = _find_logins(step)
    packages = sorted(step.pylock.packages, key=_package_order)
    return (*_flags(step), *(token for package in packages for token in _tokens(package, logins)))


def select_layer(lockfile: Lockfile, layer: int | None) -> Lockfile:
    """The lock of one layer (from 0): what its entries need and no layer before has. None is the whole as one step.

    Raises ExportError where there is no such layer, and for a whole that one step cannot install: what is built with
    `--no-build-isolation` needs what the layers before have installed.
    """
    count = 1 if lockfile.tool is None else max(1, len(lockfile.tool.layers))
    if layer is None:
        if count > 1 and (built := _find_unisolated(lockfile)):
            steps = ", ".join(f"`--layer {number}`" for number in range(count))
            raise _refuse_of_exporting(
                f"`{built[0]}` is built with `--no-build-isolation`, so what it needs is installed a step before",
                remedy=f"one layer after the other: {steps}",
            )
        return lockfile
    if not 0 <= layer < count:
        has = "one layer, `0`" if count == 1 else f"the layers `0` to `{count - 1}`"
        raise _refuse_of_exporting(f"there is no layer `{layer}`: the lock has {has}")
    assigned = assign_layers(lockfile)
    return _keep(lockfile, frozenset(name for name, number in assigned.items() if number == layer), layer)


def move_paths(lockfile: Lockfile, folder: str) -> Lockfile:
    """The lock with its paths as seen from elsewhere; `folder` is the relative path from there to the lock's own."""

    def moved(path: str) -> str:
        return posixpath.normpath(posixpath.join(folder, path))

    def move(package: Package) -> Package:
        changes: dict[str, Any] = {}
        if package.wheels:
            changes["wheels"] = [
                wheel if wheel.path is None else replace(wheel, path=moved(wheel.path)) for wheel in package.wheels
            ]
        for key in ("sdist", "archive", "vcs", "directory"):
            source = getattr(package, key)
            if source is not None and source.path is not None:
                changes[key] = replace(source, path=moved(source.path))
        return replace(package, **changes) if changes else package

    if folder in ("", "."):
        return lockfile
    tool = lockfile.tool
    if tool is not None:
        wheels = (one if one.path is None else replace(one, path=moved(one.path)) for one in tool.build_wheels)
        tool = replace(tool, build_wheels=tuple(wheels))
    packages = [move(one) for one in lockfile.pylock.packages]
    return replace(lockfile, pylock=replace(lockfile.pylock, packages=packages), tool=tool)


def find_notes(lockfile: Lockfile, *, layer: int | None = None) -> tuple[str, ...]:
    """What an installation of an export needs besides: paths, credentials, settings of builds; whole sentences."""
    return tuple(_iter_notes(select_layer(lockfile, layer)))


def _iter_comments(whole: Lockfile, step: Lockfile, layer: int | None, *, hashed: bool) -> Iterator[str]:
    tool = whole.tool
    if tool is not None:
        part = f"layer {layer}, " if layer is not None and len(tool.layers) > 1 else ""
        yield f"{part}locked for Python {tool.python} on {tool.platform}; dependencies included, so install with"
    flags = " ".join(("install", *_flags(step), *(["--require-hashes"] if hashed else []), "-r FILE"))
    yield f"  pip {flags}"
    yield f"  uv pip {flags}"
    if not hashed:
        yield "a commit or a folder has no hash, so `--require-hashes` would refuse the file; all others have theirs"
    yield from _iter_notes(step)


def _iter_notes(step: Lockfile) -> Iterator[str]:
    packages, tool = step.pylock.packages, step.tool
    if any(_has_path(package) for package in packages):
        yield "paths in it start from the folder that the installer runs in"
    variables = sorted(
        {name for url in (*_iter_urls(step), *_find_logins(step).values()) for name in find_variables(url)}
    )
    if variables:
        yield f"variables that stand for credentials: {', '.join(variables)}"
    if tool is not None and tool.credentials:
        yield f"credentials are needed for {', '.join(tool.credentials)}"
    names = [] if tool is None else [name for name in _find_built(step) if _has_settings(step, name)]
    if names:
        yield f"config settings are not in it, since the lock has only their hashes: {', '.join(names)}"


def _flags(step: Lockfile) -> tuple[str, ...]:
    return ("--no-deps", "--no-build-isolation") if _find_unisolated(step) else ("--no-deps",)


def _tokens(package: Package, logins: dict[str, str] | None = None) -> tuple[str, ...]:
    editable = name_editable(package)
    return ("-e", editable) if editable is not None else (render_direct(package, logins),)


def _find_main_index(packages: Sequence[Package]) -> str | None:
    """The index of most packages, of several the first one by its text; None where no package names one."""
    counts = Counter(package.index for package in packages if package.index is not None and _is_plain(package.index))
    return min(counts, key=lambda index: (-counts[index], index)) if counts else None


def _is_plain(url: str) -> bool:
    """Whether a URL is one token of a line, and no variable in it would be expanded."""
    return url.isascii() and url.isprintable() and not set(url) & set(" \"'\\#$`")


def _find_built(step: Lockfile) -> list[NormalizedName]:
    return sorted(package.name for package in step.pylock.packages if not package.wheels)


def _find_unisolated(step: Lockfile) -> list[NormalizedName]:
    build = {} if step.tool is None else step.tool.build
    return [name for name in _find_built(step) if name in build and not build[name].isolation]


def _has_settings(step: Lockfile, name: NormalizedName) -> bool:
    return step.tool is not None and name in step.tool.build and bool(step.tool.build[name].config_settings)


def _has_path(package: Package) -> bool:
    sources = (*(package.wheels or ()), package.sdist, package.archive, package.vcs, package.directory)
    return any(source is not None and source.path is not None for source in sources)


def _find_logins(step: Lockfile) -> dict[str, str]:
    """The placeholders of the list by the URLs of packages that they are for; none where a host has several."""
    found: dict[tuple[str, str], set[str]] = {}
    for token in () if step.tool is None else (token for layer in step.tool.requirements for token in layer):
        user_information, at, host = _authority(token).rpartition("@")
        if at and "${" in user_information:
            found.setdefault((_scheme(token), host.lower()), set()).add(user_information)
    logins: dict[str, str] = {}
    for url in _iter_urls(step) if found else ():
        host = _authority(url).rpartition("@")[2].lower()
        known = found.get((_scheme(url), host), set())
        if len(known) == 1:
            logins[url] = next(iter(known))
    return logins


def _iter_urls(step: Lockfile) -> Iterator[str]:
    for package in step.pylock.packages:
        for source in (*(package.wheels or ()), package.sdist, package.archive, package.vcs):
            if source is not None and source.url is not None:
                yield source.url


def _authority(text: str) -> str:
    return text.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]


def _scheme(text: str) -> str:
    """The scheme of a URL, or of the one in a token: that of `name @ git+https://…` is `https`."""
    return urlsplit(text.partition("://")[0].rpartition(" ")[2].rpartition("+")[2] + "://").scheme


def _keep(lockfile: Lockfile, names: frozenset[NormalizedName], layer: int) -> Lockfile:
    """The lock with some of its packages and one layer of its list; who asked for them stays as it is."""
    packages = [_without_others(package, names) for package in lockfile.pylock.packages if package.name in names]
    tool = lockfile.tool
    if tool is not None and tool.layers:
        build = {name: facts for name, facts in tool.build.items() if name in names}
        needed = {text for facts in build.values() for text in facts.requirements}
        tool = replace(
            tool,
            requirements=tool.requirements[layer : layer + 1],
            layers=(tuple(name for name in tool.layers[layer] if name in names),),
            built=tuple(name for name in tool.built if name in names),
            extras={name: extras for name, extras in tool.extras.items() if name in names},
            requested_by={name: texts for name, texts in tool.requested_by.items() if name in names},
            build=build,
            build_wheels=tuple(wheel for wheel in tool.build_wheels if wheel.requirement in needed),
        )
    return replace(lockfile, pylock=replace(lockfile.pylock, packages=packages), tool=tool)


def _without_others(package: Package, names: frozenset[NormalizedName]) -> Package:
    """The package without the dependencies that another layer has."""
    kept = [one for one in package.dependencies or () if one.get("name") in names]
    return package if package.dependencies is None else replace(package, dependencies=kept or None)


def _package_order(package: Package) -> tuple[str, str, str]:
    return package.name, str(package.version), str(package.marker)


def _refuse_of_exporting(what: str, *, remedy: str = "") -> ExportError:
    return ExportError(what, remedy=remedy)


def requirements(path: str | os.PathLike[str]) -> list[str] | list[list[str]]:
    """The items of the lock at `path`: flat for a lock of one layer, else one list a layer, in the order of the steps.

    A relative path is relative to the folder of the file that calls this, wherever that is run from; where there is no
    such file, to the current folder. Raises LockfileError and OSError.
    """
    beside = sys._getframe(1).f_globals.get("__file__")
    folder = Path(beside).parent if isinstance(beside, str) else Path()
    lockfile = read(folder / path)
    count = 1 if lockfile.tool is None else len(lockfile.tool.layers)
    if count > 1:
        return [list(export_list(lockfile, layer=layer)) for layer in range(count)]
    return list(export_list(lockfile))
