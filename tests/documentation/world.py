"""The hosts and packages that the pages of the documentation name, on loopback.

`index.example` is the default index, `packages.example` one with a login, `bucket.example` has wheels for signed URLs
alone, `mirror.example` builds of torch for one CUDA each. All packages are small and can be installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tests.loopback import Request
from tests.servers import Answer, IndexServer, wheel

__all__ = ["open_hosts"]

_WHEELS = (
    ("torch", "2.7.1", ("filelock",)),
    ("torch", "2.8.0", ("filelock", "nvidia-cublas-cu12==12.8.4.1")),
    ("nvidia-cublas-cu12", "12.8.4.1", ()),
    ("filelock", "3.20.0", ()),
    ("numpy", "2.1.0", ()),
    ("numpy", "2.3.4", ()),
    ("fastapi", "0.115.0", ("starlette",)),
    ("starlette", "0.40.0", ()),
    ("requests", "2.31.0", ("certifi", "charset-normalizer", "idna<4", "urllib3")),
    ("requests", "2.32.5", ("certifi", "charset-normalizer", "idna<4", "urllib3")),
    ("certifi", "2026.1.4", ()),
    ("charset-normalizer", "3.4.0", ()),
    ("idna", "3.10", ()),
    ("idna", "3.11", ()),
    ("urllib3", "2.4.0", ()),
    ("urllib3", "2.5.0", ()),
    ("diffusers", "0.35.1", ("huggingface-hub", "pillow", "requests")),
    ("transformers", "4.57.1", ("huggingface-hub<1", "numpy", "requests")),
    ("accelerate", "1.10.0", ("torch>=2", "numpy<3")),
    ("safetensors", "0.6.2", ()),
    ("sentencepiece", "0.2.1", ()),
    ("hf-transfer", "0.1.9", ()),
    ("pillow", "11.3.0", ()),
)


class _LoginServer(IndexServer):
    """An index that admits one user."""

    def respond(self, request: Request) -> Answer:
        if request.login != "deploy:t0ken":
            return Answer(status=401, headers={"WWW-Authenticate": "Basic"})
        return super().respond(request)


class _BucketServer(IndexServer):
    """A host of files that are given to signed URLs alone."""

    def respond(self, request: Request) -> Answer:
        if "X-Amz-Signature=" not in request.query:
            return Answer(status=403)
        return super().respond(request)


class _MirrorServer(IndexServer):
    """A mirror of torch's index, which has a folder for each CUDA: `/whl/cu128/torch/`."""

    def respond(self, request: Request) -> Answer:
        return super().respond(replace(request, target=request.target.replace("/whl/", "/simple/")))


@contextmanager
def open_hosts() -> Iterator[dict[str, str]]:
    """The base URL of each host, by the name that the pages have for it."""
    private = {"acme-model": [wheel("acme-model", "1.2", ["numpy"])], "acme-core": [wheel("acme-core", "0.3")]}
    signed = {"acme-kernels": [wheel("acme-kernels", "2.0", ["numpy"])]}
    builds = {f"{label}/torch": [wheel("torch", f"2.7.1+{label}", ["filelock"])] for label in ("cu126", "cu128")}
    with ExitStack() as stack:
        hosts: dict[str, IndexServer] = {
            "index.example": IndexServer(),
            "packages.example": _LoginServer(private),
            "bucket.example": _BucketServer(signed),
            "mirror.example": _MirrorServer(builds),
        }
        hosts["mirror.example"].view = "html"
        for name, version, requires in _WHEELS:
            hosts["index.example"].add(name, wheel(name, version, requires))
        hub = wheel(
            "huggingface-hub", "0.36.0", ["filelock", "hf-transfer; extra == 'hf-transfer'"], extras=["hf-transfer"]
        )
        hosts["index.example"].add("huggingface-hub", hub)
        yield {name: stack.enter_context(server).base_url for name, server in hosts.items()}
