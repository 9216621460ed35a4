"""A lock in the forms of other tools: a requirement file, a list of arguments, one layer as a lock of its own.

In: a `Lockfile`. Out: text, tokens or another `Lockfile`; only `requirements` reads a file, the lock that an app names.
Standards: PEP 508, PEP 440 (direct references), pip: Requirements File Format.

An export holds every pin, dependencies too, so it is installed with `--no-deps`: where a pin contradicts the metadata
of another (an override), an installer that resolves would refuse it or install more. No text of the lock can pass for
a second token, a flag or a line of its own.

pip replaces `${VAR}` in a requirement file by the value of the variable, and sends it to the host of the URL. A lock
may be somebody else's, so a variable is written only where `VariableBindings` of the builder allow it; nothing in the
lock counts. Elsewhere the public URL is written, and a note names variable and host.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName, is_normalized_name

from lockfiles._values import compile_later
from lockfiles.errors import ExportError
from lockfiles.graph import assign_layers
from lockfiles.lockfile import Lockfile
from lockfiles.reading import read
from lockfiles.variable_bindings import VariableBinding, VariableBindings, name_host, parse_binding

__all__ = [
    "export_list",
    "export_requirements",
    "find_notes",
    "find_variables",
    "move_paths",
    "render_pin",
    "requirements",
    "select_layer",
]

# Paths that pip and uv read alike after `-e`: no space, no quotation mark, no variable.
_PLAIN_PATH = compile_later(r"[\w./~+-]+")
_PLAIN_MARKER = compile_later(r"(?:(?! -)[ !\"%-\[\]^_a-z{|}~'])*")
"""Printable ASCII without `#`, `$`, a backslash or a backtick, and without a word that begins with a dash."""
_VARIABLE = compile_later(r"(\$\{[A-Z0-9_]+\})")
_URL_CHARACTERS = "%:/?@!$&'()*+,;=[]-._~"
"""The characters of a URL (RFC 3986) that stay as they are. `#` is not among them: this module writes the fragment."""
_NOTHING_BOUND = VariableBindings()
_DistributionFile = PackageWheel | PackageSdist | PackageArchive


def export_requirements(
    lockfile: Lockfile, *, layer: int | None = None, bindings: VariableBindings = _NOTHING_BOUND
) -> str:
    """The lock, or one layer of it, as a requirement file for `pip install --no-deps -r` and `uv pip install`.

    - Packages of the index that most packages come from are `name==version` with their hashes. All others are URLs with
      hashes, so that installers with different rules for several indexes install the same files.
    - If a commit or folder is among them, all are URLs: one `--hash` makes pip refuse every line without one.
    - Paths of files on disk stay as in the lock. Installers read them relative to the folder that they run in.

    `bindings` are the hosts for which a `${VAR}` of the lock stays in a URL.

    Raises ExportError if the lock has no such layer, or a package has no such form.
    """
    step = _bind_variables(select_layer(lockfile, layer), bindings)
    packages = sorted(step.pylock.packages, key=_package_order)
    hashed = all(map(_has_hash, packages))
    index = _find_main_index(packages) if hashed else None
    notes = find_notes(lockfile, layer=layer, bindings=bindings)
    lines = [f"# {line}" for line in (*_iter_header(lockfile, step, layer, hashed=hashed), *notes)]
    lines += [f"--index-url {index}"] if index is not None else []
    for package in packages:
        if package.index is not None and package.index == index:
            lines.append(render_pin(package))
        else:
            lines.append(" ".join(_list_tokens(package)))
    return "\n".join(lines) + "\n"


def export_list(
    lockfile: Lockfile, *, layer: int | None = None, bindings: VariableBindings = _NOTHING_BOUND
) -> tuple[str, ...]:
    """The lock, or one layer of it, as arguments of an installer: `--no-deps`, then `name @ url#sha256=…` for each pin.

    If the list names the scheme, host and port of a URL with a placeholder (`https://${TOKEN}@host/…`), the URL gets
    it back, provided that `bindings` allow its variables there. Raises ExportError as `export_requirements` does.
    """
    step = _bind_variables(select_layer(lockfile, layer), bindings)
    logins = _find_logins(step, bindings)
    packages = sorted(step.pylock.packages, key=_package_order)
    return (*_list_flags(step), *(token for package in packages for token in _list_tokens(package, logins)))


def requirements(
    path: str | os.PathLike[str], *, bindings: Iterable[str | VariableBinding] = ()
) -> list[str] | list[list[str]]:
    """The requirement list of the lock at `path`, for an app that writes `requirements = requirements("pylock.toml")`.

    The list is flat for a lock of one layer, else it has one list for each layer, in the order of installation. A
    relative path starts at the folder of the calling file; only if the caller has no file, it starts at the current
    folder. `bindings`, such as `["TOKEN=index.example"]`, are the hosts for which a `${VAR}` stays in a URL. Raises
    LockfileError and OSError.
    """
    try:
        bound = VariableBindings(parse_binding(one) if isinstance(one, str) else one for one in bindings)
    except ValueError as error:
        raise ExportError(f"`bindings`: {error}") from None
    beside = sys._getframe(1).f_globals.get("__file__")
    folder = Path(beside).parent if isinstance(beside, str) else Path()
    lockfile = read(folder / path)
    count = 1 if lockfile.tool is None else len(lockfile.tool.layers)
    if count > 1:
        return [list(export_list(lockfile, layer=layer, bindings=bound)) for layer in range(count)]
    return list(export_list(lockfile, bindings=bound))


def select_layer(lockfile: Lockfile, layer: int | None) -> Lockfile:
    """The lock of one layer, counted from 0: the pins that its entries need and no earlier layer has. None is all.

    Raises ExportError if there is no such layer. For None it also does so if one step cannot install the whole: builds
    with `--no-build-isolation` need packages of earlier layers to be installed.
    """
    count = 1 if lockfile.tool is None else max(1, len(lockfile.tool.layers))
    if layer is None:
        if count > 1 and (built := _find_unisolated(lockfile)):
            steps = ", ".join(f"`--layer {number}`" for number in range(count))
            raise ExportError(
                f"`{built[0]}` is built with `--no-build-isolation`, so what it needs is installed a step before",
                remedy=f"one layer after the other: {steps}",
            )
        return lockfile
    if not 0 <= layer < count:
        has = "one layer, `0`" if count == 1 else f"the layers `0` to `{count - 1}`"
        raise ExportError(f"there is no layer `{layer}`: the lock has {has}")
    assigned = assign_layers(lockfile)
    return _keep_packages(lockfile, frozenset(name for name, number in assigned.items() if number == layer), layer)


def move_paths(lockfile: Lockfile, folder: str) -> Lockfile:
    """The lock with its paths relative to another folder; `folder` is the path from there to the lock."""

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


def find_notes(
    lockfile: Lockfile, *, layer: int | None = None, bindings: VariableBindings = _NOTHING_BOUND
) -> tuple[str, ...]:
    """What an installation of the export needs besides the file: paths, credentials, settings of builds.

    Variables that `bindings` keep out of the export are named with the hosts of their URLs.

    Each note is a whole sentence. Raises ExportError as `select_layer` does.
    """
    return tuple(_iter_notes(select_layer(lockfile, layer), bindings))


def render_pin(package: Package) -> str:
    """`name==1.0 ; marker` with a `--hash` for each file, as one logical line of a requirement file.

    Raises ExportError for a name, marker or hash that such a line cannot hold.
    """
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist is not None else ())]
    hashes = sorted({file.hashes["sha256"] for file in files})
    pin = f"{_check_name(package)}=={package.version}{_render_marker(package)}"
    return " \\\n    ".join((pin, *(f"--hash=sha256:{_check_sha256(package, digest)}" for digest in hashes)))


def find_variables(text: str) -> list[str]:
    """The names of the variables in a text, in their order: `TOKEN` of `${TOKEN}`."""
    return [variable[2:-1] for variable in _VARIABLE.findall(text)]


def _iter_header(whole: Lockfile, step: Lockfile, layer: int | None, *, hashed: bool) -> Iterator[str]:
    """The comments at the top of a requirement file: the target, how to install it, and the notes."""
    tool = whole.tool
    if tool is not None:
        part = f"layer {layer}, " if layer is not None and len(tool.layers) > 1 else ""
        yield f"{part}locked for Python {tool.python} on {tool.platform}; dependencies included, so install with"
    flags = " ".join(("install", *_list_flags(step), *(["--require-hashes"] if hashed else []), "-r FILE"))
    yield f"  pip {flags}"
    yield f"  uv pip {flags}"
    if not hashed:
        yield "a commit or a folder has no hash, so `--require-hashes` would refuse the file; all others have theirs"


def _iter_notes(step: Lockfile, bindings: VariableBindings) -> Iterator[str]:
    """The sentences of `find_notes`, for a lock of one step."""
    packages, tool = step.pylock.packages, step.tool
    if any(_has_path(package) for package in packages):
        yield "paths in it start from the folder that the installer runs in"
    named = (*_iter_named(step),)
    variables = sorted({name for name, scheme, host in named if bindings.allows(name, scheme=scheme, authority=host)})
    left_out = {
        f"{name}={name_host(scheme, host)}"
        for name, scheme, host in named
        if not bindings.allows(name, scheme=scheme, authority=host)
    }
    for text in sorted(left_out):
        name, _, host = text.partition("=")
        yield f"`{name}` is left out for `{host}`, since you have not bound it to that host: `--allow-variable {text}`"
    if variables:
        yield f"variables that stand for credentials: {', '.join(variables)}"
    if tool is not None and tool.credentials:
        yield f"credentials are needed for {', '.join(tool.credentials)}"
    names = [] if tool is None else [name for name in _find_built(step) if _has_settings(step, name)]
    if names:
        yield f"config settings are not in it, since the lock has only their hashes: {', '.join(names)}"


def _find_main_index(packages: Sequence[Package]) -> str | None:
    """The index of most packages, the first by its text if several are equal; None if no package has an index."""
    counts = Counter(package.index for package in packages if package.index is not None and _is_plain(package.index))
    return min(counts, key=lambda index: (-counts[index], index)) if counts else None


def _is_plain(url: str) -> bool:
    """Whether a requirement file reads the URL as one token without variables."""
    return url.isascii() and url.isprintable() and not set(url) & set(" \"'\\#$`")


def _list_flags(step: Lockfile) -> tuple[str, ...]:
    """The flags that an installation of this step needs."""
    return ("--no-deps", "--no-build-isolation") if _find_unisolated(step) else ("--no-deps",)


def _list_tokens(package: Package, logins: dict[str, str] | None = None) -> tuple[str, ...]:
    """The arguments for one package: `-e` and its path, or a direct reference."""
    editable = _find_editable_path(package)
    return ("-e", editable) if editable is not None else (_render_direct(package, logins),)


def _package_order(package: Package) -> tuple[str, str, str]:
    """The key by which packages are sorted: entries of one name, which markers keep apart, by version."""
    return package.name, str(package.version), str(package.marker)


def _render_direct(package: Package, logins: Mapping[str, str] | None = None) -> str:
    """`name @ url#sha256=… ; marker`, one token. Raises ExportError for a package without such a form.

    `logins` is the user information by URL, as the list wrote it: with `${TOKEN}`, never with a value.
    """
    return f"{_check_name(package)} @ {_render_reference(package, logins or {})}{_render_marker(package)}"


def _render_reference(package: Package, logins: Mapping[str, str]) -> str:
    """The URL or path of the package's source with its hash or commit id. Raises ExportError."""
    if (vcs := package.vcs) is not None:
        if vcs.url is None:
            raise _refuse(package, "its repository is on disk, which only an absolute path could name")
        if not re.fullmatch("[a-z]+", vcs.type):
            raise _refuse(package, "its version control system is none that an installer knows")
        fragment = _render_fragment(subdirectory=vcs.subdirectory)
        return f"{vcs.type}+{_render_url(vcs.url, logins)}@{vcs.commit_id}{fragment}"
    if (directory := package.directory) is not None:
        # Installers read `#subdirectory=` for archives and repositories alone, so it becomes part of the path.
        path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
        return f"file:{quote(path, safe='/~')}"
    file = _find_only_file(package)
    digest = _check_sha256(package, file.hashes["sha256"])
    fragment = _render_fragment(sha256=digest, subdirectory=getattr(file, "subdirectory", None))
    if file.path is not None:
        return f"file:{quote(file.path, safe='/~')}{fragment}"
    if file.url is None:
        raise _refuse(package, "its file has no URL")
    if isinstance(file, PackageWheel) and not urlsplit(file.url).path.endswith(".whl"):
        raise _refuse(package, f"the URL of `{file.filename}` does not end in a file name, which pip needs")
    return f"{_render_url(file.url, logins)}{fragment}"


