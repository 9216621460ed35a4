"""What programs and the command call: a wheelhouse from a lock, and a lock with complete URLs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lockfiles import Lockfile
from resolver.artifacts.building import Building
from resolver.artifacts.downloads import Progress
from resolver.artifacts.hydrating import Hydrated, complete_urls, write_secret_file
from resolver.artifacts.reaching import open_session
from resolver.artifacts.wheelhouse import FetchOutcome, fill_wheelhouse
from resolver.build_plan import find_config_settings
from resolver.fetch.access import Access
from resolver.plan import LockPlan

__all__ = ["fetch_artifacts", "hydrate"]


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
