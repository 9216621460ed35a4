"""Every line of pip_lines.txt, read by the installed pip's own parser and by ours."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from pip._internal.exceptions import PipError
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.release_control import ReleaseControl
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements
from pip._internal.req.req_install import InstallRequirement
from pip._internal.utils.urls import path_to_url
from pip._internal.vcs.git import Git
from pip._vendor.packaging.requirements import InvalidRequirement

from resolver.errors import ListError
from resolver.requirements.entry import ArchiveUrl, Entry, LocalPath, RequirementList, VcsReference
from resolver.requirements.requirement_list import parse_requirement_file
from resolver.requirements.url import Url

HERE = Path(__file__).parent
VARIABLES = {
    "NAME": "six",
    "VERSION": "1.16.0",
    "TOKEN": "hunter2",
    "HOST": "files.example",
    "EMPTY": "",
    "FLAG": "--pre",
}
DEFAULT = "https://default.example/simple/"


@dataclass(frozen=True)
class Case:
    mark: str
    reason: str
    text: str


def read_cases() -> list[Case]:
    cases = []
    for line in (HERE / "pip_lines.txt").read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([=x+!]) (?:([a-z ]+) \| )?(.*)", line)
        if match is None:
            assert not line or line.startswith("#"), line
            continue
        text = re.sub(r"HEX(\d+)", lambda digits: "a" * int(digits[1]), match[3])
        cases.append(Case(match[1], match[2] or "", text.replace("⏎", "\n").replace("⇥", "\t")))
    return cases


CASES = read_cases()


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with what the lines name, as the current one: pip looks at the disk to tell a path from a name."""
    root = tmp_path_factory.mktemp("lines")
    for name in (".", "pkg", "with space"):
        (root / name).mkdir(exist_ok=True)
        (root / name / "pyproject.toml").write_text("")
    (root / "dist").mkdir()
    (root / "other.txt").write_text("requests\n")
    (root / "dist" / "six-1.16.0-py2.py3-none-any.whl").write_text("")
    (root / "dist" / "six-1.16.0.tar.gz").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("UNSET", raising=False)
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        yield root


@dataclass
class PipAnswer:
    requirements: list[InstallRequirement]
    finder: PackageFinder
    trusted_hosts: list[str]
    require_hashes: bool


class Options:
    """What pip's command line would hand to the parser, as far as lines may change it."""

    require_hashes = False
    no_require_hashes = False

    def __init__(self) -> None:
        self.features_enabled: list[str] = []


def ask_pip(text: str) -> PipAnswer:
    Path("lines.txt").write_text(text, encoding="utf-8")
    session = PipSession()
    finder = PackageFinder.create(
        link_collector=LinkCollector(
            session=session, search_scope=SearchScope(find_links=[], index_urls=[DEFAULT], no_index=False)
        ),
        selection_prefs=SelectionPreferences(allow_yanked=False, release_control=ReleaseControl()),
    )
    options: Any = Options()
    parsed = parse_requirements("lines.txt", session=session, finder=finder, options=options)
    requirements = [
        install_req_from_parsed_requirement(
            one,
            config_settings=(one.options or {}).get("config_settings"),
        )
        for one in parsed
    ]
    hosts = [host for host, _ in session.pip_trusted_origins]
    session.close()
    return PipAnswer(requirements, finder, hosts, options.require_hashes)


def ask_us(text: str) -> RequirementList:
    return parse_requirement_file(text, source="lines.txt", variables=VARIABLES)


def complete(url: Url) -> str:
    return url.secret.open_for_transport() if url.secret else url.public


