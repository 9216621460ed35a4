"""One requirement as text: parsed into an entry, and rendered in canonical form.

In: the text of an item or line without its flags (PEP 508, `name@URL`, bare URLs and paths), and the flags of its line.
Out: `Entry` without its scope, or a refusal that names the most likely mistake. A lock stores the canonical text of an
entry, which holds no secret and is parsed to an equal entry.

A bare URL or path may have a marker, as pip allows it: after `; `, or after ` ;`. A number of more than `MOST_DIGITS`
digits is refused before packaging reads it, because Python raises a plain ValueError for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later
from lockfiles.errors import parser_boundary
from resolver.requirements.direct_reference import (
    has_url_scheme,
    infer_name,
    looks_like_path,
    parse_reference,
    render_reference,
)
from resolver.requirements.entry import ArchiveUrl, DirectReference, Entry, LocalPath, VcsReference
from resolver.requirements.flags import FlagUse, HiddenText, Refusal, RequirementUse
from resolver.requirements.url import expand_start

__all__ = [
    "MOST_DIGITS",
    "find_marker_flaw",
    "has_long_number",
    "parse_entry",
    "render_requirement",
]

MOST_DIGITS = 4300
"""Python's default limit (`sys.int_info.default_max_str_digits`). Here it is fixed, so that no variable changes it."""
_LONG_NUMBER = compile_later(rf"[0-9]{{{MOST_DIGITS + 1}}}")
# `name[extras] @ reference` (PEP 508).
_NAMED_REFERENCE = compile_later(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*+(?:(\[[^\]]*+\])\s*+)?@\s*+(\S.*)", re.DOTALL
)
# `git@host:path`. A host has a dot here: `name@path:…` is a named reference.
_SCP_START = compile_later(r"(?:git\+)?[\w.-]+@[\w.-]+\.[\w-]+:(?!//)")
# The values that pip accepts for `--hash`.
_HASH = compile_later(r"(sha256|sha384|sha512):([0-9a-fA-F]+)")
# `pip install numpy` and its like, as documentation prints it.
_COMMAND = compile_later(r"[!$%]?\s*(?:python3?\s+-m\s+)?(?:uv\s+)?(?:pip3?|uv|poetry|conda)\s+(?:install|add)\s+")
# `numpy==1.26 // why`: a path has no `==` before its first slash.
_FOREIGN_COMMENT = compile_later(r"([A-Za-z0-9][^/\s]*[=<>]=\s*[^/\s]+)\s*//")
_TABLE_REMEDY = "name the file pyproject.toml if it is one; `pipenv requirements` prints a Pipfile as a list"
# What is no list at all, and what to do with it.
_OTHER_TEXTS = (
    (compile_later(r"Package\s+Version(?:\s.*)?"), "the heading of `pip list`", "write the output of `pip freeze`"),
    (compile_later(r"\[+[A-Za-z][\w.-]*\]+"), "the name of a TOML table", _TABLE_REMEDY),
)
# Dashes of word processors, and characters without width, which come along when text is copied.
_LOOKALIKES = {
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), "-"),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF), ""),
}
# An operator, perhaps a wrong one, and a version, perhaps a wrong one.
_CLAUSE = compile_later(r"([=<>~!^@\s]*)([A-Za-z0-9*][\w.+!*-]*)")
# What people write for an operator; `=` and a space are those of conda and of tables.
_OPERATORS = {
    **dict.fromkeys(("", "=", "@"), "=="),
    **dict.fromkeys(("=>", "==>", ">=="), ">="),
    **dict.fromkeys(("=<", "==<", "<=="), "<="),
    **dict.fromkeys(("=!", "<>", "!"), "!="),
}
_HASH_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
# Values of every environment marker (PEP 508), to try whether a marker can be evaluated at all. That does not depend on
# the target: a comparison is undefined because of its operator or of the value that the user wrote.
_SAMPLE_ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.0",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.12.0",
    "python_version": "3.12",
    "sys_platform": "linux",
    "extra": "",
}
# Why such a text is refused. The digits themselves are not shown.
_TOO_LONG = f"a number in it has more than {MOST_DIGITS} digits"


