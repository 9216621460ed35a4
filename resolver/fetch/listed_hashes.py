"""Hashes that a page lists for one file under one name; two of them mean that nobody knows which file is meant."""

from __future__ import annotations

from resolver.errors import HashMismatchError
from resolver.index.distribution_file import DistributionFile

__all__ = ["check_listed_hashes", "has_two_hashes"]


def has_two_hashes(file: DistributionFile) -> bool:
    """Whether the page lists the file several times, with different SHA-256."""
    return sum(text.startswith("sha256:") for text in file.hashes) > 1


def check_listed_hashes(file: DistributionFile) -> None:
    """Raises HashMismatchError that names the hashes, where there is more than one SHA-256."""
    if not has_two_hashes(file):
        return
    first, second, *_ = (text for text in file.hashes if text.startswith("sha256:"))
    raise HashMismatchError(
        f"`{file.filename}` is listed with two hashes by {file.index or 'a page of links'}",
        details=(
            f"{first}",
            f"{second}",
        ),
        remedy="find out which of them is right",
        filename=file.filename,
        expected=first,
        found=second,
    )
