"""One package of a lock as pip's requirement syntax has it: a direct reference with its hash, or a version and hashes.

In: packages of a lockfile. Out: single tokens and lines, in which no text of the lock can pass for another token, a
flag or a line of its own. Standards: PEP 508, PEP 440 (direct references), pip: Requirements File Format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import is_normalized_name

from lockfiles.errors import ExportError

__all__ = ["find_variables", "has_hash", "name_editable", "render_direct", "render_pin"]

_PLAIN_PATH = re.compile(r"[\w./~+-]+")
_PLAIN_MARKER = re.compile(r"(?:(?! -)[ !\"%-\[\]^_a-z{|}~'])*")
"""Printable ASCII without `#`, `$`, a backslash or a backtick, and without a word that begins with a dash."""
_VARIABLE = re.compile(r"(\$\{[A-Z0-9_]+\})")
_URL_CHARACTERS = "%:/?@!$&'()*+,;=[]-._~"
"""Those of RFC 3986 but for `#`: what follows one is ours to write."""

_File = PackageWheel | PackageSdist | PackageArchive


def has_hash(package: Package) -> bool:
    """Whether an installer can check the package against a hash: files have one, commits and folders have none."""
    return package.vcs is None and package.directory is None


def render_pin(package: Package) -> str:
    """`name==1.0 ; marker` with a `--hash` for each of its files, as a logical line of a requirement file."""
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist is not None else ())]
    hashes = sorted({file.hashes["sha256"] for file in files})
    pin = f"{_name(package)}=={package.version}{_marker(package)}"
    return " \\\n    ".join((pin, *(f"--hash=sha256:{_hex(package, digest)}" for digest in hashes)))


def render_direct(package: Package, logins: Mapping[str, str] | None = None) -> str:
    """`name @ url#sha256=… ; marker`, one token. Raises ExportError for what has no such form.

    `logins` are user informations by URL, as a list had them: `${TOKEN}`, never a value.
    """
    return f"{_name(package)} @ {_reference(package, logins or {})}{_marker(package)}"


def find_variables(text: str) -> list[str]:
    """The names of the variables in a text: `TOKEN` of `${TOKEN}`, in their order."""
    return [variable[2:-1] for variable in _VARIABLE.findall(text)]


def name_editable(package: Package) -> str | None:
    """The path of a package that is to be installed as editable; None for all others."""
    directory = package.directory
    if directory is None or not directory.editable:
        return None
    path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
    if not _PLAIN_PATH.fullmatch(path):
        raise _refuse(package, f"its editable folder `{path}` cannot be written so that each installer reads it alike")
    return path if path.startswith((".", "/")) else f"./{path}"


def _reference(package: Package, logins: Mapping[str, str]) -> str:
    if (vcs := package.vcs) is not None:
        if vcs.url is None:
            raise _refuse(package, "its repository is on disk, which only an absolute path could name")
        return f"{vcs.type}+{_url(vcs.url, logins)}@{vcs.commit_id}{_fragment(subdirectory=vcs.subdirectory)}"
    if (directory := package.directory) is not None:
        # A folder below it is what the path can say; installers take `#subdirectory=` for archives and repositories.
        path = "/".join(part for part in (directory.path, directory.subdirectory) if part)
        return f"file:{quote(path, safe='/~')}"
    file = _only_file(package)
    digest = _hex(package, file.hashes["sha256"])
    fragment = _fragment(sha256=digest, subdirectory=getattr(file, "subdirectory", None))
    if file.path is not None:
        return f"file:{quote(file.path, safe='/~')}{fragment}"
    if file.url is None:
        raise _refuse(package, "its file has no URL")
    if isinstance(file, PackageWheel) and not urlsplit(file.url).path.endswith(".whl"):
        raise _refuse(package, f"the URL of `{file.filename}` does not end in a file name, which pip needs")
    return f"{_url(file.url, logins)}{fragment}"


def _only_file(package: Package) -> _File:
    """The one file that is installed: the archive, the wheel, or the sdist where there is no wheel."""
    files: list[_File] = [*(package.wheels or ())]
    files += [one for one in (package.archive, package.sdist) if one is not None and not files]
    if len(files) != 1:
        raise _refuse(package, f"it has {len(files)} wheels, and a URL names one: the lock is not for one target alone")
    return files[0]


def _url(url: str, logins: Mapping[str, str]) -> str:
    """The URL with everything in it encoded that could end a token, and with the user information of its list."""
    login = logins.get(url)
    if login is not None:
        scheme, separator, rest = url.partition("://")
        url = f"{scheme}{separator}{login}@{rest.rpartition('@')[2] if '@' in rest.partition('/')[0] else rest}"
    parts = _VARIABLE.split(url.partition("#")[0])
    return "".join(part if _VARIABLE.fullmatch(part) else quote(part, safe=_URL_CHARACTERS) for part in parts)


def _fragment(**values: str | None) -> str:
    pairs = [f"{key}={quote(value, safe='/~')}" for key, value in values.items() if value]
    return f"#{'&'.join(pairs)}" if pairs else ""


def _name(package: Package) -> str:
    if not is_normalized_name(package.name):
        raise _refuse(package, "its name is not normalized")
    return package.name


def _marker(package: Package) -> str:
    if package.marker is None:
        return ""
    text = str(package.marker)
    if not _PLAIN_MARKER.fullmatch(text):
        raise _refuse(package, "its marker holds what a requirement file reads as a comment, an option or a variable")
    return f" ; {text}"


def _hex(package: Package, digest: Any) -> str:
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise _refuse(package, "its sha256 is not 64 digits of lower-case hex")
    return str(digest)


def _refuse(package: Package, why: str) -> ExportError:
    message = f"`{package.name}` cannot be written as a requirement: {why}"
    return ExportError(message)
