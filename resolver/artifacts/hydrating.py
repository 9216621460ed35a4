"""A lock with the complete URLs that the credentials of one builder give, in a file that must not be kept.

In: a lockfile and credentials. Out: `Hydrated`, and a file that only its owner can read. pip and uv install from it as
from the lock itself. URLs are replaced; nothing else about the lock changes.

The file holds secrets, so it is refused in a git work tree that does not ignore it: the next `git add` would take it
along. No exception here has the text in a frame, because tracebacks with locals would show it.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from lockfiles import Lockfile, dumps
from lockfiles._files import remove_strays, replace_file
from lockfiles._values import dataclass
from resolver.errors import InputError, render_os_error, without_traceback
from resolver.fetch.access import Access
from resolver.fetch.http.credentials import Credentials, Login, find_destination
from resolver.locking.plan_secrets import open_session
from resolver.planning.plan import LockPlan
from resolver.requirements.url import Secret

__all__ = ["Hydrated", "hydrate"]

_GIT_OPTIONS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
"""The configuration of a repository can name programs; these options keep git from running them."""
_GIT_VARIABLES = {"HOME", "HOMEDRIVE", "HOMEPATH", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "USERPROFILE"} | {
    *("TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME"),
}
_GIT_TIMEOUT_S = 60.0
_NO_REPOSITORY = "not a git repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hydrated:
    """A lock with complete URLs, as TOML.

    - `replaced` are the names of packages whose URL was replaced, and of packages that only builds install.
    - `missing` are hosts that need credentials according to the lock, and for which none were given.
    """

    text: Secret
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def hydrate(lockfile: Lockfile, path: Path, *, access: Access = Access(), lists: Sequence[LockPlan] = ()) -> Hydrated:
    """Write the lock with complete URLs to a file of mode 0600, and return what was replaced.

    `lists` bring fresh signatures and tokens of the list that was locked. Relative paths stay as they are: see
    `lockfiles.move_paths`. Raises InputError where the file cannot be written, and where git could take it along.
    """
    with open_session(access, lists=lists) as session:
        hydrated = _complete_urls(lockfile, session.credentials)
    _refuse_commitable(path)
    # The frames of an error would hold the text.
    without_traceback(lambda: _write_secret(path, hydrated.text))
    return hydrated


def _complete_urls(lockfile: Lockfile, credentials: Credentials) -> Hydrated:
    """The lock with its URLs completed: with a signature, a token, or a user and password.

    It works on the TOML document, not on the model, so that every other key of the lock stays as it is.
    """
    import tomli_w  # Lazy: reading locks needs no writer.

    document = tomllib.loads(dumps(lockfile))
    replaced: list[str] = []
    served: set[str] = set()
    wheels = document.get("tool", {}).get("pinfold", {}).get("build-wheels", [])
    sources = [(package["name"], source) for package in document["packages"] for source in _iter_sources(package)]
    for name, source in (*sources, *((wheel["name"], wheel) for wheel in wheels if "url" in wheel)):
        complete = _complete_url(source["url"], credentials)
        if complete is not None:
            served.add(_find_authority(source["url"]))
            source["url"] = complete
            replaced.append(name)
    # A hint begins with `host` or `host:port`.
    hints = () if lockfile.tool is None else lockfile.tool.credentials
    return Hydrated(
        text=Secret(tomli_w.dumps(document)),
        replaced=tuple(dict.fromkeys(replaced)),
        missing=tuple(sorted({hint for hint in hints if hint.partition(" ")[0] not in served})),
    )


def _iter_sources(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a PEP 751 `[[packages]]` that have the URL of a file or a repository."""
    tables = [*package.get("wheels", ()), *(package[key] for key in ("sdist", "archive", "vcs") if key in package)]
    for table in tables:
        if "url" in table:
            yield table


def _complete_url(url: str, credentials: Credentials) -> str | None:
    """The URL with its signature, token and login; None where the credentials have nothing for it."""
    grant = credentials.find(url)
    if grant is None:
        return None
    complete = url if grant.url is None else grant.url.open_for_transport()
    return complete if grant.login is None else _add_login(complete, grant.login)


def _add_login(url: str, login: Login) -> str:
    """The URL with user and password, percent-encoded; a login without a password is a token."""
    parts = urlsplit(url)
    user = quote(login.user.open_for_transport(), safe="")
    password = quote(login.password.open_for_transport(), safe="")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}{':' if password else ''}{password}@{host}"))


def _find_authority(url: str) -> str:
    """`host` or `host:port` of a URL, as in the hints of a lock; empty for a URL without a host."""
    destination = find_destination(url)
    return "" if destination is None else destination.authority


def _refuse_commitable(path: Path) -> None:
    """Raises InputError for a place in a git work tree, unless git confirms that it ignores the file."""
    folder = path.parent.resolve()
    # Most folders are in no work tree: then no git command is needed, and none has to be installed.
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return
    why = _find_commit_risk(folder, path.name)
    if why:
        raise InputError(
            f"`{path.name}` would hold secrets, and {why}",
            remedy="a place outside of the repository, or a line for it in `.gitignore`",
        )


def _find_commit_risk(folder: Path, name: str) -> str:
    """Why the file could be committed, for a message; empty where git ignores it, or finds no repository.

    A git that does not answer counts as a risk: a secret in a commit cannot be taken back.
    """
    environment = {key: value for key, value in os.environ.items() if key.upper() in _GIT_VARIABLES}
    try:
        done = subprocess.run(
            ["git", *_GIT_OPTIONS, "-C", str(folder), "check-ignore", "--quiet", "--", name],
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return "there is no `git` command to tell whether the repository ignores it"
    except subprocess.TimeoutExpired:
        return f"git did not tell within {_GIT_TIMEOUT_S:g} s whether the repository ignores it"
    if done.returncode == 0 or _NO_REPOSITORY in done.stderr.decode(errors="replace"):
        return ""
    return "git does not ignore it" if done.returncode == 1 else "git does not tell whether the repository ignores it"


def _write_secret(path: Path, text: Secret) -> None:
    """Replace the file as a whole, readable for its owner alone. Raises InputError."""
    try:
        remove_strays(path.parent, path.name)
        replace_file(path, text.open_for_transport().encode(), mode=0o600)
    except OSError as error:
        raise InputError(
            f"`{path.name}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from None
