"""The URL of a repository, checked before git gets it, and the texts of git that are safe to show.

In: the URL of a VCS reference, a submodule or an LFS server; a revision; a subdirectory. Out: `Repository`, whose
`clean_url` has no login and nothing that git could take for an option or for a program to run; or a `GitReferenceError`
that names the fault.

In: the output of git, which may contain anything that a server has sent. Out: lines without secrets and control
characters.

It is a module of its own because it runs nothing: it can be tested and read without git.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later, dataclass
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


_SCHEMES = ("https", "http", "ssh", "git", "file")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCHEME = compile_later(r"[A-Za-z][A-Za-z0-9+.-]*")
# `NAME::ADDRESS` starts the program `git-remote-NAME` (git: gitremote-helpers).
_HELPER = compile_later(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_HOST = compile_later(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\]")
_USER = compile_later(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_MOST_LINES = 3
_LONGEST_LINE = 300
# Lines about the progress of a transfer.
_NOISE = ("remote: Enumerating", "remote: Counting", "remote: Compressing", "remote: Total", "Receiving objects")


class GitReferenceError(InputError):
    """A reference to a repository has to be changed in the list: it is unsafe, ambiguous, or names nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A checked repository. `url` may contain a secret; all other fields are public."""

    url: Url

    clean_url: str
    """The URL for git's command line: without user information, but for the login name of ssh."""

    scheme: str

    host: str
    """In lower case; empty for a repository on disk."""

    port: int | None
    """The default one of the scheme, if the URL has none; None for a repository on disk."""

    path: str
    """Decoded, without slashes at its ends."""

    variables: tuple[str, ...] = ()
    """The environment variables that the user information names and that are not set."""

    @property
    def key(self) -> str:
        """A name for folders and files about this repository in the cache."""
        return hash_bytes(self.clean_url.encode())[:32]

    @property
    def name(self) -> str:
        """The last part of its path, as the name of a folder: a build may show it."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", self.path.rpartition("/")[2].removesuffix(".git"))
        return name.lstrip(".-") or "source"

    @property
    def place(self) -> str:
        """The host as messages name it, or the path of a repository on disk."""
        if not self.host:
            return f"/{self.path}"
        return self.host if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f"{self.host}:{self.port}"


def check_repository(url: Url, *, what: str = "") -> Repository:
    """The repository at a URL. Raises GitReferenceError for a URL that git must not get.

    `what` names it in messages, for example as a submodule; by default it is the URL.
    """
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
    path = _check_path(shown, path=parts.path, query=parts.query)
    # The user of an ssh URL is the name of an account, such as `git`, and not a secret.
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
    """The revision itself, if it can be the name of a reference or commit (git: check-ref-format).

    Raises GitReferenceError. `shown` names the repository in messages.
    """
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
    """The subdirectory without empty parts and `.`; None for the checkout itself.

    Raises GitReferenceError for one that could be outside of a checkout on some system, or that is git's own folder.
    """
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


def hide_texts(text: str, hidden: Iterable[str]) -> str:
    """The text with `…` in place of each hidden one. The longest are replaced first, since one may contain another."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "…") if secret else text
    return text


def clean_lines(text: str) -> tuple[str, ...]:
    """The last three lines of git's output, without its progress, control characters and URL credentials."""
    lines = []
    # Git overwrites its progress with carriage returns.
    for line in text.replace("\r", "\n").split("\n"):
        shown = redact("".join(letter if letter.isprintable() else " " for letter in line)).strip()
        if shown and not shown.startswith(_NOISE):
            lines.append(shown[:_LONGEST_LINE])
    return tuple(lines[-_MOST_LINES:])


def render_printable(text: str) -> str:
    """The text on one line: characters that are not printable become escapes, such as `\\x1b`."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _is_odd(text: str) -> bool:
    """Whether a text contains a space, a line break or an invisible character."""
    return " " in text or not text.isprintable()


def _refuse_odd_text(text: str, shown: str) -> None:
    """Raise GitReferenceError for a URL that git could take for an option, or for a program to run."""
    if text.startswith("-"):
        raise GitReferenceError(f"{shown} is refused", why="it begins with `-`, as an option of git does")
    if _is_odd(text):
        raise GitReferenceError(f"{shown} is refused", why="it holds a space or a control character")
    if _HELPER.match(text):
        raise GitReferenceError(
            f"{shown} is refused", why=f"`{text.partition('::')[0]}::` would have git run a program for it"
        )


def _refuse_scheme(shown: str, scheme: str) -> GitReferenceError:
    """The error for a scheme that is not followed, or for a text without one."""
    known = _SCHEME.fullmatch(scheme)
    return GitReferenceError(
        f"{shown} is refused",
        why=f"`{scheme}` is none of `https`, `ssh`, `file`, `http`, `git`" if known else "it is no URL",
    )


def _check_host(shown: str, *, scheme: str, netloc: str, host: str) -> None:
    """Raise GitReferenceError for a host that is missing, has a variable, or has characters that hosts do not have.

    A variable is refused since its value would go to the name server.
    """
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


def _check_path(shown: str, *, path: str, query: str) -> str:
    """The path of a URL, decoded.

    Raises GitReferenceError for one that is empty, could be an option or leads upwards, or has a variable: other
    processes can read the arguments of git.
    """
    if VARIABLE.search(f"{path}?{query}"):
        raise GitReferenceError(
            f"{shown} has a variable in its path",
            why="git would show its value to every process of this machine",
            remedy="put the secret before the host, as in `git+https://${TOKEN}@host/path`",
        )
    decoded = unquote(path)
    if not decoded.strip("/ ") or not decoded.isprintable():
        raise GitReferenceError(f"{shown} names no repository", why="its path is empty or holds control characters")
    if any(part in (".", "..") for part in decoded.split("/")) or decoded.lstrip("/").startswith("-"):
        raise GitReferenceError(f"{shown} is refused", why="its path begins with `-` or has a part `.` or `..`")
    return decoded
