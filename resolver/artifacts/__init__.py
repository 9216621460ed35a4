"""What an image builder does with a lock: download and build what it names, or write it with complete URLs.

The names that programs use; they are imported from their modules when they are first used, as those of `resolver`.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resolver.artifacts.downloads import FetchedFile as FetchedFile
    from resolver.artifacts.downloads import Progress as Progress
    from resolver.artifacts.hydrating import Hydrated as Hydrated
    from resolver.artifacts.hydrating import hydrate as hydrate
    from resolver.artifacts.wheelhouse import FetchOutcome as FetchOutcome
    from resolver.artifacts.wheelhouse import fetch_artifacts as fetch_artifacts

_NAMES_BY_MODULE = {
    "resolver.artifacts.downloads": ("FetchedFile", "Progress"),
    "resolver.artifacts.hydrating": ("Hydrated", "hydrate"),
    "resolver.artifacts.wheelhouse": ("FetchOutcome", "fetch_artifacts"),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