def of_pip_requirement(one: InstallRequirement) -> dict[str, Any]:
    settings = [
        (key, value)
        for key, values in (one.config_settings or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    link = one.link
    extras = set(one.extras)
    specifier = one.req.specifier if one.req else ""
    result: dict[str, Any] = {
        "name": canonicalize_name(one.req.name) if one.req and one.req.name else None,
        "extras": sorted(canonicalize_name(extra) for extra in extras),
        "specifier": "" if link else ",".join(sorted(str(part) for part in specifier)),
        "marker": str(one.markers) if one.markers else None,
        "editable": one.editable,
        "hashes": sorted(f"{name}:{digest}" for name, digests in one.hash_options.items() for digest in digests),
        "settings": sorted(settings),
    }
    if link is None:
        return result | {"link": None}
    result["subdirectory"] = None if link.scheme == "file" else link.subdirectory_fragment
    result["url hash"] = f"{link.hash_name}:{link.hash}" if link.has_hash else None
    if link.is_vcs:
        url, revision, _ = Git.get_url_rev_and_auth(link.url)
        return result | {"link": url, "revision": revision}
    url = link.url_without_fragment
    return result | {"link": url.replace("HTTPS:", "https:"), "revision": None}


def of_our_entry(entry: Entry) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": entry.name,
        "extras": sorted(entry.extras),
        "specifier": ",".join(sorted(str(part) for part in entry.specifier)),
        "marker": str(entry.marker) if entry.marker else None,
        "editable": entry.editable,
        "hashes": list(entry.hashes),
        "settings": sorted(entry.config_settings),
    }
    match entry.direct:
        case None:
            return result | {"link": None}
        case ArchiveUrl(url=url, hashes=hashes, subdirectory=subdirectory):
            return result | {
                "link": complete(url),
                "revision": None,
                "subdirectory": subdirectory,
                "url hash": hashes[0] if hashes else None,
            }
        case VcsReference(url=url, revision=revision, subdirectory=subdirectory):
            return result | {
                "link": complete(url),
                "revision": revision,
                "subdirectory": subdirectory,
                "url hash": None,
            }
        case LocalPath(path=path):
            link = path_to_url(os.path.normpath(os.path.abspath(path)))  # noqa: PTH100 - pip's own words
            return result | {"link": link, "revision": None, "subdirectory": None, "url hash": None}


def test_there_are_at_least_150_lines_that_pip_accepts() -> None:
    assert sum(case.mark in "=!" for case in CASES) >= 150


@pytest.mark.parametrize("case", [case for case in CASES if case.mark == "="], ids=lambda case: repr(case.text))
def test_a_line_means_what_it_means_to_pip(case: Case) -> None:
    theirs, ours = ask_pip(case.text), ask_us(case.text)
    expected = [of_pip_requirement(one) for one in theirs.requirements]
    found = [of_our_entry(entry) for entry in ours.entries]
    for one, other in zip(expected, found, strict=True):
        # pip learns the name of an sdist from its metadata, we from its file name already.
        if one["name"] is None:
            other["name"] = None
    assert found == expected
    assert_same_options(theirs, ours)


def assert_same_options(theirs: PipAnswer, ours: RequirementList) -> None:
    scope = ours.layers[0].scope
    default = [DEFAULT] if scope.default_index else []
    search = theirs.finder.search_scope
    assert [*default, *map(complete, scope.indexes), *map(complete, scope.extra_indexes)] == search.index_urls
    assert [complete(url) for url in scope.find_links] == search.find_links
    control = theirs.finder.format_control
    assert set(ours.format_control.no_binary) == control.no_binary
    assert set(ours.format_control.only_binary) == control.only_binary
    release_control = theirs.finder.release_control
    assert ours.pre == (release_control is not None and ":all:" in release_control.all_releases)
    assert ours.prefer_binary == theirs.finder.prefer_binary
    assert list(ours.trusted_hosts) == theirs.trusted_hosts
    assert ours.require_hashes == theirs.require_hashes


@pytest.mark.parametrize("case", [case for case in CASES if case.mark == "!"], ids=lambda case: repr(case.text))
def test_a_line_that_pip_accepts_is_refused_on_purpose(case: Case) -> None:
    ask_pip(case.text)
    with pytest.raises(ListError):
        ask_us(case.text)


@pytest.mark.parametrize("case", [case for case in CASES if case.mark == "x"], ids=lambda case: repr(case.text))
def test_a_line_that_pip_refuses_is_refused(case: Case) -> None:
    with pytest.raises((PipError, InvalidRequirement)):
        ask_pip(case.text)
    with pytest.raises(ListError):
        ask_us(case.text)


@pytest.mark.parametrize("case", [case for case in CASES if case.mark == "+"], ids=lambda case: repr(case.text))
def test_a_line_that_pip_refuses_is_accepted_on_purpose(case: Case) -> None:
    with pytest.raises(PipError):
        ask_pip(case.text)
    assert len(ask_us(case.text).entries) == 1


def test_every_reason_for_a_refusal_is_documented() -> None:
    page = (HERE.parents[1] / "docs" / "compatibility.md").read_text(encoding="utf-8")
    reasons = {case.reason for case in CASES if case.mark == "!"}
    assert [reason for reason in sorted(reasons) if f"**{reason}**" not in page] == []


def test_specifiers_are_rendered_in_one_order() -> None:
    entries = ask_us("six>=1,<2,!=1.5\n").entries + ask_us("six!=1.5 , <2,>=1").entries
    assert [entry.text for entry in entries] == ["six!=1.5,<2,>=1"] * 2
