"""The dependencies of a project in its pyproject.toml: `[project] dependencies`, with extras and dependency groups.

In: a parsed pyproject.toml and the names of extras and groups. Out: requirement texts in order, those of the project
first. Extras that refer to the project's own extras are resolved (as pip resolves `name[extra]`), and groups that
include groups too.

A module of its own because it is the standards' list (PEP 621, PEP 735), used only if `[tool.pinfold]` has no
`requirements`, and because `packaging.dependency_groups` is loaded for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from packaging.dependency_groups import resolve_dependency_groups
from packaging.errors import ExceptionGroup
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from resolver.errors import SourceError

__all__ = ["list_project_dependencies"]


def list_project_dependencies(
    pyproject: Mapping[str, object], *, name: str, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> tuple[str, ...]:
    """The dependencies of the project, then those of the extras, then those of the groups (PEP 621, PEP 735).

    Each text of an extra is given once, also if two extras have it. A pyproject.toml without `[project]` may have
    groups. `name` is the file in messages. Raises SourceError for a name that is not there, and for a dynamic list.
    """
    project = pyproject.get("project")
    if project is None and groups and not extras:
        return _list_groups(pyproject, name, groups)
    if not isinstance(project, dict):
        raise SourceError(f"`{name}` has neither `requirements` in [tool.pinfold] nor a [project]")
    reader = _ProjectReader(project, name)
    return (*reader.list_dependencies(), *reader.list_extras(extras), *_list_groups(pyproject, name, groups))


class _ProjectReader:
    """A `[project]` table, whose extras may refer to one another. Names of extras are normalized (PEP 685)."""

    def __init__(self, project: Mapping[str, object], name: str) -> None:
        self._project = project
        self._name = name
        # The name is needed to see references to the project itself; without one there are none.
        own = project.get("name")
        self._own_name = canonicalize_name(own) if isinstance(own, str) else None
        table = project.get("optional-dependencies", {})
        if not isinstance(table, dict):
            raise SourceError("`project.optional-dependencies` must be a table", where=name)
        self._extras = {canonicalize_name(extra): (extra, texts) for extra, texts in table.items()}

    def list_dependencies(self) -> tuple[str, ...]:
        """The texts of `dependencies`, with references to own extras replaced."""
        self._check_static("dependencies")
        texts = self._check_texts(self._project.get("dependencies", []), "project.dependencies")
        return tuple(self._iter_own(texts, "project.dependencies", seen=frozenset()))

    def list_extras(self, extras: Sequence[str]) -> tuple[str, ...]:
        """The texts of extras in their order, each text once."""
        if extras:
            self._check_static("optional-dependencies")
        listed = (text for extra in extras for text in self._iter_extra(canonicalize_name(extra), seen=frozenset()))
        return tuple(dict.fromkeys(listed))

    def _iter_extra(self, extra: NormalizedName, *, seen: frozenset[NormalizedName]) -> Iterator[str]:
        """The texts of an extra. `seen` are the extras that led to it: a circle ends there.

        Raises SourceError for an unknown one.
        """
        if extra not in self._extras:
            close = get_close_matches(extra, self._extras, n=1)
            raise SourceError(f"`{self._name}` has no extra `{extra}`", remedy=f"`{close[0]}`" if close else "")
        if extra in seen:
            return
        written, texts = self._extras[extra]
        key = f"project.optional-dependencies.{written}"
        yield from self._iter_own(self._check_texts(texts, key), key, seen=seen | {extra})

    def _iter_own(self, texts: Sequence[str], key: str, *, seen: frozenset[NormalizedName]) -> Iterator[str]:
        """The texts, with each reference to the project itself replaced by the texts of the extras that it names."""
        for place, text in enumerate(texts):
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                raise SourceError(f"`{key}[{place}]` is no requirement (PEP 508)", where=self._name) from error
            if self._own_name is None or canonicalize_name(requirement.name) != self._own_name:
                yield text
                continue
            for extra in sorted(map(canonicalize_name, requirement.extras)):
                for inner in self._iter_extra(extra, seen=seen):
                    yield _add_marker(inner, requirement)

    def _check_static(self, field: str) -> None:
        """Raises SourceError for a field that the build backend computes (PEP 621: `dynamic`)."""
        dynamic = self._project.get("dynamic", [])
        if isinstance(dynamic, list) and field in dynamic:
            raise SourceError(
                f"`project.{field}` is dynamic",
                where=self._name,
                why="the build backend computes it, and pinfold does not run it for a list",
                remedy="`requirements` in [tool.pinfold]",
            )

    def _check_texts(self, texts: object, key: str) -> list[str]:
        """The value itself. Raises SourceError if it is no array of strings."""
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise SourceError(f"`{key}` must be an array of strings", where=self._name)
        return texts


def _add_marker(text: str, reference: Requirement) -> str:
    """The requirement with the marker of the reference that led to it.

    `name[a]; python_version < "3.11"` includes the extra only there, so both markers must hold.
    """
    if reference.marker is None:
        return text
    requirement = Requirement(text)
    requirement.marker = reference.marker if requirement.marker is None else reference.marker & requirement.marker
    return str(requirement)


def _list_groups(pyproject: Mapping[str, object], name: str, groups: Sequence[str]) -> tuple[str, ...]:
    """The texts of dependency groups with the groups that they include (PEP 735).

    Unknown names are found first, to suggest the nearest one. Raises SourceError.
    """
    if not groups:
        return ()
    table = pyproject.get("dependency-groups", {})
    if not isinstance(table, dict):
        raise SourceError("`dependency-groups` must be a table", where=name)
    known = {canonicalize_name(group): group for group in table}
    for group in groups:
        if canonicalize_name(group) not in known:
            close = get_close_matches(canonicalize_name(group), known, n=1)
            raise SourceError(
                f"`{name}` has no dependency group `{group}`", remedy=f"`{known[close[0]]}`" if close else ""
            )
    try:
        return resolve_dependency_groups(table, *groups)
    except ExceptionGroup as error:
        reasons = "; ".join(dict.fromkeys(_iter_reasons(error)))
        raise SourceError(f"[dependency-groups] cannot be read: {reasons}", where=name) from error


def _iter_reasons(error: BaseException) -> Iterator[str]:
    """The messages of the errors in a group, each on one line and without its final full stop."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _iter_reasons(inner)
    else:
        text = " ".join(str(error).split()).rstrip(".")
        yield text[:1].lower() + text[1:]
