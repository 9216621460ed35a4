"""The table of `lock --json` in docs/command.md has each key of the document, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.command import Project
from tests.documentation.page_runs import DOCS
from tests.servers import sdist, wheel

_WORD = re.compile(r"`\.?((?:[a-z0-9_]+(?:\[\])?\.?)+)`")


def read_words() -> set[str]:
    """The names of keys in the table, without the path before them."""
    text = (DOCS / "command.md").read_text(encoding="utf-8")
    table = text.partition("| key | value |\n")[2].partition("\n\n")[0]
    found = (word for match in _WORD.finditer(table) for word in match[1].split("."))
    return {word.removesuffix("[]") for word in found}


def list_words(value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield key
                yield from list_words(inner)
        case list():
            for inner in value:
                yield from list_words(inner)


def test_every_key_of_the_document_is_in_the_table(project: Project) -> None:
    project.server.add("built", sdist("built", "1.0"))
    project.server.add("plain", wheel("plain", "1.0"), wheel("plain", "1.1"))
    project.write_list("built", "plain==1.0")
    documents = [project.lock("requirements.txt", "-m", "GPU-A100", "--json").out]
    project.write_list("built", "plain==1.1")
    documents += [project.lock("requirements.txt", "-m", "GPU-A100", *more, "--json").out for more in (["--check"], [])]
    project.write_list("built", "plain==1.2")
    documents.append(project.lock("requirements.txt", "-m", "GPU-A100", "--json").out)

    found = {word for document in documents for word in list_words(json.loads(document))}

    assert found - read_words() == set()
    assert {"build", "changes", "differences", "remedy", "capabilities"} <= found
