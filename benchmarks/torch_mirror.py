"""A reconstructed mirror of the PyTorch index on loopback: `/whl/cu118/` …, `/whl/cpu/`, and `/whl/` with all.

    python -m benchmarks.torch_mirror --port 8092

In: releases, builds and companions of `resolver/targets/data/torch.toml`, and the requirements of
`benchmarks/lists/torch_mirror.toml`. Out: PEP 503 pages of torch, torchvision, torchaudio, triton and xformers with
file names as on the PyTorch index, and wheels that hold metadata alone. torch's metadata is offered as a file of its
own (PEP 658), that of the others is read by byte ranges.

It exists because the PyTorch index cannot be reached from everywhere. A build is on the mirror if the data has seen it,
or knows it from public pins (`third-party`). What the PyTorch index copies from the default index is left out.
Below `/releases/` is every wheel that requires torch and einops, as the releases of flash-attn have them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import io
import re
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.version import Version

__all__ = ["Build", "build_wheel", "iter_builds", "main", "running_mirror"]

_ROOT = Path(__file__).parent.parent
_TORCH = _ROOT / "resolver" / "targets" / "data" / "torch.toml"
_REQUIREMENTS = Path(__file__).parent / "lists" / "torch_mirror.toml"
_SEEN = ("measured", "official-doc", "official-code", "third-party")
_COMMON = ("filelock", "typing-extensions>=4.10.0", "networkx>=2.5.1", "jinja2", "fsspec>=0.8.5")
_COMPANIONS = ("torchvision", "torchaudio", "xformers")
_STABLE_ABI = {"torchvision": ("0.29.1", "2.14"), "torchaudio": ("2.11.0", "2.11"), "xformers": ("0.0.35", "2.10")}
"""The first release of a companion that goes with every torch from one on, and that torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One wheel: the folder that lists it (`cu128`), its file name and what it requires."""

    folder: str
    project: str
    filename: str
    requires: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version with its label, as in the file name."""
        return self.filename.split("-")[1]


def iter_builds(torch_data: dict[str, Any], requirements: dict[str, Any]) -> Iterator[Build]:
    """Every wheel for Linux x86_64, newest release of torch first.

    A companion that goes with several releases of torch has the labels of the oldest, with which it is built.
    """
    rows = torch_data["release"]
    for at, row in enumerate(rows):
        older = {(name, version) for other in rows[at + 1 :] for name in _COMPANIONS for version in other.get(name, ())}
        seen = [
            build["cuda"]
            for build in row["builds"]
            if "on" not in build and (build["verified"] or build["confidence"] in _SEEN)
        ]
        for cuda in (*seen, None):
            label = "cpu" if cuda is None else f"cu{cuda.replace('.', '')}"
            yield from _iter_release(_without(row, older), cuda, label, requirements)


def _without(row: dict[str, Any], older: set[tuple[str, str]]) -> dict[str, Any]:
    """A row without the companions that were built with an older release of torch."""
    kept = {name: [one for one in row.get(name, ()) if (name, one) not in older] for name in _COMPANIONS}
    return {**row, **kept}


def _iter_release(row: dict[str, Any], cuda: str | None, label: str, requirements: dict[str, Any]) -> Iterator[Build]:
    tags = row["python"].split()
    platform = "linux_x86_64" if Version(row["version"]) < Version("2.6") else "manylinux_2_28_x86_64"
    triton = row.get("triton", "")
    needs = (*_COMMON, *_find_sympy(row["version"]))
    if cuda is not None:
        needs += (*_find_libraries(row["version"], cuda, requirements), *([f"triton{triton}"] if triton else []))
    yield from _build_each("torch", f"{row['version']}+{label}", label, tags, platform, needs)
    for project in ("torchvision", "torchaudio"):
        for version in row.get(project, ()):
            extra = ("numpy", "pillow!=8.3.*,>=5.3.0") if project == "torchvision" else ()
            needs = (*extra, _need_torch(project, version, row["version"]))
            yield from _build_each(project, f"{version}+{label}", label, tags, platform, needs)
    if cuda is None:
        return
    if triton:
        version = re.sub(r"^[=~]=", "", triton)
        yield from _build_each("triton", version, label, tags, "manylinux_2_28_x86_64", ())
    for version in row.get("xformers", ()) if label != "cu129" else ():
        needs = ("numpy", _need_torch("xformers", version, row["version"]))
        shown = f"{version}+{label}" if label == "cu118" else version
        yield Build(
            folder=label,
            project="xformers",
            filename=f"xformers-{shown}-cp39-abi3-manylinux_2_28_x86_64.whl",
            requires=needs,
        )


def _build_each(
    project: str, version: str, folder: str, tags: Sequence[str], platform: str, requires: tuple[str, ...]
) -> Iterator[Build]:
    """One wheel for each Python."""
    for abi in tags:
        python = abi.rstrip("t")
        flag = "m" if abi == "cp37" else ""
        yield Build(
            folder=folder,
            project=project,
            filename=f"{project}-{version}-{python}-{abi}{flag}-{platform}.whl",
            requires=requires,
        )


