"""Direct references: requirements that name their distribution by URL, repository or path.

In: the text after `name @`, or a whole item without a name. Out: a reference of `resolver.requirements.entry`, with the
name and extras that its text contains; the canonical text of a reference; and whether two references are the same.

Standards: PEP 440 (Direct references), PEP 508, pip: VCS Support, with what pip reads beyond them (`#egg=`, scp-like
addresses, paths). Nothing is looked up: whether a folder or a URL exists is for later stages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never
from urllib.parse import quote, unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from lockfiles._values import compile_later, dataclass
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.requirements.flags import Refusal
from resolver.requirements.index_urls import check_characters, check_host
from resolver.requirements.url import parse_url, withhold_random_queries

__all__ = [
    "has_url_scheme",
    "infer_name",
    "is_same_source",
    "looks_like_path",
    "parse_reference",
    "render_reference",
    "without_hashes",
]

# The endings of wheels and of all archives that pip unpacks.
_ARCHIVE_SUFFIXES = (
    ".whl",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
)
# A scheme with or without `//`: `file:folder` and `git+file:…` are URLs too.
_SCHEME = compile_later(r"([A-Za-z][A-Za-z0-9+.-]*):(?://|(?=.))")
# A drive: its letter would otherwise be a scheme.
_WINDOWS_PATH = compile_later(r"[A-Za-z]:[\\/]")
# The web page of a repository, which people copy from the address bar.
_REPOSITORY_PAGE = compile_later(r"https?://(?:www\.)?(?:github|gitlab)\.com/[^/?#]+/[^/?#]+/?")
# What may follow `git+`.
_GIT_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
# Version control systems that pip supports and pinfold does not.
_OTHER_VCS = ("hg", "svn", "bzr")
# `git@host:path`, as `scp` and git write an SSH address.
_SCP_FORM = compile_later(r"(?:git\+)?(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/\s][^\s]*)")

# Texts, which `re` compiles when they are first used: most lists hold no direct reference.
_SSH_WITH_COLON = r"(?P<start>ssh://(?:[^@/\s]+@)?[\w.-]+):(?P<path>[A-Za-z_~][^\s]*)"
# The start of a part of a fragment that is meant as a hash, in any spelling: `sha256=`, `SHA-256:`, `blake2b=`.
_HASH_START = r"\s*(?:sha-?|md-?|blake)[0-9][\w-]*\s*(?:[=:]|$)"
# The algorithms that pip checks (PEP 440: Direct references), with the number of their digits.
_HASH_LENGTHS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
# The value of `#egg=`: a name and extras (pip: VCS Support).
_EGG = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[([^\]]*)\])?"
# Paths that need no percent-encoding.
_PLAIN_PATH = r"[\w./~:\\+-]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReference:
    """A direct reference, with the name and extras that its file name or its `#egg=` contains."""

    direct: DirectReference
    name: NormalizedName | None = None
    extras: frozenset[NormalizedName] = frozenset()


def parse_reference(text: str, *, variables: Mapping[str, str]) -> ParsedReference:
    """The direct reference in a text: a URL, a repository or a path. `variables` are expanded as in `parse_url`.

    Raises Refusal for a text that pip or pinfold cannot use.
    """
    text = text.strip()
    if _SCP_FORM.fullmatch(text.partition("#")[0]) and not _WINDOWS_PATH.match(text):
        return _parse_scp_form(text, variables)
    if has_url_scheme(text):
        scheme = text.partition(":")[0].lower()
        if scheme.startswith("git+"):
            return _parse_git(text[4:], variables)
        if scheme == "file":
            return _parse_file_url(text, variables)
        if scheme in ("http", "https"):
            return _parse_archive(text, variables)
        raise _refuse_scheme(scheme, text)
    # A text without a scheme is a path, as with pip.
    return _parse_path(text)


def infer_name(direct: DirectReference) -> NormalizedName | None:
    """The project's name in the file name of a wheel or sdist; None if it has none.

    Raises Refusal for an invalid name of a wheel.
    """
    match direct:
        case ArchiveUrl():
            return _parse_file_name(_find_file_name(direct.url.public))
        case LocalPath():
            return _parse_file_name(re.split(r"[\\/]", direct.path)[-1])
        case VcsReference():
            return None
        case _:
            assert_never(direct)


def render_reference(direct: DirectReference) -> str:
    """The canonical text of a reference, without secrets. `parse_reference` gives an equal reference for it."""
    match direct:
        case ArchiveUrl():
            hashes = [text.replace(":", "=", 1) for text in sorted(direct.hashes)]
            return direct.url.text + _render_fragment(direct.subdirectory, hashes)
        case VcsReference():
            revision = f"@{quote(direct.revision, safe='/')}" if direct.revision else ""
            # Without revision the path holds no `@`: `parse_reference` reads what follows the last one as revision.
            return f"git+{direct.url.text}{revision}" + _render_fragment(direct.subdirectory, [])
        case LocalPath():
            return direct.path if re.fullmatch(_PLAIN_PATH, direct.path) else f"file:{quote(direct.path)}"
        case _:
            assert_never(direct)


def is_same_source(one: DirectReference, other: DirectReference) -> bool:
    """Whether a list may contain both, or metadata may repeat one: the same source, and no contradicting hashes.

    As with pip, everything but hashes must be equal, and one of them may have a hash that the other does not have.
    """
    return _is_same_place(without_hashes(one), without_hashes(other)) and not _have_different_hashes(
        _find_hashes(one), _find_hashes(other)
    )


def _is_same_place(one: DirectReference, other: DirectReference) -> bool:
    """Whether two references are equal, or differ by queries that were withheld from one of them alone."""
    if one == other or not (isinstance(one, ArchiveUrl) and isinstance(other, ArchiveUrl)):
        return one == other
    bare = [replace(each, url=withhold_random_queries(each.url, public=())) for each in (one, other)]
    return one == bare[1] or other == bare[0]


def without_hashes(reference: DirectReference) -> DirectReference:
    """The reference without its hashes: a key for the source that it names."""
    if not isinstance(reference, ArchiveUrl) or not reference.hashes:
        return reference
    return ArchiveUrl(url=reference.url, subdirectory=reference.subdirectory)


def has_url_scheme(text: str) -> bool:
    """Whether the text begins as a URL or a repository does. A drive of Windows is no scheme."""
    match = _SCHEME.match(text)
    if match is None or _WINDOWS_PATH.match(text):
        return False
    scheme = match[1].lower()
    return match[0].endswith("//") or scheme == "file" or scheme.partition("+")[0] in ("git", *_OTHER_VCS)


def looks_like_path(text: str) -> bool:
    """Whether the text has the form of a path: a separator, a leading dot, or the ending of an archive.

    This is pip's rule; no file is looked up.
    """
    # `./six-1.0.whl[extra]` ends in an archive too.
    without_extras = re.sub(r"\[[^\]]*\]$", "", text.rstrip())
    return text.startswith(".") or "/" in text or "\\" in text or without_extras.lower().endswith(_ARCHIVE_SUFFIXES)


def _parse_git(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """A repository, from its URL without the prefix `git+` (pip: VCS Support)."""
    base, _, fragment = text.partition("#")
    # `ssh://git@host:path` is no URL, since a port must follow the colon, but pip and git accept it.
    colon = re.fullmatch(_SSH_WITH_COLON, base)
    if colon is not None:
        base = f"{colon['start']}/{colon['path']}"
    start, separator, rest = base.partition("://")
    if start.lower() not in _GIT_SCHEMES or not separator:
        raise Refusal(
            f"`git+{text}` is no git URL pinfold reads",
            why="it begins with none of `git+https://`, `git+ssh://`, `git+file://`, `git+http://`",
        )
    # User information may hold an `@` too, so the revision is searched in the path alone.
    host, slash, path = rest.partition("/")
    path, at, revision = path.rpartition("@") if "@" in path else (path, "", "")
    if at and not revision:
        raise Refusal(
            f"`git+{base}` has no revision after its `@`",
            remedy="name a commit, tag or branch, or remove the `@`",
        )
    name, extras, subdirectory, _ = _read_fragment(fragment)
    url = parse_url(f"{start}://{host}{slash}{path}", variables=variables)
    check_characters(url)
    # A repository on disk has no host.
    if start.lower() != "file":
        check_host(url)
    direct = VcsReference(url=url, revision=unquote(revision) or None, subdirectory=subdirectory)
    return ParsedReference(direct=direct, name=name, extras=extras)


def _parse_scp_form(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """`git+git@host:path`, read as `git+ssh://git@host/path`. Raises Refusal for one without `git+`."""
    base, hash_sign, fragment = text.partition("#")
    match = _SCP_FORM.fullmatch(base)
    assert match is not None  # The caller has matched it.
    url = f"ssh://{match['user']}@{match['host']}/{match['path']}"
    if not base.lower().startswith("git+"):
        raise Refusal(
            f"`{text}` is no requirement", why="a repository needs `git+` in front", remedy=f"write `git+{url}`"
        )
    return _parse_git(f"{url}{hash_sign}{fragment}", variables)


def _parse_archive(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """A wheel or sdist by URL, with the hashes and subdirectory of its fragment.

    Raises Refusal for the URL of a repository without `git+`, which many users paste from a browser.
    """
    # The fragment is read before `parse_url`, which drops it.
    base, _, fragment = text.partition("#")
    name, extras, subdirectory, hashes = _read_fragment(fragment)
    url = parse_url(base, variables=variables)
    # The variables of a plan come with its settings. The text of a lock is read without: it has public queries alone.
    public_queries = getattr(variables, "public_queries", None)
    if public_queries is not None:
        url = withhold_random_queries(url, public=public_queries)
    direct = ArchiveUrl(url=url, hashes=hashes, subdirectory=subdirectory)
    check_characters(direct.url)
    if not direct.url.public.startswith("file:"):
        check_host(direct.url)
    if direct.url.public.endswith(".git") or _REPOSITORY_PAGE.fullmatch(direct.url.public):
        raise Refusal(
            f"`{direct.url}` is a repository, not an archive",
            why="an installer would read its web page as a source archive",
            remedy=f"write `git+{direct.url}`",
        )
    # The name is inferred even after `#egg=`, because an invalid wheel name must be refused.
    inferred = infer_name(direct)
    return ParsedReference(direct=direct, name=name or inferred, extras=extras)


def _parse_file_url(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """A `file:` URL: an archive stays a URL, a folder becomes a path.

    Extras may follow the path in brackets, as pip allows it for `-e`.
    """
    base, _, fragment = text.partition("#")
    base, fragment_extras = _split_extras(base)
    # `file:folder` and `file:///folder` are both in use; only the second one can be the URL of an archive.
    path = unquote(base[len("file:") :])
    if path.lower().endswith(_ARCHIVE_SUFFIXES) and path.startswith("//"):
        parsed = _parse_archive(text if not fragment_extras else f"{base}#{fragment}", variables)
        return ParsedReference(direct=parsed.direct, name=parsed.name, extras=parsed.extras | fragment_extras)
    # The host of a `file:` URL is empty or this machine (RFC 8089).
    path = re.sub(r"^//(?:localhost)?(?=/)", "", path, flags=re.IGNORECASE)
    if not path.strip():
        raise Refusal(f"`{text}` names no file", remedy="write its path behind `file://`")
    # A folder has no fragment, so the subdirectory becomes a part of its path.
    name, extras, subdirectory, hashes = _read_fragment(fragment)
    if hashes:
        raise Refusal(
            f"`{text}` gives a hash for a path",
            why="only the URL of an archive has one, and an installer drops any other",
            remedy="write a `file:///` URL of a wheel or an sdist, or leave the hash out",
        )
    path = f"{path.rstrip('/')}/{subdirectory}" if subdirectory else path
    direct = _build_local_path(path)
    return ParsedReference(direct=direct, name=name or infer_name(direct), extras=extras | fragment_extras)


def _parse_path(text: str) -> ParsedReference:
    """A path on disk, with extras in brackets after it. Raises Refusal for a URL whose scheme is missing."""
    # `user:password@host/…`: it must not be read as a path, which messages would show.
    if re.match(r"[^\s/@\\:]*+:[^\s/@]*+@", text):
        raise Refusal(f"`{text}` looks like a URL without its scheme", remedy="begin it with `https://`")
    path, extras = _split_extras(text)
    direct = _build_local_path(path)
    return ParsedReference(direct=direct, name=infer_name(direct), extras=extras)


def _build_local_path(path: str) -> LocalPath:
    """The value of a path. Raises Refusal if a URL is inside the path."""
    if "://" in path:
        raise Refusal(f"`{path}` is a path that holds a URL", remedy="write the URL alone, or `name @ URL`")
    return LocalPath(path=path)


def _refuse_scheme(scheme: str, text: str) -> Refusal:
    """The refusal of a URL by its scheme, with `git+` as the remedy for one of a repository."""
    # URLs that git accepts without `git+`.
    if scheme in ("ssh", "git"):
        return Refusal(f"`{text}` is no requirement", remedy=f"write `git+{text}`")
    if scheme.partition("+")[0] in _OTHER_VCS:
        return Refusal(f"`{text}` is no requirement pinfold reads", why="git is the only version control it knows")
    return Refusal(
        f"`{text}` is no requirement pinfold reads",
        why=f"`{scheme}` is none of `https`, `http`, `file`, `git+https`, `git+ssh`, `git+file`",
    )


def _split_extras(text: str) -> tuple[str, frozenset[NormalizedName]]:
    """A path or URL, and the extras in brackets after it."""
    text = text.strip()
    path, _, extras = text[:-1].rpartition("[")
    if not text.endswith("]") or not path or "]" in extras:
        return text, frozenset()
    return path.rstrip(), _parse_extras(extras)


def _parse_extras(text: str) -> frozenset[NormalizedName]:
    """Extras with commas between them, normalized. Raises Refusal for an invalid name."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise Refusal(f"`{name}` is no name of an extra", remedy="use letters, digits, `-`, `_` and `.`")
    return frozenset(canonicalize_name(name) for name in names)


