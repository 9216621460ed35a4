"""Two hashes of a lock: its digest, which identifies what it installs, and its seal, which shows edits by hand.

In: a `Lockfile`, or the document that it is written as. Out: `pinfold-v1:sha256:…`, and `sha256:…`.

Two locks have the same digest exactly if they install the same content in the same steps, so it is the cache key of an
image. The URLs of files, the requests for a pin and the layout of the file do not count. Other programs may compute the
digest too: the docstring of `digest` is its specification.

The seal covers the whole document, so an edit by hand or by a merge breaks it. It is no signature: an attacker can make
a new one. `lock verify` compares a lock with its indexes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.pylock import Package, PackageArchive

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later
from lockfiles.lockfile import SEAL_KEY, BuildFacts, Lockfile, ToolTable

__all__ = ["digest", "has_broken_seal", "with_seal"]

_VERSION = "pinfold-v1"
# The key of `[tool.pinfold]` that the seal is written after.
_KEY_BEFORE_SEAL = "requirement-digest"
_PYTHON = compile_later(r"(\d+\.\d+)[^t]*(t?)")


def digest(lockfile: Lockfile) -> str:
    """`pinfold-v1:sha256:hex` over the result of an installation of the lock.

    The hash is taken of one JSON object in ASCII: keys sorted, no white space, every other character escaped as JSON's
    `\\uXXXX` (RFC 8259), no numbers. Its keys:

    - `format`: `pinfold-v1`;
    - `python` (`3.11`, `3.13t`), `platform` and `layers` (arrays of project names in list order), from
      `[tool.pinfold]`. A lock without that table has `requires-python` and `environments` (texts) instead;
    - `extras`, `dependency-groups`, `default-groups`: sorted, only where the lock has them;
    - `packages`: one object a package, in the order of their own JSON texts.

    A package has `name`, and `version`, `marker` and `requires-python` only where the lock has them, and its source:

    - `wheels`: the sorted sha256 of its wheels; `sdist`: the sha256 of its sdist;
    - `archive`: an object of `sha256` and `subdirectory` (empty if none);
    - `vcs`: an object of `type`, `commit-id` and `subdirectory`;
    - `directory`: an object of `content` (`sha256:hex` from `[tool.pinfold.build]`, else null), `path` (only where
      `content` is null), `subdirectory` and `editable` (true or false).

    A package without wheels that is no archive of a wheel has `build` as well: `isolation`, `requirements` (sorted;
    behind each text, after a space, the sha256 of its wheel in `[[tool.pinfold.build-wheels]]`, if it is there), and
    `config-settings` (pairs in list order), from `[tool.pinfold.build]`, or what they are without an entry there.
    """
    document = _build_target(lockfile)
    for key, values in (
        ("extras", lockfile.pylock.extras),
        ("dependency-groups", lockfile.pylock.dependency_groups),
        ("default-groups", lockfile.pylock.default_groups),
    ):
        if values:
            document[key] = sorted(values)
    packages = [_build_package(package, lockfile.tool) for package in lockfile.pylock.packages]
    document["packages"] = sorted(packages, key=_render_json)
    data = _render_json({"format": _VERSION, **document}).encode("ascii")
    return f"{_VERSION}:sha256:{hash_bytes(data)}"


def _build_seal(document: Mapping[str, Any]) -> str:
    """`sha256:hex` over the document as canonical JSON, without the seal itself.

    Dates and times, which JSON does not have, are texts as Python writes them.
    """
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    if isinstance(tool, Mapping) and isinstance(table, Mapping):
        bare = {key: value for key, value in table.items() if key != SEAL_KEY}
        document = {**document, "tool": {**tool, "pinfold": bare}}
    return f"sha256:{hash_bytes(_render_json(document).encode('ascii'))}"


def with_seal(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its seal in `[tool.pinfold]`; a document without that table stays as it is."""
    tool = document.get("tool")
    if not isinstance(tool, Mapping) or "pinfold" not in tool:
        return dict(document)
    table: dict[str, Any] = {}
    for key, value in tool["pinfold"].items():
        table[key] = value
        if key == _KEY_BEFORE_SEAL:
            table[SEAL_KEY] = _build_seal(document)
    return {**document, "tool": {**tool, "pinfold": table}}


