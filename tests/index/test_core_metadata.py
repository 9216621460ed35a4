from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.core_metadata import (
    CoreMetadata,
    Dependencies,
    build_dependencies,
    find_licence,
    is_static,
    parse_core_metadata,
)
from tests.foreign_words import find_words
from tests.index.targets import LINUX_311

HEAD = b"Metadata-Version: 2.1\nName: Alpha.Project\nVersion: 1.0.0\n"


def dependencies(*lines: str, provides: tuple[str, ...] = ()) -> Dependencies:
    metadata = CoreMetadata(
        name=NormalizedName("alpha"),
        version=Version("1"),
        metadata_version="2.1",
        requires_dist=lines,
        provides_extra=tuple(NormalizedName(extra) for extra in provides),
    )
    return build_dependencies(metadata, environment=LINUX_311.environment)


def test_the_fields_of_a_wheel_are_read() -> None:
    data = HEAD + (
        b"Summary: something\nRequires-Dist: beta>=1\nRequires-Dist: gamma ; extra == 'Fast_Path'\n"
        b"Requires-Python: >=3.8\nProvides-Extra: Fast_Path\nDynamic: License-File\n\nRequires-Dist: not-this\n"
    )
    assert parse_core_metadata(data) == CoreMetadata(
        name=NormalizedName("alpha-project"),
        version=Version("1.0.0"),
        metadata_version="2.1",
        requires_dist=("beta>=1", "gamma ; extra == 'Fast_Path'"),
        requires_python=">=3.8",
        provides_extra=(NormalizedName("fast-path"),),
        dynamic=frozenset({"license-file"}),
    )


@pytest.mark.parametrize(
    ("data", "requires_dist"),
    [
        (HEAD.replace(b"\n", b"\r\n") + b"Requires-Dist: beta\r\n\r\nRequires-Dist: no\r\n", ("beta",)),
        (b"\xef\xbb\xbf\n" + HEAD + b"requires-dist:beta", ("beta",)),
        (HEAD + b"Requires-Dist: beta\n  >=1,\n\t<2\n", ("beta >=1, <2",)),
        (HEAD + b"Description: one\n        Requires-Dist: no\n        two\nRequires-Dist: beta\n", ("beta",)),
        (HEAD + b"Author: \xff\xfe\nRequires-Dist: beta\n", ("beta",)),
        (HEAD + b"Requires-Dist: beta (>=1.0)\n", ("beta (>=1.0)",)),
        (HEAD + b"Requires-Dist: beta\nthis is no header\nRequires-Dist: no\n", ("beta",)),
    ],
)
def test_what_old_uploads_get_wrong_is_passed_over(data: bytes, requires_dist: tuple[str, ...]) -> None:
    metadata = parse_core_metadata(data)
    assert (metadata.name, metadata.version) == ("alpha-project", Version("1.0.0"))
    assert metadata.requires_dist == requires_dist


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the metadata has no `Name`"),
        (b"Name: alpha\n\nVersion: 1\n", "the metadata has no `Version`"),
        (b"Name: alpha\nVersion: one\n", "the metadata's version `one` is not one of PEP 440"),
    ],
)
def test_metadata_without_name_or_version_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_core_metadata(data)
    assert str(caught.value) == message


