"""Build requirements from loopback indexes, decided as a run of the command decides them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from resolver.fetch.access import Access
from resolver.fetch.builds.permission import FindBuildWheels
from resolver.fetch.index_source import SourceOptions, open_package_source
from resolver.index.distribution_file import DistributionFile
from resolver.locking.build_requirements import BuildRequirements, BuildScope
from resolver.requirements.scopes import Scope
from resolver.requirements.url import Url
from tests.servers import IndexServer

__all__ = ["find_at", "find_in"]

Strategy = Literal["first-index", "best-match"]


def find_in(
    *servers: IndexServer, constraints: tuple[str, ...] = (), strategy: Strategy = "first-index"
) -> FindBuildWheels:
    """The callback of a list whose extra indexes are these."""
    urls = (Url(public=server.index_url) for server in servers)
    return find_at(*urls, constraints=constraints, strategy=strategy)


def find_at(*urls: Url, constraints: tuple[str, ...] = (), strategy: Strategy = "first-index") -> FindBuildWheels:
    """The same for indexes by URL."""
    scope = BuildScope(
        scope=Scope(extra_indexes=urls, default_index=False),
        default_index=None,
        families=(),
        strategy=strategy,
        constraints=constraints,
    )

    def find(requirements: Sequence[str]) -> tuple[DistributionFile, ...]:
        from resolver.fetch.builds.permission import host_target

        with open_package_source(Access(), target=host_target(), options=SourceOptions(build_policy="never")) as source:
            return BuildRequirements(scope, open_source=lambda target: source).find_wheels(requirements)

    return find
