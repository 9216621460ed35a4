"""What the indexes of a lock's pins list of them now, for the verbs that judge a lock by it."""

from __future__ import annotations

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.auditing import Listed
from resolver.fetch.listings import fetch_listings
from resolver.fetch.session import Session

__all__ = ["ask_indexes"]


def ask_indexes(lockfile: Lockfile, session: Session) -> dict[NormalizedName, Listed | None]:
    """The listing of each pin that an index has, None where it no longer does; pins of no index are left out.

    Raises FetchError for an index that does not answer.
    """
    wanted = [(package.name, package.index) for package in lockfile.pylock.packages if package.index is not None]
    found = fetch_listings(wanted, session=session)
    return {
        name: None if listing is None else Listed(files=listing.files, status=listing.status)
        for (name, _), listing in found.items()
    }
