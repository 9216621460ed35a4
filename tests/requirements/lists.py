"""What the tests of lists share: files out of a dict, scopes by text, and the report of a faulty list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from resolver.errors import ListError
from resolver.requirements.entry import RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import IndexFamily

A = "https://a.example/simple/"
B = "https://b.example/simple/"
CU124 = "https://download.pytorch.org/whl/cu124"
TORCH = IndexFamily(
    name="torch", names=("torch", "torchvision", "nvidia-*"), urls=("https://download.pytorch.org/whl/{cuda}",)
)


def files(texts: Mapping[str, str]) -> Callable[[str, str], tuple[str, str]]:
    def read(reference: str, including: str) -> tuple[str, str]:
        if reference not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return reference, texts[reference]

    return read


def extras(parsed: RequirementList) -> dict[str, list[str]]:
    return {entry.text: [url.public for url in entry.scope.extra_indexes] for entry in parsed.entries}


def report(items: object, **keywords: object) -> str:
    with pytest.raises(ListError) as caught:
        parse_requirement_list(items, **keywords)  # type: ignore[arg-type]  # Faulty lists are the point.
    return str(caught.value)
