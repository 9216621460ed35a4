"""What tests of builds share: build requirements out of loopback indexes, targets, and trees with a small backend.

Build requirements are chosen as a run of the command chooses them.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from resolver.fetch.access import Access
from resolver.fetch.builds.permission import FindBuildWheels, host_target
from resolver.fetch.builds.wheel_builds import build_wheel
from resolver.fetch.index_source import SourceOptions, open_package_source
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DistributionFile
from resolver.locking.build_requirements import BuildRequirements, BuildScope
from resolver.requirements.scopes import Scope
from resolver.requirements.url import Url
from resolver.targets.platforms import parse_platform
from resolver.targets.target import PythonVersion, Target
from tests.distributions import make_wheel
from tests.fetch.conftest import A, OpenSource, index
from tests.servers import IndexServer

__all__ = [
    "ELSEWHERE",
    "HOST",
    "build",
    "find_at",
    "find_in",
    "read_dependencies",
    "read_record",
    "start_and_wait",
    "write_tree",
    "write_wheel",
]

Strategy = Literal["first-index", "best-match"]
_NAMES = {"linux": f"manylinux_2_28_{platform.machine()}", "win32": "win_amd64"}
HOST = Target(
    python=PythonVersion(minor=sys.version_info.minor, free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED"))),
    platform=parse_platform(_NAMES.get(sys.platform, f"macosx_13_0_{platform.machine()}")),
)
ELSEWHERE = Target(python=PythonVersion(minor=8 if sys.version_info.minor != 8 else 9))

BACKEND = """\
import os, sys, zipfile
{more}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "a-1.0-py3-none-any.whl"
    told = [sys.version_info[:2], os.environ.get("SOURCE_DATE_EPOCH"), config_settings, sorted({{"x", "y", "z"}})]
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in (("told", repr(told)), ("a-1.0.dist-info/METADATA", "Name: a")):
            archive.writestr(zipfile.ZipInfo(path), text)
    return name
"""


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

    def find(requirements: Sequence[str], python: PythonVersion | None = None) -> tuple[DistributionFile, ...]:
        target = host_target(python)
        with open_package_source(Access(), target=target, options=SourceOptions(build_policy="never")) as source:
            return BuildRequirements(scope, open_source=lambda target: source).find_wheels(requirements, python)

    return find


def read_dependencies(open_source: OpenSource, server: IndexServer, **options: object) -> Dependencies:
    with open_source(**{"find_build_wheels": find_in(server), **options}) as source:
        page = source.project_page(A, index(server))
        assert page is not None
        return source.dependencies(page.files(0)[0])


def write_tree(folder: Path, more: str = "", requires: str = "[]") -> Path:
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {requires}\nbuild-backend = "own"\nbackend-path = ["."]\n'
    )
    (folder / "own.py").write_text(BACKEND.format(more=more))
    return folder


def build(tree: Path, into: Path, *wheels: Path, python: str = sys.executable, **settings: str) -> Path:
    into.mkdir(exist_ok=True)
    return build_wheel(
        tree,
        python=Path(python),
        requirement_wheels=wheels,
        into=into,
        described="a",
        source_date_epoch=1,
        config_settings=tuple(settings.items()),
    )


def write_wheel(folder: Path, name: str, version: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    path.write_bytes(make_wheel(name, version))
    return path


def read_record(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("told").decode()


def start_and_wait(port: int) -> str:
    """A statement of a backend that starts a process, which is connected to a port as long as it runs."""
    child = f"import socket, time; link = socket.create_connection(('127.0.0.1', {port})); time.sleep(60)"
    return f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
