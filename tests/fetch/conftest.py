"""A loopback index and sources over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import pytest
from packaging.utils import NormalizedName

from resolver.fetch.access import Access
from resolver.fetch.index_source import SourceOptions, open_package_source
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.requirements.url import Url
from resolver.targets.target import PythonVersion, Target
from tests.servers import IndexServer

TARGET = Target(python=PythonVersion(minor=11))
A, B = NormalizedName("a"), NormalizedName("b")


class OpenSource(Protocol):
    def __call__(self, **options: Any) -> AbstractContextManager[PackageSource]: ...


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


@pytest.fixture
def open_source(tmp_path: Path) -> OpenSource:
    """Opens sources that share one cache folder and never wait between attempts.

    Takes the fields of `Access` and of `SourceOptions`, a `target` and `known_hashes`.
    """

    def open_(**values: Any) -> AbstractContextManager[PackageSource]:
        target = values.pop("target", TARGET)
        names = {field.name for field in fields(Access)} & values.keys()
        access = {"cache_folder": tmp_path / "cache", **{name: values.pop(name) for name in names}}
        return open_package_source(
            Access(**access),
            target=target,
            known_hashes=values.pop("known_hashes", None),
            options=SourceOptions(**values),
            sleep=lambda seconds: None,
        )

    return open_


def index(server: IndexServer) -> Location:
    return Location(url=Url(public=server.index_url))


def links(url: str) -> Location:
    return Location(url=Url(public=url), form="find-links")