def _read_fragment(
    fragment: str,
) -> tuple[NormalizedName | None, frozenset[NormalizedName], str | None, tuple[str, ...]]:
    """The name, extras, subdirectory and hashes of a fragment, as pip reads it; unknown parts are ignored."""
    # Of several names or subdirectories the first one counts; hashes are collected.
    name, extras, subdirectory, hashes = None, frozenset[NormalizedName](), None, set()
    for part in fragment.split("&"):
        key, _, value = part.partition("=")
        if key == "egg":
            egg = re.fullmatch(_EGG, value)
            if egg is None:
                raise Refusal(f"`#egg={value}` names no project", remedy="write `name @ URL` instead")
            name, extras = name or canonicalize_name(egg[1]), _parse_extras(egg[2] or "")
        elif key == "subdirectory" and value:
            subdirectory = subdirectory or value
        elif re.match(_HASH_START, part, re.IGNORECASE):
            hashes.add(_read_hash(part))
    return name, extras, subdirectory, tuple(sorted(hashes))


def _read_hash(part: str) -> str:
    """The hash of one part of a fragment, as `algorithm:hex` in lower case.

    Raises Refusal for any other form: pip ignores it, and then installs the file without a check.
    """
    algorithm, _, digits = part.partition("=")
    length = _HASH_LENGTHS.get(algorithm)
    if length is None:
        raise Refusal(
            f"`#{part}` is no hash that an installer checks",
            why=f"it begins with none of {', '.join(f'`{name}=`' for name in _HASH_LENGTHS)}",
            remedy="write `#sha256=` and the digits of the file's SHA-256",
        )
    if wrong := re.search(r"[^0-9a-fA-F]", digits):
        raise Refusal(f"`#{part}` can match no file", why=f"`{wrong[0]}` is no hexadecimal digit")
    if len(digits) != length:
        raise Refusal(
            f"`#{part}` can match no file",
            why=f"{algorithm} has {length} hexadecimal digits, and this has {len(digits)}",
        )
    return f"{algorithm}:{digits.lower()}"


