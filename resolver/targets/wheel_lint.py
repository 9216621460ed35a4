"""Whether a wheel that says what it is built for goes with the torch of a lock (the wheel lint).

In: a wheel's file name and what its label says, and a build of torch. Out: whether they contradict, what each is built
for, and the name that a wheel for that torch would have. It holds for every wheel, from an index or named directly.
"""

from __future__ import annotations

from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.targets.cuda import Cuda, CudaMajor, CudaVersion
from resolver.targets.labels import BuildLabel, rewrite_label

__all__ = ["TorchFacts", "contradicts", "describe_label", "describe_torch", "is_linted", "suggest_filename"]


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