@parser_boundary(lambda reason: Refusal(f"the requirement: {reason}"), own=Refusal)
def parse_entry(use: RequirementUse, *, variables: Mapping[str, str], layer: int) -> Entry:
    """The entry of a requirement or constraint in `layer`; `variables` are those of its URL. Raises Refusal."""
    # Without canonical text, which needs the parsed entry.
    entry = _parse_text(use, variables)
    # The rules for constraints need the name and extras, so they are checked last.
    if use.constraint:
        _check_constraint(entry)
    return Entry(
        position=use.position,
        text=render_requirement(entry),
        name=entry.name,
        extras=entry.extras,
        specifier=entry.specifier,
        marker=entry.marker,
        direct=entry.direct,
        editable=use.editable,
        hashes=_parse_hashes(use.line_flags),
        config_settings=_parse_config_settings(use.line_flags),
        layer=layer,
    )


def render_requirement(entry: Entry) -> str:
    """The canonical text of an entry, without flags and secrets.

    Extras and specifiers are sorted, versions normalized, and the marker is written as packaging does it.
    """
    extras = f"[{','.join(sorted(entry.extras))}]" if entry.extras else ""
    marker = f"; {entry.marker}" if entry.marker else ""
    if entry.direct is None:
        return f"{entry.name}{extras}{_render_specifier(entry.specifier)}{marker}"
    # A space before the `;`: without it the semicolon would belong to the URL (PEP 508).
    reference = render_reference(entry.direct)
    marker = f" {marker}" if marker else ""
    if entry.name is not None:
        return f"{entry.name}{extras} @ {reference}{marker}"
    return f"{reference}{extras}{marker}"


def _render_specifier(specifier: SpecifierSet) -> str:
    """The specifiers of a set with normalized versions, sorted, without repeats: one text for equal sets."""
    return ",".join(sorted({_render_clause(one) for one in specifier}))


def has_long_number(text: str) -> bool:
    """Whether the text holds a number of more than `MOST_DIGITS` digits, which no version can have."""
    return len(text) > MOST_DIGITS and _LONG_NUMBER.search(text) is not None


def find_marker_flaw(marker: Marker) -> str:
    """Why a marker can never be evaluated, such as `'a' == 'b'` or `python_version ~= '3'`; empty if it can."""
    try:
        marker.evaluate(_SAMPLE_ENVIRONMENT)
    except UndefinedComparison:
        return "it has an operator that is not defined for its two values"
    except UndefinedEnvironmentName:
        return "one of its comparisons has no environment variable, such as `python_version`, that a list may use"
    return ""


def _parse_text(use: RequirementUse, variables: Mapping[str, str]) -> Entry:
    """The entry of a text in any form that pip reads, without canonical text, hashes and settings. Raises Refusal.

    A URL or scp-like address comes first, then `name @ reference`, then a path, then PEP 508. A text for `-e` without
    operators is a path, even without a separator.
    """
    text = expand_start(use.text.strip(), variables)
    if has_url_scheme(text) or _SCP_START.match(text):
        reference, marker = _split_url_marker(text)
        return _parse_direct(use, reference, marker, variables)
    if named := _NAMED_REFERENCE.fullmatch(text):
        reference, marker = _split_reference_marker(named[3])
        return _parse_direct(use, reference, marker, variables, name=named[1], extras=named[2] or "")
    # Only URLs may contain a `;`, so the first one begins the marker.
    requirement, _, marker = text.partition(";")
    if commented := _FOREIGN_COMMENT.match(text):
        raise Refusal(f"`{text}` holds `//`, which begins no comment", remedy=f"write `{commented[1]}  # …`")
    if looks_like_path(requirement) or (use.editable and not re.search(r"[<>=!~\s]", requirement.strip())):
        return _parse_direct(use, requirement, marker, variables)
    if use.editable:
        raise Refusal(
            f"`{text}` cannot be editable",
            why="only a folder or a repository can",
            remedy="write its path, as in `-e ./folder`, or leave `-e` out",
        )
    return _parse_pep508(use, requirement.strip(), marker)


