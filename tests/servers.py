"""A package index on loopback: real HTTP, a log of requests, and faults on demand.

    with IndexServer({"a": [wheel("a", "1.0", ["b>=2"])], "b": [wheel("b", "2.1")]}) as server:
        ... server.index_url ...
        assert server.paths() == ["/simple/a/", "/simple/b/", ...]

Every attribute may be changed while the server runs; the next request sees it.
"""

from __future__ import annotations

import hashlib
import html
import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.distributions import make_metadata, make_sdist, make_wheel, sdist_filename, wheel_filename
from tests.loopback import Answer, LoopbackServer, Request, find_part

__all__ = ["Answer", "IndexServer", "ServedFile", "sdist", "wheel"]

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    """A file of a project as the index lists it. `metadata` is offered as PEP 658 file where it is not None."""

    filename: str
    content: bytes
    metadata: bytes | None = None
    requires_python: str | None = None
    upload_time: str | None = "2024-01-01T00:00:00.000000Z"
    yanked: str | None = None
    sha256: str | None = None
    """The hash that the page claims; None for the true one."""

    @property
    def listed_sha256(self) -> str:
        return self.sha256 or hashlib.sha256(self.content).hexdigest()


def wheel(
    name: str, version: str, requires: Sequence[str] = (), *, tags: str = "py3-none-any", build: str = "", **listed: Any
) -> ServedFile:
    """A wheel with its PEP 658 metadata; `extras` and `requires_python` shape it, the rest sets ServedFile fields."""
    shape = {"extras": listed.pop("extras", ()), "requires_python": listed.get("requires_python")}
    return ServedFile(
        **{
            "filename": wheel_filename(name, version, tags, build),
            "content": make_wheel(name, version, requires, tags=tags, **shape),
            "metadata": make_metadata(name, version, requires=requires, **shape),
            **listed,
        }
    )


def sdist(name: str, version: str, requires: Sequence[str] = (), **options: Any) -> ServedFile:
    """An sdist; `static`, `build_requires`, `backend_statement` and `files` shape it, the rest sets ServedFile's."""
    shape = {
        key: options.pop(key) for key in ("static", "build_requires", "backend_statement", "files") if key in options
    }
    content = make_sdist(name, version, requires, requires_python=options.get("requires_python"), **shape)
    return ServedFile(**{"filename": sdist_filename(name, version), "content": content, **options})


