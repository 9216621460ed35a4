"""A lock with the URLs that a builder's credentials make of its own: for one build, never to be kept.

In: a lockfile and credentials. Out: `Hydrated`, whose text installers take as they take the lock, and a file that only
its owner can read. URLs are replaced; nothing else about the lock changes.

Whether a file with secrets would lie where the next commit takes it along.

What programs and the command call: a wheelhouse from a lock, and a lock with complete URLs.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from lockfiles import Lockfile, dumps
from lockfiles._files import replace_file
from lockfiles._values import dataclass
from resolver.artifacts.building import Building
from resolver.artifacts.downloads import Progress
from resolver.artifacts.wheelhouse import FetchOutcome, fill_wheelhouse
from resolver.errors import InputError, render_os_error, without_traceback
from resolver.fetch.access import Access
from resolver.fetch.http.credentials import Credentials, Login, find_destination
from resolver.locking.build_requirements import find_config_settings
from resolver.locking.plan_secrets import open_session
from resolver.planning.plan import LockPlan
from resolver.requirements.url import Secret

__all__ = [
    "Hydrated",
    "complete_urls",
    "fetch_artifacts",
    "hydrate",
    "refuse_commitable",
    "write_secret_file",
]


_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_VARIABLES = {"HOME", "HOMEDRIVE", "HOMEPATH", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "USERPROFILE"} | {
    *("TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME"),
}
_NO_REPOSITORY = "not a git repository"
_TIMEOUT_S = 60.0


def refuse_commitable(path: Path) -> None:
    """Raises InputError where the file would lie in a git work tree that does not ignore it, or that cannot tell."""
    folder = path.parent.resolve()
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return
    why = _ask_git(folder, path.name)
    if why:
        raise InputError(
            f"`{path.name}` would hold secrets, and {why}",
            remedy="a place outside of the repository, or a line for it in `.gitignore`",
        )


def _ask_git(folder: Path, name: str) -> str:
    """Why the file could be committed; empty where git ignores it, or where there is no repository after all."""
    environment = {key: value for key, value in os.environ.items() if key.upper() in _VARIABLES}
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), "check-ignore", "--quiet", "--", name],
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return "there is no `git` command to tell whether the repository ignores it"
    except subprocess.TimeoutExpired:
        return f"git had not told after {_TIMEOUT_S:g} s whether the repository ignores it"
    if done.returncode == 0 or _NO_REPOSITORY in done.stderr.decode(errors="replace"):
        return ""
    return "git does not ignore it" if done.returncode == 1 else "git does not tell whether the repository ignores it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hydrated:
    """A lock with complete URLs, as TOML.

    `replaced` are the packages that have one, and such that builds install. `missing` are hosts that want credentials,
    as the lock hints, and for which there are none.
    """

    text: Secret
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def complete_urls(lockfile: Lockfile, credentials: Credentials) -> Hydrated:
    """The lock with what the credentials have for its URLs: a signature, a token, a user and password."""
    import tomli_w  # Lazy: reading locks needs no writer.

    document = tomllib.loads(dumps(lockfile))
    replaced: list[str] = []
    served: set[str] = set()
    wheels = document.get("tool", {}).get("pinfold", {}).get("build-wheels", [])
    sources = [(package["name"], source) for package in document["packages"] for source in _iter_sources(package)]
    for name, source in (*sources, *((wheel["name"], wheel) for wheel in wheels if "url" in wheel)):
        complete = _complete(source["url"], credentials)
        if complete is not None:
            served.add(_authority(source["url"]))
            source["url"] = complete
            replaced.append(name)
    hinted = () if lockfile.tool is None else lockfile.tool.credentials
    return Hydrated(
        text=Secret(tomli_w.dumps(document)),
        replaced=tuple(dict.fromkeys(replaced)),
        missing=tuple(sorted({hint for hint in hinted if hint.partition(" ")[0] not in served})),
    )


def write_secret_file(path: Path, text: Secret) -> None:
    """Put the text into a file of mode 0600, which appears at once or not at all.

    Raises InputError where it cannot be written, and where git could take it along.
    """
    refuse_commitable(path)
    # The frames of an error would hold the text.
    without_traceback(lambda: _put(path, text))


def _put(path: Path, text: Secret) -> None:
    try:
        replace_file(path, text.open_for_transport().encode(), mode=0o600)
    except OSError as error:
        raise InputError(
            f"`{path.name}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from None


def _iter_sources(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a package that have a URL of a file or a repository."""
    tables = [*package.get("wheels", ()), *(package[key] for key in ("sdist", "archive", "vcs") if key in package)]
    for table in tables:
        if "url" in table:
            yield table


def _complete(url: str, credentials: Credentials) -> str | None:
    """The URL with all that belongs to it, None where nothing does."""
    grant = credentials.find(url)
    if grant is None:
        return None
    complete = url if grant.url is None else grant.url.open_for_transport()
    return complete if grant.login is None else _with_login(complete, grant.login)


def _with_login(url: str, login: Login) -> str:
    parts = urlsplit(url)
    user = quote(login.user.open_for_transport(), safe="")
    password = quote(login.password.open_for_transport(), safe="")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}{':' if password else ''}{password}@{host}"))


def _authority(url: str) -> str:
    place = find_destination(url)
    return "" if place is None else place.authority


def fetch_artifacts(
    lockfile: Lockfile,
    *,
    lock_folder: Path,
    to: Path,
    access: Access = Access(),
    lists: Sequence[LockPlan] = (),
    build: bool = True,
    python_executable: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FetchOutcome:
    """A folder with all wheels of a lock and a requirements.txt to install them from without a network.

    - `lock_folder` is where relative paths of the lock start; `to` is made if need be, and what lies there is kept.
    - `access` has the logins, and the hosts that may be private; `lists` bring fresh signatures, tokens and
      `--config-settings` for the list that was locked.
    - Sources become wheels under the target's Python: `python_executable`, or one that is found. Without `build` a
      lock that has sources is refused.
    - `on_progress` is called from the caller's thread.

    Raises InputError for what cannot be used or built here, FetchError, and HashMismatchError for a file that is not
    the one that was locked, of which nothing is kept.
    """
    announce = access.announce or (lambda line: None)
    config_settings = {name: values for plan in lists for name, values in find_config_settings(plan).items()}
    with open_session(access, lists=lists) as session:
        building = Building(python=python_executable, config_settings=config_settings, announce=announce)
        return fill_wheelhouse(
            lockfile,
            lock_folder=lock_folder,
            to=to,
            session=session,
            building=building if build else None,
            on_progress=on_progress,
            announce=announce,
        )


def hydrate(lockfile: Lockfile, path: Path, *, access: Access = Access(), lists: Sequence[LockPlan] = ()) -> Hydrated:
    """Write the lock with complete URLs to a file of mode 0600; what of it is worth telling.

    Relative paths stay as they are: see `lockfiles.move_paths`. Raises InputError where the file cannot be written, and
    where git could take it along.
    """
    with open_session(access, lists=lists) as session:
        hydrated = complete_urls(lockfile, session.credentials)
    write_secret_file(path, hydrated.text)
    return hydrated