def _parse_pep508(use: RequirementUse, text: str, marker: str) -> Entry:
    """The entry of `name[extras]specifier` and a marker. Raises Refusal."""
    # The marker is parsed apart, so that a fault in it is reported as one of the marker.
    parsed_marker = _parse_marker(marker, text)
    if has_long_number(text):
        raise Refusal(f"`{text}` is no requirement", why=_TOO_LONG)
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise _refuse_requirement(text, error) from error
    return Entry(
        position=use.position,
        text="",
        name=canonicalize_name(requirement.name),
        extras=frozenset(canonicalize_name(extra) for extra in requirement.extras),
        specifier=requirement.specifier,
        marker=parsed_marker,
    )


def _parse_direct(
    use: RequirementUse,
    reference: str,
    marker: str,
    variables: Mapping[str, str],
    *,
    name: str | None = None,
    extras: str = "",
) -> Entry:
    """The entry of a direct reference; `name` and `extras` are the parts before its `@`, if it has one.

    The name before the `@` wins over the one in the reference. Raises Refusal.
    """
    reference = expand_start(reference, variables)
    _check_reference(reference, name)
    parsed = parse_reference(reference, variables=variables)
    if name is not None:
        _check_same_name(name, parsed.direct)
    # An archive is unpacked for its build, so there is nothing that a user could edit.
    if use.editable and isinstance(parsed.direct, ArchiveUrl):
        raise Refusal(
            f"`{parsed.direct.url}` cannot be editable",
            why="only a folder or a repository can",
            remedy="leave `-e` out",
        )
    return Entry(
        position=use.position,
        text="",
        name=canonicalize_name(name) if name is not None else parsed.name,
        extras=parsed.extras | _parse_extras(name, extras),
        marker=_parse_marker(marker, reference),
        # The text of the user has no such reference where a variable holds its beginning.
        direct=parsed.direct if reference in use.text else _without_forms(parsed.direct),
    )


def _without_forms(direct: DirectReference) -> DirectReference:
    """A reference whose URL came from a variable: its secrets are not written out in the list."""
    if isinstance(direct, ArchiveUrl | VcsReference):
        return replace(direct, url=replace(direct.url, forms=()))
    return direct


def _check_reference(reference: str, name: str | None) -> None:
    """Raise Refusal for a text after `name @` that is no reference, and for a URL with a space."""
    # `torch @ 2.8` is a version written as a reference.
    if name is not None and not (has_url_scheme(reference) or looks_like_path(reference) or "@" in reference):
        remedy = f"write `{name}=={reference}`" if re.fullmatch(r"v?\d[\w.+!-]*", reference) else ""
        remedy = f"write `{name}`" if reference == "latest" else remedy
        raise Refusal(f"`{reference}`, after `{name} @`, is no URL and no path", remedy=remedy)
    # A path may hold spaces, a URL may not.
    if re.search(r"\s", reference) and has_url_scheme(reference):
        raise Refusal(
            f"`{reference}` holds a space",
            why="a URL ends there",
            remedy="write `%20` for a space in a URL, and ` ; ` before a marker",
        )


def _parse_extras(name: str | None, extras: str) -> frozenset[NormalizedName]:
    """The normalized extras of `[a,b]` after `name`; none for an empty text. Raises Refusal."""
    # packaging parses the brackets, so that both forms of a requirement have the same rules.
    if not extras:
        return frozenset()
    try:
        return frozenset(canonicalize_name(extra) for extra in Requirement(f"{name}{extras}").extras)
    except InvalidRequirement as error:
        raise Refusal(f"`{extras}` are no extras", remedy="write names in brackets, as in `name[extra]`") from error


