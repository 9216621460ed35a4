"""Direct references: requirements that say where their distribution is, by URL, repository or path.

In: the text after `name @`, or a whole bare item. Out: a value of `resolver.requirements.entry` and what the text
says about the project's name. Nothing is looked up: whether a folder or a URL exists is for later stages.

Whether two direct references mean the same thing: then a list may say it twice, and metadata may say it again.

In: two references. Out: yes or no; nothing is looked up. pip's rule: what both say has to be equal, but one of them may
have a hash that the other leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from lockfiles._values import dataclass
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.requirements.flags import Refusal
from resolver.requirements.index_urls import check_characters, check_host
from resolver.requirements.url import parse_url

__all__ = [
    "ParsedReference",
    "has_url_scheme",
    "infer_name",
    "is_same_source",
    "looks_like_path",
    "parse_reference",
    "render_reference",
    "without_hashes",
]


_ARCHIVES = (
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
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://|(?=.))")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]")
_GIT_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
_OTHER_VCS = ("hg", "svn", "bzr")
_SCP_FORM = re.compile(r"(?:git\+)?(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/\s][^\s]*)")
# Texts, which `re` compiles where they are first needed: most lists hold no URL.
_SSH_WITH_COLON = r"(?P<start>ssh://(?:[^@/\s]+@)?[\w.-]+):(?P<path>[A-Za-z_~][^\s]*)"
_HASH = r"(sha512|sha384|sha256|sha224|sha1|md5)=([0-9a-fA-F]+)"
_HASH_LENGTHS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
_EGG = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[([^\]]*)\])?"
_PLAIN_PATH = r"[\w./~:\\+-]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReference:
    """A direct reference, and the name and extras that it says by its file name or its `#egg=`."""

    direct: DirectReference
    name: NormalizedName | None = None
    extras: frozenset[NormalizedName] = frozenset()


def has_url_scheme(text: str) -> bool:
    """Whether the text begins as a URL or a repository does, not as a project name or a path."""
    match = _SCHEME.match(text)
    if match is None or _WINDOWS_PATH.match(text):
        return False
    scheme = match[1].lower()
    return match[0].endswith("//") or scheme == "file" or scheme.partition("+")[0] in ("git", *_OTHER_VCS)


def looks_like_path(text: str) -> bool:
    """Whether the text is a path by its look: a separator, a leading dot, or the ending of an archive."""
    without_extras = re.sub(r"\[[^\]]*\]$", "", text.rstrip())
    return text.startswith(".") or "/" in text or "\\" in text or without_extras.lower().endswith(_ARCHIVES)


def parse_reference(text: str, *, variables: Mapping[str, str]) -> ParsedReference:
    """The direct reference of a text; raises Refusal for one that cannot be used."""
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
    return _parse_path(text)


def infer_name(direct: DirectReference) -> NormalizedName | None:
    """The project's name as the file name of a wheel or sdist gives it; raises Refusal for a broken wheel name."""
    match direct:
        case ArchiveUrl():
            return _name_of_file(_file_name(direct.url.public))
        case LocalPath():
            return _name_of_file(re.split(r"[\\/]", direct.path)[-1])
        case VcsReference():
            return None


def render_reference(direct: DirectReference) -> str:
    """The canonical text of a reference, without secrets; parses to an equal reference."""
    match direct:
        case ArchiveUrl():
            hashes = [text.replace(":", "=", 1) for text in sorted(direct.hashes)]
            return direct.url.text + _render_fragment(direct.subdirectory, hashes)
        case VcsReference():
            revision = f"@{quote(direct.revision, safe='/')}" if direct.revision else ""
            # An `@` in a path without revision would be read as one.
            return f"git+{direct.url.text}{revision}" + _render_fragment(direct.subdirectory, [])
        case LocalPath():
            return direct.path if re.fullmatch(_PLAIN_PATH, direct.path) else f"file:{quote(direct.path)}"


