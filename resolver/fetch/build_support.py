"""What builds of one run share, made when the first of them begins: their children, and the wheels they install."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.fetch.session import Session
from resolver.index.distribution_file import DistributionFile

if TYPE_CHECKING:
    from resolver.fetch.build_process import BuildProcesses
    from resolver.fetch.build_wheels import BuildWheels

__all__ = ["BuildSupport"]


class BuildSupport:
    """The shared parts of the builds of a run; `folder` is that of the cache. May be used from many threads."""

    def __init__(self, *, session: Session, folder: Path | None) -> None:
        self._session = session
        self._folder = folder
        self._lock = threading.Lock()
        self._children: BuildProcesses | None = None
        self._wheels: BuildWheels | None = None

    def children(self) -> BuildProcesses:
        """The children of all builds of the run."""
        from resolver.fetch.build_process import BuildProcesses  # Imported where it is needed: few lists need a build.

        with self._lock:
            if self._children is None:
                self._children = BuildProcesses()
            return self._children

    def fetch_wheel(self, file: DistributionFile) -> Path:
        """The verified file of a wheel. Raises FetchError, HashMismatchError."""
        from resolver.fetch.build_wheels import BuildWheels  # As above.

        with self._lock:
            if self._wheels is None:
                self._wheels = BuildWheels(
                    session=self._session, folder=None if self._folder is None else self._folder / "build-wheels-v1"
                )
            wheels = self._wheels
        return wheels.fetch(file)

    def stop(self) -> None:
        """End the builds that are under way, and remove what is not kept."""
        with self._lock:
            children, wheels = self._children, self._wheels
        if children is not None:
            children.stop()
        if wheels is not None:
            wheels.close()
