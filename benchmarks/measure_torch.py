"""What a release of torch was built for, read out of its wheels, as rows for `resolver/targets/data/torch.toml`.

    python -m benchmarks.measure_torch                    # the newest release of the default index
    python -m benchmarks.measure_torch 2.14.1
    python -m benchmarks.measure_torch 2.13.0 --index-url https://download.pytorch.org/whl/cu129
    python -m benchmarks.measure_torch --renew --family-url 'https://mirror.example/whl/{cuda}'

Wheels are read by ranges, no whole one travels and no GPU is needed: the CUDA release from `torch/version.py`, the
compiled architectures from the flags that `libtorch_python.so` was compiled with, requirements from METADATA.
Companions are the newest versions of torchvision and xformers whose own metadata admits the release; torchaudio has no
such requirement since 2.11, so its row is for the maintainer to check. Builds that were not measured are left out.

`--renew` rewrites `torch.toml`: a row for each newer release, and each build that was not verified is looked for on the
family's indexes (`--family-url`, a mirror for instance) and measured there. What was not found keeps `verified = false`
and is printed on standard error. Builds of a new release that no index showed are taken over from the release before.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from benchmarks.remote_file import RemoteFile
from resolver.fetch.http.responses import ACCEPT
from resolver.fetch.projects.pages import default_index_url
from resolver.fetch.projects.wheel_contents import LIBRARY, find_architectures
from resolver.index.distribution_file import RawFile
from resolver.index.page_building import parse_project_page
from resolver.targets.accelerators import CudaVersion, parse_cuda

__all__ = ["Measured", "main", "measure_wheel", "render_release", "renew"]

_PLATFORMS = ("x86_64", "aarch64")
_COMPANIONS = ("torchvision", "xformers")
_COMPANION_RELEASES = 6
_DATA = Path(__file__).parent.parent / "resolver" / "targets" / "data" / "torch.toml"
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One wheel: `cuda` is None for one without CUDA; `architectures` as in the data (`75 80 ptx120`)."""

    filename: str
    platform: str
    cuda: CudaVersion | None
    architectures: str
    requires: tuple[str, ...] = field(repr=False)
    fetched_bytes: int
    size_bytes: int


def main(arguments: list[str] | None = None) -> int:
    """Print the rows to add on standard output, and what was read on standard error."""
    options = _parse_arguments(arguments)
    if options.renew is not None:
        return _renew_file(options.renew, options.index_url, options.family_url)
    with httpx.Client(timeout=60.0) as client:
        wheels = _list_wheels(client, options.index_url, "torch")
        version = options.version or max(version for version in wheels if not version.is_prerelease)
        if version not in wheels:
            newest = ", ".join(str(one) for one in sorted(wheels, reverse=True)[:5])
            sys.exit(f"the index has no wheels of torch {version}; its newest are {newest}")
        measured = [
            measure_wheel(client, wheel.url, filename=wheel.filename, platform=platform)
            for platform in _PLATFORMS
            if (wheel := _pick(wheels[version], platform)) is not None
        ]
        for one in measured:
            share = f"{one.fetched_bytes / 1e6:.1f} of {one.size_bytes / 1e6:.0f} MB"
            print(
                f"{one.filename}: CUDA {one.cuda}, {one.architectures or 'no kernels'}; read {share}", file=sys.stderr
            )
        companions = {name: _find_companions(client, options.index_url, name, version) for name in _COMPANIONS}
    print(render_release(version, list(_iter_python_tags(wheels[version])), measured, companions))
    return 0


def measure_wheel(client: httpx.Client, url: str, *, filename: str, platform: str) -> Measured:
    """What a wheel of torch says of itself. Raises httpx.HTTPError, ValueError."""
    file = RemoteFile(client, url)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        raw, _ = parse_email(archive.read(metadata))
        cuda = _read_cuda(archive.read("torch/version.py").decode("utf-8"))
        library = next((name for name in names if name.endswith(LIBRARY)), None)
        architectures = ""
        if cuda is not None and library is not None:
            with archive.open(library) as stream:
                architectures = find_architectures(iter(lambda: stream.read(_CHUNK_BYTES), b""))
    return Measured(
        filename=filename,
        platform=platform,
        cuda=cuda,
        architectures=architectures,
        requires=tuple(raw.get("requires_dist", ())),
        fetched_bytes=file.fetched_bytes,
        size_bytes=file.size_bytes,
    )


def renew(client: httpx.Client, text: str, *, index_url: str, family_url: str | None) -> tuple[str, list[str]]:
    """The text of `torch.toml` with newer releases and newly verified builds, and a line for each build not verified.

    `family_url` has `{cuda}` for the label of an index; None for no such index. Raises httpx.HTTPError for a default
    index that cannot be read; a family's index that cannot be read verifies nothing.
    """
    family = _Family(client, family_url)
    missing: list[str] = []
    head, *rows = re.split(r"(?m)^(?=\[\[release\]\]$)", text)
    rows = [_renew_row(row, family, missing) for row in rows]
    known = [Version(tomllib.loads(row)["release"][0]["version"]) for row in rows]
    wheels = _list_wheels(client, index_url, "torch")
    for version in sorted(one for one in wheels if one > max(known) and not one.is_prerelease):
        builds = tomllib.loads(rows[0])["release"][0]["builds"]
        rows.insert(0, _measure_release(client, index_url, version, wheels[version], builds, family, missing))
    if any('source = "carried"' in row for row in rows) and "\ncarried = " not in head:
        head = head.replace("[sources]\n", '[sources]\ncarried = "the builds of the release before"\n')
    return head + "".join(rows), missing


