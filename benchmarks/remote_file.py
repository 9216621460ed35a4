"""A file on a server as a file object: only the ranges that are read travel.

In: its URL and an HTTP client. Out: something that `zipfile` reads. It counts what was fetched.
"""

from __future__ import annotations

import io

import httpx

__all__ = ["RemoteFile"]

_BLOCK_BYTES = 256 * 1024


class RemoteFile(io.RawIOBase):
    """The file at a URL, read in blocks; the last two blocks are kept, since readers go forward.

    Raises httpx.HTTPStatusError where the server has no such file, ValueError where it gives no ranges.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        super().__init__()
        self._client = client
        self._url = url
        self._place = 0
        self._blocks: dict[int, bytes] = {}
        self.fetched_bytes = 0
        head = client.head(url, follow_redirects=True)
        head.raise_for_status()
        self.size_bytes = int(head.headers["content-length"])

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read starts."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the place of the next read."""
        self._place = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size_bytes}[whence] + offset
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from the place on, as many as were asked for unless the file ends before."""
        end = self.size_bytes if size is None or size < 0 else min(self.size_bytes, self._place + size)
        parts: list[bytes] = []
        while self._place < end:
            number, start = divmod(self._place, _BLOCK_BYTES)
            part = self._block(number)[start : start + end - self._place]
            parts.append(part)
            self._place += len(part)
        return b"".join(parts)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * _BLOCK_BYTES
            end = min(self.size_bytes, start + _BLOCK_BYTES)
            response = self._client.get(self._url, headers={"Range": f"bytes={start}-{end - 1}"}, follow_redirects=True)
            response.raise_for_status()
            if response.status_code != 206 or len(response.content) != end - start:
                raise ValueError(f"{self._url}: the server gives no ranges")
            self.fetched_bytes += len(response.content)
            while len(self._blocks) > 1:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = response.content
        return self._blocks[number]
