"""The public names of both packages: exactly these, each importable, documented, and known to type checkers."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lockfiles
import resolver

RESOLVER = [
    "Access",
    "AuthenticationError",
    "Fault",
    "FetchError",
    "FetchOutcome",
    "FetchedFile",
    "HashMismatchError",
    "Hydrated",
    "InputError",
    "InternalError",
    "ListError",
    "LockOutcome",
    "LockPlan",
    "LoginOptions",
    "MetadataError",
    "OfflineError",
    "PinfoldError",
    "Progress",
    "Reaching",
    "ResolutionError",
    "Settings",
    "SettingsError",
    "Source",
    "SourceError",
    "Target",
    "TargetError",
    "Upgrade",
    "fetch_artifacts",
    "hydrate",
    "lock",
    "lock_plan",
    "parse_platform",
    "parse_python_version",
    "parse_requirement_list",
    "plan_lock",
    "read_source",
]
LOCKFILES = [
    "BuildFacts",
    "BuildWheel",
    "Comparison",
    "ExportError",
    "FactChange",
    "InvalidLockfileError",
    "LineChange",
    "LockedFile",
    "LockedPin",
    "Lockfile",
    "LockfileError",
    "LockfileFault",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinChange",
    "SettingValue",
    "ToolTable",
    "UnsupportedLockfileError",
    "compare",
    "digest",
    "dumps",
    "export_list",
    "export_requirements",
    "loads",
    "move_paths",
    "read",
    "select_layer",
    "write",
]


@pytest.mark.parametrize(("package", "names"), [(resolver, RESOLVER), (lockfiles, LOCKFILES)])
def test_public_names_are_exactly_these(package: ModuleType, names: list[str]) -> None:
    assert package.__all__ == names


@pytest.mark.parametrize(
    ("package", "name"), [*((resolver, name) for name in RESOLVER), *((lockfiles, name) for name in LOCKFILES)]
)
def test_public_name_can_be_imported_and_is_documented(package: ModuleType, name: str) -> None:
    value = getattr(package, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        # A dataclass without a docstring gets its signature for one.
        assert inspect.getdoc(value) and not (value.__doc__ or "").startswith(f"{name}(")


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_package_is_typed(package: ModuleType) -> None:
    assert Path(package.__file__ or "").with_name("py.typed").exists()


def test_type_checkers_see_every_lazy_name() -> None:
    tree = ast.parse(Path(resolver.__file__).read_text(encoding="utf-8"))
    seen = {
        (alias.asname or alias.name): node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == RESOLVER
    for name, module in seen.items():
        found = getattr(resolver, name)
        assert getattr(sys.modules[module or ""], name, found) is found


def test_public_names_are_listed_by_dir() -> None:
    assert set(RESOLVER) <= set(dir(resolver))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'resolver' has no attribute 'locks'$"):
        resolver.locks  # noqa: B018  (the attribute is the test)


def test_importing_the_package_loads_none_of_its_parts() -> None:
    code = "import sys, resolver; print([name for name in sys.modules if name.startswith('resolver.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