def _check_same_name(name: str, direct: DirectReference) -> None:
    """Raise Refusal for a wheel of another project than the one before the `@`."""
    # Only the name of a wheel must be that of its project: the name of an sdist may be any text.
    inferred = infer_name(direct)
    path = direct.path if isinstance(direct, LocalPath) else direct.url.public
    if inferred is not None and inferred != canonicalize_name(name) and path.endswith(".whl"):
        raise Refusal(
            f"`{name} @ {path}` names a wheel of another project",
            why=f"the wheel's file name says `{inferred}`",
            remedy=f"write `{inferred} @ …`, or the URL of a wheel of `{name}`",
        )


def _split_url_marker(text: str) -> tuple[str, str]:
    """A bare URL and its marker, which begins after `; ` or ` ;`, because a URL may contain a `;`."""
    # A `;` at the end of the URL, before a space, is no part of it.
    parts = re.split(r"\s;|;\s", text, maxsplit=1)
    return parts[0].strip().removesuffix(";"), parts[1] if len(parts) > 1 else ""


def _split_reference_marker(text: str) -> tuple[str, str]:
    """The reference after `name @`, and its marker: after the first `;` if a marker follows it, as with pip."""
    # Without a marker after it, the `;` belongs to the URL.
    reference, semicolon, rest = text.partition(";")
    if not semicolon or not rest.strip() or _is_marker(rest):
        return reference.strip(), rest
    return _split_url_marker(text)


def _is_marker(text: str) -> bool:
    """Whether packaging can parse the text as a marker; one that is nested too deep is none."""
    try:
        Marker(text.strip())
    except (InvalidMarker, RecursionError):
        return False
    return True


def _parse_marker(text: str, requirement: str) -> Marker | None:
    """The marker in a text, None for a blank one; `requirement` is the text before it. Raises Refusal."""
    if not text.strip():
        return None
    # The text before the marker helps to find it: the marker alone may occur in many lines.
    wrong = f"`{text.strip()}`, after `{requirement.strip()};`, is no environment marker"
    if has_long_number(text):
        raise Refusal(wrong, why=_TOO_LONG)
    try:
        marker = Marker(text.strip())
        flaw = find_marker_flaw(marker)
    except InvalidMarker as error:
        raise Refusal(wrong, why=_render_error(error), remedy=_mend_marker(text)) from error
    # packaging parses and evaluates brackets by recursion.
    except RecursionError as error:
        raise Refusal(wrong, why="it is nested too deep") from error
    if flaw:
        raise Refusal(f"`{text.strip()}`, after `{requirement.strip()};`, cannot be evaluated", why=flaw)
    return marker


def _mend_marker(text: str) -> str:
    """The remedy for a marker whose values lack their quotes (`python_version > 3.8`); empty for any other.

    A shell or a YAML file that once held the list may have taken the quotes away.
    """
    quoted = re.sub(r"(==|!=|<=|>=|~=|<|>)\s*([\w.]+)", r'\1 "\2"', text.strip())
    try:
        Marker(quoted)
    except InvalidMarker:
        return ""
    return f"quote its values: `{quoted}`"