def _render_fragment(subdirectory: str | None, hashes: list[str]) -> str:
    """The fragment with its `#`; empty without a subdirectory and hashes."""
    # The subdirectory comes first: equal references have one text.
    parts = [*([f"subdirectory={subdirectory}"] if subdirectory else []), *hashes]
    return "#" + "&".join(parts) if parts else ""


def _find_file_name(url: str) -> str:
    """The last part of the path of a URL, decoded."""
    return unquote(re.split("[?#]", url)[0].rpartition("/")[2])


def _parse_file_name(filename: str) -> NormalizedName | None:
    """The project's name in the name of a file; None for all but wheels and sdists. Raises Refusal."""
    if filename.lower().endswith(".whl"):
        try:
            return parse_wheel_filename(filename)[0]
        except InvalidWheelFilename as error:
            # The remedy keeps name and version as far as the name has them.
            stem = "-".join(filename[:-4].split("-")[:2]) if "-" in filename else f"{filename[:-4]}-1.0"
            raise Refusal(
                f"`{filename}` is no wheel file name",
                why="a wheel is named name-version-python-abi-platform.whl",
                remedy=f"use the name that the wheel was built with, such as `{stem}-py3-none-any.whl`",
            ) from error
    # Archives may have any name: only wheels are refused for theirs.
    try:
        return parse_sdist_filename(filename)[0]
    except InvalidSdistFilename:
        return None


def _find_hashes(reference: DirectReference) -> tuple[str, ...]:
    """The hashes of an archive; none for other references."""
    return reference.hashes if isinstance(reference, ArchiveUrl) else ()


def _have_different_hashes(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Whether both have hashes of one algorithm, and none of them in common."""
    # By algorithm, the hashes of both sides.
    found: dict[str, tuple[set[str], set[str]]] = {}
    for side, hashes in enumerate((ones, others)):
        for text in hashes:
            found.setdefault(text.partition(":")[0], (set(), set()))[side].add(text)
    return any(left and right and left.isdisjoint(right) for left, right in found.values())