def _find_only_file(package: Package) -> _DistributionFile:
    """The one file to install: the archive, the wheel, or the sdist if there is no wheel.

    Raises ExportError for several wheels, of which an installer would have to choose one.
    """
    files: list[_DistributionFile] = [*(package.wheels or ())]
    files += [one for one in (package.archive, package.sdist) if one is not None and not files]
    if len(files) != 1:
        raise _refuse(package, f"it has {len(files)} wheels, and a URL names one: the lock is not for one target alone")
    return files[0]


def _find_editable_path(package: Package) -> str | None:
    """The path of a package that is installed as editable, with a leading `./` or `/`; None for all others."""
    directory = package.directory
    if directory is None or not directory.editable:
        return None
    path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
    if not _PLAIN_PATH.fullmatch(path):
        raise _refuse(package, f"its editable folder `{path}` cannot be written so that each installer reads it alike")
    return path if path.startswith((".", "/")) else f"./{path}"


def _render_url(url: str, logins: Mapping[str, str]) -> str:
    """The URL with the user information of its list, and with all characters encoded that could end the token.

    Variables stay as they are, and a fragment is dropped.
    """
    login = logins.get(url)
    if login is not None:
        scheme, separator, rest = url.partition("://")
        url = f"{scheme}{separator}{login}@{rest.rpartition('@')[2] if '@' in rest.partition('/')[0] else rest}"
    parts = _VARIABLE.split(url.partition("#")[0])
    return "".join(part if _VARIABLE.fullmatch(part) else quote(part, safe=_URL_CHARACTERS) for part in parts)


