"""Requirements on one project that contradict each other whatever an index offers.

Two exact pins or two direct references contradict where their markers do not tell them apart. Everything else about
several requirements on one project is for the search to find out.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from resolver.requirements.entry import Entry
from resolver.requirements.refusal import FaultCollector, Refusal

__all__ = ["check_duplicates"]


def check_duplicates(entries: Sequence[Entry], faults: FaultCollector) -> None:
    """Report every entry that contradicts an earlier one; `entries` include those of `-c`, in list order."""
    seen: dict[NormalizedName, list[Entry]] = {}
    for entry in entries:
        if entry.name is None:
            continue
        earlier = seen.setdefault(entry.name, [])
        other = next((one for one in earlier if _contradict(one, entry)), None)
        if other is not None:
            faults.add(
                entry.position,
                Refusal(
                    f"`{entry.text}` contradicts `{other.text}` at {other.position}",
                    why="no file of the project can be both",
                    remedy="keep one of the two",
                ),
            )
        earlier.append(entry)


def _contradict(one: Entry, other: Entry) -> bool:
    if one.marker != other.marker and one.marker is not None and other.marker is not None:
        return False
    if (one.marker is None) != (other.marker is None):
        return False
    if one.direct is not None and other.direct is not None:
        return one.direct != other.direct
    pin, other_pin = _find_pin(one.specifier), _find_pin(other.specifier)
    if pin is None or other_pin is None:
        return False
    # `==2.6.0` also matches 2.6.0+cu124, so the two agree if either version satisfies both.
    both = one.specifier & other.specifier
    return not (both.contains(pin, prereleases=True) or both.contains(other_pin, prereleases=True))


def _find_pin(specifier: SpecifierSet) -> str | None:
    """The version of an exact pin. `===` may hold any text."""
    for one in specifier:
        if one.operator == "===" or (one.operator == "==" and not one.version.endswith(".*")):
            return one.version
    return None
