"""A repository that git may be told about: a URL that is checked, in the form that stands on git's command line.

In: the URL of a VCS reference or of a submodule. Out: `Repository`, whose `clean_url` has neither user information
nor anything that git could take for an option or for a program to run; or an error that says what is wrong with it.

What can be told about git: an error of its own, and lines of git's output that are safe to quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.errors import InputError
from resolver.requirements.url import VARIABLE, Url, find_unset, redact

__all__ = [
    "GitReferenceError",
    "Repository",
    "check_repository",
    "check_revision",
    "check_subdirectory",
    "clean_lines",
    "hide_texts",
    "render_printable",
]


_MOST_LINES = 3
_LONGEST_LINE = 300
_NOISE = ("remote: Enumerating", "remote: Counting", "remote: Compressing", "remote: Total", "Receiving objects")


class GitReferenceError(InputError):
    """A reference to a repository cannot be used as it stands."""


def hide_texts(text: str, hidden: Iterable[str]) -> str:
    """The text with `…` for each of the hidden ones."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "…") if secret else text
    return text


def clean_lines(text: str) -> tuple[str, ...]:
    """The last lines that git wrote, without control characters and URL credentials."""
    lines = []
    # git writes progress over itself with carriage returns.
    for line in text.replace("\r", "\n").split("\n"):
        shown = redact("".join(letter if letter.isprintable() else " " for letter in line)).strip()
        if shown and not shown.startswith(_NOISE):
            lines.append(shown[:_LONGEST_LINE])
    return tuple(lines[-_MOST_LINES:])


def render_printable(text: str) -> str:
    """The text on one line, with control characters and what is no text in visible form."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


_SCHEMES = ("https", "http", "ssh", "git", "file")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A checked repository. `url` may hold a secret; all other fields are public.

    `path` is decoded, without slashes at its ends. `variables` are those that the user information needs and that are
    not set.
    """

    url: Url
    clean_url: str
    scheme: str
    host: str
    port: int | None
    path: str
    variables: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A name for files about this repository."""
        return hash_bytes(self.clean_url.encode())[:32]

    @property
    def name(self) -> str:
        """The last part of its path, for a folder name."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", self.path.rpartition("/")[2].removesuffix(".git"))
        return name.lstrip(".-") or "source"

    @property
    def place(self) -> str:
        """The host as messages name it, or the path of a repository on disk."""
        if not self.host:
            return f"/{self.path}"
        return self.host if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f"{self.host}:{self.port}"


def check_repository(url: Url, *, what: str = "") -> Repository:
    """The repository of a URL. Raises GitReferenceError; `what` names it in messages, for example a submodule."""
    shown = what or f"`git+{render_printable(url.public)}`"
    text = url.public
    _refuse_odd_text(text, shown)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise GitReferenceError(f"{shown} is no URL", why="its host or port cannot be read") from error
    if parts.scheme not in _SCHEMES:
        raise _refuse_scheme(shown, parts.scheme)
    user, host = parts.username or "", parts.hostname or ""
    _check_host(shown, scheme=parts.scheme, netloc=parts.netloc, host=host)
    if VARIABLE.search(f"{parts.path}?{parts.query}"):
        raise GitReferenceError(
            f"{shown} has a variable in its path",
            why="git would show its value to every process of this machine",
            remedy="put the secret before the host, as in `git+https://${TOKEN}@host/path`",
        )
    path = unquote(parts.path)
    if not path.strip("/ ") or not path.isprintable():
        raise GitReferenceError(f"{shown} names no repository", why="its path is empty or holds control characters")
    if any(part in (".", "..") for part in path.split("/")) or path.lstrip("/").startswith("-"):
        raise GitReferenceError(f"{shown} is refused", why="its path begins with `-` or has a part `.` or `..`")
    login = f"{user}@" if parts.scheme == "ssh" and user else ""
    if login and not _USER.fullmatch(user):
        raise GitReferenceError(f"{shown} is refused", why="its user is no plain login name")
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = f":{port}" if port is not None else ""
    query = f"?{parts.query}" if parts.query else ""
    return Repository(
        url=url,
        clean_url=f"{parts.scheme}://{login}{shown_host}{shown_port}{parts.path}{query}",
        scheme=parts.scheme,
        host=host,
        port=port if port is not None else _DEFAULT_PORTS.get(parts.scheme),
        path=path.strip("/"),
        variables=find_unset(url),
    )


