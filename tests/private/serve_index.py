"""pypiserver behind a user and password, as a process of its own: `serve_index.py FOLDER USERS LOG`.

Its import replaces parts of Python's import machinery, which no test should find. USERS is a file of `user:password`
lines, read for each request; LOG gets one JSON line a request. The port is printed when it answers.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver  # type: ignore[import-untyped]  # it has no types


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error clean."""


def serve(folder: Path, users: Path, log: Path) -> None:
    """Answer until the process is ended."""

    def admits(user: str, password: str) -> bool:
        return f"{user}:{password}" in users.read_text().splitlines()

    app = pypiserver.app(
        roots=[folder], authenticate=["list", "download", "update"], auther=admits, password_file="none"
    )

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = environ.get("HTTP_AUTHORIZATION", "")
        user, _, password = base64.b64decode(told.removeprefix("Basic ")).decode().partition(":")
        with log.open("a") as file:
            file.write(
                json.dumps([environ["PATH_INFO"], [user, password] if told else None, environ.get("HTTP_RANGE")]) + "\n"
            )
        answered: Iterable[bytes] = app(environ, start_response)
        return answered

    with make_server("127.0.0.1", 0, answer, server_class=_Server, handler_class=_QuietHandler) as server:
        print(server.server_port, flush=True)
        server.serve_forever(0.02)


if __name__ == "__main__":
    serve(*map(Path, sys.argv[1:4]))
