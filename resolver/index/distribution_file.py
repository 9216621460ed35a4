"""One wheel or sdist: as a page lists it, by the parts of its file name, and as a target can use it.

In: the values of one entry of a page, or what a direct reference leads to. Out: `RawFile`, an entry that is cleaned but
not decoded; `FileName`, the parts of its name; `DistributionFile`, the decoded file that a search reads, whose `origin`
is an `Archive`, a `Commit` or a `Folder` for a direct reference. From that the lock makes PEP 751's `wheels`, `sdist`,
`archive`, `vcs` or `directory`. All texts are public.

The file names of a page share project, versions and tags, so `FileNames` judges each part once, with `packaging`; a
property test compares whole names with `packaging`'s own functions.

Standards: binary distribution format (file name convention), PEP 625 (sdist names), PEP 425 (compressed tag sets).

`DirectRequest` and `DirectDistribution` are the request to inspect a direct reference, from the list or from metadata,
and its result, from which a search makes the one candidate of its project.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from packaging.tags import InvalidTag, parse_tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
from resolver.errors import Position
from resolver.index.core_metadata import CoreMetadata
from resolver.index.location import Location
from resolver.requirements.entry import DirectReference
from resolver.requirements.url import Url

__all__ = [
    "SIZE_DIGITS",
    "Archive",
    "Commit",
    "DirectDistribution",
    "DirectRequest",
    "DistributionFile",
    "FileName",
    "FileNames",
    "FixedSource",
    "Folder",
    "PageError",
    "RawFile",
    "UnreadableNameError",
    "build_raw_file",
    "is_distribution",
    "parse_size",
    "render_metadata_hash",
]


SIZE_DIGITS = 18
"""The most digits of a size. A longer number is ignored: no file is that large, and TOML integers have 64 bits."""

# PEP 625 allows `.tar.gz` alone; old uploads have the others.
_SDIST_SUFFIXES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")

_LONGEST_NAME = 255
"""The most characters of a name. It also bounds the number of wheel tags, the product of a name's last three parts."""

_REPLACED = "\ufffd"
"""Replaces each character of a file name that cannot be printed, such as one that changes the direction of writing, so
that a name looks like another one."""

_BUILD_TAG = compile_later(r"[0-9]")

