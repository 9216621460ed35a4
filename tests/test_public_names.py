"""The public names of both packages: exactly these, each importable, documented, and known to type checkers.

This is the one record of them. Every other test takes the names from `__all__`, which is compared with it here.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lockfiles
import resolver

_DOCUMENT = Path(__file__).parents[1] / "docs" / "api.md"
RESOLVER = [
    "Access",
    "Advisory",
    "AffectedRange",
    "AuthenticationError",
    "Cancellation",
    "CollidingRequirement",
    "Collision",
    "Discrepancy",
    "Explanation",
    "Fault",
    "FetchError",
    "FetchOutcome",
    "FetchedFile",
    "Finding",
    "HashMismatchError",
    "Hydrated",
    "InputError",
    "Installed",
    "InstalledDifference",
    "InternalError",
    "Link",
    "ListError",
    "Listed",
    "LockOutcome",
    "LockPlan",
    "LockTarget",
    "LoginOptions",
    "MetadataError",
    "NewerRelease",
    "NoSolutionError",
    "Obstacle",
    "OfflineError",
    "OwnedLock",
    "PinSize",
    "PinfoldError",
    "Progress",
    "Report",
    "ReportSource",
    "ResolutionError",
    "RunCancelledError",
    "RunContext",
    "ScopeRules",
    "Session",
    "Settings",
    "SettingsError",
    "Source",
    "SourceError",
    "Supply",
    "Target",
    "TargetError",
    "UnboundVariableError",
    "UnusableVersion",
    "Upgrade",
    "WheelContents",
    "audit_pins",
    "build_bill_of_materials",
    "build_report",
    "compare_installed",
    "fetch_artifacts",
    "fetch_contents",
    "fetch_pin_listings",
    "find_newer",
    "find_owned_locks",
    "find_unused",
    "hydrate",
    "lock",
    "lock_plan",
    "measure_pins",
    "open_session",
    "parse_advisory",
    "parse_platform",
    "parse_python_version",
    "parse_requirement_list",
    "plan_lock",
    "read_advisories",
    "read_environment",
    "read_imports",
    "read_source",
    "render_report",
    "verify_lockfile",
]
LOCKFILES = [
    "BuildFacts",
    "BuildWheel",
    "Comparison",
    "ExportError",
    "FactChange",
    "Fault",
    "FoundSecret",
    "ImageLayer",
    "InvalidLockfileError",
    "LineChange",
    "LockGraph",
    "LockPath",
    "LockedFile",
    "LockedPin",
    "Lockfile",
    "LockfileError",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinChange",
    "PinfoldError",
    "Request",
    "SettingValue",
    "ToolTable",
    "UnsupportedLockfileError",
    "VariableBinding",
    "VariableBindings",
    "assign_layers",
    "build_graph",
    "compare",
    "digest",
    "dumps",
    "export_list",
    "export_requirements",
    "find_paths",
    "find_secrets",
    "loads",
    "move_paths",
    "parse_binding",
    "read",
    "requirements",
    "select_layer",
    "split_layers",
    "write",
]


@pytest.mark.parametrize(("package", "names"), [(resolver, RESOLVER), (lockfiles, LOCKFILES)])
def test_public_names_are_exactly_these(package: ModuleType, names: list[str]) -> None:
    assert package.__all__ == names


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in (resolver, lockfiles) for name in package.__all__]
)
def test_public_name_can_be_imported_and_is_documented(package: ModuleType, name: str) -> None:
    value = getattr(package, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        # A dataclass without a docstring gets its signature for one.
        assert inspect.getdoc(value) and not (value.__doc__ or "").startswith(f"{name}(")


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_signatures_of_public_values_show_their_fields(package: ModuleType) -> None:
    values = [getattr(package, name) for name in package.__all__]
    hidden = [
        value.__name__
        for value in values
        if inspect.isclass(value)
        and dataclasses.is_dataclass(value)
        and [*inspect.signature(value).parameters] != [field.name for field in dataclasses.fields(value) if field.init]
    ]
    assert hidden == []


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_public_names_are_in_the_documentation(package: ModuleType) -> None:
    text = _DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in package.__all__ if not re.search(rf"`(?:\w+\.)?{name}(?:s?`|\W)", text)] == []


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_package_is_typed(package: ModuleType) -> None:
    assert Path(package.__file__ or "").with_name("py.typed").exists()


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_type_checkers_see_every_lazy_name(package: ModuleType) -> None:
    tree = ast.parse(Path(package.__file__ or "").read_text(encoding="utf-8"))
    seen = {
        (alias.asname or alias.name): node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == package.__all__
    for name, module in seen.items():
        found = getattr(package, name)
        assert getattr(sys.modules[module or ""], name, found) is found


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_public_names_are_listed_by_dir(package: ModuleType) -> None:
    assert set(package.__all__) <= set(dir(package))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'resolver' has no attribute 'locks'$"):
        resolver.locks  # noqa: B018  (the attribute is the test)


def test_importing_the_package_loads_none_of_its_parts() -> None:
    code = "import sys, resolver; print([name for name in sys.modules if name.startswith('resolver.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