def _render_fragment(**values: str | None) -> str:
    """The fragment of a URL with its `#`, from the values that are not empty."""
    pairs = [f"{key}={quote(value, safe='/~')}" for key, value in values.items() if value]
    return f"#{'&'.join(pairs)}" if pairs else ""


def _render_marker(package: Package) -> str:
    """The marker with a ` ; ` before it, empty if there is none. Raises ExportError for an unsafe one."""
    if package.marker is None:
        return ""
    text = str(package.marker)
    if not _PLAIN_MARKER.fullmatch(text):
        raise _refuse(package, "its marker holds what a requirement file reads as a comment, an option or a variable")
    return f" ; {text}"


def _check_name(package: Package) -> str:
    """The name of the package. Raises ExportError unless it is normalized (PEP 503)."""
    if not is_normalized_name(package.name):
        raise _refuse(package, "its name is not normalized")
    return package.name


def _check_sha256(package: Package, digest: Any) -> str:
    """The hash of a file of the package. Raises ExportError unless it is a SHA-256 in lower-case hex."""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise _refuse(package, "its sha256 is not 64 digits of lower-case hex")
    return str(digest)


def _refuse(package: Package, why: str) -> ExportError:
    """The error for a package that the form cannot express."""
    return ExportError(f"`{package.name}` cannot be written as a requirement: {why}")


