"""What a lock may cause on this machine: which hosts get requests, which files are read, whether code is built.

In: what the user of the lock allows. Out: `LockPolicy`, which is passed unchanged to the places where a request is made
(`HttpSession`, `GitRepositories`), a file is opened and a build is started. Nothing in a lock changes it.

It is a module of its own because the author of a lock may be a stranger to its user, and because one policy must hold
for every verb and every function that reads locks: a verb that made its own checks would miss some. A list that the
user locks needs no policy, because the user has named what is in it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from lockfiles._values import dataclass
from resolver.errors import InputError
from resolver.fetch.http.hosts import Addresses, HostGuard, find_proxy
from resolver.fetch.http.local_files import find_local_path

__all__ = ["LockPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPolicy:
    """The policy for one lock. The default allows no private host, no file and no build."""

    allowed_hosts: tuple[str, ...] = ()
    """`host` or `host:port` that may be this machine or in a private network."""

    allowed_paths: tuple[Path, ...] = ()
    """Absolute paths: folders, with everything below them, and single files."""

    allows_builds: bool = False
    """Whether sdists and source trees that the lock names may be built, which runs their code."""

    @property
    def guard(self) -> HostGuard:
        """The guard of hosts, for HTTP requests."""
        return HostGuard(self.allowed_hosts)

    def within(self, folder: Path) -> LockPolicy:
        """The policy for a lock in this folder: files below it may be read, too."""
        return replace(self, allowed_paths=(*self.allowed_paths, folder))

    def check_host(self, url: str) -> None:
        """Raises FetchError for a URL whose host must not get a request, by its name or its addresses.

        For programs that look the name up again themselves, such as git. Behind a proxy only the name is known.
        """
        self.guard.check(url, find_addresses=lambda: _find_addresses(url))

    def check_repository(self, url: str) -> None:
        """Raises FetchError or InputError for a repository on a host or disk that must not be read."""
        if url[:5].lower() == "file:":
            self.check_path(find_local_path(url) or Path(url))
        else:
            self.check_host(url)

    def check_path(self, path: Path) -> Path:
        """The path itself, if it may be read. Raises InputError for one outside of the allowed paths, and for a device.

        Links are followed: a link inside of an allowed folder must not lead out of it.
        """
        if not self.admits(path):
            raise _refuse(path)
        return path

    def check_tree(self, folder: Path) -> Path:
        """The folder itself, if it and everything below it may be read. Raises InputError as `check_path`."""
        self.check_path(folder)
        for place, folders, files in os.walk(folder):
            for name in (*folders, *files):
                path = Path(place, name)
                if path.is_symlink() and not self.admits(path):
                    raise _refuse(path)
        return folder

    def admits(self, path: Path) -> bool:
        """Whether a path is in the allowed ones with all links followed, and is no device or pipe.

        The drive is compared first: on Windows a look at `//host/share` would send a login there.
        """
        try:
            roots = [Path(os.path.realpath(root)) for root in self.allowed_paths]
            if path.absolute().anchor not in {root.anchor for root in (*roots, *self.allowed_paths)}:
                return False
            real = Path(os.path.realpath(path))
            return any(real.is_relative_to(root) for root in roots) and _is_plain(real)
        except (OSError, ValueError):
            return False


def _is_plain(path: Path) -> bool:
    """Whether a path is a file or folder, or nothing: what is missing is the error of its reader."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _refuse(path: Path) -> InputError:
    """The error for a path that a lock must not lead to."""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in os.path.normpath(path))
    folder = shown if path.suffix == "" else shown.rpartition("/")[0]
    return InputError(
        f"`{shown}` is no file or folder that the lock may lead to",
        why="a lock may name plain files in its own folder, and others only with permission",
        remedy=f"`--allow-path {folder}` if it is meant to be, or `--list` with the list that names it",
    )


def _find_addresses(url: str) -> tuple[str, ...]:
    """The addresses of the host of a URL; none where a proxy looks it up, or where it has none."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in ("http", "https") and find_proxy(parts.scheme, host, parts.port) is not None:
        return ()
    try:
        return Addresses().find(host)
    except (OSError, UnicodeError):
        return ()
