"""Locks that reports are made of: one with hostile metadata, and one of many pins."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, loads
from resolver.index.wheel_directory import WheelContents
from resolver.report.report_data import Report, ReportSource, build_report
from tests.lockfiles.samples import INDEX, build_full_lock, build_pylock, build_tool, build_wheel

__all__ = ["GOLDEN", "HOSTILE_TEXTS", "build_hostile_report", "build_large_lock", "build_lock", "report_on"]

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "machines"
"""The golden locks of machine types."""

HOSTILE_TEXTS = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "javascript:document.title='owned'",
    "<!--<script>",
    "{{data}} {{script}}",
    "a\u202eb\u2066c\u2028d\u0007",
    "&lt;b&gt; ' \" `",
)


def report_on(*locks: Lockfile | Path, old: Lockfile | Path | None = None) -> Report:
    """The report on some locks, each with the name of its file, against an old one for the first."""
    sources = [
        ReportSource(
            name=lock.name if isinstance(lock, Path) else f"pylock.{number}.toml",
            lockfile=read_any(lock),
            former=None if old is None or number else ("pylock.old.toml", read_any(old)),
        )
        for number, lock in enumerate(locks)
    ]
    return build_report(sources, default_index=INDEX)


def read_any(lock: Lockfile | Path) -> Lockfile:
    # The names of golden locks are not those of PEP 751, which `read` wants.
    return lock if isinstance(lock, Lockfile) else loads(lock.read_text(encoding="utf-8"))


def build_hostile_report() -> Report:
    """A report whose every text that is not a parsed value is hostile; its lock was never written."""
    lock = build_full_lock()
    assert lock.tool is not None
    text = " ".join(HOSTILE_TEXTS)
    name = NormalizedName("anyio")
    packages = [
        replace(one, index=f"https://index.example/{text}", wheels=[replace(one.wheels[0], name=f"{text}.whl")])
        if one.name == name and one.wheels
        else one
        for one in lock.pylock.packages
    ]
    tool = replace(
        lock.tool,
        source=text,
        requirements=((text,), *lock.tool.requirements),
        accelerator={"kind": "gpu", "capability": "8.0", "driver": text},
        requested_by={**lock.tool.requested_by, name: (f"layer 0: {text}",)},
    )
    hostile = Lockfile(pylock=replace(lock.pylock, packages=packages, created_by=text), tool=tool)
    contents = {name: WheelContents(unpacked_bytes=9, modules=(), licence=text)}
    source = ReportSource(name=text, lockfile=hostile, former=(text, lock), contents=contents)
    return build_report([source, ReportSource(name="pylock.toml", lockfile=lock)], default_index=INDEX)


def build_lock(
    needs: Mapping[str, Iterable[str]], items: Sequence[str], *, choose: random.Random | None = None
) -> Lockfile:
    """A lock of the names in `needs` with what each depends on; of 1 kB each, or of a size that `choose` gives."""
    packages = []
    for name in sorted({*needs, *(one for names in needs.values() for one in names)}):
        wheel = replace(build_wheel(name, "1.0"), size=int(10 ** choose.uniform(3, 8.5)) if choose else 1000)
        packages.append(
            Package(
                name=NormalizedName(name),
                version=Version("1.0"),
                index=INDEX,
                wheels=[wheel],
                dependencies=[{"name": needed} for needed in sorted(needs.get(name, ()))] or None,
            )
        )
    return Lockfile(pylock=build_pylock(*packages), tool=build_tool(*items))


def build_large_lock(count: int = 1000) -> Lockfile:
    """A lock of many pins, twenty of them in the list, with sizes of 1 kB to 300 MB; the same every time."""
    choose = random.Random(7)
    names = [f"project-{number:04}" for number in range(count)]
    needs: dict[str, set[str]] = {name: set() for name in names}
    for number, name in enumerate(names[20:], 20):
        for parent in choose.sample(names[:number], choose.choice((1, 1, 1, 2, 3))):
            needs[parent].add(name)
    return build_lock(needs, names[:20], choose=choose)
