"""The submodules of a commit: which repositories they are, as far as these may be followed.

In: a checkout, its commit, and the repository that it came from. Out: `Submodule` values. git's own `submodule
update` is not used: it would take options and programs from configuration, and follow any address.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lockfiles.value_classes import dataclass
from resolver.fetch.git.command import Git, GitFailed
from resolver.fetch.git.messages import GitReferenceError, render_printable
from resolver.fetch.git.repository import Repository, check_repository
from resolver.requirements.private_hosts import is_private_host
from resolver.requirements.url import parse_url

__all__ = ["Submodule", "check_submodule_folder", "find_submodules"]

_SCP_FORM = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>(?!//)[^\s]+)")
_ENTRY = re.compile(r"160000 ([0-9a-f]+) 0\t(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A repository inside of another one: where it lies, and at which commit."""

    path: str
    repository: Repository
    commit_id: str


def find_submodules(
    git: Git, root: Path, parent: Repository, *, shown: str
) -> tuple[tuple[Submodule, ...], tuple[str, ...]]:
    """The submodules of a checkout, in the order of their paths, and the paths of those without address.

    Raises GitReferenceError for one that is not followed. One that is not updated by default is left out.
    """
    links = _list_links(git, root)
    if not links:
        return (), ()
    settings = _read_settings(git, root)
    by_path = {values["path"].rstrip("/"): values for values in settings.values() if "path" in values}
    known, unknown = [], []
    for path, commit_id in links.items():
        values = by_path.get(path, {})
        if values.get("update") == "none":
            continue
        if "url" not in values:
            unknown.append(path)
            continue
        repository = _check_address(values["url"], parent, path=path, shown=shown)
        known.append(Submodule(path=path, repository=repository, commit_id=commit_id))
    return tuple(known), tuple(unknown)


def check_submodule_folder(root: Path, path: str, *, shown: str) -> Path:
    """The empty folder that git made for a submodule; never behind a link, whatever the file system takes as equal."""
    what = f"the submodule `{render_printable(path)}` of {shown}"
    place = root
    for part in path.split("/"):
        place = place / part
        if part in ("", ".", "..") or part.lower() == ".git" or place.is_symlink() or not place.is_dir():
            raise GitReferenceError(f"{what} is refused", why="its place is no folder")
    if next(place.iterdir(), None) is not None:
        raise GitReferenceError(f"{what} is refused", why="other files lie in its place")
    return place


def _list_links(git: Git, root: Path) -> dict[str, str]:
    """Commit ids by path."""
    listed = git.run("ls-files", "--stage", "-z", folder=root)
    matches = [match for entry in listed.split("\0") if (match := _ENTRY.fullmatch(entry))]
    return {match[2]: match[1] for match in matches}


def _read_settings(git: Git, root: Path) -> dict[str, dict[str, str]]:
    """What `.gitmodules` says by name of submodule; the commit's own, so that no link in its place is followed."""
    try:
        text = git.run("config", "--no-includes", "--blob", "HEAD:.gitmodules", "--null", "--list", folder=root)
    except GitFailed:
        return {}
    settings: dict[str, dict[str, str]] = {}
    for entry in text.split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "submodule" and name:
            settings.setdefault(name, {})[variable] = value
    return settings


def _check_address(text: str, parent: Repository, *, path: str, shown: str) -> Repository:
    what = f"the submodule `{render_printable(path)}` of {shown}"
    match = _SCP_FORM.fullmatch(text)
    if text.startswith(("./", "../")):
        text = _join(parent.clean_url, text)
    elif match is not None and "::" not in text:
        user = f"{match['user']}@" if match["user"] else ""
        text = f"ssh://{user}{match['host']}/{match['path'].lstrip('/')}"
    repository = check_repository(parse_url(text), what=what)
    if repository.variables:
        raise GitReferenceError(f"{what} is not followed", why="its address holds a variable, which a list alone may")
    allowed = {"https", "ssh", *({parent.scheme} - {"file"})}
    if repository.scheme not in allowed:
        raise GitReferenceError(
            f"{what} is not followed",
            why=f"a repository that is read by `{parent.scheme}` may lead to `https` and `ssh`, not to"
            f" `{repository.scheme}`",
        )
    if repository.host != parent.host and is_private_host(repository.clean_url):
        raise GitReferenceError(
            f"{what} is not followed", why=f"`{repository.host}` is an address inside of this machine or network"
        )
    return repository


def _join(base: str, relative: str) -> str:
    """A relative address, as git takes it: from the repository's own, as if that were a folder."""
    parts = urlsplit(base)
    path = posixpath.normpath(posixpath.join(parts.path.rstrip("/") or "/", relative))
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
