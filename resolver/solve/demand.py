"""What the search passes around: nodes, candidates, and demands on them.

A node is a project, or one extra of it: `("rich", "")`, `("rich", "jupyter")`. A candidate for an extra depends on the
same version of its project, so the search decides both together. `("rich", "*")` is the dependencies of a project that
some layer lists with `--no-deps`.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later, dataclass

__all__ = [
    "BUILT_FOR_GPU",
    "IMPOSSIBLE",
    "TORCH_ABI",
    "TORCH_RELEASE",
    "WITH_DEPENDENCIES",
    "Candidate",
    "Demand",
    "Node",
    "ParsedRequirement",
    "is_readable",
    "is_virtual",
    "names_prerelease",
    "parse_dependency",
    "pins_exactly",
]

BUILT_FOR_GPU = "is built for a GPU, and the target has none"
"""Why a machine without a GPU takes no build of torch that has CUDA."""

WITH_DEPENDENCIES = "*"

_NAME = "[a-z0-9]+(?:-[a-z0-9]+)*"
_VERSION = r"(?:[<>]=?|[=!]=|~=)[0-9][0-9a-z.+*]*"
_PLAIN = compile_later(rf"({_NAME})(?:\[({_NAME}(?:,{_NAME})*)\])?((?:{_VERSION}(?:,{_VERSION})*)?)")
"""Requirements with normalized names and plain versions; `packaging` parses all others."""

TORCH_RELEASE = NormalizedName("<torch>")
"""The virtual project of torch releases: a build that is made for one release requires it."""

TORCH_ABI = NormalizedName("<torch-abi>")
"""The virtual project of the ABI of torch's C++ code, which builds that link to it must share."""


class Node(NamedTuple):
    """A project (`part` empty), one of its extras, or its dependencies alone (`WITH_DEPENDENCIES`)."""

    name: NormalizedName
    part: str = ""


IMPOSSIBLE = Node(NormalizedName(""), "impossible")
"""A node that nothing satisfies: demanded by candidates that turn out to be ruled out or in no solution."""


def is_virtual(name: NormalizedName) -> bool:
    """Whether a name is that of a virtual project (`<cuda>`): a fact that builds must agree on."""
    return name[:1] == "<"


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One row of a node. A search makes each candidate once, so they compare by identity."""

    node: Node
    row: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """A requirement as the search reads it: the rows of `node` that satisfy it.

    `pinned` admits yanked versions; `prereleases` tells that the specifier names a pre-release. `text` is for messages.
    `root` is the number of the list's requirement that it comes from, None for a dependency. `is_own` marks a demand on
    the candidate's own project; `is_early` any other that is known before metadata is read, so that a collision saves
    reading it.
    """

    node: Node
    mask: int
    text: str
    specifier: SpecifierSet
    pinned: bool = False
    prereleases: bool = False
    root: int | None = None
    is_own: bool = False
    is_early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequirement:
    """The parts of a requirement whose marker was evaluated before; `text` is the requirement as it is written."""

    name: NormalizedName
    extras: frozenset[NormalizedName]
    specifier: SpecifierSet
    url: str | None
    text: str


@lru_cache(maxsize=65536)
def parse_dependency(text: str) -> ParsedRequirement:
    """The parts of a PEP 508 text. Raises InvalidRequirement.

    Dependencies are kept in canonical form (`a[b,c]>=1,<2`), which one regular expression splits: this takes a third of
    the time of `Requirement`.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        name, extras, specifier = plain.groups()
        with suppress(InvalidSpecifier):
            return ParsedRequirement(
                name=NormalizedName(name),
                extras=frozenset(map(NormalizedName, extras.split(","))) if extras else frozenset(),
                specifier=SpecifierSet(specifier),
                url=None,
                text=text,
            )
    requirement = Requirement(text)
    return ParsedRequirement(
        name=canonicalize_name(requirement.name),
        extras=frozenset(canonicalize_name(extra) for extra in requirement.extras),
        specifier=requirement.specifier,
        url=requirement.url,
        text=text,
    )


def is_readable(text: str) -> bool:
    """Whether the text is a PEP 508 requirement."""
    try:
        parse_dependency(text)
    except InvalidRequirement:
        return False
    return True


def pins_exactly(specifier: SpecifierSet) -> bool:
    """Whether the specifier has a `==` without wildcard or a `===`, which admits a yanked version (PEP 592)."""
    return any(part.operator == "===" or (part.operator == "==" and part.version[-2:] != ".*") for part in specifier)


def names_prerelease(specifier: SpecifierSet) -> bool:
    """Whether a part of the specifier names a pre-release or development release, other than to exclude it."""
    return any(_is_prerelease(part.version.removesuffix(".*")) for part in specifier if part.operator != "!=")


@lru_cache(maxsize=65536)
def _is_prerelease(text: str) -> bool:
    try:
        return Version(text).is_prerelease
    except ValueError:  # `===` compares text.
        return False