def _has_hash(package: Package) -> bool:
    """Whether an installer can check the package against a hash: files have one, commits and folders do not."""
    return package.vcs is None and package.directory is None


def _has_path(package: Package) -> bool:
    """Whether a file or folder of the package is on disk."""
    sources = (*(package.wheels or ()), package.sdist, package.archive, package.vcs, package.directory)
    return any(source is not None and source.path is not None for source in sources)


def _has_settings(step: Lockfile, name: NormalizedName) -> bool:
    """Whether `--config-settings` influence the build of this package."""
    return step.tool is not None and name in step.tool.build and bool(step.tool.build[name].config_settings)


def _find_built(step: Lockfile) -> list[NormalizedName]:
    """The names of packages that an installer has to build, sorted."""
    return sorted(package.name for package in step.pylock.packages if not package.wheels)


def _find_unisolated(step: Lockfile) -> list[NormalizedName]:
    """The names of packages that are built with `--no-build-isolation`, sorted."""
    build = {} if step.tool is None else step.tool.build
    return [name for name in _find_built(step) if name in build and not build[name].isolation]


def _bind_variables(step: Lockfile, bindings: VariableBindings) -> Lockfile:
    """The lock with the variables of its URLs only where they are allowed: elsewhere the public URL.

    A variable in a path cannot be left out, so it is percent-encoded, which an installer does not replace.
    """

    def bind(url: str) -> str:
        authority = _find_authority(url)
        user_information, _, host = authority.rpartition("@")
        scheme = _find_scheme(url)
        names = find_variables(url)
        if "${" not in url or (names and all(bindings.allows(one, scheme=scheme, authority=host) for one in names)):
            return url
        start, separator, rest = url.partition("://")
        kept = authority if "${" not in user_information else host
        text = f"{start}{separator}{kept}{rest.removeprefix(authority)}"
        return text.replace("${", "%24%7B").replace("}", "%7D")

    def move(package: Package) -> Package:
        changes: dict[str, Any] = {}
        if package.wheels:
            changes["wheels"] = [
                wheel if wheel.url is None else replace(wheel, url=bind(wheel.url)) for wheel in package.wheels
            ]
        for key in ("sdist", "archive", "vcs"):
            source = getattr(package, key)
            if source is not None and source.url is not None:
                changes[key] = replace(source, url=bind(source.url))
        return replace(package, **changes)

    if not any("${" in url for url in _iter_urls(step)):
        return step
    packages = [move(package) for package in step.pylock.packages]
    return replace(step, pylock=replace(step.pylock, packages=packages))


