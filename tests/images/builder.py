"""Dockerfiles built with buildah, the images that come of it, and what these images and the builder keep."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.canary.secret_search import find_canaries
from tests.images.base_image import PYTHON, BaseImage, run_checked, unmount_below

__all__ = ["Builder", "Image", "make_wheelhouse"]

_ROOT = Path(__file__).parents[2]
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64")
_PIP_CONFIGURATION = "[global]\nno-index = true\nfind-links = /wheelhouse\ndisable-pip-version-check = true\n"


def make_wheelhouse(folder: Path) -> Path:
    """A wheel of this pinfold in a folder with all that it needs, uv too; the wheel."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run_checked([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(_ROOT)])
    (wheel,) = folder.glob("pinfold-*.whl")
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    target = ("--only-binary", ":all:", "--python-version", PYTHON, *platforms)
    run_checked([*pip, "download", *target, "--dest", str(folder), str(wheel), "uv", "setuptools"])
    return wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image in a folder in the OCI image layout."""

    folder: Path
    name: str

    @property
    def configuration(self) -> dict[str, Any]:
        """The OCI configuration: what is run, and the digest of each layer from the base on."""
        return self._read(self._manifest["config"]["digest"])

    @property
    def layers(self) -> list[str]:
        """The digests of the layers, as archives that are not compressed."""
        return list(self.configuration["rootfs"]["diff_ids"])

    @property
    def _manifest(self) -> dict[str, Any]:
        index = json.loads((self.folder / "index.json").read_text())
        return self._read(index["manifests"][0]["digest"])

    def _read(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._find(digest).read_text())
        return found

    def _find(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def list_files(self) -> dict[str, set[str]]:
        """By layer above the base image, the paths in it that are no folders."""
        return {layer: {member.name for member, _ in _iter_members(path)} for layer, path in self._list_archives()}

    def search(self) -> list[str]:
        """`layer path: canary` for each in a file, a name or a link of a layer, and in manifest and configuration."""
        documents = (self._manifest, self.configuration)
        found = [f"document: {text}" for one in documents for text in find_canaries(json.dumps(one).encode())]
        for layer, path in self._list_archives():
            for member, content in _iter_members(path):
                said = f"{member.name}\n{member.linkname}\n{member.pax_headers}".encode(errors="surrogateescape")
                found += [f"{layer[:14]} {member.name}: {text}" for text in find_canaries(content + b"\n" + said)]
        return found

    def _list_archives(self) -> list[tuple[str, Path]]:
        """The layers with their archives, without the base image, which is older than any secret of a test."""
        archives = [self._find(layer["digest"]) for layer in self._manifest["layers"]]
        return list(zip(self.layers, archives, strict=True))[1:]


def _iter_members(path: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isdir():
                file = archive.extractfile(member) if member.isreg() else None
                yield member, b"" if file is None else file.read()


class Builder:
    """buildah with a store of its own in `folder`, on the base image; `output` is all that it has printed.

    buildah 1.28 knows no `RUN --network`. So the stage with the wheels is built first; then the whole file is built
    in a network namespace without any connection, where that stage comes from the layers that are kept.
    """

    def __init__(self, folder: Path, *, base: BaseImage, wheel: Path) -> None:
        self.folder, self._base = folder, base
        self._wheel = wheel
        self.output = ""
        self._temporary = folder / "temporary"
        self._temporary.mkdir(parents=True)
        self._pip = folder / "pip.conf"
        self._pip.write_text(_PIP_CONFIGURATION)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take down what buildah has mounted below the folder, also for containers of a build that has failed."""
        unmount_below(self.folder)

    def list_kept(self) -> list[Path]:
        """The files of the cache mounts and of all layers, those of other stages too.

        The tools and the base image are older than any secret of a test; what was exported is searched by `Image`.
        """
        places = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [path for path in places if not {"merged", "pinfold", "blobs"} & {*path.relative_to(self.folder).parts}]

    def build(
        self,
        dockerfile: Path,
        name: str,
        *,
        context: Path,
        secret: Path,
        options: tuple[str, ...] = (),
        **arguments: str,
    ) -> Image:
        """Build a Dockerfile with the example's secret; the arguments are those of ARG."""
        text = dockerfile.read_text(encoding="utf-8")
        file = self.folder / f"Dockerfile.{name}"
        file.write_text(text.replace("--network=none ", ""), encoding="utf-8")
        given = {"PYTHON": PYTHON, "PINFOLD": f"/wheelhouse/{self._wheel.name}", **arguments}
        words = [
            *("build", "--isolation", "chroot", "--layers", "--file", str(file), "--tag", name),
            *("--secret", f"id=credentials,src={secret}"),
            *(word for key, value in given.items() for word in ("--build-arg", f"{key}={value}")),
            *options,
        ]
        tools = ["--volume", f"{self._wheel.parent}:/wheelhouse:ro", "--volume", f"{self._pip}:/etc/pip.conf:ro"]
        if "--network=none" in text:
            (stage,) = re.findall(r"(?m)^FROM \S+ AS (\S+)$", text)
            self._run([*words, *tools, "--target", stage, str(context)])
            self._run([*words, str(context)], isolated=True)
        else:
            self._run([*words, *tools, str(context)])
        folder = self.folder / f"image-{name}"
        self._run(["push", "-q", name, f"oci:{folder}"])
        return Image(folder=folder, name=name)

    def start(self, image: Image, *command: str) -> str:
        """What the image prints when it is started, without a network; its own command where none is given."""
        container = self._run(["from", image.name]).strip().splitlines()[-1]
        words = command or tuple(image.configuration["config"]["Cmd"])
        return self._run(["run", "--isolation", "chroot", container, "--", *words], isolated=True)

    def _run(self, words: list[str], *, isolated: bool = False) -> str:
        storage = ("--root", str(self.folder / "store"), "--runroot", str(self.folder / "run"))
        driver = self._base.driver
        driven = ("--storage-driver", driver, "--storage-opt", f"{driver}.imagestore={self._base.store}")
        alone = ("unshare", "--net") if isolated else ()
        done = subprocess.run(
            [*alone, "buildah", *storage, *driven, *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output += done.stdout + done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "TMPDIR": str(self._temporary),
        }