def _refuse_requirement(text: str, error: InvalidRequirement) -> Refusal:
    """The refusal of a text that packaging cannot parse, with a remedy for the most likely mistakes.

    These are a command for a text of its own, several requirements in one text, and what other tools write.
    """
    if command := _COMMAND.match(text):
        return Refusal(
            f"`{text}` is a command, and no requirement", remedy=f"write what follows alone: `{text[command.end() :]}`"
        )
    for pattern, what, remedy in _OTHER_TEXTS:
        if pattern.fullmatch(text):
            return Refusal(f"`{text}` is {what}, and no requirement", remedy=remedy)
    # Words of which each is a requirement alone: `numpy scipy`, `numpy, scipy`. `1.26` is a name too, but rarely meant.
    words = [word for word in re.split(r"\s*,\s*|\s+", text) if word]
    if len(words) > 1 and all(_is_requirement(word) and not word[0].isdigit() for word in words):
        listed = " and ".join(f"`{word}`" for word in words)
        return Refusal(f"`{text}` holds {len(words)} requirements", remedy=f"make {listed} items or lines of their own")
    if python := re.fullmatch(r"python\s*=+\s*([0-9.]+)", text):
        return Refusal(
            f"`{text}` is no requirement",
            why="Python is no project that can be installed",
            remedy=f"remove it, and name the Python with `--python {python[1]}`",
        )
    mended = _mend(text)
    return Refusal(
        f"`{text}` is no requirement", why=_find_reason(text, error), remedy=f"write `{mended}`" if mended else ""
    )


def _mend(text: str) -> str:
    """The requirement that a text means which other tools take; empty if none is likely.

    Those are `=` (conda), `^1.2`, `~1.2` and `name = "1.2"` (poetry), `latest` (npm), a space in place of `==` or of a
    comma, operators the wrong way round, quotes around it all, and wildcards where none may be.
    """
    bare = text.translate(_LOOKALIKES).strip().strip("\"'`").strip()
    name = re.match(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[^\]]*\])?", bare)
    if name is None:
        return ""
    rest = bare[name.end() :].strip(" ()").replace('"', "").replace("'", "").rstrip("=<>~!^, ")
    if _CLAUSE.sub("", rest).strip(" ,"):
        return ""  # Something is left that is no clause: anything might be meant.
    clauses = [_mend_clause(operator, version) for operator, version in _CLAUSE.findall(rest)]
    mended = name[0] + ",".join(clause for clause in clauses if clause)
    return mended if mended != text and _is_requirement(mended) else ""


def _mend_clause(operator: str, version: str) -> str:
    """One clause in the words of PEP 440, empty for any version; as it is where nothing is known about it."""
    # `name = ">=1"` of poetry: the first sign is its own, and the others are the operator.
    *_, operator = operator.split() or [""]
    if version in ("latest", "*"):
        return ""
    version = re.sub(r"\.x\b", ".*", version)
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    if operator in ("^", "=^", "~", "=~") and release is not None:
        numbers = [int(number) for number in release[0].split(".")]
        # A caret keeps the first number that is not 0, a tilde the second one.
        first = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
        kept = first if "^" in operator else min(1, len(numbers) - 1)
        return f">={version},<{_count_up(numbers, kept)}"
    operator = _OPERATORS.get(operator, operator)
    if version.endswith(".*") and release is not None and operator not in ("==", "!="):
        # `<=1.26.*` and `>1.26.*` are about all of 1.26, so their bound is the next release.
        numbers = [int(number) for number in release[0].split(".")]
        bound = {"<=": "<", ">": ">="}.get(operator)
        return f"{operator}{release[0]}" if bound is None else f"{bound}{_count_up(numbers, len(numbers) - 1)}"
    return f"{operator}{version}"


def _count_up(numbers: list[int], place: int) -> str:
    """The release whose number at a place is one more, without the numbers after it."""
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


