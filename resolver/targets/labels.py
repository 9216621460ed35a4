"""The labels of builds, read from versions, index URLs and project names, and whether a build fits a torch.

In: labels, URLs and names as they are found. Out: a `BuildLabel`; and for a wheel with a label beside a build of torch
(`TorchFacts`): whether the two contradict each other, what each is built for, and the file name of the wheel for that
torch. That comparison holds for every wheel, from an index or from a direct URL.

The forms of labels are data (`data/labels.toml`), so a new form needs a row and no code. Any text is accepted: a text
without a known form gives None, and where two parts of a URL contradict each other, neither counts.
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
    "is_torch_extension",
    "is_unreadable",
    "parse_index_label",
    "parse_label",
    "parse_name_label",
    "parse_version_label",
    "suggest_filename",
]

# By the name of a placeholder in `labels.toml`, its pattern.
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
    """The parts of a label; None for each part that it leaves out.

    `backend` is what the build computes on. `cuda` is set for the backend `cuda` alone. `torch` is a release of torch
    or a prefix of one: `2.5` is every 2.5.x. `cxx11_abi` is whether torch's C++ code has the C++11 ABI.
    """

    backend: Literal["cuda", "cpu", "rocm", "xpu"] | None = None
    cuda: Cuda | None = None
    torch: Version | None = None
    cxx11_abi: bool | None = None

    def fits_torch(self, version: Version) -> bool:
        """Whether the build is for a version of torch; true where the label names no torch."""
        if self.torch is None:
            return True
        wanted = self.torch.release
        return (*version.release, *(0,) * len(wanted))[: len(wanted)] == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchFacts:
    """What is known of a build of torch.

    `cuda` is None for a build without CUDA, and also for an unknown one: there `knows_cuda` is false. `cxx11_abi` None
    is unknown too.
    """

    version: Version
    cuda: Cuda | None = None
    knows_cuda: bool = False
    cxx11_abi: bool | None = None


def parse_version_label(version: Version) -> BuildLabel | None:
    """The local label of a version (PEP 440), read: `2.5.1+cu124`. None without a label of a known form."""
    return None if version.local is None else parse_label(version.local)


@lru_cache(maxsize=4096)
def parse_label(label: str) -> BuildLabel | None:
    """A local version label, normalized or as in a file name, read: `cu124`, `cu12torch2.5cxx11abiFALSE`."""
    text = re.sub(r"[-_]", ".", label.lower())
    return _match("label", text) or _scan(text)


def is_unreadable(version: Version) -> bool:
    """Whether the local label of a version looks like that of a build, and has no form that can be read."""
    return version.local is not None and parse_label(version.local) is None and bool(_words().search(version.local))


@lru_cache(maxsize=256)
def parse_index_label(url: str) -> BuildLabel | None:
    """The path of an index or find-links URL, read as the label of its files: `…/whl/cu128`,
    `…/torch-2.5.0+cu124.html`.

    All segments count together. None if no segment has a known form, or if two contradict each other.
    """
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
    """The label of a version, completed by that of its index or page; unchanged where the two contradict each other."""
    return label if index is None or _contradicts(label, index) else _merge(label, index)


@lru_cache(maxsize=4096)
def parse_name_label(name: NormalizedName) -> BuildLabel | None:
    """The suffix of a project's name, read: `cupy-cuda12x`, `nvidia-cublas-cu12`.

    None without a suffix of a known form.
    """
    return _match("name", name)


def is_torch_extension(label: BuildLabel | None) -> bool:
    """Whether a label names a torch or its ABI, so that the wheel is an extension of one torch release."""
    return label is not None and (label.torch is not None or label.cxx11_abi is not None)


def contradicts(label: BuildLabel, torch: TorchFacts) -> bool:
    """Whether a wheel with the label cannot work with a build of torch; parts that either leaves open are skipped."""
    if not label.fits_torch(torch.version):
        return True
    if None not in (label.cxx11_abi, torch.cxx11_abi) and label.cxx11_abi != torch.cxx11_abi:
        return True
    # Without a backend in the label, or knowledge of torch's CUDA, there is nothing to compare.
    if not torch.knows_cuda or label.backend is None:
        return False
    if label.cuda is None or torch.cuda is None:
        return label.cuda is not torch.cuda
    # CUDA libraries keep their ABI within a major release, and torch links to them by major release alone.
    return label.cuda.major != torch.cuda.major


def describe_label(label: BuildLabel) -> str:
    """The label in words, for a message: `torch 2.5 and CUDA 12, without the C++11 ABI`."""
    parts = [f"torch {label.torch}"] if label.torch is not None else []
    parts += [f"CUDA {label.cuda}"] if label.cuda is not None else [label.backend] if label.backend else []
    return " and ".join(parts) + _describe_abi(label.cxx11_abi)


def describe_torch(torch: TorchFacts) -> str:
    """A build of torch in words, for a message: `torch 2.6.0 for CUDA 12.4, without the C++11 ABI`."""
    text = f"torch {torch.version}"
    if torch.knows_cuda:
        text += f" for CUDA {torch.cuda}" if torch.cuda is not None else " without CUDA"
    return text + _describe_abi(torch.cxx11_abi)


def suggest_filename(filename: str, torch: TorchFacts) -> str | None:
    """The file name that the same wheel for a build of torch would have.

    None if the label has no known form, names a part that is unknown of the build, or fits the build already.
    """
    name, _, rest = filename.partition("-")
    version, _, tags = rest.partition("-")
    public, _, label = version.replace("%2B", "+").partition("+")
    cuda = torch.cuda if isinstance(torch.cuda, CudaVersion | CudaMajor) else None
    rewritten = _rewrite_label(label, cuda=cuda, torch=torch.version, cxx11_abi=torch.cxx11_abi) if label else None
    return f"{name}-{public}+{rewritten}-{tags}" if rewritten is not None and rewritten != label else None


def _match(kind: Literal["label", "segment", "name"], text: str) -> BuildLabel | None:
    """The label by the first form of a kind that the text has; None for a text of no form."""
    for pattern, form in _compile_forms(kind):
        if (found := pattern.fullmatch(text)) and (label := _read_match(found, form)):
            return label
    return None


@cache
def _compile_forms(kind: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The patterns of a kind with the forms that they are made from, in file order."""
    return tuple((_compile(row["form"]), row["form"]) for row in read_data("labels")[kind])