class IndexServer(LoopbackServer):
    """An index and its file host on one loopback port; a context manager.

    `faults` maps a path (`/simple/a/`, `/files/a-1.0.tar.gz`) to answers used up one a request, before the truth is
    told; `always` maps a path to the answer it always gets. Find-links pages of all files lie at `/links/`, and of one
    project at `/links/<name>/`.
    """

    def __init__(
        self, projects: Mapping[str, Iterable[ServedFile]] | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls=tls)
        self.projects: dict[str, list[ServedFile]] = {name: list(files) for name, files in (projects or {}).items()}
        self.view: Literal["negotiated", "json", "html"] = "negotiated"
        self.core_metadata: Literal["hash", "plain", "none"] = "hash"
        self.hashes = True
        self.sizes = True
        self.upload_times = True
        self.validators = True
        self.cache_control: str | None = "max-age=600"
        self.ranges: Literal["honest", "ignored", "refused", "wrong start", "whole as 206"] = "honest"
        self.faults: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {}

    @property
    def index_url(self) -> str:
        return f"{self.base_url}/simple/"

    @property
    def links_url(self) -> str:
        return f"{self.base_url}/links/"

    def file_url(self, filename: str) -> str:
        return f"{self.base_url}/files/{filename}"

    def add(self, name: str, *files: ServedFile) -> None:
        """Put more files on a project's page."""
        self.projects.setdefault(name, []).extend(files)

    def respond(self, request: Request) -> Answer:
        """The answer to one request; faults first."""
        path, headers = request.path, request.headers
        with self.lock:
            queue = self.faults.get(path)
            if queue:
                return queue.pop(0)
        if path in self.always:
            return self.always[path]
        if path.startswith("/simple/"):
            return self._page(path.removeprefix("/simple/").strip("/"), headers)
        if path.startswith("/links/"):
            name = path.removeprefix("/links/").strip("/")
            files = self.projects.get(name, []) if name else [file for all in self.projects.values() for file in all]
            return self._validated(_html_page(self, files).encode(), "text/html", headers)
        return self._file(path.removeprefix("/files/"), headers)

    def _page(self, name: str, headers: Mapping[str, str]) -> Answer:
        if name not in self.projects:
            return Answer(status=404, body=b"no such project", headers={"Content-Type": "text/plain"})
        as_json = self.view == "json" or (self.view == "negotiated" and JSON_TYPE in headers.get("accept", ""))
        if as_json:
            return self._validated(_json_page(self, name).encode(), JSON_TYPE, headers)
        return self._validated(_html_page(self, self.projects[name]).encode(), "text/html", headers)

    def _validated(self, body: bytes, content_type: str, headers: Mapping[str, str]) -> Answer:
        answered = {"Content-Type": content_type, "Vary": "Accept"}
        if self.cache_control is not None:
            answered["Cache-Control"] = self.cache_control
        if self.validators:
            answered["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if headers.get("if-none-match") == answered["ETag"]:
                return Answer(status=304, headers=answered)
        return Answer(headers=answered, body=body)

    def _file(self, filename: str, headers: Mapping[str, str]) -> Answer:
        files = {file.filename: file for all in self.projects.values() for file in all}
        file = files.get(filename.removesuffix(".metadata"))
        if filename.endswith(".metadata"):
            if file is None or file.metadata is None or self.core_metadata == "none":
                return Answer(status=404)
            return Answer(body=file.metadata, headers={"Content-Type": "application/octet-stream"})
        if file is None:
            return Answer(status=404)
        return self._ranged(file.content, headers.get("range"))

    def _ranged(self, content: bytes, wanted: str | None) -> Answer:
        kind = {"Content-Type": "application/octet-stream"}
        if wanted is None or self.ranges == "ignored":
            return Answer(body=content, headers=kind)
        if self.ranges == "refused":
            return Answer(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        start, stop = find_part(wanted, size_bytes=len(content))
        told = start + 1 if self.ranges == "wrong start" else start
        body = content if self.ranges == "whole as 206" else content[start:stop]
        span = {"Content-Range": f"bytes {told}-{stop - 1}/{len(content)}", "Accept-Ranges": "bytes"}
        return Answer(status=206, body=body, headers={**kind, **span})


def _json_page(index: IndexServer, name: str) -> str:
    page = {
        "meta": {"api-version": "1.1"},
        "name": name,
        "versions": list(
            dict.fromkeys(file.filename.removesuffix(".tar.gz").split("-")[1] for file in index.projects[name])
        ),
        "files": [_json_file(index, file) for file in index.projects[name]],
    }
    return json.dumps(page)


def _json_file(index: IndexServer, file: ServedFile) -> dict[str, object]:
    listed: dict[str, object] = {"filename": file.filename, "url": index.file_url(file.filename)}
    listed["hashes"] = {"sha256": file.listed_sha256} if index.hashes else {}
    listed["yanked"] = False if file.yanked is None else file.yanked or True
    if file.requires_python is not None:
        listed["requires-python"] = file.requires_python
    if index.sizes:
        listed["size"] = len(file.content)
    if index.upload_times and file.upload_time is not None:
        listed["upload-time"] = file.upload_time
    if file.metadata is not None and index.core_metadata != "none":
        promised = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        listed["core-metadata"] = promised if index.core_metadata == "hash" else True
    return listed


def _html_page(index: IndexServer, files: Iterable[ServedFile]) -> str:
    anchors = "".join(_anchor(index, file) for file in files)
    return (
        f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>{anchors}</body>'
    )


def _anchor(index: IndexServer, file: ServedFile) -> str:
    fragment = f"#sha256={file.listed_sha256}" if index.hashes else ""
    attributes = ""
    if file.requires_python is not None:
        attributes += f' data-requires-python="{html.escape(file.requires_python)}"'
    if file.yanked is not None:
        attributes += f' data-yanked="{html.escape(file.yanked)}"'
    if file.metadata is not None and index.core_metadata != "none":
        digest = hashlib.sha256(file.metadata).hexdigest()
        attributes += f' data-core-metadata="{f"sha256={digest}" if index.core_metadata == "hash" else "true"}"'
    return f'<a href="{index.file_url(file.filename)}{fragment}"{attributes}>{file.filename}</a><br>\n'