class _Family:
    """The indexes with one CUDA each; a page that cannot be read has no wheels."""

    def __init__(self, client: httpx.Client, url: str | None) -> None:
        self._client = client
        self._url = url
        self._pages: dict[str, dict[Version, list[RawFile]]] = {}

    def measure(self, version: str, cuda: str, platform: str) -> Measured | str:
        """What the wheel of a build says of itself; a text with the reason where there is none to read."""
        label = f"cu{cuda.replace('.', '')}"
        if self._url is None:
            return "no `--family-url` was given"
        try:
            if label not in self._pages:
                self._pages[label] = _list_wheels(self._client, self._url.replace("{cuda}", label), "torch")
            wheel = _pick(self._pages[label].get(Version(f"{version}+{label}"), ()), platform)
            if wheel is None:
                return f"the index of {label} does not list it"
            return measure_wheel(self._client, wheel.url, filename=wheel.filename, platform=platform)
        except (httpx.HTTPError, ValueError) as error:
            return f"the index of {label} cannot be read: {error}"


def _renew_row(row: str, family: _Family, missing: list[str]) -> str:
    """A row with the builds measured that were not verified; those that cannot be are added to `missing`."""
    release = tomllib.loads(row)["release"][0]
    lines = row.split("\n")
    for at, line in enumerate(lines):
        if "verified = false" not in line:
            continue
        build = tomllib.loads(f"build = [{line.strip()}]")["build"][0]
        found = _verify(release["version"], build, family, missing)
        lines[at] = _render_build(found) if found is not None else line
    return "\n".join(lines)


def _verify(version: str, build: dict[str, Any], family: _Family, missing: list[str]) -> Measured | None:
    """A build that is measured on its index; None if that cannot be, which is added to `missing`."""
    platform = build.get("on", "x86_64")
    found = family.measure(version, build["cuda"], platform)
    if isinstance(found, Measured) and str(found.cuda) == build["cuda"] and found.architectures:
        return found
    why = (
        found if isinstance(found, str) else f"its wheel says CUDA {found.cuda}, {found.architectures or 'no kernels'}"
    )
    missing.append(f"torch {version} for CUDA {build['cuda']} on {platform}: {why}")
    return None


def _measure_release(
    client: httpx.Client,
    index_url: str,
    version: Version,
    wheels: Sequence[RawFile],
    builds: Sequence[dict[str, Any]],
    family: _Family,
    missing: list[str],
) -> str:
    """The row of a new release: its default builds measured, the `builds` of the release before verified or carried."""
    picked = [(platform, _pick(wheels, platform)) for platform in _PLATFORMS]
    measured = [
        measure_wheel(client, wheel.url, filename=wheel.filename, platform=platform)
        for platform, wheel in picked
        if wheel is not None
    ]
    companions = {name: _find_companions(client, index_url, name, version) for name in _COMPANIONS}
    seen = {(one.platform, str(one.cuda)) for one in measured}
    others: list[str] = []
    for build in builds:
        if (build.get("on", "x86_64"), build["cuda"]) not in seen:
            found = _verify(str(version), build, family, missing)
            others.append(_render_carried(build) if found is None else _render_build(found))
    return render_release(version, list(_iter_python_tags(wheels)), measured, companions, others) + "\n\n"


def _render_carried(build: dict[str, Any]) -> str:
    """The line of a build that the release before has and no index showed."""
    place = f' on = "{build["on"]}",' if "on" in build else ""
    return (
        f'  {{ cuda = "{build["cuda"]}", sm = "{build["sm"]}",{place} verified = false, source = "carried",'
        ' confidence = "unverified" },'
    )


def _render_build(one: Measured) -> str:
    """The line of a measured build."""
    place = "" if one.platform == "x86_64" else f' on = "{one.platform}",'
    return (
        f'  {{ cuda = "{one.cuda}", sm = "{one.architectures}",{place} verified = true, source = "wheel",'
        ' confidence = "measured" },'
    )


def _renew_file(path: Path, index_url: str, family_url: str | None) -> int:
    """Rewrite the data, and print what was not verified on standard error."""
    with httpx.Client(timeout=60.0) as client:
        text, missing = renew(client, path.read_text(encoding="utf-8"), index_url=index_url, family_url=family_url)
    path.write_text(text, encoding="utf-8")
    for line in missing:
        print(f"not verified: {line}", file=sys.stderr)
    return 0


