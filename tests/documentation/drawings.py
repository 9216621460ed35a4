"""The pictures of the documentation as SVG: `python -m tests.documentation.drawings` writes them into docs/images.

What a picture says comes from where it is decided: the indexes of an item from the parser of lists, the builds that a
GPU runs from `lock machines`, the terminal from the tutorial, whose output a test compares. Each picture has a ground
of its own, so it can be read on a light and on a dark page.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

from resolver.requirements.requirement_list import parse_requirement_list
from tests.command import start_process
from tests.documentation.page_runs import DOCS, Command, read_steps

__all__ = ["PICTURES"]

IMAGES = DOCS / "images"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
_SANS = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"
_INK, _FAINT, _GROUND, _EDGE = "#1f2328", "#59636e", "#ffffff", "#d0d7de"
_BLUE, _GREEN, _RED, _AMBER = "#0969da", "#1a7f37", "#cf222e", "#9a6700"
_PALE = {_BLUE: "#ddf4ff", _GREEN: "#dafbe1", _RED: "#ffebe9", _AMBER: "#fff8c5"}

_LIST = (
    ("requests", "--extra-index-url", "https://a.example/simple/", "acme-core"),
    ("acme-model", "numpy", "--extra-index-url", "https://b.example/simple/"),
)
_RELEASES = ("2.13.0", "2.9.1", "2.8.0", "2.7.1")
_LABELS = ("cu126", "cu128", "cu129", "cu130")


def _text(x: float, y: float, text: str, *, fill: str = _INK, size: int = 13, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" {more}>{escape(text)}</text>'


def _rectangle(
    x: float, y: float, width: float, height: float, *, fill: str, stroke: str, more: str = 'stroke-width="1"'
) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {place} rx="8" fill="{fill}" stroke="{stroke}" {more}/>'


def _box(x: float, y: float, width: float, height: float, *, color: str, lines: Iterable[str]) -> str:
    """A box with lines of text in its middle; the first is bold."""
    rows = list(lines)
    first = y + height / 2 - 9 * (len(rows) - 1) + 4.5
    parts = [_rectangle(x, y, width, height, fill=_PALE[color], stroke=color)]
    for number, row in enumerate(rows):
        more = 'text-anchor="middle"' + ("" if number else ' font-weight="600"')
        parts.append(_text(x + width / 2, first + 18 * number, row, more=more, fill=_FAINT if number else _INK))
    return "\n".join(parts)


def _arrow(path: str, *, color: str = _FAINT) -> str:
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5" marker-end="url(#head)"/>'


def _picture(width: int, height: int, title: str, parts: Iterable[str], *, ground: str = _GROUND) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="{_SANS}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{_FAINT}"/></marker></defs>\n'
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="{ground}" stroke="{_EDGE}"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def draw_list() -> str:
    """Which indexes each requirement of a list has, by the parser."""
    layers = parse_requirement_list([list(layer) for layer in _LIST]).layers
    indexes = ("https://a.example/simple/", "https://b.example/simple/")
    columns = {index: 410 + 105 * number for number, index in enumerate(indexes)} | {"": 620}
    parts = [_text(24, 34, "the list", more='font-weight="600"')]
    parts += [
        _text(x, 34, index.split("/")[2] if index else "default index", more='text-anchor="middle" font-weight="600"')
        for index, x in columns.items()
    ]
    y = 66
    for number, words in enumerate(_LIST):
        top = y - 24
        entries = {entry.position.item: entry for entry in layers[number].entries}
        rows = []
        for item, word in enumerate(words):
            flag = word.startswith("-") or word.startswith("https")
            rows.append(_text(100, y, word, fill=_FAINT if flag else _INK, more=f'font-family="{_MONO}"'))
            entry = entries.get(item)
            if entry is not None:
                served = {url.public for url in entry.scope.extra_indexes}
                served |= {""} if entry.scope.default_index else set()
                for place, index in enumerate(index for index in columns if index in served):
                    rows.append(
                        f'<circle cx="{columns[index]}" cy="{y - 4}" r="10" fill="{_PALE[_BLUE]}" stroke="{_BLUE}"/>'
                    )
                    rows.append(_text(columns[index], y + 0.5, str(place + 1), size=12, more='text-anchor="middle"'))
            y += 28
        parts.append(_rectangle(16, top, 668, y - top - 4, fill="none", stroke=_EDGE, more='stroke-dasharray="4 3"'))
        parts.append(_text(28, top + 24, f"layer {number}", fill=_FAINT))
        parts += rows
        y += 22
    return _picture(700, y - 10, "The indexes of each requirement, in the order in which they are asked", parts)


def draw_builds() -> str:
    """Which builds of torch a B200 runs under the default driver, by `lock machines`."""
    with tempfile.TemporaryDirectory() as folder:
        printed, _ = start_process(["machines", "GPU-B200", "torch", "--json"], Path(folder)).communicate()
    builds: dict[tuple[str, str], dict[str, Any]] = {
        (build["version"], build["label"]): build for build in json.loads(printed)["builds"]
    }
    parts = [
        _box(20, 40, 190, 62, color=_BLUE, lines=("GPU-B200", "capability 10.0: kernels", "for sm_100")),
        _box(20, 140, 190, 62, color=_BLUE, lines=("driver 570", "runs CUDA up to 12.x")),
        _arrow("M210 71 H262"),
        _arrow("M210 171 H262"),
    ]
    for column, label in enumerate(_LABELS):
        parts.append(_text(428 + 92 * column, 34, label, more=f'text-anchor="middle" font-family="{_MONO}"'))
    for row, release in enumerate(_RELEASES):
        y = 46 + 38 * row
        parts.append(_text(270, y + 20, f"torch {release}", size=12, more=f'font-family="{_MONO}"'))
        for column, label in enumerate(_LABELS):
            build = builds.get((release, label))
            if build is None:
                continue
            color, word = (
                (_GREEN, "runs")
                if build["runs"]
                else (_RED, "no kernels" if "kernels" in build["why"] else "needs 580")
            )
            weight = "2.5" if build["default"] else "1"
            x = 386 + 92 * column
            parts.append(_rectangle(x, y, 84, 30, fill=_PALE[color], stroke=color, more=f'stroke-width="{weight}"'))
            parts.append(_text(x + 42, y + 19.5, word, size=12, more='text-anchor="middle"'))
    parts.append(_text(270, 222, "thick border: the build on the default index", fill=_FAINT, size=12))
    return _picture(770, 240, "Builds of torch that a B200 runs with driver 570", parts)


def draw_search() -> str:
    """The steps of the search. They are those of the docstrings in resolver/solve/search."""
    parts = [
        _box(20, 40, 170, 66, color=_BLUE, lines=("decide", "the next project,", "its newest release")),
        _box(250, 40, 170, 66, color=_BLUE, lines=("read", "what that release", "requires")),
        _box(480, 40, 170, 66, color=_BLUE, lines=("rule out", "releases that cannot", "go with it")),
        _box(480, 176, 170, 66, color=_RED, lines=("nothing left?", "find the decisions", "that are the reason")),
        _box(
            250, 176, 170, 66, color=_AMBER, lines=("go back there", "keep what was learned,", "take the next release")
        ),
        _box(20, 176, 170, 66, color=_AMBER, lines=("five releases lost?", "the other project", "is decided first")),
        _box(700, 40, 130, 66, color=_GREEN, lines=("all decided:", "keep what the", "list reaches")),
        _arrow("M190 73 H247"),
        _arrow("M420 73 H477"),
        _arrow("M650 73 H697"),
        _arrow("M565 106 V173"),
        _arrow("M480 209 H423"),
        _arrow("M250 209 H193"),
        _arrow("M105 176 V109"),
        _arrow("M335 176 V140 H150 V109"),
        _arrow("M530 40 V20 H105 V37"),
        _text(272, 34, "projects are left", size=11, fill=_FAINT),
    ]
    return _picture(850, 262, "How the search decides", parts)


def draw_terminal() -> str:
    """The first commands of the tutorial, as a terminal shows them."""
    wanted = ("lock app.py --python 3.11 -m GPU-A100 -m GPU-B200", "lock why filelock pylock.app-gpu-a100.toml")
    shown: dict[str, tuple[str, ...]] = {}
    for step in read_steps((DOCS / "tutorial.md").read_text(encoding="utf-8")):
        if isinstance(step, Command):
            shown.setdefault(step.line, step.shown)
    lines: list[tuple[str, str]] = []
    for line in wanted:
        lines += [(f"$ {line}", "#7ee787"), *((one, "#e6edf3") for one in shown[line] if "…" not in one), ("", "")]
    rows = [
        _text(20, 56 + 19 * number, text, fill=fill, size=12, more=f'font-family="{_MONO}" xml:space="preserve"')
        for number, (text, fill) in enumerate(lines[:-1])
        if text
    ]
    dots = [
        f'<circle cx="{22 + 18 * n}" cy="20" r="5" fill="{color}"/>'
        for n, color in enumerate(("#ff7b72", "#e3b341", "#7ee787"))
    ]
    return _picture(820, 60 + 19 * (len(lines) - 1), "lock, in a terminal", [*dots, *rows], ground="#0d1117")


PICTURES: dict[str, Callable[[], str]] = {
    "list.svg": draw_list,
    "cuda.svg": draw_builds,
    "search.svg": draw_search,
    "terminal.svg": draw_terminal,
}


def main() -> None:
    """Write all pictures."""
    IMAGES.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
