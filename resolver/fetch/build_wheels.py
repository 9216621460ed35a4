"""The wheels of build requirements as verified files, downloaded by the process that has credentials.

In: files that a search has decided on. Out: paths, in the cache folder where there is one, so that setuptools is
downloaded once and not for every sdist.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from resolver.errors import InternalError
from resolver.fetch.local_files import describe_file, find_local_path
from resolver.fetch.session import Session
from resolver.fetch.wheel_metadata import fetch_file, verify_hashes
from resolver.index.distribution_file import DistributionFile

__all__ = ["BuildWheels"]


class BuildWheels:
    """Fetches wheels, each once; may be used from many threads. `folder` None keeps them until `close`."""

    def __init__(self, *, session: Session, folder: Path | None) -> None:
        self._session = session
        self._folder = folder
        self._temporary: Path | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Remove what is not kept."""
        with self._lock:
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)

    def fetch(self, file: DistributionFile) -> Path:
        """The file of a wheel, whose SHA-256 is that of `file`. Raises FetchError, HashMismatchError."""
        if file.sha256 is None:
            raise InternalError(f"`{file.filename}` is to be installed without a hash to verify")
        with self._lock:
            # A folder for each hash: pip wants the wheel under its own name.
            place = self._find_folder() / file.sha256 / file.filename
            if not _is_intact(place, file.sha256):
                self._fetch_into(place, file)
            return place

    def _fetch_into(self, place: Path, file: DistributionFile) -> None:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
        os.close(descriptor)
        new = Path(name)
        try:
            local = find_local_path(file.url)
            if local is None:
                fetch_file(file, session=self._session, into=new)
            else:
                shutil.copyfile(local, new)
            found = describe_file(new)
            verify_hashes(file.filename, promised=[f"sha256:{file.sha256}"], found=found.hashes)
            new.replace(place)
        finally:
            new.unlink(missing_ok=True)

    def _find_folder(self) -> Path:
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="pinfold-"))
        return self._temporary


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and describe_file(path).sha256 == sha256
