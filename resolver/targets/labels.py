"""What a local version label, an index URL or a project's name says a build is for.

The forms are data (`labels.toml`); a `BuildLabel` says what one of them holds. Nothing here raises for any text:
what follows no form is None, and what two parts of a URL contradict is none of both.

Whether a wheel that says what it is built for goes with the torch of a lock (the wheel lint).

In: a wheel's file name and what its label says, and a build of torch. Out: whether they contradict, what each is built
for, and the name that a wheel for that torch would have. It holds for every wheel, from an index or named directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Literal
from urllib.parse import unquote

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.targets.accelerators import Cuda, CudaMajor, CudaVersion, parse_cuda
from resolver.targets.data_files import read_data

__all__ = [
    "BuildLabel",
    "TorchFacts",
    "complete_label",
    "contradicts",
    "describe_label",
    "describe_torch",
    "is_linted",
    "parse_index_label",
    "parse_label",
    "parse_name_label",
    "parse_version_label",
    "rewrite_label",
    "suggest_filename",
]


_PLACEHOLDERS = {
    "cuda": r"(?P<cuda>\d{1,2}\.\d{1,2}(?:\.\d{1,2})?|\d{2,4})",
    "torch": r"(?P<torch>\d\.\d{1,2}(?:\.\d{1,2})?)",
    "torch_xy": r"(?P<torch_xy>\d{2,3})",
    "torch_xyz": r"(?P<torch_xyz>\d{3,4})",
    "abi": r"(?P<abi>true|false)",
    "rest": r"(?:.+)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLabel:
    """What a build says that it is for; None is what it does not say.

    `backend` is what it computes on. `cuda` is set for `cuda` alone. `torch` is a release or a prefix of one: `2.5` is
    every 2.5.x. `cxx11_abi` is the ABI of torch's C++ code.
    """

    backend: Literal["cuda", "cpu", "rocm", "xpu"] | None = None
    cuda: Cuda | None = None
    torch: Version | None = None
    cxx11_abi: bool | None = None

    def fits_torch(self, version: Version) -> bool:
        """Whether the build is for a version of torch, as far as it says: `torch2.5` is for every 2.5.x."""
        if self.torch is None:
            return True
        wanted = self.torch.release
        return (*version.release, *(0,) * len(wanted))[: len(wanted)] == wanted


def parse_version_label(version: Version) -> BuildLabel | None:
    """What the local label of a version says (PEP 440): `2.5.1+cu124`."""
    return None if version.local is None else parse_label(version.local)


@lru_cache(maxsize=4096)
def parse_label(label: str) -> BuildLabel | None:
    """What a local version label says, normalized or as in a file name: `cu124`, `cu12torch2.5cxx11abiFALSE`."""
    return _match("label", re.sub(r"[-_]", ".", label.lower()))


@lru_cache(maxsize=256)
def parse_index_label(url: str) -> BuildLabel | None:
    """What the path of an index or find-links URL says of its files: `…/whl/cu128`, `…/torch-2.5.0+cu124.html`."""
    merged: BuildLabel | None = None
    for found in _iter_segments(url):
        if merged is None:
            merged = found
        elif _contradicts(merged, found):
            return None
        else:
            merged = _merge(merged, found)
    return merged


def complete_label(label: BuildLabel, index: BuildLabel | None) -> BuildLabel:
    """What a version says, with what its index or page says beside it; the version counts where they contradict."""
    return label if index is None or _contradicts(label, index) else _merge(label, index)


@lru_cache(maxsize=4096)
def parse_name_label(name: NormalizedName) -> BuildLabel | None:
    """What a project's name says: `cupy-cuda12x`, `nvidia-cublas-cu12`."""
    return _match("name", name)


def rewrite_label(label: str, *, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None) -> str | None:
    """The label of the same form for another torch: `cu12torch2.5cxx11abiFALSE` made `cu12torch2.6cxx11abiFALSE`.

    It says as much of each as the label did. None for a label of no form, or one that says what is not given.
    """
    text = re.sub(r"[-_]", ".", label.lower())
    for pattern, form in _compile_forms("label"):
        if (found := pattern.fullmatch(text)) and _read_match(found, form):
            return _rewrite(label, found, cuda=cuda, torch=torch, cxx11_abi=cxx11_abi)
    return None


def _rewrite(
    label: str, found: re.Match[str], *, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None
) -> str | None:
    rewritten, rest = "", 0
    for name, old in sorted(found.groupdict().items(), key=lambda group: found.start(group[0])):
        new = _render_part(name, label[found.start(name) : found.end(name)], cuda, torch, cxx11_abi)
        if old is None or new is None:
            return None
        rewritten += label[rest : found.start(name)] + new
        rest = found.end(name)
    return rewritten + label[rest:]


def _render_part(name: str, old: str, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None) -> str | None:
    """What stands in a label for one placeholder, in the words of what stood there."""
    match name:
        case "torch":
            return ".".join(map(str, torch.release[: len(Version(old).release)]))
        case "torch_xy":
            return f"{torch.major}{torch.minor}"
        case "torch_xyz":
            return f"{torch.major}{torch.minor}{torch.micro}"
        case "abi" if cxx11_abi is not None:
            text = "true" if cxx11_abi else "false"
            return text.upper() if old.isupper() else text
        case "cuda" if cuda is not None:
            if isinstance(parse_cuda(old), CudaMajor):
                return str(cuda.major)
            return None if isinstance(cuda, CudaMajor) else str(cuda) if "." in old else cuda.label.removeprefix("cu")
        case _:
            return None


def _iter_segments(url: str) -> Iterator[BuildLabel]:
    path = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "", url)
    for segment in re.split(r"[?#]", path, maxsplit=1)[0].split("/"):
        if found := _match("segment", unquote(segment).lower()):
            yield _widen(found)


