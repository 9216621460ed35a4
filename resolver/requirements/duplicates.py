"""Requirements on one project that contradict each other whatever an index offers.

Two exact pins or two direct references contradict where their markers do not tell them apart. Everything else about
several requirements on one project is for the search to find out.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from resolver.requirements.agreement import is_same_source
from resolver.requirements.entry import DirectReference, Entry
from resolver.requirements.refusal import FaultCollector, Refusal

__all__ = ["check_duplicates"]


def check_duplicates(entries: Sequence[Entry], faults: FaultCollector) -> None:
    """Report every entry that contradicts an earlier one; `entries` include those of `-c`, in list order."""
    # Entries that say the same of the same project stand here once: long lists repeat themselves.
    seen: dict[tuple[NormalizedName, Marker | None, bool], dict[DirectReference | SpecifierSet, Entry]] = {}
    for entry in entries:
        says = _find_claim(entry)
        if entry.name is None or says is None:
            continue
        earlier = seen.setdefault((entry.name, entry.marker, entry.direct is None), {})
        if says in earlier:
            continue
        other = next((one for one in earlier.values() if _contradict(one, entry)), None)
        if other is not None:
            faults.add(
                entry.position,
                Refusal(
                    f"`{entry.text}` contradicts `{other.text}` at {other.position}",
                    why="no file of the project can be both",
                    remedy="keep one of the two",
                ),
            )
        else:
            earlier[says] = entry


def _find_claim(entry: Entry) -> DirectReference | SpecifierSet | None:
    """What an entry says that another one can contradict: its direct reference or exact pin."""
    if entry.direct is not None:
        return entry.direct
    return None if _find_pin(entry.specifier) is None else entry.specifier


def _contradict(one: Entry, other: Entry) -> bool:
    """Whether two entries of one project under one marker contradict each other."""
    if one.direct is not None or other.direct is not None:
        return one.direct is None or other.direct is None or not is_same_source(one.direct, other.direct)
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
