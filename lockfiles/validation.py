"""What pinfold demands of a lockfile beyond `packaging.pylock`.

That accepts user information in URLs, md5 alone, branch names as commit ids, duplicates, and paths that lead anywhere.

In: the document as TOML gives it, of which nothing is certain yet. Out: every fault with its document path. Types and
required keys are packaging's part: what has the wrong type here is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from packaging.pylock import PackageWheel, PylockValidationError
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lockfiles.errors import Fault, join_key
from lockfiles.secret_forms import find_secret_part

__all__ = ["iter_faults"]

# C0, DEL and C1 controls, line separators, and the characters that turn the direction of text around.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_HEX = re.compile("[0-9a-f]+")
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
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
    """Every fault of the document: of its texts, then of its packages in order, then of the references between them."""
    yield from _iter_text_faults(document, "")
    yield from _iter_build_wheel_faults(document)
    packages = document.get("packages")
    if not isinstance(packages, list):
        return
    for number, package in enumerate(packages):
        if isinstance(package, dict):
            for key, message in _iter_package_faults(package):
                yield Fault(where=f"packages[{number}].{key}", what=message)
    yield from _iter_duplicates(packages)
    yield from _iter_dangling_names(document, packages)


def _iter_text_faults(value: Any, path: str) -> Iterator[Fault]:
    """Faults of every string of the document; those of a key stand at its table, so that no message shows the key."""
    if isinstance(value, str):
        if (message := _text_fault(value)) is not None:
            yield Fault(where=path, what=message)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _iter_text_faults(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if (message := _text_fault(key)) is not None:
                yield Fault(where=path, what=f"a key {message}")
            else:
                yield from _iter_text_faults(item, join_key(path, key))


def _text_fault(text: str) -> str | None:
    if (control := _CONTROL.search(text)) is not None:
        return f"holds the control character U+{ord(control.group()):04X}"
    if (part := find_secret_part(text)) is not None:
        return f"holds a URL with {part}, which would reach everybody who reads the lock"
    return None


def _iter_package_faults(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults of one `[[packages]]` table, each with the path inside it."""
    for place, file in _iter_file_tables(package):
        yield from _iter_hash_faults(file.get("hashes"), f"{place}.hashes")
        if isinstance(size := file.get("size"), int) and size < 0:
            yield f"{place}.size", f"a file cannot have {size} bytes"
        if isinstance(path := file.get("path"), str) and (message := _absolute_fault(path)) is not None:
            yield f"{place}.path", message
        if place != "archive" and (message := _file_name_fault(file)) is not None:
            yield f"{place}.name", message
    for place in ("vcs", "directory", "archive"):
        table = package.get(place)
        subdirectory = table.get("subdirectory") if isinstance(table, dict) else None
        if isinstance(subdirectory, str) and (message := _outside_fault(subdirectory)) is not None:
            yield f"{place}.subdirectory", message
    vcs = package.get("vcs")
    if isinstance(vcs, dict) and (message := _commit_fault(vcs)) is not None:
        yield "vcs.commit-id", message


