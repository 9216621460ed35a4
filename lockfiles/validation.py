"""The rules for lockfiles that pinfold adds to those of `packaging.pylock`.

In: the document as TOML gives it, unchecked. Out: every fault with its document path.

`packaging.pylock` accepts user information in URLs, md5 as the only hash, branch names as commit ids, duplicates, and
paths to any place. Here these are faults: such a lock leaks a secret, or does not install the same content twice.
Types and required keys are left to packaging: a value of the wrong type is skipped here, and reported there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from packaging.pylock import PackageWheel, PylockValidationError
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lockfiles._values import compile_later
from lockfiles.errors import Fault, join_key
from lockfiles.secret_forms import find_secret_part

__all__ = ["iter_faults"]

# C0, DEL and C1 controls, line separators, and the characters that change the direction of text, which could make a
# lock look different from what it holds.
_CONTROL = compile_later("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_HEX = compile_later("[0-9a-f]+")
# A commit id of git with SHA-1 or SHA-256; that of Mercurial has 40 digits too.
_COMMIT = compile_later("[0-9a-f]{40}|[0-9a-f]{64}")
# Digits of a hash in hex, by algorithm. Hashes of other algorithms may have any length.
_DIGEST_LENGTHS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3_256": 64,
    "sha3_512": 128,
    "blake2b": 128,
    "blake2s": 64,
}


def iter_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Every fault of the document: of its texts, of build wheels, of packages in order, of the names between them."""
    # Texts come first: the faults after them quote names, which must not hold control characters or secrets.
    yield from _iter_text_faults(document, "")
    yield from _iter_build_wheel_faults(document)
    packages = document.get("packages")
    # Without packages there is nothing else to check, and packaging reports the fault.
    if not isinstance(packages, list):
        return
    for number, package in enumerate(packages):
        if isinstance(package, dict):
            for key, message in _iter_package_faults(package):
                yield Fault(where=f"packages[{number}].{key}", what=message)
    yield from _iter_duplicates(packages)
    yield from _iter_dangling_names(document, packages)