def _widen(label: BuildLabel) -> BuildLabel:
    """A page for torch 2.5.0 is for every 2.5.x: so find-links pages are named."""
    torch = label.torch
    if torch is None or len(torch.release) < 3 or torch.micro:
        return label
    return replace(label, torch=Version(f"{torch.major}.{torch.minor}"))


def _match(kind: Literal["label", "segment", "name"], text: str) -> BuildLabel | None:
    for pattern, form in _compile_forms(kind):
        if (found := pattern.fullmatch(text)) and (label := _read_match(found, form)):
            return label
    return None


@cache
def _compile_forms(kind: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_compile(row["form"]), row["form"]) for row in read_data("labels")[kind])


def _compile(form: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z_]+)\}", form)
    texts = [_PLACEHOLDERS[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(texts), re.ASCII | re.DOTALL)


def _read_match(found: re.Match[str], form: str) -> BuildLabel | None:
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    cuda = parse_cuda(groups["cuda"]) if "cuda" in groups else None
    if "cuda" in groups and (cuda is None or not 8 <= cuda.major <= 19):
        return None
    return BuildLabel(
        backend="cuda" if cuda is not None else _find_backend(form),
        cuda=cuda,
        torch=_read_torch(groups),
        cxx11_abi=groups["abi"] == "true" if "abi" in groups else None,
    )


def _find_backend(form: str) -> Literal["cpu", "rocm", "xpu"] | None:
    if "cpu" in form:
        return "cpu"
    if form.startswith("rocm"):
        return "rocm"
    return "xpu" if form == "xpu" else None


def _read_torch(groups: dict[str, str]) -> Version | None:
    if text := groups.get("torch"):
        return Version(text)
    if digits := groups.get("torch_xy"):
        return Version(f"{digits[0]}.{digits[1:]}")
    if digits := groups.get("torch_xyz"):
        return Version(f"{digits[0]}.{digits[1:-1]}.{digits[-1]}")
    return None


def _contradicts(left: BuildLabel, right: BuildLabel) -> bool:
    pairs = ((left.backend, right.backend), (left.torch, right.torch), (left.cxx11_abi, right.cxx11_abi))
    if any(one is not None and other is not None and one != other for one, other in pairs):
        return True
    return left.cuda is not None and right.cuda is not None and _narrow(left.cuda, right.cuda) is None


def _merge(left: BuildLabel, right: BuildLabel) -> BuildLabel:
    cuda = _narrow(left.cuda, right.cuda) if left.cuda and right.cuda else left.cuda or right.cuda
    return BuildLabel(
        backend=left.backend or right.backend,
        cuda=cuda,
        torch=left.torch or right.torch,
        cxx11_abi=left.cxx11_abi if left.cxx11_abi is not None else right.cxx11_abi,
    )


def _narrow(left: Cuda, right: Cuda) -> Cuda | None:
    """The one that says more; None where they contradict."""
    if left.major != right.major:
        return None
    if isinstance(left, CudaMajor):
        return right
    if isinstance(right, CudaVersion) and left != right:
        return None
    return left


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchFacts:
    """A build of torch: `cuda` None for one without CUDA or of which nothing is known, as `knows_cuda` says."""

    version: Version
    cuda: Cuda | None = None
    knows_cuda: bool = False
    cxx11_abi: bool | None = None


def is_linted(label: BuildLabel | None) -> bool:
    """Whether a label says anything of torch: it is an extension of one release."""
    return label is not None and (label.torch is not None or label.cxx11_abi is not None)


def contradicts(label: BuildLabel, torch: TorchFacts) -> bool:
    """Whether a wheel with the label cannot work with a build of torch, as far as both say."""
    if not label.fits_torch(torch.version):
        return True
    if None not in (label.cxx11_abi, torch.cxx11_abi) and label.cxx11_abi != torch.cxx11_abi:
        return True
    if not torch.knows_cuda or label.backend is None:
        return False
    if label.cuda is None or torch.cuda is None:
        return label.cuda is not torch.cuda
    # Libraries of one major release go together; torch itself is linked to them, not to a minor release.
    return label.cuda.major != torch.cuda.major


def describe_label(label: BuildLabel) -> str:
    """What a wheel is built for: `torch 2.5 and CUDA 12, without the C++11 ABI`."""
    parts = [f"torch {label.torch}"] if label.torch is not None else []
    parts += [f"CUDA {label.cuda}"] if label.cuda is not None else [label.backend] if label.backend else []
    return " and ".join(parts) + _describe_abi(label.cxx11_abi)


def describe_torch(torch: TorchFacts) -> str:
    """What a build of torch is: `torch 2.6.0 for CUDA 12.4, without the C++11 ABI`."""
    text = f"torch {torch.version}"
    if torch.knows_cuda:
        text += f" for CUDA {torch.cuda}" if torch.cuda is not None else " without CUDA"
    return text + _describe_abi(torch.cxx11_abi)


def suggest_filename(filename: str, torch: TorchFacts) -> str | None:
    """The name of the wheel for a build of torch, where it can be told from the one at hand."""
    name, _, rest = filename.partition("-")
    version, _, tags = rest.partition("-")
    public, _, label = version.replace("%2B", "+").partition("+")
    cuda = torch.cuda if isinstance(torch.cuda, CudaVersion | CudaMajor) else None
    rewritten = rewrite_label(label, cuda=cuda, torch=torch.version, cxx11_abi=torch.cxx11_abi) if label else None
    return f"{name}-{public}+{rewritten}-{tags}" if rewritten is not None and rewritten != label else None


def _describe_abi(cxx11_abi: bool | None) -> str:
    return "" if cxx11_abi is None else f", {'with' if cxx11_abi else 'without'} the C++11 ABI"