LINES = st.sampled_from(
    [
        "Requires-Dist: a",
        "Requires-Dist: b ; extra == 'x'",
        "Classifier: C",
        " folded",
        "\tfolded",
        "",
        "Requires-Python: >=3",
        "no header",
    ]
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_headers_end_where_the_email_package_ends_them(lines: list[str], newline: str) -> None:
    data = newline.join(["Metadata-Version: 2.1", "Name: alpha", "Version: 1", "Summary: s", *lines]).encode()
    message = message_from_bytes(data, policy=policy.compat32)
    expected = tuple(" ".join(str(value).split()) for value in message.get_all("Requires-Dist", []))
    assert parse_core_metadata(data).requires_dist == expected


@pytest.mark.parametrize(
    ("version", "dynamic", "static"),
    [
        ("2.1", (), False),
        ("2.2", (), True),
        ("2.10", (), True),
        ("3.0", ("license",), True),
        ("2.2", ("requires-dist",), False),
        ("2.4", ("requires-python",), False),
        ("2", (), False),
    ],
)
def test_an_sdist_is_static_by_the_rules_of_pep_643(version: str, dynamic: tuple[str, ...], static: bool) -> None:
    metadata = CoreMetadata(
        name=NormalizedName("alpha"), version=Version("1"), metadata_version=version, dynamic=frozenset(dynamic)
    )
    assert is_static(metadata) is static


def test_markers_are_decided_and_removed() -> None:
    found = dependencies(
        "Beta_Two (>=1.0)",
        "gamma; sys_platform == 'win32'",
        "delta[B,a]<2,>=1; python_version >= '3.9'",
        "beta-two>=1.0",
    )
    assert found == Dependencies(requires=("beta-two>=1.0", "delta[a,b]<2,>=1"))


def test_extras_are_evaluated_one_by_one() -> None:
    found = dependencies(
        "a; extra == 'x'",
        "b; extra == 'y' and sys_platform == 'win32'",
        "c; extra == 'x' or extra == 'Y_z'",
        "d; python_version < '3'",
        provides=("empty", "x"),
    )
    assert found.requires == ()
    assert found.extras == {"empty": (), "x": ("a", "c"), "y": (), "y-z": ("c",)}


def test_what_holds_without_an_extra_is_not_repeated_in_extras() -> None:
    found = dependencies("a", "a; extra == 'x'", "b; extra != 'y'", "c; extra == 'x'")
    assert found == Dependencies(requires=("a", "b"), extras={NormalizedName("x"): ("c",), NormalizedName("y"): ()})


def test_a_marker_that_tests_extras_in_another_way_is_tried_with_each() -> None:
    found = dependencies("a; 'fast' in extra", provides=("fast-io", "slow"))
    assert found == Dependencies(extras={NormalizedName("fast-io"): ("a",), NormalizedName("slow"): ()})


def test_a_url_requirement_keeps_its_url() -> None:
    assert dependencies("a @ https://files.example/a-1.0.tar.gz ; python_version > '3'").requires == (
        "a @ https://files.example/a-1.0.tar.gz",
    )


def test_a_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError) as caught:
        dependencies("a", "b>=1.0.*")
    reason = find_words(lambda: Requirement("b>=1.0.*"))
    assert str(caught.value) == f"`Requires-Dist: b>=1.0.*` cannot be read: {reason}"


def test_a_line_is_decided_once_for_an_environment() -> None:
    first = dependencies("a>=1; sys_platform == 'linux'")
    second = dependencies("a>=1; sys_platform == 'linux'")
    assert first.requires[0] is second.requires[0]
    assert (
        build_dependencies(
            CoreMetadata(
                name=NormalizedName("alpha"),
                version=Version("1"),
                metadata_version="2.1",
                requires_dist=("a>=1; sys_platform == 'linux'",),
            ),
            environment={**LINUX_311.environment, "sys_platform": "darwin"},
        )
        == Dependencies()
    )


@pytest.mark.parametrize(
    ("line", "public"),
    [
        ("b @ https://user:s3cret@files.example/b-1.0.zip", "b @ https://files.example/b-1.0.zip"),
        ("b @ git+https://s3cret@git.example/b ; extra == 'x'", "b @ git+https://git.example/b ; extra == 'x'"),
        ("b@https://files.example/b-1.0.zip?token=s3cret#sha256=00", "b@https://files.example/b-1.0.zip#sha256=00"),
        ("b (https://files.example/b?X-Amz-Signature=s3cret)", "b (https://files.example/b"),
        ("b>=2; python_version < '4'", "b>=2; python_version < '4'"),
    ],
)
def test_a_requirement_keeps_no_credential(line: str, public: str) -> None:
    text = f"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nRequires-Dist: {line}\n"
    assert parse_core_metadata(text.encode()).requires_dist == (public,)


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ("License: BSD\nLicense-Expression: BSD-3-Clause\n", "BSD-3-Clause"),
        ("License: Apache 2.0\nClassifier: License :: OSI Approved :: Apache Software License\n", "Apache 2.0"),
        ("license:MIT License \r\nSummary: one\r\n", "MIT License"),
        ("License: Copyright (c) us\n        All rights\nClassifier: License :: OSI Approved :: ISC\n", "ISC"),
        ("License: Copyright (c) us\n\tAll rights\n", None),
        (f"License: {'Permission ' * 10}\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: UNKNOWN\nClassifier: Topic :: Software\nClassifier: License :: Public Domain\n", "Public Domain"),
        (
            "Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: BSD License\n"
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: BSD License\n",
            "BSD License, MIT License",
        ),
        ("Classifier: License\nLicense:\n", None),
        ("License-File: LICENSE\n\nLicense: of the description\n", None),
    ],
)
def test_licence_is_the_expression_the_name_or_the_classifiers(fields: str, licence: str | None) -> None:
    assert find_licence(HEAD + fields.encode()) == licence
