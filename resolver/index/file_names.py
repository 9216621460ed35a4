"""What the name of a distribution file says: version, build tag, wheel tags.

In: file names of a page. Out: `FileName`, or None for what is no wheel or sdist of the project. The names of a page
share project, versions and tags, so each part is judged once, by `packaging`; a property test holds the whole to
`packaging`'s own functions.
Standards: binary distribution format (file name convention), PEP 625, PEP 425 (compressed tag sets).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.tags import InvalidTag, parse_tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

__all__ = ["FileName", "FileNames", "UnreadableNameError", "is_distribution"]

SDIST_SUFFIXES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")
_LONGEST_NAME = 255
"""Also bounds the wheel tags that a name can stand for: their number is the product of its last three parts."""

_BUILD_TAG = re.compile(r"[0-9]")
_PLAIN_VERSION = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*", re.ASCII)
"""As `packaging` would render it."""
_WHEEL_NAME = re.compile(r"[\w._]+")


class UnreadableNameError(ValueError):
    """The name is that of a wheel or sdist, but breaks the rules; the text says which.

    `version` is the file's version where at least that can be read.
    """

    def __init__(self, message: str, *, version: Version | None = None) -> None:
        super().__init__(message)
        self.version = version


class FileName(NamedTuple):
    """The parts of a file's name: `build` as written, `tags` the compressed set; both empty for an sdist."""

    version: Version
    build: str
    tags: str


def is_distribution(filename: str) -> bool:
    """Whether the name ends like that of a wheel or sdist; those of eggs, installers and signatures do not."""
    return filename.endswith(".whl") or filename.endswith(SDIST_SUFFIXES)


class FileNames:
    """Reads file names of one project and remembers each part that it has seen."""

    __slots__ = ("_names", "_plain", "_project", "_tags", "_versions", "_wheel_names")

    def __init__(self, project: NormalizedName) -> None:
        self._project = project
        self._names: dict[str, bool] = {}
        self._versions: dict[str, Version] = {}
        self._plain: dict[int, str] = {}
        self._tags: set[str] = set()
        self._wheel_names: set[str] = set()

    def read(self, filename: str) -> FileName | None:
        """The parts of the name; None for a file of another project or another kind. Raises UnreadableNameError."""
        if len(filename) > _LONGEST_NAME:
            raise UnreadableNameError(f"a name of {len(filename)} characters, and file systems hold {_LONGEST_NAME}")
        if filename.endswith(".whl"):
            return self._wheel(filename[:-4])
        for suffix in SDIST_SUFFIXES:
            if filename.endswith(suffix):
                return self._sdist(filename[: -len(suffix)])
        return None

    def find_plain_text(self, version: Version) -> str | None:
        """The text of a version of this object's that has a release alone, as in `1.2.3`; None for any other.

        That of most; rendering one takes as long as parsing it.
        """
        return self._plain.get(id(version))

    def _wheel(self, stem: str) -> FileName | None:
        if stem.count("-") == 4:
            name, text, tags = stem.split("-", 2)
            if name in self._wheel_names and tags in self._tags:
                return FileName(self._versions.get(text) or self.parse_version(text), "", tags)
        return self._new_wheel(stem)

    def _new_wheel(self, stem: str) -> FileName | None:
        """A wheel with a build tag, or of a spelling of the name or with tags that were not seen before."""
        parts = stem.split("-")
        if not self._is_project(parts[0]):
            return None
        if not 5 <= len(parts) <= 6:
            raise UnreadableNameError(f"{len(parts)} parts between dashes, not 5 or 6")
        if "__" in parts[0] or not _WHEEL_NAME.fullmatch(parts[0]):
            raise UnreadableNameError(f"the project name `{parts[0]}` is not escaped as PEP 427 says")
        version = self.parse_version(parts[1])
        build = parts[2] if len(parts) == 6 else ""
        tags = "-".join(parts[-3:])
        if len(parts) == 6 and not _BUILD_TAG.match(build):
            raise UnreadableNameError(f"the build tag `{build}` does not begin with a digit", version=version)
        if tags not in self._tags:
            self._check_tags(tags, version)
        self._wheel_names.add(parts[0])
        return FileName(version, build, tags)

    def _sdist(self, stem: str) -> FileName | None:
        name, _, version = stem.rpartition("-")
        if self._is_project(name):
            return FileName(self.parse_version(version), "", "")
        # The version of an old upload may have a dash (`1.0-1` is 1.0.post1). pip splits where the project's name ends,
        # but PEP 625 at the last dash, and with it whoever reads the name in a lock, where no page tells the project.
        split = next(
            (at for at, character in enumerate(stem) if character == "-" and self._is_project(stem[:at])), None
        )
        if split is None:
            return None
        text = stem[split + 1 :]
        try:
            found = self.parse_version(text)
        except UnreadableNameError:
            if self._is_version(version):
                return None
            raise
        raise UnreadableNameError(
            f"the version `{text}` has a dash, so that its last part alone is read as the version", version=found
        )

    def _is_project(self, text: str) -> bool:
        found = self._names.get(text)
        if found is None:
            found = self._names[text] = canonicalize_name(text) == self._project
        return found

    def parse_version(self, text: str) -> Version:
        """The version of a text, one object for each text. Raises UnreadableNameError."""
        found = self._versions.get(text)
        if found is None:
            try:
                found = self._versions[text] = Version(text)
            except ValueError as error:
                raise UnreadableNameError(f"the version `{text}` is not one of PEP 440") from error
            if _PLAIN_VERSION.fullmatch(text):
                self._plain[id(found)] = text
        return found

    def _is_version(self, text: str) -> bool:
        try:
            self.parse_version(text)
        except UnreadableNameError:
            return False
        return True

    def _check_tags(self, tags: str, version: Version) -> None:
        try:
            parse_tag(tags)
        except InvalidTag as error:
            raise UnreadableNameError(f"the wheel tags `{tags}` are malformed", version=version) from error
        self._tags.add(tags)