def _iter_named(step: Lockfile) -> Iterator[tuple[str, str, str]]:
    """Each variable that URLs of the lock or placeholders of its list name, with scheme and host of the URL."""
    logins = _find_logins(step)
    for url in _iter_urls(step):
        host = _find_authority(url).rpartition("@")[2]
        for name in find_variables(f"{url} {logins.get(url, '')}"):
            yield name, _find_scheme(url), host


def _find_logins(step: Lockfile, bindings: VariableBindings | None = None) -> dict[str, str]:
    """The placeholders of the list, by the URL of a package that they belong to.

    They are matched by scheme, host and port. A host with several placeholders gets none: any choice could be wrong.
    `bindings` leave out those with a variable that is not allowed there; None leaves out none.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for token in () if step.tool is None else (token for layer in step.tool.requirements for token in layer):
        user_information, at, host = _find_authority(token).rpartition("@")
        if at and "${" in user_information:
            found.setdefault((_find_scheme(token), host.lower()), set()).add(user_information)
    logins: dict[str, str] = {}
    for url in _iter_urls(step) if found else ():
        host = _find_authority(url).rpartition("@")[2].lower()
        known = found.get((_find_scheme(url), host), set())
        names = {name for login in known for name in find_variables(login)}
        if len(known) == 1 and (
            bindings is None or all(bindings.allows(name, scheme=_find_scheme(url), authority=host) for name in names)
        ):
            logins[url] = next(iter(known))
    return logins


def _iter_urls(step: Lockfile) -> Iterator[str]:
    """All URLs of files and repositories."""
    for package in step.pylock.packages:
        for source in (*(package.wheels or ()), package.sdist, package.archive, package.vcs):
            if source is not None and source.url is not None:
                yield source.url


def _find_authority(text: str) -> str:
    """User information, host and port of the URL in a token; empty for a token without one."""
    return text.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]


def _find_scheme(text: str) -> str:
    """The scheme of the URL in a token, in lower case: `https` for `name @ git+https://…`."""
    return urlsplit(text.partition("://")[0].rpartition(" ")[2].rpartition("+")[2] + "://").scheme


def _keep_packages(lockfile: Lockfile, names: frozenset[NormalizedName], layer: int) -> Lockfile:
    """The lock with some of its packages and one layer of its list. Their `requested-by` texts stay as they are."""
    packages = [_drop_dependencies(package, names) for package in lockfile.pylock.packages if package.name in names]
    tool = lockfile.tool
    if tool is not None and tool.layers:
        build = {name: facts for name, facts in tool.build.items() if name in names}
        needed = {text for facts in build.values() for text in facts.requirements}
        tool = replace(
            tool,
            requirements=tool.requirements[layer : layer + 1],
            layers=(tuple(name for name in tool.layers[layer] if name in names),),
            built=tuple(name for name in tool.built if name in names),
            unverified={name: texts for name, texts in tool.unverified.items() if name in names},
            extras={name: extras for name, extras in tool.extras.items() if name in names},
            requested_by={name: texts for name, texts in tool.requested_by.items() if name in names},
            build=build,
            build_wheels=tuple(wheel for wheel in tool.build_wheels if wheel.requirement in needed),
        )
    return replace(lockfile, pylock=replace(lockfile.pylock, packages=packages), tool=tool)


def _drop_dependencies(package: Package, names: frozenset[NormalizedName]) -> Package:
    """The package without dependencies on packages of other layers, which the lock of this layer does not hold."""
    kept = [one for one in package.dependencies or () if one.get("name") in names]
    return package if package.dependencies is None else replace(package, dependencies=kept or None)
