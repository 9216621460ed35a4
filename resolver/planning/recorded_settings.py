r"""The settings that a lock records: written and read back by one table.

In: the settings of a plan. Out: `[tool.pinfold.settings]`, and from that table the same values again, for a lock that
is resolved once more. It is a module of its own so that the two directions cannot drift apart: one row per key has
both. `resolver.planning.plan` writes, `resolver.planning.from_lock` reads.

A family or a mirror is one text with spaces between its parts. A backslash precedes a separator within a part, and a
backslash; all other texts are unchanged, so the bytes of existing locks stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later, dataclass
from lockfiles.lockfile import SettingValue
from resolver.errors import InputError
from resolver.requirements.scopes import FlagScope, IndexFamily
from resolver.settings.settings import DependencyMetadata, Mirror

__all__ = ["MetadataDigest", "RecordedSettings", "digest_metadata", "read_recorded", "record_settings"]

# In these patterns `\\.` is a character with a backslash before it, which never separates.
_FAMILY = compile_later(r"(?P<name>(?:\\.|[^\\])*?): (?P<rest>.*)", re.DOTALL)
_MIRROR = compile_later(r"(?P<prefix>(?:\\.|[^\\])*?) at (?P<url>.*)", re.DOTALL)
_METADATA = compile_later(r"(?P<name>\S+) (?P<version>\S+) sha256:(?P<sha256>[0-9a-f]{64})")
_WORD = compile_later(r"(?:\\.|[^\\ ])+", re.DOTALL)
_EMPTY_WORD = r"\e"
"""An empty word, which would otherwise be lost between two spaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataDigest:
    """A row of `dependency-metadata` as a lock records it.

    `version` is None for a row that applies to every version. `sha256` is that of the metadata's text, which may be
    long.
    """

    name: NormalizedName
    version: Version | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSettings:
    """The settings that can change a resolution and are in no list; an unset one has its default.

    - `build_constraints` and `overrides` are canonical requirements, with those of the files that settings name.
    - `index_url` and the URLs of `mirrors` have variables in the place of secrets.
    - The order of `families` matters; the order of all other tuples does not, and is not recorded.
    """

    build_constraints: tuple[str, ...] = ()
    build_metadata: bool = False
    dependency_metadata: tuple[MetadataDigest, ...] = ()
    exclude: tuple[NormalizedName, ...] = ()
    exclude_newer: str | None = None
    exclude_newer_exempt: tuple[str, ...] = ()
    allow: tuple[NormalizedName, ...] = ()
    allow_build: tuple[NormalizedName, ...] = ()
    families: tuple[IndexFamily, ...] = ()
    flag_scope: FlagScope = "position"
    index_url: str | None = None
    measure_kernels: bool = False
    mirrors: tuple[Mirror, ...] = ()
    no_build: bool = False
    overrides: tuple[str, ...] = ()


def record_settings(settings: RecordedSettings) -> dict[str, SettingValue]:
    """The table `[tool.pinfold.settings]`, without settings that are unset, empty or the default."""
    recorded = {form.key: form.render(getattr(settings, form.field)) for form in _FORMS}
    return {key: value for key, value in recorded.items() if value is not None and value != ()}


def read_recorded(table: Mapping[str, SettingValue]) -> RecordedSettings:
    """The settings of a table `[tool.pinfold.settings]`, as `record_settings` wrote it.

    A value of an unexpected type counts as missing, and so does an unknown key: a later pinfold may have written it.
    Raises InputError for a text in an array that cannot be parsed.
    """
    values: dict[str, Any] = {form.field: form.parse(table[form.key]) for form in _FORMS if form.key in table}
    return RecordedSettings(**{name: value for name, value in values.items() if value is not None})