def has_broken_seal(document: Mapping[str, Any]) -> bool:
    """Whether the document has a seal that does not match it; false for a document without a seal."""
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    seal = table.get(SEAL_KEY) if isinstance(table, Mapping) else None
    return seal is not None and seal != _build_seal(document)


def _render_json(value: Any) -> str:
    """The canonical JSON text of a value, as `digest` describes it."""
    # Lazy: a run without an old lock needs no JSON until it writes.
    import json

    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)


def _build_target(lockfile: Lockfile) -> dict[str, Any]:
    """The target and the layers; for a lock of another tool the fields of PEP 751 that limit its use."""
    tool, pylock = lockfile.tool, lockfile.pylock
    if tool is not None:
        return {
            "python": _python_minor(tool.python),
            "platform": tool.platform,
            "layers": [list(layer) for layer in tool.layers],
        }
    return {
        "requires-python": "" if pylock.requires_python is None else str(pylock.requires_python),
        "environments": sorted(str(marker) for marker in pylock.environments or ()),
    }


def _python_minor(python: str) -> str:
    """`3.13t` for `3.13.2t`: patch releases have the same digest. A text of another form stays as it is."""
    match = _PYTHON.fullmatch(python)
    return match.group(1) + match.group(2) if match else python


def _build_package(package: Package, tool: ToolTable | None) -> dict[str, Any]:
    """The object of one package, as `digest` describes it."""
    facts = BuildFacts() if tool is None else tool.build.get(package.name, BuildFacts())
    record: dict[str, Any] = {"name": package.name}
    for key, value in (
        ("version", package.version),
        ("marker", package.marker),
        ("requires-python", package.requires_python),
    ):
        if value is not None:
            record[key] = str(value)
    record.update(_build_source(package, facts))
    if _is_built(package):
        record["build"] = {
            "isolation": facts.isolation,
            "requirements": _build_requirements(facts, tool),
            "config-settings": [list(pair) for pair in facts.config_settings],
        }
    return record


def _build_requirements(facts: BuildFacts, tool: ToolTable | None) -> list[str]:
    """The requirements, each with the sha256 of its wheels where the lock has them."""
    wheels: dict[str, list[str]] = {}
    for wheel in tool.build_wheels if tool is not None else ():
        wheels.setdefault(wheel.requirement, []).append(wheel.sha256)
    return sorted(" ".join((text, *sorted(wheels.get(text, ())))) for text in facts.requirements)


def _build_source(package: Package, facts: BuildFacts) -> dict[str, Any]:
    """The content of a package's source. PEP 751 forbids that a package has two of the four forms."""
    if (vcs := package.vcs) is not None:
        return {"vcs": {"type": vcs.type, "commit-id": vcs.commit_id, "subdirectory": vcs.subdirectory or ""}}
    if (directory := package.directory) is not None:
        folder: dict[str, Any] = {"content": facts.content, "subdirectory": directory.subdirectory or ""}
        folder["editable"] = bool(directory.editable)
        if facts.content is None:
            folder["path"] = directory.path
        return {"directory": folder}
    if (archive := package.archive) is not None:
        return {"archive": {"sha256": archive.hashes["sha256"], "subdirectory": archive.subdirectory or ""}}
    source: dict[str, Any] = {}
    if package.wheels:
        source["wheels"] = sorted(wheel.hashes["sha256"] for wheel in package.wheels)
    if package.sdist is not None:
        source["sdist"] = package.sdist.hashes["sha256"]
    return source


def _is_built(package: Package) -> bool:
    """Whether an installation builds the package: it has no wheel, and is no archive of one."""
    if package.archive is not None:
        return not _is_wheel(package.archive)
    return not package.wheels


def _is_wheel(archive: PackageArchive) -> bool:
    """Whether the path or URL of an archive ends in the name of a wheel."""
    place = archive.path or (archive.url or "").partition("#")[0].partition("?")[0]
    return place.lower().endswith(".whl")
