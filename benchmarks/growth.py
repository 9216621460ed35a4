"""How the time grows with the list: 10, 100 and 1,000 direct requirements on a made-up index.

    python -m benchmarks.growth                         # prints the tables of benchmarks.compare
    python -m benchmarks.growth --tools lock,uv --sizes 10,100 --runs 5

Each project has 30 releases of three files. A list asks for its first projects, each with a lower bound; these depend
on three of 200 others each, and those on two more. There is nothing to backtrack over: the figures are of reading, not
of searching. All answers are written into a store first (`benchmarks.replay_store`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import compare
from benchmarks.replay_store import Answer, Question, Store
from resolver.fetch.projects.pages import default_index_url

__all__ = ["main", "write_index", "write_list"]

_RELEASES = 30
_SHARED = 200
"""Projects that no list asks for itself; they come before the others."""
_STEPS = (7, 13, 29)
_HOST = "https://files.example"


def main(arguments: list[str] | None = None) -> int:
    """Write index and lists, and compare the tools; 1 if they pin different sets."""
    parser = argparse.ArgumentParser(
        prog="growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--tools", default="lock,uv")
    parser.add_argument("--cases", default="cold,stale,warm,changed")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        write_index(Store(Path(folder, "store")), projects=max(sizes) + _SHARED)
        lists = [str(write_list(Path(folder), size)) for size in sizes]
        command = ["--store", str(Path(folder, "store")), "--tools", options.tools, "--runs", str(options.runs)]
        return compare.main([*command, "--cases", options.cases, *lists])


def write_list(folder: Path, size: int) -> Path:
    """A list of the first `size` projects."""
    path = folder / f"direct_{size}.txt"
    path.write_text("".join(f"{_name(number)}>=1.2\n" for number in range(_SHARED, _SHARED + size)), encoding="utf-8")
    return path


def write_index(store: Store, *, projects: int) -> None:
    """Pages and core metadata of all projects."""
    for number in range(projects):
        files = [file for release in range(_RELEASES) for file in _list_files(number, f"1.{release}")]
        page = {"meta": {"api-version": "1.1"}, "name": _name(number), "files": files, "versions": []}
        headers = {"content-type": "application/vnd.pypi.simple.v1+json"}
        question = Question(method="GET", url=f"{default_index_url()}{_name(number)}/")
        store.write(question, Answer(status=200, headers=headers, body=json.dumps(page).encode()))
        metadata = _render_metadata(number, f"1.{_RELEASES - 1}")
        store.write(
            Question(method="GET", url=f"{files[-1]['url']}.metadata"),
            Answer(status=200, headers={"content-type": "text/plain"}, body=metadata.encode()),
        )


def _name(number: int) -> str:
    return f"measured-{number:04}"


def _list_files(number: int, version: str) -> list[dict[str, object]]:
    """A source archive, a wheel for another system and one for all; the last counts."""
    stem = f"{_name(number).replace('-', '_')}-{version}"
    return [
        {
            "filename": name,
            "url": f"{_HOST}/{name}",
            "hashes": {"sha256": hashlib.sha256(name.encode()).hexdigest()},
            "requires-python": ">=3.9",
            "size": 10_000 + number,
            "upload-time": "2026-01-01T00:00:00.000000Z",
            "yanked": False,
        }
        for name in (f"{stem}.tar.gz", f"{stem}-cp311-cp311-win_amd64.whl", f"{stem}-py3-none-any.whl")
    ]


def _render_metadata(number: int, version: str) -> str:
    if number < _SHARED:
        needed = [other for other in (2 * number + 1, 2 * number + 2) if other < _SHARED]
    else:
        needed = [number * step % _SHARED for step in _STEPS]
    lines = "".join(f"Requires-Dist: {_name(other)}>=1.1\n" for other in needed)
    return f"Metadata-Version: 2.1\nName: {_name(number)}\nVersion: {version}\nRequires-Python: >=3.9\n{lines}"


if __name__ == "__main__":
    sys.exit(main())