def check_revision(revision: str, *, shown: str) -> str:
    """The revision, if git could have it as the name of a reference or commit (git: check-ref-format)."""
    if revision.startswith("-"):
        raise GitReferenceError(
            f"the revision of {shown} is refused",
            why=f"`{render_printable(revision)}` begins with `-`, as an option of git does",
        )
    if _is_odd(revision):
        raise GitReferenceError(
            f"the revision of {shown} is refused",
            why=f"`{render_printable(revision)}` holds a space or a control character",
        )
    parts = revision.split("/")
    if (
        re.search(r"\.\.|[~^:?*\[\\]|@\{|//", revision)
        or revision in ("", "@")
        or revision.endswith((".", "/"))
        or any(part.startswith(".") or part.endswith(".lock") for part in parts)
    ):
        raise GitReferenceError(
            f"the revision of {shown} is no name that git allows: `{render_printable(revision)}`",
            remedy="name a branch, a tag or a commit",
        )
    return revision


def check_subdirectory(subdirectory: str | None, *, shown: str) -> str | None:
    """The subdirectory in plain form, if it can only lie inside of a checkout; None for the checkout itself."""
    if subdirectory is None:
        return None
    why = ""
    parts = [part for part in subdirectory.split("/") if part not in ("", ".")]
    if subdirectory.startswith("-"):
        why = "it begins with `-`"
    elif not subdirectory.isprintable() or "\\" in subdirectory:
        why = "it holds a control character or a backslash"
    elif subdirectory.startswith("/") or re.match(r"[A-Za-z]:", subdirectory) or ".." in parts:
        why = "it leads out of the repository"
    elif any(part.lower() == ".git" for part in parts):
        why = "it is git's own folder"
    if why:
        raise GitReferenceError(f"the subdirectory of {shown} is refused: `{render_printable(subdirectory)}`", why=why)
    return "/".join(parts) or None


def _is_odd(text: str) -> bool:
    """Whether a text holds what could end a word or a line somewhere, or what nobody sees."""
    return " " in text or not text.isprintable()


def _refuse_odd_text(text: str, shown: str) -> None:
    if text.startswith("-"):
        raise GitReferenceError(f"{shown} is refused", why="it begins with `-`, as an option of git does")
    if _is_odd(text):
        raise GitReferenceError(f"{shown} is refused", why="it holds a space or a control character")
    if _HELPER.match(text):
        raise GitReferenceError(
            f"{shown} is refused", why=f"`{text.partition('::')[0]}::` would have git run a program for it"
        )


def _refuse_scheme(shown: str, scheme: str) -> GitReferenceError:
    known = _SCHEME.fullmatch(scheme)
    return GitReferenceError(
        f"{shown} is refused",
        why=f"`{scheme}` is none of `https`, `ssh`, `file`, `http`, `git`" if known else "it is no URL",
    )


def _check_host(shown: str, *, scheme: str, netloc: str, host: str) -> None:
    if scheme == "file":
        if netloc not in ("", "localhost"):
            raise GitReferenceError(f"{shown} is refused", why="a `file:` URL names no other host")
        return
    if not host:
        raise GitReferenceError(f"{shown} is refused", why="it names no host")
    if VARIABLE.search(netloc.rpartition("@")[2]):
        raise GitReferenceError(f"{shown} has a variable in its host that is not set")
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise GitReferenceError(f"{shown} is refused", why=f"`{render_printable(host)}` is no name of a host")
