"""What differs between two lockfiles.

In: two `Lockfile`s. Out: a `Comparison`, whose parts are values that a program can read; `str()` renders each as the
lines that `lock diff` prints. Both locks are compared as the documents that they would be written as, so the order of
packages and files does not count, and a key that is added to locks later is compared without a change here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from lockfiles.errors import join_key
from lockfiles.lockfile import LineChange, Lockfile, build_document, join_lines

__all__ = ["Comparison", "Fact", "FactChange", "LineChange", "LockedFile", "LockedPin", "PinChange", "compare"]

Fact = str | bool | int | float | datetime | date | time | tuple["Fact", ...]
"""A value of TOML; an array is a tuple."""

# Document paths, by the field of `Comparison` that their changes belong to. All other paths are `other`.
_TARGET_KEYS = (
    "requires-python",
    "environments",
    "tool.pinfold.python",
    "tool.pinfold.platform",
    "tool.pinfold.accelerator",
)
_SETTING_KEYS = ("tool.pinfold.index-strategy", "tool.pinfold.exclude-newer", "tool.pinfold.settings")
_LINES_KEY = "tool.pinfold.requirements"
# Its keys are project names: who requested a pin, in which words.
_REQUESTED_BY_PREFIX = "tool.pinfold.requested-by."


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A wheel, sdist or archive of a pin: its name and the SHA-256 in hex that an installer checks."""

    filename: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPin:
    """One package of a lock.

    `version` is None for a source tree, `source` is its commit id or folder, None for all others. `index` is None for
    what comes from no index. `files` are sorted by name. `rest` are all values of the package but name, version and
    index, as pairs sorted by path, so that two pins with another difference are unequal too.
    """

    name: NormalizedName
    version: Version | None
    index: str | None
    source: str | None
    files: tuple[LockedFile, ...]
    rest: tuple[tuple[str, Fact], ...]

    def __str__(self) -> str:
        """`numpy 2.1.0`, or the name with the commit id or folder of a source tree."""
        return self.name if self.identifier is None else f"{self.name} {self.identifier}"

    @property
    def identifier(self) -> str | None:
        """The version as text, or the commit id or folder of a source tree; None for a pin that has neither."""
        return self.source if self.version is None else str(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChange:
    """A package that both locks have, with a difference in its version, its files or any other value."""

    old: LockedPin
    new: LockedPin

    @property
    def name(self) -> NormalizedName:
        """The project, which is the same in both."""
        return self.new.name

    @property
    def facts(self) -> tuple[FactChange, ...]:
        """What differs beside name, version and index, by its path below the package: files, markers, dependencies."""
        return tuple(_compare_facts(dict(self.old.rest), dict(self.new.rest)))

    def __str__(self) -> str:
        """One line: both versions, else the differences of the files, else all other values that differ."""
        if self.old.version != self.new.version or self.old.source != self.new.source:
            old, new = (pin.identifier or "no version" for pin in (self.old, self.new))
            return f"{self.name} {old} -> {new}"
        return f"{self.new}: {'; '.join(tuple(self._iter_details()) or map(str, self.facts))}"

    def _iter_details(self) -> Iterator[str]:
        """Differences in the files of one version: first changed hashes, then names, then the index."""
        old_files = {file.filename: file.sha256 for file in self.old.files}
        new_files = {file.filename: file.sha256 for file in self.new.files}
        for name in sorted(old_files.keys() & new_files.keys()):
            if old_files[name] != new_files[name]:
                yield f"`{name}` had sha256 {old_files[name]}, now {new_files[name]}"
        if old_files.keys() != new_files.keys():
            yield f"{', '.join(sorted(old_files)) or 'no file'} -> {', '.join(sorted(new_files)) or 'no file'}"
        if self.old.index != self.new.index:
            yield f"index {self.old.index or 'none'} -> {self.new.index or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange:
    """One value outside the packages that differs.

    `key` is its document path; `old` and `new` are None where a lock has no value.
    """

    key: str
    old: Fact | None
    new: Fact | None

    def __str__(self) -> str:
        """`key: old -> new`, as `render` has the values."""
        old, new = self.render()
        return f"{self.key}: {old} -> {new}"

    def render(self) -> tuple[str, str]:
        """Both values as TOML writes them, and `none` for a missing one."""
        old, new = ("none" if value is None else _render_value(value) for value in (self.old, self.new))
        return old, new


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All differences between two locks; false if both are written as the same text.

    Packages are sorted by name. `requirements` are lines of the list. `other` are values that belong neither to pins
    nor to the target, the settings or the list: the requests for a pin, the tables of other tools.
    """

    added: tuple[LockedPin, ...] = ()
    removed: tuple[LockedPin, ...] = ()
    changed: tuple[PinChange, ...] = ()
    target: tuple[FactChange, ...] = ()
    settings: tuple[FactChange, ...] = ()
    requirements: tuple[LineChange, ...] = ()
    other: tuple[FactChange, ...] = ()

    def __bool__(self) -> bool:
        """Whether the locks differ at all."""
        return bool(
            self.added
            or self.removed
            or self.changed
            or self.target
            or self.settings
            or self.requirements
            or self.other
        )

    def __str__(self) -> str:
        """The short diff: one line for each difference, pins first; `other` is one line with its keys."""
        pins = [
            *((pin.name, f"+ {pin}") for pin in self.added),
            *((pin.name, f"- {pin}") for pin in self.removed),
            *((change.new.name, f"~ {change}") for change in self.changed),
        ]
        lines = [line for _, line in sorted(pins)]
        lines += [f"target {change}" for change in self.target]
        lines += [f"setting {change}" for change in self.settings]
        lines += [f"list {line}" for line in self.requirements]
        if self.other:
            lines.append(f"also {', '.join(_name_keys(change.key for change in self.other))}")
        return "\n".join(lines)


def compare(old: Lockfile, new: Lockfile) -> Comparison:
    """All differences from `old` to `new`.

    Raises nothing: both are valid, since `loads` and `dumps` check them.
    """
    # Usually a new lock equals the old one. This comparison saves 30 ms for 200 pins.
    if old == new:
        return Comparison()
    old_document, new_document = build_document(old), build_document(new)
    added, removed, changed = _compare_packages(old_document.pop("packages"), new_document.pop("packages"))
    old_facts, new_facts = _flatten(old_document), _flatten(new_document)
    # Changed lines are shown as lines; the array that holds them would repeat the whole list.
    lines = _compare_lines(old, new)
    facts = tuple(_compare_facts(old_facts, new_facts))
    target = tuple(change for change in facts if _is_under(change.key, _TARGET_KEYS))
    settings = tuple(change for change in facts if _is_under(change.key, _SETTING_KEYS))
    return Comparison(
        added=added,
        removed=removed,
        changed=changed,
        target=target,
        settings=settings,
        requirements=lines,
        other=tuple(
            change
            for change in facts
            if change not in target and change not in settings and not (lines and _is_under(change.key, (_LINES_KEY,)))
        ),
    )


def _name_keys(keys: Iterable[str]) -> Iterator[str]:
    """The keys, with those of `requested-by` as a number: most changes of a list touch them for many pins."""
    requested = 0
    for key in keys:
        if key.startswith(_REQUESTED_BY_PREFIX):
            requested += 1
        else:
            yield key
    if requested:
        yield f"who asked for {requested} {'pin' if requested == 1 else 'pins'}"


def _compare_packages(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> tuple[tuple[LockedPin, ...], tuple[LockedPin, ...], tuple[PinChange, ...]]:
    """Added, removed and changed pins, by name.

    A lock of another tool may have several pins of one name. Those that are equal in both locks are left out, the
    others are paired in the order of the documents, and a pin without a partner is added or removed.
    """
    added: list[LockedPin] = []
    removed: list[LockedPin] = []
    changed: list[PinChange] = []
    old_pins, new_pins = _group_pins(old), _group_pins(new)
    for name in sorted(old_pins.keys() | new_pins.keys()):
        before = [pin for pin in old_pins.get(name, []) if pin not in new_pins.get(name, [])]
        after = [pin for pin in new_pins.get(name, []) if pin not in old_pins.get(name, [])]
        common = min(len(before), len(after))
        changed += (PinChange(old=a, new=b) for a, b in zip(before[:common], after[:common], strict=True))
        removed += before[common:]
        added += after[common:]
    return tuple(added), tuple(removed), tuple(changed)


def _group_pins(packages: Sequence[Mapping[str, Any]]) -> dict[str, list[LockedPin]]:
    """The pins of a document by name, those of one name in the order of the document."""
    groups: dict[str, list[LockedPin]] = {}
    for package in packages:
        groups.setdefault(package["name"], []).append(_build_pin(package))
    return groups


def _build_pin(package: Mapping[str, Any]) -> LockedPin:
    """The pin of one `[[packages]]` table (PEP 751).

    A package has wheels and an sdist, or one of `archive`, `vcs` and `directory`.
    """
    rest = dict(package)
    name, version, index = rest.pop("name"), rest.pop("version", None), rest.pop("index", None)
    tables = [*package.get("wheels", ()), *(package[key] for key in ("sdist", "archive") if key in package)]
    files = [LockedFile(filename=_file_name(file), sha256=file["hashes"]["sha256"]) for file in tables]
    source = package.get("vcs", {}).get("commit-id") or package.get("directory", {}).get("path")
    return LockedPin(
        name=NormalizedName(name),
        version=None if version is None else Version(version),
        index=index,
        source=source,
        files=tuple(sorted(files, key=lambda file: file.filename)),
        rest=tuple(sorted(_flatten(rest).items())),
    )


def _file_name(file: Mapping[str, Any]) -> str:
    """The name of a file table: `name`, else the last part of its path or URL."""
    place: str = file.get("name") or file.get("path") or file.get("url") or ""
    return place.rpartition("/")[2]


def _flatten(value: Any, path: str = "") -> dict[str, Fact]:
    """The values of a document by document path.

    A table and an array of tables become one entry for each value inside; any other array is one value, so that a
    change in a list of texts is shown as a whole.
    """
    if isinstance(value, Mapping) and value:
        items = [(join_key(path, key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        items = [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    else:
        return {path: _freeze(value)}
    return {inner: fact for key, item in items for inner, fact in _flatten(item, key).items()}


def _freeze(value: Any) -> Fact:
    """The value with tuples for arrays, and for a table without values."""
    fact: Fact = tuple(map(_freeze, value)) if isinstance(value, list | tuple | Mapping) else value
    return fact


def _render_value(value: Fact) -> str:
    """One value as TOML writes it; a string is quoted as in JSON, which TOML reads too."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            return f"[{', '.join(_render_value(item) for item in value)}]"
        case _:
            return str(value)


def _compare_facts(old: Mapping[str, Fact], new: Mapping[str, Fact]) -> Iterator[FactChange]:
    """The values that differ between two flat documents, sorted by path. `true` differs from `1`."""
    for key in sorted(old.keys() | new.keys()):
        if repr(old.get(key)) != repr(new.get(key)):
            yield FactChange(key=key, old=old.get(key), new=new.get(key))


def _compare_lines(old: Lockfile, new: Lockfile) -> tuple[LineChange, ...]:
    """The lines of the list that only one lock has, removed ones first.

    Empty if only the order of the lines differs: `compare` then reports the list as a value that changed.
    """
    before, after = _build_lines(old), _build_lines(new)
    removed = [
        LineChange(layer=layer, text=text, is_added=False) for layer, text in before if (layer, text) not in after
    ]
    added = [LineChange(layer=layer, text=text, is_added=True) for layer, text in after if (layer, text) not in before]
    return (*removed, *added)


def _build_lines(lockfile: Lockfile) -> list[tuple[int, str]]:
    """The lines of the list with the number of their layer; none for a lock of another tool."""
    layers = lockfile.tool.requirements if lockfile.tool is not None else ()
    return [(number, line) for number, layer in enumerate(layers) for line in join_lines(layer)]


def _is_under(key: str, prefixes: Sequence[str]) -> bool:
    """Whether a document path is one of `prefixes`, or of a value inside one of them."""
    return any(key == prefix or key.startswith((f"{prefix}.", f"{prefix}[")) for prefix in prefixes)