# A version whose text is what `packaging` renders for it.
_PLAIN_VERSION = compile_later(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*", re.ASCII)

_WHEEL_NAME = compile_later(r"[\w._]+")
SHA256 = compile_later(r"[0-9a-f]{64}")
_ALGORITHM = compile_later(r"[a-z0-9_]{1,20}")
_DIGEST = compile_later(r"(?:[0-9a-f]{2}){16,64}")
_HASH = compile_later(r"([a-z0-9_]+):([0-9a-f]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A wheel or sdist by URL or path.

    `subdirectory` is the folder of the project inside an sdist, None for the top.
    """

    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of a git repository (PEP 751 `packages.vcs`).

    `url` has no `git+`. `commit_id` is complete. `requested_revision` is the one in the reference, None for none.
    """

    url: str
    commit_id: str
    requested_revision: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A source tree on disk. `path` is absolute; `content` is the `sha256:hex` of its files (see docs/lockfile.md)."""

    path: str
    content: str
    editable: bool = False


Origin = Archive | Commit | Folder
"""What a direct reference leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFile:
    """A wheel or sdist that a page lists, in the terms of PEP 691 and PEP 503.

    - `url` is absolute and public; `index` is the public URL of the index, None for a find-links location.
    - `hashes` are `algorithm:hex` in lower case, sorted; empty where the page gives none. `sha256` is one of them.
      A file that its page lists several times has the SHA-256 of each.
    - `size_bytes` and `upload_time` (RFC 3339 text in UTC) are None where the page does not give them.
    - `yanked` is None for a file that is not yanked, else the reason, which may be empty (PEP 592).
    - `core_metadata` is None without a `.metadata` file, `""` for one without a hash, else `algorithm=hex`, SHA-256 if
      the page gives it (PEP 658, PEP 714).
    - `tag_rank` is the rank of the wheel's best tag for the target, 0 for the best; -1 for an sdist.
    - `page` is the public URL of the index or find-links location that lists the file; empty for a direct reference
      and a file of a lock. `link_source` is the URL whose host decides where the link may lead: that of the page after
      a redirect to another host, else `page`. Neither makes two files different.
    - `origin` is set for a direct reference; None for a file that an index or find-links location lists. A commit and
      a folder have the project's name as `filename`.
    """

    filename: str
    version: Version
    url: str
    index: str | None = None
    hashes: tuple[str, ...] = ()
    size_bytes: int | None = None
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = None
    core_metadata: str | None = None
    tag_rank: int = -1
    build_tag: tuple[int, str] | tuple[()] = ()
    origin: Origin | None = None
    page: str = field(default="", compare=False)
    link_source: str = field(default="", compare=False)

    @property
    def is_wheel(self) -> bool:
        """Whether this is a wheel; every other file is an sdist, a commit or a folder."""
        return self.filename.endswith(".whl")

    @property
    def sha256(self) -> str | None:
        """The SHA-256 in hex, or None where the page gives none."""
        return next((text.partition(":")[2] for text in self.hashes if text.startswith("sha256:")), None)


class UnreadableNameError(ValueError):
    """A wheel or sdist has a malformed name; the text contains the rule that it breaks.

    `version` is the file's version, None if not even that can be read.
    """

    def __init__(self, message: str, *, version: Version | None = None) -> None:
        super().__init__(message)
        self.version = version


class FileName(NamedTuple):
    """The parts of a file's name: `build` as written, `tags` as the compressed set, both empty for an sdist."""

    version: Version
    build: str
    tags: str


class FileNames:
    """Reads file names of one project, and judges each part of them once. Not for use by several threads."""

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
        if _REPLACED in filename:
            raise UnreadableNameError("a name with characters that cannot be printed")
        if len(filename) > _LONGEST_NAME:
            raise UnreadableNameError(f"a name of {len(filename)} characters, and file systems hold {_LONGEST_NAME}")
        if filename.endswith(".whl"):
            return self._wheel(filename[:-4])
        for suffix in _SDIST_SUFFIXES:
            if filename.endswith(suffix):
                return self._sdist(filename[: -len(suffix)])
        return None

    def find_plain_text(self, version: Version) -> str | None:
        """The text of a version that this object has read and that is a release alone (`1.2.3`); None for others.

        Most versions are that, and rendering a version takes as long as parsing it.
        """
        return self._plain.get(id(version))

    def _wheel(self, stem: str) -> FileName | None:
        """The parts of a wheel's name without its suffix; a name of known parts is not checked again."""
        if stem.count("-") == 4:
            name, text, tags = stem.split("-", 2)
            if name in self._wheel_names and tags in self._tags:
                return FileName(self._versions.get(text) or self.parse_version(text), "", tags)
        return self._new_wheel(stem)

    def _new_wheel(self, stem: str) -> FileName | None:
        """A wheel with a build tag, or with a spelling of the name or with tags that were not seen before."""
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
        """The parts of an sdist's name without its suffix; None for a file of another project."""
        name, _, version = stem.rpartition("-")
        if self._is_project(name):
            return FileName(self.parse_version(version), "", "")
        # The version of an old upload may have a dash (`1.0-1` is 1.0.post1). pip splits after the project's name, but
        # PEP 625 at the last dash, and so do readers of a lock, where no page gives the name of the project.
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
            f"a file name must not have a dash in its version, as `{text}` has (PEP 625)", version=found
        )

    def _is_project(self, text: str) -> bool:
        """Whether a text is a spelling of the project's name (PEP 503)."""
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
        """Whether a text is a version of PEP 440."""
        try:
            self.parse_version(text)
        except UnreadableNameError:
            return False
        return True

    def _check_tags(self, tags: str, version: Version) -> None:
        """Raise UnreadableNameError for malformed tags, and note well-formed ones."""
        try:
            parse_tag(tags)
        except InvalidTag as error:
            raise UnreadableNameError(f"the wheel tags `{tags}` are malformed", version=version) from error
        self._tags.add(tags)


class PageError(ValueError):
    """A page cannot be read; the text describes the fault, as the end of a sentence about the page."""


class RawFile(NamedTuple):
    """The texts of one entry of a page, not decoded, since most entries are for other machines.

    - `core_metadata` is None without a `.metadata` file, `""` for one without a hash, else its SHA-256 in hex.
    - `sha256` is in hex; `other_hashes` are `algorithm:hex`, sorted, with one space between.
    - `requires_python` may be empty, which is the same as None. `size` is decimal digits.
    - `upload_time` is RFC 3339 in UTC. `yanked` is None for a file that is not yanked, else the reason.
    - `url` is absolute and has no fragment.
    """

    core_metadata: str | None
    filename: str
    sha256: str | None
    requires_python: str | None
    size: str | None
    upload_time: str | None
    url: str
    yanked: str | None
    other_hashes: str = ""


def parse_size(text: str) -> int | None:
    """The size in bytes of a text with decimal digits.

    None for any other text, or for more than `SIZE_DIGITS` digits.
    """
    return int(text) if text.isdecimal() and len(text) <= SIZE_DIGITS else None


def is_distribution(filename: str) -> bool:
    """Whether the name has the suffix of a wheel or sdist, unlike those of eggs, installers and signatures."""
    return filename.endswith(".whl") or filename.endswith(_SDIST_SUFFIXES)


def render_metadata_hash(hashes: Mapping[str, object]) -> str:
    """The value of `RawFile.core_metadata` for the hashes of a metadata file: SHA-256 in hex, or `algorithm=hex`.

    Empty where there is no hash of a known form. Of several others the longest counts.
    """
    known = {
        name: digest.lower()
        for name, digest in hashes.items()
        if isinstance(digest, str) and _ALGORITHM.fullmatch(name) and _DIGEST.fullmatch(digest.lower())
    }
    sha256 = known.pop("sha256", "")
    if SHA256.fullmatch(sha256):
        return sha256
    name = max(known, key=lambda name: (len(known[name]), name), default="")
    return f"{name}={known[name]}" if name else ""


def build_raw_file(
    *,
    filename: str,
    url: str,
    hashes: Mapping[str, str],
    requires_python: str | None,
    yanked: str | None,
    core_metadata: str | None,
    size: str | None = None,
    upload_time: str | None = None,
) -> RawFile:
    """An entry of a JSON or HTML page from its decoded values, cleaned. Malformed hashes are dropped.

    Raises AttributeError or TypeError for a value of another type than text.
    """
    sha256, others = hashes.get("sha256"), ""
    if sha256 is None or len(hashes) > 1 or not SHA256.fullmatch(sha256):
        sha256, others = _sort_hashes(hashes)
    return RawFile(
        core_metadata,
        filename if _is_plain(filename) else _clean(filename, substitute=_REPLACED),
        sha256,
        requires_python if not requires_python or _is_plain(requires_python) else _clean(requires_python),
        size,
        upload_time,
        url if _is_plain(url) and " " not in url else _clean(url).strip().replace(" ", "%20"),
        yanked if not yanked or _is_plain(yanked) else _clean(yanked),
        others,
    )


def _sort_hashes(hashes: Mapping[str, str]) -> tuple[str | None, str]:
    """The SHA-256, None without a valid one, and all other hashes as sorted texts with spaces between."""
    texts = sorted(f"{algorithm}:{digest}".lower() for algorithm, digest in hashes.items())
    known = {match[1]: match[2] for text in texts if (match := _HASH.fullmatch(text))}
    sha256 = known.pop("sha256", "")
    return sha256 if SHA256.fullmatch(sha256) else None, " ".join(f"{name}:{digest}" for name, digest in known.items())


def _is_plain(text: str) -> bool:
    """Whether a text needs no cleaning, as nearly all do."""
    return text.isascii() and text.isprintable()


def _clean(text: str, *, substitute: str = " ") -> str:
    """The text in one line, without control characters and lone surrogates, since it is stored and printed."""
    return "".join(character if character.isprintable() else substitute for character in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRequest:
    """The request to inspect a direct reference.

    `name` is None where the reference does not contain it. `text` and `position` are for messages. `hashes` are those
    of `--hash`, of which the file must have one. `locked_commit` is the commit id to keep, from an old lock with the
    same repository, revision and subdirectory. `config_settings`, which may be secret, go to a build; `isolated` is
    false in a layer with `--no-build-isolation`. `is_followed` marks a reference from metadata, not from the list.
    """

    reference: DirectReference
    position: Position
    text: str
    name: NormalizedName | None = None
    hashes: tuple[str, ...] = ()
    editable: bool = False
    config_settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    isolated: bool = True
    is_followed: bool = False
    locked_commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDistribution:
    """The distribution that a direct reference leads to under one target: the one candidate of its project.

    `file.origin` is set. The file of an archive has size and SHA-256 after `PackageSource.complete`; a commit and a
    folder have neither. `built` marks metadata from a build, and `build_requires` are the requirements of that build.
    `warnings` are whole messages.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    metadata: CoreMetadata
    built: bool = False
    build_requires: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedSource:
    """The one source of a project, which a direct reference decides for a whole solution.

    `found` is None for a reference in a constraint or an override alone: it is inspected only if the search reaches the
    project.
    """

    name: NormalizedName
    request: DirectRequest
    found: DirectDistribution | None = None

    @property
    def location(self) -> Location:
        """The location that replaces all indexes for the project."""
        return Location(url=Url(public=self.request.text), form="direct")