def digest_metadata(row: DependencyMetadata) -> MetadataDigest:
    """A row of the user's dependency metadata with a hash in the place of its requirements."""
    text = "; ".join((row.requires_python or "", ", ".join(row.provides_extra), *row.requires_dist))
    return MetadataDigest(name=row.name, version=row.version, sha256=hash_bytes(text.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one key is written and read.

    `render` returns None for a value that is left out, `parse` for a value of an unexpected type. The types of the
    values differ from key to key, which is why they are `Any` here; the property tests hold that both directions agree.
    """

    key: str
    render: Callable[[Any], SettingValue | None]
    parse: Callable[[SettingValue], object]

    @property
    def field(self) -> str:
        """The name of the field in `RecordedSettings`."""
        return self.key.replace("-", "_")


def _text(key: str, *, default: str | None = None) -> _Form:
    """The form of a text, which is left out where it is the default."""
    return _Form(
        key=key,
        render=lambda value: None if value == default else value,
        parse=lambda value: value if isinstance(value, str) else None,
    )


def _flag(key: str) -> _Form:
    """The form of a flag, which is left out where it is false."""
    return _Form(
        key=key,
        render=lambda value: value or None,
        parse=lambda value: value if isinstance(value, bool) else None,
    )


def _array(
    key: str,
    *,
    render: Callable[[Any], str] = str,
    parse: Callable[[str], object] = str,
    order: Callable[[Iterable[str]], Iterable[str]] = sorted,
) -> _Form:
    """The form of an array with a text for each value.

    `order` is `sorted` where the order of the values means nothing, and `tuple` where it is kept.
    """
    return _Form(
        key=key,
        render=lambda values: tuple(order(map(render, values))),
        parse=lambda texts: tuple(map(parse, texts)) if isinstance(texts, tuple) else None,
    )


def _render_metadata(row: MetadataDigest) -> str:
    """`name version sha256:hex`, with `*` for every version."""
    return f"{row.name} {row.version or '*'} sha256:{row.sha256}"


def _parse_metadata(text: str) -> MetadataDigest:
    """The value of a text of `_render_metadata`. Raises InputError for any other text."""
    match = _match(_METADATA, text, "row of dependency metadata")
    try:
        version = None if match["version"] == "*" else Version(match["version"])
    except ValueError as error:  # `InvalidVersion`, and numbers of thousands of digits.
        raise _refuse(text, "row of dependency metadata") from error
    return MetadataDigest(name=canonicalize_name(match["name"]), version=version, sha256=match["sha256"])


def _render_family(family: IndexFamily) -> str:
    r"""`name: patterns at URLs exclusive`. A URL that is `at` or `exclusive` is written `\at`, `\exclusive`."""
    name = _escape(family.name).replace(": ", r"\: ")
    names = " ".join(map(_escape_word, family.names))
    urls = " ".join(f"\\{url}" if url in {"at", "exclusive"} else _escape_word(url) for url in family.urls)
    return f"{name}: {names} at {urls}{' exclusive' if family.exclusive else ''}"


def _parse_family(text: str) -> IndexFamily:
    """The value of a text of `_render_family`. Raises InputError for any other text."""
    match = _match(_FAMILY, text, "index family")
    words = _WORD.findall(match["rest"])
    if "at" not in words:
        raise _refuse(text, "index family")
    # The last `at` separates: a pattern may be `at`, but a URL that is `at` has a backslash.
    place = len(words) - 1 - words[::-1].index("at")
    names, urls = words[:place], words[place + 1 :]
    exclusive = urls[-1:] == ["exclusive"]
    return IndexFamily(
        name=_unescape(match["name"]),
        names=tuple(map(_unescape_word, names)),
        urls=tuple(map(_unescape_word, urls[:-1] if exclusive else urls)),
        exclusive=exclusive,
    )


def _render_mirror(mirror: Mirror) -> str:
    """`prefix at URL`."""
    prefix = _escape(mirror.prefix).replace(" at ", r"\ at ")
    return f"{prefix} at {mirror.url}"


def _parse_mirror(text: str) -> Mirror:
    """The value of a text of `_render_mirror`. Raises InputError for any other text."""
    match = _match(_MIRROR, text, "mirror")
    return Mirror(prefix=_unescape(match["prefix"]), url=match["url"])


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\")


def _unescape(text: str) -> str:
    """The text without the backslashes that escape another character."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _escape_word(text: str) -> str:
    """A text as one word, without a space that separates."""
    return _escape(text).replace(" ", r"\ ") or _EMPTY_WORD


def _unescape_word(word: str) -> str:
    return "" if word == _EMPTY_WORD else _unescape(word)


def _match(form: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    """The match of a whole text. Raises InputError, which calls the text `what`, where there is none."""
    match = form.fullmatch(text)
    if match is None:
        raise _refuse(text, what)
    return match


def _refuse(text: str, what: str) -> InputError:
    return InputError(f"`{text}` is no {what} as a lock records it")


# Behind the functions that it holds. The order is that of the fields; the writer of locks sorts the keys.
_FORMS = (
    _array("build-constraints"),
    _flag("build-metadata"),
    _array("dependency-metadata", render=_render_metadata, parse=_parse_metadata),
    _array("exclude", parse=canonicalize_name),
    _text("exclude-newer"),
    _array("exclude-newer-exempt"),
    _array("allow", parse=canonicalize_name),
    _array("allow-build", parse=canonicalize_name),
    _array("families", render=_render_family, parse=_parse_family, order=tuple),
    _text("flag-scope", default="position"),
    _text("index-url"),
    _flag("measure-kernels"),
    _array("mirrors", render=_render_mirror, parse=_parse_mirror),
    _flag("no-build"),
    _array("overrides"),
)