def render_release(
    version: Version,
    python_tags: Sequence[str],
    measured: Sequence[Measured],
    companions: dict[str, tuple[Version, ...]],
    others: Sequence[str] = (),
) -> str:
    """The `[[release]]` table of one release, as the data has it; `others` are lines of further builds."""
    defaults = ", ".join(f'{one.platform} = "{one.cuda or "cpu"}"' for one in measured)
    triton = next((text for one in measured if (text := _find_triton(one.requires))), "")
    lines = [
        "[[release]]",
        f'version = "{version.public}"',
        f'python = "{" ".join(python_tags)}"',
        "complete = []",
        f"default = {{ {defaults} }}",
    ]
    for name in ("torchvision", "torchaudio", "xformers"):
        texts = ", ".join(f'"{one}"' for one in companions.get(name, ()))
        lines.append(f"{name} = [{texts}]" + ("  # no requirement names torch: to be checked" if not texts else ""))
    lines += [f'triton = "{triton}"', 'source = "wheel, companions"', "builds = ["]
    lines += [_render_build(one) for one in measured if one.cuda is not None]
    lines += others
    return "\n".join((*lines, "]"))


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure_torch", description=__doc__.split("\n")[0])
    parser.add_argument("version", type=Version, nargs="?", help="default: the newest release of the index")
    parser.add_argument("--index-url", default=default_index_url().public, help="default: pip's built-in index")
    parser.add_argument("--renew", type=Path, nargs="?", const=_DATA, metavar="FILE", help=f"rewrite {_DATA.name}")
    parser.add_argument(
        "--family-url", help="indexes of one CUDA each, with {cuda} for the label: https://…/whl/{cuda}"
    )
    return parser.parse_args(arguments)


def _list_wheels(client: httpx.Client, index_url: str, name: str) -> dict[Version, list[RawFile]]:
    """The wheels of a project that are not yanked, by version."""
    url = f"{index_url.rstrip('/')}/{name}/"
    response = client.get(url, headers={"Accept": ACCEPT}, follow_redirects=True)
    response.raise_for_status()
    files = parse_project_page(
        response.content,
        content_type=response.headers.get("content-type", ""),
        url=str(response.url),
        name=NormalizedName(name),
    )
    found: dict[Version, list[RawFile]] = {}
    for file in files:
        if file.filename.endswith(".whl") and file.yanked is None:
            try:
                version = Version(file.filename.split("-")[1])
            except InvalidVersion:
                continue
            found.setdefault(version, []).append(file)
    return found


def _pick(wheels: Sequence[RawFile], platform: str) -> RawFile | None:
    """One wheel for Linux on an architecture: all Pythons have the same kernels, so the first by name will do."""
    fitting = [wheel for wheel in wheels if re.search(rf"linux[a-z0-9_]*_{platform}\.whl$", wheel.filename)]
    return min(fitting, key=lambda wheel: wheel.filename, default=None)


def _iter_python_tags(wheels: Sequence[RawFile]) -> Iterator[str]:
    """Tags of the Linux x86_64 wheels, oldest Python first: `cp310`, `cp313t`."""
    fitting = [wheel.filename for wheel in wheels if re.search(r"linux[a-z0-9_]*_x86_64\.whl$", wheel.filename)]
    abis = {next(iter(parse_wheel_filename(name)[3])).abi for name in fitting}
    yield from sorted(abis, key=lambda abi: (int(re.sub(r"\D", "", abi)), abi))


def _read_cuda(text: str) -> CudaVersion | None:
    found = re.search(r"""^cuda(?::[^=]*)?\s*=\s*['"]([0-9.]+)['"]""", text, re.MULTILINE)
    cuda = None if found is None else parse_cuda(found[1])
    return cuda if isinstance(cuda, CudaVersion) else None


def _find_triton(requires: Sequence[str]) -> str:
    parsed = map(Requirement, requires)
    return next((str(one.specifier) for one in parsed if one.name == "triton"), "")


def _find_companions(client: httpx.Client, index_url: str, name: str, torch: Version) -> tuple[Version, ...]:
    """Those of the newest versions of a project whose metadata admits the release of torch, oldest first."""
    wheels = _list_wheels(client, index_url, name)
    found = []
    for version in sorted((one for one in wheels if not one.is_prerelease), reverse=True)[:_COMPANION_RELEASES]:
        wheel = _pick(wheels[version], "x86_64")
        if wheel is not None and _needs(client, wheel, torch):
            found.append(Version(version.public))
    return tuple(sorted(set(found)))


def _needs(client: httpx.Client, wheel: RawFile, torch: Version) -> bool:
    with zipfile.ZipFile(RemoteFile(client, wheel.url)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        raw, _ = parse_email(archive.read(name))
    parsed = [Requirement(text) for text in raw.get("requires_dist", ())]
    asked = [one.specifier for one in parsed if one.name == "torch" and len(one.specifier)]
    return bool(asked) and all(specifier.contains(torch.public, prereleases=True) for specifier in asked)


if __name__ == "__main__":
    sys.exit(main())
