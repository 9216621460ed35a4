"""What programs and the command call: a wheelhouse from a lock, and a lock with complete URLs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lockfiles import Lockfile
from resolver.artifacts.building import Building
from resolver.artifacts.downloads import Progress
from resolver.artifacts.hydrating import Hydrated, complete_urls, write_secret_file
from resolver.artifacts.reaching import Reaching, open_session
from resolver.artifacts.wheelhouse import FetchOutcome, fill_wheelhouse

__all__ = ["fetch_artifacts", "hydrate"]


def fetch_artifacts(
    lockfile: Lockfile,
    *,
    lock_folder: Path,
    to: Path,
    reaching: Reaching = Reaching(),
    build: bool = True,
    python_executable: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FetchOutcome:
    """A folder with all wheels of a lock and a requirements.txt to install them from without a network.

    - `lock_folder` is where relative paths of the lock start; `to` is made if need be, and what lies there is kept.
    - `reaching` says whose credentials are used, and which private hosts may be asked.
    - Sources become wheels under the target's Python: `python_executable`, or one that is found. Without `build` a
      lock that has sources is refused.
    - `on_progress` is called from the caller's thread.

    Raises InputError for what cannot be used or built here, FetchError, and HashMismatchError for a file that is not
    the one that was locked, of which nothing is kept.
    """
    announce = reaching.announce or (lambda line: None)
    with open_session(reaching, variables=os.environ) as reached:
        building = Building(python=python_executable, config_settings=reached.config_settings, announce=announce)
        return fill_wheelhouse(
            lockfile,
            lock_folder=lock_folder,
            to=to,
            session=reached.session,
            building=building if build else None,
            on_progress=on_progress,
            announce=announce,
        )


def hydrate(lockfile: Lockfile, path: Path, *, reaching: Reaching = Reaching()) -> Hydrated:
    """Write the lock with complete URLs to a file of mode 0600; what of it is worth telling.

    Relative paths stay as they are: see `lockfiles.move_paths`. Raises InputError where the file cannot be written, and
    where git could take it along.
    """
    with open_session(reaching, variables=os.environ) as reached:
        hydrated = complete_urls(lockfile, reached.session.credentials)
    write_secret_file(path, hydrated.text)
    return hydrated
