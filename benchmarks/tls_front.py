"""nginx in front of the replay index: the same answers behind TLS, over HTTP/2 where the client speaks it.

In: the address of a running replay index. Out: an `https` address on loopback, and the certificate to trust.

Needs the commands `nginx` (Debian: nginx-light) and `openssl`. The certificate is made anew for each run, by an
authority of its own, since some clients take no authority's certificate for a server's.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MissingProgramError", "TlsFront", "free_port", "running_front"]

START_SECONDS = 10.0
CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream replay {{ server {upstream}; keepalive 512; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        ssl_session_cache shared:tls:8m;
        keepalive_requests 1000000;
        http2_max_concurrent_streams 512;
        location / {{
            proxy_pass http://replay;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffers 64 64k;
        }}
    }}
}}
"""


class MissingProgramError(Exception):
    """A program that the front needs is not installed; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFront:
    """A running front: its address without a path, and the file of the certificate authority."""

    base: str
    authority: Path


@contextlib.contextmanager
def running_front(upstream: str, *, port: int) -> Iterator[TlsFront]:
    """A front on `port`, for the length of the block; `upstream` is `http://HOST:PORT`."""
    nginx, openssl = (_find_program(name) for name in ("nginx", "openssl"))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        _make_certificates(openssl, folder)
        configuration = folder / "nginx.conf"
        values = {"folder": folder, "port": port, "upstream": upstream.removeprefix("http://")}
        configuration.write_text(CONFIGURATION.format(**values), encoding="utf-8")
        command = [nginx, "-c", str(configuration), "-e", str(folder / "error.log")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for_port(port, process, folder / "error.log")
                yield TlsFront(base=f"https://127.0.0.1:{port}", authority=folder / "authority.pem")
            finally:
                process.terminate()


def free_port() -> int:
    """A port that was free a moment ago: the index must know the front's address before the front runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _find_program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise MissingProgramError(f"`{name}` is not installed; on Debian, `apt-get install nginx-light openssl`")
    return path


def _make_certificates(openssl: str, folder: Path) -> None:
    """An authority, and a server certificate for loopback signed by it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    own = ["req", "-x509", *key, "-subj", "/CN=replay authority"]
    _run(openssl, [*own, "-keyout", "authority.key", "-out", "authority.pem"], folder)
    request = ["req", *key[:-2], "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"]
    _run(openssl, request, folder)
    (folder / "names.cnf").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    signed = ["x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key"]
    _run(openssl, [*signed, "-CAcreateserial", "-days", "2", "-extfile", "names.cnf", "-out", "server.pem"], folder)


def _run(program: str, arguments: list[str], folder: Path) -> None:
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"nginx does not start:\n{log.read_text(encoding='utf-8') if log.exists() else ''}")
