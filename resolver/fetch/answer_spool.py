"""Answers that wait to be taken over by the HTTP cache: one small file each.

Storing a page in hishel's database takes 2 to 5 ms and importing hishel and httpx 55; most pages are never looked up
there, since `row_store` has what was made of them. So the first answer of a URL is laid down here as it was received.
When somebody asks for that URL again, hishel is given the answer first, as if it had just arrived, and from then on
decides alone what may be used and what must be asked again (RFC 9111). The file stays, empty: the database knows of it.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from resolver.fetch.row_store import escape_for_path, write_atomically

__all__ = ["AnswerSpool"]

_MAGIC = b"pfrespo1\n"
_CHECKSUM_BYTES = 4


class AnswerSpool:
    """The answers in a cache folder. May be used by any number of processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "responses-v1"

    def knows(self, url: str) -> bool:
        """Whether the answer of a URL lies here, or was taken over."""
        return os.path.exists(self._find_path(url))  # noqa: PTH110 - half the time

    def put(self, url: str, headers: dict[str, str], body: bytes) -> None:
        """Lay down an answer of status 200, in place of an older one."""
        lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
        content = f"{url}\n{lines}\n".encode() + body
        checksum = zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "big")
        write_atomically(self._find_path(url), _MAGIC + checksum + content)

    def find(self, url: str) -> tuple[dict[str, str], bytes] | None:
        """The headers and the body of an answer that waits; None for one that is damaged, or was taken over."""
        try:
            data = self._find_path(url).read_bytes()
        except OSError:
            return None
        start = len(_MAGIC) + _CHECKSUM_BYTES
        content = data[start:]
        if data[:start] != _MAGIC + zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "big"):
            return None
        head, _, body = content.partition(b"\n\n")
        told_url, *lines = head.decode().split("\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        return (headers, body) if told_url == url else None

    def note(self, url: str) -> None:
        """Tell that the cache has seen what there is of a URL."""
        path = self._find_path(url)
        try:
            if path.stat().st_size == 0:
                return
        except OSError:
            pass
        write_atomically(path, b"")

    def _find_path(self, url: str) -> Path:
        return self._folder / escape_for_path(url)