def _compile(form: str) -> re.Pattern[str]:
    """The pattern of a form: literal text, with `{placeholder}` replaced by its pattern."""
    # The split gives literal text at even places and names of placeholders at odd places.
    parts = re.split(r"\{([a-z_]+)\}", form)
    texts = [_PLACEHOLDERS[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(texts), re.ASCII | re.DOTALL)


def _read_match(found: re.Match[str], form: str) -> BuildLabel | None:
    """The label that a match holds; None where its number is no plausible CUDA release (8 to 19)."""
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
    """The backend that a form without `{cuda}` implies; None for a form that names torch alone."""
    if "cpu" in form:
        return "cpu"
    if form.startswith("rocm"):
        return "rocm"
    return "xpu" if form == "xpu" else None


def _read_torch(groups: dict[str, str]) -> Version | None:
    """The version of torch in a match, from dotted or packed digits: `2.5`, `25`, `251`."""
    if text := groups.get("torch"):
        return Version(text)
    if digits := groups.get("torch_xy"):
        return Version(f"{digits[0]}.{digits[1:]}")
    if digits := groups.get("torch_xyz"):
        return Version(f"{digits[0]}.{digits[1:-1]}.{digits[-1]}")
    return None


def _iter_segments(url: str) -> Iterator[BuildLabel]:
    """The label of each path segment that has a known form; host, query and fragment do not count."""
    # By hand instead of `urlsplit`, which refuses some texts; every text must be accepted.
    # A direct reference has its name before the URL, and a repository is built in the image, for what is there.
    path = re.sub(r"^(?:[^/@]*@\s*)?[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "", url)
    if re.match(r"(?:[^/@]*@\s*)?(?:git|hg|svn|bzr)\+", url):
        return
    for segment in re.split(r"[?#]", path, maxsplit=1)[0].split("/"):
        text = unquote(segment).lower()
        if found := _match("segment", text) or _scan_segment(text):
            yield _widen(found)


def _scan_segment(segment: str) -> BuildLabel | None:
    """The label within a segment that names a torch (`v1.0-cu128torch2.7`); None for the name of a wheel or an sdist.

    The name of a file has its label in its version. CUDA alone is read in the forms of the data only, since folders and
    repositories have numbers of all kinds.
    """
    if segment.endswith((".whl", ".tar.gz", ".zip")):
        return None
    found = _scan(re.sub(r"[-_+]", ".", segment))
    return found if found is not None and found.torch is not None else None


def _scan(text: str) -> BuildLabel | None:
    """The parts of a label wherever they stand in a text, in any order and with hashes or other words beside them.

    None without any part, if two parts contradict each other, and if a part is left that looks like one.
    """
    merged: BuildLabel | None = None
    for found in _parts().finditer(text):
        part = _read_part(found)
        if part is None or (merged is not None and _contradicts(merged, part)):
            return None
        merged = part if merged is None else _merge(merged, part)
    rest = _parts().sub(lambda found: " " * len(found[0]), text)
    return None if merged is None or merged == BuildLabel() or _words().search(rest) else merged


@cache
def _words() -> re.Pattern[str]:
    """What looks like a part of a build's label."""
    return re.compile(r"(?:^|[^a-z]|true|false)(?:cu(?:da)?\.?\d|(?:py)?torch\.?\d|pt\.?\d|cxx11\.?abi)", re.ASCII)


@cache
def _parts() -> re.Pattern[str]:
    """One part of a label: torch, CUDA, the ABI or the CPU, where no letter stands before it and no digit after it."""
    # A number ends before a separator or another word, so that no digits of a hash are taken into it.
    end = r"(?=$|[^0-9a-z]|cu|cpu|torch|pytorch|pt\d|cxx11|abi|post|dev|rc|git|py\d|cp\d)"
    return re.compile(
        r"(?<![a-z])(?:"
        rf"(?:py)?torch\.?(?P<torch>\d\.\d{{1,2}}(?:\.\d{{1,2}}{end})?|\d{{2,4}}){end}"
        rf"|pt\.?(?P<pt>\d\.\d{{1,2}}(?:\.\d{{1,2}}{end})?|\d{{2,4}}){end}"
        rf"|cu(?:da)?\.?(?P<cuda>\d{{1,2}}\.\d{{1,2}}(?:\.\d{{1,2}}{end})?|\d{{2,4}}){end}"
        r"|cxx11\.?abi\.?(?P<abi>true|false|1|0)"
        rf"|(?P<cpu>cpu){end}"
        r")"
        r"|(?<=true)cu(?P<late_cuda>\d{2,4})" + end + r"|(?<=false)cu(?P<last_cuda>\d{2,4})" + end,
        re.ASCII,
    )


def _read_part(found: re.Match[str]) -> BuildLabel | None:
    """One part of a label; None for a number that is no release of torch or CUDA."""
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    if "cpu" in groups:
        return BuildLabel(backend="cpu")
    if "abi" in groups:
        return BuildLabel(cxx11_abi=groups["abi"] in ("true", "1"))
    if text := groups.get("torch") or groups.get("pt"):
        return BuildLabel(torch=_unpack_torch(text))
    cuda = parse_cuda(groups.get("cuda") or groups.get("late_cuda") or groups.get("last_cuda") or "")
    return BuildLabel(backend="cuda", cuda=cuda) if cuda is not None and 8 <= cuda.major <= 19 else None


def _unpack_torch(text: str) -> Version:
    """A release of torch from dotted or packed digits: `2.5`, `25`, `251`; of three digits `21` begins 2.10 to 2.19."""
    if "." in text:
        return Version(text)
    if len(text) == 2 or (len(text) == 3 and text[1] == "1"):
        return Version(f"{text[0]}.{text[1:]}")
    return Version(f"{text[0]}.{text[1:-1]}.{text[-1]}")


def _widen(label: BuildLabel) -> BuildLabel:
    """The label with torch 2.5.0 as 2.5: a find-links page that is named after 2.5.0 holds files for every 2.5.x."""
    torch = label.torch
    if torch is None or len(torch.release) < 3 or torch.micro:
        return label
    return replace(label, torch=Version(f"{torch.major}.{torch.minor}"))


def _contradicts(left: BuildLabel, right: BuildLabel) -> bool:
    """Whether a part that both labels have differs; a CUDA major release agrees with its minor ones."""
    pairs = ((left.backend, right.backend), (left.torch, right.torch), (left.cxx11_abi, right.cxx11_abi))
    if any(one is not None and other is not None and one != other for one, other in pairs):
        return True
    return left.cuda is not None and right.cuda is not None and _narrow(left.cuda, right.cuda) is None


def _narrow(left: Cuda, right: Cuda) -> Cuda | None:
    """The more precise of two releases; None where they contradict each other."""
    if left.major != right.major:
        return None
    if isinstance(left, CudaMajor):
        return right
    if isinstance(right, CudaVersion) and left != right:
        return None
    return left


def _merge(left: BuildLabel, right: BuildLabel) -> BuildLabel:
    """The parts of both labels together, which must not contradict each other."""
    cuda = _narrow(left.cuda, right.cuda) if left.cuda and right.cuda else left.cuda or right.cuda
    return BuildLabel(
        backend=left.backend or right.backend,
        cuda=cuda,
        torch=left.torch or right.torch,
        cxx11_abi=left.cxx11_abi if left.cxx11_abi is not None else right.cxx11_abi,
    )


def _describe_abi(cxx11_abi: bool | None) -> str:
    """The ABI as the end of a description; empty if it is unknown."""
    return "" if cxx11_abi is None else f", {'with' if cxx11_abi else 'without'} the C++11 ABI"


def _rewrite_label(label: str, *, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None) -> str | None:
    """The label in the same form for another torch: `cu12torch2.6cxx11abiFALSE` for `cu12torch2.5cxx11abiFALSE`.

    Each part keeps its precision: `2.5` becomes `2.6`, not `2.6.0`. None for a label of no known form, or with a part
    whose new value is unknown.
    """
    # Forms are written with dots, as PEP 440 normalizes labels; file names have `_` or `-` as well.
    text = re.sub(r"[-_]", ".", label.lower())
    for pattern, form in _compile_forms("label"):
        if (found := pattern.fullmatch(text)) and _read_match(found, form):
            return _rewrite(label, found, cuda=cuda, torch=torch, cxx11_abi=cxx11_abi)
    return None


def _rewrite(
    label: str, found: re.Match[str], *, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None
) -> str | None:
    """The label with every placeholder replaced; None if one of them has no new value."""
    # By offset, since the groups of a form are in any order; `rest` is where the text not yet copied starts.
    rewritten, rest = "", 0
    for name, old in sorted(found.groupdict().items(), key=lambda group: found.start(group[0])):
        new = _render_part(name, label[found.start(name) : found.end(name)], cuda, torch, cxx11_abi)
        if old is None or new is None:
            return None
        rewritten += label[rest : found.start(name)] + new
        rest = found.end(name)
    return rewritten + label[rest:]


def _render_part(name: str, old: str, cuda: Cuda | None, torch: Version, cxx11_abi: bool | None) -> str | None:
    """The new text for one placeholder, in the form of the `old` one; None if its value is not known.

    `old` decides between major and minor release, dotted or packed numbers, and upper or lower case.
    """
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
            # The label keeps its precision, and a label with a minor release needs one that is known.
            if isinstance(parse_cuda(old), CudaMajor):
                return str(cuda.major)
            return None if isinstance(cuda, CudaMajor) else str(cuda) if "." in old else cuda.label.removeprefix("cu")
        case _:
            return None