def _iter_text_faults(value: Any, path: str) -> Iterator[Fault]:
    """Faults of every string of the document.

    A fault of a key has the path of its table: the key itself may hold a secret, which no message must show.
    """
    if isinstance(value, str):
        if (message := _find_text_fault(value)) is not None:
            yield Fault(where=path, what=message)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _iter_text_faults(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if (message := _find_text_fault(key)) is not None:
                yield Fault(where=path, what=f"a key {message}")
            else:
                yield from _iter_text_faults(item, join_key(path, key))


def _find_text_fault(text: str) -> str | None:
    """Why a string must not be in a lock: a control character, or a secret in a URL; None for a harmless one."""
    # A message shows the number of the character, never the text around it.
    if (control := _CONTROL.search(text)) is not None:
        return f"holds the control character U+{ord(control.group()):04X}"
    if (part := find_secret_part(text)) is not None:
        return f"holds a URL with {part}, which would reach everybody who reads the lock"
    return None


def _iter_package_faults(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults of one `[[packages]]` table (PEP 751), each with the path inside it."""
    for place, file in _iter_file_tables(package):
        yield from _iter_hash_faults(file.get("hashes"), f"{place}.hashes")
        if isinstance(size := file.get("size"), int) and size < 0:
            yield f"{place}.size", f"a file cannot have {size} bytes"
        if isinstance(path := file.get("path"), str) and (message := _find_absolute_path_fault(path)) is not None:
            yield f"{place}.path", message
        # PEP 751 gives `[packages.archive]` no `name`.
        if place != "archive" and (message := _find_file_name_fault(file)) is not None:
            yield f"{place}.name", message
    for place in ("vcs", "directory", "archive"):
        table = package.get(place)
        subdirectory = table.get("subdirectory") if isinstance(table, dict) else None
        if isinstance(subdirectory, str) and (message := _find_outside_path_fault(subdirectory)) is not None:
            yield f"{place}.subdirectory", message
    # A branch or tag as commit id would let the content change under the same lock.
    vcs = package.get("vcs")
    if isinstance(vcs, dict) and (message := _find_commit_fault(vcs)) is not None:
        yield "vcs.commit-id", message


def _iter_file_tables(package: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of wheels, sdist and archive of one package, each with its path inside the package."""
    # Values of a wrong type are skipped: packaging reports them.
    wheels = package.get("wheels")
    for number, wheel in enumerate(wheels if isinstance(wheels, list) else ()):
        if isinstance(wheel, dict):
            yield f"wheels[{number}]", wheel
    for place in ("sdist", "archive"):
        if isinstance(file := package.get(place), dict):
            yield place, file


def _iter_hash_faults(hashes: Any, path: str) -> Iterator[tuple[str, str]]:
    """Faults of one `hashes` table. Packaging reports an empty or missing one."""
    if not isinstance(hashes, dict) or not hashes:
        return
    # pip and uv accept any hash of `hashlib`, but md5 and sha1 can be forged, and the digest of a lock needs one kind.
    if "sha256" not in hashes:
        names = ", ".join(f"`{_shorten(name)}`" for name in sorted(hashes))
        yield path, f"no `sha256`, only {names}"
    for algorithm, digest in hashes.items():
        # Packaging reports a hash that is no string.
        if not isinstance(digest, str):
            continue
        length = _DIGEST_LENGTHS.get(algorithm, len(digest))
        if len(digest) != length or not _HEX.fullmatch(digest):
            yield join_key(path, algorithm), f"a `{_shorten(algorithm)}` is {length} digits of lower-case hex"


def _find_absolute_path_fault(path: str) -> str | None:
    """Why a path is absolute on any platform; None for a relative one.

    A path may lead above the folder of the lock, since its file has a hash.
    """
    # A drive, a root or a scheme (`file:`): a lock is read on other platforms than the one that wrote it.
    windows = PureWindowsPath(path)
    if PurePosixPath(path).is_absolute() or windows.drive or windows.root or re.match("[A-Za-z][A-Za-z0-9+.-]*:", path):
        return "an absolute path holds on one machine only"
    return None


def _find_outside_path_fault(path: str) -> str | None:
    """Why a path leads out of the source tree that it starts in; None for a path inside."""
    if (message := _find_absolute_path_fault(path)) is not None:
        return message
    # Both separators count: the tree may be unpacked on Windows.
    depth = 0
    for part in re.split(r"[/\\]", path):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return "leads outside the folder that it starts in"
    return None


def _find_file_name_fault(file: Mapping[str, Any]) -> str | None:
    """Why the name of a file is none: it has a separator of folders, which leads an installer elsewhere."""
    filename = _find_file_name(file)
    if filename is not None and ("/" in filename or "\\" in filename):
        return f"`{_shorten(filename)}` is a path, no file name"
    return None


def _find_file_name(file: Mapping[str, Any]) -> str | None:
    """The file name as packaging finds it: `name`, else the end of the path, else the end of the URL; None without."""
    texts = [file.get(key) for key in ("name", "path", "url")]
    name, path, url = (text if isinstance(text, str) else None for text in texts)
    try:
        return PackageWheel(name=name, path=path, url=url, hashes={}).filename
    except (PylockValidationError, ValueError):
        return None


def _find_commit_fault(vcs: Mapping[str, Any]) -> str | None:
    """Why a `commit-id` names no fixed commit of git or Mercurial; None for other systems and wrong types."""
    commit = vcs.get("commit-id")
    if vcs.get("type") not in ("git", "hg") or not isinstance(commit, str) or _COMMIT.fullmatch(commit):
        return None
    return f"`{_shorten(commit)}` is no commit id (40 or 64 digits of lower-case hex): a branch or tag can move"


def _iter_duplicates(packages: list[Any]) -> Iterator[Fault]:
    """Packages of one name without markers to choose between them, and files listed twice in one package.

    Whether two different markers exclude each other is not checked: that needs every possible environment.
    """
    seen: dict[str, dict[str | None, int]] = {}
    for number, package in enumerate(packages):
        if not isinstance(package, dict) or not isinstance(name := package.get("name"), str):
            continue
        marker = package.get("marker")
        # By marker, the number of the package that has it; two without a marker always apply together.
        others = seen.setdefault(name, {})
        twin = next((other for other in others if marker is None or other is None or other == marker), ...)
        if twin is not ...:
            message = (
                f"`{_shorten(name)}` is also `packages[{others[twin]}]`, and no marker tells when to install which"
            )
            yield Fault(where=f"packages[{number}]", what=message)
        others.setdefault(marker if isinstance(marker, str) else None, number)
        yield from _iter_duplicate_files(package, f"packages[{number}]")


def _iter_duplicate_files(package: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """Files of one package with the same name, of which an installer would have to choose one."""
    # By file name, the path of the first table that has it.
    seen: dict[str, str] = {}
    for place, file in _iter_file_tables(package):
        filename = _find_file_name(file)
        if filename is None:
            continue
        if filename in seen:
            yield Fault(where=f"{path}.{place}", what=f"`{_shorten(filename)}` is also `{seen[filename]}`")
        seen.setdefault(filename, place)


def _iter_build_wheel_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of `[[tool.pinfold.build-wheels]]`: wrong file names, wrong places, and wheels listed twice."""
    # By name and version, the path of the first table that has them: builds refer to wheels by these two.
    seen: dict[tuple[Any, Any], str] = {}
    wheels = _find_tool_table(document).get("build-wheels")
    for number, wheel in enumerate(wheels if isinstance(wheels, list) else ()):
        if not isinstance(wheel, dict):
            continue
        place = f"tool.pinfold.build-wheels[{number}]"
        for key, message in _iter_location_faults(wheel):
            yield Fault(where=f"{place}{key}", what=message)
        if (fault := _find_wheel_name_fault(wheel)) is not None:
            yield Fault(where=f"{place}.file", what=fault)
        name, version = wheel.get("name"), wheel.get("version")
        if isinstance(name, str) and isinstance(version, str):
            if (name, version) in seen:
                yield Fault(where=place, what=f"`{_shorten(name)}` is also `{seen[name, version]}`")
            seen.setdefault((name, version), place)


def _iter_location_faults(wheel: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults of the place of a build wheel: it needs one of `url` and `path`, and a relative path."""
    if ("url" in wheel) == ("path" in wheel):
        yield "", "expected one of `url` and `path`"
    if isinstance(path := wheel.get("path"), str) and (message := _find_absolute_path_fault(path)) is not None:
        yield ".path", message


def _find_wheel_name_fault(wheel: Mapping[str, Any]) -> str | None:
    """Why `file` is no name of a wheel of this `name` and `version`; None if it is, or if a type is wrong."""
    file, name, version = wheel.get("file"), wheel.get("name"), wheel.get("version")
    if not isinstance(file, str) or not isinstance(name, str) or not isinstance(version, str):
        return None
    try:
        # The parsed name is normalized, and the parsed version has one spelling, as those of the table.
        found = parse_wheel_filename(file)[:2]
    except InvalidWheelFilename:
        return f"`{_shorten(file)}` is no file name of a wheel"
    if (found[0], str(found[1])) != (name, version):
        return f"`{_shorten(file)}` is no wheel of `{_shorten(name)} {_shorten(version)}`"
    return None


def _find_tool_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table `[tool.pinfold]`; an empty one if it is missing or no table."""
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else {}


def _iter_dangling_names(document: Mapping[str, Any], packages: list[Any]) -> Iterator[Fault]:
    """Names in `[tool.pinfold]` and in `dependencies` that no package has.

    A lock of another tool may have dependencies that it does not list, so it is not checked.
    """
    table = _find_tool_table(document)
    # Without our table, the dependencies are those of another tool.
    if not table:
        return
    # Names are compared as written: packaging demands that they are normalized.
    found = [package.get("name") for package in packages if isinstance(package, dict)]
    names = {name for name in found if isinstance(name, str)}
    for path, name in _iter_referred_names(table, packages):
        if isinstance(name, str) and name not in names:
            yield Fault(where=path, what=f"no package is called `{_shorten(name)}`")


def _iter_referred_names(table: Mapping[str, Any], packages: list[Any]) -> Iterator[tuple[str, Any]]:
    """All places that name a package, with the name, which may have any type.

    These are `dependencies` of packages, then the layers, then the keys and arrays of `[tool.pinfold]`.
    """
    for number, package in enumerate(packages):
        dependencies = package.get("dependencies") if isinstance(package, dict) else None
        for place, dependency in enumerate(dependencies if isinstance(dependencies, list) else ()):
            if isinstance(dependency, dict):
                yield f"packages[{number}].dependencies[{place}].name", dependency.get("name")
    layers = table.get("layers")
    for number, layer in enumerate(layers if isinstance(layers, list) else ()):
        for place, name in enumerate(layer if isinstance(layer, list) else ()):
            yield f"tool.pinfold.layers[{number}][{place}]", name
    # An array of names, and tables whose keys are names: iterating over each gives the names.
    for key in ("built", "unverified", "extras", "requested-by", "build"):
        named = table.get(key)
        for name in named if isinstance(named, list | dict) else ():
            # A project whose builds were rejected may be in no other place.
            if (
                key == "build"
                and isinstance(named, dict)
                and isinstance(named[name], dict)
                and "rejected" in named[name]
            ):
                continue
            yield f"tool.pinfold.{key}", name


def _shorten(text: str) -> str:
    """The text for a message: at most 80 characters, without any that a terminal would interpret."""
    # Texts of a lock are not trusted: an escape sequence could rewrite what the terminal shows.
    safe = "".join(character if character.isprintable() else "?" for character in text)
    return safe if len(safe) <= 80 else f"{safe[:77]}…"
