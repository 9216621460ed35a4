"""The contents of locked wheels, by a range or two of each: their directory stands at the end of the file."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from packaging.pylock import PackageWheel
from packaging.utils import NormalizedName

from resolver.errors import FetchError
from resolver.fetch.local_files import find_local_path
from resolver.fetch.session import Session
from resolver.index.wheel_contents import WheelContents, read_contents
from resolver.index.wheel_directory import MoreBytes, WheelDirectoryError, list_members

__all__ = ["fetch_contents"]

_TAIL_BYTES = 65_536
_STEPS = 4
_AT_ONCE = 8


def fetch_contents(
    wheels: Mapping[NormalizedName, PackageWheel], *, folder: Path, session: Session
) -> Mapping[NormalizedName, WheelContents | None]:
    """What each wheel unpacks to, by project; None where its host gives no part of it or it cannot be read.

    `folder` is the lock's: paths in it are relative to that. Raises FetchError where a host does not answer.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(partial(_fetch_one, folder=folder, session=session), wheels.values())
        return dict(zip(wheels, found, strict=True))


def _fetch_one(wheel: PackageWheel, *, folder: Path, session: Session) -> WheelContents | None:
    try:
        if wheel.path is not None:
            return _read_local(folder / wheel.path)
        local = None if wheel.url is None else find_local_path(wheel.url)
        if local is not None:
            return _read_local(local)
        return None if wheel.url is None else _fetch_by_ranges(wheel.url, session)
    except WheelDirectoryError:
        return None


def _fetch_by_ranges(url: str, session: Session) -> WheelContents | None:
    part = session.fetch_range(url, start=-_TAIL_BYTES)
    if part is None:
        return None
    tail, size = part.data, part.size
    for _ in range(_STEPS):
        members = list_members(tail, size=size)
        if not isinstance(members, MoreBytes):
            return read_contents(members)
        more = session.fetch_range(url, start=members.start, stop=size - len(tail))
        if more is None or more.size != size:
            return None
        tail = more.data + tail
    return None


def _read_local(path: Path) -> WheelContents | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.as_uri()) from error
    members = list_members(data, size=len(data))
    return None if isinstance(members, MoreBytes) else read_contents(members)
