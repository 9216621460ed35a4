"""Tiny real wheels and sdists, built in memory: the same arguments give the same bytes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence

__all__ = ["make_metadata", "make_sdist", "make_wheel", "sdist_filename", "wheel_filename"]

_EPOCH = (1980, 1, 1, 0, 0, 0)

_BACKEND = '''\
"""A PEP 517 backend inside the sdist: it needs nothing but the standard library."""
import os, zipfile

{statement}


def _write(folder, name, text):
    os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


METADATA = {metadata!r}
WHEEL = "Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    _write(metadata_directory, "{stem}.dist-info/METADATA", METADATA)
    _write(metadata_directory, "{stem}.dist-info/WHEEL", WHEEL)
    return "{stem}.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "{stem}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as archive:
        archive.writestr("{stem}.dist-info/METADATA", METADATA)
        archive.writestr("{stem}.dist-info/WHEEL", WHEEL)
        archive.writestr("{stem}.dist-info/RECORD", "")
    return name


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit("not needed")
'''


def make_metadata(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    requires_python: str | None = None,
    dynamic: Sequence[str] = (),
    metadata_version: str = "2.2",
) -> bytes:
    """A METADATA or PKG-INFO file."""
    lines = [f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Dynamic: {field}" for field in dynamic]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {text}" for text in requires]
    return ("\n".join(lines) + "\n").encode()


def wheel_filename(name: str, version: str, tags: str = "py3-none-any", build: str = "") -> str:
    """The file name that `make_wheel` content belongs under."""
    return f"{_escaped(name)}-{version}-{build + '-' if build else ''}{tags}.whl"


def make_wheel(
    name: str,
    version: str,
    requires: Sequence[str] = (),
    *,
    tags: str = "py3-none-any",
    extras: Sequence[str] = (),
    requires_python: str | None = None,
    metadata: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """A wheel with one module that pip and uv install. `metadata` replaces METADATA, `files` join the archive.

    `tags` are the last three parts of the file name.
    """
    stem = f"{_escaped(name)}-{version}"
    python, abi, platform = tags.split("-")
    wheel = "Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\n" + "".join(
        f"Tag: {p}-{a}-{f}\n" for p in python.split(".") for a in abi.split(".") for f in platform.split(".")
    )
    default = make_metadata(name, version, requires=requires, extras=extras, requires_python=requires_python)
    contents = {
        f"{_escaped(name)}.py": f'__version__ = "{version}"\n'.encode(),
        **(files or {}),
        f"{stem}.dist-info/METADATA": default if metadata is None else metadata,
        f"{stem}.dist-info/WHEEL": wheel.encode(),
    }
    record = "".join(f"{path},sha256={_record_hash(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sdist_filename(name: str, version: str) -> str:
    """The file name that `make_sdist` content belongs under (PEP 625)."""
    return f"{_escaped(name)}-{version}.tar.gz"


def make_sdist(
    name: str,
    version: str,
    requires: Sequence[str] = (),
    *,
    static: bool = True,
    requires_python: str | None = None,
    build_requires: Sequence[str] = (),
    backend_statement: str = "",
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """An sdist with a backend of its own (`backend-path`).

    With `static=False`, PKG-INFO calls Requires-Dist dynamic (PEP 643) and only a build tells the requirements.
    `backend_statement` runs when the backend is imported: `raise SystemExit("no")` makes a build that fails.
    """
    stem = f"{_escaped(name)}-{version}"
    full = make_metadata(name, version, requires=requires, requires_python=requires_python)
    dynamic = make_metadata(name, version, dynamic=("Requires-Dist",), requires_python=requires_python)
    project = (
        f'[build-system]\nrequires = {list(build_requires)!r}\nbuild-backend = "tiny_backend"\nbackend-path = ["."]\n'
    )
    backend = _BACKEND.format(statement=backend_statement, metadata=full.decode(), stem=stem)
    contents = {
        "PKG-INFO": full if static else dynamic,
        "pyproject.toml": project.encode(),
        "tiny_backend.py": backend.encode(),
        **(files or {}),
    }
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for path, data in contents.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _escaped(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
