"""The public names of both packages, by module: exactly these, each importable, documented, and known to type checkers.

This is the one record of them. Every other test takes the names from `__all__`, which is compared with it here.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import lockfiles
import resolver
from tests.reference_pages import NAMES_PAGE, render_names

_DOCUMENT = Path(__file__).parents[1] / "docs" / "api.md"
PUBLIC = {
    "resolver": (
        "Access",
        "Cancellation",
        "LockOutcome",
        "LockTarget",
        "LoginOptions",
        "PinfoldError",
        "Session",
        "Settings",
        "Target",
        "Upgrade",
        "lock",
    ),
    "resolver.artifacts": (
        "FetchOutcome",
        "FetchedFile",
        "Hydrated",
        "Progress",
        "fetch_artifacts",
        "hydrate",
    ),
    "resolver.errors": (
        "AuthenticationError",
        "Fault",
        "FetchError",
        "HashMismatchError",
        "InputError",
        "InternalError",
        "ListError",
        "MetadataError",
        "OfflineError",
        "ResolutionError",
        "RunCancelledError",
        "SettingsError",
        "SourceError",
        "TargetError",
        "UnboundVariableError",
    ),
    "resolver.index.events": (
        "BuildBegan",
        "BuildEnded",
        "Decided",
        "Event",
        "FileBegan",
        "Observe",
        "Recalled",
        "Received",
        "Rejected",
        "RequestBegan",
        "RequestEnded",
    ),
    "resolver.inspection": (
        "Advisory",
        "AffectedRange",
        "Discrepancy",
        "Finding",
        "Installed",
        "InstalledDifference",
        "Listed",
        "NewerRelease",
        "OwnedLock",
        "PinSize",
        "WheelContents",
        "audit_pins",
        "build_bill_of_materials",
        "compare_installed",
        "fetch_contents",
        "fetch_pin_listings",
        "find_newer",
        "find_owned_locks",
        "find_unused",
        "measure_pins",
        "open_session",
        "parse_advisory",
        "read_advisories",
        "read_environment",
        "read_imports",
        "verify_lockfile",
    ),
    "resolver.locking": (
        "LockPlan",
        "RunContext",
        "Source",
        "lock_plan",
        "plan_lock",
        "read_source",
    ),
    "resolver.report": (
        "Report",
        "ReportSource",
        "build_report",
        "render_report",
    ),
    "resolver.solve": (
        "Change",
        "ChosenOption",
        "CollidingRequirement",
        "Collision",
        "EarlierFlag",
        "Explanation",
        "Link",
        "NoSolutionError",
        "Obstacle",
        "OptionName",
        "Remedy",
        "Supply",
        "UnusableVersion",
        "WrittenLine",
    ),
    "lockfiles": (
        "Comparison",
        "Lockfile",
        "LockfileError",
        "PinfoldError",
        "compare",
        "digest",
        "dumps",
        "export_list",
        "export_requirements",
        "loads",
        "read",
        "requirements",
        "write",
    ),
    "lockfiles.comparison": (
        "Fact",
        "FactChange",
        "LineChange",
        "LockedFile",
        "LockedPin",
        "PinChange",
    ),
    "lockfiles.errors": (
        "ExportError",
        "Fault",
        "InvalidLockfileError",
        "LockfileNameError",
        "LockfileSyntaxError",
        "UnsupportedLockfileError",
    ),
    "lockfiles.exporting": (
        "move_paths",
        "select_layer",
    ),
    "lockfiles.graph": (
        "ImageLayer",
        "LockGraph",
        "LockPath",
        "Request",
        "assign_layers",
        "build_graph",
        "find_paths",
        "split_layers",
    ),
    "lockfiles.lockfile": (
        "BuildFacts",
        "BuildWheel",
        "SettingValue",
        "ToolTable",
    ),
    "lockfiles.secret_forms": (
        "FoundSecret",
        "find_secrets",
    ),
    "lockfiles.variable_bindings": (
        "VariableBinding",
        "VariableBindings",
        "parse_binding",
    ),
}
"""By module: the two packages have what most programs need, the others what only some do."""
_NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]
_PACKAGES = [module for module in PUBLIC if module.count(".") < 2 and hasattr(import_module(module), "__path__")]
"""Those that import a name when it is first used."""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_exactly_these(module: str) -> None:
    """A module that is also used inside has more names; the packages have no other."""
    exported = import_module(module).__all__
    assert set(PUBLIC[module]) - set(exported) == set()
    if module in _PACKAGES:
        assert tuple(exported) == PUBLIC[module]


def test_first_page_of_the_documentation_begins_with_the_common_names() -> None:
    start = _DOCUMENT.read_text(encoding="utf-8").partition("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)[`(]", start) == ["lock", "Access", "Settings", "LockOutcome", "PinfoldError"]


@pytest.mark.parametrize(("module", "name"), _NAMES)
def test_public_name_can_be_imported_and_is_documented(module: str, name: str) -> None:
    value = getattr(import_module(module), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        # A dataclass without a docstring gets its signature for one.
        assert inspect.getdoc(value) and not (value.__doc__ or "").startswith(f"{name}(")


def test_signatures_of_public_values_show_their_fields() -> None:
    values = [getattr(import_module(module), name) for module, name in _NAMES]
    hidden = [
        value.__name__
        for value in values
        if inspect.isclass(value)
        and dataclasses.is_dataclass(value)
        and [*inspect.signature(value).parameters] != [field.name for field in dataclasses.fields(value) if field.init]
    ]
    assert hidden == []


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_in_the_documentation(module: str) -> None:
    text = _DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in PUBLIC[module] if not re.search(rf"`(?:\w+\.)*{name}(?:s?`|\W)", text)] == []
    assert f"`{module}`" in text


@pytest.mark.parametrize("package", [resolver, lockfiles])
def test_package_is_typed(package: ModuleType) -> None:
    assert Path(package.__file__ or "").with_name("py.typed").exists()


@pytest.mark.parametrize("name", _PACKAGES)
def test_type_checkers_see_every_lazy_name(name: str) -> None:
    package = import_module(name)
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
    for public, module in seen.items():
        found = getattr(package, public)
        assert getattr(sys.modules[module or ""], public, found) is found


@pytest.mark.parametrize("name", _PACKAGES)
def test_public_names_are_listed_by_dir(name: str) -> None:
    package = import_module(name)
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("name", _PACKAGES)
def test_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"^module '{name}' has no attribute 'locks'$"):
        import_module(name).locks  # noqa: B018  (the attribute is the test)


def test_importing_the_package_loads_none_of_its_parts() -> None:
    code = "import sys, resolver; print([name for name in sys.modules if name.startswith('resolver.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_page_of_names_has_each_where_it_is_defined() -> None:
    """`python -m tests.reference_pages` writes it."""
    assert NAMES_PAGE.read_text(encoding="utf-8") == render_names(PUBLIC)
