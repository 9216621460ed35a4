"""What a build told is kept, but answers only where that build would be allowed: a cache decides no outcome."""

from __future__ import annotations

import pytest

from resolver.errors import MetadataError
from tests.fetch.conftest import OpenSource
from tests.fetch.test_sdists import ELSEWHERE, HOST, read_dependencies
from tests.servers import IndexServer, sdist


@pytest.mark.parametrize(
    ("target", "allowed", "forbidden"),
    [(HOST, "if-compatible", "never"), (ELSEWHERE, "anyway", "if-compatible"), (ELSEWHERE, "anyway", "never")],
)
def test_stored_build_is_no_way_around_the_policy(
    server: IndexServer, open_source: OpenSource, target: object, allowed: str, forbidden: str
) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    assert read_dependencies(open_source, server, target=target, build_policy=allowed).built

    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=target, build_policy=forbidden)

    assert caught.value.needs_build


def test_stored_build_is_used_where_it_may_be(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    first = read_dependencies(open_source, server, target=HOST)
    server.log.clear()

    assert read_dependencies(open_source, server, target=HOST) == first
    assert server.paths("/files/") == []