def _iter_file_tables(package: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    wheels = package.get("wheels")
    for number, wheel in enumerate(wheels if isinstance(wheels, list) else ()):
        if isinstance(wheel, dict):
            yield f"wheels[{number}]", wheel
    for place in ("sdist", "archive"):
        if isinstance(file := package.get(place), dict):
            yield place, file


def _iter_hash_faults(hashes: Any, path: str) -> Iterator[tuple[str, str]]:
    """Faults of one `hashes` table; an empty or missing one is packaging's to refuse."""
    if not isinstance(hashes, dict) or not hashes:
        return
    if "sha256" not in hashes:
        names = ", ".join(f"`{_shown(name)}`" for name in sorted(hashes))
        yield path, f"no `sha256`, only {names}"
    for algorithm, digest in hashes.items():
        if not isinstance(digest, str):
            continue
        length = _DIGEST_LENGTHS.get(algorithm, len(digest))
        if len(digest) != length or not _HEX.fullmatch(digest):
            yield join_key(path, algorithm), f"a `{_shown(algorithm)}` is {length} digits of lower-case hex"


def _absolute_fault(path: str) -> str | None:
    """Why a path is no relative one, on whichever platform. It may lead above the lock: the file has a hash."""
    windows = PureWindowsPath(path)
    if PurePosixPath(path).is_absolute() or windows.drive or windows.root or re.match("[A-Za-z][A-Za-z0-9+.-]*:", path):
        return "an absolute path holds on one machine only"
    return None


def _outside_fault(path: str) -> str | None:
    """Why a path inside a source tree must not be followed: it is absolute, or leads out of the tree."""
    if (message := _absolute_fault(path)) is not None:
        return message
    depth = 0
    for part in re.split(r"[/\\]", path):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return "leads outside the folder that it starts in"
    return None


def _file_name_fault(file: Mapping[str, Any]) -> str | None:
    filename = _find_file_name(file)
    if filename is not None and ("/" in filename or "\\" in filename):
        return f"`{_shown(filename)}` is a path, no file name"
    return None


def _find_file_name(file: Mapping[str, Any]) -> str | None:
    """The file name as packaging finds it: the name, else the end of the path, else that of the URL."""
    texts = [file.get(key) for key in ("name", "path", "url")]
    name, path, url = (text if isinstance(text, str) else None for text in texts)
    try:
        return PackageWheel(name=name, path=path, url=url, hashes={}).filename
    except (PylockValidationError, ValueError):
        return None


def _commit_fault(vcs: Mapping[str, Any]) -> str | None:
    commit = vcs.get("commit-id")
    if vcs.get("type") not in ("git", "hg") or not isinstance(commit, str) or _COMMIT.fullmatch(commit):
        return None
    return f"`{_shown(commit)}` is no commit id (40 or 64 digits of lower-case hex): a branch or tag can move"


def _iter_duplicates(packages: list[Any]) -> Iterator[Fault]:
    """Packages of one name that no marker keeps apart, and files listed twice in one package."""
    seen: dict[str, dict[str | None, int]] = {}
    for number, package in enumerate(packages):
        if not isinstance(package, dict) or not isinstance(name := package.get("name"), str):
            continue
        marker = package.get("marker")
        others = seen.setdefault(name, {})
        twin = next((other for other in others if marker is None or other is None or other == marker), ...)
        if twin is not ...:
            message = f"`{_shown(name)}` is also `packages[{others[twin]}]`, and no marker tells when to install which"
            yield Fault(where=f"packages[{number}]", what=message)
        others.setdefault(marker if isinstance(marker, str) else None, number)
        yield from _iter_duplicate_files(package, f"packages[{number}]")


def _iter_duplicate_files(package: Mapping[str, Any], path: str) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for place, file in _iter_file_tables(package):
        filename = _find_file_name(file)
        if filename is None:
            continue
        if filename in seen:
            yield Fault(where=f"{path}.{place}", what=f"`{_shown(filename)}` is also `{seen[filename]}`")
        seen.setdefault(filename, place)


def _iter_build_wheel_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of `[[tool.pinfold.build-wheels]]`: files of other names than they say, places, and repeated ones."""
    seen: dict[tuple[Any, Any], str] = {}
    wheels = _find_tool_table(document).get("build-wheels")
    for number, wheel in enumerate(wheels if isinstance(wheels, list) else ()):
        if not isinstance(wheel, dict):
            continue
        place = f"tool.pinfold.build-wheels[{number}]"
        for key, message in _iter_place_faults(wheel):
            yield Fault(where=f"{place}{key}", what=message)
        if (fault := _wheel_name_fault(wheel)) is not None:
            yield Fault(where=f"{place}.file", what=fault)
        name, version = wheel.get("name"), wheel.get("version")
        if isinstance(name, str) and isinstance(version, str):
            if (name, version) in seen:
                yield Fault(where=place, what=f"`{_shown(name)}` is also `{seen[name, version]}`")
            seen.setdefault((name, version), place)


def _iter_place_faults(wheel: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if ("url" in wheel) == ("path" in wheel):
        yield "", "expected one of `url` and `path`"
    if isinstance(path := wheel.get("path"), str) and (message := _absolute_fault(path)) is not None:
        yield ".path", message


def _wheel_name_fault(wheel: Mapping[str, Any]) -> str | None:
    """Why a file name is not that of a wheel of the name and version beside it."""
    file, name, version = wheel.get("file"), wheel.get("name"), wheel.get("version")
    if not isinstance(file, str) or not isinstance(name, str) or not isinstance(version, str):
        return None
    try:
        found = parse_wheel_filename(file)[:2]
    except InvalidWheelFilename:
        return f"`{_shown(file)}` is no file name of a wheel"
    if (found[0], str(found[1])) != (name, version):
        return f"`{_shown(file)}` is no wheel of `{_shown(name)} {_shown(version)}`"
    return None


def _find_tool_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else {}


def _iter_dangling_names(document: Mapping[str, Any], packages: list[Any]) -> Iterator[Fault]:
    """Names in `[tool.pinfold]` and in our own `dependencies` that no package has."""
    table = _find_tool_table(document)
    if not table:
        return
    found = [package.get("name") for package in packages if isinstance(package, dict)]
    names = {name for name in found if isinstance(name, str)}
    for path, name in _iter_referred_names(table, packages):
        if isinstance(name, str) and name not in names:
            yield Fault(where=path, what=f"no package is called `{_shown(name)}`")


def _iter_referred_names(table: Mapping[str, Any], packages: list[Any]) -> Iterator[tuple[str, Any]]:
    for number, package in enumerate(packages):
        dependencies = package.get("dependencies") if isinstance(package, dict) else None
        for place, dependency in enumerate(dependencies if isinstance(dependencies, list) else ()):
            if isinstance(dependency, dict):
                yield f"packages[{number}].dependencies[{place}].name", dependency.get("name")
    layers = table.get("layers")
    for number, layer in enumerate(layers if isinstance(layers, list) else ()):
        for place, name in enumerate(layer if isinstance(layer, list) else ()):
            yield f"tool.pinfold.layers[{number}][{place}]", name
    for key in ("built", "extras", "requested-by", "build"):
        named = table.get(key)
        for name in named if isinstance(named, list | dict) else ():
            yield f"tool.pinfold.{key}", name


def _shown(text: str) -> str:
    """The text for a message: short, and without what would disturb a terminal."""
    safe = "".join(character if character.isprintable() else "?" for character in text)
    return safe if len(safe) <= 80 else f"{safe[:77]}…"