def _parse_git(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """A repository, from its URL without the `git+` in front."""
    base, _, fragment = text.partition("#")
    colon = re.fullmatch(_SSH_WITH_COLON, base)
    if colon is not None:
        base = f"{colon['start']}/{colon['path']}"
    start, separator, rest = base.partition("://")
    if start.lower() not in _GIT_SCHEMES or not separator:
        raise Refusal(
            f"`git+{text}` is no git URL pinfold reads",
            why="it begins with none of `git+https://`, `git+ssh://`, `git+file://`, `git+http://`",
        )
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
    if start.lower() != "file":
        check_host(url)
    direct = VcsReference(url=url, revision=unquote(revision) or None, subdirectory=subdirectory)
    return ParsedReference(direct=direct, name=name, extras=extras)


def _parse_scp_form(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """`git+git@host:path`, which is read as `git+ssh://git@host/path`; without `git+` it is refused."""
    base, hash_sign, fragment = text.partition("#")
    match = _SCP_FORM.fullmatch(base)
    assert match is not None
    url = f"ssh://{match['user']}@{match['host']}/{match['path']}"
    if not base.lower().startswith("git+"):
        raise Refusal(
            f"`{text}` is no requirement", why="a repository needs `git+` in front", remedy=f"write `git+{url}`"
        )
    return _parse_git(f"{url}{hash_sign}{fragment}", variables)


def _parse_archive(text: str, variables: Mapping[str, str]) -> ParsedReference:
    base, _, fragment = text.partition("#")
    name, extras, subdirectory, hashes = _read_fragment(fragment)
    direct = ArchiveUrl(url=parse_url(base, variables=variables), hashes=hashes, subdirectory=subdirectory)
    check_characters(direct.url)
    if not direct.url.public.startswith("file:"):
        check_host(direct.url)
    if direct.url.public.endswith(".git"):
        raise Refusal(
            f"`{direct.url}` is a repository, not an archive",
            why="an installer would read its web page as a source archive",
            remedy=f"write `git+{direct.url}`",
        )
    inferred = infer_name(direct)
    return ParsedReference(direct=direct, name=name or inferred, extras=extras)


def _parse_file_url(text: str, variables: Mapping[str, str]) -> ParsedReference:
    """A `file:` URL: an archive stays a URL, a folder becomes a path."""
    base, _, fragment = text.partition("#")
    base, fragment_extras = _split_extras(base)
    path = unquote(base[len("file:") :])
    if path.lower().endswith(_ARCHIVES) and path.startswith("//"):
        parsed = _parse_archive(text if not fragment_extras else f"{base}#{fragment}", variables)
        return ParsedReference(direct=parsed.direct, name=parsed.name, extras=parsed.extras | fragment_extras)
    path = re.sub(r"^//(?:localhost)?(?=/)", "", path, flags=re.IGNORECASE)
    if not path.strip():
        raise Refusal(f"`{text}` names no file", remedy="write its path behind `file://`")
    name, extras, subdirectory, _ = _read_fragment(fragment)
    path = f"{path.rstrip('/')}/{subdirectory}" if subdirectory else path
    direct = _build_path(path)
    return ParsedReference(direct=direct, name=name or infer_name(direct), extras=extras | fragment_extras)


def _parse_path(text: str) -> ParsedReference:
    if re.match(r"[^\s/@\\]*:[^\s/@]*@", text):
        raise Refusal(f"`{text}` looks like a URL without its scheme", remedy="begin it with `https://`")
    path, extras = _split_extras(text)
    direct = _build_path(path)
    return ParsedReference(direct=direct, name=infer_name(direct), extras=extras)


def _build_path(path: str) -> LocalPath:
    if "://" in path:
        raise Refusal(f"`{path}` is a path that holds a URL", remedy="write the URL alone, or `name @ URL`")
    return LocalPath(path=path)


def _refuse_scheme(scheme: str, text: str) -> Refusal:
    if scheme in ("ssh", "git"):
        return Refusal(f"`{text}` is no requirement", remedy=f"write `git+{text}`")
    if scheme.partition("+")[0] in _OTHER_VCS:
        return Refusal(f"`{text}` is no requirement pinfold reads", why="git is the only version control it knows")
    return Refusal(
        f"`{text}` is no requirement pinfold reads",
        why=f"`{scheme}` is none of `https`, `http`, `file`, `git+https`, `git+ssh`, `git+file`",
    )


def _split_extras(text: str) -> tuple[str, frozenset[NormalizedName]]:
    """A path or URL and the extras in brackets behind it."""
    match = re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]", text.strip(), re.DOTALL)
    if match is None:
        return text.strip(), frozenset()
    return match[1], _parse_extras(match[2])


def _parse_extras(text: str) -> frozenset[NormalizedName]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise Refusal(f"`{name}` is no name of an extra", remedy="use letters, digits, `-`, `_` and `.`")
    return frozenset(canonicalize_name(name) for name in names)


def _read_fragment(
    fragment: str,
) -> tuple[NormalizedName | None, frozenset[NormalizedName], str | None, tuple[str, ...]]:
    """The name, extras, subdirectory and hashes that a fragment holds."""
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
        elif match := re.fullmatch(_HASH, part):
            _check_length(match[1], match[2])
            hashes.add(f"{match[1]}:{match[2].lower()}")
    return name, extras, subdirectory, tuple(sorted(hashes))


def _check_length(algorithm: str, digits: str) -> None:
    """Refuse a hash that no file can have; pip says so only when it has downloaded one."""
    if len(digits) != _HASH_LENGTHS[algorithm]:
        raise Refusal(
            f"`#{algorithm}={digits}` can match no file",
            why=f"{algorithm} has {_HASH_LENGTHS[algorithm]} hexadecimal digits, and this has {len(digits)}",
        )


def _render_fragment(subdirectory: str | None, hashes: list[str]) -> str:
    parts = [*([f"subdirectory={subdirectory}"] if subdirectory else []), *hashes]
    return "#" + "&".join(parts) if parts else ""


def _file_name(url: str) -> str:
    return unquote(re.split("[?#]", url)[0].rpartition("/")[2])


def _name_of_file(filename: str) -> NormalizedName | None:
    if filename.lower().endswith(".whl"):
        try:
            return parse_wheel_filename(filename)[0]
        except InvalidWheelFilename as error:
            stem = "-".join(filename[:-4].split("-")[:2]) if "-" in filename else f"{filename[:-4]}-1.0"
            raise Refusal(
                f"`{filename}` is no wheel file name",
                why="a wheel is named name-version-python-abi-platform.whl",
                remedy=f"use the name that the wheel was built with, such as `{stem}-py3-none-any.whl`",
            ) from error
    try:
        return parse_sdist_filename(filename)[0]
    except InvalidSdistFilename:
        return None


def is_same_source(one: DirectReference, other: DirectReference) -> bool:
    """Whether both have the same public URL or path, revision and subdirectory, and no hash against the other's."""
    return without_hashes(one) == without_hashes(other) and not _contradict(_hashes(one), _hashes(other))


def without_hashes(reference: DirectReference) -> DirectReference:
    """The reference as if it had no hashes: a key for what it names."""
    if not isinstance(reference, ArchiveUrl) or not reference.hashes:
        return reference
    return ArchiveUrl(url=reference.url, subdirectory=reference.subdirectory)


def _hashes(reference: DirectReference) -> tuple[str, ...]:
    return reference.hashes if isinstance(reference, ArchiveUrl) else ()


def _contradict(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Whether both have hashes of one algorithm, and none in common."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for side, hashes in enumerate((ones, others)):
        for text in hashes:
            found.setdefault(text.partition(":")[0], (set(), set()))[side].add(text)
    return any(left and right and left.isdisjoint(right) for left, right in found.values())
