"""Core metadata of an sdist from its build backend (PEP 517), asked by pip in a process and environment of its own.

`pip install --dry-run --report` prepares the metadata without building a wheel where the backend can, and installs
nothing. The child sees no `PIP_*` variable, no pip configuration file, and of the environment only what a build needs:
what it gets stands on its command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.fetch.build_environment import build_environment
from resolver.index.core_metadata import CoreMetadata, without_credentials
from resolver.requirements.url import redact

__all__ = ["BuildFailedError", "build_metadata"]

_TAIL_LINES = 20
_TIMEOUT_S = 1800.0


class BuildFailedError(Exception):
    """The build gave no metadata; the text is the end of what the backend wrote."""


def build_metadata(
    sdist: Path, *, folder: Path, index_urls: Sequence[str], find_links: Sequence[str], constraints: Sequence[str]
) -> CoreMetadata:
    """What the backend says about an sdist. `folder` is an empty one for this build. Raises BuildFailedError.

    Build requirements come from `index_urls`, the first of which is pip's `--index-url`, and from `find_links`.
    """
    report, constraint_file = folder / "report.json", folder / "build-constraints.txt"
    constraint_file.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "pip", "--isolated", "--no-input", "--disable-pip-version-check"]
    command += ["install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--ignore-requires-python"]
    command += ["--report", str(report), *_name_locations(index_urls, find_links)]
    command += ["--build-constraint", str(constraint_file)] if constraints else []
    try:
        done = subprocess.run(
            [*command, "--", str(sdist)],
            cwd=folder,
            env=build_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailedError(f"the backend had not finished after {_TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        raise BuildFailedError(_render_tail(done.stdout.decode(errors="replace")))
    return _read_report(report)


def _name_locations(index_urls: Sequence[str], find_links: Sequence[str]) -> list[str]:
    arguments = ["--index-url", index_urls[0]] if index_urls else ["--no-index"]
    for url in index_urls[1:]:
        arguments += ["--extra-index-url", url]
    for url in find_links:
        arguments += ["--find-links", url]
    return arguments


def _read_report(path: Path) -> CoreMetadata:
    """The core metadata in pip's installation report, whose keys follow PEP 566's JSON form."""
    try:
        (installed,) = json.loads(path.read_text(encoding="utf-8"))["install"]
        metadata = installed["metadata"]
        return CoreMetadata(
            name=canonicalize_name(metadata["name"]),
            version=Version(metadata["version"]),
            metadata_version=metadata["metadata_version"],
            requires_dist=without_credentials(metadata.get("requires_dist", ())),
            requires_python=metadata.get("requires_python"),
            provides_extra=tuple(canonicalize_name(extra) for extra in metadata.get("provides_extra", ())),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildFailedError(f"pip's report about the build cannot be read: {error!r}") from error


def _render_tail(output: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return "\n".join(redact(line) for line in lines[-_TAIL_LINES:])