def _find_reason(text: str, error: InvalidRequirement) -> str:
    """What is wrong with a requirement; packaging's own message if it is none of the usual mistakes."""
    # Brackets first: an unclosed one makes everything after it look wrong.
    if text.count("[") != text.count("]"):
        return "a bracket is not closed" if text.count("[") > text.count("]") else "a bracket is not opened"
    name = re.match(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", text)
    if name is None:
        return "it does not begin with the name of a project"
    # Each clause alone, since the message for the first wrong one is more exact than packaging's for the whole.
    specifier = re.sub(r"^\s*\[[^\]]*\]", "", text[name.end() :]).strip().strip("()")
    for clause in specifier.split(","):
        if why := _find_clause_flaw(clause.strip()):
            return why
    why = _render_error(error)
    # packaging names the token that it expected, which few people can place.
    return f"`{specifier}` is no version specifier" if why.startswith("expected ") and specifier else why


def _find_clause_flaw(clause: str) -> str:
    """What is wrong with one version clause (`>=1.0`); empty if it has none of the usual mistakes."""
    operator = re.match(r"[=<>~!@]*", clause)
    assert operator is not None  # The pattern matches empty text.
    # No operator means that the mistake is elsewhere.
    if operator[0] in ("", "@"):
        return ""
    if operator[0] not in ("==", "===", "!=", "~=", "<", "<=", ">", ">="):
        return f"`{operator[0]}` is no operator"
    # The operator is valid, so the version is missing or wrong.
    version = clause[operator.end() :].strip()
    if not version:
        return f"no version follows `{operator[0]}`"
    if operator[0] == "~=" and re.fullmatch(r"v?[0-9]+", version):
        return f"`~=` needs a version of two numbers or more, as in `~={version}.0`"
    return ""


def _is_requirement(text: str) -> bool:
    """Whether packaging can parse the text as a requirement."""
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _render_error(error: Exception) -> str:
    """The first line of packaging's message in the style of ours; the other lines repeat the text."""
    # packaging's messages begin with a capital, and end in a full stop or in lines that show the text.
    line = str(error).partition("\n")[0].strip().rstrip(".")
    return line[:1].lower() + line[1:]


def _check_constraint(entry: Entry) -> None:
    """Raise Refusal for an entry that pip refuses in a constraint file: one with extras or without a name."""
    # The canonical text holds no secret.
    shown = render_requirement(entry)
    if entry.extras:
        raise Refusal(f"`{shown}` is no constraint", why="a constraint has no extras", remedy="leave the extras out")
    if entry.name is None:
        raise Refusal(f"`{shown}` is no constraint", why="it does not say its name", remedy=f"write `name @ {shown}`")


def _parse_hashes(flags: tuple[FlagUse, ...]) -> tuple[str, ...]:
    """The `--hash` values of a line, `algorithm:hex` in lower case, sorted. Raises Refusal."""
    # A set: a line may repeat a hash, and pip accepts files with any of them.
    hashes = set()
    for use in flags:
        if use.flag.name != "--hash":
            continue
        match = _HASH.fullmatch(use.value)
        if match is None:
            raise Refusal(
                f"`--hash={use.value}` is no hash",
                why="pip takes `sha256`, `sha384` and `sha512`, each followed by `:` and hexadecimal digits",
            )
        # pip reports this only after it has downloaded the file.
        if len(match[2]) != _HASH_LENGTHS[match[1]]:
            raise Refusal(
                f"`--hash={use.value}` can match no file",
                why=f"{match[1]} has {_HASH_LENGTHS[match[1]]} hexadecimal digits, and this has {len(match[2])}",
            )
        hashes.add(use.value.lower())
    return tuple(sorted(hashes))


def _parse_config_settings(flags: tuple[FlagUse, ...]) -> tuple[tuple[str, str], ...]:
    """The `--config-settings` of a line, in order. Raises Refusal.

    Their values may be secret, so no message quotes them and their `repr` is redacted.
    """
    settings = []
    for use in flags:
        if use.flag.name != "--config-settings":
            continue
        # The value may be empty, and may contain `=`.
        key, equals, value = use.value.partition("=")
        if not equals or not key:
            raise Refusal("`--config-settings` has no value of the form KEY=VALUE", remedy="write `KEY=VALUE`")
        settings.append((key, HiddenText(value)))
    return tuple(settings)


def _render_clause(specifier: Specifier) -> str:
    """One clause of a specifier with a normalized version; `===` and `.*` stay as written."""
    # `===` compares texts, and `.*` is no version, so neither can be normalized.
    if specifier.operator == "===" or specifier.version.endswith(".*"):
        return str(specifier)
    try:
        return f"{specifier.operator}{Version(specifier.version)}"
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
        return str(specifier)
