"""What a warm run imports, and two processes that share a cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fetch.conftest import A, B, OpenSource, index
from tests.servers import IndexServer, wheel

_READ = """
import sys
from pathlib import Path
from packaging.utils import NormalizedName
from resolver.fetch.access import Access
from resolver.fetch.index_source import open_package_source
from resolver.index.location import Location
from resolver.requirements.url import Url
from resolver.targets.target import PythonVersion
from resolver.targets.target import Target

cache, url, *names = sys.argv[1:]
place = Location(url=Url(public=url))
with open_package_source(Access(cache_folder=Path(cache)), target=Target(python=PythonVersion(minor=11))) as source:
    for name in names:
        source.prefetch_pages(NormalizedName(name), [place], until_found=True)
    for name in names:
        page = source.project_page(NormalizedName(name), place)
        for row in range(len(page.versions)):
            file = page.files(row)[0]
            print(file.filename, *source.dependencies(file).requires)
"""
_LIST_MODULES = "print('modules', *sys.modules)"


def start(server: IndexServer, cache: Path, *names: str, code: str = _READ) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(cache), server.index_url, *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    return output.splitlines()


def test_warm_run_imports_no_http_client_and_no_cache_library(
    server: IndexServer, open_source: OpenSource, tmp_path: Path
) -> None:
    server.add("a", wheel("a", "1.0", ["b>=1"]))
    server.add("b", wheel("b", "1.0"))
    with open_source() as source:
        for name in (A, B):
            page = source.project_page(name, index(server))
            assert page is not None
            source.dependencies(page.files(0)[0])
    asked = len(server.log)
    lines = finish(start(server, tmp_path / "cache", "a", "b", code=_READ + _LIST_MODULES))
    assert lines[:2] == ["a-1.0-py3-none-any.whl b>=1", "b-1.0-py3-none-any.whl"]
    assert len(server.log) == asked
    loaded = {module.partition(".")[0] for module in lines[2].split()}
    heavy = {"httpx", "httpcore", "hishel", "sqlite3", "ssl", "_hashlib", "json", "email", "tarfile", "tempfile", "pip"}
    assert loaded & heavy == set()


def test_processes_share_one_cache(server: IndexServer, tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(40)]
    for name in names:
        server.add(name, *(wheel(name, f"{minor}.0", ["b"]) for minor in range(3)))
    server.cache_control = "no-cache"
    processes = [start(server, tmp_path / "cache", *names) for _ in range(3)]
    outputs = [finish(process) for process in processes]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0]) == 120
    asked = len(server.log)
    assert finish(start(server, tmp_path / "cache", *names)) == outputs[0]
    assert [request.status for request in server.log[asked:]] == [304] * 40