def _need_torch(project: str, version: str, torch: str) -> str:
    first, oldest = _STABLE_ABI[project]
    return f"torch>={oldest}" if Version(version) >= Version(first) else f"torch=={torch}"


def _find_sympy(torch: str) -> tuple[str, ...]:
    if Version("2.5") <= Version(torch) < Version("2.7"):
        return ("sympy==1.13.1",)
    return ("sympy>=1.13.3",) if Version(torch) >= Version("2.7") else ("sympy",)


def _find_libraries(torch: str, cuda: str, requirements: dict[str, Any]) -> Iterator[str]:
    """The nvidia packages that a build pins: those of its toolkit, and cuDNN, NCCL and others of its release."""
    release, toolkit = requirements["release"][torch], requirements["toolkit"].get(cuda)
    major = cuda.partition(".")[0]
    if "extras" in release and toolkit is not None:
        yield f"cuda-toolkit[cublas,curand,{release['extras']}]=={toolkit['version']}"
    elif toolkit is not None:
        yield from toolkit["pins"].split()
    libraries = release["libraries"].split()
    if major == "11" and Version(torch) >= Version("2.1"):
        table = requirements["cu11"]
        libraries = table[max((one for one in table if Version(one) <= Version(torch)), key=Version)].split()
    for library in libraries:
        if re.match(r"nvidia-[a-z]+-cu\d+==", library):
            yield re.sub(r"-cu\d+==", f"-cu{major}==", library)


def build_wheel(build: Build) -> tuple[bytes, bytes]:
    """The wheel, the same at every call, and its metadata."""
    lines = ["Metadata-Version: 2.1", f"Name: {build.project}", f"Version: {build.version}"]
    lines += [f"Requires-Dist: {one}" for one in build.requires]
    metadata = ("\n".join(lines) + "\n\n").encode()
    tag = build.filename.removesuffix(".whl").split("-", 2)[2]
    folder = f"{build.project}-{build.version}.dist-info"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in (
            (f"{folder}/METADATA", metadata),
            (f"{folder}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()),
            (f"{folder}/RECORD", b""),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)
    return body.getvalue(), metadata


class _Mirror(ThreadingHTTPServer):
    """The server; wheels are made when a page that lists them is asked for."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        data = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (_TORCH, _REQUIREMENTS)]
        self.pages: dict[str, dict[str, Build]] = {}
        for build in iter_builds(*data):
            for folder in (f"/{build.folder}", ""):
                self.pages.setdefault(f"/whl{folder}/{build.project}/", {}).setdefault(build.filename, build)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """What replaces `https://download.pytorch.org`, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @functools.cache  # noqa: B019  # The server lives as long as its process or test.
    def render_page(self, path: str) -> bytes | None:
        """A PEP 503 page, None for a project that the folder does not have."""
        builds = self.pages.get(path)
        if builds is None:
            return None
        links = []
        for filename, build in builds.items():
            body, metadata = build_wheel(build)
            offer = ""
            if build.project == "torch":
                offer = f' data-core-metadata="sha256={hashlib.sha256(metadata).hexdigest()}"'
            digest = hashlib.sha256(body).hexdigest()
            quoted = filename.replace("+", "%2B")
            links.append(f'<a href="/whl/{build.folder}/{quoted}#sha256={digest}"{offer}>{filename}</a><br>')
        return "\n".join(["<!DOCTYPE html><html><body>", *links, "</body></html>"]).encode()

    def find_file(self, path: str) -> bytes | None:
        """A wheel, or its metadata for a path with `.metadata`."""
        folder, _, filename = path.replace("%2B", "+").rpartition("/")
        name = filename.removesuffix(".metadata")
        if folder == "/releases" and name == filename and name.count("-") == 4:
            return build_wheel(
                Build(folder="", project=name.split("-")[0], filename=name, requires=("torch", "einops"))
            )[0]
        build = self.pages.get(f"{folder}/{name.split('-')[0]}/", {}).get(name)
        if build is None or (name != filename and build.project != "torch"):
            return None
        return build_wheel(build)[name != filename]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Mirror

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        is_page = path.endswith("/")
        body = self.server.render_page(path) if is_page else self.server.find_file(path)
        if body is None:
            self._send(404, b"", "text/plain")
            return
        kind = "text/html" if is_page else "application/octet-stream"
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or is_page:
            self._send(200, body, kind)
            return
        first, last = asked.groups()
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(len(body), int(last) + 1) if first and last else len(body)
        if start >= len(body):
            self._send(416, b"", kind, {"Content-Range": f"bytes */{len(body)}"})
            return
        self._send(206, body[start:end], kind, {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"})

    do_HEAD = do_GET  # noqa: N815  # The name that `http.server` calls.

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Accept-Ranges": "bytes", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing."""


@contextlib.contextmanager
def running_mirror() -> Iterator[str]:
    """The URL of a mirror that runs for the length of the block; `/whl/` is below it."""
    with _Mirror(0) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, daemon=True)
        thread.start()
        try:
            yield mirror.url
        finally:
            mirror.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="torch_mirror", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options = parser.parse_args(arguments)
    with _Mirror(options.port) as mirror, contextlib.suppress(KeyboardInterrupt):
        print(f"{mirror.url}/whl/", flush=True)
        mirror.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
