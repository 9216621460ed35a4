"""The requirement files that a list names with `-r` and `-c`, read from disk for the parser.

In: a reference as written and the name of what includes it. Out: the file's name for messages and its text. Names are
relative to where the user stands, like those on the command line, so that messages can be followed.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from resolver.errors import SourceError
from resolver.requirements.requirement_list import decode_requirement_file

__all__ = ["RequirementFiles"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class RequirementFiles:
    """Reads requirement files. `folder` is the current one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reference: str, including: str) -> tuple[str, str]:
        """Name and text of the file; pip's rule: relative to the including file. Raises OSError, SourceError."""
        name = self._name(reference, including)
        return name, decode_requirement_file((self._folder / name).read_bytes())

    def _name(self, reference: str, including: str) -> str:
        if reference.lower().startswith("file:"):
            return unquote(urlsplit(reference).path)
        if _SCHEME.match(reference):
            raise SourceError("it is a URL, and what a URL serves can change: keep a copy beside the list")
        return posixpath.normpath(posixpath.join(posixpath.dirname(including.replace("\\", "/")), reference))
