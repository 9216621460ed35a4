"""One file of a project page in each form, for the tests that read pages."""

from __future__ import annotations

from typing import Any

from resolver.index.distribution_file import RawFile

URL = "https://index.example/simple/alpha/"
HASH = "ab" * 32
OTHER = "cd" * 32
WHEEL = "alpha-1.0-py3-none-any.whl"


def raw(**fields: str | None) -> RawFile:
    values: dict[str, Any] = {
        "core_metadata": None,
        "filename": WHEEL,
        "sha256": None,
        "requires_python": None,
        "size": None,
        "upload_time": None,
        "url": f"https://files.example/{WHEEL}",
        "yanked": None,
    }
    return RawFile(**{**values, **fields})


def entry(**fields: Any) -> dict[str, Any]:
    return {"filename": WHEEL, "url": f"https://files.example/{WHEEL}", "hashes": {}, **fields}


def anchor(attributes: str = "", fragment: str = "", href: str = f"https://files.example/{WHEEL}") -> str:
    return f'<!DOCTYPE html><html><body><a href="{href}{fragment}" {attributes}>{WHEEL}</a></body></html>'
