"""One file of a lock, from its host into a wheelhouse: resumed where it was broken off, kept only with its hash.

The hash is what decides. A part that an earlier run has left is continued; if the whole then has another hash, it is
asked for once more from its first byte, since host or disk may have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from resolver.artifacts.partial_file import PartialFile
from resolver.artifacts.wanted import WantedFile
from resolver.errors import AuthenticationError, FetchError, HashMismatchError, InputError, render_os_error
from resolver.fetch.bodies import Body
from resolver.index.distribution_file import parse_size

__all__ = ["ReadsBodies", "StoppedError", "copy", "download"]

_T = TypeVar("_T")

_CHUNK_BYTES = 1 << 20
_WORTH_ANOTHER_BYTES = 1 << 20
"""What a request must have brought before the connection was lost, for the download to go on after all its retries."""
_REFUSALS = 2
"""How often a host may give something else than the rest of a file: after the first time, all of it is asked for."""
_LIMIT_BYTES = 16 * 1024**3
"""For a file whose size the lock does not say."""


class StoppedError(Exception):
    """The run has ended meanwhile; what has come is kept."""


class ReadsBodies(Protocol):
    """What a download needs of an HTTP client."""

    def read_body(self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[Body], _T]) -> _T | None:
        """What `read` makes of the answer; None for 404. A body that breaks off is asked for again, as a whole."""
        ...


def download(
    file: WantedFile,
    *,
    url: str,
    part: Path,
    target: Path,
    client: ReadsBodies,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> None:
    """Put the file at `target`. `on_bytes` hears of bytes as they come, and may raise StoppedError.

    Raises HashMismatchError, after which nothing of the file is left, and FetchError, after which its part is.
    """
    with PartialFile(part) as partial:
        is_joined = _Receiving(file, partial, on_bytes).receive(url, client)
        if is_joined and not _is_whole(file, partial):
            partial.restart()
            _Receiving(file, partial, on_bytes).receive(url, client)
        _keep(file, partial, place=url, target=target)


def copy(
    file: WantedFile, source: Path, *, part: Path, target: Path, on_bytes: Callable[[int], None] = lambda count: None
) -> None:
    """Put a file of this disk at `target`; no part of one is kept. Raises InputError and HashMismatchError."""
    if not source.is_file():
        raise InputError(
            f"there is no file `{source.name}` where the lock has it: `{source.as_posix()}`",
            remedy="put it there; a path in a lock starts from the folder that the lock lies in",
        )
    limit = _LIMIT_BYTES if file.size_bytes is None else file.size_bytes
    with PartialFile(part) as partial:
        partial.restart()
        try:
            with source.open("rb") as stream:
                while partial.size_bytes <= limit and (chunk := stream.read(_CHUNK_BYTES)):
                    partial.write(chunk)
                    on_bytes(len(chunk))
        except OSError as error:
            raise InputError(f"`{source.as_posix()}` cannot be read: {render_os_error(error)}") from error
        _keep(file, partial, place=source.as_posix(), target=target)


def _keep(file: WantedFile, partial: PartialFile, *, place: str, target: Path) -> None:
    """Let what has come be the file, or keep nothing of it. Raises HashMismatchError."""
    if _is_whole(file, partial):
        partial.move_to(target)
        return
    found, size = partial.sha256, partial.size_bytes
    partial.remove()
    target.unlink(missing_ok=True)
    raise _mismatch(file, place=place, found=found, size_bytes=size)


def _mismatch(file: WantedFile, *, place: str, found: str, size_bytes: int) -> HashMismatchError:
    """For content that is not what was locked; where more came than was locked, only the beginning was read."""
    is_longer = file.size_bytes is not None and size_bytes > file.size_bytes
    what = f"sha256 {found}, {size_bytes} bytes"
    if is_longer:
        what = f"more than {file.size_bytes} bytes, of which the first {size_bytes} have sha256 {found}"
    size = "" if file.size_bytes is None else f", {file.size_bytes} bytes"
    return HashMismatchError(
        f"`{file.filename}` is not the file that was locked: {place}",
        details=(
            f"locked: sha256 {file.sha256}{size}",
            f"found:  {what}",
        ),
        remedy=(f"find out why it was replaced; `lock --upgrade-package {file.project}` accepts the new file"),
        filename=file.filename,
        expected=file.sha256,
        found=found,
    )


def _is_whole(file: WantedFile, partial: PartialFile) -> bool:
    return partial.sha256 == file.sha256 and file.size_bytes in (None, partial.size_bytes)


class _Receiving:
    """What is asked for and what comes, over all answers that one file may take."""

    def __init__(self, file: WantedFile, partial: PartialFile, on_bytes: Callable[[int], None]) -> None:
        self._file = file
        self._partial = partial
        self._on_bytes = on_bytes
        self._limit = _LIMIT_BYTES if file.size_bytes is None else file.size_bytes
        self._validator = ""
        self._is_joined = False

    def receive(self, url: str, client: ReadsBodies) -> bool:
        """Bring the partial file to the length that host or lock say, or one chunk beyond it.

        Whether it is made of several answers, which may be of different files.
        """
        partial = self._partial
        if self._file.size_bytes == partial.size_bytes:
            return True
        if partial.size_bytes > self._limit:
            partial.restart()
        refused = 0
        while refused < _REFUSALS:
            before = partial.size_bytes
            try:
                done = client.read_body(url, headers=self._ask, read=self._read)
            except FetchError as error:
                if isinstance(error, AuthenticationError) or partial.size_bytes < before + _WORTH_ANOTHER_BYTES:
                    raise
                continue
            if done is None:
                raise _gone(self._file, url)
            if done:
                return self._is_joined
            refused += 1
        raise FetchError(f"{url} answers with other bytes than it was asked for", url=url)

    def _ask(self) -> Mapping[str, str]:
        """The headers of the next request: for the rest of the file, where there is some of it."""
        asked = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self._partial.size_bytes:
            asked["Range"] = f"bytes={self._partial.size_bytes}-"
            asked |= {"If-Range": self._validator} if self._validator else {}
        return asked

    def _read(self, body: Body) -> bool:
        """Whether the body has been read to its end; false where it is no continuation of what is there."""
        partial = self._partial
        self._validator = _find_validator(body.headers)
        if body.status != 200 and _find_start(body) != partial.size_bytes:
            partial.restart()
            return False
        if body.status == 200:
            partial.restart()
        self._is_joined = partial.size_bytes > 0
        for chunk in body.chunks:
            partial.write(chunk)
            self._on_bytes(len(chunk))
            if partial.size_bytes > self._limit:
                break
        return True


def _gone(file: WantedFile, url: str) -> FetchError:
    return FetchError(
        f"`{file.filename}` is not there any more: status 404 for {url}",
        remedy="`lock`, which asks the index where it is now",
        url=url,
    )


def _find_validator(headers: Mapping[str, str]) -> str:
    """A strong entity tag, for `If-Range` (RFC 9110, section 13.1.5); empty where there is none."""
    tag = headers.get("etag", "")
    return tag if tag.startswith('"') else ""


def _find_start(body: Body) -> int | None:
    """Where a part begins that a 206 says to hold; None for any other answer, and where it does not say."""
    if body.status != 206 or "content-encoding" in body.headers:
        return None
    unit, _, span = body.headers.get("content-range", "").partition(" ")
    return parse_size(span.partition("-")[0]) if unit == "bytes" else None
