"""The lists of one plan as values: what the source, its settings and the command line name, parsed alike.

In: a source, settings, variables. Out: requirement lists and entries, and where the paths of direct references lead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockfiles.value_classes import dataclass
from resolver.requirements.entry import Entry, LocalPath, RequirementList
from resolver.requirements.path_tokens import PathTokens
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import FlagScope, IndexFamily, ScopeRules
from resolver.requirements.statements import Statement
from resolver.settings import Settings
from resolver.sources.hidden_tokens import hide_items, hide_statement
from resolver.sources.platform_additions import list_platform_additions
from resolver.sources.requirement_files import RequirementFiles
from resolver.sources.settings_file import name_path
from resolver.sources.source import Source

__all__ = ["ListParser", "ReferencePaths"]

_COMMAND_LINE = "command line"
_TABLE = "[tool.pinfold]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePaths:
    """Where the paths of direct references lead: each is relative to the file or folder of its list.

    `folder` is the current one, from which the names of files are given, and `lock_folder` that of the lock.
    """

    source: Source
    folder: Path
    lock_folder: Path

    def find(self, entry: Entry, reference: LocalPath) -> str:
        """The absolute path."""
        return os.path.normpath(self._find_folder(entry) / reference.path)

    def show_from_source(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the source's folder on, for messages."""
        return _see_from(self._root, self.find(entry, reference))

    def show_from_lock(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the lock's folder on, for the lock, which can be read without knowing where its list is."""
        return _see_from(self.lock_folder, self.find(entry, reference))

    @property
    def _root(self) -> Path:
        return self.source.folder.resolve()

    def _find_folder(self, entry: Entry) -> Path:
        position, settings_path = entry.position, self.source.settings_path
        is_in_file = position.included_by is not None or self.source.text is not None
        if is_in_file and position.line is not None:
            return (self.folder / position.source).parent.resolve()
        if settings_path is not None and position.source.startswith(_TABLE):
            return settings_path.parent.resolve()
        return self._root


def _see_from(folder: Path, path: str) -> str:
    """The path from a folder on, in a form that no project has as its name."""
    seen = name_path(Path(path), folder)
    return seen if seen.startswith(("/", ".")) or re.match("[A-Za-z]:", seen) else f"./{seen}"


class ListParser:
    """Parses the lists of one plan, all with the same files, variables and families."""

    def __init__(
        self,
        *,
        source: Source,
        flag_scope: FlagScope,
        families: Sequence[IndexFamily],
        variables: PathTokens,
        folder: Path,
    ) -> None:
        self._source = source
        self._flag_scope = flag_scope
        self._families = families
        self._variables = variables
        self._folder = folder

    def read_list(self, leading: Sequence[str | Statement]) -> RequirementList:
        """The source's own list, with what stands before it."""
        read_file, hide = self._read_file, self._variables.hide
        leading = [hide_statement(one, hide) for one in leading]
        rules = ScopeRules(flag_scope=self._flag_scope, families=tuple(self._families))
        additions = [replace(one, text=hide(one.text)) for one in list_platform_additions(self._source)]
        if self._source.text is not None:
            return parse_requirement_file(
                hide(self._source.text),
                source=self._source.list_name or self._source.name,
                leading=leading,
                read_file=read_file,
                variables=self._variables,
                rules=rules,
                additions=additions,
            )
        return parse_requirement_list(
            hide_items(self._source.items or (), hide),
            source=self._source.list_name or self._source.name,
            leading=leading,
            read_file=read_file,
            variables=self._variables,
            rules=rules,
            positions=self._source.positions,
            additions=additions,
        )

    def _read_file(self, reference: str, including: str) -> tuple[str, str]:
        name, text = RequirementFiles(self._folder).read(reference, including)
        return name, self._variables.hide(text)

    def read_entries(self, key: str, configured: Settings, arguments: Settings) -> tuple[Entry, ...]:
        """The entries of the requirement files under a key, what is nearer first, then those of `KEY-dependencies`."""
        field = key.replace("-", "_")
        said = getattr(arguments, field) or ()
        files = [(_COMMAND_LINE, said)]
        files.append((f"{_TABLE} {key}", tuple(one for one in getattr(configured, field) or () if one not in said)))
        lists = [
            parse_requirement_list(
                [f"--requirement={file}" for file in names],
                source=source,
                read_file=self._read_file,
                variables=self._variables,
            )
            for source, names in files
        ]
        inline = [self._variables.hide(text) for text in getattr(configured, f"{field}_dependencies") or ()]
        lists.append(parse_requirement_list(inline, source=f"{_TABLE} {key}-dependencies", variables=self._variables))
        entries = tuple(entry for one in lists for entry in one.entries)
        return tuple(replace(entry, layer=0) for entry in entries)
